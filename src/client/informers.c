/* Informers that several share. */
#include <kube/informer.h>
#include <kube/mem.h>
#include <kube/task.h>

struct shared {
	struct link in_all;
	struct informer *informer;
	const struct resource *resource;
	char *key; /* namespace and selectors */
};

struct informers {
	struct client *client;
	struct scope scope;
	struct list items;
	struct task stopping;
	struct link *next; /* the one to be stopped */
};

struct informers *informers_new(struct client *c, struct scope *parent)
{
	struct informers *all = mem_new(sizeof(*all));

	all->client = c;
	list_init(&all->items);
	scope_init(&all->scope, parent, "informers", NULL);
	return all;
}

static bool has_indexes(struct informer *i, const struct informer_options *o);

struct informer *informers_get(struct informers *all, const struct informer_options *options)
{
	char *key = mem_print("%.*s\n%.*s\n%.*s", STRF(options->namespace), STRF(options->labels),
		STRF(options->fields));
	struct informer_options o = *options;

	list_each (k, &all->items) {
		struct shared *s = LIST_ENTRY(k, struct shared, in_all);

		if (s->resource != o.resource || strcmp(s->key, key))
			continue;
		mem_free(key);
		assert(has_indexes(s->informer, options));
		return s->informer;
	}
	struct shared *s = mem_new(sizeof(*s));
	o.client = all->client;
	s->key = key;
	s->resource = o.resource;
	s->informer = informer_new(&all->scope, &o);
	list_push(&all->items, &s->in_all);
	return s->informer;
}

/* Looking for nothing: an index that is not there would end the program. */
static bool has_indexes(struct informer *i, const struct informer_options *o)
{
	for (size_t k = 0; k < o->index_count; k++)
		informer_by(i, o->indexes[k].name, STR(""));
	return true;
}

/* ---- waiting for all ---- */

struct sync_wait {
	struct task task;
	struct informers *all;
	struct link *next;
	struct op *op;
	struct op inner;
};

static void sync_run(struct task *t, struct err *err)
{
	struct sync_wait *w = CONTAINER_OF(t, struct sync_wait, task);

	if (err->code) {
		task_fail(t, err);
		return;
	}
	if (!w->next) {
		task_finish(t, 0);
		return;
	}
	struct shared *s = LIST_ENTRY(w->next, struct shared, in_all);
	w->next = list_next(&w->all->items, w->next);
	informer_wait_synced(s->informer, task_await(t, 0, OP_NO_DEADLINE));
}

static const char *const sync_steps[] = {"informer"};
static const struct task_kind sync_kind = TASK_KIND("informers synced", sync_steps, sync_run);

static void all_synced(struct op *op, struct err *err)
{
	struct sync_wait *w = CONTAINER_OF(op, struct sync_wait, inner);
	struct op *outer = w->op;

	mem_free(w);
	if (err->code)
		op_fail(outer, err);
	else
		op_finish(outer, 0);
}

static void sync_cancel(struct op *op)
{
	struct sync_wait *w = op->ctx;

	op_cancel(&w->inner);
}

void informers_wait_synced(struct informers *all, struct op *op)
{
	static const struct op_kind kind = {.name = "informers", .cancel = sync_cancel};
	struct sync_wait *w = mem_new(sizeof(*w));

	if (!op_begin(op, &kind, w)) {
		mem_free(w);
		return;
	}
	w->all = all;
	w->op = op;
	w->next = list_first(&all->items);
	op_init(&w->inner, op->scope, all_synced, OP_NO_DEADLINE);
	task_start(&w->task, &sync_kind, &w->inner);
}

/* ---- the end ---- */

enum stop_step { STOP_NEXT, STOP_DONE };
static const char *const stop_steps[] = {"informer", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct informers *all = CONTAINER_OF(t, struct informers, stopping);

	(void)err;
	if (t->step == STOP_DONE) {
		task_finish(t, 0);
		return;
	}
	if (!all->next) {
		scope_close(&all->scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	}
	struct shared *s = LIST_ENTRY(all->next, struct shared, in_all);
	all->next = list_next(&all->items, all->next);
	informer_stop(s->informer, task_await(t, STOP_NEXT, OP_NO_DEADLINE));
}

void informers_stop(struct informers *all, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("informers stop", stop_steps, stop_run);
	struct err none = {0};

	all->next = list_first(&all->items);
	all->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &all->stopping);
	stop_run(&all->stopping, &none);
}

void informers_free(struct informers *all)
{
	if (!all)
		return;
	list_each_safe (k, &all->items) {
		struct shared *s = LIST_ENTRY(k, struct shared, in_all);

		link_remove(k);
		informer_free(s->informer);
		mem_free(s->key);
		mem_free(s);
	}
	mem_free(all);
}
