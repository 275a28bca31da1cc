/*
 * Leader election through a Lease.
 *
 *	look ──> try ──ok──> lead: try again every retry period
 *	  ^       │            │ not renewed within the deadline, or taken by another
 *	  └─wait──┘            v
 *	  ^────────────── stopped, released
 */
#include <kube/leader.h>

#include "rate.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#define LEASE_DURATION (15 * SEC)
#define RENEW_DEADLINE (10 * SEC)
#define RETRY_PERIOD   (2 * SEC)
#define JITTER         1.2
#define RELEASE_TIME   (5 * SEC)

enum step { LOOK, SEEN, WRITTEN, RELEASED };
static const char *const steps[] = {"look", "seen", "written", "released"};

struct leader {
	struct leader_options options;
	struct scope scope;
	struct arena arena;
	struct task task, stopping;
	struct op running;
	struct op *awaiting; /* the end of the task */
	struct client_request request;
	bool requesting;
	/* the lease as last seen */
	struct cJSON *lease; /* NULL: never */
	struct arena lease_arena;
	struct str holder;
	int64_t observed; /* when it last changed, on our clock */
	/* ours */
	bool leads, stopped;
	bool fast;       /* what is tried is a renewal without a look */
	int64_t renewed; /* when we last succeeded */
};

static void run(struct task *t, struct err *err);
static const struct task_kind kind = TASK_KIND("leader", steps, run);

static struct env *env_of(const struct leader *l)
{
	return client_env(l->options.client);
}

static int64_t now_of(const struct leader *l)
{
	return loop_now(env_of(l)->loop);
}

/* ---- what is seen ---- */

/* Times of renewal are only compared for being different: clocks may disagree. */
static void observe(struct leader *l, const struct cJSON *lease)
{
	const struct cJSON *old = json_get(l->lease, STR("spec"));
	bool same = l->lease && json_equal(old, json_get(lease, STR("spec")));
	struct arena fresh;

	arena_init(&fresh);
	struct cJSON *copy = json_copy(&fresh, lease);
	struct str holder = tree_str(copy, "spec.holderIdentity");
	bool other = !str_eq(holder, l->holder);
	arena_done(&l->lease_arena);
	l->lease_arena = fresh;
	l->lease = copy;
	l->holder = holder;
	if (!same)
		l->observed = now_of(l);
	if (other && l->options.changed)
		l->options.changed(l->options.ctx, holder);
}

static bool is_valid(const struct leader *l)
{
	int64_t seconds = tree_int(l->lease, "spec.leaseDurationSeconds", 0);

	return l->holder.len && now_of(l) < l->observed + MIN(seconds, INT32_MAX) * SEC;
}

static bool is_ours(const struct leader *l)
{
	return str_eq(l->holder, l->options.identity);
}

/* ---- what is written ---- */

static struct str micro_time(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print_micro(&text, wall);
	return arena_str(a, buf_str(&text));
}

static struct cJSON *lease_body(struct leader *l, struct arena *a, bool release)
{
	const struct leader_options *o = &l->options;
	struct str now = micro_time(a, env_wall(env_of(l)));
	struct cJSON *body = l->lease ? json_copy(a, l->lease) : json_new(a, JSON_OBJECT);
	int64_t transitions = tree_int(body, "spec.leaseTransitions", 0);
	bool keeps = l->lease && is_ours(l);

	tree_set_str(a, body, "kind", STR("Lease"));
	tree_set_str(a, body, "apiVersion", STR("coordination.k8s.io/v1"));
	tree_set_str(a, body, "metadata.name", o->name);
	tree_set_str(a, body, "metadata.namespace", o->namespace);
	tree_set_str(a, body, "spec.holderIdentity", release ? STR("") : o->identity);
	tree_set_int(a, body, "spec.leaseDurationSeconds",
		release ? 1 : (o->lease_duration + SEC - 1) / SEC);
	if (!keeps || release)
		tree_set_str(a, body, "spec.acquireTime", now);
	tree_set_str(a, body, "spec.renewTime", now);
	tree_set_int(a, body, "spec.leaseTransitions", transitions + (l->lease && !keeps));
	return body;
}

static const struct resource *leases(void)
{
	return resource_find(STR("coordination.k8s.io"), STR("v1"), STR("leases"));
}

enum wish { WISH_LOOK, WISH_MAKE, WISH_HOLD, WISH_RELEASE };

static void send_request(
	struct leader *l, enum wish wish, struct task *t, int step, int64_t patience)
{
	static const enum client_verb verbs[] = {
		CLIENT_GET, CLIENT_CREATE, CLIENT_UPDATE, CLIENT_UPDATE};
	struct client_request *q = &l->request;

	client_request_init(q, verbs[wish], leases(), l->options.namespace, l->options.name);
	l->requesting = true;
	if (wish != WISH_LOOK)
		q->body = lease_body(l, &q->arena, wish == WISH_RELEASE);
	client_send(l->options.client, task_await(t, step, loop_in(env_of(l)->loop, patience)), q);
}

static void request_over(struct leader *l)
{
	if (l->requesting)
		client_request_done(&l->request);
	l->requesting = false;
}

/* ---- leading and not ---- */

static void lead(struct leader *l)
{
	l->renewed = now_of(l);
	if (l->leads)
		return;
	l->leads = true;
	if (l->options.started)
		l->options.started(l->options.ctx);
}

static void lose(struct leader *l)
{
	if (!l->leads)
		return;
	l->leads = false;
	if (l->options.stopped)
		l->options.stopped(l->options.ctx);
}

static int64_t patience(const struct leader *l)
{
	int64_t left = l->options.renew_deadline;

	if (l->leads)
		left = l->renewed + l->options.renew_deadline - now_of(l);
	return MAX(MIN(left, l->options.renew_deadline / 2), 1);
}

static void wait_to_look(struct leader *l)
{
	struct env *env = env_of(l);
	int64_t wait = l->options.retry_period;

	if (!l->leads)
		wait = jitter(env, wait, JITTER);
	else
		wait = MIN(wait, MAX(l->renewed + l->options.renew_deadline - now_of(l), 1));
	timer_wait(task_await(&l->task, LOOK, OP_NO_DEADLINE), loop_in(env->loop, wait));
}

/* ---- the story ---- */

/* A lease that is surely still ours is renewed without asking. */
static void look(struct leader *l)
{
	bool late = l->leads && now_of(l) >= l->renewed + l->options.renew_deadline;

	if (late) {
		lose(l);
		if (!l->options.keep_on_stop && is_ours(l)) {
			send_request(l, WISH_RELEASE, &l->task, RELEASED, RELEASE_TIME);
			return;
		}
	}
	l->fast = l->leads && is_ours(l) && is_valid(l);
	if (l->fast)
		send_request(l, WISH_HOLD, &l->task, WRITTEN, patience(l));
	else
		send_request(l, WISH_LOOK, &l->task, SEEN, patience(l));
}

static void seen(struct leader *l, const struct err *err)
{
	bool missing = err->code == ERR_NOT_FOUND && l->request.status;

	if (!err->code)
		observe(l, l->request.object);
	request_over(l);
	if (missing) {
		l->lease = NULL;
		l->holder = (struct str){0};
		send_request(l, WISH_MAKE, &l->task, WRITTEN, patience(l));
		return;
	}
	if (err->code) {
		wait_to_look(l);
		return;
	}
	if (l->holder.len && !is_ours(l) && is_valid(l)) {
		lose(l);
		wait_to_look(l);
		return;
	}
	send_request(l, WISH_HOLD, &l->task, WRITTEN, patience(l));
}

static void written(struct leader *l, const struct err *err)
{
	bool fast = TAKE(l->fast);

	if (!err->code) {
		observe(l, l->request.object);
		lead(l);
	}
	request_over(l);
	/* Somebody may have written it, or it may be gone: look at once. */
	if (err->code && fast && now_of(l) < l->renewed + l->options.renew_deadline)
		send_request(l, WISH_LOOK, &l->task, SEEN, patience(l));
	else
		wait_to_look(l);
}

static void run(struct task *t, struct err *err)
{
	struct leader *l = CONTAINER_OF(t, struct leader, task);

	if (scope_closing(&l->scope) || l->stopped) {
		/* What was being written when we were told to stop counts. */
		if (!err->code && t->step != LOOK && l->requesting)
			observe(l, l->request.object);
		request_over(l);
		task_finish(t, 0);
		return;
	}
	switch ((enum step)t->step) {
	case LOOK:
		look(l);
		return;
	case SEEN:
		seen(l, err);
		return;
	case WRITTEN:
		written(l, err);
		return;
	case RELEASED:
		if (!err->code)
			observe(l, l->request.object);
		request_over(l);
		wait_to_look(l);
		return;
	}
}

/* ---- life ---- */

static void start(struct leader *l);

static void ended(struct op *op, struct err *err)
{
	struct leader *l = CONTAINER_OF(op, struct leader, running);

	if (l->awaiting)
		op_finish(TAKE(l->awaiting), 0);
	else if (err->code && !l->stopped && !scope_closing(&l->scope))
		start(l); /* refused its beginning */
}

static void start(struct leader *l)
{
	op_init(&l->running, &l->scope, ended, OP_NO_DEADLINE);
	task_start(&l->task, &kind, &l->running);
}

struct leader *leader_new(struct scope *parent, const struct leader_options *options)
{
	struct leader *l = mem_new(sizeof(*l));
	struct leader_options *o = &l->options;

	*o = *options;
	arena_init(&l->arena);
	arena_init(&l->lease_arena);
	o->namespace = arena_str(&l->arena, o->namespace);
	o->name = arena_str(&l->arena, o->name);
	o->identity = arena_str(&l->arena, o->identity);
	o->lease_duration = o->lease_duration ? o->lease_duration : LEASE_DURATION;
	o->renew_deadline = o->renew_deadline ? o->renew_deadline : RENEW_DEADLINE;
	o->retry_period = o->retry_period ? o->retry_period : RETRY_PERIOD;
	assert(o->lease_duration > o->renew_deadline && o->renew_deadline > o->retry_period);
	scope_init(&l->scope, parent, "leader", NULL);
	start(l);
	return l;
}

enum stop_step { STOP_TASK, STOP_LOOK, STOP_RELEASE, STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"task", "look", "release", "scope", "done"};

/* The task sees that it is over at its next step, which the cancel brings. */
static void await_task(struct leader *l, struct op *op)
{
	static const struct op_kind task_end = {.name = "leader task"};

	op_begin_always(op, &task_end, l);
	if (!op_active(&l->running)) {
		op_finish(op, 0);
		return;
	}
	l->awaiting = op;
	op_cancel(&l->running);
}

static void stop_run(struct task *t, struct err *err)
{
	struct leader *l = CONTAINER_OF(t, struct leader, stopping);

	switch ((enum stop_step)t->step) {
	case STOP_TASK:
		await_task(l, task_await(t, STOP_LOOK, OP_NO_DEADLINE));
		return;
	case STOP_LOOK:
		if (is_ours(l) && l->holder.len && !l->options.keep_on_stop) {
			send_request(l, WISH_LOOK, t, STOP_RELEASE, RELEASE_TIME);
			return;
		}
		/* fallthrough */
	case STOP_RELEASE:
		if (t->step == STOP_RELEASE && !err->code) {
			observe(l, l->request.object);
			request_over(l);
			if (is_ours(l)) {
				send_request(l, WISH_RELEASE, t, STOP_SCOPE, RELEASE_TIME);
				return;
			}
		}
		/* fallthrough */
	case STOP_SCOPE:
		request_over(l);
		scope_close(&l->scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

void leader_stop(struct leader *l, struct op *op)
{
	static const struct task_kind stop_kind = TASK_KIND("leader stop", stop_steps, stop_run);
	struct err none = {0};

	l->stopped = true;
	lose(l);
	l->stopping = (struct task){.op = op, .kind = &stop_kind};
	op_begin_always(op, &stop_kind.op, &l->stopping);
	stop_run(&l->stopping, &none);
}

void leader_free(struct leader *l)
{
	if (!l)
		return;
	arena_done(&l->lease_arena);
	arena_done(&l->arena);
	mem_free(l);
}

bool leader_leads(const struct leader *l)
{
	return l->leads;
}

struct str leader_holder(const struct leader *l)
{
	return l->holder;
}
