/*
 * Sessions: a further program in a container, somebody who watches the container's own, and
 * connections to ports. The helper makes the descriptors; here they are copied out of it.
 */
#include "native.h"

#include <kube/mem.h>
#include <kube/pty.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SESSION_LINE (MIB)

struct native_session {
	struct link in_sandbox;
	struct native_sandbox *sandbox;
	struct runtime_session *session; /* NULL: nobody wants it any more */
	int64_t id;
	int terminal; /* a descriptor to tell its size by; -1 */
	struct op *waiting;
	int32_t exit_code;
	bool ended, lost;
};

struct opening {
	struct task task;
	struct native_sandbox *sandbox;
	struct native_container *container; /* not of a connection */
	struct native_request request;
	struct runtime_session *session;
	struct native_session *made;
	struct scope *scope;
	struct stream **stream;
	uint16_t port;
	struct buf question;
};

enum open_step { OPEN_ASK, OPEN_TOLD };
static const char *const open_steps[] = {"ask", "told"};

/* ---- descriptors of the helper ---- */

static int number_of(const struct opening *o, const char *name)
{
	int64_t n = -1;

	json_int(json_get(o->request.answer, str_from(name)), &n);
	return (int)n;
}

static int copy_fd(struct opening *o, const char *name)
{
	int number = number_of(o, name);
	int fd = number < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, o->sandbox->pidfd, number, 0);

	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static int copy_stream(struct opening *o, const char *name, struct stream **stream, struct err *err)
{
	if (number_of(o, name) < 0)
		return 0;
	int fd = copy_fd(o, name);
	if (fd < 0)
		return err_set_errno(err, errno, "taking a session's descriptor");
	*stream = stream_from_fd(o->sandbox->native->env->loop, o->scope, fd);
	if (*stream)
		return 0;
	close(fd);
	return err_set(err, ERR_LIMIT, "no descriptor is left");
}

/* ---- the list ---- */

static void session_free(struct native_session *n)
{
	struct native_sandbox *s = n->sandbox;

	link_remove(&n->in_sandbox);
	if (n->terminal >= 0)
		close(n->terminal);
	mem_free(n);
	native_sandbox_release(s);
}

static void session_over(struct native_session *n, int32_t code, bool lost)
{
	if (n->ended)
		return;
	n->ended = true;
	n->lost = lost;
	n->exit_code = code;
	if (n->waiting) {
		struct op *op = TAKE(n->waiting);
		n->session->exit_code = code;
		n->session->private_ = NULL;
		if (lost)
			op_fail_with(op, ERR_CLOSED, "the helper of the pod is gone");
		else
			op_finish(op, code);
		session_free(n);
	} else if (!n->session) {
		session_free(n);
	}
}

void native_session_ended(struct native_sandbox *s, int64_t id, int32_t code)
{
	list_each_safe (k, &s->sessions) {
		struct native_session *n = LIST_ENTRY(k, struct native_session, in_sandbox);
		if (n->id == id) {
			session_over(n, code, false);
			return;
		}
	}
}

void native_sessions_lost(struct native_sandbox *s)
{
	native_sandbox_hold(s);
	list_each_safe (k, &s->sessions)
		session_over(
			LIST_ENTRY(k, struct native_session, in_sandbox), NATIVE_CODE_LOST, true);
	native_sandbox_release(s);
}

/*
 * The event of its end comes after the answer, perhaps in the same bytes: the session must be known
 * before the answer is.
 */
static struct native_session *session_new(struct native_sandbox *s, struct runtime_session *session)
{
	struct native_session *n = mem_new(sizeof(*n));

	*n = (struct native_session){.sandbox = s, .session = session, .terminal = -1};
	native_sandbox_hold(s);
	list_push(&s->sessions, &n->in_sandbox);
	return n;
}

/* ---- opening ---- */

static void open_free(struct opening *o)
{
	struct native *n = o->sandbox->native;

	native_request_done(&o->request);
	buf_done(&o->question);
	if (o->made)
		session_free(o->made);
	if (o->container)
		native_container_release(o->container);
	native_sandbox_release(o->sandbox);
	mem_free(o);
	native_leave(n);
}

static void drop_streams(struct runtime_session *s)
{
	stream_close(TAKE(s->in));
	stream_close(TAKE(s->out));
	stream_close(TAKE(s->err));
}

static void say_taken(struct opening *o)
{
	native_say(o->sandbox, "\"do\":\"taken\",\"session\":%lld", (long long)o->request.id);
}

static void kill_session(struct native_sandbox *s, int64_t id)
{
	native_say(s, "\"do\":\"kill\",\"session\":%lld", (long long)id);
}

static int take_streams(struct opening *o, struct err *err)
{
	struct runtime_session *s = o->session;
	struct native_session *n = o->made;
	int code = copy_stream(o, "in", &s->in, err);

	if (!code)
		code = copy_stream(o, "out", &s->out, err);
	if (!code)
		code = copy_stream(o, "err", &s->err, err);
	if (!code && s->tty && s->in)
		n->terminal = copy_fd(o, "in");
	say_taken(o);
	if (!code)
		return 0;
	kill_session(o->sandbox, o->request.id);
	drop_streams(s);
	return code;
}

static void session_told(struct opening *o, struct err *err)
{
	struct runtime_session *s = o->session;

	if (!err->code)
		take_streams(o, err);
	if (err->code) {
		task_fail(&o->task, err);
	} else {
		/* A terminal has both ways in one; who has no input leaves it alone. */
		if (!s->stdin)
			stream_close(TAKE(s->in));
		s->private_ = TAKE(o->made);
		task_finish(&o->task, 0);
	}
	open_free(o);
}

static void session_run(struct task *t, struct err *err)
{
	struct opening *o = CONTAINER_OF(t, struct opening, task);

	switch ((enum open_step)t->step) {
	case OPEN_ASK:
		native_ask(o->sandbox, &o->request, task_await(t, OPEN_TOLD, OP_NO_DEADLINE), "%s",
			buf_text(&o->question));
		o->made->id = o->request.id;
		return;
	case OPEN_TOLD:
		session_told(o, err);
	}
}

static void print_question(struct buf *out, struct str container, const struct runtime_session *s)
{
	buf_print(out, "\"do\":\"%s\",\"container\":\"%.*s\"", s->command_count ? "exec" : "attach",
		STRF(container));
	buf_print(out, ",\"stdin\":%s,\"stdout\":%s,\"stderr\":%s,\"tty\":%s,\"command\":[",
		s->stdin ? "true" : "false", s->stdout ? "true" : "false",
		s->stderr ? "true" : "false", s->tty ? "true" : "false");
	for (size_t i = 0; i < s->command_count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_print_str(out, s->command[i]);
	}
	buf_add_char(out, ']');
}

static void refuse(struct op *op, struct err *err)
{
	static const struct op_kind kind = {.name = "session"};

	if (op_begin(op, &kind, NULL))
		op_fail(op, err);
	err_done(err);
}

void native_session_start(
	struct runtime *r, struct op *op, struct scope *scope, struct runtime_session *s)
{
	static const struct task_kind kind = TASK_KIND("session", open_steps, session_run);
	struct native *n = native_of(r);
	struct err err = {0};
	struct native_container *c = native_container_find(n, s->container, &err);
	struct buf question = BUF_INIT(SESSION_LINE);

	s->in = s->out = s->err = NULL;
	s->private_ = NULL;
	if (c && c->c.state != CONTAINER_RUNNING)
		err_set(&err, ERR_CONFLICT, "container \"%s\" is not running", c->c.id.at);
	print_question(&question, s->container, s);
	if (!err.code && buf_over(&question))
		err_set(&err, ERR_TOO_LARGE, "the command is larger than %zu bytes",
			(size_t)SESSION_LINE);
	if (err.code) {
		buf_done(&question);
		refuse(op, &err);
		return;
	}
	struct opening *o = mem_new(sizeof(*o));
	*o = (struct opening){.sandbox = c->sandbox,
		.container = c,
		.session = s,
		.scope = scope,
		.question = question};
	native_request_init(&o->request);
	native_sandbox_hold(c->sandbox);
	native_container_hold(c);
	native_enter(n);
	o->made = session_new(c->sandbox, s);
	task_start(&o->task, &kind, op);
	if (!native_begun(&o->task))
		open_free(o);
}

/* ---- waiting ---- */

static void wait_cancelled(struct op *op)
{
	struct native_session *n = op->ctx;

	n->waiting = NULL;
	n->session->private_ = NULL;
	n->session = NULL;
	kill_session(n->sandbox, n->id);
	op_fail_cancelled(op);
	if (!n->sandbox->link)
		session_free(n);
}

/* Whoever stops waiting ends it. */
void native_session_wait(struct runtime *r, struct op *op, struct runtime_session *s)
{
	static const struct op_kind kind = {.name = "session's end", .cancel = wait_cancelled};
	struct native_session *n = s->private_;

	(void)r;
	if (!n) {
		struct err err = {0};
		err_set(&err, ERR_CLOSED, "the session is over");
		refuse(op, &err);
		return;
	}
	if (!op_begin(op, &kind, n)) {
		s->private_ = NULL;
		n->session = NULL;
		kill_session(n->sandbox, n->id);
		if (n->ended || !n->sandbox->link)
			session_free(n);
		return;
	}
	n->waiting = op;
	if (n->ended) {
		n->ended = false;
		session_over(n, n->exit_code, n->lost);
	}
}

void native_session_resize(
	struct runtime *r, struct runtime_session *s, uint16_t width, uint16_t height)
{
	const struct native_session *n = s->private_;
	const struct pty_size size = {.rows = height, .columns = width};

	(void)r;
	if (n && n->terminal >= 0)
		pty_resize(n->terminal, &size, NULL);
}

/* ---- connections ---- */

static void connect_told(struct opening *o, struct err *err)
{
	if (!err->code)
		copy_stream(o, "out", o->stream, err);
	if (o->request.answer)
		say_taken(o);
	if (err->code)
		task_fail(&o->task, err);
	else
		task_finish(&o->task, 0);
	open_free(o);
}

static void connect_run(struct task *t, struct err *err)
{
	struct opening *o = CONTAINER_OF(t, struct opening, task);

	switch ((enum open_step)t->step) {
	case OPEN_ASK:
		native_ask(o->sandbox, &o->request, task_await(t, OPEN_TOLD, OP_NO_DEADLINE),
			"\"do\":\"connect\",\"port\":%u", o->port);
		return;
	case OPEN_TOLD:
		connect_told(o, err);
	}
}

void native_connect(struct runtime *r, struct op *op, struct scope *scope, struct str sandbox,
	uint16_t port, struct stream **stream)
{
	static const struct task_kind kind = TASK_KIND("connect", open_steps, connect_run);
	struct native *n = native_of(r);
	struct err err = {0};
	struct native_sandbox *s = native_sandbox_find(n, sandbox, &err);

	if (!s) {
		refuse(op, &err);
		return;
	}
	struct opening *o = mem_new(sizeof(*o));
	*o = (struct opening){.sandbox = s, .scope = scope, .stream = stream, .port = port};
	native_request_init(&o->request);
	native_sandbox_hold(s);
	native_enter(n);
	task_start(&o->task, &kind, op);
	if (!native_begun(&o->task))
		open_free(o);
}
