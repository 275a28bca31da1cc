#include "mux.h"

#include <kube/mem.h>
#include <kube/time.h>

#define IN_MAX      (128 * KIB)
#define READ_SIZE   (16 * KIB)
#define SEND_SIZE   (64 * KIB)  /* gathered for one write below */
#define SEND_MAX    (1 * MIB)   /* answers to a peer that asks and does not read */
#define ANSWERS_MAX (128 * KIB) /* of them before nothing more is read */
#define STREAM_HIGH (256 * KIB) /* not taken by its reader, before nothing more is read */
#define TOTAL_HIGH  (1 * MIB)
#define LINGER      (5 * SEC)

static void end_now(struct mux *m);

/* ---- the end of the connection ---- */

static void tell_over(struct mux *m)
{
	struct op *op = TAKE(m->waiter);

	if (m->ops->over)
		m->ops->over(m);
	if (!op)
		return;
	if (m->failure.code)
		op_fail_copy(op, &m->failure);
	else
		op_finish(op, 0);
}

static void settle_all(struct mux *m)
{
	list_each (k, &m->streams) {
		struct mux_stream *s = LIST_ENTRY(k, struct mux_stream, in_mux);

		mux_satisfy(s);
		mux_fail_writer(s, &m->failure);
	}
	tell_over(m);
}

void mux_end_all(struct mux *m)
{
	if (m->ended)
		return;
	m->ended = true;
	list_each (k, &m->streams)
		LIST_ENTRY(k, struct mux_stream, in_mux)->ended = true;
	settle_all(m);
}

static void fail(struct mux *m, struct err *err)
{
	if (m->failure.code || m->ended) {
		err_done(err);
		return;
	}
	err_move(&m->failure, err);
	settle_all(m);
}

/* ---- reading below ---- */

static bool paused(const struct mux *m)
{
	if (m->buffered >= TOTAL_HIGH || m->next.len >= ANSWERS_MAX)
		return true;
	list_each (k, &m->streams)
		if (LIST_ENTRY(k, struct mux_stream, in_mux)->in.len >= STREAM_HIGH)
			return true;
	return false;
}

static void read_done(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, reading);

	if (m->gone)
		return;
	m->active = loop_now(m->scope.loop);
	if (m->closing) { /* nobody wants it; the end is waited for */
		buf_clear(&m->in);
		m->in_used = 0;
		if (err->code || op->n == 0)
			end_now(m);
		else
			mux_pump_read(m);
		return;
	}
	if (err->code)
		fail(m, err);
	else if (op->n == 0)
		mux_end_all(m);
	else
		mux_pump_read(m);
}

static void drop_taken(struct mux *m)
{
	buf_drop_front(&m->in, TAKE(m->in_used));
	if (!m->in.len)
		buf_done(&m->in); /* an idle connection holds no buffer */
}

static void read_more(struct mux *m)
{
	if (op_active(&m->reading) || m->gone)
		return;
	if (m->closing)
		m->in_used = m->in.len;
	drop_taken(m);
	op_init(&m->reading, &m->scope, read_done, OP_NO_DEADLINE);
	stream_read(m->below, &m->reading, &m->in, READ_SIZE);
}

void mux_pump_read(struct mux *m)
{
	while (!mux_over(m) && !paused(m) && m->in.len > m->in_used && !op_active(&m->reading)) {
		struct err err = {0};
		size_t used = 0;

		if (m->ops->take(m, str_skip(buf_str(&m->in), m->in_used), &used, &err)) {
			fail(m, &err);
			break;
		}
		m->in_used += used;
		if (!used)
			break;
	}
	if (m->closing || (!mux_over(m) && !paused(m)))
		read_more(m);
	mux_pump_write(m);
}

/* ---- writing below ---- */

/* true: all of the writer's bytes are in frames. */
static bool pack(struct mux *m, struct mux_stream *s)
{
	static const struct str nothing = {0};
	struct str part =
		s->part_at < s->part_count ? str_skip(s->parts[s->part_at], s->part_used) : nothing;

	if (!part.len && !s->finishing && !s->written && m->ops->empty_frames)
		m->ops->pack(m, s, nothing);
	if (part.len) {
		size_t n = m->ops->pack(m, s, part);

		if (!n) {
			link_remove(&s->in_queue);
			list_push(&m->blocked, &s->in_queue);
			return false;
		}
		s->part_used += n;
		s->written += (int64_t)n;
	}
	while (s->part_at < s->part_count && s->part_used == s->parts[s->part_at].len) {
		s->part_at++;
		s->part_used = 0;
	}
	if (s->part_at < s->part_count)
		return false;
	if (s->finishing && !s->finished) {
		s->finished = true;
		m->ops->finish(m, s);
	}
	return true;
}

static void gather(struct mux *m)
{
	while (m->next.len < SEND_SIZE && !list_empty(&m->ready)) {
		struct link *k = list_first(&m->ready);
		bool whole = pack(m, LIST_ENTRY(k, struct mux_stream, in_queue));

		if (!whole && list_first(&m->ready) != k)
			continue; /* it is blocked */
		link_remove(k);
		list_push(whole ? &m->leaving : &m->ready, k);
	}
}

static void tell_left(struct mux *m)
{
	for (struct link *k; (k = list_first(&m->leaving));) {
		struct mux_stream *s = LIST_ENTRY(k, struct mux_stream, in_queue);

		link_remove(k);
		s->base.bytes_out += (uint64_t)s->written;
		op_finish(stream_take_writing(&s->base), s->written);
	}
}

static void written(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, writing);

	buf_done(&m->out);
	if (m->gone)
		return;
	m->active = loop_now(m->scope.loop);
	if (err->code) {
		if (m->closing)
			end_now(m);
		else
			fail(m, err);
		return;
	}
	tell_left(m);
	mux_pump_write(m);
	if (!m->gone)
		mux_pump_read(m); /* it may have waited for answers to leave */
}

static void finished(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, writing);

	if (m->gone)
		return;
	if (err->code || m->ended || m->failure.code)
		end_now(m);
	else
		read_more(m);
}

void mux_pump_write(struct mux *m)
{
	if (op_active(&m->writing) || m->gone)
		return;
	if (!mux_over(m))
		gather(m);
	if (!m->next.len)
		tell_left(m); /* what needs no frames */
	if (buf_over(&m->next)) {
		struct err err = {0};

		err_set(&err, ERR_LIMIT, "%s: the peer asks and does not read", m->ops->name);
		fail(m, &err);
		return;
	}
	if (m->next.len) {
		m->out = m->next;
		buf_init(&m->next, SEND_MAX);
		m->out_part = buf_str(&m->out);
		op_init(&m->writing, &m->scope, written, OP_NO_DEADLINE);
		stream_write(m->below, &m->writing, &m->out_part, 1);
	} else if (m->closing && !m->finished) {
		m->finished = true;
		op_init(&m->writing, &m->scope, finished, OP_NO_DEADLINE);
		stream_finish(m->below, &m->writing);
	}
}

void mux_send(struct mux *m)
{
	mux_pump_write(m);
}

/* ---- silence ---- */

static void idle_over(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, idling);

	if (m->gone || mux_over(m) || err->code)
		return;
	if (loop_now(m->scope.loop) - m->active >= m->idle) {
		err_set(err, ERR_TIMEOUT, "%s: nothing was said for too long", m->ops->name);
		fail(m, err);
		return;
	}
	op_init(op, &m->scope, idle_over, OP_NO_DEADLINE);
	timer_wait(op, m->active + m->idle);
}

/* ---- beginning and end ---- */

/* What is still to be said when the scope around it closes is said: the owner closes it. */
static void scope_told(struct scope *scope)
{
	(void)scope;
}

void mux_init(struct mux *m, const struct mux_ops *ops, struct env *env, struct scope *parent,
	struct stream *below, struct buf *early, int64_t idle)
{
	m->ops = ops;
	m->env = env;
	m->below = below;
	m->idle = idle;
	scope_init(&m->scope, parent, ops->name, scope_told);
	buf_init(&m->in, IN_MAX);
	buf_init(&m->next, SEND_MAX);
	if (early) {
		buf_add_str(&m->in, buf_str(early));
		buf_done(early);
	}
}

void mux_start(struct mux *m)
{
	m->active = loop_now(m->scope.loop);
	if (m->idle) {
		op_init(&m->idling, &m->scope, idle_over, OP_NO_DEADLINE);
		timer_wait(&m->idling, m->active + m->idle);
	}
	if (buf_over(&m->in)) {
		struct err err = {0};

		err_set(&err, ERR_TOO_LARGE, "%s: too much at once", m->ops->name);
		fail(m, &err);
		return;
	}
	mux_pump_read(m);
}

static void wait_cancel(struct op *op)
{
	struct mux *m = op->ctx;

	m->waiter = NULL;
	op_fail_cancelled(op);
}

void mux_wait(struct mux *m, struct op *op)
{
	static const struct op_kind kind = {.name = "connection end", .cancel = wait_cancel};

	assert(!m->waiter);
	if (!op_begin(op, &kind, m))
		return;
	m->waiter = op;
	if (mux_over(m))
		tell_over(m);
}

static void closed(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, closer);

	(void)err;
	buf_done(&m->in);
	buf_done(&m->next);
	buf_done(&m->out);
	err_done(&m->failure);
	m->ops->free(m);
}

static void end_now(struct mux *m)
{
	if (m->gone)
		return;
	m->gone = true;
	stream_close(TAKE(m->below));
	op_init(&m->closer, m->scope.parent, closed, OP_NO_DEADLINE);
	scope_close(&m->scope, &m->closer);
}

static void linger_over(struct op *op, struct err *err)
{
	struct mux *m = CONTAINER_OF(op, struct mux, linger);

	(void)err;
	end_now(m);
}

/*
 * What was said must arrive: a socket that is closed with unread bytes in it takes back what it
 * has sent. So the end is said, and the peer's is waited for, for a while.
 */
void mux_close(struct mux *m)
{
	if (!mux_over(m))
		gather(m);
	m->ops->goodbye(m);
	m->closing = true;
	list_each_safe (k, &m->streams) {
		struct mux_stream *s = LIST_ENTRY(k, struct mux_stream, in_mux);

		link_remove(k);
		s->mux = NULL;
		mux_satisfy(s);
		mux_fail_writer(s, NULL);
	}
	tell_over(m);
	op_init(&m->linger, &m->scope, linger_over, OP_NO_DEADLINE);
	timer_wait(&m->linger, loop_in(m->scope.loop, LINGER));
	mux_pump_write(m);
}
