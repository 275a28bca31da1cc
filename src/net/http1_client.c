/* A connection's ends: of the call, and its own. */
#include "http1_client.h"

/* ---- ending ---- */

static void conn_free(struct op *op, struct err *err)
{
	(void)err;
	struct http1_client *c = CONTAINER_OF(op, struct http1_client, gone);
	buf_done(&c->in);
	buf_done(&c->out);
	http1_body_done(&c->body);
	client_conn_gone(&c->base);
	mem_free(c);
}

static void check_gone(struct http1_client *c)
{
	if (c->state != CLIENT_ENDED || c->call || c->ending)
		return;
	c->ending = true;
	op_init(&c->gone, c->base.scope.parent, conn_free, OP_NO_DEADLINE);
	scope_close(&c->base.scope, &c->gone);
}

void http1_client_break(struct http1_client *c, int code, const char *text)
{
	if (c->state == CLIENT_ENDED)
		return;
	c->state = CLIENT_ENDED;
	c->base.broken = true;
	c->code = code;
	stream_close(TAKE(c->base.stream));
	http1_client_fail(&c->starter, code, text);
	http1_client_fail(&c->reader, code, text);
	/* A write that is under way ends by its stream. */
	if (!http1_send_active(&c->send)) {
		c->send_queued = false;
		http1_client_fail(&c->writer, code, text);
	}
	check_gone(c);
}

/* ---- the call's end ---- */

/* What is here already may be the rest of the body; for more it is not worth waiting. */
static bool body_skip(struct http1_client *c)
{
	size_t taken = 0;
	if (!c->body.ended && http1_body_read(&c->body, http1_client_pending(c), &taken, NULL,
				      SIZE_MAX, NULL) < 0)
		return false;
	http1_client_used(c, taken);
	return c->body.ended && http1_client_pending(c).len == 0;
}

static void conn_done(struct client_conn *base, struct http_call *call)
{
	struct http1_client *c = http1_client_of(base);
	assert(c->call == call && !c->starter);
	http1_client_fail(&c->reader, ERR_CLOSED, "the call is over");
	/* A write that is under way ends by its stream, when the call may be gone already. */
	if (c->writer)
		c->writer->ctx = NULL;
	bool reusable = c->state == CLIENT_BODY && c->keep && c->body_sent && !c->peer_ended &&
			!base->broken && !c->writer && !http1_send_active(&c->send) && body_skip(c);
	c->call = NULL;
	base->active = 0;
	/* A request that could not be sent has spoilt nothing. */
	if (c->state == CLIENT_FREE && !base->broken)
		reusable = true;
	if (!reusable) {
		http1_client_break(c, ERR_CLOSED, "the call is over");
		check_gone(c);
		return;
	}
	c->state = CLIENT_FREE;
	buf_done(&c->in);
	c->in_at = 0;
	http1_client_watch(c);
	client_conn_idle(base);
}

static void conn_cancel(struct client_conn *base, struct http_call *call, struct op *op)
{
	struct http1_client *c = http1_client_of(base);
	(void)call;
	if (op == c->reader) {
		c->reader = NULL;
		op_fail_cancelled(op);
	} else if (op == c->starter) {
		c->starter = NULL;
		op_fail_cancelled(op);
		http1_client_break(c, ERR_CLOSED, "the request was cancelled");
	} else {
		assert(op == c->writer);
		if (!c->send_queued && http1_send_active(&c->send)) {
			op_cancel(&c->send.op);
			return;
		}
		c->send_queued = false;
		c->writer = NULL;
		op_fail_cancelled(op);
		http1_client_break(c, ERR_CLOSED, "the request was cancelled");
	}
}

static struct stream *conn_take_stream(
	struct client_conn *base, struct http_call *call, struct buf *early)
{
	struct http1_client *c = http1_client_of(base);
	(void)call;
	/* A request body that is still being written has the stream. */
	if (c->state != CLIENT_TAKEN || http1_send_active(&c->send))
		return NULL;
	if (c->in_at)
		buf_drop_front(&c->in, c->in_at);
	c->in_at = 0;
	*early = c->in;
	buf_init(&c->in, c->in.max);
	struct stream *stream = TAKE(base->stream);
	c->state = CLIENT_ENDED;
	return stream;
}

static void conn_close(struct client_conn *base)
{
	http1_client_break(http1_client_of(base), ERR_CLOSED, "connection closed");
}

static const struct client_conn_ops conn_ops = {
	.start = http1_client_start,
	.write = http1_client_write,
	.end = http1_client_end,
	.read = http1_client_read,
	.cancel = conn_cancel,
	.take_stream = conn_take_stream,
	.done = conn_done,
	.close = conn_close,
};

struct client_conn *http1_client_conn_new(void)
{
	struct http1_client *c = mem_new(sizeof(*c));
	c->base.ops = &conn_ops;
	return &c->base;
}

void http1_client_conn_run(struct client_conn *base)
{
	struct http1_client *c = http1_client_of(base);
	base->max_active = 1;
	buf_init(&c->in, MAX(base->limits->header_bytes, READ_AHEAD) + READ_AHEAD);
	buf_init(&c->out, base->limits->header_bytes + 256 * KIB);
	http1_body_init(&c->body, HTTP1_BODY_NONE, 0);
	http1_send_init(&c->send, &base->scope, base->stream, base->limits->write_timeout,
		http1_client_sent);
	http1_client_watch(c);
}
