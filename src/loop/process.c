#include <kube/mem.h>
#include <kube/process.h>
#include <kube/work.h>

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"
#include "spawn.h"
#include "transport.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2)
#endif

struct process_pipe {
	int number;
	struct stream *stream; /* NULL: taken */
};

struct process {
	struct loop *loop;
	struct scope *scope;
	struct op open; /* keeps the scope from ending until it is reaped and let go of */
	uv_poll_t poll; /* on the pidfd */
	int pidfd;
	pid_t pid;
	struct op *waiting;
	int64_t result; /* once it is over */
	struct process_pipe *pipes;
	size_t pipe_count;
	bool leads; /* a group of its own */
	bool over, released;
	bool left;   /* nobody asks how it ends */
	bool lost;   /* over, and nobody knows how */
	bool closed; /* libuv has let go of the handle */
};

/* ---- starting: a plan is made, a thread carries it out ---- */

struct starting {
	struct work work;
	struct op *op; /* the starter's */
	struct op wait;
	struct scope *scope;
	struct process **out;
	struct spawn_plan plan;
};

static void starting_free(struct starting *s)
{
	spawn_plan_done(&s->plan);
	mem_free(s);
}

static void spawn_work(struct work *w)
{
	struct starting *s = CONTAINER_OF(w, struct starting, work);
	spawn_run(&s->plan.spawn, &w->err);
}

/* ---- living ---- */

static const struct op_kind open_kind;

static void process_freed(struct op *op, struct err *err)
{
	struct process *p = CONTAINER_OF(op, struct process, open);
	(void)err;
	mem_free(p->pipes);
	mem_free(p);
}

static void let_go(struct process *p)
{
	if (p->closed && p->released)
		op_finish(&p->open, 0);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct process *p = handle->data;
	loop_woken(p->loop);
	p->closed = true;
	let_go(p);
}

static void stop_watching(struct process *p)
{
	uv_poll_stop(&p->poll);
	uv_close((uv_handle_t *)&p->poll, on_poll_closed);
	fd_close(&p->pidfd);
}

static void tell(struct process *p, struct op *op)
{
	if (p->lost)
		op_fail_with(
			op, ERR_INTERNAL, "process %d: somebody else has reaped it", (int)p->pid);
	else
		op_finish(op, p->result);
}

static void ended(struct process *p, int64_t result)
{
	p->over = true;
	p->result = result;
	stop_watching(p);
	struct op *op = TAKE(p->waiting);
	if (op)
		tell(p, op);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct process *p = poll->data;
	siginfo_t info = {0};
	(void)status;
	(void)events;
	loop_woken(p->loop);
	if (waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG | __WALL)) {
		p->lost = errno == ECHILD;
		if (p->lost)
			ended(p, 0);
		return;
	}
	if (info.si_pid) /* the first thread of several may end before the others */
		ended(p, info.si_code == CLD_EXITED ? info.si_status : -info.si_status);
}

/* Not reaped yet, so that its number is still its own where a kernel or its filter knows less. */
static long send_signal(struct process *p, int signum, unsigned flags)
{
	long failed = syscall(SYS_pidfd_send_signal, p->pidfd, signum, NULL, flags);
	return failed && errno == ENOSYS ? kill(p->pid, signum) : failed;
}

static long send_group(struct process *p, int signum)
{
	long failed =
		syscall(SYS_pidfd_send_signal, p->pidfd, signum, NULL, PIDFD_SIGNAL_PROCESS_GROUP);
	/* EINVAL: before Linux 6.9. */
	return failed && (errno == EINVAL || errno == ENOSYS) ? kill(-p->pid, signum) : failed;
}

static void process_kill(struct process *p)
{
	if (p->over || p->left)
		return;
	if (p->leads)
		send_group(p, SIGKILL);
	send_signal(p, SIGKILL, 0);
}

static void open_cancel(struct op *op)
{
	process_kill(op->ctx);
}

static void open_describe(const struct op *op, struct buf *out)
{
	const struct process *p = op->ctx;
	buf_print(out, "%d%s", (int)p->pid, p->over ? ", over" : "");
}

static const struct op_kind open_kind = {
	.name = "process", .cancel = open_cancel, .describe = open_describe};

/* Were it ignored, as some parents leave it, the kernel would reap and tell nobody how it ended. */
static void hear_of_children(void)
{
	struct sigaction now;
	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

/* ---- started ---- */

static struct process *process_new(struct scope *scope, pid_t pid, int pidfd, bool leads)
{
	struct process *p = mem_new(sizeof(*p));
	p->loop = scope->loop;
	p->scope = scope;
	p->pidfd = pidfd;
	p->pid = pid;
	p->leads = leads;
	op_init(&p->open, scope, process_freed, OP_NO_DEADLINE);
	op_begin_always(&p->open, &open_kind, p);
	int failed = uv_poll_init(&p->loop->driver->uv, &p->poll, p->pidfd);
	if (!failed) {
		p->poll.data = p;
		failed = uv_poll_start(&p->poll, UV_READABLE, on_poll);
	}
	/* A pidfd that cannot be waited for is none. */
	assert(!failed);
	return p;
}

struct process *process_adopt(struct scope *scope, pid_t pid, int pidfd, bool leads)
{
	hear_of_children();
	struct process *p = process_new(scope, pid, pidfd, leads);
	/* Nobody will ask it to end any more: its scope has done that. */
	if (scope_closing(scope))
		process_kill(p);
	return p;
}

/* false: no descriptor left for libuv. */
static bool open_pipes(struct process *p, struct starting *s)
{
	const struct process_options *o = s->plan.spawn.options;
	p->pipes = mem_new((o->fd_count + 1) * sizeof(*p->pipes));
	for (size_t i = 0; i < o->fd_count; i++) {
		if (s->plan.pipes[i] < 0)
			continue;
		struct stream *stream = stream_from_fd(p->loop, p->scope, s->plan.pipes[i]);
		if (!stream)
			return false;
		s->plan.pipes[i] = -1;
		p->pipes[p->pipe_count++] = (struct process_pipe){o->fds[i].number, stream};
	}
	return true;
}

static void on_spawned(struct op *op, struct err *err)
{
	struct starting *s = CONTAINER_OF(op, struct starting, wait);
	struct op *starter = s->op;
	if (err->code) {
		op_fail(starter, err);
		starting_free(s);
		return;
	}
	struct process *p = process_adopt(s->scope, s->plan.spawn.pid, s->plan.spawn.pidfd,
		s->plan.spawn.options->group != PROCESS_GROUP_OURS);
	if (!open_pipes(p, s)) {
		process_close(p);
		op_fail_with(starter, ERR_LIMIT, "no descriptor left for a pipe to a process");
	} else {
		*s->out = p;
		op_finish(starter, 0);
	}
	starting_free(s);
}

static void start_cancel(struct op *op)
{
	struct starting *s = op->ctx;
	op_cancel(&s->wait);
}

static void start_describe(const struct op *op, struct buf *out)
{
	const struct starting *s = op->ctx;
	buf_add_text(out, s->plan.spawn.options->argv[0]);
}

void process_start(struct op *op, struct scope *scope, const struct process_options *options,
	struct process **process)
{
	static const struct op_kind kind = {
		.name = "start process", .cancel = start_cancel, .describe = start_describe};
	struct err err = {0};
	struct starting *s = mem_new(sizeof(*s));
	s->op = op;
	s->scope = scope;
	s->out = process;
	spawn_plan_init(&s->plan, options);
	if (!op_begin(op, &kind, s)) {
		starting_free(s);
		return;
	}
	int code = 0;
	if (loop_is_virtual(op_loop(op)))
		code = err_set(&err, ERR_UNSUPPORTED, "a virtual world has no processes");
	if (!code)
		code = spawn_plan_make(&s->plan, &err);
	if (code) {
		op_fail(op, &err);
		starting_free(s);
		return;
	}
	hear_of_children();
	op_init(&s->wait, op->scope, on_spawned, OP_NO_DEADLINE);
	work_start(&s->work, &s->wait, WORK_DISK, spawn_work);
}

struct stream *process_take_stream(struct process *p, int number)
{
	for (size_t i = 0; i < p->pipe_count; i++)
		if (p->pipes[i].number == number)
			return TAKE(p->pipes[i].stream);
	return NULL;
}

/* ---- waiting ---- */

static void wait_cancel(struct op *op)
{
	struct process *p = op->ctx;
	p->waiting = NULL;
	op_fail_cancelled(op);
}

static void wait_describe(const struct op *op, struct buf *out)
{
	const struct process *p = op->ctx;
	buf_print(out, "%d", (int)p->pid);
}

void process_wait(struct process *p, struct op *op)
{
	static const struct op_kind kind = {
		.name = "end of process", .cancel = wait_cancel, .describe = wait_describe};
	assert(!p->waiting && !p->released);
	if (!op_begin(op, &kind, p))
		return;
	if (p->over)
		tell(p, op);
	else
		p->waiting = op;
}

bool process_over(const struct process *p)
{
	return p->over;
}

/* ---- signalling ---- */

int process_signal(struct process *p, int signum, struct err *err)
{
	if (p->over)
		return err_set(err, ERR_NOT_FOUND, "process %d has ended", (int)p->pid);
	if (send_signal(p, signum, 0))
		return err_set_errno(err, errno, "signal %d to process %d", signum, (int)p->pid);
	return 0;
}

int process_signal_group(struct process *p, int signum, struct err *err)
{
	assert(p->leads);
	if (p->over)
		return err_set(err, ERR_NOT_FOUND, "process %d has ended", (int)p->pid);
	if (send_group(p, signum))
		return err_set_errno(
			err, errno, "signal %d to the group of process %d", signum, (int)p->pid);
	return 0;
}

pid_t process_pid(const struct process *p)
{
	return p->pid;
}

int process_fd(const struct process *p)
{
	return p->pidfd;
}

/* ---- ending ---- */

static void release(struct process *p)
{
	struct op *op = TAKE(p->waiting);
	assert(!p->released);
	p->released = true;
	if (op)
		op_fail_cancelled(op);
	for (size_t i = 0; i < p->pipe_count; i++)
		stream_close(TAKE(p->pipes[i].stream));
	let_go(p);
}

void process_close(struct process *p)
{
	if (!p)
		return;
	process_kill(p);
	release(p);
}

void process_leave(struct process *p)
{
	if (!p->over) {
		p->left = true;
		stop_watching(p);
	}
	release(p);
}
