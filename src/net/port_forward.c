/*
 * Port-forward: pairs of streams, one for bytes and one for a text when there can be none. In SPDY
 * the client opens them as it wants connections, in WebSocket all are there from the beginning.
 */
#include "remote_handshake.h"

#include <kube/mem.h>
#include <kube/remote_command.h>
#include <kube/spdy.h>
#include <kube/websocket.h>

#define TUNNEL "SPDY/3.1+portforward.k8s.io"

static const char *const spdy_protocols[] = {"portforward.k8s.io", NULL};
static const char *const websocket_protocols[] = {
	"", TUNNEL, "v4.channel.k8s.io", "v4.base64.channel.k8s.io", NULL};

struct forward_ports {
	size_t count, given, written;
	uint16_t ports[WEBSOCKET_CHANNELS_MAX / 2];
	struct forward_pair pairs[WEBSOCKET_CHANNELS_MAX / 2];
	char numbers[WEBSOCKET_CHANNELS_MAX / 2][2];
	struct str part;
};

/* A stream whose other has not come. */
struct forward_half {
	struct link in_session;
	struct stream *stream;
};

/* ---- the handshake ---- */

enum accept_step { ACCEPT_HANDSHAKE, ACCEPT_AGREED, ACCEPT_NUMBERS };
static const char *const accept_steps[] = {"handshake", "agreed", "numbers"};

struct forward_accept {
	struct task task;
	struct remote_handshake handshake;
	struct forward_session *session;
};

static void accept_over(struct forward_accept *a, struct err *err)
{
	struct task *t = &a->task;

	stream_close(TAKE(a->handshake.stream));
	buf_done(&a->handshake.early);
	err_done(&a->handshake.refusal);
	if (err->code)
		task_fail(t, err);
	else
		task_finish(t, 0);
}

static void open_channels(struct forward_accept *a)
{
	struct forward_session *s = a->session;
	struct forward_ports *p = s->ports;
	struct http_exchange *x = a->handshake.x;
	struct websocket_options options = {.channels = true,
		.text = strstr(a->handshake.protocol, "base64") != NULL,
		.count = (uint8_t)(2 * p->count),
		.idle = REMOTE_IDLE};

	s->websocket = websocket_new(
		x->env, &x->scope, TAKE(a->handshake.stream), &a->handshake.early, &options);
	for (size_t i = 0; i < p->count; i++) {
		p->pairs[i] = (struct forward_pair){.port = p->ports[i],
			.data = websocket_channel(s->websocket, &x->scope, (unsigned)(2 * i)),
			.error = websocket_channel(s->websocket, &x->scope, (unsigned)(2 * i + 1))};
		p->numbers[i][0] = (char)p->ports[i];
		p->numbers[i][1] = (char)(p->ports[i] >> 8);
	}
}

/* Each channel begins with its port, the low byte first. */
static void write_number(struct forward_accept *a, struct err *err)
{
	struct forward_ports *p = a->session->ports;
	struct forward_pair *pair = &p->pairs[p->written / 2];

	if (p->written == 2 * p->count) {
		accept_over(a, err);
		return;
	}
	p->part = str_make(p->numbers[p->written / 2], 2);
	stream_write(p->written++ % 2 ? pair->error : pair->data,
		task_await(&a->task, ACCEPT_NUMBERS, OP_NO_DEADLINE), &p->part, 1);
}

static void begin_spdy(struct forward_accept *a)
{
	struct forward_session *s = a->session;
	struct http_exchange *x = a->handshake.x;
	struct stream *below = TAKE(a->handshake.stream);
	struct buf *early = &a->handshake.early;

	if (a->handshake.is_websocket) {
		struct websocket_options options = {.idle = REMOTE_IDLE};

		s->websocket = websocket_new(x->env, &x->scope, below, early, &options);
		below = websocket_channel(s->websocket, &x->scope, 0);
		early = NULL;
	}
	s->spdy = spdy_new(x->env, &x->scope, below, early, false, REMOTE_IDLE);
}

static void accept_run(struct task *t, struct err *err)
{
	struct forward_accept *a = CONTAINER_OF(t, struct forward_accept, task);

	if (err->code) {
		accept_over(a, err);
		return;
	}
	switch ((enum accept_step)t->step) {
	case ACCEPT_HANDSHAKE:
		remote_handshake(&a->handshake, task_await(t, ACCEPT_AGREED, OP_NO_DEADLINE));
		return;
	case ACCEPT_AGREED:
		if (a->handshake.is_websocket && !str_eq_text(STR(TUNNEL), a->handshake.protocol)) {
			open_channels(a);
			write_number(a, err);
			return;
		}
		begin_spdy(a);
		accept_over(a, err);
		return;
	case ACCEPT_NUMBERS:
		write_number(a, err);
		return;
	}
}

void forward_accept(struct http_exchange *x, struct op *op, struct forward_session *s,
	const uint16_t *ports, size_t port_count)
{
	static const struct task_kind kind = TASK_KIND("forward accept", accept_steps, accept_run);
	struct forward_accept *a = arena_new(&x->arena, sizeof(*a));

	s->arena = &x->arena;
	s->scope = &x->scope;
	s->ports = arena_new(&x->arena, sizeof(*s->ports));
	s->ports->count = MIN(port_count, ARRAY_LEN(s->ports->ports));
	if (s->ports->count)
		memcpy(s->ports->ports, ports, s->ports->count * sizeof(*ports));
	a->session = s;
	a->handshake.x = x;
	a->handshake.spdy = spdy_protocols;
	a->handshake.websocket = websocket_protocols;
	task_start(&a->task, &kind, op);
}

/* ---- pairs ---- */

enum next_step { NEXT_ASK, NEXT_STREAM, NEXT_OVER };
static const char *const next_steps[] = {"ask", "stream", "over"};

struct forward_next {
	struct task task;
	struct forward_session *session;
	struct forward_pair *pair;
};

static bool is_data(const struct stream *s)
{
	return str_eq_text(spdy_header(s, STR("streamType")), "data");
}

static struct forward_half *find_other(struct forward_session *s, struct stream *fresh)
{
	list_each (k, &s->halves) {
		struct forward_half *h = LIST_ENTRY(k, struct forward_half, in_session);

		if (is_data(h->stream) != is_data(fresh) &&
			str_eq(spdy_header(h->stream, STR("requestID")),
				spdy_header(fresh, STR("requestID"))))
			return h;
	}
	return NULL;
}

static bool is_wanted(const struct stream *s)
{
	int64_t port;

	return str_to_i64(spdy_header(s, STR("port")), &port) && port > 0 && port <= UINT16_MAX &&
	       (is_data(s) || str_eq_text(spdy_header(s, STR("streamType")), "error"));
}

/* true: with this one a pair is whole. */
static bool place(struct forward_next *n, struct stream *fresh)
{
	struct forward_session *s = n->session;
	struct forward_half *other;
	int64_t port;

	if (!is_wanted(fresh)) {
		stream_close(fresh);
		return false;
	}
	other = find_other(s, fresh);
	if (!other) {
		other = mem_new(sizeof(*other));
		other->stream = fresh;
		list_push(&s->halves, &other->in_session);
		return false;
	}
	link_remove(&other->in_session);
	str_to_i64(spdy_header(fresh, STR("port")), &port);
	*n->pair = (struct forward_pair){.data = is_data(fresh) ? fresh : other->stream,
		.error = is_data(fresh) ? other->stream : fresh,
		.port = (uint16_t)port};
	mem_free(other);
	return true;
}

static void ask(struct forward_next *n)
{
	struct forward_session *s = n->session;
	struct forward_ports *p = s->ports;

	if (s->spdy) {
		spdy_accept(s->spdy, task_await(&n->task, NEXT_STREAM, OP_NO_DEADLINE), s->scope,
			&s->fresh);
	} else if (p->given < p->count) {
		*n->pair = TAKE(p->pairs[p->given]);
		p->given++;
		task_finish(&n->task, 0);
	} else {
		websocket_wait(s->websocket, task_await(&n->task, NEXT_OVER, OP_NO_DEADLINE));
	}
}

static void next_run(struct task *t, struct err *err)
{
	struct forward_next *n = CONTAINER_OF(t, struct forward_next, task);

	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum next_step)t->step) {
	case NEXT_STREAM:
		if (place(n, TAKE(n->session->fresh))) {
			task_finish(t, 0);
			return;
		} /* fallthrough */
	case NEXT_ASK:
		ask(n);
		return;
	case NEXT_OVER:
		err_set(err, ERR_CLOSED, "the client has gone");
		task_fail(t, err);
		return;
	}
}

void forward_next(struct forward_session *s, struct op *op, struct forward_pair *pair)
{
	static const struct task_kind kind = TASK_KIND("forward next", next_steps, next_run);

	if (!s->next)
		s->next = arena_new(s->arena, sizeof(*s->next));
	s->next->session = s;
	s->next->pair = pair;
	task_start(&s->next->task, &kind, op);
}

bool forward_has_all(const struct forward_session *s)
{
	return !s->spdy && s->ports->given == s->ports->count;
}

void forward_close(struct forward_session *s)
{
	struct forward_ports *p = s->ports;

	stream_close(TAKE(s->fresh));
	for (struct link *k; (k = list_pop(&s->halves));) {
		struct forward_half *h = LIST_ENTRY(k, struct forward_half, in_session);

		stream_close(h->stream);
		mem_free(h);
	}
	for (; p && p->given < p->count; p->given++) {
		stream_close(TAKE(p->pairs[p->given].data));
		stream_close(TAKE(p->pairs[p->given].error));
	}
	if (s->spdy)
		spdy_close(TAKE(s->spdy));
	if (s->websocket)
		websocket_close(TAKE(s->websocket));
}
