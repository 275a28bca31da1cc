/* What another server serves, over real TLS: found available, asked, and given up at any await. */
#include "api_rig.h"
#include "loop_torture.h"
#include "webhook_rig.h"

#include "apiserver/server.h"

#include <kube/api_codec.h>

#define SERVED "/apis/ext.example.com/v1"

struct remote_rig {
	struct api_rig api;
	struct webhook_rig rig;
	struct arena arena;
	struct str user, path;
};

static void answer(struct webhook_asked *a, void *ctx)
{
	struct remote_rig *t = ctx;
	const struct http_request *q = &a->x->request;

	t->path = arena_str(&t->arena, q->target);
	t->user = arena_str(&t->arena, http_headers_get(&q->headers, STR("X-Remote-User")));
	a->answer = str_eq_text(q->target, SERVED)
			    ? STR("{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\","
				  "\"groupVersion\":\"ext.example.com/v1\",\"resources\":[{"
				  "\"name\":\"things\",\"singularName\":\"thing\",\"namespaced\":"
				  "true,\"kind\":\"Thing\",\"verbs\":[\"list\"]}]}")
			    : STR("{\"kind\":\"ThingList\",\"items\":[]}");
}

static void create(struct remote_rig *t, const char *group, const char *plural,
	const char *namespace, const char *json)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(str_from(group), STR("v1"), str_from(plural)), str_from(namespace),
		STR(""));
	q.body = api_rig_json(&q.arena, json);
	EXPECT_INT(api_rig_send(&t->api, &q), 0);
	client_request_done(&q);
}

static struct str reason(struct remote_rig *t)
{
	struct client_request q;
	struct str text;

	client_request_init(&q, CLIENT_GET,
		resource_find(STR("apiregistration.k8s.io"), STR("v1"), STR("apiservices")),
		STR(""), STR("v1.ext.example.com"));
	api_rig_send(&t->api, &q);
	text = arena_str(&t->arena,
		tree_str(json_first(json_path(q.object, "status.conditions")), "reason"));
	client_request_done(&q);
	return text;
}

/* The code; the answer's text in the arena. */
static int get(struct remote_rig *t, const char *path, struct str *text)
{
	struct client_request q;

	client_request_init(&q, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	q.path = str_from(path);
	int code = api_rig_send(&t->api, &q);
	*text = arena_str(&t->arena, q.text);
	client_request_done(&q);
	return code;
}

static bool rig_open(struct remote_rig *t)
{
	*t = (struct remote_rig){0};
	arena_init(&t->arena);
	if (!api_rig_open(&t->api, API_RIG_LOCAL))
		return false;
	webhook_rig_open(&t->rig, t->api.t.env, t->api.t.root, "ext.default.svc", answer, t);
	create(t, "apiregistration.k8s.io", "apiservices", "",
		arena_print(&t->arena,
			"{\"metadata\":{\"name\":\"v1.ext.example.com\"},\"spec\":{\"group\":"
			"\"ext.example.com\",\"version\":\"v1\",\"groupPriorityMinimum\":1000,"
			"\"versionPriority\":15,\"insecureSkipTLSVerify\":true,\"service\":{"
			"\"namespace\":\"default\",\"name\":\"ext\",\"port\":%u}}}",
			t->rig.at.port)
			.at);
	return true;
}

static void rig_close(struct remote_rig *t)
{
	webhook_rig_end(&t->rig, &t->api.t);
	api_rig_close(&t->api);
	arena_done(&t->arena);
}

static void make_available(struct remote_rig *t)
{
	create(t, "", "services", "default",
		"{\"metadata\":{\"name\":\"ext\"},\"spec\":{\"type\":\"ExternalName\","
		"\"externalName\":\"localhost\"}}");
	API_RIG_AWAIT(&t->api, str_eq_text(reason(t), "Passed"));
}

TEST(a_group_is_served_by_another_server)
{
	struct remote_rig t;
	struct str text;

	if (!rig_open(&t))
		return;
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "ServiceNotFound"));
	EXPECT(get(&t, SERVED "/things", &text) != 0);
	EXPECT_STR(text, "service unavailable\n");
	make_available(&t);
	EXPECT_INT(get(&t, SERVED "/things?limit=5", &text), 0);
	EXPECT(str_find(text, STR("ThingList")) >= 0);
	EXPECT_STR(t.path, SERVED "/things?limit=5");
	EXPECT_STR(t.user, "admin");
	EXPECT_INT(get(&t, "/apis", &text), 0);
	EXPECT(str_find(text, STR("ext.example.com/v1")) >= 0);
	EXPECT_INT(get(&t, "/apis/ext.example.com", &text), 0);
	EXPECT(str_find(text, STR("preferredVersion")) >= 0);
	rig_close(&t);
}

static void ask(void *ctx)
{
	struct str text;

	get(ctx, SERVED "/things", &text);
}

static void is_answered(void *ctx)
{
	struct remote_rig *t = ctx;
	struct str text;

	API_RIG_AWAIT(&t->api, get(t, SERVED "/things", &text) == 0);
}

TEST(a_request_to_another_server_may_fail_anywhere)
{
	struct remote_rig t;

	if (!rig_open(&t))
		return;
	make_available(&t);
	loop_torture_on(t.api.t.loop, ask, is_answered, &t);
	rig_close(&t);
}
