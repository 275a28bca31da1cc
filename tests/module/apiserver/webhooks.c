/* Admission webhooks over real TLS: who is asked, about what, and what their answers do. */
#include "hooks_rig.h"
#include "loop_torture.h"

#include "apiserver/server.h"

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
	EXPECT_STR(text,
		"Internal error occurred: error in remove for path: '/nowhere': Unable to remove "
		"nonexistent key: nowhere: missing value");
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

/* ---- managed fields ---- */

#define MANAGED(more)                                                                              \
	"[{\"op\":\"add\",\"path\":\"/metadata/"                                                   \
	"managedFields\",\"value\":[{\"manager\":\"hook\"," more                                   \
	"\"operation\":\"Update\",\"apiVersion\":\"v1\",\"fieldsV1\":{\"f:data\":{}}}]}]"

TEST(managed_fields_that_nobody_can_read_are_not_taken)
{
	struct hooks h;
	struct client_request q;
	struct cJSON *made;

	if (!hooks_open(&h))
		return;
	configure(&h, true, "c", hook_text(&h, "a", "CREATE", "configmaps", ""));
	answers(&h, "/a", patching(&h, MANAGED("\"fieldsType\":\"FieldsV1\",")));
	EXPECT_STR(create(&h, MAP("good"), &made), "");
	EXPECT_STR(
		tree_str(json_first(json_path(made, "metadata.managedFields")), "manager"), "hook");
	h.answers[0].answer = patching(&h, MANAGED(""));
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, "{\"metadata\":{\"name\":\"bad\"},\"data\":{\"a\":\"b\"}}");
	EXPECT_STR(ask_as(&h, &q), "");
	EXPECT_STR(tree_str(json_first(json_path(q.object, "metadata.managedFields")), "manager"),
		"rig");
	EXPECT_INT(q.warning_count, 1);
	EXPECT_STR(q.warnings[0],
		".metadata.managedFields was in an invalid state after admission; this could be "
		"caused by an outdated mutating admission controller; please fix your requests: "
		"missing fieldsType in managed fields entry 0");
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

static struct str create_next(void *ctx)
{
	static int number;
	char body[64];

	snprintf(body, sizeof(body), MAP("m-%d"), number++);
	return create(ctx, body, NULL);
}

static void make_one(void *ctx)
{
	create_next(ctx);
}

static void another_is_made(void *ctx)
{
	EXPECT_STR(create_next(ctx), "");
}

TEST(a_write_that_asks_hooks_may_fail_anywhere)
{
	struct hooks h;

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
	loop_torture_on(h.api.t.loop, make_one, another_is_made, &h);
	hooks_close(&h);
}
