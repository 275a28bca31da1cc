#include "usage.h"
#include "nodes.h"

#include <kube/mem.h>
#include <kube/time.h>

#define GOOD_FOR    (15 * SEC)
#define COMPARABLE  MINUTE /* an older look says nothing of now */
#define APART       SEC
#define LONGEST     (12 * SEC) /* kubelets measure every ten seconds, and not all at once */
#define PATIENCE    (8 * SEC)
#define ANSWER_MAX  (16 * MIB)
#define AT_ONCE_MAX 1000 /* kubelets */

/* One thing that uses something: two looks at its processor time, one at its memory. */
struct use {
	int64_t at, before; /* of the looks; 0: none */
	double cpu, cpu_before;
	int64_t memory;
	uint32_t look; /* the latest that it was seen by */
};

struct asking {
	struct usage *usage;
	struct http_call call;
	struct op op;
	struct buf text;
	struct str node;
	int64_t at;
};

struct usage {
	struct api_server *server;
	struct scope scope;
	struct map uses; /* "namespace\0pod\0container", "\0node\0" */
	struct arena arena;
	struct asking *asking; /* in flight */
	size_t count, left;
	struct waiter *waiters;
	struct op apart;
	int64_t began, looked; /* the first look of these; the end of the last */
	uint32_t look;
	struct op *stopping;
	struct op closed;
};

/* Those who wait for the picture. */
struct waiter {
	struct waiter *next;
	struct op *op;
};

static void look(struct usage *u);

/* ---- the picture ---- */

static struct str key_of(
	struct arena *a, struct str namespace, struct str pod, struct str container)
{
	return arena_print(a, "%.*s/%.*s/%.*s", STRF(namespace), STRF(pod), STRF(container));
}

static struct use *use_at(struct usage *u, struct str key)
{
	struct use *use = map_get(&u->uses, key);

	if (!use) {
		use = mem_new(sizeof(*use));
		map_set(&u->uses, key, use);
	}
	return use;
}

static void take_sample(struct asking *a, const struct usage_sample *s)
{
	bool node = str_starts(s->name, STR("node_")), container = s->container.len;
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	if (!node && !(container && str_starts(s->name, STR("container_"))))
		return;
	struct use *use =
		use_at(a->usage, node ? key_of(&scratch, STR(""), a->node, STR(""))
				      : key_of(&scratch, s->namespace, s->pod, s->container));
	use->look = a->usage->look;
	if (str_ends(s->name, STR("_cpu_usage_seconds_total"))) {
		int64_t at = s->at ? s->at : a->at;

		if (at <= use->at) /* as we know it already */
			return;
		use->before = s->value >= use->cpu ? use->at : 0;
		use->cpu_before = use->cpu;
		use->at = at;
		use->cpu = s->value;
	} else if (str_ends(s->name, STR("_memory_working_set_bytes"))) {
		use->memory = (int64_t)s->value;
	}
}

/* What no kubelet has spoken of for a while is gone. */
static void forget_old(struct usage *u)
{
	int64_t now = env_wall(u->server->env);

	map_each (it, &u->uses) {
		const struct use *use = it.value;

		if (now - use->at > COMPARABLE)
			mem_free(map_remove(&u->uses, it.key));
	}
}

static bool has_rate(const struct use *use)
{
	return use->before && use->at - use->before <= COMPARABLE + GOOD_FOR;
}

static bool all_have_rates(const struct usage *u)
{
	map_each (it, &u->uses) {
		const struct use *use = it.value;

		if (use->look == u->look && !has_rate(use))
			return false;
	}
	return true;
}

bool usage_of(const struct usage *u, struct str namespace, struct str pod, struct str container,
	struct usage_figure *figure)
{
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	const struct use *use = map_get(&u->uses, key_of(&scratch, namespace, pod, container));
	if (!use || !use->at)
		return false;
	*figure = (struct usage_figure){.at = use->at, .memory = use->memory, .nano_cores = -1};
	if (has_rate(use)) {
		figure->window = use->at - use->before;
		figure->nano_cores = (int64_t)((use->cpu - use->cpu_before) * 1e9 * 1e9 /
					       (double)figure->window);
	}
	return true;
}

/* ---- asking ---- */

static void tell(struct usage *u)
{
	while (u->waiters) {
		struct waiter *w = u->waiters;

		u->waiters = w->next;
		op_finish(w->op, 0);
		mem_free(w);
	}
}

static void again(struct op *op, struct err *err)
{
	struct usage *u = CONTAINER_OF(op, struct usage, apart);

	if (err->code)
		tell(u);
	else
		look(u);
}

/* What was not seen in the last minute must be seen again: a rate lies between two looks. */
static void all_answered(struct usage *u)
{
	int64_t now = loop_now(u->scope.loop);

	mem_free(TAKE(u->asking));
	arena_done(&u->arena);
	u->looked = now;
	if (!scope_closing(&u->scope) && !all_have_rates(u) && now - u->began < LONGEST) {
		op_init(&u->apart, &u->scope, again, OP_NO_DEADLINE);
		timer_wait(&u->apart, loop_in(u->scope.loop, APART));
		return;
	}
	forget_old(u);
	tell(u);
}

static void one_answered(struct asking *a)
{
	struct usage *u = a->usage;

	http_call_done(&a->call);
	buf_done(&a->text);
	if (--u->left == 0)
		all_answered(u);
}

static void text_read(struct op *op, struct err *err)
{
	struct asking *a = CONTAINER_OF(op, struct asking, op);
	struct str rest = buf_str(&a->text), line;
	struct usage_sample sample;

	while (!err->code && a->call.status == 200 && rest.len && str_next(&rest, '\n', &line))
		if (usage_parse_sample(line, &sample))
			take_sample(a, &sample);
	one_answered(a);
}

static void head_read(struct op *op, struct err *err)
{
	struct asking *a = CONTAINER_OF(op, struct asking, op);

	if (err->code) {
		one_answered(a);
		return;
	}
	a->at = env_wall(a->usage->server->env);
	op_init(op, &a->usage->scope, text_read, loop_in(a->usage->scope.loop, PATIENCE));
	http_call_read_all(&a->call, op, &a->text, ANSWER_MAX);
}

static bool prepare(struct usage *u, struct http_client *client, struct str node, struct asking *a)
{
	struct str base;

	if (nodes_locate(u->server, &u->arena, node, &base))
		return false;
	*a = (struct asking){.usage = u, .node = node};
	buf_init(&a->text, ANSWER_MAX);
	http_call_init(&a->call, client, STR("GET"),
		arena_print(&u->arena, "%.*s/metrics/resource", STRF(base)));
	a->call.body_length = HTTP_BODY_GIVEN;
	return true;
}

static void look(struct usage *u)
{
	const struct resource *nodes = resource_find(STR(""), STR("v1"), STR("nodes"));
	struct http_client *client = nodes_kubelets(u->server->nodes, NULL);
	struct bucket *bucket = server_bucket(u->server, nodes);
	struct store_iter it = store_seek(bucket, STR(""), STR(""));
	size_t most = 0;

	while (client && store_next(&it) && most < AT_ONCE_MAX)
		most++;
	arena_init(&u->arena);
	u->asking = mem_new((most + 1) * sizeof(*u->asking));
	u->count = 0;
	it = store_seek(bucket, STR(""), STR(""));
	while (most && store_next(&it) && u->count < most)
		u->count += prepare(u, client, arena_str(&u->arena, it.key), &u->asking[u->count]);
	u->left = u->count;
	u->look++;
	if (!u->count) {
		all_answered(u);
		return;
	}
	for (size_t i = 0; i < u->count; i++) {
		struct asking *a = &u->asking[i];

		op_init(&a->op, &u->scope, head_read, loop_in(u->scope.loop, PATIENCE));
		http_call_start(&a->call, &a->op);
	}
}

static void wait_cancel(struct op *op)
{
	struct usage *u = op->ctx;

	for (struct waiter **at = &u->waiters; *at; at = &(*at)->next)
		if ((*at)->op == op) {
			struct waiter *w = *at;

			*at = w->next;
			mem_free(w);
			break;
		}
	op_fail_cancelled(op);
}

void usage_refresh(struct usage *u, struct op *op)
{
	static const struct op_kind kind = {.name = "usage", .cancel = wait_cancel};
	bool under_way = u->asking || op_active(&u->apart);

	if (!op_begin(op, &kind, u))
		return;
	if (scope_closing(&u->scope)) {
		op_fail_cancelled(op);
		return;
	}
	if (!under_way && u->looked && loop_now(u->scope.loop) - u->looked < GOOD_FOR) {
		op_finish(op, 0);
		return;
	}
	struct waiter *w = mem_new(sizeof(*w));
	*w = (struct waiter){.next = u->waiters, .op = op};
	u->waiters = w;
	if (under_way)
		return;
	u->began = loop_now(u->scope.loop);
	look(u);
}

/* ---- life ---- */

struct usage *usage_new(struct api_server *s)
{
	struct usage *u = mem_new(sizeof(*u));

	u->server = s;
	map_init(&u->uses);
	scope_init(&u->scope, &s->scope, "usage", NULL);
	return u;
}

static void scope_closed(struct op *op, struct err *err)
{
	struct usage *u = CONTAINER_OF(op, struct usage, closed);

	(void)err;
	tell(u);
	op_finish(TAKE(u->stopping), 0);
}

void usage_stop(struct usage *u, struct op *op)
{
	static const struct op_kind kind = {.name = "usage stop"};

	op_begin_always(op, &kind, u);
	u->stopping = op;
	op_init(&u->closed, &u->server->scope, scope_closed, OP_NO_DEADLINE);
	scope_close(&u->scope, &u->closed);
}

void usage_free(struct usage *u)
{
	if (!u)
		return;
	map_each (it, &u->uses)
		mem_free(it.value);
	map_done(&u->uses);
	mem_free(u);
}
