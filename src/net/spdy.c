/* SPDY connections as their owners see them; see spdy_input.c and spdy_output.c for the rest. */
#include "spdy_own.h"

#include <kube/mem.h>

/* ---- streams ---- */

struct spdy_stream *spdy_stream_new(struct spdy *p, struct scope *scope, uint32_t id)
{
	struct spdy_stream *s = mem_new(sizeof(*s));

	arena_init(&s->arena);
	mux_stream_init(&s->mux, &p->mux, scope, id);
	s->window = p->initial_window;
	p->count++;
	return s;
}

void spdy_welcome(struct spdy *p)
{
	struct op *op = TAKE(p->acceptor);
	struct spdy_stream *s = CONTAINER_OF(list_pop(&p->fresh), struct spdy_stream, in_fresh);

	s->accepted = s->replied = true;
	s->mux.base.scope = p->accept_scope;
	*p->accepted = &s->mux.base;
	spdy_send_headers(p, SPDY_SYN_REPLY, s->mux.id, NULL, 0);
	op_finish(op, 0);
}

void spdy_answer(struct spdy_stream *s, bool welcome)
{
	struct op *op = TAKE(s->reply_waiter);

	s->replied |= welcome;
	if (op && welcome)
		op_finish(op, 0);
	else if (op)
		op_fail_with(op, ERR_REFUSED, "spdy: the stream was refused");
}

/* ---- ends ---- */

static void released(struct mux *m, struct mux_stream *ms)
{
	struct spdy_stream *s = spdy_stream_of(ms);

	spdy_of(m)->count--;
	if (s->reset || (ms->ended && ms->finished))
		return;
	spdy_send_words(spdy_of(m), SPDY_RST_STREAM, ms->id,
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
		spdy_answer(spdy_stream_of(LIST_ENTRY(k, struct mux_stream, in_mux)), false);
}

static void goodbye(struct mux *m)
{
	spdy_send_words(spdy_of(m), SPDY_GOAWAY, spdy_of(m)->last_id,
		m->failure.code == ERR_PROTOCOL || m->failure.code == ERR_SYNTAX, 2);
}

static void free_stream(struct mux_stream *ms)
{
	struct spdy_stream *s = spdy_stream_of(ms);

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
	.take = spdy_take,
	.pack = spdy_pack_data,
	.finish = spdy_finish,
	.consumed = spdy_consumed,
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
	spdy_welcome(p);
	mux_send(&p->mux);
}

struct stream *spdy_open(
	struct spdy *p, struct scope *scope, const struct http_header *headers, size_t header_count)
{
	struct spdy_stream *s;

	if (is_over(p) || p->count >= SPDY_STREAMS_MAX || p->next_id > SPDY_ID_MASK - 2)
		return NULL;
	s = spdy_stream_new(p, scope, p->next_id);
	p->next_id += 2;
	s->accepted = true;
	spdy_send_headers(p, SPDY_SYN_STREAM, s->mux.id, headers, header_count);
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
	struct spdy_stream *s = spdy_stream_of(mux_stream_of(stream));

	if (!op_begin(op, &kind, s))
		return;
	s->reply_waiter = op;
	if (s->replied)
		spdy_answer(s, true);
	else if (s->reset || !s->mux.mux || is_over(spdy_of(s->mux.mux)))
		spdy_answer(s, false);
}

struct str spdy_header(const struct stream *stream, struct str name)
{
	return http_headers_get(
		&spdy_stream_of(CONTAINER_OF(stream, struct mux_stream, base))->headers, name);
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
	spdy_send_words(p, SPDY_PING, p->ping_id, 0, 1);
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
