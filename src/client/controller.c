/*
 * The runner of plans. A worker takes a key, lets the controller decide, writes what it wants,
 * and keeps the key until the caches have seen what was written: whoever decides next about that
 * key sees a world in which its last decision is already there.
 */
#include "rate.h"

#include <kube/plan.h>

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#define WORKERS       5
#define WRITE_TIMEOUT (30 * SEC)
#define CAUGHT_UP     (5 * MINUTE) /* the longest a key is kept for a cache, as upstream expects */
#define BEHIND        (10 * SEC)   /* so much later, its watch is not what it seems */
#define RETRY         (100 * MSEC)
#define LOOK_RETRY    (5 * SEC) /* at most */

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

/* A cache that is to see something before the key goes on. */
struct catch_up {
	struct informer *informer;
	int64_t revision;
	struct str gone_key, gone_uid; /* or that an object goes */
};

struct worker {
	struct task task;
	struct op op;
	struct controller *controller;
	size_t synced; /* informers, from the first */
	struct str key;
	struct arena arena; /* of the plan */
	struct plan plan;
	size_t step, looked_for; /* of the plan */
	struct client_request request;
	bool requesting, failed, conflict, told, goes_on;
	int64_t patience; /* until when it waits for an answer or a cache */
	struct backoff pause;
	struct str last_name; /* of what was written last; empty: it was gone already */
	struct catch_up *waits;
	size_t wait_count, wait_cap, waited;
};

struct controller {
	struct controller_options options;
	struct informer **informers;
	struct scope scope;
	struct workqueue *queue;
	struct worker *workers;
	size_t worker_count;
	struct controller_stats stats;
	struct task stopping;
};

static void work_run(struct task *t, struct err *err);
static const struct task_kind work_kind = TASK_KIND("controller worker", work_steps, work_run);

static struct env *env_of(const struct worker *w)
{
	return client_env(w->controller->options.client);
}

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
	struct loop *loop = env_of(w)->loop;

	client_request_init(r, writes[s->verb].verb, s->resource, s->namespace, s->name);
	w->requesting = true;
	r->subresource = str_from(writes[s->verb].subresource);
	r->body = s->verb == PLAN_DELETE ? delete_options(w, s) : s->body;
	r->force = s->verb == PLAN_APPLY || s->verb == PLAN_APPLY_STATUS;
	if (r->force)
		r->field_manager = str_from(o->name);
	client_send(o->client, task_await(&w->task, WORK_WRITTEN, loop_in(loop, o->timeout)), r);
}

/* ---- what the caches have to see of it ---- */

static struct catch_up *add_wait(struct worker *w, struct informer *informer, bool gone)
{
	/* One revision a cache is enough: the highest. */
	for (size_t i = 0; i < w->wait_count && !gone; i++)
		if (w->waits[i].informer == informer && !w->waits[i].gone_key.len)
			return &w->waits[i];
	if (w->wait_count == w->wait_cap) {
		size_t cap = w->wait_cap ? w->wait_cap * 2 : 8;
		struct catch_up *waits = arena_alloc(&w->arena, cap * sizeof(*waits));

		if (w->wait_count)
			memcpy(waits, w->waits, w->wait_count * sizeof(*waits));
		w->waits = waits;
		w->wait_cap = cap;
	}
	struct catch_up *wait = &w->waits[w->wait_count++];
	*wait = (struct catch_up){.informer = informer};
	return wait;
}

static void note_wait(
	struct worker *w, const struct plan_step *s, bool gone, struct str uid, int64_t revision)
{
	const struct controller *c = w->controller;
	struct arena *a = &w->arena;

	for (size_t i = 0; i < c->options.informer_count; i++) {
		struct informer *informer = c->informers[i];

		if (informer_resource(informer) != s->resource ||
			!informer_covers(informer, s->namespace))
			continue;
		struct catch_up *wait = add_wait(w, informer, gone);
		wait->revision = MAX(wait->revision, revision);
		if (!gone)
			continue;
		wait->gone_uid = arena_str(a, uid);
		wait->gone_key = s->namespace.len ? arena_print(a, "%.*s/%.*s", STRF(s->namespace),
							    STRF(s->name))
						  : s->name;
	}
}

/* By a deletion, or by a write that took away the last of what held it: the answer shows it then
 * at the revision that it had. */
static bool went(const struct plan_step *s, const struct cJSON *answer)
{
	bool ending = tree_has(answer, "metadata.deletionTimestamp");

	if (s->verb == PLAN_DELETE)
		return !ending;
	return ending && !json_count(json_path(answer, "metadata.finalizers")) &&
	       tree_int(answer, "metadata.deletionGracePeriodSeconds", 0) == 0;
}

static void note_written(struct worker *w, const struct plan_step *s)
{
	const struct client_request *r = &w->request;
	bool gone = went(s, r->object);
	struct str uid = s->precondition_uid;
	int64_t revision = 0;

	w->last_name = arena_str(&w->arena, s->name);
	if (s->verb == PLAN_CREATE)
		w->last_name = arena_str(&w->arena, tree_str(r->object, "metadata.name"));
	if (gone && !uid.len)
		uid = tree_str(r->object, s->verb == PLAN_DELETE ? "details.uid" : "metadata.uid");
	if (gone || str_to_i64(tree_str(r->object, "metadata.resourceVersion"), &revision))
		note_wait(w, s, gone, uid, revision);
}

static void catch_up(struct worker *w)
{
	const struct catch_up *wait = &w->waits[w->waited];
	int64_t soon = MIN(w->patience, loop_in(env_of(w)->loop, BEHIND));
	struct op *op = task_await(&w->task, WORK_CAUGHT_UP, soon);

	if (wait->gone_key.len)
		informer_wait_gone(wait->informer, op, wait->gone_key, wait->gone_uid);
	else
		informer_wait_revision(wait->informer, op, wait->revision);
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
		catch_up(w);
		return;
	}
	key_over(w);
	take_key(w);
}

static void finish_key(struct worker *w)
{
	w->patience = loop_in(env_of(w)->loop, CAUGHT_UP);
	catch_up_next(w);
}

/* A cache that does not come after all must not keep the key for ever. */
static void caught_up(struct worker *w, const struct err *err)
{
	bool late = err->code == ERR_TIMEOUT;

	if (late)
		informer_hurry(w->waits[w->waited].informer);
	if (!late || loop_now(env_of(w)->loop) >= w->patience)
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
	o->reconcile(o->ctx, w->key, env_wall(env_of(w)), &w->plan);
	if (w->plan.failed) {
		c->stats.failures++;
		log_v(2, "not done yet", LOG_TEXT("controller", o->name), LOG_STR("key", w->key),
			LOG_STR("why", w->plan.why));
	}
	next_step(w);
}

/* The controller's own word about a refusal. What it adds is done, what it had planned is not. */
static bool tell_refusal(struct worker *w, size_t step, const struct err *err)
{
	const struct controller_options *o = &w->controller->options;
	struct plan_refusal refusal = {.err = err, .status = w->request.status};
	size_t planned = w->plan.count;

	w->told = true;
	refusal.step = arena_copy(&w->arena, &w->plan.steps[step], sizeof(*refusal.step));
	bool again = o->refused(o->ctx, &w->plan, &refusal, env_wall(env_of(w)));
	w->step = planned;
	return again;
}

/* What a failed write means: nothing, come again, or come again and say so. Does the plan go on? */
static bool judge(struct worker *w, size_t step, const struct err *err)
{
	struct controller *c = w->controller;
	const struct plan_step s = w->plan.steps[step];

	if ((s.verb == PLAN_DELETE || s.verb == PLAN_ABSENT) && err->code == ERR_NOT_FOUND) {
		w->last_name = (struct str){0};
		return true;
	}
	if (err->code == ERR_CONFLICT || err->code == ERR_ALREADY_EXISTS ||
		(s.verb == PLAN_CONFIRM && err->code == ERR_NOT_FOUND)) {
		c->stats.conflicts++;
		w->conflict = true;
		return false;
	}
	bool tell = c->options.refused && !w->told && err->code != ERR_CANCELLED;
	if (tell && !tell_refusal(w, step, err))
		return true;
	w->failed = true;
	c->stats.failures++;
	if (err->code != ERR_CANCELLED)
		log_error(err, "cannot write", LOG_TEXT("controller", c->options.name),
			LOG_STR("key", w->key), LOG_STR("resource", s.resource->plural),
			LOG_STR("namespace", s.namespace), LOG_STR("name", s.name));
	return tell;
}

static bool is_confirmed(const struct plan_step *s, const struct cJSON *object)
{
	return str_eq(tree_str(object, "metadata.uid"), s->precondition_uid) &&
	       !tree_has(object, "metadata.deletionTimestamp");
}

/* The first no may bring another question; the last brings the key again, later each time. */
static bool is_allowed(struct worker *w, size_t step)
{
	_cleanup_(err_done) struct err no = {0};

	if (json_bool(json_path(w->request.object, "status.allowed")))
		return true;
	err_set(&no, ERR_FORBIDDEN, "the access review was not approved");
	if (!w->controller->options.refused || w->told) {
		w->failed = true;
		return false;
	}
	w->failed |= tell_refusal(w, step, &no);
	return true;
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
		task_await(&w->task, WORK_LOOKED, loop_in(env_of(w)->loop, o->timeout)),
		&w->request);
}

static void note_found(struct worker *w, const struct err *err)
{
	const struct plan_step *s = &w->plan.steps[w->looked_for];
	int64_t revision = 0;

	if (err->code == ERR_NOT_FOUND && s->precondition_uid.len)
		note_wait(w, s, true, s->precondition_uid, 0);
	else if (!err->code &&
		 str_to_i64(tree_str(w->request.object, "metadata.resourceVersion"), &revision))
		note_wait(w, s, false, STR(""), revision);
}

static void looked(struct worker *w, const struct err *err)
{
	struct env *env = env_of(w);
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
	bool unsure = is_unsure(w, step, err), goes_on = true;

	w->controller->stats.writes +=
		s->verb != PLAN_CONFIRM && s->verb != PLAN_ABSENT && s->verb != PLAN_ALLOWED;
	if (err->code)
		goes_on = judge(w, step, err);
	else if (s->verb == PLAN_CONFIRM)
		w->conflict = !(goes_on = is_confirmed(s, w->request.object));
	else if (s->verb == PLAN_ABSENT)
		goes_on = false;
	else if (s->verb == PLAN_ALLOWED)
		goes_on = is_allowed(w, step);
	else
		note_written(w, s);
	w->requesting = false;
	client_request_done(&w->request);
	w->goes_on = goes_on;
	if (!unsure) {
		go_on(w);
		return;
	}
	w->looked_for = step;
	w->patience = loop_in(env_of(w)->loop, CAUGHT_UP);
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
				loop_in(env_of(w)->loop, RETRY));
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
				loop_in(env_of(w)->loop, RETRY));
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

/* ---- life ---- */

static void start_worker(struct worker *w);

static void worker_ended(struct op *op, struct err *err)
{
	struct worker *w = CONTAINER_OF(op, struct worker, op);

	/* Refused its beginning, it begins again. */
	if (err->code && !scope_closing(&w->controller->scope))
		start_worker(w);
}

static void start_worker(struct worker *w)
{
	op_init(&w->op, &w->controller->scope, worker_ended, OP_NO_DEADLINE);
	task_start(&w->task, &work_kind, &w->op);
}

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
		start_worker(&c->workers[i]);
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
