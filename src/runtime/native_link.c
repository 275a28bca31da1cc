/* Connections to the helpers: questions, answers, events. */
#include "native.h"
#include "shim.h"

#include <kube/block.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A helper answers at once, or hangs. */
#define HELLO_TIME (20 * SEC)

struct native_link {
	struct native_sandbox *sandbox;
	struct scope scope;
	struct stream *stream;
	struct outbox *out;
	struct op reading, flushing, closed, connecting;
	struct op *opening; /* told at the hello */
	struct buf in;
	struct list requests;
	int64_t last_id;
	bool hello, closing;
};

static void read_more(struct native_link *l);

/* ---- the end ---- */

static void link_closed(struct op *op, struct err *err)
{
	struct native_link *l = CONTAINER_OF(op, struct native_link, closed);
	struct native_sandbox *s = l->sandbox;

	(void)err;
	buf_done(&l->in);
	mem_free(l);
	native_sandbox_release(s);
}

static void link_end(struct native_link *l, struct err *why)
{
	struct native_sandbox *s = l->sandbox;

	if (l->closing)
		return;
	l->closing = true;
	s->link = NULL;
	for (struct link *k; (k = list_pop(&l->requests));) {
		struct native_request *q = LIST_ENTRY(k, struct native_request, in_link);
		q->link = NULL;
		op_fail_with(TAKE(q->op), ERR_CLOSED, "the helper of the pod is gone");
	}
	outbox_free(TAKE(l->out));
	stream_close(TAKE(l->stream));
	if (l->opening)
		op_fail(TAKE(l->opening), why);
	native_sessions_lost(s);
	if (s->link_waiting)
		op_finish(TAKE(s->link_waiting), 0);
	op_init(&l->closed, &s->native->scope, link_closed, OP_NO_DEADLINE);
	scope_close(&l->scope, &l->closed);
}

void native_link_close(struct native_sandbox *s)
{
	struct err err = {0};

	if (!s->link)
		return;
	err_set(&err, ERR_CANCELLED, "cancelled");
	link_end(s->link, &err);
	err_done(&err);
}

static void wait_cancelled(struct op *op)
{
	struct native_sandbox *s = op->ctx;

	s->link_waiting = NULL;
	op_fail_cancelled(op);
}

void native_link_wait(struct native_sandbox *s, struct op *op)
{
	static const struct op_kind kind = {.name = "helper's end", .cancel = wait_cancelled};

	if (!op_begin(op, &kind, s))
		return;
	if (!s->link)
		op_finish(op, 0);
	else
		s->link_waiting = op;
}

/*
 * The connection broke, which may be its fault or ours. Who listens again is asked again; where
 * nobody does, the pod is over.
 */
static void linked_again(struct op *op, struct err *err)
{
	struct native_sandbox *s = CONTAINER_OF(op, struct native_sandbox, relinking);

	if (err->code && !s->native->stopping)
		native_sandbox_lost(s);
	native_sandbox_release(s);
}

static void broken(struct native_link *l)
{
	struct native_sandbox *s = l->sandbox;
	struct err err = {0};
	bool again = l->hello && !s->ending && !s->native->stopping;

	native_sandbox_hold(s);
	err_set(&err, ERR_CLOSED, "the helper of the pod is gone");
	link_end(l, &err);
	err_done(&err);
	if (again && !op_active(&s->relinking)) {
		native_sandbox_hold(s);
		op_init(&s->relinking, &s->native->scope, linked_again, OP_NO_DEADLINE);
		native_link_open(s, &s->relinking);
	} else if (l->hello && !s->native->stopping) {
		/* It was about to end anyway; who waits for its containers need not. */
		native_sandbox_lost(s);
	}
	native_sandbox_release(s);
}

/* ---- asking ---- */

void native_request_init(struct native_request *q)
{
	*q = (struct native_request){0};
	arena_init(&q->arena);
}

void native_request_done(struct native_request *q)
{
	assert(!q->op);
	arena_done(&q->arena);
	q->answer = NULL;
}

/* What could not be written is answered by nobody. */
static void flushed(struct op *op, struct err *err)
{
	struct native_link *l = CONTAINER_OF(op, struct native_link, flushing);

	if (err->code && !l->closing)
		broken(l);
}

static void send_line(struct native_link *l, struct buf *line)
{
	buf_add_text(line, "}\n");
	struct block *block = block_from(buf_str(line));
	if (buf_over(line) || outbox_add(l->out, block))
		shutdown(stream_fd(l->stream), SHUT_RDWR);
	block_unref(block);
	if (op_active(&l->flushing))
		return;
	op_init(&l->flushing, &l->scope, flushed, OP_NO_DEADLINE);
	outbox_flush(l->out, &l->flushing);
}

static void ask_cancelled(struct op *op)
{
	struct native_request *q = op->ctx;

	link_remove(&q->in_link);
	q->op = NULL;
	op_fail_cancelled(op);
}

void native_ask(
	struct native_sandbox *s, struct native_request *q, struct op *op, const char *format, ...)
{
	static const struct op_kind kind = {.name = "ask helper", .cancel = ask_cancelled};
	_cleanup_(buf_done) struct buf line = BUF_INIT(SHIM_LINE_MAX);
	struct native_link *l = s->link;
	va_list args;

	if (!op_begin(op, &kind, q))
		return;
	if (!l || !l->hello) {
		op_fail_with(op, ERR_NOT_FOUND, "sandbox \"%s\" is not running", s->s.id.at);
		return;
	}
	arena_reset(&q->arena);
	q->answer = NULL;
	q->op = op;
	q->link = l;
	q->id = ++l->last_id;
	list_push(&l->requests, &q->in_link);
	buf_print(&line, "{\"id\":%lld,", (long long)q->id);
	va_start(args, format);
	buf_vprint(&line, format, args);
	va_end(args);
	send_line(l, &line);
}

void native_say(struct native_sandbox *s, const char *format, ...)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(SHIM_LINE_MAX);
	va_list args;

	if (!s->link)
		return;
	buf_print(&line, "{\"id\":%lld,", (long long)++s->link->last_id);
	va_start(args, format);
	buf_vprint(&line, format, args);
	va_end(args);
	send_line(s->link, &line);
}

/* ---- answers and events ---- */

static int64_t int_of(const struct cJSON *o, const char *name)
{
	int64_t n = 0;

	json_int(json_get(o, str_from(name)), &n);
	return n;
}

static int code_of(struct str name)
{
	for (int code = ERR_BEFORE_FIRST_ + 1; code < ERR_AFTER_LAST_; code++)
		if (str_eq_text(name, err_code_name(code)))
			return code;
	return ERR_INTERNAL;
}

static void take_answer(struct native_link *l, int64_t id, struct str line, struct cJSON *said)
{
	list_each (k, &l->requests) {
		struct native_request *q = LIST_ENTRY(k, struct native_request, in_link);
		struct json_options options = {.limits = {.max_bytes = SHIM_LINE_MAX}};
		if (q->id != id)
			continue;
		link_remove(&q->in_link);
		struct op *op = TAKE(q->op);
		struct str error = json_str(json_get(said, STR("error")));
		if (error.len) {
			op_fail_with(op, code_of(json_str(json_get(said, STR("code")))), "%.*s",
				STRF(error));
			return;
		}
		json_parse(&q->arena, line, &options, &q->answer, NULL);
		op_finish(op, 0);
		return;
	}
	/* Nobody waits for it any more: a session that was made meanwhile is let go. */
	if (json_get(said, STR("out"))) {
		native_say(l->sandbox, "\"do\":\"kill\",\"session\":%lld", (long long)id);
		native_say(l->sandbox, "\"do\":\"taken\",\"session\":%lld", (long long)id);
	}
}

static struct native_container *container_of(struct native_link *l, struct str id)
{
	struct native_container *c = native_container_find(l->sandbox->native, id, NULL);

	return c && c->sandbox == l->sandbox ? c : NULL;
}

static void take_exit(struct native_container *c, const struct cJSON *event)
{
	if (c->c.state == CONTAINER_EXITED)
		return;
	native_container_exited(c, event);
	native_container_ended(c);
}

static void take_running(struct native_container *c, const struct cJSON *event)
{
	if (c->c.state == CONTAINER_EXITED)
		return;
	native_container_started(c, event);
	native_changed(c->native, c->c.sandbox, c->c.id);
}

/* All that ran has been named: what ought to run and was not is over. */
static void take_hello(struct native_link *l)
{
	l->hello = true;
	if (l->opening)
		op_finish(TAKE(l->opening), 0);
}

static void take_event(struct native_link *l, const struct cJSON *event)
{
	struct str exited = json_str(json_get(event, STR("exited")));
	struct str running = json_str(json_get(event, STR("running")));
	struct native_container *c = container_of(l, exited.len ? exited : running);

	if (exited.len && c)
		take_exit(c, event);
	else if (running.len && c)
		take_running(c, event);
	else if (json_get(event, STR("session")))
		native_session_ended(
			l->sandbox, int_of(event, "session"), (int32_t)int_of(event, "exit"));
	else if (json_get(event, STR("hello")))
		take_hello(l);
}

static void take_line(struct native_link *l, struct str line)
{
	_cleanup_(arena_done) struct arena a;
	struct json_options options = {.limits = {.max_bytes = SHIM_LINE_MAX}};
	struct cJSON *said;

	arena_init(&a);
	if (json_parse(&a, line, &options, &said, NULL)) {
		/* Who waits for what it was to say would wait for ever. */
		shutdown(stream_fd(l->stream), SHUT_RDWR);
		return;
	}
	int64_t id = int_of(said, "id");
	if (id)
		take_answer(l, id, line, said);
	else
		take_event(l, said);
}

static void have_read(struct op *op, struct err *err)
{
	struct native_link *l = CONTAINER_OF(op, struct native_link, reading);
	const char *end;

	if (l->closing)
		return;
	if (err->code || op->n == 0) {
		broken(l);
		return;
	}
	native_sandbox_hold(l->sandbox);
	struct native_sandbox *s = l->sandbox;
	while (!l->closing && l->in.len && (end = memchr(l->in.at, '\n', l->in.len))) {
		size_t len = (size_t)(end - l->in.at);
		take_line(l, str_make(l->in.at, len));
		buf_drop_front(&l->in, len + 1);
	}
	if (!l->closing && l->in.len == 0)
		buf_done(&l->in);
	if (!l->closing)
		read_more(l);
	native_sandbox_release(s);
}

static void read_more(struct native_link *l)
{
	op_init(&l->reading, &l->scope, have_read, OP_NO_DEADLINE);
	stream_read(l->stream, &l->reading, &l->in, 64 * KIB);
}

/* ---- the beginning ---- */

/* Who listens there; as long as we are connected the number is theirs alone. */
static void learn_process(struct native_link *l)
{
	struct native_sandbox *s = l->sandbox;
	struct ucred who = {0};
	socklen_t len = sizeof(who);

	if (getsockopt(stream_fd(l->stream), SOL_SOCKET, SO_PEERCRED, &who, &len) || who.pid <= 0)
		return;
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->helper = who.pid;
	s->pidfd = (int)syscall(SYS_pidfd_open, who.pid, 0);
	if (s->network == NAMESPACE_NODE)
		return;
	struct buf path = BUF_INIT(sizeof(s->netns));
	buf_print(&path, "/proc/%d/ns/net", (int)who.pid);
	memcpy(s->netns, buf_text(&path), path.len + 1);
	buf_done(&path);
	s->s.netns = s->netns;
}

static void connected(struct op *op, struct err *err)
{
	struct native_link *l = CONTAINER_OF(op, struct native_link, connecting);

	if (l->closing) {
		/* Both happened: it was asked to stop, and the connection came. */
		stream_close(TAKE(l->stream));
		return;
	}
	if (err->code) {
		link_end(l, err);
		return;
	}
	learn_process(l);
	l->out = outbox_new(l->stream, &l->scope, 64 * KIB, 256 * KIB, SHIM_QUEUE_MAX);
	read_more(l);
}

static void open_cancelled(struct op *op)
{
	struct native_link *l = op->ctx;

	l->opening = NULL;
	op_fail_cancelled(op);
	native_link_close(l->sandbox);
}

void native_link_open(struct native_sandbox *s, struct op *op)
{
	static const struct op_kind kind = {.name = "reach helper", .cancel = open_cancelled};
	struct address address = {0};
	struct native_link *l;

	assert(!s->link);
	op->deadline = MIN(op->deadline, loop_in(op_loop(op), HELLO_TIME));
	l = mem_new(sizeof(*l));
	*l = (struct native_link){.sandbox = s};
	if (!op_begin(op, &kind, l)) {
		mem_free(l);
		return;
	}
	l->opening = op;
	buf_init(&l->in, SHIM_LINE_MAX);
	scope_init(&l->scope, &s->native->scope, "helper", NULL);
	native_sandbox_hold(s);
	s->link = l;
	memcpy(address.path, s->socket.at, MIN(s->socket.len, sizeof(address.path) - 1));
	op_init(&l->connecting, &l->scope, connected, OP_NO_DEADLINE);
	net_connect(s->native->env, &l->connecting, &l->scope, &address, &l->stream);
}
