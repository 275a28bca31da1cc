/* The end of a sandbox, whatever there is of it: wanted, failed half-way, or found dead. */
#include "native.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/mount.h>
#include <kube/process.h>
#include <kube/time.h>

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_TIME  (5 * SEC)
#define LEAVE_TIME (3 * SEC)
/* What was killed is gone in less; a process that the kernel does not let go of takes longer. */
#define EMPTY_TIME  (5 * SEC)
#define EMPTY_PAUSE (5 * MSEC)

struct ending {
	struct task task;
	struct op own; /* when nobody waits */
	struct native_sandbox *sandbox;
	struct arena arena;
	struct work work;
	struct spec_strs cgroups, directories;
	int64_t deadline;
	bool remove, detached;
};

/* ---- what the helper can tell no more ---- */

static void lose_container(struct native_container *c)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB), path = BUF_INIT(8 * KIB);
	int64_t now = env_wall(c->native->env);
	int64_t kills = cgroup_oom_kills(&c->native->cgroups, c->cgroup.at);

	c->c.state = CONTAINER_EXITED;
	c->c.finished = now;
	c->c.exit_code = NATIVE_CODE_LOST;
	c->c.signal = SIGKILL;
	c->c.out_of_memory = kills > 0;
	c->c.reason = kills > 0 ? STR("OOMKilled") : STR("Error");
	buf_print(&path, "%s/exited", c->directory.at);
	buf_print(&text, "{\"finished\":%lld,\"code\":%d,\"signal\":%d,\"oom\":%s}", (long long)now,
		NATIVE_CODE_LOST, SIGKILL, kills > 0 ? "true" : "false");
	native_write(buf_text(&path), buf_str(&text), NULL);
	native_container_ended(c);
}

void native_sandbox_lost(struct native_sandbox *s)
{
	struct native *n = s->native;

	s->s.state = SANDBOX_NOT_READY;
	s->s.netns = NULL;
	/* Nobody is told of it before all of them are dead. */
	list_each (k, &s->containers)
		cgroup_kill(
			&n->cgroups, LIST_ENTRY(k, struct native_container, in_sandbox)->cgroup.at);
	cgroup_kill(&n->cgroups, s->cgroup.at);
	for (bool again = true; again;) {
		again = false;
		list_each (k, &s->containers) {
			struct native_container *c =
				LIST_ENTRY(k, struct native_container, in_sandbox);
			again = c->c.state == CONTAINER_RUNNING;
			if (again) {
				lose_container(c);
				break;
			}
		}
	}
	if (s->listed)
		native_changed(n, s->s.id, (struct str){0});
}

/* ---- on the worker ---- */

static int empty_group(const struct cgroups *g, const char *path, struct err *err)
{
	cgroup_kill(g, path);
	return cgroup_remove(g, path, err);
}

static void take_away(struct work *w)
{
	struct ending *e = CONTAINER_OF(w, struct ending, work);
	struct native_sandbox *s = e->sandbox;
	const struct cgroups *g = &s->native->cgroups;
	int code = empty_group(g, s->cgroup.at, &w->err);

	for (size_t i = 0; i < e->cgroups.count && !code; i++)
		code = empty_group(g, e->cgroups.items[i].at, &w->err);
	if (!code && s->shm.len)
		code = mount_detach(s->shm.at, &w->err);
	unlink(s->socket.at);
}

static int unsay(const char *directory, const char *name, struct err *err)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);

	buf_print(&path, "%s/%s", directory, name);
	return native_remove_tree(buf_text(&path), err);
}

/* A directory without its config is rubbish to the next start. */
static void clean(struct work *w)
{
	struct ending *e = CONTAINER_OF(w, struct ending, work);
	struct native_sandbox *s = e->sandbox;
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);
	int code = 0;

	buf_print(&path, "%s/stopped", s->directory.at);
	if (!e->remove) {
		native_write(buf_text(&path), STR("{}"), &w->err);
		return;
	}
	for (size_t i = 0; i < e->directories.count && !code; i++) {
		code = unsay(e->directories.items[i].at, "config.json", &w->err);
		if (!code)
			code = native_remove_tree(e->directories.items[i].at, &w->err);
	}
	if (!code)
		code = unsay(s->directory.at, "config.json", &w->err);
	if (!code)
		native_remove_tree(s->directory.at, &w->err);
}

/* ---- the steps ---- */

enum end_step { END_CONTAINERS, END_EXITS, END_LEAVE, END_KILL, END_AGAIN, END_DETACH, END_CLEAN };
static const char *const end_steps[] = {
	"containers", "exits", "leave", "kill", "again", "detach", "clean"};

static void end_free(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;
	struct native *n = s->native;

	s->busy = false;
	arena_done(&e->arena);
	if (!e->detached)
		mem_free(e);
	native_sandbox_release(s);
	native_leave(n);
}

static void collect(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;
	size_t count = 0;

	list_each (k, &s->containers)
		count++;
	e->cgroups.items = arena_new(&e->arena, (count + 1) * sizeof(struct str));
	e->directories.items = arena_new(&e->arena, (count + 1) * sizeof(struct str));
	list_each (k, &s->containers) {
		struct native_container *c = LIST_ENTRY(k, struct native_container, in_sandbox);
		e->cgroups.items[e->cgroups.count++] = arena_str(&e->arena, c->cgroup);
		e->directories.items[e->directories.count++] = arena_str(&e->arena, c->directory);
	}
}

static struct native_container *first_running(struct native_sandbox *s)
{
	list_each (k, &s->containers) {
		struct native_container *c = LIST_ENTRY(k, struct native_container, in_sandbox);
		if (c->c.state == CONTAINER_RUNNING)
			return c;
	}
	return NULL;
}

/* While the helper lives it records how they ended. */
static void kill_containers(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;

	s->ending = true;
	list_each (k, &s->containers) {
		struct native_container *c = LIST_ENTRY(k, struct native_container, in_sandbox);
		if (c->c.state == CONTAINER_RUNNING)
			native_say(s, "\"do\":\"signal\",\"container\":\"%s\",\"signal\":%d",
				c->c.id.at, SIGKILL);
	}
	op_yield(task_await(&e->task, END_EXITS, OP_NO_DEADLINE));
}

static void await_exits(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;
	struct native_container *c = s->link ? first_running(s) : NULL;

	if (!e->deadline)
		e->deadline = loop_in(s->native->env->loop, EXIT_TIME);
	if (c && loop_now(s->native->env->loop) < e->deadline) {
		native_container_wait(c, task_await(&e->task, END_EXITS, e->deadline));
		return;
	}
	native_say(s, "\"do\":\"leave\"");
	native_link_wait(
		s, task_await(&e->task, END_LEAVE, loop_in(s->native->env->loop, LEAVE_TIME)));
}

static void kill_helper(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;

	if (s->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
	if (s->process)
		process_signal(s->process, SIGKILL, NULL);
	native_link_close(s);
	native_sandbox_lost(s);
	collect(e);
	e->deadline = loop_in(s->native->env->loop, EMPTY_TIME);
	work_start(&e->work, task_await(&e->task, END_KILL, OP_NO_DEADLINE), WORK_DISK, take_away);
}

/* Those that were killed need a moment to go. */
static bool try_again(struct ending *e, const struct err *err)
{
	struct loop *loop = e->sandbox->native->env->loop;

	if (err->code != ERR_CONFLICT || e->task.step != END_KILL || loop_now(loop) >= e->deadline)
		return false;
	timer_wait(task_await(&e->task, END_AGAIN, OP_NO_DEADLINE), loop_in(loop, EMPTY_PAUSE));
	return true;
}

static void detach(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;
	struct runtime_network *network = s->native->network;
	struct op *op = task_await(&e->task, END_DETACH, OP_NO_DEADLINE);

	if (network && s->network != NAMESPACE_NODE && s->attached)
		network->detach(network, op, &s->s);
	else
		op_yield(op);
}

static void end_failed(struct ending *e, struct err *err)
{
	task_fail(&e->task, err);
	end_free(e);
}

static void end_done(struct ending *e)
{
	struct native_sandbox *s = e->sandbox;

	s->ended = true;
	s->attached = false;
	if (e->remove) {
		native_sandbox_hold(s);
		native_sandbox_forget(s);
		native_changed(s->native, s->s.id, (struct str){0});
		native_sandbox_release(s);
	}
	task_finish(&e->task, 0);
	end_free(e);
}

static void end_run(struct task *t, struct err *err)
{
	struct ending *e = CONTAINER_OF(t, struct ending, task);
	bool late = err->code == ERR_TIMEOUT && (t->step == END_EXITS || t->step == END_LEAVE);

	if (err->code && !late) {
		if (!try_again(e, err))
			end_failed(e, err);
		return;
	}
	switch ((enum end_step)t->step) {
	case END_CONTAINERS:
		kill_containers(e);
		return;
	case END_EXITS:
		await_exits(e);
		return;
	case END_LEAVE:
		kill_helper(e);
		return;
	case END_KILL:
		detach(e);
		return;
	case END_AGAIN:
		work_start(&e->work, task_await(t, END_KILL, OP_NO_DEADLINE), WORK_DISK, take_away);
		return;
	case END_DETACH:
		work_start(&e->work, task_await(t, END_CLEAN, OP_NO_DEADLINE), WORK_DISK, clean);
		return;
	case END_CLEAN:
		end_done(e);
	}
}

static const struct task_kind end_kind = TASK_KIND("end sandbox", end_steps, end_run);

static struct ending *end_new(struct native_sandbox *s, bool remove)
{
	struct ending *e = mem_new(sizeof(*e));

	*e = (struct ending){.sandbox = s, .remove = remove};
	arena_init(&e->arena);
	s->busy = true;
	native_sandbox_hold(s);
	native_enter(s->native);
	return e;
}

void native_sandbox_end(struct native_sandbox *s, struct op *op, bool remove)
{
	struct ending *e = end_new(s, remove);

	task_start(&e->task, &end_kind, op);
	if (!native_begun(&e->task))
		end_free(e);
}

static void discarded(struct op *op, struct err *err)
{
	struct ending *e = CONTAINER_OF(op, struct ending, own);

	if (err->code && err->code != ERR_CANCELLED)
		log_error(err, "cannot take away what is left of a pod");
	mem_free(e);
}

void native_sandbox_discard(struct native_sandbox *s)
{
	struct ending *e = end_new(s, true);

	e->detached = true;
	op_init(&e->own, &s->native->scope, discarded, OP_NO_DEADLINE);
	task_start(&e->task, &end_kind, &e->own);
	if (!native_begun(&e->task))
		end_free(e);
}

/* ---- as asked ---- */

static void end_as_asked(struct runtime *r, struct op *op, struct str id, bool remove)
{
	static const struct op_kind kind = {.name = "end sandbox"};
	struct native_sandbox *s = native_sandbox_find(native_of(r), id, NULL);

	if (s && !s->busy && !(s->ended && !remove)) {
		native_sandbox_end(s, op, remove);
		return;
	}
	if (!op_begin(op, &kind, r))
		return;
	if (s && s->busy)
		op_fail_with(op, ERR_CONFLICT, "sandbox \"%s\" is being stopped", s->s.id.at);
	else
		op_finish(op, 0);
}

void native_stop_sandbox(struct runtime *r, struct op *op, struct str id)
{
	end_as_asked(r, op, id, false);
}

void native_remove_sandbox(struct runtime *r, struct op *op, struct str id)
{
	end_as_asked(r, op, id, true);
}
