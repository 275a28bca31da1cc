#include "reflector.h"

#include <kube/log.h>
#include <kube/time.h>

#include <stdio.h>

/* client-go's numbers. */
#define BACKOFF_BASE  (800 * MSEC)
#define BACKOFF_MAX   (30 * SEC)
#define BACKOFF_RESET (2 * MINUTE)
#define WATCH_SECONDS 300 /* at least; at most twice that */
#define SHORT_WATCH   SEC
#define SILENCE       (5 * SEC) /* of a watch that ought to say something */
/* Ours: a server that has vanished without a word must not be waited for for ever. HTTP/2 finds
 * out in a minute; without it these are what does. */
#define LIST_PATIENCE (10 * MINUTE)
#define OPEN_PATIENCE (2 * MINUTE)
#define END_PATIENCE  (30 * SEC) /* behind the end that the server was asked for */

enum step { CHOOSE, LISTED, OPEN, OPENED, EVENT };
static const char *const steps[] = {"choose", "listed", "open", "opened", "event"};

static void run(struct task *t, struct err *err);
static const struct task_kind kind = TASK_KIND("reflector", steps, run);

static struct env *env_of(const struct reflector *r)
{
	return client_env(r->client);
}

static struct str revision_text(struct reflector *r)
{
	int n = snprintf(r->digits, sizeof(r->digits), "%lld", (long long)r->revision);

	return str_make(r->digits, (size_t)n);
}

/* ---- what is open ---- */

static void close_list(struct reflector *r)
{
	if (r->listing)
		client_list_done(&r->list);
	r->listing = false;
}

static void close_watch(struct reflector *r)
{
	if (r->watching)
		client_watch_done(&r->watch);
	r->watching = false;
}

/* ---- list ---- */

static int list_item(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	struct reflector *r = ctx;

	(void)err;
	r->events->item(r, o, tree);
	return 0;
}

static void list_again(void *ctx)
{
	struct reflector *r = ctx;

	r->events->begin(r);
}

static void begin_list(struct reflector *r)
{
	/* Whatever a cache has, at first; never older than what we have seen; the newest when
	 * that cannot be had. */
	struct str version = r->forgotten ? STR("") : r->revision ? revision_text(r) : STR("0");

	r->list = (struct client_list){.resource = r->resource,
		.namespace = r->namespace,
		.labels = r->labels,
		.fields = r->fields,
		.resource_version = version,
		/* Pages of a revision that is asked for would not come out of a server's cache. */
		.page = r->revision && !r->forgotten ? -1 : 0,
		.item = list_item,
		.again = list_again,
		.ctx = r};
	r->listing = true;
	r->lists++;
	r->events->begin(r);
	client_list_start(r->client,
		task_await(&r->task, LISTED, loop_in(env_of(r)->loop, LIST_PATIENCE)), &r->list);
}

static void set_revision(struct reflector *r, int64_t revision)
{
	r->revision = revision;
	r->events->advanced(r);
}

static void begin_watch(struct reflector *r);

static void list_ended(struct reflector *r)
{
	int64_t revision = r->list.revision;

	close_list(r);
	r->forgotten = false;
	r->list_first = false;
	r->events->end(r);
	set_revision(r, revision);
	begin_watch(r);
}

/* ---- watch ---- */

static void begin_watch(struct reflector *r)
{
	struct env *env = env_of(r);
	uint32_t random;

	env_random(env, &random, sizeof(random));
	r->watch = (struct client_watch){.resource = r->resource,
		.namespace = r->namespace,
		.labels = r->labels,
		.fields = r->fields,
		.bookmarks = true,
		.send_initial = r->initial,
		.timeout_seconds = WATCH_SECONDS + (int64_t)(random % WATCH_SECONDS)};
	if (!r->initial || (r->revision && !r->forgotten))
		r->watch.resource_version = revision_text(r);
	r->watching = true;
	r->watches++;
	r->opened = r->heard = loop_now(env->loop);
	r->events_before = r->event_count;
	if (r->initial)
		r->events->begin(r);
	client_watch_start(r->client,
		task_await(&r->task, OPENED, loop_in(env->loop, OPEN_PATIENCE)), &r->watch);
}

static void next_event(struct reflector *r)
{
	int64_t end = r->opened + r->watch.timeout_seconds * SEC + END_PATIENCE;

	client_watch_next(&r->watch, task_await(&r->task, EVENT, end));
}

static void initial_ended(struct reflector *r)
{
	r->initial = false;
	r->forgotten = false;
	r->events->end(r);
}

/* ERR_NONE, or the code of the ERROR that ends the watch. */
static int take_event(struct reflector *r, struct err *err)
{
	const struct client_event *e = &r->watch.event;

	r->event_count++;
	r->heard = loop_now(env_of(r)->loop);
	if (e->type == CLIENT_ERROR)
		return err_set(err, e->status->code == 410 ? ERR_EXPIRED : ERR_UNAVAILABLE, "%.*s",
			STRF(e->status->message));
	if (e->type == CLIENT_BOOKMARK) {
		if (r->initial && e->initial_end)
			initial_ended(r);
	} else if (r->initial && e->type == CLIENT_ADDED) {
		r->events->item(r, e->object, e->tree);
	} else if (!r->initial) {
		r->events->event(r, e->type, e->object, e->tree);
	}
	/* Before all is told, no revision stands for it. */
	if (!r->initial && e->revision > r->revision)
		set_revision(r, e->revision);
	return 0;
}

/* ---- trouble ---- */

static bool is_expired(const struct err *err)
{
	return err->code == ERR_EXPIRED || err->code == ERR_GONE;
}

/* Where to go on after a failure. */
static int step_after(struct reflector *r, const struct err *err)
{
	bool refused = r->watching && r->watch.status;
	bool later = err->code == ERR_TOO_MANY_REQUESTS || err->code == ERR_UNAVAILABLE ||
		     err->code == ERR_INTERNAL;

	/* A server that has yet to see our revision says so by a timeout. */
	if (is_expired(err) || (r->listing && r->list.status && err->code == ERR_TIMEOUT)) {
		r->forgotten = true;
		return CHOOSE;
	}
	if (r->watching && !r->initial && (!refused || later))
		return OPEN;
	if (refused)
		r->list_first = true;
	return CHOOSE;
}

static void wait_and(struct reflector *r, int step)
{
	struct env *env = env_of(r);

	timer_wait(task_await(&r->task, step, OP_NO_DEADLINE),
		loop_in(env->loop, backoff_next(&r->backoff, env)));
}

static void failed(struct reflector *r, const struct err *err)
{
	int step = step_after(r, err);
	bool at_once = r->hurried || (is_expired(err) && r->event_count != r->events_before);

	r->hurried = false;
	r->failures++;
	log_v(2, "watching is interrupted", LOG_STR("resource", r->resource->plural),
		LOG_TEXT("why", err_text(err)));
	close_list(r);
	close_watch(r);
	if (at_once)
		op_yield(task_await(&r->task, step, OP_NO_DEADLINE));
	else
		wait_and(r, step);
}

/* The server has ended it: usual after some minutes, suspicious at once. */
static void watch_ended(struct reflector *r)
{
	struct env *env = env_of(r);
	bool idle = r->event_count == r->events_before;
	bool brief = loop_now(env->loop) - r->opened < SHORT_WATCH;
	int step = r->initial ? CHOOSE : OPEN;

	close_watch(r);
	if (idle && brief)
		wait_and(r, step);
	else
		op_yield(task_await(&r->task, step, OP_NO_DEADLINE));
}

/* ---- the story ---- */

static void choose(struct reflector *r)
{
	r->initial = !r->no_watch_list && !r->list_first;
	if (r->initial)
		begin_watch(r);
	else
		begin_list(r);
}

static void run(struct task *t, struct err *err)
{
	struct reflector *r = CONTAINER_OF(t, struct reflector, task);

	if (scope_closing(r->scope)) {
		close_list(r);
		close_watch(r);
		task_finish(t, 0);
		return;
	}
	switch ((enum step)t->step) {
	case CHOOSE: /* behind a wait whose end is all that matters */
		choose(r);
		return;
	case LISTED:
		err->code ? failed(r, err) : list_ended(r);
		return;
	case OPEN:
		begin_watch(r);
		return;
	case OPENED:
		err->code ? failed(r, err) : next_event(r);
		return;
	case EVENT:
		if (!err->code && !t->wait.n)
			watch_ended(r);
		else if (err->code || take_event(r, err))
			failed(r, err);
		else
			next_event(r);
		return;
	}
}

void reflector_hurry(struct reflector *r)
{
	bool pauses = r->task.step == CHOOSE || r->task.step == OPEN;
	bool silent = r->task.step == EVENT && loop_now(env_of(r)->loop) - r->heard >= SILENCE;

	if (!op_active(&r->task.wait) || (!pauses && !silent))
		return;
	r->hurried = silent;
	op_cancel(&r->task.wait);
}

void reflector_start(struct reflector *r, struct op *op)
{
	r->scope = op->scope;
	r->backoff =
		(struct backoff){.base = BACKOFF_BASE, .max = BACKOFF_MAX, .reset = BACKOFF_RESET};
	task_start(&r->task, &kind, op);
}
