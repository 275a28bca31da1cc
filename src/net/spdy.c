#include "mux.h"
#include "spdy_frame.h"
#include "spdy_headers.h"

#include <kube/mem.h>
#include <kube/spdy.h>

struct spdy {
	struct mux mux; /* first */
	struct spdy_packer *packer, *unpacker;
	bool client;
	uint32_t next_id, last_id; /* ours; the peer's latest */
	size_t count;              /* of streams that stand */
	/* the data frame that is arriving */
	struct spdy_head data;
	bool in_data;
	/* streams of the peer that nobody has taken yet */
	struct list fresh;
	struct op *acceptor;
	struct scope *accept_scope;
	struct stream **accepted;
	struct op *pinger;
	uint32_t ping_id;
	/* what the peer allows us, and what we have not given back to it */
	bool windowed, session_windowed;
	int64_t session_window, initial_window;
	uint32_t taken;
};

struct spdy_stream {
	struct mux_stream mux; /* first */
	struct link in_fresh;
	struct arena arena;
	struct http_headers headers;
	struct op *reply_waiter;
	bool replied, accepted, reset;
	int64_t window;
	uint32_t taken;
};

static struct spdy *spdy_of(struct mux *m)
{
	return CONTAINER_OF(m, struct spdy, mux);
}

static struct spdy_stream *stream_of(const struct mux_stream *s)
{
	return CONTAINER_OF(s, struct spdy_stream, mux);
}

static struct spdy_stream *find(struct spdy *p, uint32_t id)
{
	list_each (k, &p->mux.streams) {
		struct mux_stream *s = LIST_ENTRY(k, struct mux_stream, in_mux);

		if (s->id == id)
			return stream_of(s);
	}
	return NULL;
}

static struct spdy_stream *stream_new(struct spdy *p, struct scope *scope, uint32_t id)
{
	struct spdy_stream *s = mem_new(sizeof(*s));

	arena_init(&s->arena);
	mux_stream_init(&s->mux, &p->mux, scope, id);
	s->window = p->initial_window;
	p->count++;
	return s;
}

/* ---- what is sent ---- */

static void send_words(struct spdy *p, uint16_t type, uint32_t first, uint32_t second, int words)
{
	const struct spdy_head head = {
		.control = true, .type = type, .length = (uint32_t)words * 4};

	spdy_print_head(&head, &p->mux.next);
	spdy_print_word(first, &p->mux.next);
	if (words > 1)
		spdy_print_word(second, &p->mux.next);
}

static void send_headers(
	struct spdy *p, uint16_t type, uint32_t id, const struct http_header *headers, size_t count)
{
	_cleanup_(buf_done) struct buf block = BUF_INIT(2 * SPDY_HEADER_MAX);
	struct spdy_head head = {.control = true, .type = type};
	struct buf *out = &p->mux.next;

	spdy_pack(p->packer, headers, count, &block);
	head.length = (uint32_t)block.len + (type == SPDY_SYN_STREAM ? 10 : 4);
	spdy_print_head(&head, out);
	spdy_print_word(id, out);
	if (type == SPDY_SYN_STREAM)
		buf_add(out, "\0\0\0\0\0", 6); /* stands by itself, priority 0 */
	buf_add_str(out, buf_str(&block));
}

static int64_t allowed(const struct spdy *p, const struct spdy_stream *s)
{
	int64_t n = (int64_t)MUX_FRAME_MAX;

	if (p->windowed)
		n = MIN(n, s->window);
	if (p->session_windowed)
		n = MIN(n, p->session_window);
	return n;
}

static size_t pack(struct mux *m, struct mux_stream *ms, struct str bytes)
{
	struct spdy *p = spdy_of(m);
	struct spdy_stream *s = stream_of(ms);
	int64_t n = MIN(allowed(p, s), (int64_t)bytes.len);

	if (n <= 0)
		return 0;
	spdy_print_head(&(struct spdy_head){.id = ms->id, .length = (uint32_t)n}, &m->next);
	buf_add(&m->next, bytes.at, (size_t)n);
	s->window -= n;
	p->session_window -= n;
	return (size_t)n;
}

static void finish(struct mux *m, struct mux_stream *s)
{
	spdy_print_head(&(struct spdy_head){.id = s->id, .flags = SPDY_FIN}, &m->next);
}

/* Half of a window that has been read is given back. */
static void consumed(struct mux *m, struct mux_stream *ms, size_t n)
{
	struct spdy *p = spdy_of(m);
	struct spdy_stream *s = ms ? stream_of(ms) : NULL;

	p->taken += (uint32_t)n;
	if (p->taken >= SPDY_WINDOW / 2)
		send_words(p, SPDY_WINDOW_UPDATE, 0, TAKE(p->taken), 2);
	if (!s || ms->ended)
		return;
	s->taken += (uint32_t)n;
	if (s->taken >= SPDY_WINDOW / 2)
		send_words(p, SPDY_WINDOW_UPDATE, ms->id, TAKE(s->taken), 2);
}

/* ---- streams of the peer ---- */

static void welcome(struct spdy *p)
{
	struct op *op = TAKE(p->acceptor);
	struct spdy_stream *s = CONTAINER_OF(list_pop(&p->fresh), struct spdy_stream, in_fresh);

	s->accepted = s->replied = true;
	s->mux.base.scope = p->accept_scope;
	*p->accepted = &s->mux.base;
	send_headers(p, SPDY_SYN_REPLY, s->mux.id, NULL, 0);
	op_finish(op, 0);
}

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
	s = stream_new(p, NULL, id);
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
		welcome(p);
	return 0;
}

static void answer_reply(struct spdy_stream *s, bool welcome)
{
	struct op *op = TAKE(s->reply_waiter);

	s->replied |= welcome;
	if (op && welcome)
		op_finish(op, 0);
	else if (op)
		op_fail_with(op, ERR_REFUSED, "spdy: the stream was refused");
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
		answer_reply(s, true);
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
	answer_reply(s, false);
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
		stream_of(LIST_ENTRY(k, struct mux_stream, in_mux))->window += change;
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
		send_words(p, SPDY_PING, id, 0, 1);
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
		consumed(&p->mux, NULL, n); /* closed meanwhile */
	p->data.length -= (uint32_t)n;
	*used = n;
	return p->data.length ? 0 : end_data(p);
}

static int take(struct mux *m, struct str in, size_t *used, struct err *err)
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

/* ---- ends ---- */

static void released(struct mux *m, struct mux_stream *ms)
{
	struct spdy_stream *s = stream_of(ms);

	spdy_of(m)->count--;
	if (s->reset || (ms->ended && ms->finished))
		return;
	send_words(spdy_of(m), SPDY_RST_STREAM, ms->id,
		s->accepted || s->replied ? SPDY_CANCEL : SPDY_REFUSED_STREAM, 2);
}

static void over(struct mux *m)
{
	struct spdy *p = spdy_of(m);
	struct op *acceptor = TAKE(p->acceptor), *pinger = TAKE(p->pinger);

	if (acceptor)
		op_fail_with(acceptor, ERR_CLOSED, "spdy: the connection is closed");
	if (pinger)
		op_fail_with(pinger, ERR_CLOSED, "spdy: the connection is closed");
	list_each (k, &m->streams)
		answer_reply(stream_of(LIST_ENTRY(k, struct mux_stream, in_mux)), false);
}

static void goodbye(struct mux *m)
{
	send_words(spdy_of(m), SPDY_GOAWAY, spdy_of(m)->last_id,
		m->failure.code == ERR_PROTOCOL || m->failure.code == ERR_SYNTAX, 2);
}

static void free_stream(struct mux_stream *ms)
{
	struct spdy_stream *s = stream_of(ms);

	if (s->reply_waiter)
		op_fail_cancelled(TAKE(s->reply_waiter));
	link_remove(&s->in_fresh);
	arena_done(&s->arena);
	mem_free(s);
}

static void free_spdy(struct mux *m)
{
	struct spdy *p = spdy_of(m);

	spdy_packer_free(p->packer);
	spdy_packer_free(p->unpacker);
	mem_free(p);
}

static const struct mux_ops spdy_ops = {
	.name = "spdy",
	.take = take,
	.pack = pack,
	.finish = finish,
	.consumed = consumed,
	.released = released,
	.goodbye = goodbye,
	.over = over,
	.free_stream = free_stream,
	.free = free_spdy,
};

/* ---- the owner's side ---- */

static void begin(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, reading);

	(void)err;
	if (!m->gone)
		mux_start(m);
}

struct spdy *spdy_new(struct env *env, struct scope *scope, struct stream *below, struct buf *early,
	bool client, int64_t idle)
{
	struct spdy *p = mem_new(sizeof(*p));

	p->client = client;
	p->next_id = client ? 1 : 2;
	p->ping_id = client ? 1 : 2;
	p->initial_window = p->session_window = SPDY_WINDOW;
	p->packer = spdy_packer_new();
	p->unpacker = spdy_unpacker_new();
	mux_init(&p->mux, &spdy_ops, env, scope, below, early, idle);
	op_init(&p->mux.reading, &p->mux.scope, begin, OP_NO_DEADLINE);
	op_yield(&p->mux.reading);
	return p;
}

static bool is_over(const struct spdy *p)
{
	return p->mux.ended || p->mux.failure.code || p->mux.closing;
}

static void accept_cancel(struct op *op)
{
	((struct spdy *)op->ctx)->acceptor = NULL;
	op_fail_cancelled(op);
}

void spdy_accept(struct spdy *p, struct op *op, struct scope *scope, struct stream **stream)
{
	static const struct op_kind kind = {.name = "spdy accept", .cancel = accept_cancel};

	assert(!p->acceptor);
	if (!op_begin(op, &kind, p))
		return;
	if (is_over(p)) {
		op_fail_with(op, ERR_CLOSED, "spdy: the connection is closed");
		return;
	}
	p->acceptor = op;
	p->accept_scope = scope;
	p->accepted = stream;
	if (list_empty(&p->fresh))
		return;
	welcome(p);
	mux_send(&p->mux);
}

struct stream *spdy_open(
	struct spdy *p, struct scope *scope, const struct http_header *headers, size_t header_count)
{
	struct spdy_stream *s;

	if (is_over(p) || p->count >= SPDY_STREAMS_MAX || p->next_id > SPDY_ID_MASK - 2)
		return NULL;
	s = stream_new(p, scope, p->next_id);
	p->next_id += 2;
	s->accepted = true;
	send_headers(p, SPDY_SYN_STREAM, s->mux.id, headers, header_count);
	for (size_t i = 0; i < header_count; i++)
		http_headers_add(&s->arena, &s->headers, arena_str(&s->arena, headers[i].name),
			arena_str(&s->arena, headers[i].value));
	mux_send(&p->mux);
	return &s->mux.base;
}

static void reply_cancel(struct op *op)
{
	((struct spdy_stream *)op->ctx)->reply_waiter = NULL;
	op_fail_cancelled(op);
}

void spdy_wait_reply(struct stream *stream, struct op *op)
{
	static const struct op_kind kind = {.name = "spdy reply", .cancel = reply_cancel};
	struct spdy_stream *s = stream_of(mux_stream_of(stream));

	if (!op_begin(op, &kind, s))
		return;
	s->reply_waiter = op;
	if (s->replied)
		answer_reply(s, true);
	else if (s->reset || !s->mux.mux || is_over(spdy_of(s->mux.mux)))
		answer_reply(s, false);
}

struct str spdy_header(const struct stream *stream, struct str name)
{
	return http_headers_get(
		&stream_of(CONTAINER_OF(stream, struct mux_stream, base))->headers, name);
}

static void ping_cancel(struct op *op)
{
	((struct spdy *)op->ctx)->pinger = NULL;
	op_fail_cancelled(op);
}

void spdy_ping(struct spdy *p, struct op *op)
{
	static const struct op_kind kind = {.name = "spdy ping", .cancel = ping_cancel};

	assert(!p->pinger);
	if (!op_begin(op, &kind, p))
		return;
	if (is_over(p)) {
		op_fail_with(op, ERR_CLOSED, "spdy: the connection is closed");
		return;
	}
	p->pinger = op;
	p->ping_id += 2;
	send_words(p, SPDY_PING, p->ping_id, 0, 1);
	mux_send(&p->mux);
}

void spdy_wait(struct spdy *p, struct op *op)
{
	mux_wait(&p->mux, op);
}

void spdy_close(struct spdy *p)
{
	for (struct link *k; (k = list_first(&p->fresh));)
		stream_close(&LIST_ENTRY(k, struct spdy_stream, in_fresh)->mux.base);
	mux_close(&p->mux);
}
