#include "http1_conn.h"

#include <kube/mem.h>
#include <kube/time.h>

/* An idle connection keeps its buffers this long: they are worth having between requests only. */
#define IDLE_TRIM (2 * SEC)
/* How long an ended connection waits for the client's FIN, so that our last bytes are not lost to
 * a reset; as Go's server. */
#define LINGER_TIME (500 * MSEC)

static void conn_refuse(struct http1_conn *c, int status, const char *why);

/* ---- the timer ---- */

static void timer_rang(struct op *op, struct err *err);

static void timer_arm(struct http1_conn *c)
{
	if (c->state == HTTP1_ENDED || op_active(&c->timer) || c->deadline == OP_NO_DEADLINE)
		return;
	c->timer_at = c->deadline;
	op_init(&c->timer, &c->base.scope, timer_rang, OP_NO_DEADLINE);
	timer_wait(&c->timer, c->timer_at);
}

void http1_set_deadline(struct http1_conn *c, int64_t at)
{
	c->deadline = at;
	if (!op_active(&c->timer))
		timer_arm(c);
	else if (at < c->timer_at)
		op_cancel(&c->timer);
}

static void conn_trim(struct http1_conn *c)
{
	c->idle_trimmed = true;
	http1_set_deadline(
		c, loop_in(c->base.scope.loop, c->base.limits->idle_timeout - IDLE_TRIM));
	/* A request has come in this very moment, and its read is about to be told. */
	if (http1_pending(c).len)
		return;
	buf_done(&c->base.in);
	c->in_at = 0;
	buf_done(&c->out);
	http1_body_done(&c->body);
	arena_done(&c->x.arena);
}

static void conn_time_out(struct http1_conn *c)
{
	c->deadline = OP_NO_DEADLINE;
	switch ((enum http1_state)c->state) {
	case HTTP1_IDLE:
		if (!c->idle_trimmed && c->base.limits->idle_timeout > IDLE_TRIM)
			conn_trim(c);
		else
			http1_break(c);
		break;
	case HTTP1_HEAD:
		conn_refuse(c, 408, NULL);
		break;
	case HTTP1_BUSY:
		http1_exchange_time_out(c);
		break;
	default:
		http1_break(c);
	}
}

static void timer_rang(struct op *op, struct err *err)
{
	struct http1_conn *c = CONTAINER_OF(op, struct http1_conn, timer);
	if (c->state == HTTP1_ENDED)
		return;
	/* Without its timer a connection could stand for ever. Cancelled means moved. */
	if (err->code && err->code != ERR_CANCELLED) {
		http1_break(c);
		return;
	}
	if (loop_now(c->base.scope.loop) >= c->deadline)
		conn_time_out(c);
	timer_arm(c);
}

/* ---- ending ---- */

static void conn_free(struct op *op, struct err *err)
{
	(void)err;
	struct http1_conn *c = CONTAINER_OF(op, struct http1_conn, gone);
	buf_done(&c->base.in);
	buf_done(&c->out);
	http1_body_done(&c->body);
	arena_done(&c->x.arena);
	server_conn_gone(&c->base);
	mem_free(c);
}

void http1_check_gone(struct http1_conn *c)
{
	if (c->state != HTTP1_ENDED || c->x_live || c->ending)
		return;
	c->ending = true;
	op_init(&c->gone, c->base.scope.parent, conn_free, OP_NO_DEADLINE);
	scope_close(&c->base.scope, &c->gone);
}

void http1_break(struct http1_conn *c)
{
	if (c->state == HTTP1_ENDED)
		return;
	c->state = HTTP1_ENDED;
	stream_close(TAKE(c->base.stream));
	op_cancel(&c->timer);
	http1_exchange_hang_up(c);
	http1_check_gone(c);
}

static void conn_finished(struct op *op, struct err *err)
{
	struct http1_conn *c = CONTAINER_OF(op, struct http1_conn, finish);
	if (c->state == HTTP1_ENDED)
		return;
	if (err->code || c->peer_ended)
		http1_break(c);
	else
		http1_watch(c);
}

void http1_finish(struct http1_conn *c)
{
	struct loop *loop = c->base.scope.loop;
	c->state = HTTP1_LINGER;
	c->skipped = 0;
	http1_used(c, http1_pending(c).len);
	http1_set_deadline(c, loop_in(loop, LINGER_TIME));
	op_init(&c->finish, &c->base.scope, conn_finished, OP_NO_DEADLINE);
	stream_finish(c->base.stream, &c->finish);
	http1_watch(c);
}

/*
 * What cannot become an exchange gets a short text, in Go's words, and no second chance: where
 * the next message would begin is no longer known.
 */
static void conn_refuse(struct http1_conn *c, int status, const char *why)
{
	c->state = HTTP1_REFUSE;
	const char *text = http_status_text(status);
	buf_clear(&c->out);
	buf_print(&c->out,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Connection: close\r\n\r\n%d %s",
		status, text, status, text);
	if (why)
		buf_print(&c->out, ": %s", why);
	c->writing = HTTP1_WRITES_REFUSAL;
	http1_set_deadline(c, OP_NO_DEADLINE);
	http1_send_start(&c->send, buf_str(&c->out), NULL, 0, (struct str){0});
}

static void conn_sent(struct http1_send *send, struct err *err)
{
	struct http1_conn *c = CONTAINER_OF(send, struct http1_conn, send);
	if (c->writing != HTTP1_WRITES_REFUSAL) {
		http1_exchange_sent(c, err);
		return;
	}
	c->writing = HTTP1_WRITES_NOTHING;
	if (c->state == HTTP1_ENDED)
		return;
	if (err->code)
		http1_break(c);
	else
		http1_finish(c);
}

/* ---- reading ---- */

void http1_used(struct http1_conn *c, size_t n)
{
	c->in_at += n;
	assert(c->in_at <= c->base.in.len);
	if (c->in_at < c->base.in.len)
		return;
	c->in_at = 0;
	buf_clear(&c->base.in);
}

static void conn_read(struct op *op, struct err *err);

void http1_watch(struct http1_conn *c)
{
	if (c->state == HTTP1_ENDED || c->peer_ended || c->upgrading || op_active(&c->read))
		return;
	size_t max = c->reader ? HTTP1_READ_BODY : HTTP1_READ_AHEAD;
	size_t pending = http1_pending(c).len;
	/* A head may need more room than is read ahead otherwise. */
	bool head = c->state == HTTP1_IDLE || c->state == HTTP1_HEAD;
	if (pending >= (head ? c->base.limits->header_bytes : max))
		return;
	if (c->in_at) {
		buf_drop_front(&c->base.in, c->in_at);
		c->in_at = 0;
	}
	op_init(&c->read, &c->base.scope, conn_read, OP_NO_DEADLINE);
	stream_read(c->base.stream, &c->read, &c->base.in, max);
}

void http1_skip(struct http1_conn *c)
{
	struct str in = http1_pending(c);
	size_t used = 0;
	if (c->state == HTTP1_LINGER) {
		used = in.len;
	} else if (http1_body_read(&c->body, in, &used, NULL, SIZE_MAX, NULL) < 0) {
		http1_finish(c);
		return;
	}
	c->skipped += (int64_t)used;
	http1_used(c, used);
	if (c->skipped > HTTP1_SKIP_MAX && c->state == HTTP1_LINGER)
		http1_break(c);
	else if (c->state == HTTP1_SKIP && c->body.ended)
		http1_next(c);
	else if (c->skipped > HTTP1_SKIP_MAX)
		http1_finish(c);
}

static void conn_got(struct http1_conn *c)
{
	switch ((enum http1_state)c->state) {
	case HTTP1_IDLE:
	case HTTP1_HEAD:
		http1_next(c);
		break;
	case HTTP1_BUSY:
		http1_exchange_feed(c);
		break;
	case HTTP1_SKIP:
	case HTTP1_LINGER:
		http1_skip(c);
		break;
	case HTTP1_REFUSE:
		http1_used(c, http1_pending(c).len);
		break;
	case HTTP1_ENDED:
		break;
	}
	http1_watch(c);
}

static void conn_peer_ended(struct http1_conn *c)
{
	c->peer_ended = true;
	switch ((enum http1_state)c->state) {
	case HTTP1_BUSY:
		http1_exchange_feed(c);
		/*
		 * A client that only half closed cannot be told from one that is gone. It is taken
		 * for the former while its whole answer is under way or requests behind this one
		 * are here already.
		 */
		if (!c->whole && http1_half_closed(c))
			http1_exchange_hang_up(c);
		break;
	case HTTP1_REFUSE:
		break;
	case HTTP1_LINGER:
		if (op_active(&c->finish))
			break;
		/* fall through */
	default:
		http1_break(c);
	}
}

static void conn_read(struct op *op, struct err *err)
{
	struct http1_conn *c = CONTAINER_OF(op, struct http1_conn, read);
	if (c->state == HTTP1_ENDED)
		return;
	if (c->upgrading && (err->code == ERR_CANCELLED || (!err->code && op->n)))
		http1_exchange_upgrade_go(c);
	else if (err->code)
		http1_break(c);
	else if (op->n == 0)
		conn_peer_ended(c);
	else
		conn_got(c);
}

/* ---- heads ---- */

static void conn_idle(struct http1_conn *c)
{
	const struct http_limits *limits = c->base.limits;
	if (c->base.draining || c->peer_ended) {
		http1_finish(c);
		return;
	}
	c->state = HTTP1_IDLE;
	c->idle_trimmed = false;
	http1_set_deadline(c, loop_in(c->base.scope.loop, MIN(limits->idle_timeout, IDLE_TRIM)));
	http1_watch(c);
}

static void conn_head_incomplete(struct http1_conn *c, struct str bytes)
{
	const struct http_limits *limits = c->base.limits;
	int status = http1_check_start(bytes, &c->scan);
	if (status) {
		conn_refuse(c, status, status == 400 ? "malformed HTTP request" : NULL);
	} else if (bytes.len >= limits->header_bytes) {
		conn_refuse(c, c->scan.line ? 431 : 414, NULL);
	} else if (c->state != HTTP1_HEAD) {
		c->state = HTTP1_HEAD;
		http1_set_deadline(c, loop_in(c->base.scope.loop, limits->header_timeout));
	}
	if (c->peer_ended && c->state == HTTP1_HEAD)
		http1_break(c);
	else
		http1_watch(c);
}

/* RFC 9112 2.2: one empty line before a request line is forgiven. Is there more than that? */
static bool conn_has_request(struct http1_conn *c)
{
	struct str bytes = http1_pending(c);
	if (c->scan.at || c->blank_passed)
		return bytes.len > 0;
	if (str_starts(bytes, STR("\r\n"))) {
		c->blank_passed = true;
		http1_used(c, 2);
		return bytes.len > 2;
	}
	return bytes.len > 0 && !str_eq(bytes, STR("\r"));
}

static void conn_request(struct http1_conn *c)
{
	struct http_exchange *x = &c->x;
	struct str head = http1_pending(c);
	head.len = c->scan.at;
	if (head.len > c->base.limits->header_bytes) {
		conn_refuse(c, 431, NULL);
		return;
	}
	/* A copy, for the buffer goes on to hold the body and the next request. */
	head.at = arena_copy(&x->arena, head.at, head.len);
	http1_used(c, head.len);
	c->scan = (struct http1_scan){0};
	c->blank_passed = false;
	const char *why = NULL;
	int status = http1_parse_request(
		&x->arena, head, c->base.limits, &x->request, &c->framing, &why);
	struct str expect = http_headers_get(&x->request.headers, STR("Expect"));
	c->expect_continue = expect.len && x->request.version == HTTP_1_1;
	if (!status && expect.len && !str_eq_nocase(expect, STR("100-continue"))) {
		status = 417;
		why = NULL;
	}
	if (status) {
		arena_reset(&x->arena);
		conn_refuse(c, status, why);
		return;
	}
	http1_exchange_start(c);
}

void http1_next(struct http1_conn *c)
{
	if (!conn_has_request(c)) {
		if (c->state != HTTP1_IDLE && c->state != HTTP1_HEAD)
			conn_idle(c);
		return;
	}
	struct str bytes = http1_pending(c);
	switch (http1_scan_head(&c->scan, bytes)) {
	case HTTP1_MORE:
		conn_head_incomplete(c, bytes);
		break;
	case HTTP1_COMPLETE:
		conn_request(c);
		break;
	case HTTP1_BAD:
		conn_refuse(c, 400, "malformed HTTP request");
		break;
	}
}

/* ---- what the server asks ---- */

static void conn_drain(struct server_conn *base)
{
	struct http1_conn *c = CONTAINER_OF(base, struct http1_conn, base);
	base->draining = true;
	if (c->state == HTTP1_IDLE)
		http1_break(c);
}

static void conn_abort(struct server_conn *base)
{
	struct http1_conn *c = CONTAINER_OF(base, struct http1_conn, base);
	/* A stream that was handed over is ended by whoever has it: its exchange is told. */
	if (c->state == HTTP1_ENDED)
		http1_exchange_hang_up(c);
	else
		http1_break(c);
}

static const struct server_conn_ops conn_ops = {.drain = conn_drain, .abort = conn_abort};

struct server_conn *http1_server_conn_new(void)
{
	struct http1_conn *c = mem_new(sizeof(*c));
	c->base.ops = &conn_ops;
	return &c->base;
}

void http1_server_conn_run(struct server_conn *base)
{
	struct http1_conn *c = CONTAINER_OF(base, struct http1_conn, base);
	const struct http_limits *limits = base->limits;
	/* The server may have read the first bytes into a smaller buffer. */
	base->in.max = MAX(limits->header_bytes, HTTP1_READ_BODY) + HTTP1_READ_BODY;
	buf_init(&c->out, limits->header_bytes + 64 * KIB);
	arena_init_sized(&c->x.arena, HTTP_EXCHANGE_ARENA);
	c->deadline = OP_NO_DEADLINE;
	http1_send_init(&c->send, &base->scope, base->stream, limits->write_timeout, conn_sent);
	c->state = HTTP1_BUSY; /* so that idling begins anew */
	http1_next(c);
	http1_watch(c);
}
