/*
 * What servers answer: one body is read as an object, a refusal, a list and a watch. Whatever it
 * is, each ends, and objects that come out of it are sound.
 */
#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/mem.h>
#include <kube/sim.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

struct world {
	struct loop *loop;
	struct scope *root;
	struct client *client;
	struct str body;
	int status;
	int answers; /* a list that says it goes on gets the same page: not for ever */
};

struct waiting {
	struct op op;
	bool done;
	int code;
	int64_t n;
};

static void finished(struct op *op, struct err *err)
{
	struct waiting *w = CONTAINER_OF(op, struct waiting, op);

	w->done = true;
	w->code = err->code;
	w->n = op->n;
}

static struct op *wait_op(struct waiting *w, struct world *world)
{
	*w = (struct waiting){0};
	op_init(&w->op, world->root, finished, OP_NO_DEADLINE);
	return &w->op;
}

static void run(struct world *world, struct waiting *w)
{
	if (loop_run_until(world->loop, &w->done, NULL) || !w->done)
		abort();
}

static void over(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct world *world = ctx;

	op_init(&x->op, &x->scope, over, OP_NO_DEADLINE);
	http_respond(
		x, &x->op, world->status, NULL, 0, world->answers++ < 20 ? world->body : STR("{}"));
}

static void check(const struct object *o)
{
	if (!client_object_name(o).len || o->revision < 0 || !str_is_utf8(object_text(o)))
		abort();
}

static int item(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	(void)ctx;
	(void)tree;
	(void)err;
	check(o);
	return 0;
}

static void ask(struct world *world, const struct resource *r)
{
	struct waiting w;
	struct client_request q;
	struct client_list list = {.resource = r, .item = item, .page = -1};
	struct client_watch watch = {.resource = r};

	world->answers = 0;
	client_request_init(&q, CLIENT_GET, r, STR("a"), STR("b"));
	client_send(world->client, wait_op(&w, world), &q);
	run(world, &w);
	if (w.code && world->status >= 300 && !q.status)
		abort();
	client_request_done(&q);
	world->answers = 0;
	client_list_start(world->client, wait_op(&w, world), &list);
	run(world, &w);
	client_list_done(&list);
	world->answers = 0;
	client_watch_start(world->client, wait_op(&w, world), &watch);
	run(world, &w);
	while (!w.code) {
		client_watch_next(&watch, wait_op(&w, world));
		run(world, &w);
		if (w.code || !w.n)
			break;
		if (watch.event.object)
			check(watch.event.object);
	}
	client_watch_done(&watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct sim *sim = sim_new(1);
	struct env *env = sim_host(sim, "host", ip_v4(10, 0, 0, 1));
	struct client_options options = {.user_agent = "fuzz"};
	struct world world = {.loop = sim_loop(sim), .root = loop_root(sim_loop(sim))};
	struct waiting w;

	world.body = str_make((const char *)at, len);
	world.client =
		client_new(env, client_transport_local(env, world.root, handle, &world), &options);
	for (world.status = 200; world.status < 500; world.status += 209)
		ask(&world, resource_find(STR(""), STR("v1"), STR("pods")));
	client_stop(world.client, wait_op(&w, &world));
	run(&world, &w);
	client_free(world.client);
	sim_free(sim);
	return 0;
}
