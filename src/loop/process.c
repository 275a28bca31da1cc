#include <kube/arena.h>
#include <kube/mem.h>
#include <kube/process.h>
#include <kube/work.h>

#include <errno.h>
#include <fcntl.h>
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
	struct spawn spawn;
	struct arena arena;
	int null;                       /* /dev/null, where it is wanted */
	int theirs[PROCESS_FDS_MAX][2]; /* ends of pipes: ours, the child's; by place in the list */
};

static void starting_free(struct starting *s)
{
	for (size_t i = 0; i < PROCESS_FDS_MAX; i++) {
		fd_close(&s->theirs[i][0]);
		fd_close(&s->theirs[i][1]);
	}
	fd_close(&s->null);
	arena_done(&s->arena);
	mem_free(s);
}

static size_t count_texts(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static struct str env_name(const char *entry)
{
	struct str name = str_from(entry), value;
	str_cut(name, '=', &name, &value);
	return name;
}

/* false: a later one of the list has the same name. */
static bool is_last_word(const char *entry, const char *const *later)
{
	while (later && *later)
		if (str_eq(env_name(*later++), env_name(entry)))
			return false;
	return true;
}

static const char *const *make_env(struct arena *a, const struct process_options *o)
{
	const char *const *base = o->env ? o->env : (const char *const *)environ;
	size_t more = count_texts(o->env_more), n = 0;
	const char **env = arena_new(a, (count_texts(base) + more + 1) * sizeof(*env));
	for (size_t i = 0; base && base[i]; i++)
		if (is_last_word(base[i], o->env_more))
			env[n++] = base[i];
	for (size_t i = 0; i < more; i++)
		if (is_last_word(o->env_more[i], o->env_more + i + 1))
			env[n++] = o->env_more[i];
	return env;
}

/* Our own, as Go's exec has it: what the child will have is the child's. */
static struct str search_path(void)
{
	for (char **entry = environ; entry && *entry; entry++)
		if (str_eq(env_name(*entry), STR("PATH")))
			return str_from(*entry + sizeof("PATH=") - 1);
	return STR("/usr/bin:/bin");
}

/* Empty and relative places are passed over: what happens to lie where we are is not meant. */
static const char *const *make_files(struct arena *a, const char *file)
{
	struct str path = search_path(), dir;
	size_t max = 2, n = 0;
	for (size_t i = 0; i < path.len; i++)
		max += path.at[i] == ':';
	const char **files = arena_new(a, (max + 1) * sizeof(*files));
	if (strchr(file, '/')) {
		files[0] = file;
		return files;
	}
	while (path.len && *file) {
		str_cut(path, ':', &dir, &path);
		if (dir.len && dir.at[0] == '/')
			files[n++] = arena_print(a, "%.*s/%s", STRF(dir), file).at;
	}
	return files;
}

static int open_null(struct starting *s, struct err *err)
{
	if (s->null < 0)
		s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return s->null < 0 ? err_set_errno(err, errno, "open /dev/null") : s->null;
}

/* What the child gets at place i of the list: a descriptor of ours, or an error's code. */
static int source_of(struct starting *s, size_t i, struct err *err)
{
	const struct process_fd *f = &s->spawn.options->fds[i];
	bool reads = f->kind == PROCESS_FD_READS;
	int ends[2];
	switch (f->kind) {
	case PROCESS_FD_NULL:
		return open_null(s, err);
	case PROCESS_FD_GIVEN:
		return f->fd;
	case PROCESS_FD_SAME:
		for (size_t k = 0; k < i; k++)
			if (s->spawn.fds[k].to == f->fd)
				return s->spawn.fds[k].from;
		break;
	case PROCESS_FD_READS:
	case PROCESS_FD_WRITES:
		if (pipe2(ends, O_CLOEXEC))
			return err_set_errno(err, errno, "pipe");
		s->theirs[i][0] = ends[reads];
		s->theirs[i][1] = ends[!reads];
		return s->theirs[i][1];
	}
	assert(!"a descriptor like one that was not said before it");
	return -1;
}

static int plan_fds(struct starting *s, struct err *err)
{
	const struct process_options *o = s->spawn.options;
	bool said[3] = {false};
	assert(o->fd_count <= PROCESS_FDS_MAX - 3);
	for (size_t i = 0; i < o->fd_count; i++) {
		int from = source_of(s, i, err), to = o->fds[i].number;
		if (from < 0)
			return err->code;
		s->spawn.fds[s->spawn.fd_count++] = (struct spawn_fd){from, to};
		if (to < 3)
			said[to] = true;
	}
	for (int to = 0; to < 3; to++) {
		if (said[to])
			continue;
		if (open_null(s, err) < 0)
			return err->code;
		s->spawn.fds[s->spawn.fd_count++] = (struct spawn_fd){s->null, to};
	}
	return 0;
}

static int plan(struct starting *s, struct err *err)
{
	const struct process_options *o = s->spawn.options;
	assert(o->argv && o->argv[0] && o->enter_count <= PROCESS_ENTER_MAX);
	assert(!o->terminal || o->group == PROCESS_SESSION_NEW);
	s->spawn.argv = o->argv;
	s->spawn.env = make_env(&s->arena, o);
	s->spawn.files = make_files(&s->arena, o->path ? o->path : o->argv[0]);
	return plan_fds(s, err);
}

static void spawn_work(struct work *w)
{
	struct starting *s = CONTAINER_OF(w, struct starting, work);
	spawn_run(&s->spawn, &w->err);
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

/* ---- started ---- */

static struct process *process_new(struct starting *s)
{
	const struct process_options *o = s->spawn.options;
	struct process *p = mem_new(sizeof(*p));
	p->loop = s->scope->loop;
	p->scope = s->scope;
	p->pidfd = s->spawn.pidfd;
	p->pid = s->spawn.pid;
	p->leads = o->group != PROCESS_GROUP_OURS;
	p->pipes = mem_new((o->fd_count + 1) * sizeof(*p->pipes));
	op_init(&p->open, s->scope, process_freed, OP_NO_DEADLINE);
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

/* false: no descriptor left for libuv. */
static bool open_pipes(struct process *p, struct starting *s)
{
	const struct process_options *o = s->spawn.options;
	for (size_t i = 0; i < o->fd_count; i++) {
		if (s->theirs[i][0] < 0)
			continue;
		struct stream *stream = stream_from_fd(p->loop, p->scope, s->theirs[i][0]);
		if (!stream)
			return false;
		s->theirs[i][0] = -1;
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
	struct process *p = process_new(s);
	if (!open_pipes(p, s)) {
		process_close(p);
		op_fail_with(starter, ERR_LIMIT, "no descriptor left for a pipe to a process");
	} else {
		*s->out = p;
		/* Nobody will ask it to end any more: its scope has done that. */
		if (scope_closing(s->scope))
			process_kill(p);
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
	buf_add_text(out, s->spawn.options->argv[0]);
}

/* Were it ignored, as some parents leave it, the kernel would reap and tell nobody how it ended. */
static void hear_of_children(void)
{
	struct sigaction now;
	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
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
	s->spawn.options = options;
	s->null = -1;
	memset(s->theirs, 0xff, sizeof(s->theirs));
	arena_init(&s->arena);
	if (!op_begin(op, &kind, s)) {
		starting_free(s);
		return;
	}
	int code = 0;
	if (loop_is_virtual(op_loop(op)))
		code = err_set(&err, ERR_UNSUPPORTED, "a virtual world has no processes");
	if (!code)
		code = plan(s, &err);
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
