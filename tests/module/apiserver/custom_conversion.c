/* Objects of a definition that a webhook converts: over real TLS, and what a bad one brings. */
#include "api_rig.h"
#include "webhook_rig.h"

#include "apiserver/metrics.h"
#include "apiserver/server.h"

#include <kube/api_codec.h>
#include <kube/codec.h>

enum lie {
	LIE_NONE,
	LIE_NOT_JSON,
	LIE_OTHER_UID,
	LIE_FAILURE,
	LIE_FEWER,
	LIE_VERSION,
	LIE_NAME,
	LIE_NO_METADATA,
	LIE_LABEL,
	LIE_STATUS
};

struct world {
	struct api_rig api;
	struct webhook_rig hook;
	struct client_transport *t;
	struct arena arena;
	enum lie lie;
	int converted; /* objects */
	bool tortured;
	int status; /* of the last answer */
};

/* ---- the webhook: v1 has spec.host "a:1", v2 has spec.host "a" and spec.port "1" ---- */

static void convert(struct arena *a, struct cJSON *o, struct str to)
{
	struct str host = tree_str(o, "spec.host"), port = tree_str(o, "spec.port"), rest;

	if (str_eq_text(to, "e.io/v2") && str_cut(host, ':', &host, &rest)) {
		tree_set_str(a, o, "spec.host", host);
		tree_set_str(a, o, "spec.port", rest);
	} else if (str_eq_text(to, "e.io/v1")) {
		tree_set_str(
			a, o, "spec.host", arena_print(a, "%.*s:%.*s", STRF(host), STRF(port)));
		tree_drop(o, "spec.port");
	}
	tree_set_str(a, o, "apiVersion", to);
	tree_drop(o, "metadata.managedFields"); /* brought back */
	tree_set_str(a, o, "metadata.annotations.seen", STR("yes"));
}

static void lie_about(struct world *w, struct arena *a, struct cJSON *o)
{
	switch (w->lie) {
	case LIE_VERSION:
		tree_set_str(a, o, "apiVersion", STR("e.io/v9"));
		break;
	case LIE_NAME:
		tree_set_str(a, o, "metadata.name", STR("another"));
		break;
	case LIE_NO_METADATA:
		tree_drop(o, "metadata");
		break;
	case LIE_LABEL:
		tree_set_str(a, o, "metadata.labels.-", STR("x"));
		break;
	default:
		break;
	}
}

static void answer(struct webhook_asked *asked, void *ctx)
{
	struct world *w = ctx;
	struct arena *a = &asked->x->arena;
	struct cJSON *review, *response = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	REQUIRE(!json_parse(a, buf_str(&asked->body), NULL, &review, NULL));
	struct str to = tree_str(review, "request.desiredAPIVersion");
	json_each (o, json_path(review, "request.objects")) {
		struct cJSON *copy = json_copy(a, o);

		EXPECT(!str_eq(tree_str(o, "apiVersion"), to));
		convert(a, copy, to);
		lie_about(w, a, copy);
		if (w->lie != LIE_FEWER)
			json_append(list, copy);
		w->converted++;
	}
	tree_set_str(a, response, "uid",
		w->lie == LIE_OTHER_UID ? STR("other") : tree_str(review, "request.uid"));
	tree_set_str(a, response, "result.status",
		w->lie == LIE_FAILURE ? STR("Failure") : STR("Success"));
	if (w->lie == LIE_FAILURE)
		tree_set_str(a, response, "result.message", STR("I will not"));
	json_add(a, response, STR("convertedObjects"), list);
	json_remove(review, json_get(review, STR("request")));
	json_add(a, review, STR("response"), response);
	json_print(&text, review, JSON_COMPACT);
	asked->answer = w->lie == LIE_NOT_JSON ? STR("<html>") : arena_str(a, buf_str(&text));
	asked->status = w->lie == LIE_STATUS ? 503 : 200;
}

/* ---- asking ---- */

static void wait_for(struct world *w, struct told *told)
{
	loop_test_run_until(&w->api.t, &told->done);
}

static struct cJSON *ask(
	struct world *w, const char *method, struct str target, const char *body, const char *type)
{
	struct client_call c = {.transport = w->t,
		.method = str_from(method),
		.target = target,
		.body = str_from(body ? body : "")};
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);
	struct cJSON *tree = NULL;
	struct told told = {0};

	http_headers_add(&w->arena, &c.headers, STR("Accept"), STR("application/json"));
	if (body)
		http_headers_add(&w->arena, &c.headers, STR("Content-Type"),
			str_from(type ? type : "application/json"));
	w->t->ops->start(&c, told_op(&told, w->api.t.root, OP_NO_DEADLINE));
	wait_for(w, &told);
	bool more = w->tortured ? !told.err.code : EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	while (more) {
		told = (struct told){0};
		w->t->ops->read(&c, told_op(&told, w->api.t.root, OP_NO_DEADLINE), &text, 64 * KIB);
		wait_for(w, &told);
		more = !told.err.code && told.n > 0;
		told_done(&told);
	}
	w->status = c.status;
	w->t->ops->end(&c);
	if (json_parse(&w->arena, buf_str(&text), NULL, &tree, NULL))
		tree = json_new(&w->arena, JSON_OBJECT);
	return tree;
}

static struct str path(struct world *w, const char *version, const char *name)
{
	return arena_print(&w->arena, "/apis/e.io/%s/namespaces/default/things%s%s", version,
		name ? "/" : "", name ? name : "");
}

static struct cJSON *get(struct world *w, const char *version, const char *name)
{
	return ask(w, "GET", path(w, version, name), NULL, NULL);
}

static void pass(struct world *w, int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, w->api.t.root, OP_NO_DEADLINE), loop_in(w->api.t.loop, ns));
	wait_for(w, &told);
	told_done(&told);
}

static struct str definition(struct world *w)
{
	_cleanup_(buf_done) struct buf ca = BUF_INIT(MIB);

	base64_encode(&ca, buf_str(&w->hook.ca));
	return arena_print(&w->arena,
		"{\"metadata\":{\"name\":\"things.e.io\"},\"spec\":{\"group\":\"e.io\",\"scope\":"
		"\"Namespaced\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},"
		"\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\""
		":[\"v1\"],\"clientConfig\":{\"url\":\"%s/convert\",\"caBundle\":\"%.*s\"}}},"
		"\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":"
		"{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\""
		":true}}},{\"name\":\"v2\",\"served\":true,\"storage\":false,\"selectableFields\":"
		"[{\"jsonPath\":\".spec.port\"}],\"schema\":{\"openAPIV3Schema\":{\"type\":"
		"\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{"
		"\"host\":{\"type\":\"string\"},\"port\":{\"type\":\"string\"}}}}}}}]}}",
		w->hook.url, STRF(buf_str(&ca)));
}

static bool world_open(struct world *w)
{
	*w = (struct world){0};
	arena_init(&w->arena);
	if (!api_rig_open(&w->api, API_RIG_LOCAL))
		return false;
	webhook_rig_open(&w->hook, w->api.t.env, w->api.t.root, NULL, answer, w);
	w->t = client_transport_local(w->api.t.env, w->api.t.root, api_rig_enter, w->api.server);
	ask(w, "POST", STR("/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
		definition(w).at, NULL);
	EXPECT_INT(w->status, 201);
	for (int i = 0; i < 200 && w->status != 200; i++) {
		pass(w, 20 * MSEC);
		get(w, "v1", NULL);
	}
	ask(w, "POST", path(w, "v1", NULL),
		"{\"apiVersion\":\"e.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"x\"},"
		"\"spec\":{\"host\":\"a:1\"}}",
		NULL);
	return EXPECT_INT(w->status, 201);
}

static void world_close(struct world *w)
{
	struct told told = {0};

	w->t->ops->stop(w->t, told_op(&told, w->api.t.root, OP_NO_DEADLINE));
	wait_for(w, &told);
	told_done(&told);
	w->t->ops->free(w->t);
	told = (struct told){0};
	webhook_rig_stop(&w->hook, &told);
	wait_for(w, &told);
	told_done(&told);
	webhook_rig_close(&w->hook);
	arena_done(&w->arena);
	api_rig_close(&w->api);
}

/* ---- what it is for ---- */

TEST(objects_are_read_in_either_version)
{
	struct world w;

	if (world_open(&w)) {
		struct cJSON *o = get(&w, "v2", "x");

		EXPECT_STR(tree_str(o, "apiVersion"), "e.io/v2");
		EXPECT_STR(tree_str(o, "spec.host"), "a");
		EXPECT_STR(tree_str(o, "spec.port"), "1");
		EXPECT_STR(tree_str(o, "metadata.annotations.seen"), "yes");
		EXPECT(json_count(json_path(o, "metadata.managedFields")) == 1);
		EXPECT_INT(w.converted, 1);
		get(&w, "v2", "x");
		EXPECT_INT(w.converted, 1); /* that revision is known */
		EXPECT_STR(tree_str(get(&w, "v1", "x"), "spec.host"), "a:1");
		EXPECT_INT(w.converted, 1);
	}
	world_close(&w);
}

TEST(objects_are_written_in_either_version)
{
	struct world w;

	if (world_open(&w)) {
		struct cJSON *o = ask(&w, "POST", path(&w, "v2", NULL),
			"{\"apiVersion\":\"e.io/v2\",\"kind\":\"Thing\",\"metadata\":{\"name\":"
			"\"y\"},\"spec\":{\"host\":\"b\",\"port\":\"2\"}}",
			NULL);
		EXPECT_INT(w.status, 201);
		EXPECT_STR(tree_str(o, "spec.port"), "2");
		EXPECT_STR(tree_str(get(&w, "v1", "y"), "spec.host"), "b:2");
		o = ask(&w, "PATCH", path(&w, "v2", "x"), "{\"spec\":{\"port\":\"7\"}}",
			"application/merge-patch+json");
		EXPECT_INT(w.status, 200);
		EXPECT_STR(tree_str(o, "spec.port"), "7");
		EXPECT_INT(tree_int(o, "metadata.generation", 0), 2);
		EXPECT_STR(tree_str(get(&w, "v1", "x"), "spec.host"), "a:7");
		ask(&w, "DELETE", path(&w, "v2", "x"), NULL, NULL);
		EXPECT_INT(w.status, 200);
		get(&w, "v1", "x");
		EXPECT_INT(w.status, 404);
	}
	world_close(&w);
}

TEST(lists_are_converted_in_one_call_and_selected_then)
{
	struct world w;

	if (world_open(&w)) {
		for (int i = 0; i < 5; i++)
			ask(&w, "POST", path(&w, "v1", NULL),
				arena_print(&w.arena,
					"{\"apiVersion\":\"e.io/v1\",\"kind\":\"Thing\","
					"\"metadata\":{\"name\":\"n%d\"},\"spec\":{\"host\":\"h:%"
					"d\""
					"}}",
					i, i)
					.at,
				NULL);
		int asked = w.hook.asked;
		struct cJSON *list = get(&w, "v2", NULL);
		EXPECT_INT(json_count(json_get(list, STR("items"))), 6);
		EXPECT_STR(tree_str(json_at(json_get(list, STR("items")), 5), "spec.port"), "1");
		EXPECT_INT(w.hook.asked, asked + 1);
		list = ask(&w, "GET",
			arena_print(&w.arena, "%.*s?fieldSelector=spec.port%%3D3",
				STRF(path(&w, "v2", NULL))),
			NULL, NULL);
		EXPECT_INT(json_count(json_get(list, STR("items"))), 1);
		EXPECT_INT(w.hook.asked, asked + 1);
	}
	world_close(&w);
}

/* Reads a watch while others write, up to its end. */
static struct str watch(struct world *w, const char *query, void (*meanwhile)(struct world *w))
{
	struct client_call c = {.transport = w->t,
		.method = STR("GET"),
		.target = arena_print(&w->arena, "%.*s?watch=1&timeoutSeconds=2%s",
			STRF(path(w, "v2", NULL)), query)};
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);
	struct told told = {0};
	bool more;

	http_headers_add(&w->arena, &c.headers, STR("Accept"), STR("application/json"));
	w->t->ops->start(&c, told_op(&told, w->api.t.root, OP_NO_DEADLINE));
	wait_for(w, &told);
	more = EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	meanwhile(w);
	while (more) {
		told = (struct told){0};
		w->t->ops->read(&c, told_op(&told, w->api.t.root, OP_NO_DEADLINE), &text, 64 * KIB);
		wait_for(w, &told);
		more = !told.err.code && told.n > 0;
		told_done(&told);
	}
	w->t->ops->end(&c);
	return arena_str(&w->arena, buf_str(&text));
}

static void write_some(struct world *w)
{
	ask(w, "POST", path(w, "v1", NULL),
		"{\"apiVersion\":\"e.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"y\"},"
		"\"spec\":{\"host\":\"b:2\"}}",
		NULL);
	ask(w, "PATCH", path(w, "v1", "y"), "{\"spec\":{\"host\":\"b:3\"}}",
		"application/merge-patch+json");
	ask(w, "DELETE", path(w, "v1", "y"), NULL, NULL);
}

static int count_of(struct str text, const char *word)
{
	int count = 0;
	ssize_t at;

	while ((at = str_find(text, str_from(word))) >= 0) {
		text = str_skip(text, (size_t)at + 1);
		count++;
	}
	return count;
}

TEST(watches_show_their_version)
{
	struct world w;

	if (world_open(&w)) {
		struct str text = watch(&w, "", write_some);

		EXPECT_INT(count_of(text, "\"ADDED\""), 2);
		EXPECT_INT(count_of(text, "\"MODIFIED\""), 1);
		EXPECT_INT(count_of(text, "\"DELETED\""), 1);
		EXPECT_INT(count_of(text, "\"port\":\"3\""), 2);
		EXPECT_INT(count_of(text, "\"apiVersion\":\"e.io/v2\",\"kind\""), 4);
		text = watch(&w, "&fieldSelector=spec.port%3D2", write_some);
		EXPECT_INT(count_of(text, "\"ADDED\""), 1);
		EXPECT_INT(count_of(text, "\"DELETED\""), 1); /* it is another port's then */
		EXPECT_INT(count_of(text, "\"type\""), 2);
	}
	world_close(&w);
}

static void fail_to_convert(struct world *w)
{
	w->lie = LIE_FAILURE;
	write_some(w);
}

TEST(a_watch_ends_with_what_cannot_be_converted)
{
	struct world w;

	if (world_open(&w)) {
		struct str text = watch(&w, "", fail_to_convert);

		EXPECT_INT(count_of(text, "\"ADDED\""), 1);
		EXPECT_INT(count_of(text, "\"ERROR\""), 1);
		EXPECT(str_find(text, STR("I will not")) >= 0);
	}
	world_close(&w);
}

static int64_t counted(struct world *w, const char *failure)
{
	return *metrics_number(w->api.server->metrics, METRIC_CONVERSIONS,
		arena_print(&w->arena, "failure_type=\"%s\",result=\"%s\"", failure,
			*failure ? "failure" : "success"));
}

TEST(what_a_bad_webhook_says_is_told)
{
#define FAILED "conversion webhook for e.io/v1, Kind=Thing "
	static const struct {
		enum lie lie;
		const char *text;
	} lies[] = {
		{LIE_NOT_JSON, FAILED "failed: invalid character '<' looking for beginning of "
				      "value"},
		{LIE_OTHER_UID, FAILED "failed: expected response.uid="},
		{LIE_FAILURE, FAILED "failed: I will not"},
		{LIE_FEWER, FAILED "returned 0 objects, expected 1"},
		{LIE_VERSION, "invalid groupVersion (expected e.io/v2, received e.io/v9)"},
		{LIE_NAME, "must have the same name: x != another"},
		{LIE_NO_METADATA, "returned invalid"},
		{LIE_LABEL, "metadata.labels: Invalid value: \"-\""},
		{LIE_STATUS, FAILED "failed: "},
	};
	struct world w;

	if (world_open(&w))
		for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
			test_context("%s", lies[i].text);
			w.lie = lies[i].lie;
			struct str text = tree_str(get(&w, "v2", "x"), "message");
			EXPECT_INT(w.status, 500);
			if (!EXPECT(str_find(text, str_from(lies[i].text)) >= 0))
				printf("%.*s\n", STRF(text));
			get(&w, "v1", "x");
			EXPECT_INT(w.status, 200); /* nobody is asked for that one */
			test_context_end();
		}
	EXPECT_INT(counted(&w, "conversion_webhook_call_failure"), 1);
	EXPECT_INT(counted(&w, "conversion_webhook_malformed_response_failure"), 3);
	EXPECT_INT(counted(&w, "conversion_webhook_partial_response_failure"), 1);
	EXPECT_INT(counted(&w, "conversion_webhook_invalid_converted_object_failure"), 4);
	world_close(&w);
}

TEST(a_write_that_cannot_be_converted_leaves_nothing)
{
	struct world w;

	if (world_open(&w)) {
		w.lie = LIE_FAILURE;
		ask(&w, "POST", path(&w, "v2", NULL),
			"{\"apiVersion\":\"e.io/v2\",\"kind\":\"Thing\",\"metadata\":{\"name\":"
			"\"z\"},\"spec\":{\"host\":\"b\",\"port\":\"2\"}}",
			NULL);
		EXPECT_INT(w.status, 500);
		get(&w, "v1", "z");
		EXPECT_INT(w.status, 404);
	}
	world_close(&w);
}

/* ---- every await may fail ---- */

static void read_as_another(struct world *w)
{
	get(w, "v2", "x");
	get(w, "v2", NULL);
}

static void write_as_another(struct world *w)
{
	ask(w, "PATCH", path(w, "v2", "x"),
		arena_print(&w->arena, "{\"spec\":{\"port\":\"%d\"}}", w->converted).at,
		"application/merge-patch+json");
}

static bool one_round(struct world *w, void (*scenario)(struct world *w), uint64_t k, int code)
{
	bool hit;

	/* another revision, which nobody has converted yet */
	ask(w, "PATCH", path(w, "v1", "x"),
		arena_print(&w->arena, "{\"spec\":{\"host\":\"a:%llu\"}}",
			(unsigned long long)k + (uint64_t)code * 1000)
			.at,
		"application/merge-patch+json");
	EXPECT_INT(w->status, 200);
	w->tortured = true;
	loop_torture(w->api.t.loop, k, code);
	scenario(w);
	hit = loop_torture_hit(w->api.t.loop);
	loop_torture(w->api.t.loop, 0, 0);
	w->tortured = false;
	get(w, "v2", "x");
	EXPECT_INT(w->status, 200);
	return hit;
}

static void torture(void (*scenario)(struct world *w))
{
	static const int codes[] = {ERR_IO, ERR_CANCELLED};
	struct world w;

	if (world_open(&w))
		for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
			uint64_t k = 0;

			do {
				test_context("await %llu: %s", (unsigned long long)++k,
					err_code_name(codes[i]));
			} while (k < 500 && !test_failed() && one_round(&w, scenario, k, codes[i]));
			EXPECT(k > 5 && k < 500);
		}
	test_context_end();
	world_close(&w);
}

TEST(reading_another_version_may_fail_anywhere)
{
	torture(read_as_another);
}

TEST(writing_another_version_may_fail_anywhere)
{
	torture(write_as_another);
}
