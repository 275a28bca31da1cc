/* What comes in on a SPDY connection: streams that the peer opens, its data, its windows. */
#include "spdy_own.h"

static struct spdy_stream *find(struct spdy *p, uint32_t id)
{
	list_each (k, &p->mux.streams) {
		struct mux_stream *s = LIST_ENTRY(k, struct mux_stream, in_mux);

		if (s->id == id)
			return spdy_stream_of(s);
	}
	return NULL;
}

/* ---- streams of the peer ---- */

static int take_syn_stream(struct spdy *p, uint8_t flags, struct str body, struct err *err)
{
	struct spdy_stream *s;
	uint32_t id;

	if (body.len < 10)
		return err_set(err, ERR_PROTOCOL, "spdy: SYN_STREAM is cut off");
	id = spdy_word(body, 0) & SPDY_ID_MASK;
	if (id % 2 == p->client || id <= p->last_id)
		return err_set(err, ERR_PROTOCOL, "spdy: stream %u out of order", id);
	p->last_id = id;
	s = spdy_stream_new(p, NULL, id);
	/* Those that are refused, too: their headers are part of one compressed stream. */
	int code = spdy_unpack(p->unpacker, str_skip(body, 10), &s->arena, &s->headers, err);
	list_push(&p->fresh, &s->in_fresh);
	if (code)
		return code;
	if (p->count > SPDY_STREAMS_MAX) {
		stream_close(&s->mux.base);
		return 0;
	}
	if (flags & SPDY_FIN)
		mux_end(&s->mux);
	if (flags & SPDY_UNIDIRECTIONAL)
		mux_shut(&s->mux);
	if (p->acceptor)
		spdy_welcome(p);
	return 0;
}

static int take_headers(
	struct spdy *p, const struct spdy_head *head, struct str body, struct err *err)
{
	struct spdy_stream *s;
	struct arena spare;
	struct http_headers headers = {0};

	if (body.len < 4)
		return err_set(err, ERR_PROTOCOL, "spdy: headers are cut off");
	arena_init(&spare);
	int code = spdy_unpack(p->unpacker, str_skip(body, 4), &spare, &headers, err);
	arena_done(&spare);
	s = find(p, spdy_word(body, 0) & SPDY_ID_MASK);
	if (code || !s)
		return code;
	if (head->type == SPDY_SYN_REPLY)
		spdy_answer(s, true);
	if (head->flags & SPDY_FIN)
		mux_end(&s->mux);
	return 0;
}

static void take_reset(struct spdy *p, uint32_t id)
{
	struct spdy_stream *s = find(p, id);

	if (!s)
		return;
	s->reset = true;
	spdy_answer(s, false);
	mux_end(&s->mux);
	mux_shut(&s->mux);
}

/* ---- windows ---- */

static void unblock_all(struct spdy *p)
{
	list_each_safe (k, &p->mux.blocked)
		mux_unblock(LIST_ENTRY(k, struct mux_stream, in_queue));
}

static int take_window(struct spdy *p, uint32_t id, uint32_t delta, struct err *err)
{
	struct spdy_stream *s = id ? find(p, id) : NULL;
	int64_t *window = id ? s ? &s->window : NULL : &p->session_window;

	if (id)
		p->windowed = true;
	else
		p->session_windowed = true;
	if (!window)
		return 0;
	*window += delta;
	if (*window > INT32_MAX)
		return err_set(err, ERR_PROTOCOL, "spdy: a window of more than 2 GiB");
	unblock_all(p);
	return 0;
}

static void set_initial_window(struct spdy *p, uint32_t size)
{
	int64_t change = (int64_t)MIN(size, (uint32_t)INT32_MAX) - p->initial_window;

	p->windowed = true;
	p->initial_window += change;
	list_each (k, &p->mux.streams)
		spdy_stream_of(LIST_ENTRY(k, struct mux_stream, in_mux))->window += change;
	unblock_all(p);
}

static int take_settings(struct spdy *p, struct str body, struct err *err)
{
	size_t count = body.len >= 4 ? spdy_word(body, 0) : 0;

	if (body.len < 4 || count != (body.len - 4) / 8)
		return err_set(err, ERR_PROTOCOL, "spdy: SETTINGS of another length");
	for (size_t i = 0; i < count; i++)
		if ((spdy_word(body, 4 + i * 8) & 0xffffff) == SPDY_INITIAL_WINDOW)
			set_initial_window(p, spdy_word(body, 8 + i * 8));
	return 0;
}

/* ---- what arrives ---- */

/* A ping has an odd number when a client has begun it. */
static void take_ping(struct spdy *p, uint32_t id)
{
	if (id % 2 != p->client)
		spdy_send_words(p, SPDY_PING, id, 0, 1);
	else if (p->pinger && id == p->ping_id)
		op_finish(TAKE(p->pinger), 0);
}

static int take_control(
	struct spdy *p, const struct spdy_head *head, struct str body, struct err *err)
{
	static const uint8_t least[] = {[SPDY_RST_STREAM] = 8,
		[SPDY_PING] = 4,
		[SPDY_GOAWAY] = 4,
		[SPDY_WINDOW_UPDATE] = 8};

	if (head->type < ARRAY_LEN(least) && body.len < least[head->type])
		return err_set(err, ERR_PROTOCOL, "spdy: a frame is cut off");
	switch (head->type) {
	case SPDY_SYN_STREAM:
		return take_syn_stream(p, head->flags, body, err);
	case SPDY_SYN_REPLY:
	case SPDY_HEADERS:
		return take_headers(p, head, body, err);
	case SPDY_RST_STREAM:
		take_reset(p, spdy_word(body, 0) & SPDY_ID_MASK);
		return 0;
	case SPDY_SETTINGS:
		return take_settings(p, body, err);
	case SPDY_PING:
		take_ping(p, spdy_word(body, 0));
		return 0;
	case SPDY_WINDOW_UPDATE:
		return take_window(p, spdy_word(body, 0) & SPDY_ID_MASK,
			spdy_word(body, 4) & SPDY_ID_MASK, err);
	default:
		return 0; /* GOAWAY: its end follows; what we do not know is to be ignored */
	}
}

static int end_data(struct spdy *p)
{
	struct spdy_stream *s = find(p, p->data.id);

	p->in_data = false;
	if (s && p->data.flags & SPDY_FIN)
		mux_end(&s->mux);
	return 0;
}

static int take_data(struct spdy *p, struct str in, size_t *used)
{
	size_t n = MIN(in.len, (size_t)p->data.length);
	struct spdy_stream *s = find(p, p->data.id);

	if (s && !s->mux.ended)
		mux_deliver(&s->mux, str_sub(in, 0, n));
	else
		spdy_consumed(&p->mux, NULL, n); /* closed meanwhile */
	p->data.length -= (uint32_t)n;
	*used = n;
	return p->data.length ? 0 : end_data(p);
}

int spdy_take(struct mux *m, struct str in, size_t *used, struct err *err)
{
	struct spdy *p = spdy_of(m);
	struct spdy_head head;

	if (p->in_data)
		return take_data(p, in, used);
	if (in.len < SPDY_HEAD_SIZE)
		return 0;
	if (spdy_parse_head(in, &head, err))
		return ERR_PROTOCOL;
	if (!head.control) {
		*used = SPDY_HEAD_SIZE;
		p->data = head;
		p->in_data = true;
		return head.length ? 0 : end_data(p);
	}
	if (in.len - SPDY_HEAD_SIZE < head.length)
		return 0;
	*used = SPDY_HEAD_SIZE + head.length;
	return take_control(p, &head, str_sub(in, SPDY_HEAD_SIZE, *used), err);
}
