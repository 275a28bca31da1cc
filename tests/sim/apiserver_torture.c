/*
 * Every await of the API server may fail, and may be cancelled: whatever was going on ends, leaves
 * nothing behind, and the server serves on. One world for each await of each scenario.
 */
#include "api_world.h"

#include "apiserver/admission.h"

#define PATIENCE MINUTE /* of virtual time: nothing takes as long */

struct request {
	const char *method, *target, *body;
	int status;                /* when nothing fails */
	const char *type, *accept; /* JSON where they are not given */
};

#define R(m, t, b, s, ...)                                                                         \
	{                                                                                          \
		.method = m, .target = t, .body = b, .status = s, __VA_ARGS__                      \
	}
#define MERGE     "application/merge-patch+json"
#define STRATEGIC "application/strategic-merge-patch+json"
#define JSON6902  "application/json-patch+json"
#define APPLY     "application/apply-patch+yaml"
#define TABLE     "application/json;as=Table;v=v1;g=meta.k8s.io"
#define PROTO     "application/vnd.kubernetes.protobuf"
#define MAPS      "/api/v1/namespaces/default/configmaps"
#define PODS      "/api/v1/namespaces/default/pods"
#define SERVICES  "/api/v1/namespaces/default/services"
#define QUOTAS    "/api/v1/namespaces/default/resourcequotas"
#define ACCOUNTS  "/api/v1/namespaces/default/serviceaccounts"

#define POD(name)                                                                                  \
	"{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":" \
	"[{\"name\":\"c\",\"image\":\"i\"}]}}"

struct torture {
	struct api_world w;
	struct client_transport *t;
	bool strict; /* no torture: everything must be answered as it says */
};

/* ---- one request ---- */

/* An await of the test itself, which torture may hit as well. false: it was. */
static bool got(struct torture *t, struct told *told)
{
	api_world_await(&t->w, told);
	EXPECT(told->err.code != ERR_TIMEOUT);
	bool good = told->err.code == 0;
	told_done(told);
	return good;
}

static struct op *wait_op(struct torture *t, struct told *told)
{
	*told = (struct told){0};
	return told_op(told, t->w.root, loop_in(t->w.loop, PATIENCE));
}

static void call_init(
	struct torture *t, struct client_call *c, struct arena *a, const struct request *q)
{
	arena_init(a);
	*c = (struct client_call){.transport = t->t,
		.method = str_from(q->method),
		.target = str_from(q->target),
		.body = str_from(q->body ? q->body : "")};
	http_headers_add(a, &c->headers, STR("Accept"),
		str_from(q->accept ? q->accept : "application/json"));
	if (q->body)
		http_headers_add(a, &c->headers, STR("Content-Type"),
			str_from(q->type ? q->type : "application/json"));
}

static void ask(struct torture *t, const struct request *q)
{
	struct client_call c;
	struct arena a;
	struct told told;
	struct buf answer = BUF_INIT(64 * MIB);
	bool goes_on;

	call_init(t, &c, &a, q);
	t->t->ops->start(&c, wait_op(t, &told));
	goes_on = got(t, &told);
	while (goes_on) {
		t->t->ops->read(&c, wait_op(t, &told), &answer, 64 * KIB);
		goes_on = got(t, &told) && told.n > 0;
	}
	if (t->strict && !EXPECT_INT(c.status, q->status))
		printf("%s %s: %.*s\n", q->method, q->target, STRF(buf_str(&answer)));
	t->t->ops->end(&c);
	buf_done(&answer);
	arena_done(&a);
}

static void ask_all(struct torture *t, const struct request *all, size_t count)
{
	for (size_t i = 0; i < count && !test_failed(); i++)
		ask(t, &all[i]);
}

/* ---- scenarios ---- */

static void write_maps(struct torture *t)
{
	static const struct request all[] = {
		R("POST", MAPS, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"k\":\"1\"}}", 201),
		R("POST", MAPS, "{\"metadata\":{\"generateName\":\"m-\"}}", 201),
		R("POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}", 409),
		R("PUT", MAPS "/m", "{\"metadata\":{\"name\":\"m\"},\"data\":{\"k\":\"2\"}}", 200),
		R("PATCH", MAPS "/m", "{\"data\":{\"k\":\"3\"}}", 200, .type = MERGE),
		R("PATCH", MAPS "/m", "{\"metadata\":{\"finalizers\":[\"a.io/b\"]}}", 200,
			.type = STRATEGIC),
		R("PATCH", MAPS "/m", "[{\"op\":\"remove\",\"path\":\"/data/k\"}]", 200,
			.type = JSON6902),
		R("PATCH", MAPS "/n?fieldManager=f",
			"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
			"\"n\"}}",
			201, .type = APPLY),
		R("DELETE", MAPS "/m", NULL, 200),
		R("PATCH", MAPS "/m", "{\"metadata\":{\"finalizers\":null}}", 200, .type = MERGE),
		R("DELETE", MAPS "/n?dryRun=All", NULL, 200),
		R("DELETE", MAPS, NULL, 200),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

static void read_maps(struct torture *t)
{
	static const struct request all[] = {
		R("GET", "/api/v1/configmaps", NULL, 200),
		R("GET", "/api/v1/configmaps", NULL, 200, .accept = TABLE),
		R("GET", "/api/v1/configmaps", NULL, 200, .accept = PROTO),
		R("GET", "/api/v1/configmaps", NULL, 200, .accept = "application/yaml"),
		R("GET", "/api/v1/configmaps?limit=1&pretty=true", NULL, 200),
		R("GET", "/api/v1/configmaps?resourceVersion=999999", NULL, 504),
		R("GET", MAPS "/kube-root", NULL, 404),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

/* Larger than what is copied into one piece. */
static void read_much(struct torture *t)
{
	char *body = malloc(200 * KIB);
	int at = sprintf(body, "{\"metadata\":{\"name\":\"big\"},\"data\":{\"k\":\"");
	const struct request all[] = {R("POST", MAPS, body, 201), R("GET", MAPS "/big", NULL, 200),
		R("GET", MAPS, NULL, 200), R("GET", MAPS, NULL, 200, .accept = "application/yaml")};

	memset(body + at, 'x', 150 * KIB);
	strcpy(body + at + 150 * KIB, "\"}}");
	ask_all(t, all, ARRAY_LEN(all));
	free(body);
}

static void use_services(struct torture *t)
{
	static const struct request all[] = {
		R("POST", SERVICES,
			"{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"NodePort\",\"ports\":["
			"{"
			"\"port\":80}]}}",
			201),
		R("PATCH", SERVICES "/s", "{\"spec\":{\"type\":\"ClusterIP\"}}", 200,
			.type = MERGE),
		R("PATCH", SERVICES "/s", "{\"spec\":{\"type\":\"Nonsense\"}}", 422, .type = MERGE),
		R("DELETE", SERVICES "/s", NULL, 200),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

static void use_pods(struct torture *t)
{
	static const struct request all[] = {
		R("POST", ACCOUNTS, "{\"metadata\":{\"name\":\"default\"}}", 201),
		R("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
			"{\"metadata\":{\"name\":\"b\"},\"spec\":{\"minAvailable\":0,\"selector\":{"
			"\"matchLabels\":{\"a\":\"b\"}}}}",
			201),
		R("POST", QUOTAS,
			"{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"pods\":\"5\"}}}",
			201),
		R("POST", PODS, POD("p"), 201),
		R("POST", PODS "/p/binding",
			"{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\",\"name\":"
			"\"n\"}}",
			201),
		R("PATCH", PODS "/p/status", "{\"status\":{\"phase\":\"Failed\"}}", 200,
			.type = MERGE),
		R("POST", PODS "/p/eviction", "{\"metadata\":{\"name\":\"p\"}}", 201),
		R("POST", PODS, POD("r"), 201),
		R("GET", PODS "/r/log", NULL, 204),
		R("DELETE", PODS, NULL, 200),
		R("DELETE", "/api/v1/namespaces/default", NULL, 403),
		R("POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"x\"}}", 201),
		R("DELETE", "/api/v1/namespaces/x", NULL, 200),
		R("PUT", "/api/v1/namespaces/x/finalize",
			"{\"metadata\":{\"name\":\"x\"},\"spec\":{\"finalizers\":[]}}", 200),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

static void use_workloads(struct torture *t)
{
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
	static const struct request all[] = {
		R("POST", DEPLOYMENTS,
			"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{"
			"\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
			"\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
			201),
		R("GET", DEPLOYMENTS "/d/scale", NULL, 200),
		R("PATCH", DEPLOYMENTS "/d/scale", "{\"spec\":{\"replicas\":3}}", 200,
			.type = MERGE),
		R("PATCH", DEPLOYMENTS "/d/status", "{\"status\":{\"replicas\":3}}", 200,
			.type = MERGE),
		R("DELETE", DEPLOYMENTS "/d?propagationPolicy=Foreground", NULL, 200),
		R("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases",
			"{\"metadata\":{\"name\":\"l\"}}", 201),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

#define DEFINITIONS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define THINGS      "/apis/e.io/v1/namespaces/default/things"
#define SCHEMA(props)                                                                              \
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":" \
	"\"object\",\"properties\":{" props "}}}}}"

/* A definition, its objects in two versions, a change of it, its end. */
static void use_custom(struct torture *t)
{
	static const struct request definition[] = {
		R("POST", DEFINITIONS,
			"{\"metadata\":{\"name\":\"things.e.io\"},\"spec\":{\"group\":\"e.io\","
			"\"scope\":\"Namespaced\",\"names\":{\"plural\":\"things\",\"kind\":"
			"\"Thing\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":"
			"true,"
			"\"subresources\":{\"status\":{}}," SCHEMA(
				"\"a\":{\"type\":\"string\"}") "},{\"name\":\"v2\",\"served\":"
							       "true,\"storage\":"
							       "false," SCHEMA(
								       "\"a\":{\"type\":"
								       "\"string\"}") "}]}}",
			201),
	};
	static const struct request objects[] = {
		R("POST", THINGS,
			"{\"apiVersion\":\"e.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":"
			"\"x\"},\"spec\":{\"a\":\"1\"}}",
			201),
		R("PATCH", THINGS "/x", "{\"metadata\":{\"finalizers\":[\"e.io/hold\"]}}", 200,
			.type = MERGE),
		R("GET", "/apis/e.io/v2/namespaces/default/things", NULL, 200),
		R("GET", "/apis/e.io/v2/things", NULL, 200, .accept = TABLE),
		R("PATCH", THINGS "/x?fieldManager=f",
			"{\"apiVersion\":\"e.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":"
			"\"x\"},\"spec\":{\"a\":\"1\"}}",
			200, .type = APPLY),
		R("GET", "/apis/e.io/v1", NULL, 200),
		R("PATCH", DEFINITIONS "/things.e.io",
			"[{\"op\":\"add\",\"path\":\"/spec/versions/0/schema/openAPIV3Schema/"
			"properties/spec/properties/b\",\"value\":{\"type\":\"string\",\"default\":"
			"\"d\"}}]",
			200, .type = JSON6902),
		R("GET", THINGS "/x", NULL, 200),
		R("DELETE", DEFINITIONS "/things.e.io", NULL, 200),
	};
	static const struct request end[] = {
		R("PATCH", THINGS "/x", "{\"metadata\":{\"finalizers\":null}}", 200, .type = MERGE),
	};
	static const struct request gone = R("GET", DEFINITIONS "/things.e.io", NULL, 404);

	ask_all(t, definition, ARRAY_LEN(definition));
	api_world_pass(&t->w, 10 * SEC);
	ask_all(t, objects, ARRAY_LEN(objects));
	api_world_pass(&t->w, 10 * SEC);
	ask_all(t, end, ARRAY_LEN(end));
	api_world_pass(&t->w, 10 * SEC);
	ask(t, &gone);
}

static void review(struct torture *t)
{
	static const struct request all[] = {
		R("POST", ACCOUNTS, "{\"metadata\":{\"name\":\"default\"}}", 201),
		R("POST", ACCOUNTS "/default/token", "{\"spec\":{}}", 201),
		R("POST", "/apis/authentication.k8s.io/v1/tokenreviews",
			"{\"spec\":{\"token\":\"rigtoken\"}}", 201),
		R("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", 201),
		R("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
			"{\"spec\":{\"resourceAttributes\":{\"verb\":\"get\",\"resource\":\"pods\"}"
			"}}",
			201),
		R("POST",
			"/apis/authorization.k8s.io/v1/namespaces/default/"
			"localsubjectaccessreviews",
			"{\"spec\":{\"user\":\"u\",\"resourceAttributes\":{\"namespace\":"
			"\"default\","
			"\"verb\":\"get\",\"resource\":\"pods\"}}}",
			201),
		R("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
			"{\"metadata\":{\"name\":\"r\"},\"rules\":[]}", 201),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

static void describe(struct torture *t)
{
	static const struct request all[] = {
		R("GET", "/openapi/v2", NULL, 200),
		R("GET", "/openapi/v3", NULL, 200),
		R("GET", "/openapi/v3/apis/apps/v1", NULL, 200),
		R("GET", "/api", NULL, 200),
		R("GET", "/apis", NULL, 200,
			.accept = "application/"
				  "json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"),
		R("GET", "/apis/apps/v1", NULL, 200),
		R("GET", "/version", NULL, 200),
		R("GET", "/readyz?verbose", NULL, 200),
		R("GET", "/metrics", NULL, 200),
		R("GET", "/nowhere", NULL, 404),
	};

	ask_all(t, all, ARRAY_LEN(all));
}

/* Events while others write, up to the server's end of it. */
static void follow(struct torture *t)
{
	static const struct request watch = R("GET",
		MAPS "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&"
		     "resourceVersionMatch=NotOlderThan&timeoutSeconds=5",
		NULL, 200);
	static const struct request write =
		R("POST", MAPS, "{\"metadata\":{\"generateName\":\"w-\"}}", 201);
	struct client_call c;
	struct arena a;
	struct told told;
	struct buf events = BUF_INIT(MIB);
	bool goes_on;

	call_init(t, &c, &a, &watch);
	t->t->ops->start(&c, wait_op(t, &told));
	goes_on = got(t, &told);
	for (int i = 0; goes_on && i < 100; i++) {
		if (i < 3)
			ask(t, &write);
		t->t->ops->read(&c, wait_op(t, &told), &events, 64 * KIB);
		goes_on = got(t, &told) && told.n > 0;
	}
	if (t->strict)
		EXPECT(str_find(buf_str(&events), STR("ADDED")) >= 0);
	t->t->ops->end(&c);
	buf_done(&events);
	arena_done(&a);
}

/* Two at a time, and one that leaves without waiting. */
static void race(struct torture *t)
{
	static const struct request one = R("PATCH", MAPS "/m", "{\"data\":{\"a\":\"1\"}}", 200,
					    .type = MERGE),
				    two = R("PATCH", MAPS "/m", "{\"data\":{\"b\":\"2\"}}", 200,
					    .type = MERGE),
				    three = R("DELETE", MAPS "/m", NULL, 200);
	const struct request *all[] = {&one, &two, &three};
	struct client_call c[3];
	struct arena a[3];
	struct told told[3];

	ask(t, &(struct request)R("POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}", 201));
	for (int i = 0; i < 3; i++) {
		call_init(t, &c[i], &a[i], all[i]);
		t->t->ops->start(&c[i], wait_op(t, &told[i]));
	}
	op_cancel(&told[1].op);
	for (int i = 0; i < 3; i++) {
		got(t, &told[i]);
		t->t->ops->end(&c[i]);
		arena_done(&a[i]);
	}
}

/* ---- a plugin that asks somebody, and waits ---- */

static void pondered(struct op *op, struct err *err)
{
	struct admission_review *a = CONTAINER_OF(op, struct admission_review, op);

	admission_resume(a, err->code ? request_status(a->request, err) : NULL);
}

static bool ponder(struct admission_review *a, struct status **no)
{
	struct api_request *r = a->request;

	*no = NULL;
	a->again = true; /* and all are asked once more */
	op_init(&a->op, &r->x->scope, pondered, r->deadline);
	timer_wait(&a->op, loop_in(r->server->env->loop, MSEC));
	return true;
}

static void make_it_wait(struct torture *t)
{
	static const struct admission_plugin plugin = {.name = "Ponder", .operations = 15};
	static const struct admission_waits waits = {"Ponder", ponder, ponder};

	admission_add(t->w.server->admission, &plugin, &waits);
}

#define PONDER(name)                                                                               \
	static void ponder_##name(struct torture *t)                                               \
	{                                                                                          \
		make_it_wait(t);                                                                   \
		name(t);                                                                           \
	}

PONDER(write_maps)
PONDER(use_custom)
PONDER(use_services)
PONDER(use_pods)
PONDER(use_workloads)
PONDER(review)
PONDER(race)

/* ---- torture ---- */

typedef void scenario_fn(struct torture *t);

static void drop_transport(struct torture *t)
{
	struct told told = {0};

	t->t->ops->stop(t->t, told_op(&told, t->w.root, OP_NO_DEADLINE));
	api_world_await(&t->w, &told);
	told_done(&told);
	t->t->ops->free(TAKE(t->t));
}

static void serves_on(struct torture *t)
{
	static const struct request all[] = {
		R("POST", MAPS, "{\"metadata\":{\"generateName\":\"after-\"}}", 201),
		R("GET", MAPS, NULL, 200),
		R("GET", "/readyz", NULL, 200),
	};

	t->strict = true;
	api_world_pass(&t->w, SEC);
	ask_all(t, all, ARRAY_LEN(all));
}

/* false: there was no such await. */
static bool run_round(scenario_fn *scenario, bool far, uint64_t k, int code)
{
	struct torture t = {.strict = k == 0};
	struct client_config config = {.server = STR("http://10.0.0.1"), .token = STR("rigtoken")};
	bool hit = false;

	if (api_world_open(&t.w, 7, NULL)) {
		t.t = far ? client_transport_https(t.w.far, t.w.root, &config)
			  : client_transport_local(t.w.host, t.w.root, api_world_enter, t.w.server);
		loop_torture(t.w.loop, k, code);
		scenario(&t);
		hit = loop_torture_hit(t.w.loop);
		loop_torture(t.w.loop, 0, 0);
		serves_on(&t);
		drop_transport(&t);
	}
	api_world_close(&t.w);
	return hit;
}

static void torture(scenario_fn *scenario, bool far)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	run_round(scenario, far, 0, 0);
	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		uint64_t k = 0;

		do {
			k++;
			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[c]));
		} while (k < 3000 && !test_failed() && run_round(scenario, far, k, codes[c]));
		EXPECT(k > 10 && k < 3000);
	}
	test_context_end();
}

#define TORTURE(test_name, scenario, far)                                                          \
	TEST(test_name)                                                                            \
	{                                                                                          \
		torture(scenario, far);                                                            \
	}

TORTURE(writes_may_fail_anywhere, write_maps, false)
TORTURE(reads_may_fail_anywhere, read_maps, false)
TORTURE(large_answers_may_fail_anywhere, read_much, false)
TORTURE(services_may_fail_anywhere, use_services, false)
TORTURE(pods_may_fail_anywhere, use_pods, false)
TORTURE(workloads_may_fail_anywhere, use_workloads, false)
TORTURE(reviews_may_fail_anywhere, review, false)
TORTURE(definitions_may_fail_anywhere, use_custom, false)
TORTURE(documents_may_fail_anywhere, describe, false)
TORTURE(watches_may_fail_anywhere, follow, false)
TORTURE(races_may_fail_anywhere, race, false)
TORTURE(writes_may_fail_anywhere_on_the_wire, write_maps, true)
TORTURE(watches_may_fail_anywhere_on_the_wire, follow, true)
TORTURE(writes_that_wait_may_fail_anywhere, ponder_write_maps, false)
TORTURE(services_that_wait_may_fail_anywhere, ponder_use_services, false)
TORTURE(custom_objects_that_wait_may_fail_anywhere, ponder_use_custom, false)
TORTURE(pods_that_wait_may_fail_anywhere, ponder_use_pods, false)
TORTURE(workloads_that_wait_may_fail_anywhere, ponder_use_workloads, false)
TORTURE(reviews_that_wait_may_fail_anywhere, ponder_review, false)
TORTURE(races_of_those_that_wait_may_fail_anywhere, ponder_race, false)
TORTURE(writes_that_wait_may_fail_anywhere_on_the_wire, ponder_write_maps, true)

/* ---- the server's own life ---- */

TEST(starts_and_ends_may_fail_anywhere)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		bool hit = true;

		for (uint64_t k = 1; hit && !test_failed(); k++) {
			struct api_world w;

			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[c]));
			api_world_init(&w, 7, NULL);
			loop_torture(w.loop, k, codes[c]);
			if (!api_world_start(&w))
				api_world_stop(&w);
			hit = loop_torture_hit(w.loop);
			loop_torture(w.loop, 0, 0);
			EXPECT_INT(api_world_start(&w), 0);
			api_world_close(&w);
		}
	}
	test_context_end();
}
