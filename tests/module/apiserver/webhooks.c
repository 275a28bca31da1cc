/* Admission webhooks over real TLS: who is asked, about what, and what their answers do. */
#include "api_rig.h"
#include "webhook_rig.h"

#include "apiserver/server.h"

#include <kube/api_codec.h>
#include <kube/codec.h>

struct hooks {
	struct api_rig api;
	struct webhook_rig rig;
	struct arena arena;
	struct str ca; /* base64 */
	/* the answer: what stands behind "allowed" (no name: for all), by path */
	struct {
		const char *path, *answer; /* NULL: raw below */
		const char *raw;
		int status;
		int64_t delay;
	} answers[8];
	size_t answer_count;
	/* what was asked */
	struct cJSON *last; /* the request */
	struct str paths[64];
	size_t asked;
};

static const char *answer_for(struct hooks *h, struct str path, struct webhook_asked *a)
{
	for (size_t i = 0; i < h->answer_count; i++) {
		if (!str_eq_text(path, h->answers[i].path))
			continue;
		a->delay = h->answers[i].delay;
		a->status = h->answers[i].status ? h->answers[i].status : 200;
		if (h->answers[i].raw)
			a->answer = str_from(h->answers[i].raw);
		return h->answers[i].answer;
	}
	return "\"allowed\":true";
}

static void answer(struct webhook_asked *a, void *ctx)
{
	struct hooks *h = ctx;
	struct cJSON *review = NULL;
	struct err err = {0};
	struct str path, query;
	const char *text;

	EXPECT_OK(
		json_parse(&h->arena, arena_str(&h->arena, buf_str(&a->body)), NULL, &review, &err),
		&err);
	h->last = json_get(review, STR("request"));
	str_cut(a->x->request.target, '?', &path, &query);
	h->paths[h->asked++ % 64] = arena_str(&h->arena, path);
	text = answer_for(h, path, a);
	if (text)
		a->answer = arena_print(&a->x->arena,
			"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"%.*s\",\"response\":{"
			"\"uid\":\"%.*s\",%s}}",
			STRF(tree_str(review, "apiVersion")), STRF(tree_str(h->last, "uid")), text);
}

static bool hooks_open(struct hooks *h)
{
	_cleanup_(buf_done) struct buf ca = BUF_INIT(MIB);

	*h = (struct hooks){0};
	arena_init(&h->arena);
	if (!api_rig_open(&h->api, API_RIG_LOCAL))
		return false;
	webhook_rig_open(&h->rig, h->api.t.env, h->api.t.root, NULL, answer, h);
	base64_encode(&ca, buf_str(&h->rig.ca));
	h->ca = arena_str(&h->arena, buf_str(&ca));
	return true;
}

static void hooks_close(struct hooks *h)
{
	struct told told = {0};

	webhook_rig_stop(&h->rig, &told);
	loop_test_run_until(&h->api.t, &told.done);
	told_done(&told);
	webhook_rig_close(&h->rig);
	api_rig_close(&h->api);
	arena_done(&h->arena);
}

/* ---- configurations ---- */

/* more: further members of the webhook, "," in front; the rules are of `resources`. */
static struct str hook_text(struct hooks *h, const char *path, const char *operation,
	const char *resources, const char *more)
{
	return arena_print(&h->arena,
		"{\"name\":\"%s.hooks.example.com\",\"sideEffects\":\"None\","
		"\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"%s/%s\","
		"\"caBundle\":\"%.*s\"},\"rules\":[{\"operations\":[\"%s\"],\"apiGroups\":[\"*\"],"
		"\"apiVersions\":[\"*\"],\"resources\":[\"%s\"]}]%s}",
		path, h->rig.url, path, STRF(h->ca), operation, resources, more);
}

static void configure(struct hooks *h, bool mutating, const char *name, struct str webhooks)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(STR("admissionregistration.k8s.io"), STR("v1"),
			mutating ? STR("mutatingwebhookconfigurations")
				 : STR("validatingwebhookconfigurations")),
		STR(""), STR(""));
	q.body = api_rig_json(&q.arena,
		arena_print(&h->arena, "{\"metadata\":{\"name\":\"%s\"},\"webhooks\":[%.*s]}", name,
			STRF(webhooks))
			.at);
	if (!EXPECT_INT(api_rig_send(&h->api, &q), 0) && q.status)
		printf("%.*s\n", STRF(q.status->message));
	client_request_done(&q);
}

static void answers(struct hooks *h, const char *path, const char *text)
{
	h->answers[h->answer_count].path = path;
	h->answers[h->answer_count++].answer = text;
}

static void answers_raw(struct hooks *h, const char *path, const char *raw)
{
	h->answers[h->answer_count].path = path;
	h->answers[h->answer_count++].raw = raw;
}

/* `"allowed":true` with a JSON patch. */
static const char *patching(struct hooks *h, const char *patch)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	base64_encode(&text, str_from(patch));
	return arena_print(&h->arena,
		"\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":\"%.*s\"",
		STRF(buf_str(&text)))
		.at;
}

/* ---- requests ---- */

static struct str ask_as(struct hooks *h, struct client_request *q)
{
	struct str text = STR("");

	if (api_rig_send(&h->api, q))
		text = q->status ? arena_str(&h->arena, q->status->message) : STR("no status");
	return text;
}

/* The refusal's message; empty: done. */
static struct str create(struct hooks *h, const char *json, struct cJSON **made)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, json);
	struct str text = ask_as(h, &q);
	if (made)
		*made = q.object ? json_copy(&h->arena, q.object) : NULL;
	client_request_done(&q);
	return text;
}

#define MAP(name) "{\"metadata\":{\"name\":\"" name "\"}}"

TEST(the_object_is_changed_as_the_hook_says)
{
	struct hooks h;
	struct cJSON *made;

	if (!hooks_open(&h))
		return;
	answers(&h, "/a",
		patching(&h, "[{\"op\":\"add\",\"path\":\"/data\",\"value\":{\"by\":\"hook\"}}]"));
	configure(&h, true, "c", hook_text(&h, "a", "CREATE", "configmaps", ""));
	EXPECT_STR(create(&h, MAP("m"), &made), "");
	EXPECT_STR(tree_str(made, "data.by"), "hook");
	EXPECT_STR(tree_str(h.last, "operation"), "CREATE");
	EXPECT_STR(tree_str(h.last, "kind.kind"), "ConfigMap");
	EXPECT_STR(tree_str(h.last, "resource.resource"), "configmaps");
	EXPECT_STR(tree_str(h.last, "requestResource.version"), "v1");
	EXPECT_STR(tree_str(h.last, "name"), "m");
	EXPECT_STR(tree_str(h.last, "namespace"), "default");
	EXPECT_STR(tree_str(h.last, "userInfo.username"), "admin");
	EXPECT_STR(tree_str(h.last, "object.metadata.name"), "m");
	EXPECT_STR(tree_str(h.last, "object.kind"), "ConfigMap");
	EXPECT_STR(tree_str(h.last, "options.kind"), "CreateOptions");
	EXPECT(json_type(json_get(h.last, STR("oldObject"))) == JSON_NULL);
	EXPECT(!json_bool(json_get(h.last, STR("dryRun"))));
	hooks_close(&h);
}

TEST(a_denial_has_the_hooks_words_code_and_reason)
{
	struct hooks h;
	struct client_request q;

	if (!hooks_open(&h))
		return;
	configure(&h, false, "c", hook_text(&h, "a", "CREATE", "configmaps", ""));
	answers(&h, "/a",
		"\"allowed\":false,\"status\":{\"message\":\"not today\",\"code\":418,\"reason\":"
		"\"Teatime\"}");
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, MAP("m"));
	EXPECT_STR(ask_as(&h, &q),
		"admission webhook \"a.hooks.example.com\" denied the request: not today");
	EXPECT_INT(q.code, 418);
	EXPECT_STR(q.status->reason, "Teatime");
	client_request_done(&q);
	h.answers[0].answer = "\"allowed\":false";
	EXPECT_STR(create(&h, MAP("m"), NULL),
		"admission webhook \"a.hooks.example.com\" denied the request without explanation");
	h.answers[0].answer = "\"allowed\":false,\"status\":{\"reason\":\"Because\",\"code\":200}";
	EXPECT_STR(create(&h, MAP("m"), NULL),
		"admission webhook \"a.hooks.example.com\" denied the request: Because");
	h.answers[0].answer = "\"allowed\":true,\"warnings\":[\"mind the gap\"]";
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, MAP("m"));
	EXPECT_STR(ask_as(&h, &q), "");
	EXPECT_INT(q.warning_count, 1);
	EXPECT_STR(q.warnings[0], "mind the gap");
	client_request_done(&q);
	hooks_close(&h);
}

TEST(answers_that_are_none_fail_closed_or_open)
{
	static const struct {
		const char *raw, *answer, *why;
	} cases[] = {
		{"", NULL,
			"failed to call webhook: 0-length response with status code: 200 and "
			"content type: application/json"},
		{"[]", NULL,
			"failed to call webhook: couldn't get version/kind; json parse error: "
			"json: cannot unmarshal array into Go value of type struct { APIVersion "
			"string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			"\"json:\\\"kind,omitempty\\\"\" }"},
		{"{}", NULL, "received invalid webhook response: webhook response was absent"},
		{"{\"response\":{\"uid\":\"x\",\"allowed\":true}}", NULL, NULL},
		{"{\"response\":{\"allowed\":\"yes\"}}", NULL, NULL},
		{NULL, "\"allowed\":true,\"patchType\":\"JSONPatch\"",
			"received invalid webhook response: validating webhook may not return "
			"response.patchType"},
		{NULL, "\"allowed\":true,\"patch\":\"W10=\"",
			"received invalid webhook response: validating webhook may not return "
			"response.patch"},
	};
	struct hooks h;

	if (!hooks_open(&h))
		return;
	configure(&h, false, "closed", hook_text(&h, "a", "CREATE", "configmaps", ""));
	h.answer_count = 1;
	h.answers[0].path = "/a";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		h.answers[0].raw = cases[i].raw;
		h.answers[0].answer = cases[i].answer;
		struct str text = create(&h, MAP("m"), NULL);

		test_context("answer %zu", i);
		EXPECT(str_starts(text, STR("Internal error occurred: failed calling webhook "
					    "\"a.hooks.example.com\": ")));
		if (cases[i].why && !EXPECT(str_ends(text, str_from(cases[i].why))))
			printf("%.*s\n", STRF(text));
	}
	test_context_end();
	hooks_close(&h);
}

TEST(a_hook_that_fails_is_passed_over_if_it_may_be)
{
	struct hooks h;
	struct str text;

	if (!hooks_open(&h))
		return;
	configure(&h, true, "open",
		hook_text(&h, "a", "CREATE", "configmaps", ",\"failurePolicy\":\"Ignore\""));
	configure(&h, false, "open",
		hook_text(&h, "b", "CREATE", "configmaps",
			",\"failurePolicy\":\"Ignore\",\"timeoutSeconds\":1"));
	answers_raw(&h, "/a", "nonsense");
	answers(&h, "/b", "\"allowed\":true");
	h.answers[1].delay = INT64_MAX;
	EXPECT_STR(create(&h, MAP("m"), NULL), "");
	EXPECT_INT(h.asked, 2);
	configure(&h, false, "shut",
		hook_text(&h, "c", "CREATE", "configmaps", ",\"timeoutSeconds\":1"));
	answers(&h, "/c", "\"allowed\":true");
	h.answers[2].delay = INT64_MAX;
	text = create(&h, MAP("n"), NULL);
	if (!EXPECT(str_ends(text, STR("/c?timeout=1s\": context deadline exceeded"))))
		printf("%.*s\n", STRF(text));
	hooks_close(&h);
}

TEST(hooks_are_asked_in_order_and_again_if_they_want)
{
	struct hooks h;
	struct cJSON *made;
	static const char *const order[] = {"/a", "/b", "/a"};

	if (!hooks_open(&h))
		return;
	/* b changes what a has seen */
	configure(&h, true, "b", hook_text(&h, "b", "CREATE", "configmaps", ""));
	configure(&h, true, "a",
		hook_text(&h, "a", "CREATE", "configmaps", ",\"reinvocationPolicy\":\"IfNeeded\""));
	answers(&h, "/b",
		patching(&h, "[{\"op\":\"add\",\"path\":\"/data\",\"value\":{\"b\":\"1\"}}]"));
	EXPECT_STR(create(&h, MAP("m"), &made), "");
	EXPECT_INT(h.asked, 3);
	for (size_t i = 0; i < 3; i++)
		EXPECT_STR(h.paths[i], order[i]);
	EXPECT_STR(tree_str(h.last, "object.data.b"), "1");
	EXPECT_STR(tree_str(made, "data.b"), "1");
	hooks_close(&h);
}

TEST(a_patch_that_does_not_fit_is_the_servers_failure)
{
	struct hooks h;
	struct str text;

	if (!hooks_open(&h))
		return;
	configure(&h, true, "c",
		hook_text(&h, "a", "*", "configmaps", ",\"failurePolicy\":\"Ignore\""));
	answers(&h, "/a", patching(&h, "[{\"op\":\"remove\",\"path\":\"/nowhere\"}]"));
	text = create(&h, MAP("m"), NULL);
	EXPECT(str_starts(text, STR("Internal error occurred: ")));
	h.answers[0].answer = patching(&h, "[{\"op\":\"add\",\"path\":\"/data\",\"value\":7}]");
	text = create(&h, MAP("m"), NULL);
	EXPECT(str_starts(text, STR("Internal error occurred: json: cannot unmarshal number")));
	h.answers[0].answer = "\"allowed\":true";
	EXPECT_STR(create(&h, MAP("m"), NULL), "");
	h.answers[0].answer = patching(&h, "[{\"op\":\"add\",\"path\":\"/data\",\"value\":{}}]");
	struct client_request q;
	client_request_init(&q, CLIENT_DELETE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR("m"));
	EXPECT_STR(ask_as(&h, &q),
		"Internal error occurred: admission webhook \"a.hooks.example.com\" attempted to "
		"modify the object, which is not supported for this operation");
	EXPECT_STR(tree_str(h.last, "oldObject.metadata.name"), "m");
	EXPECT_STR(tree_str(h.last, "options.kind"), "DeleteOptions");
	EXPECT(json_type(json_get(h.last, STR("object"))) == JSON_NULL);
	client_request_done(&q);
	hooks_close(&h);
}

TEST(who_is_not_meant_is_not_asked)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	configure(&h, false, "a",
		hook_text(&h, "a", "CREATE", "configmaps",
			",\"namespaceSelector\":{\"matchLabels\":{\"no\":\"such\"}}"));
	configure(&h, false, "b",
		hook_text(&h, "b", "CREATE", "configmaps",
			",\"objectSelector\":{\"matchLabels\":{\"asked\":\"yes\"}}"));
	configure(&h, false, "c", hook_text(&h, "c", "UPDATE", "configmaps", ""));
	configure(&h, false, "d", hook_text(&h, "d", "CREATE", "configmaps/status", ""));
	configure(&h, false, "e", hook_text(&h, "e", "CREATE", "pods/*", ""));
	h.asked = 0;
	EXPECT_STR(create(&h, MAP("m"), NULL), "");
	EXPECT_INT(h.asked, 0);
	EXPECT_STR(
		create(&h, "{\"metadata\":{\"name\":\"n\",\"labels\":{\"asked\":\"yes\"}}}", NULL),
		"");
	EXPECT_INT(h.asked, 1);
	EXPECT_STR(h.paths[0], "/b");
	hooks_close(&h);
}

TEST(configurations_of_admission_are_nobodys_business)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	answers(&h, "/a", "\"allowed\":false");
	configure(&h, false, "a", hook_text(&h, "a", "*", "*/*", ""));
	configure(&h, false, "b", hook_text(&h, "b", "*", "*/*", ""));
	EXPECT_INT(h.asked, 0);
	EXPECT(create(&h, MAP("m"), NULL).len > 0);
	hooks_close(&h);
}

TEST(a_dry_run_is_told_as_such)
{
	struct hooks h;
	struct client_request q;
	struct str text;

	if (!hooks_open(&h))
		return;
	text = hook_text(&h, "a", "CREATE", "configmaps", "");
	configure(&h, false, "a", text);
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, MAP("m"));
	q.dry_run = true;
	EXPECT_STR(ask_as(&h, &q), "");
	EXPECT(json_bool(json_get(h.last, STR("dryRun"))));
	client_request_done(&q);
	hooks_close(&h);
}

TEST(all_who_judge_are_asked_at_once)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	configure(&h, false, "a", hook_text(&h, "a", "CREATE", "configmaps", ""));
	configure(&h, false, "b", hook_text(&h, "b", "CREATE", "configmaps", ""));
	configure(&h, false, "c", hook_text(&h, "c", "CREATE", "configmaps", ""));
	answers(&h, "/a", "\"allowed\":true");
	answers(&h, "/b", "\"allowed\":true");
	answers(&h, "/c", "\"allowed\":true");
	for (size_t i = 0; i < 3; i++)
		h.answers[i].delay = 200 * MSEC;
	EXPECT_STR(create(&h, MAP("m"), NULL), "");
	EXPECT_INT(h.rig.most_under_way, 3);
	hooks_close(&h);
}

/* ---- other versions and kinds ---- */

TEST(a_hook_sees_the_version_that_its_rules_name)
{
	struct hooks h;
	struct client_request q;
	struct str text;

	if (!hooks_open(&h))
		return;
	text = arena_print(&h.arena,
		"{\"name\":\"a.hooks.example.com\",\"sideEffects\":\"None\","
		"\"admissionReviewVersions\":[\"v1beta1\"],\"clientConfig\":{\"url\":\"%s/a\","
		"\"caBundle\":\"%.*s\"},\"rules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":["
		"\"autoscaling\"],\"apiVersions\":[\"v1\"],\"resources\":["
		"\"horizontalpodautoscalers\"]}]}",
		h.rig.url, STRF(h.ca));
	configure(&h, true, "a", text);
	answers(&h, "/a",
		patching(&h, "[{\"op\":\"replace\",\"path\":\"/spec/"
			     "targetCPUUtilizationPercentage\",\"value\":77}]"));
	client_request_init(&q, CLIENT_CREATE,
		resource_find(STR("autoscaling"), STR("v2"), STR("horizontalpodautoscalers")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena,
		"{\"metadata\":{\"name\":\"h\"},\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{"
		"\"kind\":\"Deployment\",\"name\":\"d\",\"apiVersion\":\"apps/v1\"},\"metrics\":[{"
		"\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		"\"Utilization\",\"averageUtilization\":50}}}]}}");
	EXPECT_STR(ask_as(&h, &q), "");
	EXPECT_STR(tree_str(h.last, "kind.version"), "v1");
	EXPECT_STR(tree_str(h.last, "requestKind.version"), "v2");
	EXPECT_STR(tree_str(h.last, "object.apiVersion"), "autoscaling/v1");
	EXPECT_INT(tree_int(json_first(json_path(q.object, "spec.metrics")),
			   "resource.target.averageUtilization", 0),
		77);
	client_request_done(&q);
	hooks_close(&h);
}

TEST(a_scale_is_shown_and_changed_as_a_scale)
{
	struct hooks h;
	struct client_request q;
	const struct resource *deployments =
		resource_find(STR("apps"), STR("v1"), STR("deployments"));

	if (!hooks_open(&h))
		return;
	client_request_init(&q, CLIENT_CREATE, deployments, STR("default"), STR(""));
	q.body = api_rig_json(&q.arena,
		"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":"
		"\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
	EXPECT_STR(ask_as(&h, &q), "");
	client_request_done(&q);
	configure(&h, true, "a", hook_text(&h, "a", "UPDATE", "deployments/scale", ""));
	answers(&h, "/a",
		patching(&h, "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":5}]"));
	client_request_init(&q, CLIENT_PATCH_MERGE, deployments, STR("default"), STR("d"));
	q.subresource = STR("scale");
	q.body = api_rig_json(&q.arena, "{\"spec\":{\"replicas\":3}}");
	EXPECT_STR(ask_as(&h, &q), "");
	EXPECT_STR(tree_str(h.last, "kind.kind"), "Scale");
	EXPECT_STR(tree_str(h.last, "subResource"), "scale");
	EXPECT_INT(tree_int(h.last, "object.spec.replicas", 0), 3);
	EXPECT_INT(tree_int(h.last, "oldObject.spec.replicas", 0), 1);
	EXPECT_INT(tree_int(q.object, "spec.replicas", 0), 5);
	client_request_done(&q);
	hooks_close(&h);
}

/* ---- conditions ---- */

static struct str conditional(
	struct hooks *h, const char *path, const char *expression, const char *policy)
{
	return hook_text(h, path, "CREATE", "configmaps",
		arena_print(&h->arena,
			",\"failurePolicy\":\"%s\",\"matchConditions\":[{\"name\":\"c\","
			"\"expression\":\"%s\"}]",
			policy, expression)
			.at);
}

TEST(conditions_say_who_is_asked)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	configure(&h, false, "a", conditional(&h, "a", "object.metadata.name == 'other'", "Fail"));
	configure(&h, false, "b",
		conditional(&h, "b",
			"request.userInfo.username == 'admin' && request.operation == 'CREATE' && "
			"oldObject == null && "
			"authorizer.group('').resource('pods').namespace('default').check('list')."
			"allowed()",
			"Fail"));
	EXPECT_STR(create(&h, MAP("m"), NULL), "");
	EXPECT_INT(h.asked, 1);
	EXPECT_STR(h.paths[0], "/b");
	configure(&h, false, "c", conditional(&h, "c", "object.data.nothing == 'x'", "Ignore"));
	h.asked = 0;
	EXPECT_STR(create(&h, MAP("n"), NULL), "");
	EXPECT_INT(h.asked, 1);
	configure(&h, false, "d", conditional(&h, "d", "object.data.nothing == 'x'", "Fail"));
	EXPECT_STR(create(&h, MAP("o"), NULL),
		"configmaps \"o\" is forbidden: expression 'object.data.nothing == 'x'' resulted "
		"in error: no such key: data");
	hooks_close(&h);
}

TEST(connections_pass_by_the_hooks)
{
	struct hooks h;
	struct client_request q;

	if (!hooks_open(&h))
		return;
	configure(&h, false, "a", hook_text(&h, "a", "CONNECT", "pods/exec", ""));
	answers(&h, "/a", "\"allowed\":false,\"status\":{\"message\":\"no shells\"}");
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("pods")),
		STR("default"), STR("p"));
	q.subresource = STR("exec");
	q.body = api_rig_json(&q.arena, "{}");
	EXPECT_STR(ask_as(&h, &q),
		"admission webhook \"a.hooks.example.com\" denied the request: no shells");
	EXPECT_STR(tree_str(h.last, "operation"), "CONNECT");
	EXPECT_STR(tree_str(h.last, "kind.kind"), "PodExecOptions");
	EXPECT_STR(tree_str(h.last, "object.kind"), "PodExecOptions");
	EXPECT_STR(tree_str(h.last, "subResource"), "exec");
	EXPECT(json_type(json_get(h.last, STR("options"))) == JSON_NULL);
	client_request_done(&q);
	hooks_close(&h);
}

/* ---- torture ---- */

TEST(a_write_that_asks_hooks_may_fail_anywhere)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};
	struct hooks h;
	int n = 0;

	if (!hooks_open(&h))
		return;
	configure(&h, true, "a",
		hook_text(&h, "a", "CREATE", "configmaps", ",\"reinvocationPolicy\":\"IfNeeded\""));
	configure(&h, true, "b", hook_text(&h, "b", "CREATE", "configmaps", ""));
	configure(&h, false, "c",
		arena_print(&h.arena, "%.*s,%.*s",
			STRF(hook_text(&h, "c", "CREATE", "configmaps", "")),
			STRF(hook_text(&h, "d", "CREATE", "configmaps",
				",\"failurePolicy\":\"Ignore\""))));
	answers(&h, "/b",
		patching(&h, "[{\"op\":\"add\",\"path\":\"/data\",\"value\":{\"b\":\"1\"}}]"));
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		bool hit = true;

		for (uint64_t k = 1; hit && !test_failed() && k < 1000; k++) {
			char body[64];

			test_context("await %llu", (unsigned long long)k);
			snprintf(body, sizeof(body), MAP("m-%d"), n++);
			loop_torture(h.api.t.loop, k, codes[i]);
			create(&h, body, NULL);
			hit = loop_torture_hit(h.api.t.loop);
			loop_torture(h.api.t.loop, 0, 0);
			snprintf(body, sizeof(body), MAP("m-%d"), n++);
			EXPECT_STR(create(&h, body, NULL), "");
		}
		EXPECT(!hit);
	}
	test_context_end();
	hooks_close(&h);
}
