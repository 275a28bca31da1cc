#include "http2_client.h"

static struct h2_client *h2_client_of(struct h2 *h)
{
	return CONTAINER_OF(h, struct h2_client, h2);
}

/* ---- what the server says of the connection (inside nghttp2) ---- */

static void client_settings(struct h2 *h)
{
	struct h2_client *client = h2_client_of(h);
	uint32_t theirs =
		nghttp2_session_get_remote_settings(h->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	client->base.max_active = MIN(theirs, h->limits->max_streams);
	client->tell = true;
}

static void client_goaway(struct h2 *h, const nghttp2_goaway *frame)
{
	struct h2_client *client = h2_client_of(h);
	client->base.broken = true;
	client->tell = true;
	client->last_id = frame->last_stream_id;
	if (frame->error_code == NGHTTP2_NO_ERROR || h->err.code)
		return;
	char debug[129] = "";
	size_t len = MIN(frame->opaque_data_len, sizeof(debug) - 1);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = frame->opaque_data[i];
		debug[i] = c >= ' ' && c < 0x7f && c != '"' ? (char)c : '?';
	}
	err_set(&h->err, ERR_CLOSED,
		"http2: server sent GOAWAY and closed the connection; LastStreamID=%d, "
		"ErrCode=%s, debug=\"%s\"",
		frame->last_stream_id, nghttp2_http2_strerror(frame->error_code), debug);
}

static void client_received(struct h2 *h)
{
	struct h2_client *client = h2_client_of(h);
	if (client->tell) {
		client->tell = false;
		client_conn_idle(&client->base);
	}
}

/* ---- the end ---- */

static void client_lost(struct h2 *h)
{
	struct h2_client *client = h2_client_of(h);
	struct err err = {0};
	err_copy(&err, &h->err);
	client->base.broken = true;
	list_each_safe (k, &client->calls) {
		struct h2_call *call = LIST_ENTRY(k, struct h2_call, in_client);
		h2_call_fail(call, &err, !call->s.head_sent || call->s.id > client->last_id);
	}
	err_done(&err);
}

static void client_try_free(struct h2_client *client)
{
	if (!client->over || client->base.active > 0)
		return;
	h2_done(&client->h2);
	client_conn_gone(&client->base);
	mem_free(client);
}

static void client_over(struct h2 *h)
{
	struct h2_client *client = h2_client_of(h);
	client->over = true;
	client_try_free(client);
}

static void client_idle(struct h2 *h)
{
	struct h2_client *client = h2_client_of(h);
	if (client->base.active > 0) {
		h->idle_since = loop_now(h->loop); /* read to the end, but not given back */
		return;
	}
	client->base.broken = true;
	h2_terminate(h, NGHTTP2_NO_ERROR, "idle");
}

static void client_done(struct client_conn *c, struct http_call *call)
{
	struct h2_client *client = CONTAINER_OF(c, struct h2_client, base);
	h2_call_release(call);
	assert(c->active > 0);
	c->active--;
	if (client->over) {
		client_try_free(client);
		return;
	}
	if (c->broken && c->active == 0 && client->h2.state == H2_RUNNING)
		h2_terminate(&client->h2, NGHTTP2_NO_ERROR, "done");
	client_conn_idle(c);
}

static void client_close(struct client_conn *c)
{
	struct h2_client *client = CONTAINER_OF(c, struct h2_client, base);
	struct err err = {0};
	err_set(&err, ERR_CLOSED, "http2: client connection closed");
	h2_end(&client->h2, &err);
}

static struct stream *client_take_stream(
	struct client_conn *c, struct http_call *call, struct buf *early)
{
	(void)c, (void)call, (void)early;
	return NULL;
}

static const struct client_conn_ops client_ops = {
	.start = h2_call_start,
	.write = h2_call_write,
	.end = h2_call_end,
	.read = h2_call_read,
	.cancel = h2_call_cancel,
	.take_stream = client_take_stream,
	.done = client_done,
	.close = client_close,
};

static const struct h2_role client_role = {
	.name = "h2 client",
	.received = client_received,
	.lost = client_lost,
	.over = client_over,
	.idle = client_idle,
	.begin_headers = h2_call_begin_headers,
	.header = h2_call_header,
	.headers_done = h2_call_headers_done,
	.stream_closed = h2_call_stream_closed,
	.settings = client_settings,
	.goaway = client_goaway,
};

struct client_conn *http2_client_conn_new(void)
{
	struct h2_client *client = mem_new(sizeof(*client));
	client->base.ops = &client_ops;
	client->last_id = INT32_MAX;
	list_init(&client->calls);
	return &client->base;
}

void http2_client_conn_run(struct client_conn *c)
{
	struct h2_client *client = CONTAINER_OF(c, struct h2_client, base);
	struct h2 *h = &client->h2;
	c->max_active = MIN((uint32_t)H2_FIRST_STREAMS, c->limits->max_streams);
	h->role = &client_role;
	h->loop = c->env->loop;
	h->scope = &c->scope;
	h->stream = c->stream;
	h->limits = c->limits;
	h2_start(h, NULL);
}
