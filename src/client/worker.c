#include "worker.h"

#include <kube/api_codec.h>
#include <kube/log.h>

#define CAUGHT_UP  (5 * MINUTE) /* the longest a key is kept for a cache, as upstream expects */
#define BEHIND     (10 * SEC)   /* so much later, its watch is not what it seems */
#define RETRY      (100 * MSEC)
#define LOOK_RETRY (5 * SEC) /* at most */

/*
 * A decision that reads thousands of objects must not be made anew for each event about one of
 * them: the loop would do nothing else. So a key rests after it, five times as long as it took, at
 * about 1 ns a byte of what was read and made. Small ones come at once.
 */
#define RESTS_FROM  ((int64_t)(512 * KIB))
#define RESTS_RATIO 5
#define RESTS_MOST  SEC

enum work_step {
	WORK_SYNC,
	WORK_TAKE,
	WORK_DECIDE,
	WORK_WRITTEN,
	WORK_LOOK,
	WORK_LOOKED,
	WORK_CAUGHT_UP
};
static const char *const work_steps[] = {
	"sync", "take", "decide", "written", "look", "looked", "caught up"};

/* ---- what is to be written ---- */

static const struct {
	enum client_verb verb;
	const char *subresource;
} writes[] = {
	[PLAN_CREATE] = {CLIENT_CREATE, ""},
	[PLAN_UPDATE] = {CLIENT_UPDATE, ""},
	[PLAN_UPDATE_STATUS] = {CLIENT_UPDATE, "status"},
	[PLAN_PATCH] = {CLIENT_PATCH_MERGE, ""},
	[PLAN_PATCH_STRATEGIC] = {CLIENT_PATCH_STRATEGIC, ""},
	[PLAN_PATCH_STATUS] = {CLIENT_PATCH_MERGE, "status"},
	[PLAN_APPLY] = {CLIENT_APPLY, ""},
	[PLAN_APPLY_STATUS] = {CLIENT_APPLY, "status"},
	[PLAN_DELETE] = {CLIENT_DELETE, ""},
	[PLAN_CONFIRM] = {CLIENT_GET, ""},
	[PLAN_ABSENT] = {CLIENT_GET, ""},
	[PLAN_ALLOWED] = {CLIENT_CREATE, ""},
	[PLAN_APPROVE] = {CLIENT_UPDATE, "approval"},
};

static struct cJSON *delete_options(struct worker *w, const struct plan_step *s)
{
	struct arena *a = &w->arena;

	if (!s->precondition_uid.len && !s->precondition_version.len)
		return s->body;
	struct cJSON *options = s->body ? s->body : json_new(a, JSON_OBJECT);
	tree_set_str(a, options, "kind", STR("DeleteOptions"));
	tree_set_str(a, options, "apiVersion", STR("v1"));
	if (s->precondition_uid.len)
		tree_set_str(a, options, "preconditions.uid", s->precondition_uid);
	if (s->precondition_version.len)
		tree_set_str(a, options, "preconditions.resourceVersion", s->precondition_version);
	return options;
}

static void send_step(struct worker *w, const struct plan_step *s)
{
	const struct controller_options *o = &w->controller->options;
	struct client_request *r = &w->request;
	struct loop *loop = worker_env(w)->loop;

	client_request_init(r, writes[s->verb].verb, s->resource, s->namespace, s->name);
	w->requesting = true;
	r->subresource = str_from(writes[s->verb].subresource);
	r->body = s->verb == PLAN_DELETE ? delete_options(w, s) : s->body;
	r->force = s->verb == PLAN_APPLY || s->verb == PLAN_APPLY_STATUS;
	if (r->force)
		r->field_manager = str_from(o->name);
	client_send(o->client, task_await(&w->task, WORK_WRITTEN, loop_in(loop, o->timeout)), r);
}

/* ---- one key ---- */

static void take_key(struct worker *w)
{
	workqueue_take(
		w->controller->queue, task_await(&w->task, WORK_DECIDE, OP_NO_DEADLINE), &w->key);
}

static void key_over(struct worker *w)
{
	struct workqueue *q = w->controller->queue;

	if (w->failed || w->conflict || w->plan.failed)
		workqueue_add_failed(q, w->key);
	else
		workqueue_forget(q, w->key);
	if (w->plan.requeue_after)
		workqueue_add_after(q, w->key, w->plan.requeue_after);
	int64_t size = (int64_t)w->arena.size;
	int64_t rest = size < RESTS_FROM ? 0 : MIN(size * RESTS_RATIO, RESTS_MOST);
	workqueue_done_resting(q, w->key, rest);
	w->key = (struct str){0};
	arena_reset(&w->arena);
}

static void catch_up_next(struct worker *w)
{
	if (w->waited < w->wait_count) {
		int64_t soon = MIN(w->patience, loop_in(worker_env(w)->loop, BEHIND));

		worker_catch_up(w, task_await(&w->task, WORK_CAUGHT_UP, soon));
		return;
	}
	key_over(w);
	take_key(w);
}

static void finish_key(struct worker *w)
{
	w->patience = loop_in(worker_env(w)->loop, CAUGHT_UP);
	catch_up_next(w);
}

/* A cache that does not come after all must not keep the key for ever. */
static void caught_up(struct worker *w, const struct err *err)
{
	bool late = err->code == ERR_TIMEOUT;

	if (late)
		informer_hurry(w->waits[w->waited].informer);
	if (!late || loop_now(worker_env(w)->loop) >= w->patience)
		w->waited++;
	catch_up_next(w);
}

static void tell_event(struct worker *w, const struct plan_step *s)
{
	struct event_recorder *recorder = w->controller->options.recorder;
	struct str message = s->message;

	if (!recorder)
		return;
	if (s->names_last && !w->last_name.len)
		return;
	if (s->names_last)
		message = arena_print(&w->arena, "%.*s%.*s", STRF(s->message), STRF(w->last_name));
	event_record(recorder, &s->about, s->event_type, s->reason, message);
}

static void next_step(struct worker *w)
{
	while (w->step < w->plan.count) {
		const struct plan_step *s = &w->plan.steps[w->step];

		if (s->verb != PLAN_EVENT) {
			send_step(w, s);
			return;
		}
		tell_event(w, s);
		w->step++;
	}
	finish_key(w);
}

static void decide(struct worker *w)
{
	struct controller *c = w->controller;
	const struct controller_options *o = &c->options;

	w->plan = (struct plan){.arena = &w->arena};
	w->step = w->wait_count = w->wait_cap = w->waited = 0;
	w->last_name = (struct str){0};
	w->failed = w->conflict = w->told = false;
	c->stats.reconciles++;
	o->reconcile(o->ctx, w->key, env_wall(worker_env(w)), &w->plan);
	if (w->plan.failed) {
		c->stats.failures++;
		log_v(2, "not done yet", LOG_TEXT("controller", o->name), LOG_STR("key", w->key),
			LOG_STR("why", w->plan.why));
	}
	next_step(w);
}

static void go_on(struct worker *w)
{
	/* What follows may rest on what could not be done. */
	if (w->goes_on)
		next_step(w);
	else
		finish_key(w);
}

/*
 * No answer came: it may have been done all the same. Who decides next is to see it, so the server
 * is asked for what stands there now. What has no name cannot be asked for.
 */
static bool is_unsure(const struct worker *w, size_t step, const struct err *err)
{
	const struct plan_step *s = &w->plan.steps[step];
	bool reads = s->verb == PLAN_CONFIRM || s->verb == PLAN_ABSENT;
	bool unsent = err->code == ERR_REFUSED || err->code == ERR_UNREACHABLE;

	return err->code && !reads && !unsent && !w->request.code && s->name.len;
}

static void look(struct worker *w)
{
	const struct controller_options *o = &w->controller->options;
	const struct plan_step *s = &w->plan.steps[w->looked_for];

	client_request_init(&w->request, CLIENT_GET, s->resource, s->namespace, s->name);
	w->requesting = true;
	client_send(o->client,
		task_await(&w->task, WORK_LOOKED, loop_in(worker_env(w)->loop, o->timeout)),
		&w->request);
}

static void note_found(struct worker *w, const struct err *err)
{
	const struct plan_step *s = &w->plan.steps[w->looked_for];
	int64_t revision = 0;

	if (err->code == ERR_NOT_FOUND && s->precondition_uid.len)
		worker_note_wait(w, s, true, s->precondition_uid, 0);
	else if (!err->code &&
		 str_to_i64(tree_str(w->request.object, "metadata.resourceVersion"), &revision))
		worker_note_wait(w, s, false, STR(""), revision);
}

static void looked(struct worker *w, const struct err *err)
{
	struct env *env = worker_env(w);
	bool answered = !err->code || w->request.code || loop_now(env->loop) >= w->patience;

	note_found(w, err);
	w->requesting = false;
	client_request_done(&w->request);
	if (answered)
		go_on(w);
	else
		timer_wait(task_await(&w->task, WORK_LOOK, OP_NO_DEADLINE),
			loop_in(env->loop, backoff_next(&w->pause, env)));
}

static void written(struct worker *w, const struct err *err)
{
	size_t step = w->step++;
	const struct plan_step *s = &w->plan.steps[step];
	bool unsure = is_unsure(w, step, err);

	w->controller->stats.writes +=
		s->verb != PLAN_CONFIRM && s->verb != PLAN_ABSENT && s->verb != PLAN_ALLOWED;
	w->goes_on = worker_judge(w, step, err);
	w->requesting = false;
	client_request_done(&w->request);
	if (!unsure) {
		go_on(w);
		return;
	}
	w->looked_for = step;
	w->patience = loop_in(worker_env(w)->loop, CAUGHT_UP);
	w->pause = (struct backoff){.base = RETRY, .max = LOOK_RETRY, .reset = MINUTE};
	look(w);
}

/* ---- the worker ---- */

static void sync_next(struct worker *w)
{
	struct controller *c = w->controller;

	if (w->synced == c->options.informer_count) {
		take_key(w);
		return;
	}
	informer_wait_synced(
		c->informers[w->synced++], task_await(&w->task, WORK_SYNC, OP_NO_DEADLINE));
}

static void give_up(struct worker *w)
{
	if (w->requesting)
		client_request_done(&w->request);
	w->requesting = false;
	if (w->key.len)
		workqueue_done(w->controller->queue, w->key);
	w->key = (struct str){0};
	task_finish(&w->task, 0);
}

static void work_run(struct task *t, struct err *err)
{
	struct worker *w = CONTAINER_OF(t, struct worker, task);

	if (scope_closing(&w->controller->scope)) {
		give_up(w);
		return;
	}
	switch ((enum work_step)t->step) {
	case WORK_SYNC:
		if (err->code && w->synced)
			w->synced--; /* once more */
		if (err->code == ERR_CLOSED)
			timer_wait(task_await(t, WORK_SYNC, OP_NO_DEADLINE),
				loop_in(worker_env(w)->loop, RETRY));
		else
			sync_next(w);
		return;
	case WORK_TAKE:
		take_key(w);
		return;
	case WORK_DECIDE:
		if (!err->code)
			decide(w);
		else if (err->code == ERR_CLOSED)
			give_up(w);
		else
			timer_wait(task_await(t, WORK_TAKE, OP_NO_DEADLINE),
				loop_in(worker_env(w)->loop, RETRY));
		return;
	case WORK_WRITTEN:
		written(w, err);
		return;
	case WORK_LOOK:
		look(w);
		return;
	case WORK_LOOKED:
		looked(w, err);
		return;
	case WORK_CAUGHT_UP:
		caught_up(w, err);
		return;
	}
}

static void worker_ended(struct op *op, struct err *err)
{
	struct worker *w = CONTAINER_OF(op, struct worker, op);

	/* Refused its beginning, it begins again. */
	if (err->code && !scope_closing(&w->controller->scope))
		worker_start(w);
}

void worker_start(struct worker *w)
{
	static const struct task_kind kind = TASK_KIND("controller worker", work_steps, work_run);

	op_init(&w->op, &w->controller->scope, worker_ended, OP_NO_DEADLINE);
	task_start(&w->task, &kind, &w->op);
}
