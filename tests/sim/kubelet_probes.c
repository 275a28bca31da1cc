/* Probes of containers, and what follows from them, on virtual time. */
#include "kubelet_rig.h"

static struct fake_program programs[] = {
	{.name = "app", .here = true, .exec_out = "sick"},
};
static struct fake_program fresh[ARRAY_LEN(programs)];

static void open_rig(struct kubelet_rig *r)
{
	memcpy(fresh, programs, sizeof(fresh));
	kubelet_rig_open(r, fresh, ARRAY_LEN(fresh));
}

#define EXEC "'exec':{'command':['check']}"

TEST(a_sick_container_is_restarted)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','livenessProbe':{" EXEC
		",'periodSeconds':2}}]");
	rig_pass(&r, 10 * SEC);
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 9), 0);
	EXPECT(r.runtime.execs >= 4);
	fresh[0].exec_code = 1;
	rig_pass(&r, 7 * SEC);
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 9), 1);
	EXPECT(rig_events(&r, "p", "Unhealthy", "Liveness probe failed: sick") >= 3);
	EXPECT_INT(rig_events(&r, "p", "Killing",
			   "Container app failed liveness probe, will be restarted"),
		1);
	fresh[0].exec_code = 0;
	rig_pass(&r, MINUTE);
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 9), 1);
	kubelet_rig_close(&r);
}

TEST(readiness_comes_and_goes)
{
	struct kubelet_rig r;

	open_rig(&r);
	fresh[0].exec_code = 1;
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','readinessProbe':{" EXEC
		",'periodSeconds':1,'failureThreshold':2,'successThreshold':2}}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT(!rig_condition(&r, "p", "Ready"));
	fresh[0].exec_code = 0;
	rig_pass(&r, 3 * SEC);
	EXPECT(rig_condition(&r, "p", "Ready"));
	/* A new kubelet believes what was told before. */
	kubelet_rig_stop(&r);
	fresh[0].exec_takes = 500 * MSEC;
	kubelet_rig_start(&r);
	rig_pass(&r, 200 * MSEC);
	EXPECT(rig_condition(&r, "p", "Ready"));
	fresh[0].exec_takes = 0;
	fresh[0].exec_code = 1;
	rig_pass(&r, 4 * SEC);
	EXPECT(!rig_condition(&r, "p", "Ready"));
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 9), 0);
	kubelet_rig_close(&r);
}

TEST(others_wait_for_the_startup_probe)
{
	struct kubelet_rig r;

	open_rig(&r);
	fresh[0].exec_code = 1;
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','startupProbe':{" EXEC
		",'periodSeconds':1,'failureThreshold':10},'livenessProbe':{'exec':{'command':["
		"'alive']},'periodSeconds':1}}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(str_from(r.runtime.last_exec), "check");
	EXPECT(!tree_true(rig_container(&r, "p", "app"), "started"));
	EXPECT(!rig_condition(&r, "p", "Ready"));
	fresh[0].exec_code = 0;
	rig_pass(&r, 2 * SEC);
	EXPECT(tree_true(rig_container(&r, "p", "app"), "started"));
	EXPECT(rig_condition(&r, "p", "Ready"));
	EXPECT_STR(str_from(r.runtime.last_exec), "alive");
	kubelet_rig_close(&r);
}

TEST(a_probe_that_takes_too_long_has_failed)
{
	struct kubelet_rig r;

	open_rig(&r);
	fresh[0].exec_takes = 5 * SEC;
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','livenessProbe':{" EXEC
		",'periodSeconds':2,'timeoutSeconds':1,'failureThreshold':2}}]");
	rig_pass(&r, 4 * SEC);
	EXPECT_INT(rig_events(&r, "p", "Unhealthy",
			   "Liveness probe failed: command \"check\" timed out after 1s"),
		2);
	kubelet_rig_close(&r);
}

/* ---- over the network ---- */

static int answer_code;

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void answer(void *ctx, struct http_exchange *x)
{
	static const struct http_header away[] = {{STR_INIT("Location"), STR_INIT("/else")}};
	bool redirect = str_eq(x->request.target, STR("/away"));

	EXPECT_STR(http_headers_get(&x->request.headers, STR("User-Agent")), "kube-probe/1.36");
	EXPECT_STR(http_headers_get(&x->request.headers, STR("X-Own")), "yes");
	(void)ctx;
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, redirect ? 302 : answer_code, away, redirect, STR("hello"));
}

TEST(http_and_tcp_probes_knock_at_the_pod)
{
	struct http_server_options options = {.handler = answer, .name = "pod"};
	struct address at = address_of(ip_v4(10, 42, 0, 1), 8080);
	_cleanup_(err_done) struct err err = {0};
	struct told told = {0};
	struct kubelet_rig r;

	open_rig(&r);
	struct env *pod = sim_host(r.w.sim, "pod", ip_v4(10, 42, 0, 1));
	struct http_server *server = http_server_new(pod, r.w.root, &options);
	EXPECT_OK(http_server_listen(server, &at, &at, &err), &err);
	answer_code = 204;
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','ports':[{'name':'web','containerPort':"
		"8080}],'readinessProbe':{'httpGet':{'path':'/away','port':'web','httpHeaders':"
		"[{'name':'X-Own','value':'yes'}]},'periodSeconds':1,'failureThreshold':1},"
		"'livenessProbe':{'tcpSocket':{'port':9},'periodSeconds':3,'failureThreshold':99}"
		"}]");
	rig_pass(&r, 2 * SEC);
	EXPECT(rig_condition(&r, "p", "Ready"));
	EXPECT(rig_events(&r, "p", "Unhealthy",
		       "Liveness probe failed: dial tcp 10.42.0.1:9: connect: connection "
		       "refused") >= 1);
	answer_code = 500;
	rig_pass(&r, 2 * SEC);
	EXPECT(!rig_condition(&r, "p", "Ready"));
	EXPECT(rig_events(&r, "p", "Unhealthy",
		       "Readiness probe failed: HTTP probe failed with statuscode: 500") >= 1);
	http_server_stop(server, told_op(&told, r.w.root, OP_NO_DEADLINE), 0);
	api_world_await(&r.w, &told);
	told_done(&told);
	http_server_free(server);
	rig_pass(&r, 2 * SEC);
	EXPECT(rig_events(&r, "p", "Unhealthy",
		       "Readiness probe failed: Get \"http://10.42.0.1:8080/away\": dial tcp "
		       "10.42.0.1:8080: connect: connection refused") >= 1);
	kubelet_rig_close(&r);
}

/* ---- gRPC ---- */

static int health; /* of the service */
static bool implemented;

static void health_ended(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void health_wrote(struct op *op, struct err *err)
{
	static struct http_header items[] = {{STR_INIT("grpc-status"), STR_INIT("0")}};
	static const struct http_headers trailers = {.items = items, .count = 1};
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	if (err->code) {
		http_exchange_done(x);
		return;
	}
	op_init(&x->op, &x->scope, health_ended, OP_NO_DEADLINE);
	http_respond_end(x, &x->op, &trailers);
}

static void health_began(struct op *op, struct err *err)
{
	static char frame[7] = {0, 0, 0, 0, 2, 8, 0};
	static struct str part = {frame, sizeof(frame)};
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	if (err->code) {
		http_exchange_done(x);
		return;
	}
	frame[6] = (char)health;
	op_init(&x->op, &x->scope, health_wrote, OP_NO_DEADLINE);
	http_write(x, &x->op, &part, 1);
}

static void answer_health(void *ctx, struct http_exchange *x)
{
	static const struct http_header good[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/grpc")}};
	static const struct http_header bad[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/grpc")},
		{STR_INIT("grpc-status"), STR_INIT("12")},
		{STR_INIT("grpc-message"), STR_INIT("unknown service")}};

	(void)ctx;
	EXPECT_INT(x->request.version, HTTP_2);
	EXPECT_STR(x->request.target, "/grpc.health.v1.Health/Check");
	if (implemented) {
		op_init(&x->op, &x->scope, health_began, OP_NO_DEADLINE);
		http_respond_start(x, &x->op, 200, good, 1, HTTP_LENGTH_UNKNOWN);
	} else {
		op_init(&x->op, &x->scope, health_ended, OP_NO_DEADLINE);
		http_respond(x, &x->op, 200, bad, 3, STR(""));
	}
}

TEST(grpc_probes_ask_for_the_health_of_a_service)
{
	struct http_server_options options = {.handler = answer_health, .name = "pod"};
	struct address at = address_of(ip_v4(10, 42, 0, 1), 5000);
	_cleanup_(err_done) struct err err = {0};
	struct told told = {0};
	struct kubelet_rig r;

	open_rig(&r);
	struct env *pod = sim_host(r.w.sim, "pod", ip_v4(10, 42, 0, 1));
	struct http_server *server = http_server_new(pod, r.w.root, &options);
	EXPECT_OK(http_server_listen(server, &at, &at, &err), &err);
	health = 1;
	implemented = true;
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','readinessProbe':{'grpc':{'port':5000,"
		"'service':'s'},'periodSeconds':1,'failureThreshold':1}}]");
	rig_pass(&r, 2 * SEC);
	EXPECT(rig_condition(&r, "p", "Ready"));
	health = 2;
	rig_pass(&r, 2 * SEC);
	EXPECT(!rig_condition(&r, "p", "Ready"));
	EXPECT(rig_events(&r, "p", "Unhealthy",
		       "service unhealthy (responded with \"NOT_SERVING\")") >= 1);
	implemented = false;
	rig_pass(&r, 2 * SEC);
	EXPECT(rig_events(&r, "p", "Unhealthy",
		       "this server does not implement the grpc health protocol "
		       "(grpc.health.v1.Health): unknown service") >= 1);
	http_server_stop(server, told_op(&told, r.w.root, OP_NO_DEADLINE), 0);
	api_world_await(&r.w, &told);
	told_done(&told);
	http_server_free(server);
	rig_pass(&r, 2 * SEC);
	EXPECT(rig_events(&r, "p", "Unhealthy", "error: failed to connect service at") >= 1);
	kubelet_rig_close(&r);
}
