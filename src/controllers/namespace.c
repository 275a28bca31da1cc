/*
 * The end of namespaces: everything in them is deleted, pods before all else, so that what pods
 * need outlives them; when nothing is left, the namespace loses its finalizer (namespace_pass.c).
 */
#include "namespace_pass.h"

#define WORKERS 10

struct ns_controller {
	struct part part;
	struct ns_work work;
	struct informer_handler handler;
	struct ns_worker workers[WORKERS];
	struct task stopping;
};

/* ---- life ---- */

static void namespace_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct ns_controller *c = h->ctx;

	(void)initial;
	if (!fresh || !object_scan(fresh, "metadata.deletionTimestamp").len)
		return;
	/* Its own conditions are no reason to look; somebody else's finalizers are. */
	if (old && object_scan(old, "metadata.deletionTimestamp").len &&
		str_eq(object_scan(old, "spec"), object_scan(fresh, "spec")))
		return;
	workqueue_add(c->work.queue, client_object_name(fresh));
}

enum stop_step { STOP_QUEUE, STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"queue", "scope", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct ns_controller *c = CONTAINER_OF(t, struct ns_controller, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_QUEUE:
		workqueue_stop(c->work.queue, task_await(t, STOP_SCOPE, OP_NO_DEADLINE));
		return;
	case STOP_SCOPE:
		scope_close(&c->work.scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

static void ns_stop(struct part *p, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("namespace stop", stop_steps, stop_run);
	struct ns_controller *c = CONTAINER_OF(p, struct ns_controller, part);
	struct err none = {0};

	informer_remove_handler(c->work.namespaces, &c->handler);
	c->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &c->stopping);
	stop_run(&c->stopping, &none);
}

static void ns_free(struct part *p)
{
	struct ns_controller *c = CONTAINER_OF(p, struct ns_controller, part);

	for (int i = 0; i < WORKERS; i++)
		ns_worker_done(&c->workers[i]);
	workqueue_free(c->work.queue);
	mem_free(c);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct part_ops ops = {.name = "namespaces", .stop = ns_stop, .free = ns_free};
	struct ns_controller *c = mem_new(sizeof(*c));

	(void)k;
	c->part.ops = &ops;
	c->work.world = w;
	scope_init(&c->work.scope, w->base.scope, "namespaces", NULL);
	c->work.queue = workqueue_new(w->base.env->loop, &c->work.scope,
		&(struct workqueue_options){.name = "namespaces"});
	c->work.namespaces =
		controllers_informer(w, resource_find(STR(""), STR("v1"), STR("namespaces")));
	c->handler = (struct informer_handler){.changed = namespace_changed, .ctx = c};
	informer_add_handler(c->work.namespaces, &c->handler);
	for (int i = 0; i < WORKERS; i++)
		ns_worker_start(&c->workers[i], &c->work);
	return &c->part;
}

const struct controller_kind namespace_kind = {
	.name = "namespace-controller", .aliases = "namespace", .start = start};
