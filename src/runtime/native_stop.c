/* The end of a container: asked for, noticed, and what is left of it taken away. */
#include "last_words.h"
#include "native.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX (4 * KIB)
/* SIGKILL takes effect at once, but for a process that the kernel holds. */
#define KILL_TIME   (60 * SEC)
#define AGAIN_TIME  (2 * SEC)
#define EMPTY_TIME  (5 * SEC)
#define EMPTY_PAUSE (5 * MSEC)

/* ---- noticed ---- */

/*
 * What the container wrote for whoever asks why: a file of the node's that was mounted there.
 * The end of one that is too long is its end.
 */
static void read_message(struct native_container *c)
{
	struct stat there;
	char text[MESSAGE_MAX];
	int fd = open(
		c->termination_path.at, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);

	if (fd < 0)
		return;
	if (fstat(fd, &there) == 0 && S_ISREG(there.st_mode)) {
		ssize_t n = pread(fd, text, sizeof(text),
			MAX((int64_t)there.st_size - (int64_t)MESSAGE_MAX, 0));
		if (n > 0)
			c->c.message = arena_str(&c->arena, str_make(text, (size_t)n));
	}
	close(fd);
}

/* As kubelets do for those that asked for it. */
static void read_last_words(struct native_container *c)
{
	const struct runtime_pairs *notes = &c->c.annotations;
	struct stat there;
	bool wanted = false;

	for (size_t i = 0; i < notes->count; i++)
		if (str_eq_text(notes->items[i].key,
			    "io.kubernetes.container.terminationMessagePolicy"))
			wanted = str_eq_text(notes->items[i].value, "FallbackToLogsOnError");
	int fd = wanted && c->c.exit_code && c->c.log_path.len
			 ? open(c->c.log_path.at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
			 : -1;
	if (fd < 0)
		return;
	if (fstat(fd, &there) == 0 && S_ISREG(there.st_mode)) {
		char *text = mem_new(LAST_WORDS_LOG);
		int64_t from = MAX((int64_t)there.st_size - (int64_t)LAST_WORDS_LOG, 0);
		ssize_t n = pread(fd, text, LAST_WORDS_LOG, from);

		if (n > 0)
			c->c.message = last_words(&c->arena, str_make(text, (size_t)n), !from);
		mem_free(text);
	}
	close(fd);
}

struct waiter {
	struct link in_container;
	struct op *op;
};

void native_container_ended(struct native_container *c)
{
	if (c->termination_path.len && c->c.message.len == 0)
		read_message(c);
	if (c->c.message.len == 0)
		read_last_words(c);
	native_container_hold(c);
	for (struct link *k; (k = list_pop(&c->waiting));) {
		struct waiter *w = LIST_ENTRY(k, struct waiter, in_container);
		op_finish(w->op, 0);
		mem_free(w);
	}
	native_changed(c->native, c->c.sandbox, c->c.id);
	native_container_release(c);
}

static void wait_cancelled(struct op *op)
{
	struct waiter *w = op->ctx;

	link_remove(&w->in_container);
	mem_free(w);
	op_fail_cancelled(op);
}

void native_container_wait(struct native_container *c, struct op *op)
{
	static const struct op_kind kind = {.name = "container's end", .cancel = wait_cancelled};
	struct waiter *w = mem_new(sizeof(*w));

	if (!op_begin(op, &kind, w)) {
		mem_free(w);
		return;
	}
	w->op = op;
	if (c->c.state == CONTAINER_RUNNING) {
		list_push(&c->waiting, &w->in_container);
		return;
	}
	op_finish(op, 0);
	mem_free(w);
}

/* ---- asked for ---- */

struct stopping {
	struct task task;
	struct native_container *container;
	struct native_request request;
	int64_t grace, deadline;
};

enum stop_step { STOP_SIGNAL, STOP_SIGNALLED, STOP_WAITED, STOP_KILLED, STOP_OVER };
static const char *const stop_steps[] = {"signal", "signalled", "waited", "killed", "over"};

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP},
	{"INT", SIGINT},
	{"QUIT", SIGQUIT},
	{"ILL", SIGILL},
	{"TRAP", SIGTRAP},
	{"ABRT", SIGABRT},
	{"BUS", SIGBUS},
	{"FPE", SIGFPE},
	{"KILL", SIGKILL},
	{"USR1", SIGUSR1},
	{"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},
	{"PIPE", SIGPIPE},
	{"ALRM", SIGALRM},
	{"TERM", SIGTERM},
	{"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD},
	{"CONT", SIGCONT},
	{"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN},
	{"TTOU", SIGTTOU},
	{"URG", SIGURG},
	{"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ},
	{"VTALRM", SIGVTALRM},
	{"PROF", SIGPROF},
	{"WINCH", SIGWINCH},
	{"IO", SIGIO},
	{"POLL", SIGIO},
	{"PWR", SIGPWR},
	{"SYS", SIGSYS},
};

/* "SIGTERM", "TERM", "15", "RTMIN+3", "SIGRTMAX-1"; what nobody knows is SIGTERM. */
static int signal_number(struct str name)
{
	int64_t n;

	if (str_to_i64(name, &n))
		return n > 0 && n <= 64 ? (int)n : SIGTERM;
	if (str_starts_nocase(name, STR("SIG")))
		name = str_skip(name, 3);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (str_eq_nocase(name, str_from(signals[i].name)))
			return signals[i].number;
	/* The kernel's numbers: the C library keeps some for itself. */
	bool low = str_starts_nocase(name, STR("RTMIN"));
	if (!low && !str_starts_nocase(name, STR("RTMAX")))
		return SIGTERM;
	name = str_skip(name, 5);
	if (name.len == 0)
		return low ? 34 : 64;
	if (!str_to_i64(name, &n))
		return SIGTERM;
	n += low ? 34 : 64;
	return n >= 34 && n <= 64 ? (int)n : SIGTERM;
}

static void stop_over(struct stopping *s, struct err *err)
{
	struct native_container *c = s->container;
	struct native *n = c->native;

	if (err->code == ERR_TIMEOUT)
		err_set(err, ERR_TIMEOUT, "container \"%s\" does not end", c->c.id.at);
	if (err->code && c->c.state == CONTAINER_RUNNING)
		task_fail(&s->task, err);
	else
		task_finish(&s->task, 0);
	native_request_done(&s->request);
	native_container_release(c);
	mem_free(s);
	native_leave(n);
}

static void send_signal(struct stopping *s, int number, int step)
{
	native_ask(s->container->sandbox, &s->request, task_await(&s->task, step, OP_NO_DEADLINE),
		"\"do\":\"signal\",\"container\":\"%s\",\"signal\":%d", s->container->c.id.at,
		number);
}

/* The helper is being reached again, or found dead, and its container with it. */
static bool is_out_of_reach(const struct err *err)
{
	return err->code == ERR_CLOSED || err->code == ERR_NOT_FOUND;
}

/* `grace`: of the caller. What came in between (it ended, the helper is gone) shows by the wait. */
static void stop_run(struct task *t, struct err *err)
{
	struct stopping *s = CONTAINER_OF(t, struct stopping, task);
	struct native_container *c = s->container;
	struct loop *loop = c->native->env->loop;

	switch ((enum stop_step)t->step) {
	case STOP_SIGNAL:
		send_signal(
			s, s->grace > 0 ? signal_number(c->stop_signal) : SIGKILL, STOP_SIGNALLED);
		return;
	case STOP_SIGNALLED:
		if (err->code && !is_out_of_reach(err))
			break;
		native_container_wait(
			c, task_await(t, STOP_WAITED, loop_in(loop, s->grace > 0 ? s->grace : 0)));
		return;
	case STOP_WAITED:
		if (err->code != ERR_TIMEOUT)
			break;
		s->deadline = loop_in(loop, KILL_TIME);
		send_signal(s, SIGKILL, STOP_KILLED);
		return;
	case STOP_KILLED:
		if (err->code && !is_out_of_reach(err))
			break;
		native_container_wait(c, task_await(t, STOP_OVER, loop_in(loop, AGAIN_TIME)));
		return;
	case STOP_OVER:
		if (err->code != ERR_TIMEOUT || loop_now(loop) >= s->deadline)
			break;
		send_signal(s, SIGKILL, STOP_KILLED);
		return;
	}
	stop_over(s, err);
}

void native_stop_container(struct runtime *r, struct op *op, struct str id, int64_t grace)
{
	static const struct op_kind idle = {.name = "stop container"};
	static const struct task_kind kind = TASK_KIND("stop container", stop_steps, stop_run);
	struct native *n = native_of(r);
	struct native_container *c = native_container_find(n, id, NULL);

	if (!c || c->c.state != CONTAINER_RUNNING) {
		if (op_begin(op, &idle, n))
			op_finish(op, 0);
		return;
	}
	struct stopping *s = mem_new(sizeof(*s));
	*s = (struct stopping){.container = c, .grace = grace};
	native_request_init(&s->request);
	native_container_hold(c);
	native_enter(n);
	task_start(&s->task, &kind, op);
	if (native_begun(&s->task))
		return;
	native_request_done(&s->request);
	native_container_release(c);
	mem_free(s);
	native_leave(n);
}

/* ---- taken away ---- */

struct removing {
	struct task task;
	struct native_container *container;
	struct arena arena;
	struct work work;
	int64_t deadline;
};

enum remove_step { REMOVE_STOP, REMOVE_STOPPED, REMOVE_AGAIN, REMOVE_DONE };
static const char *const remove_steps[] = {"stop", "stopped", "again", "done"};

static void remove_free(struct removing *m)
{
	struct native *n = m->container->native;

	arena_done(&m->arena);
	native_container_release(m->container);
	mem_free(m);
	native_leave(n);
}

/* Without its config a directory is rubbish to the next start. */
static void remove_files(struct work *w)
{
	struct removing *m = CONTAINER_OF(w, struct removing, work);
	struct native_container *c = m->container;
	struct str config = arena_print(&m->arena, "%s/config.json", c->directory.at);

	cgroup_kill(&c->native->cgroups, c->cgroup.at);
	if (cgroup_remove(&c->native->cgroups, c->cgroup.at, &w->err))
		return;
	if (native_remove_tree(config.at, &w->err) == 0)
		native_remove_tree(c->directory.at, &w->err);
}

/* What was killed needs a moment to go. */
static bool try_again(struct removing *m, const struct err *err)
{
	struct loop *loop = m->container->native->env->loop;

	if (err->code != ERR_CONFLICT || m->task.step != REMOVE_DONE ||
		loop_now(loop) >= m->deadline)
		return false;
	timer_wait(task_await(&m->task, REMOVE_AGAIN, OP_NO_DEADLINE), loop_in(loop, EMPTY_PAUSE));
	return true;
}

static void remove_run(struct task *t, struct err *err)
{
	struct removing *m = CONTAINER_OF(t, struct removing, task);
	struct native_container *c = m->container;

	if (err->code && try_again(m, err))
		return;
	if (err->code) {
		c->busy = false;
		task_fail(t, err);
		remove_free(m);
		return;
	}
	switch ((enum remove_step)t->step) {
	case REMOVE_STOP:
		native_stop_container(&c->native->runtime,
			task_await(t, REMOVE_STOPPED, OP_NO_DEADLINE), c->c.id, 0);
		return;
	case REMOVE_STOPPED:
		native_say(c->sandbox, "\"do\":\"forget\",\"container\":\"%s\"", c->c.id.at);
		m->deadline = loop_in(c->native->env->loop, EMPTY_TIME);
		work_start(&m->work, task_await(t, REMOVE_DONE, OP_NO_DEADLINE), WORK_DISK,
			remove_files);
		return;
	case REMOVE_AGAIN:
		work_start(&m->work, task_await(t, REMOVE_DONE, OP_NO_DEADLINE), WORK_DISK,
			remove_files);
		return;
	case REMOVE_DONE:
		native_container_hold(c);
		native_container_forget(c);
		native_changed(c->native, c->c.sandbox, c->c.id);
		native_container_release(c);
		task_finish(t, 0);
		remove_free(m);
	}
}

void native_remove_container(struct runtime *r, struct op *op, struct str id)
{
	static const struct op_kind idle = {.name = "remove container"};
	static const struct task_kind kind =
		TASK_KIND("remove container", remove_steps, remove_run);
	struct native *n = native_of(r);
	struct native_container *c = native_container_find(n, id, NULL);

	if (!c || c->busy) {
		if (!op_begin(op, &idle, n))
			return;
		if (c)
			op_fail_with(op, ERR_CONFLICT, "container \"%s\" is busy", c->c.id.at);
		else
			op_finish(op, 0);
		return;
	}
	struct removing *m = mem_new(sizeof(*m));
	*m = (struct removing){.container = c};
	arena_init(&m->arena);
	native_container_hold(c);
	native_enter(n);
	c->busy = true;
	task_start(&m->task, &kind, op);
	if (native_begun(&m->task))
		return;
	c->busy = false;
	remove_free(m);
}
