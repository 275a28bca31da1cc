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
	bool refuses, hangs;
};

static void answer(struct webhook_asked *a, void *ctx)
{
	struct remote_rig *t = ctx;
	const struct http_request *q = &a->x->request;

	if (t->refuses)
		a->status = 500;
	if (t->hangs && str_eq_text(q->target, SERVED))
		a->delay = INT64_MAX;
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

/* Of a service's last condition; empty: there is none. */
static struct str said_of(struct remote_rig *t, const char *name, const char *member)
{
	const struct cJSON *last = NULL;
	struct client_request q;
	struct str text;

	client_request_init(&q, CLIENT_GET,
		resource_find(STR("apiregistration.k8s.io"), STR("v1"), STR("apiservices")),
		STR(""), str_from(name));
	api_rig_send(&t->api, &q);
	json_each (condition, json_path(q.object, "status.conditions"))
		last = condition;
	text = arena_str(&t->arena, tree_str(last, member));
	client_request_done(&q);
	return text;
}

static struct str said(struct remote_rig *t, const char *member)
{
	return said_of(t, "v1.ext.example.com", member);
}

static struct str reason(struct remote_rig *t)
{
	return said(t, "reason");
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

static bool rig_open(struct remote_rig *t, const char *flags)
{
	*t = (struct remote_rig){0};
	arena_init(&t->arena);
	if (!api_rig_open_with(&t->api, API_RIG_LOCAL, flags))
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

	if (!rig_open(&t, NULL))
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

static void send(struct remote_rig *t, enum client_verb verb, const char *group, const char *plural,
	const char *namespace, const char *name, const char *subresource, const char *json)
{
	struct client_request q;

	client_request_init(&q, verb, resource_find(str_from(group), STR("v1"), str_from(plural)),
		str_from(namespace), str_from(name));
	q.subresource = str_from(subresource);
	q.body = json ? api_rig_json(&q.arena, json) : NULL;
	EXPECT_INT(api_rig_send(&t->api, &q), 0);
	client_request_done(&q);
}

/* Nobody selects anything, so nobody writes Endpoints: what counts is the slice. */
TEST(a_service_has_endpoints_when_its_slices_say_so)
{
	struct remote_rig t;

	if (!rig_open(&t, "--enable-aggregator-routing=true"))
		return;
	create(&t, "", "services", "default",
		arena_print(&t.arena,
			"{\"metadata\":{\"name\":\"ext\"},\"spec\":{\"ports\":[{\"name\":\"https\","
			"\"port\":%u}]}}",
			t.rig.at.port)
			.at);
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "EndpointsNotFound"));
	EXPECT_STR(
		said(&t, "message"), "cannot find endpointslices for service/ext in \"default\"");
	create(&t, "discovery.k8s.io", "endpointslices", "default",
		"{\"metadata\":{\"name\":\"mine\",\"labels\":{\"kubernetes.io/"
		"service-name\":\"ext\"}},"
		"\"addressType\":\"FQDN\",\"endpoints\":[{\"addresses\":[\"a.example\"],"
		"\"conditions\":{\"ready\":false}}],\"ports\":[{\"name\":\"https\",\"port\":443}]"
		"}");
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "MissingEndpoints"));
	EXPECT_STR(said(&t, "message"),
		"endpointslices for service/ext in \"default\" have no addresses with port name "
		"\"https\"");
	send(&t, CLIENT_PATCH_MERGE, "discovery.k8s.io", "endpointslices", "default", "mine", "",
		"{\"endpoints\":[{\"addresses\":[\"a.example\"]}]}");
	/* it is asked, but a name is no address to route to */
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "FailedDiscoveryCheck"));
	EXPECT_STR(said(&t, "message"), "no endpoints available for service \"ext\"");
	send(&t, CLIENT_DELETE, "discovery.k8s.io", "endpointslices", "default", "mine", "", NULL);
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "EndpointsNotFound"));
	rig_close(&t);
}

TEST(conditions_of_others_stay)
{
	struct remote_rig t;

	if (!rig_open(&t, NULL))
		return;
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "ServiceNotFound"));
	send(&t, CLIENT_PATCH_JSON, "apiregistration.k8s.io", "apiservices", "",
		"v1.ext.example.com", "status",
		"[{\"op\":\"add\",\"path\":\"/status/conditions/0\",\"value\":{\"type\":\"Looked\","
		"\"status\":\"True\"}}]");
	create(&t, "", "services", "default",
		"{\"metadata\":{\"name\":\"ext\"},\"spec\":{\"ports\":[{\"port\":1}]}}");
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "ServicePortError"));
	struct str all;
	get(&t, "/apis/apiregistration.k8s.io/v1/apiservices/v1.ext.example.com", &all);
	EXPECT(str_find(all, STR("\"type\":\"Looked\"")) >= 0);
	rig_close(&t);
}

TEST(who_hangs_holds_up_nobody_else)
{
	struct remote_rig t;

	if (!rig_open(&t, NULL))
		return;
	create(&t, "apiregistration.k8s.io", "apiservices", "",
		arena_print(&t.arena,
			"{\"metadata\":{\"name\":\"v1.b.example.com\"},\"spec\":{\"group\":"
			"\"b.example.com\",\"version\":\"v1\",\"groupPriorityMinimum\":1000,"
			"\"versionPriority\":15,\"insecureSkipTLSVerify\":true,\"service\":{"
			"\"namespace\":\"default\",\"name\":\"ext\",\"port\":%u}}}",
			t.rig.at.port)
			.at);
	API_RIG_AWAIT(
		&t.api, str_eq_text(said_of(&t, "v1.b.example.com", "reason"), "ServiceNotFound"));
	t.hangs = true;
	create(&t, "", "services", "default",
		"{\"metadata\":{\"name\":\"ext\"},\"spec\":{\"type\":\"ExternalName\","
		"\"externalName\":\"localhost\"}}");
	API_RIG_AWAIT(&t.api, str_eq_text(said_of(&t, "v1.b.example.com", "reason"), "Passed"));
	EXPECT_STR(reason(&t), "ServiceNotFound"); /* it is still asked */
	rig_close(&t);
}

/* Who makes a service asks it at once, and who unmakes it, too. */
TEST(a_service_is_there_with_the_answer_that_it_was_made)
{
	struct remote_rig t;
	struct str text;

	if (!rig_open(&t, NULL))
		return;
	get(&t, SERVED "/things", &text);
	EXPECT_STR(text, "service unavailable\n");
	send(&t, CLIENT_DELETE, "apiregistration.k8s.io", "apiservices", "", "v1.ext.example.com",
		"", NULL);
	get(&t, SERVED "/things", &text);
	EXPECT_STR(text, "404 page not found\n");
	rig_close(&t);
}

TEST(a_status_that_somebody_writes_is_soon_put_right)
{
	struct remote_rig t;
	struct str text;

	if (!rig_open(&t, NULL))
		return;
	make_available(&t);
	send(&t, CLIENT_PATCH_MERGE, "apiregistration.k8s.io", "apiservices", "",
		"v1.ext.example.com", "status",
		"{\"status\":{\"conditions\":[{\"type\":\"Looked\",\"status\":\"True\"}]}}");
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "Passed"));
	EXPECT_INT(get(&t, SERVED "/things", &text), 0);
	rig_close(&t);
}

/* ---- services of this server's own ---- */

static bool is_as_made(struct remote_rig *t)
{
	struct client_request q;
	bool as_made;

	client_request_init(&q, CLIENT_GET,
		resource_find(STR("apiregistration.k8s.io"), STR("v1"), STR("apiservices")),
		STR(""), STR("v1.e.io"));
	api_rig_send(&t->api, &q);
	const struct cJSON *labels = json_path(q.object, "metadata.labels");
	const struct cJSON *condition = json_first(json_path(q.object, "status.conditions"));
	as_made = str_eq_text(json_str(json_get(
				      labels, STR("kube-aggregator.kubernetes.io/automanaged"))),
			  "true") &&
		  tree_int(q.object, "spec.groupPriorityMinimum", 0) == 1000 &&
		  tree_int(q.object, "spec.versionPriority", 0) == 100 &&
		  str_eq_text(tree_str(condition, "reason"), "Local");
	client_request_done(&q);
	return as_made;
}

TEST(definitions_have_services)
{
	struct remote_rig t;

	if (!rig_open(&t, NULL))
		return;
	create(&t, "apiextensions.k8s.io", "customresourcedefinitions", "",
		"{\"metadata\":{\"name\":\"things.e.io\"},\"spec\":{\"group\":\"e.io\",\"scope\":"
		"\"Cluster\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[{"
		"\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
		"\"type\":\"object\"}}}]}}");
	API_RIG_AWAIT(&t.api, is_as_made(&t));
	send(&t, CLIENT_PATCH_MERGE, "apiregistration.k8s.io", "apiservices", "", "v1.e.io", "",
		"{\"spec\":{\"versionPriority\":7}}");
	API_RIG_AWAIT(&t.api, is_as_made(&t));
	send(&t, CLIENT_DELETE, "apiregistration.k8s.io", "apiservices", "", "v1.e.io", "", NULL);
	API_RIG_AWAIT(&t.api, is_as_made(&t));
	send(&t, CLIENT_DELETE, "apiextensions.k8s.io", "customresourcedefinitions", "",
		"things.e.io", "", NULL);
	API_RIG_AWAIT(&t.api, !said_of(&t, "v1.e.io", "reason").len);
	rig_close(&t);
}

TEST(who_is_served_here_is_available)
{
	struct remote_rig t;

	if (!rig_open(&t, NULL))
		return;
	send(&t, CLIENT_PATCH_MERGE, "apiregistration.k8s.io", "apiservices", "", "v1.apps",
		"status",
		"{\"status\":{\"conditions\":[{\"type\":\"Looked\",\"status\":\"True\"}]}}");
	API_RIG_AWAIT(&t.api, str_eq_text(said_of(&t, "v1.apps", "reason"), "Local"));
	struct str all;
	get(&t, "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps", &all);
	EXPECT(str_find(all, STR("\"type\":\"Looked\"")) >= 0);
	rig_close(&t);
}

/* In the words of Go's client, by the address that was called. */
TEST(who_does_not_answer_is_told_by_his_address)
{
	struct remote_rig t;

	if (!rig_open(&t, NULL))
		return;
	t.refuses = true;
	create(&t, "", "services", "default",
		"{\"metadata\":{\"name\":\"ext\"},\"spec\":{\"type\":\"ExternalName\","
		"\"externalName\":\"localhost\"}}");
	API_RIG_AWAIT(&t.api, str_eq_text(reason(&t), "FailedDiscoveryCheck"));
	struct str url = arena_print(&t.arena, "https://localhost:%u" SERVED, t.rig.at.port);
	EXPECT(str_eq(said(&t, "message"),
		arena_print(&t.arena,
			"failing or missing response from %.*s: bad status from %.*s: 500",
			STRF(url), STRF(url))));
	EXPECT_INT(t.rig.asked, 5);
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

	if (!rig_open(&t, NULL))
		return;
	make_available(&t);
	loop_torture_on(t.api.t.loop, ask, is_answered, &t);
	rig_close(&t);
}
