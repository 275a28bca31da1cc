/*
 * What nghttp2 tells us, and what we let a peer make us do. nghttp2 checks the protocol (frame
 * sizes, stream states, pseudo-headers, connection-specific fields, content-length, windows);
 * here are the limits it does not have.
 */
#include "http2_session.h"

/*
 * Burst and refill a second. A busy client of ours sends a WINDOW_UPDATE or two for every few
 * KiB it reads and now and then a PING: it earns what it needs by reading (H2_EARN_BYTES).
 */
#define H2_CONTROL_BURST 2000
#define H2_CONTROL_RATE  500
#define H2_EARN_BYTES    KIB
#define H2_EARN_REQUEST  4
/* Resets: of requests we have begun to serve, and what our own answers to bad frames cost. */
#define H2_RESET_RATE     100
#define H2_RESET_SPARE    100
#define H2_INVALID_COST   4
#define H2_MAX_SETTINGS   32
#define H2_MAX_UNREAD_ACK 1000

bool h2_budget_spend(struct h2_budget *b, int64_t now, int32_t cost)
{
	int64_t earned = (now - b->refilled) / (SEC / b->rate);
	if (earned > 0) {
		earned = MIN(earned, (int64_t)b->burst);
		b->tokens = MIN(b->burst, b->tokens + (int32_t)earned);
		b->refilled = now;
	}
	b->tokens -= cost;
	return b->tokens >= 0;
}

void h2_budget_earn(struct h2_budget *b, int32_t tokens)
{
	b->tokens = MIN(b->burst, b->tokens + tokens);
}

static int h2_send_away(struct h2 *h, const char *reason)
{
	h->ban = reason;
	h->ban_code = NGHTTP2_ENHANCE_YOUR_CALM;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int h2_pay_control(struct h2 *h, int32_t cost)
{
	return h2_budget_spend(&h->control, loop_now(h->loop), cost)
		       ? 0
		       : h2_send_away(h, "too many control frames");
}

static int h2_pay_reset(struct h2 *h, int32_t cost)
{
	return h2_budget_spend(&h->resets, loop_now(h->loop), cost)
		       ? 0
		       : h2_send_away(h, "too many streams reset");
}

static struct h2_stream *h2_stream_of(struct h2 *h, int32_t id)
{
	return id ? nghttp2_session_get_stream_user_data(h->ng, id) : NULL;
}

/* Before anything else is looked at: frame headers of every type. */
static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *ctx)
{
	struct h2 *h = ctx;
	(void)ng;
	switch (hd->type) {
	case NGHTTP2_DATA:
		/* Padding does not make an empty frame useful, but it is paid for by window. */
		return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM)
			       ? h2_pay_control(h, 1)
			       : 0;
	case NGHTTP2_HEADERS:
		h2_budget_earn(&h->control, H2_EARN_REQUEST);
		return 0;
	case NGHTTP2_RST_STREAM:
		return h->role->server ? h2_pay_reset(h, 1) : h2_pay_control(h, 1);
	case NGHTTP2_CONTINUATION:
		return h2_pay_control(h, hd->length == 0 ? H2_INVALID_COST : 1);
	default: /* SETTINGS, PING, PRIORITY, WINDOW_UPDATE, GOAWAY, unknown ones */
		return h2_pay_control(h, 1);
	}
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct h2 *h = ctx;
	(void)ng;
	h->header_since = loop_now(h->loop);
	return h->role->begin_headers(h, frame);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	struct h2 *h = ctx;
	struct h2_stream *s = h2_stream_of(h, frame->hd.stream_id);
	(void)ng, (void)flags;
	if (!s)
		return 0;
	return h->role->header(s, str_make((const char *)name, name_len),
		str_make((const char *)value, value_len));
}

/* nghttp2 would overlook the field; a message that has one is malformed to us. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	(void)ng, (void)frame, (void)name, (void)name_len;
	(void)value, (void)value_len, (void)flags, (void)ctx;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct h2 *h = ctx;
	struct h2_stream *s = h2_stream_of(h, frame->hd.stream_id);
	(void)ng;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS: {
		h->header_since = 0;
		int code = s ? h->role->headers_done(s, frame) : 0;
		if (code == 0 && s && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			h2_stream_take_end(s);
		return code;
	}
	case NGHTTP2_DATA:
		if (s && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			h2_stream_take_end(s);
		return 0;
	case NGHTTP2_RST_STREAM:
		if (s)
			s->reset_by_peer = true;
		return 0;
	case NGHTTP2_SETTINGS:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			return 0;
		h->header_since = 0; /* the connection's preface is complete */
		h->settings_seen = true;
		if (h->role->settings)
			h->role->settings(h);
		return 0;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h->draining &&
			memcmp(frame->ping.opaque_data, "draining", 8) == 0)
			h2_draw_line(h);
		return 0;
	case NGHTTP2_GOAWAY:
		if (h->role->goaway)
			h->role->goaway(h, &frame->goaway);
		return 0;
	default:
		return 0;
	}
}

/*
 * A frame that made nghttp2 reset a stream, or refuse one. The peer can provoke such resets as
 * cheaply as it can send its own, so they are counted alike.
 */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *ctx)
{
	struct h2 *h = ctx;
	(void)ng;
	if (frame->hd.type == NGHTTP2_HEADERS)
		h->header_since = 0;
	return h2_pay_reset(h, code == NGHTTP2_ERR_REFUSED_STREAM ? 1 : H2_INVALID_COST);
}

static int on_data_chunk(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *at, size_t len, void *ctx)
{
	struct h2 *h = ctx;
	struct h2_stream *s = h2_stream_of(h, id);
	(void)flags;
	if (!s)
		return nghttp2_session_consume_connection(ng, len) ? NGHTTP2_ERR_CALLBACK_FAILURE
								   : 0;
	return h2_stream_take_data(s, at, len);
}

static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct h2 *h = ctx;
	struct h2_stream *s = h2_stream_of(h, frame->hd.stream_id);
	(void)ng;
	if (frame->hd.type == NGHTTP2_DATA)
		h2_budget_earn(&h->control, (int32_t)(frame->hd.length / H2_EARN_BYTES) + 1);
	if (frame->hd.type == NGHTTP2_RST_STREAM &&
		frame->rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR &&
		!h2_budget_spend(&h->resets, loop_now(h->loop), 1))
		h2_send_away(h, "too many streams reset"); /* by the next h2_feed */
	if (!s)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		h2_stream_head_sent(s);
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
		(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		h2_stream_end_was_sent(s);
	return 0;
}

static int on_frame_not_send(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *ctx)
{
	struct h2_stream *s = h2_stream_of(ctx, frame->hd.stream_id);
	(void)ng;
	if (s && frame->hd.type == NGHTTP2_HEADERS)
		h2_stream_head_not_sent(s, code);
	return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *ctx)
{
	struct h2 *h = ctx;
	struct h2_stream *s = h2_stream_of(h, id);
	(void)ng;
	if (!s)
		return 0;
	s->open = false;
	link_remove(&s->in_h2);
	if (--h->open == 0)
		h->idle_since = loop_now(h->loop);
	h->role->stream_closed(s, code);
	return 0;
}

static int on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t len,
	nghttp2_data_source *source, void *ctx)
{
	(void)ng, (void)frame, (void)ctx;
	return h2_stream_send_data(source->ptr, head, len);
}

/* Ours abort when memory is out, so nghttp2 has no such failure either. */
static void *h2_malloc(size_t size, void *ctx)
{
	(void)ctx;
	return mem_alloc(size);
}

static void h2_free(void *at, void *ctx)
{
	(void)ctx;
	mem_free(at);
}

static void *h2_calloc(size_t count, size_t size, void *ctx)
{
	size_t total;
	(void)ctx;
	return __builtin_mul_overflow(count, size, &total) ? NULL : mem_new(total);
}

static void *h2_realloc(void *at, size_t size, void *ctx)
{
	(void)ctx;
	return mem_resize(at, size);
}

static nghttp2_session_callbacks *h2_callbacks_new(void)
{
	nghttp2_session_callbacks *cb = NULL;
	int code = nghttp2_session_callbacks_new(&cb);
	assert(code == 0);
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	return cb;
}

/*
 * Bytes that nobody reads on some streams must not keep the others from arriving. A server's
 * handlers read at once or end, and its memory is what strangers fill: the limit is enough. A
 * client's callers may take their time, each for itself: every stream has its window.
 */
static int32_t h2_connection_window(const struct h2 *h)
{
	const struct http_limits *l = h->limits;
	uint64_t window = l->h2_connection_window;
	if (!h->role->server)
		window = MAX(window, (uint64_t)l->h2_stream_window * l->max_streams);
	return (int32_t)MIN(window, (uint64_t)INT32_MAX);
}

static void h2_submit_settings(struct h2 *h)
{
	const struct http_limits *l = h->limits;
	nghttp2_settings_entry server[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->max_streams},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, l->h2_stream_window},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)l->header_bytes},
		/* No dependency trees: streams take turns (see http2_server.c). */
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	nghttp2_settings_entry client[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, l->h2_stream_window},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)l->header_bytes},
	};
	int code = h->role->server ? nghttp2_submit_settings(
					     h->ng, NGHTTP2_FLAG_NONE, server, ARRAY_LEN(server))
				   : nghttp2_submit_settings(
					     h->ng, NGHTTP2_FLAG_NONE, client, ARRAY_LEN(client));
	if (code == 0)
		code = nghttp2_session_set_local_window_size(
			h->ng, NGHTTP2_FLAG_NONE, 0, h2_connection_window(h));
	assert(code == 0);
}

void h2_session_new(struct h2 *h)
{
	int64_t now = loop_now(h->loop);
	int32_t resets = (int32_t)MIN(h->limits->max_streams, 100000u) * 2 + H2_RESET_SPARE;
	h->control = (struct h2_budget){now, H2_CONTROL_BURST, H2_CONTROL_BURST, H2_CONTROL_RATE};
	h->resets = (struct h2_budget){now, resets, resets, H2_RESET_RATE};

	nghttp2_session_callbacks *cb = h2_callbacks_new();
	nghttp2_option *o = NULL;
	int code = nghttp2_option_new(&o);
	assert(code == 0);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_outbound_ack(o, H2_MAX_UNREAD_ACK);
	nghttp2_option_set_max_settings(o, H2_MAX_SETTINGS);
	/* Ours comes first and says what it is. */
	nghttp2_option_set_stream_reset_rate_limit(o, (uint64_t)resets * 2, H2_RESET_RATE * 2);
	nghttp2_mem mem = {NULL, h2_malloc, h2_free, h2_calloc, h2_realloc};
	code = h->role->server ? nghttp2_session_server_new3(&h->ng, cb, h, o, &mem)
			       : nghttp2_session_client_new3(&h->ng, cb, h, o, &mem);
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	assert(code == 0);
	h2_submit_settings(h);
}
