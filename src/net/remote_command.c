#include "remote_handshake.h"

#include <kube/remote_command.h>
#include <kube/spdy.h>
#include <kube/websocket.h>

static const char *const stream_types[REMOTE_STREAMS] = {
	"stdin", "stdout", "stderr", "error", "resize"};

/* ---- protocols ---- */

static const char *const spdy_protocols[] = {
	"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io", NULL};
static const char *const websocket_protocols[] = {"", "channel.k8s.io", "base64.channel.k8s.io",
	"v4.channel.k8s.io", "v4.base64.channel.k8s.io", "v5.channel.k8s.io", NULL};

static int version_of(const char *protocol)
{
	return protocol[0] == 'v' ? protocol[1] - '0' : 1;
}

static bool wants(const struct remote_session *s, enum remote_stream stream)
{
	switch (stream) {
	case REMOTE_STDIN:
		return s->stdin;
	case REMOTE_STDOUT:
		return s->stdout;
	case REMOTE_STDERR:
		return s->stderr && !s->tty;
	case REMOTE_RESIZE:
		return s->tty && (s->websocket || s->version >= 3);
	default:
		return true;
	}
}

static bool all_there(const struct remote_session *s)
{
	for (int i = 0; i < REMOTE_STREAMS; i++)
		if (wants(s, (enum remote_stream)i) && !s->streams[i])
			return false;
	return true;
}

/* ---- accepting ---- */

enum accept_step { ACCEPT_HANDSHAKE, ACCEPT_AGREED, ACCEPT_STREAM, ACCEPT_SAID };
static const char *const accept_steps[] = {"handshake", "agreed", "stream", "said"};

struct remote_accept {
	struct task task;
	struct remote_handshake handshake;
	struct remote_session *session;
	int64_t deadline;
	struct str nothing;
};

static void accept_over(struct remote_accept *a, struct err *err)
{
	struct task *t = &a->task;
	struct op *op = t->op;

	stream_close(TAKE(a->handshake.stream));
	buf_done(&a->handshake.early);
	err_done(&a->handshake.refusal);
	if (err->code)
		op_fail(op, err);
	else
		op_finish(op, 0);
}

/* An empty message on the first channel that we write says that all is well. */
static void open_channels(struct remote_accept *a)
{
	struct remote_session *s = a->session;
	struct http_exchange *x = a->handshake.x;
	struct websocket_options options = {.channels = true,
		.text = strstr(a->handshake.protocol, "base64") != NULL,
		.half_close = s->version >= 5,
		.count = REMOTE_STREAMS,
		.idle = REMOTE_IDLE};
	int first = s->stdout ? REMOTE_STDOUT : s->stderr && !s->tty ? REMOTE_STDERR : REMOTE_ERROR;

	s->websocket = websocket_new(
		x->env, &x->scope, TAKE(a->handshake.stream), &a->handshake.early, &options);
	for (int i = 0; i < REMOTE_STREAMS; i++)
		if (wants(s, (enum remote_stream)i))
			s->streams[i] = websocket_channel(s->websocket, &x->scope, (unsigned)i);
	stream_write(
		s->streams[first], task_await(&a->task, ACCEPT_SAID, a->deadline), &a->nothing, 1);
}

static void accept_stream(struct remote_accept *a, struct err *err)
{
	struct remote_session *s = a->session;

	if (all_there(s))
		accept_over(a, err);
	else
		spdy_accept(s->spdy, task_await(&a->task, ACCEPT_STREAM, a->deadline),
			&a->handshake.x->scope, &s->fresh);
}

/* One that is not wanted, or twice, is reset. */
static void place_stream(struct remote_session *s)
{
	struct str type = spdy_header(s->fresh, STR("streamType"));

	for (int i = 0; i < REMOTE_STREAMS; i++)
		if (str_eq_text(type, stream_types[i]) && !s->streams[i] &&
			wants(s, (enum remote_stream)i))
			s->streams[i] = TAKE(s->fresh);
	stream_close(TAKE(s->fresh));
}

static void accept_run(struct task *t, struct err *err)
{
	struct remote_accept *a = CONTAINER_OF(t, struct remote_accept, task);
	struct remote_session *s = a->session;
	struct http_exchange *x = a->handshake.x;

	if (err->code == ERR_TIMEOUT)
		err_set(err, ERR_TIMEOUT, "timed out waiting for client to create streams");
	if (err->code) {
		accept_over(a, err);
		return;
	}
	switch ((enum accept_step)t->step) {
	case ACCEPT_HANDSHAKE:
		remote_handshake(&a->handshake, task_await(t, ACCEPT_AGREED, OP_NO_DEADLINE));
		return;
	case ACCEPT_AGREED:
		s->version = version_of(a->handshake.protocol);
		a->deadline = loop_in(x->env->loop, REMOTE_CREATION);
		if (a->handshake.is_websocket) {
			open_channels(a);
			return;
		}
		s->spdy = spdy_new(x->env, &x->scope, TAKE(a->handshake.stream),
			&a->handshake.early, false, REMOTE_IDLE);
		accept_stream(a, err);
		return;
	case ACCEPT_STREAM:
		place_stream(s);
		accept_stream(a, err);
		return;
	case ACCEPT_SAID:
		accept_over(a, err);
		return;
	}
}

void remote_accept(struct http_exchange *x, struct op *op, struct remote_session *s)
{
	static const struct task_kind kind = TASK_KIND("remote accept", accept_steps, accept_run);
	struct remote_accept *a = arena_new(&x->arena, sizeof(*a));

	s->arena = &x->arena;
	a->session = s;
	a->handshake.x = x;
	a->handshake.spdy = spdy_protocols;
	a->handshake.websocket = websocket_protocols;
	task_start(&a->task, &kind, op);
}

void remote_wait(struct remote_session *s, struct op *op)
{
	if (s->websocket)
		websocket_wait(s->websocket, op);
	else
		spdy_wait(s->spdy, op);
}

void remote_close(struct remote_session *s)
{
	for (int i = 0; i < REMOTE_STREAMS; i++)
		stream_close(TAKE(s->streams[i]));
	/* To clients a proper end without an outcome is success. */
	if (s->websocket && !s->told)
		websocket_break_off(s->websocket);
	if (s->websocket)
		websocket_close(TAKE(s->websocket));
	if (s->spdy)
		spdy_close(TAKE(s->spdy));
}
