/* Endpoints that somebody writes for a service without a selector, mirrored as slices. */
#include "endpointslices.h"

#define MANAGER    "endpointslicemirroring-controller.k8s.io"
#define SKIP_LABEL "endpointslice.kubernetes.io/skip-mirror"
#define LEADER     "control-plane.alpha.kubernetes.io/leader"

static bool is_mirrored(const struct cJSON *endpoints)
{
	const struct cJSON *labels = json_path(endpoints, "metadata.labels");

	return endpoints && !str_eq(json_str(json_get(labels, STR(SKIP_LABEL))), STR("true")) &&
	       !json_get(json_path(endpoints, "metadata.annotations"), STR(LEADER));
}

/* Whose pods are found: what people write beside them does not count. */
static bool selects(struct arena *a, const struct object *service)
{
	return json_is(json_path(object_lean_tree(a, service), "spec.selector"), JSON_OBJECT);
}

static void tell(struct plan *p, const struct cJSON *endpoints, const struct mirror_notes *notes)
{
	if (notes->skipped)
		plan_event(p, endpoints, "Warning", "InvalidIPAddress",
			arena_print(p->arena,
				"Skipped %zu invalid IP addresses when mirroring to EndpointSlices",
				notes->skipped));
	if (notes->too_many)
		plan_event(p, endpoints, "Warning", "TooManyAddressesToMirror",
			arena_print(p->arena,
				"A max of %d addresses can be mirrored to EndpointSlices per "
				"Endpoints subset. %zu addresses were skipped",
				MIRROR_MAX_ADDRESSES, notes->skipped + notes->too_many));
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct object *o = informer_get_key(usual_informer(u, "endpoints"), key);
	struct object *service = informer_get_key(usual_informer(u, "services"), key);
	struct cJSON *endpoints = o ? object_lean_tree(a, o) : NULL;
	struct trees existing = {0};
	struct slices_change change = {0};
	struct mirror_notes notes;

	(void)now;
	slices_find(u, a, key, MANAGER, &existing);
	if (!service || !is_mirrored(endpoints) || selects(a, service)) {
		change.remove = existing;
	} else {
		slices_mirror(a, endpoints, &existing, &change, &notes);
		tell(p, endpoints, &notes);
	}
	slices_write(p, usual_resource(u, "endpointslices"), &change);
}

static void changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

static void slice_changed(struct usual *u, struct object *old, struct object *fresh)
{
	slices_enqueue_service(u, old, fresh, MANAGER);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "services", changed},
		{"", "v1", "endpoints", changed},
		{"discovery.k8s.io", "v1", "endpointslices", slice_changed}, {0}};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "endpoint-slice-mirroring-controller",
			.sources = sources,
			.reconcile = reconcile});
}

const struct controller_kind endpointslicemirroring_kind = {
	.name = "endpointslice-mirroring-controller",
	.aliases = "endpointslicemirroring",
	.start = start};
