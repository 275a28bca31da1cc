/* Patches of one object at the same time: none of them is tied to what the other one changes. */
#include "api_rig.h"

#include <kube/api_codec.h>

static const struct resource *deployments(void)
{
	return resource_find(STR("apps"), STR("v1"), STR("deployments"));
}

static void make_deployment(struct api_rig *r)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE, deployments(), STR("default"), STR(""));
	q.body = api_rig_json(&q.arena,
		"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{"
		"\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
	EXPECT_INT(api_rig_send(r, &q), 0);
	client_request_done(&q);
}

static void begin(struct api_rig *r, struct told *told, struct client_request *q,
	enum client_verb verb, const char *subresource, struct str body)
{
	client_request_init(q, verb, deployments(), STR("default"), STR("d"));
	q->subresource = str_from(subresource);
	q->body = api_rig_json(&q->arena, arena_print(&q->arena, "%.*s", STRF(body)).at);
	q->field_manager = STR("rig");
	q->force = verb == CLIENT_APPLY;
	client_send(r->client, told_op(told, r->t.root, loop_in(r->t.loop, 10 * SEC)), q);
}

static int end(struct api_rig *r, struct told *told, struct client_request *q)
{
	loop_test_run_until(&r->t, &told->done);
	int code = told->err.code;

	client_request_done(q);
	told_done(told);
	return code;
}

static int64_t replicas_of(struct api_rig *r)
{
	struct client_request q;

	client_request_init(&q, CLIENT_GET, deployments(), STR("default"), STR("d"));
	EXPECT_INT(api_rig_send(r, &q), 0);
	int64_t replicas = tree_int(q.object, "spec.replicas", -1);
	client_request_done(&q);
	return replicas;
}

/* The status first: what comes behind it meets a change that is still on its way to the disk. */
static void collide(enum client_verb verb, const char *subresource, const char *body)
{
	struct api_rig r;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	make_deployment(&r);
	for (int i = 2; i < 6; i++) {
		struct client_request status, q;
		struct told told[2] = {0};

		begin(&r, &told[0], &status, CLIENT_PATCH_MERGE, "status",
			arena_print(&r.arena, "{\"status\":{\"observedGeneration\":%d}}", i));
		begin(&r, &told[1], &q, verb, subresource, arena_print(&r.arena, body, i));
		EXPECT_INT(end(&r, &told[0], &status), 0);
		EXPECT_INT(end(&r, &told[1], &q), 0);
		EXPECT_INT(replicas_of(&r), i);
	}
	api_rig_close(&r);
}

TEST(a_patch_of_an_object_that_changes_is_begun_again)
{
	collide(CLIENT_PATCH_MERGE, "", "{\"spec\":{\"replicas\":%d}}");
	collide(CLIENT_PATCH_STRATEGIC, "", "{\"spec\":{\"replicas\":%d}}");
}

TEST(a_patch_of_the_scale_of_an_object_that_changes_is_begun_again)
{
	collide(CLIENT_PATCH_MERGE, "scale", "{\"spec\":{\"replicas\":%d}}");
	collide(CLIENT_APPLY, "scale",
		"{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/"
		"v1\",\"metadata\":{\"name\":\"d\"},"
		"\"spec\":{\"replicas\":%d}}");
}

/* Whoever names a version means it. */
TEST(a_patch_that_names_an_older_version_is_refused)
{
	struct api_rig r;
	struct told told = {0};
	struct client_request q;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	make_deployment(&r);
	begin(&r, &told, &q, CLIENT_PATCH_MERGE, "scale",
		STR("{\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{\"replicas\":3}}"));
	EXPECT_INT(end(&r, &told, &q), ERR_CONFLICT);
	api_rig_close(&r);
}
