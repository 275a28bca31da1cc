#include "node_shutdown.h"
#include "node_agent.h"
#include "pod_worker.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/logind.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECONNECT   SEC
#define LOOK_EVERY  (100 * MSEC)
#define OVERRIDE    "/etc/systemd/logind.conf.d"
#define RELOAD_WAIT 500 /* ms, on a worker: nobody tells when logind has read it */
#define TERMINATED  "Pod was terminated in response to imminent node shutdown."

/* The lock and the signal: a task that never ends by itself. */
enum guard_step { GUARD_LOCK, GUARD_LOCKED, GUARD_LOST, GUARD_AGAIN };
static const char *const guard_steps[] = {"lock", "locked", "lost", "again"};

/* The pods' end. */
enum drain_step { DRAIN_GROUP, DRAIN_LOOK };
static const char *const drain_steps[] = {"group", "look"};

struct node_shutdown {
	struct kubelet *k;
	struct op guard_op, drain_op, lock_op;
	struct task guard, drain;
	struct work work, lock_work;
	char *bus;
	struct logind_watch watch;
	int lock; /* -1: not held */
	int taken;
	bool guarded; /* once at least */
	size_t group;
	int64_t until; /* on the loop's clock */
};

size_t shutdown_group_of(const struct shutdown_group *groups, size_t count, int64_t priority)
{
	size_t at = 0;

	for (size_t i = 1; i < count; i++)
		if (groups[i].priority <= priority)
			at = i;
	return at;
}

static int64_t wanted(const struct kubelet *k)
{
	const struct kubelet_configuration *c = &k->configuration;
	int64_t sum = 0;

	for (size_t i = 0; i < c->shutdown_group_count; i++)
		sum += c->shutdown_groups[i].grace;
	return sum;
}

static void let_go(struct node_shutdown *s)
{
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
}

/* ---- the lock, on a worker ---- */

/* What logind grants by itself is a few seconds: a file of ours says more. */
static int ask_for_more(const char *bus, int64_t ns, struct err *err)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
		"# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=%lld\n",
		(long long)((ns + SEC - 1) / SEC));

	mkdir(OVERRIDE, 0755);
	int fd = open(OVERRIDE "/99-kubelet.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool written = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	if (!written)
		return err_set_errno(err, errno, OVERRIDE "/99-kubelet.conf");
	int code = logind_reload(bus, err);
	if (!code)
		poll(NULL, 0, RELOAD_WAIT);
	return code;
}

static int make_room(struct node_shutdown *s, struct err *err)
{
	int64_t ns, want = wanted(s->k);

	if (logind_delay(s->bus, &ns, err))
		return err->code;
	if (ns >= want)
		return 0;
	if (ask_for_more(s->bus, want, err) || logind_delay(s->bus, &ns, err))
		return err->code;
	if (ns >= want)
		return 0;
	return err_set(err, ERR_UNAVAILABLE,
		"node shutdown manager was unable to update logind InhibitDelayMaxSec to %llds "
		"(ShutdownGracePeriod), current value of InhibitDelayMaxSec (%llds) is less than "
		"requested ShutdownGracePeriod",
		(long long)(want / SEC), (long long)(ns / SEC));
}

static int inhibit(struct node_shutdown *s, struct err *err)
{
	return logind_inhibit(
		s->bus, "kubelet", "Kubelet needs time to handle node shutdown", &s->taken, err);
}

static void lock(struct work *w)
{
	struct node_shutdown *s = CONTAINER_OF(w, struct node_shutdown, work);

	if (!make_room(s, &w->err))
		inhibit(s, &w->err);
}

static void lock_again(struct work *w)
{
	inhibit(CONTAINER_OF(w, struct node_shutdown, lock_work), &w->err);
}

static void take_lock(struct node_shutdown *s)
{
	if (s->taken < 0)
		return;
	let_go(s);
	s->lock = s->taken;
	s->taken = -1;
}

static void locked_again(struct op *op, struct err *err)
{
	struct node_shutdown *s = CONTAINER_OF(op, struct node_shutdown, lock_op);

	if (err->code && err->code != ERR_CANCELLED)
		log_warning(err, "the machine's end cannot be put off any more");
	take_lock(s);
}

/* ---- the pods' end ---- */

static void end_group(struct node_shutdown *s)
{
	const struct kubelet_configuration *c = &s->k->configuration;
	int64_t seconds = c->shutdown_groups[s->group].grace / SEC;
	size_t count = 0;

	map_each (it, &s->k->workers) {
		struct pod_worker *w = it.value;
		const struct cJSON *pod = w->state->pod;
		int64_t own = tree_int(pod, "spec.terminationGracePeriodSeconds", 30);

		if (shutdown_group_of(c->shutdown_groups, c->shutdown_group_count,
			    tree_int(pod, "spec.priority", 0)) != s->group ||
			w->life >= LIFE_LEAVING)
			continue;
		count++;
		pod_worker_evict(w, &(const struct pod_eviction){.reason = "Terminated",
					    .disruption = TERMINATED,
					    .message = STR(TERMINATED),
					    .grace = MIN(own, seconds),
					    .silent = true});
	}
	s->until = loop_in(kubelet_loop(s->k), count ? seconds * SEC : 0);
}

static bool group_is_over(const struct node_shutdown *s)
{
	const struct kubelet_configuration *c = &s->k->configuration;

	if (loop_now(kubelet_loop(s->k)) >= s->until)
		return true;
	map_each (it, &s->k->workers) {
		const struct pod_worker *w = it.value;

		if (shutdown_group_of(c->shutdown_groups, c->shutdown_group_count,
			    tree_int(w->state->pod, "spec.priority", 0)) == s->group &&
			(w->life < LIFE_ENDED || !status_writer_is_idle(&w->status)))
			return false;
	}
	return true;
}

static void drain_run(struct task *t, struct err *err)
{
	struct node_shutdown *s = CONTAINER_OF(t, struct node_shutdown, drain);

	if (err->code) {
		task_fail(t, err);
		return;
	}
	if (t->step == DRAIN_LOOK && group_is_over(s))
		s->group++;
	else if (t->step == DRAIN_LOOK) {
		timer_wait(task_await(t, DRAIN_LOOK, OP_NO_DEADLINE),
			loop_in(kubelet_loop(s->k), LOOK_EVERY));
		return;
	}
	if (s->group == s->k->configuration.shutdown_group_count) {
		log_info("the pods have ended: the machine's end is put off no longer");
		let_go(s);
		task_finish(t, 0);
		return;
	}
	end_group(s);
	op_yield(task_await(t, DRAIN_LOOK, OP_NO_DEADLINE));
}

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

/* ---- what is told ---- */

static void say(struct node_shutdown *s, const char *what)
{
	const struct event_about about = {.kind = STR("Node"),
		.name = s->k->options.node_name,
		.uid = s->k->options.node_name};

	log_info(what);
	event_record(s->k->recorder, &about, STR("Normal"), STR("NodeShutdown"), str_from(what));
}

void node_shutdown_told(struct node_shutdown *s, bool near)
{
	static const struct task_kind kind = TASK_KIND("node shutdown", drain_steps, drain_run);

	if (s->k->shutting_down == near)
		return;
	s->k->shutting_down = near;
	say(s, near ? "Shutdown manager detected shutdown event"
		    : "Shutdown manager detected shutdown cancellation");
	node_agent_hurry(s->k->node);
	if (!near && s->bus && !op_active(&s->lock_op)) {
		op_init(&s->lock_op, &s->k->scope, locked_again, OP_NO_DEADLINE);
		work_start(&s->lock_work, &s->lock_op, WORK_DISK, lock_again);
	}
	if (!near || op_active(&s->drain_op))
		return;
	s->group = 0;
	op_init(&s->drain_op, &s->k->scope, over, OP_NO_DEADLINE);
	task_start(&s->drain, &kind, &s->drain_op);
}

static void heard(struct logind_watch *watch, bool near)
{
	node_shutdown_told(CONTAINER_OF(watch, struct node_shutdown, watch), near);
}

/* ---- the guard ---- */

static void guard_run(struct task *t, struct err *err)
{
	struct node_shutdown *s = CONTAINER_OF(t, struct node_shutdown, guard);

	if (t->step == GUARD_LOCKED)
		take_lock(s);
	if (scope_closing(&s->k->scope)) {
		err->code ? task_fail(t, err) : task_finish(t, 0);
		return;
	}
	switch ((enum guard_step)t->step) {
	case GUARD_LOCK:
	case GUARD_AGAIN:
		work_start(&s->work, task_await(t, GUARD_LOCKED, OP_NO_DEADLINE), WORK_DISK, lock);
		return;
	case GUARD_LOCKED:
		if (err->code && !s->guarded) {
			log_error(err, "pods get no grace at the machine's end");
			task_fail(t, err);
			return;
		}
		s->guarded = true;
		logind_watch(kubelet_env(s->k), task_await(t, GUARD_LOST, OP_NO_DEADLINE),
			&s->k->scope, &s->watch);
		return;
	case GUARD_LOST:
		log_warning(
			err, "the machine's end is not heard of: the system bus is asked again");
		timer_wait(task_await(t, GUARD_AGAIN, OP_NO_DEADLINE),
			loop_in(kubelet_loop(s->k), RECONNECT));
		return;
	}
}

struct node_shutdown *node_shutdown_new(struct kubelet *k)
{
	static const struct task_kind kind =
		TASK_KIND("node shutdown guard", guard_steps, guard_run);
	struct node_shutdown *s;

	if (!wanted(k))
		return NULL;
	s = mem_new(sizeof(*s));
	s->k = k;
	s->lock = s->taken = -1;
	if (!k->options.system_bus.len)
		return s;
	s->bus = str_dup(k->options.system_bus);
	s->watch = (struct logind_watch){.bus = s->bus, .told = heard};
	op_init(&s->guard_op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&s->guard, &kind, &s->guard_op);
	return s;
}

void node_shutdown_free(struct node_shutdown *s)
{
	if (!s)
		return;
	take_lock(s);
	let_go(s);
	mem_free(s->bus);
	mem_free(s);
}
