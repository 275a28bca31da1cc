/*
 * The scheduler: takes pods from the queue, decides, gives. As many decisions a turn of the loop
 * as keep it lively; the rest goes on from the run queue.
 */
#include "shell.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define NODES_A_TURN 20000 /* looked at, before others get their turn */
#define PODS_A_TURN  64
#define GIVING_MAX   512 /* bindings at a time */
#define CHORES_MAX   32
#define RETRY        (100 * MSEC)

int64_t scheduler_now(const struct scheduler *s)
{
	return loop_now(s->base.env->loop);
}

const struct profile *scheduler_profile(const struct scheduler *s, struct str name)
{
	for (size_t i = 0; i < s->profile_count; i++)
		if (str_eq(s->profiles[i].name, name))
			return &s->profiles[i];
	return NULL;
}

void scheduler_happened(struct scheduler *s, const struct happening *h)
{
	queue_happened(&s->queue, &s->cluster, h, scheduler_now(s));
	scheduler_kick(s);
}

/* ---- a turn ---- */

/* How many nodes were looked at. */
static size_t try_pod(struct scheduler *s, struct queued *e)
{
	struct cycle c = {.cluster = &s->cluster,
		.profile = e->profile,
		.pod = e->pod,
		.arena = &s->cycle_arena};
	struct decision d;

	schedule(&c, &d);
	if (d.node)
		binding_start(s, &c, e, &d);
	else
		failure_handle(s, e, &d);
	arena_reset(&s->cycle_arena);
	return d.evaluated;
}

static void set_timer(struct scheduler *s);

static void take_turn(struct scheduler *s)
{
	size_t nodes = 0, pods = 0;
	struct queued *e;

	queue_flush(&s->queue, scheduler_now(s));
	while (nodes < NODES_A_TURN && pods < PODS_A_TURN && s->gift_count < GIVING_MAX &&
		(e = queue_take(&s->queue, scheduler_now(s)))) {
		nodes += try_pod(s, e) + 1;
		pods++;
	}
	if (pods && s->gift_count < GIVING_MAX)
		scheduler_kick(s);
	else
		set_timer(s);
}

static void turn_came(struct op *op, struct err *err)
{
	struct scheduler *s = CONTAINER_OF(op, struct scheduler, turn);

	(void)err; /* a refused yield has come, too */
	if (!scope_closing(&s->scope))
		take_turn(s);
}

void scheduler_kick(struct scheduler *s)
{
	if (!s->synced || op_active(&s->turn) || scope_closing(&s->scope))
		return;
	op_init(&s->turn, &s->scope, turn_came, OP_NO_DEADLINE);
	op_yield(&s->turn);
}

/* ---- backoffs ---- */

static void timer_came(struct op *op, struct err *err)
{
	struct scheduler *s = CONTAINER_OF(op, struct scheduler, timer);

	(void)err; /* cancelled: there is an earlier one to wait for */
	scheduler_kick(s);
}

static void set_timer(struct scheduler *s)
{
	int64_t next = queue_next(&s->queue);

	if (next == INT64_MAX)
		return;
	if (op_active(&s->timer)) {
		if (next < s->timer_at)
			op_cancel(&s->timer);
		return;
	}
	s->timer_at = next;
	op_init(&s->timer, &s->scope, timer_came, OP_NO_DEADLINE);
	timer_wait(&s->timer, next);
}

/* ---- the beginning ---- */

static void sync_next(struct scheduler *s);

static void retry_came(struct op *op, struct err *err)
{
	struct scheduler *s = CONTAINER_OF(op, struct scheduler, syncing);

	(void)err;
	if (!scope_closing(&s->scope))
		sync_next(s);
}

static void sync_came(struct op *op, struct err *err)
{
	struct scheduler *s = CONTAINER_OF(op, struct scheduler, syncing);

	if (scope_closing(&s->scope))
		return;
	if (err->code) {
		op_init(&s->syncing, &s->scope, retry_came, OP_NO_DEADLINE);
		timer_wait(&s->syncing, loop_in(s->base.env->loop, RETRY));
		return;
	}
	sync_next(s);
}

static struct informer *unsynced(struct scheduler *s)
{
	for (size_t i = 0; i < SHELF_COUNT; i++)
		if (!informer_synced(s->shelves[i].informer))
			return s->shelves[i].informer;
	if (!informer_synced(s->nodes.informer))
		return s->nodes.informer;
	return informer_synced(s->pods.informer) ? NULL : s->pods.informer;
}

static void sync_next(struct scheduler *s)
{
	struct informer *i = unsynced(s);

	if (!i) {
		s->synced = true;
		log_v(2, "the scheduler begins",
			LOG_INT("nodes", (int64_t)s->cluster.by_name.count));
		scheduler_kick(s);
		return;
	}
	op_init(&s->syncing, &s->scope, sync_came, OP_NO_DEADLINE);
	informer_wait_synced(i, &s->syncing);
}

/* ---- life ---- */

enum stop_step { STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"scope", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct scheduler *s = CONTAINER_OF(t, struct scheduler, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_SCOPE:
		scope_close(&s->scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		chores_drop(&s->chores);
		chores_drop(&s->announcer.chores);
		task_finish(t, 0);
		return;
	}
}

static void scheduler_stop(struct part *part, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("scheduler stop", stop_steps, stop_run);
	struct scheduler *s = CONTAINER_OF(part, struct scheduler, part);
	struct err none = {0};

	watches_end(s);
	s->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &s->stopping);
	stop_run(&s->stopping, &none);
}

static void scheduler_free(struct part *part)
{
	struct scheduler *s = CONTAINER_OF(part, struct scheduler, part);

	queue_done(&s->queue);
	cluster_done(&s->cluster);
	announcer_done(&s->announcer);
	arena_done(&s->cycle_arena);
	arena_done(&s->arena);
	mem_free(s);
}

static const struct part_ops scheduler_ops = {
	.name = "scheduler", .stop = scheduler_stop, .free = scheduler_free};

static void set_profiles(struct scheduler *s, const struct scheduler_options *o)
{
	struct str name = o->name.len ? o->name : STR("default-scheduler");

	for (size_t i = 0; i < o->profile_count && i < PROFILES_MAX; i++) {
		s->profiles[s->profile_count] = o->profiles[i];
		s->profiles[s->profile_count++].name = arena_str(&s->arena, o->profiles[i].name);
	}
	if (s->profile_count)
		return;
	profile_init(&s->profiles[s->profile_count++], arena_str(&s->arena, name));
	s->profiles[0].percent_scored = o->percent_scored;
}

struct part *scheduler_new(
	const struct component_base *base, const struct scheduler_options *options)
{
	struct scheduler *s = mem_new(sizeof(*s));
	uint64_t seed = options->seed;

	s->part.ops = &scheduler_ops;
	s->base = *base;
	arena_init(&s->arena);
	arena_init(&s->cycle_arena);
	scope_init(&s->scope, base->scope, "scheduler", NULL);
	if (!seed)
		env_random(base->env, &seed, sizeof(seed));
	cluster_init(&s->cluster, seed);
	queue_init(&s->queue, &(struct queue_options){.min_backoff = options->min_backoff,
				      .max_backoff = options->max_backoff});
	list_init(&s->gifts);
	set_profiles(s, options);
	s->chores = (struct chores){.client = base->client, .scope = &s->scope, .most = CHORES_MAX};
	list_init(&s->chores.waiting);
	announcer_init(&s->announcer, base, &s->scope);
	watches_start(s);
	sync_next(s);
	return &s->part;
}
