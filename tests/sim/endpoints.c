/* What controllers make of services and of Endpoints that people write, on virtual time. */
#include "cluster_world.h"

#include <stdlib.h>

#define ENDPOINTS                                                                                  \
	"{\"metadata\":{\"name\":\"web\"},\"subsets\":[{\"addresses\":[{\"ip\":\"192.0.2.7\"}],"   \
	"\"ports\":[{\"port\":8080}]}]}"

static void pass(struct cluster_world *w, int64_t ns)
{
	for (int64_t until = loop_in(w->api.loop, ns); loop_now(w->api.loop) < until;) {
		api_world_pass(&w->api, 200 * MSEC);
		members_care(w);
	}
}

/* The slices of the service `web`, as "manager: addresses…; ", in order of their managers. */
static const char *slices(struct cluster_world *w, struct arena *a)
{
	const struct resource *r =
		resource_find(STR("discovery.k8s.io"), STR("v1"), STR("endpointslices"));
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	static const char *const managers[] = {
		"endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"};

	for (size_t m = 0; m < ARRAY_LEN(managers); m++)
		for (struct store_iter it = store_seek(
			     server_bucket(w->api.server, r), STR("default"), STR(""));
			store_next(&it);) {
			const struct cJSON *slice = object_tree(a, it.object);
			const struct cJSON *labels = json_path(slice, "metadata.labels");

			if (!str_eq_text(
				    json_str(json_get(labels, STR("kubernetes.io/service-name"))),
				    "web") ||
				!str_eq_text(json_str(json_get(labels,
						     STR("endpointslice.kubernetes.io/managed-"
							 "by"))),
					managers[m]))
				continue;
			buf_print(&text, "%s:", m ? "mirrored" : "own");
			json_each (e, json_get(slice, STR("endpoints")))
				buf_print(&text, " %.*s", STRF(tree_str(e, "addresses.0")));
			buf_add_text(&text, "; ");
		}
	return arena_text(a, buf_text(&text));
}

static void mirrors(struct cluster_world *w, struct arena *a)
{
	pass(w, 30 * SEC); /* somebody leads */
	cluster_ask(w, CLIENT_CREATE, "services", "", "",
		"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
	cluster_ask(w, CLIENT_CREATE, "endpoints", "", "", ENDPOINTS);
	pass(w, 12 * SEC);
	EXPECT_STR(str_from(slices(w, a)), "mirrored: 192.0.2.7; ");
	/* It selects pods from now on: what somebody has written counts no more. */
	cluster_ask(w, CLIENT_PATCH_MERGE, "services", "web", "",
		"{\"spec\":{\"selector\":{\"app\":\"web\"}}}");
	pass(w, 12 * SEC);
	EXPECT_STR(str_from(slices(w, a)), "own:; ");
}

TEST(what_was_mirrored_goes_when_the_service_selects_pods)
{
	static struct cluster_world w;
	struct arena a;

	arena_init(&a);
	if (cluster_open(&w, 3))
		mirrors(&w, &a);
	if (test_failed())
		cluster_print_history(&w);
	cluster_close(&w);
	arena_done(&a);
}
