/*
 * The garbage collector. What owners and dependents look like is asked of the caches (gc_graph.c);
 * whether an owner is really gone, of the API (gc_collector.c).
 */
#include "gc_collector.h"

#define WORKERS    20
#define MAX_ABSENT 10000

struct gc {
	struct part part;
	struct gc_work work;
	struct collector collectors[WORKERS];
	struct task stopping;
};

/* ---- what is to be looked at ---- */

void gc_work_look(void *ctx, const struct resource *r, struct object *o)
{
	struct gc_work *work = ctx;
	struct arena a;

	arena_init(&a);
	workqueue_add(work->queue,
		arena_print(&a, "%.*s/%.*s %.*s %.*s/%.*s", STRF(r->group), STRF(r->plural),
			STRF(object_scan(o, "metadata.uid")), STRF(client_object_namespace(o)),
			STRF(client_object_name(o))));
	arena_done(&a);
}

static struct str absent_key(struct arena *a, struct str namespace, struct str uid)
{
	return arena_print(a, "%.*s/%.*s", STRF(namespace), STRF(uid));
}

bool gc_work_has_lost(
	const struct gc_work *work, struct arena *a, struct str namespace, struct str uid)
{
	return map_has(&work->absent, absent_key(a, namespace, uid));
}

/* A uid that has gone does not come again. */
void gc_work_lost(void *ctx, struct str namespace, struct str uid)
{
	struct gc_work *work = ctx;
	struct arena a;

	arena_init(&a);
	if (work->absent.count >= MAX_ABSENT) {
		map_done(&work->absent);
		map_init(&work->absent);
	}
	map_set(&work->absent, absent_key(&a, namespace, uid), work);
	arena_done(&a);
}

/* ---- life ---- */

enum stop_step { STOP_QUEUE, STOP_GRAPH, STOP_EVENTS, STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"queue", "graph", "events", "scope", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct gc *gc = CONTAINER_OF(t, struct gc, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_QUEUE:
		workqueue_stop(gc->work.queue, task_await(t, STOP_GRAPH, OP_NO_DEADLINE));
		return;
	case STOP_GRAPH:
		gc_graph_stop(gc->work.graph, task_await(t, STOP_EVENTS, OP_NO_DEADLINE));
		return;
	case STOP_EVENTS:
		event_recorder_stop(gc->work.recorder, task_await(t, STOP_SCOPE, OP_NO_DEADLINE));
		return;
	case STOP_SCOPE:
		scope_close(&gc->work.scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

static void gc_stop(struct part *p, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("gc stop", stop_steps, stop_run);
	struct gc *gc = CONTAINER_OF(p, struct gc, part);
	struct err none = {0};

	gc->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &gc->stopping);
	stop_run(&gc->stopping, &none);
}

static void gc_free(struct part *p)
{
	struct gc *gc = CONTAINER_OF(p, struct gc, part);

	for (int i = 0; i < WORKERS; i++)
		collector_done(&gc->collectors[i]);
	gc_graph_free(gc->work.graph);
	event_recorder_free(gc->work.recorder);
	workqueue_free(gc->work.queue);
	map_done(&gc->work.absent);
	mem_free(gc);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct part_ops ops = {
		.name = "garbage collector", .stop = gc_stop, .free = gc_free};
	struct gc *gc = mem_new(sizeof(*gc));

	(void)k;
	gc->part.ops = &ops;
	gc->work.world = w;
	map_init(&gc->work.absent);
	scope_init(&gc->work.scope, w->base.scope, "garbage collector", NULL);
	gc->work.queue = workqueue_new(
		w->base.env->loop, &gc->work.scope, &(struct workqueue_options){.name = "garbage"});
	gc->work.recorder = event_recorder_new(
		w->base.client, &gc->work.scope, STR("garbage-collector-controller"), STR(""));
	gc->work.graph = gc_graph_new(&(struct gc_graph_options){.world = w,
		.catalog = w->catalog,
		.look = gc_work_look,
		.lost = gc_work_lost,
		.ctx = &gc->work});
	for (int i = 0; i < WORKERS; i++)
		collector_start(&gc->collectors[i], &gc->work);
	return &gc->part;
}

const struct controller_kind gc_kind = {
	.name = "garbage-collector-controller", .aliases = "garbagecollector", .start = start};
