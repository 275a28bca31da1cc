/*
 * OpenAPI v2 of other servers, which becomes part of ours: asked for every minute while they are
 * available, and kept as it was said last.
 */
#include "aggregate_private.h"

#include <kube/block.h>
#include <kube/json.h>
#include <kube/mem.h>
#include <kube/openapi.h>
#include <kube/time.h>

#include <stdlib.h>

#define AGAIN      (1 * MINUTE)
#define AFTER_FAIL (10 * SEC)
#define PATIENCE   (10 * SEC)
#define SPEC_MAX   (16 * MIB)

enum ask_step { ASK_BEGIN, ASK_HEAD, ASK_BODY };
static const char *const ask_steps[] = {"begin", "head", "body"};

struct aggregate_ask {
	struct task task;
	struct aggregate *aggregate;
	struct arena arena;
	struct str name; /* of the APIService */
	struct backend *backend;
	struct http_call call;
	bool called;
	struct buf answer;
};

/* ---- for documents ---- */

static int compare_ranks(const void *left, const void *right)
{
	const struct remote *a = *(struct remote *const *)left;
	const struct remote *b = *(struct remote *const *)right;

	if (a->group_rank != b->group_rank)
		return a->group_rank > b->group_rank ? -1 : 1;
	if (a->version_rank != b->version_rank)
		return a->version_rank > b->version_rank ? -1 : 1;
	return str_cmp(a->name, b->name);
}

struct openapi_foreign *aggregate_openapi_texts(
	struct api_server *s, struct arena *a, size_t *count)
{
	struct openapi_foreign *list;
	struct remote **ranked;
	size_t all = 0;

	*count = 0;
	list_each (l, &s->aggregate->all)
		all++;
	ranked = arena_new(a, (all + 1) * sizeof(struct remote *));
	list_each (l, &s->aggregate->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (m->spec)
			ranked[(*count)++] = m;
	}
	qsort(ranked, *count, sizeof(struct remote *), compare_ranks);
	list = arena_new(a, (*count + 1) * sizeof(*list));
	for (size_t i = 0; i < *count; i++)
		list[i] = (struct openapi_foreign){
			block_str(ranked[i]->spec), arena_str(a, ranked[i]->spec_prefix)};
	return list;
}

struct block *aggregate_openapi_block(struct api_server *s, struct str prefix)
{
	list_each (l, &s->aggregate->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (m->spec && str_eq(m->spec_prefix, prefix))
			return m->spec;
	}
	return NULL;
}

/* ---- asking ---- */

static struct remote *remote_of(const struct aggregate_ask *k)
{
	list_each (l, &k->aggregate->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (str_eq(m->name, k->name))
			return m;
	}
	return NULL;
}

static bool ask(struct aggregate_ask *k, const struct remote *m)
{
	struct aggregate *a = k->aggregate;
	struct api_user aggregator = {.name = STR("system:aggregator")};
	struct backend_target target = m->target;
	struct arena *memory = &k->call.arena;

	target.as = aggregate_identity(a, NULL);
	if (!target.as || backend_take(a->server->backends, &target, &k->backend, NULL))
		return false;
	http_call_init(&k->call, backend_client(k->backend), STR("GET"), STR(""));
	k->called = true;
	k->call.url = arena_print(memory, "%.*s/openapi/v2", STRF(backend_base(k->backend)));
	aggregate_add_user(memory, &k->call.headers, &aggregator);
	backend_add_headers(k->backend, memory, &k->call.headers);
	http_headers_add(memory, &k->call.headers, STR("Accept"), STR("application/json"));
	if (m->spec && m->spec_etag.len)
		http_headers_add(memory, &k->call.headers, STR("If-None-Match"), m->spec_etag);
	http_call_start(
		&k->call, task_await(&k->task, ASK_HEAD, loop_in(a->server->env->loop, PATIENCE)));
	return true;
}

static void take_spec(struct aggregate_ask *k, struct remote *m, struct str text)
{
	struct str etag = http_headers_get(&k->call.response, STR("Etag"));

	arena_reset(&m->spec_arena);
	m->spec_etag = arena_str(&m->spec_arena, etag);
	if (text.len ? m->spec && str_eq(block_str(m->spec), text) : !m->spec)
		return;
	block_unref(TAKE(m->spec));
	if (text.len)
		m->spec = block_from(text);
	k->aggregate->serial++;
}

/* Nothing is 404; what is no JSON was not said. */
static bool take_answer(struct aggregate_ask *k, struct remote *m)
{
	const struct json_options options = {.limits = {.max_bytes = SPEC_MAX}};
	struct cJSON *tree;

	if (k->call.status == 304)
		return true;
	if (k->call.status == 404) {
		take_spec(k, m, STR(""));
		return true;
	}
	if (k->call.status != 200 ||
		json_parse(&k->arena, buf_str(&k->answer), &options, &tree, NULL))
		return false;
	take_spec(k, m, buf_str(&k->answer));
	return true;
}

static void finish(struct aggregate_ask *k, struct remote *m, bool good)
{
	struct loop *loop = k->aggregate->server->env->loop;

	if (m)
		m->spec_due = loop_in(loop, good ? AGAIN : AFTER_FAIL);
	if (k->called)
		http_call_done(&k->call);
	k->called = false;
	backend_give(TAKE(k->backend));
	task_finish(&k->task, 0);
}

static void ask_run(struct task *t, struct err *err)
{
	struct aggregate_ask *k = CONTAINER_OF(t, struct aggregate_ask, task);
	struct remote *m = remote_of(k);

	if (err->code || !m) {
		finish(k, m, false);
		return;
	}
	switch ((enum ask_step)t->step) {
	case ASK_BEGIN:
		if (!ask(k, m))
			finish(k, m, false);
		return;
	case ASK_HEAD:
		http_call_read_all(&k->call,
			task_await(t, ASK_BODY, loop_in(k->aggregate->server->env->loop, PATIENCE)),
			&k->answer, SPEC_MAX);
		return;
	case ASK_BODY:
		finish(k, m, take_answer(k, m));
		return;
	}
}

static const struct task_kind ask_kind = TASK_KIND("api service openapi", ask_steps, ask_run);

/* ---- when ---- */

void aggregate_ask_free(struct aggregate *a)
{
	struct aggregate_ask *k = TAKE(a->ask);

	if (!k)
		return;
	if (k->called)
		http_call_done(&k->call);
	backend_give(k->backend);
	buf_done(&k->answer);
	arena_done(&k->arena);
	mem_free(k);
}

static void asked(struct op *op, struct err *err)
{
	struct aggregate *a = CONTAINER_OF(op, struct aggregate, asking);

	err_done(err);
	aggregate_ask_free(a);
	aggregate_ask_due(a);
}

static void begin(struct aggregate *a, const struct remote *m)
{
	struct aggregate_ask *k = mem_new(sizeof(*k));

	arena_init(&k->arena);
	buf_init(&k->answer, SPEC_MAX);
	k->aggregate = a;
	k->name = arena_str(&k->arena, m->name);
	a->ask = k;
	op_init(&a->asking, &a->server->scope, asked, OP_NO_DEADLINE);
	task_start(&k->task, &ask_kind, &a->asking);
}

void aggregate_ask_due(struct aggregate *a)
{
	if (a->ask || scope_closing(&a->server->scope))
		return;
	list_each (l, &a->all) {
		const struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (m->available && loop_now(a->server->env->loop) >= m->spec_due) {
			begin(a, m);
			return;
		}
	}
}
