/*
 * The runner of plans. A worker takes a key, lets the controller decide, writes what it wants,
 * and keeps the key until the caches have seen what was written: whoever decides next about that
 * key sees a world in which its last decision is already there.
 */
#include "worker.h"

#define WORKERS       5
#define WRITE_TIMEOUT (30 * SEC)

struct controller *controller_new(struct scope *parent, const struct controller_options *options)
{
	struct controller *c = mem_new(sizeof(*c));
	struct controller_options *o = &c->options;
	struct env *env = client_env(options->client);

	*o = *options;
	o->workers = o->workers ? o->workers : WORKERS;
	o->timeout = o->timeout ? o->timeout : WRITE_TIMEOUT;
	c->informers = mem_new((o->informer_count + 1) * sizeof(struct informer *));
	for (size_t i = 0; i < o->informer_count; i++)
		c->informers[i] = o->informers[i];
	scope_init(&c->scope, parent, o->name, NULL);
	c->queue = workqueue_new(env->loop, &c->scope, &o->queue);
	c->worker_count = (size_t)o->workers;
	c->workers = mem_new(c->worker_count * sizeof(*c->workers));
	for (size_t i = 0; i < c->worker_count; i++) {
		c->workers[i].controller = c;
		arena_init(&c->workers[i].arena);
		worker_start(&c->workers[i]);
	}
	return c;
}

enum stop_step { STOP_QUEUE, STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"queue", "scope", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct controller *c = CONTAINER_OF(t, struct controller, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_QUEUE:
		workqueue_stop(c->queue, task_await(t, STOP_SCOPE, OP_NO_DEADLINE));
		return;
	case STOP_SCOPE:
		scope_close(&c->scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

void controller_stop(struct controller *c, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("controller stop", stop_steps, stop_run);
	struct err none = {0};

	c->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &c->stopping);
	stop_run(&c->stopping, &none);
}

void controller_free(struct controller *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->worker_count; i++)
		arena_done(&c->workers[i].arena);
	workqueue_free(c->queue);
	mem_free(c->workers);
	mem_free(c->informers);
	mem_free(c);
}

void controller_enqueue(struct controller *c, struct str key)
{
	workqueue_add(c->queue, key);
}

void controller_enqueue_after(struct controller *c, struct str key, int64_t ns)
{
	workqueue_add_after(c->queue, key, ns);
}

void controller_stats(const struct controller *c, struct controller_stats *stats)
{
	*stats = c->stats;
}
