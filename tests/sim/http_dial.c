/* Connections to a name with several addresses, in virtual time. */
#include "loop_test.h"

#include <kube/http_client.h>
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/sim.h>
#include <kube/time.h>

/* ---- a host whose names have two addresses: one that is silent, one that answers ---- */

static const struct transport_ops *below;
static struct transport_ops doubled;

static void resolve_both(struct env *env, struct op *op, struct str host, struct addresses *found)
{
	static const struct op_kind kind = {.name = "resolve"};
	const struct ip both[] = {ip_v4(192, 0, 2, 3), ip_v4(192, 0, 2, 2)};

	(void)env, (void)host;
	if (!op_begin(op, &kind, NULL))
		return;
	found->items = mem_copy(both, sizeof(both));
	found->count = ARRAY_LEN(both);
	op_finish(op, 2);
}

static void double_names(struct env *env)
{
	below = env->transport;
	doubled = *below;
	doubled.resolve = resolve_both;
	env->transport = &doubled;
}

static void answer(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void serve(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	op_init(&x->op, &x->scope, answer, OP_NO_DEADLINE);
	http_respond(x, &x->op, 200, NULL, 0, STR("here"));
}

/* How long a call takes while the first address is silent. */
static int64_t call_takes(int64_t patience, int *code)
{
	struct sim *sim = sim_new(1);
	struct loop *loop = sim_loop(sim);
	struct scope *root = loop_root(loop);
	struct env *near = sim_host(sim, "near", ip_v4(192, 0, 2, 1));
	struct env *far = sim_host(sim, "far", ip_v4(192, 0, 2, 2));
	struct env *silent = sim_host(sim, "silent", ip_v4(192, 0, 2, 3));
	struct http_server_options server_options = {.handler = serve};
	struct http_client_options options = {.connect_timeout = patience};
	struct address at = address_of(ip_v4(0, 0, 0, 0), 80);
	struct told told = {0};
	struct http_call call;
	struct err err = {0};

	sim_part(sim, near, silent, true);
	double_names(near);
	struct http_server *server = http_server_new(far, root, &server_options);
	EXPECT_OK(http_server_listen(server, &at, NULL, &err), &err);
	struct http_client *client = http_client_new(near, root, &options);
	int64_t began = loop_now(loop);
	http_call_init(&call, client, STR("GET"), STR("http://double/"));
	http_call_start(&call, told_op(&told, root, OP_NO_DEADLINE));
	EXPECT_OK(loop_run_until(loop, &told.done, &err), &err);
	int64_t took = loop_now(loop) - began;
	*code = told.err.code;
	http_call_done(&call);
	http_client_stop(client, told_op(&told, root, OP_NO_DEADLINE));
	EXPECT_OK(loop_run_until(loop, &told.done, &err), &err);
	http_server_stop(server, told_op(&told, root, OP_NO_DEADLINE), 0);
	EXPECT_OK(loop_run_until(loop, &told.done, &err), &err);
	http_client_free(client);
	http_server_free(server);
	EXPECT_OK(loop_run(loop, &err), &err);
	sim_free(sim);
	told_done(&told);
	return took;
}

TEST(a_silent_address_leaves_time_for_the_next)
{
	int code;

	EXPECT(call_takes(30 * SEC, &code) < 16 * SEC);
	EXPECT_INT(code, 0);
	/* No address gets less than two seconds, but the whole is never exceeded. */
	EXPECT(call_takes(3 * SEC, &code) < 2500 * MSEC);
	EXPECT_INT(code, 0);
	EXPECT_INT(call_takes(SEC, &code), SEC);
	EXPECT_INT(code, ERR_TIMEOUT);
}
