#include "tls_stream.h"

#include <kube/mem.h>

/*
 * Reading and writing go on side by side, but the engine is one: a worker that encrypts a large
 * write has it alone (`busy`), and reads wait in pump_read until it is back.
 *
 *	read:   below → in → engine → the reader's buffer
 *	write:  the writer's parts → engine → next → out → below
 */

/* A record's plaintext; and from this size on a write is encrypted on a worker, slice by slice. */
#define RECORD_SIZE  (16 * KIB)
#define WORTH_A_WORK (64 * KIB)
#define SLICE_SIZE   (256 * KIB)

static void pump_read(struct tls_stream *t);
static void pump_write(struct tls_stream *t);

static struct tls_stream *tls_of(const struct stream *s)
{
	return CONTAINER_OF(s, struct tls_stream, base);
}

/* ---- writing below ---- */
static void fail_writer(struct tls_stream *t, struct err *err)
{
	if (!t->write_err.code)
		err_move(&t->write_err, err);
	struct op *op = stream_take_writing(&t->base);
	if (op)
		op_fail_copy(op, &t->write_err);
}

static void write_below_done(struct op *op, struct err *err)
{
	struct tls_stream *t = CONTAINER_OF(op, struct tls_stream, write_below);
	buf_done(&t->out);
	if (err->code) {
		fail_writer(t, err);
		return;
	}
	pump_write(t);
}

static void flush(struct tls_stream *t)
{
	if (!t->next.len || op_active(&t->write_below) || t->write_err.code)
		return;
	t->out = t->next;
	t->next = BUF_INIT(TLS_NEXT_MAX);
	t->out_part = buf_str(&t->out);
	op_init(&t->write_below, &t->scope, write_below_done, OP_NO_DEADLINE);
	stream_write(t->below, &t->write_below, &t->out_part, 1);
}

/* ---- encrypting ---- */
static size_t parts_left(const struct tls_stream *t, size_t enough)
{
	size_t left = 0;
	for (size_t i = t->part_at; i < t->part_count && left < enough; i++)
		left += t->parts[i].len - (i == t->part_at ? t->part_used : 0);
	return left;
}

static struct str part_peek(const struct tls_stream *t)
{
	return str_skip(t->parts[t->part_at], t->part_used);
}

static void part_take(struct tls_stream *t, size_t len)
{
	t->part_used += len;
	t->written += (int64_t)len;
	while (t->part_at < t->part_count && t->part_used == t->parts[t->part_at].len) {
		t->part_at++;
		t->part_used = 0;
	}
}

/*
 * One record. A part that fills it, or is the last, is read in place; small ones (a header and
 * its body) are gathered first, because a record costs more than the copy.
 */
static int encrypt_record(struct tls_stream *t, struct err *err)
{
	char gathered[RECORD_SIZE];
	struct str part = part_peek(t);
	if (part.len >= RECORD_SIZE || t->part_at + 1 == t->part_count) {
		part.len = MIN(part.len, RECORD_SIZE);
		part_take(t, part.len);
		return tls_engine_encrypt(t->engine, part, &t->next, err);
	}
	size_t len = 0;
	while (t->part_at < t->part_count && len < RECORD_SIZE) {
		part = part_peek(t);
		part.len = MIN(part.len, RECORD_SIZE - len);
		memcpy(gathered + len, part.at, part.len);
		len += part.len;
		part_take(t, part.len);
	}
	return tls_engine_encrypt(t->engine, str_make(gathered, len), &t->next, err);
}

static int encrypt_slice(struct tls_stream *t, struct err *err)
{
	int code = 0;
	while (!code && t->part_at < t->part_count && t->next.len < SLICE_SIZE)
		code = encrypt_record(t, err);
	return code;
}

static void slice_work(struct work *w)
{
	encrypt_slice(CONTAINER_OF(w, struct tls_stream, work), &w->err);
}

static void slice_done(struct op *op, struct err *err)
{
	struct tls_stream *t = CONTAINER_OF(op, struct tls_stream, working);
	t->busy = false;
	/* The parts were the worker's until now: this is why a cancel has waited. */
	if (!err->code && t->base.writing && (t->base.writing->cancel_asked || t->released))
		err_set(err, ERR_CANCELLED, "cancelled");
	if (err->code)
		fail_writer(t, err);
	if (t->released)
		return;
	pump_write(t);
	pump_read(t);
}

static void encrypt(struct tls_stream *t)
{
	if (parts_left(t, WORTH_A_WORK) >= WORTH_A_WORK) {
		t->busy = true;
		buf_reserve(&t->next, SLICE_SIZE + 2 * RECORD_SIZE); /* as for handshakes */
		op_init(&t->working, &t->scope, slice_done, OP_NO_DEADLINE);
		work_start(&t->work, &t->working, WORK_CRYPTO, slice_work);
		return;
	}
	struct err err = {0};
	if (encrypt_slice(t, &err))
		fail_writer(t, &err);
	else
		flush(t);
}

/* ---- the writer's side ---- */
static void finish_below_done(struct op *op, struct err *err)
{
	struct tls_stream *t = CONTAINER_OF(op, struct tls_stream, write_below);
	t->finished = true;
	if (err->code) {
		fail_writer(t, err);
		return;
	}
	struct op *waiting = stream_take_writing(&t->base);
	if (waiting)
		op_finish(waiting, 0);
}

static void pump_finish(struct tls_stream *t)
{
	if (!t->notified) {
		t->notified = true;
		tls_engine_close_notify(t->engine, &t->next);
		flush(t);
	} else if (!t->finished) {
		op_init(&t->write_below, &t->scope, finish_below_done, OP_NO_DEADLINE);
		stream_finish(t->below, &t->write_below);
	}
}

/* One write below at a time: nothing is encrypted before the last has been taken. */
static void pump_write(struct tls_stream *t)
{
	if (t->busy || op_active(&t->write_below) || t->released)
		return;
	flush(t);
	if (op_active(&t->write_below) || !t->base.writing || t->write_err.code)
		return;
	if (t->finishing) {
		pump_finish(t);
	} else if (t->part_at == t->part_count) {
		t->base.bytes_out += (uint64_t)t->written;
		op_finish(stream_take_writing(&t->base), t->written);
	} else if (t->base.writing->cancel_asked) {
		struct err err = {0};
		err_set(&err, ERR_CANCELLED, "cancelled");
		fail_writer(t, &err);
	} else {
		encrypt(t);
	}
}

static void tls_write(struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	struct tls_stream *t = tls_of(s);
	(void)op;
	if (t->write_err.code || t->notified) {
		struct err err = {0};
		err_set(&err, ERR_CLOSED, "tls: the stream was finished");
		fail_writer(t, &err);
		return;
	}
	t->parts = parts;
	t->part_count = count;
	t->part_at = t->part_used = 0;
	t->written = 0;
	t->finishing = false;
	part_take(t, 0); /* past empty parts */
	pump_write(t);
}

static void tls_finish(struct stream *s, struct op *op)
{
	struct tls_stream *t = tls_of(s);
	t->finishing = true;
	if (t->write_err.code) {
		op_fail_copy(op, &t->write_err);
		stream_take_writing(s);
	} else if (t->finished) {
		op_finish(stream_take_writing(s), 0);
	} else {
		pump_write(t);
	}
}

/* ---- the reader's side ---- */
static void fail_reader(struct tls_stream *t, struct err *err)
{
	if (!t->read_err.code)
		err_move(&t->read_err, err);
	struct op *op = stream_take_reading(&t->base);
	if (op)
		op_fail_copy(op, &t->read_err);
}

/* Follows what the peer sends: few bytes for requests, many for a transfer. */
static void adapt_read_size(struct tls_stream *t, size_t got)
{
	if (got == t->read_size)
		t->read_size = MIN(t->read_size * 2, TLS_READ_MAX);
	else if (got < t->read_size / 4)
		t->read_size = MAX(t->read_size / 2, TLS_READ_MIN);
}

/*
 * The end without close_notify counts as one between records only, as in Go: many peers do not
 * say goodbye, and HTTP knows its lengths. Inside a record it is a cut.
 */
static void read_below_done(struct op *op, struct err *err)
{
	struct tls_stream *t = CONTAINER_OF(op, struct tls_stream, read_below);
	if (err->code) {
		fail_reader(t, err);
		return;
	}
	adapt_read_size(t, (size_t)op->n);
	if (op->n == 0 && tls_engine_in_record(t->engine)) {
		err_set(err, ERR_CLOSED, "tls: unexpected EOF inside a record");
		fail_reader(t, err);
		return;
	}
	t->ended |= op->n == 0;
	pump_read(t);
}

static void read_more(struct tls_stream *t)
{
	if (op_active(&t->read_below))
		return;
	if (!t->in.len)
		buf_done(&t->in); /* an idle connection holds no buffer */
	op_init(&t->read_below, &t->scope, read_below_done, OP_NO_DEADLINE);
	stream_read(t->below, &t->read_below, &t->in, t->read_size);
}

/* Plaintext straight into the reader's buffer. What went wrong behind it is for the next read. */
static void decrypt(struct tls_stream *t)
{
	struct err err = {0};
	size_t before = t->into->len;
	bool ended = false;
	int code = tls_engine_decrypt(
		t->engine, &t->in, t->into, stream_room(t->into, t->max), &ended, &t->next, &err);
	size_t n = t->into->len - before;
	t->ended |= ended;
	if (n > 0) {
		t->base.bytes_in += n;
		op_finish(stream_take_reading(&t->base), (int64_t)n);
	}
	if (code)
		fail_reader(t, &err);
	if (t->next.len)
		pump_write(t);
}

static void pump_read(struct tls_stream *t)
{
	if (t->busy || !t->base.reading || t->released)
		return;
	/* Only a read below adds to `in`: while one is in flight there is nothing new in there. */
	if (!op_active(&t->read_below) && !t->read_err.code && !t->ended &&
		tls_engine_has_plain(t->engine, &t->in))
		decrypt(t);
	if (!t->base.reading)
		return;
	if (t->read_err.code)
		op_fail_copy(stream_take_reading(&t->base), &t->read_err);
	else if (t->ended)
		op_finish(stream_take_reading(&t->base), 0);
	else
		read_more(t);
}

static void tls_read(struct stream *s, struct op *op, struct buf *into, size_t max)
{
	struct tls_stream *t = tls_of(s);
	(void)op;
	t->into = into;
	t->max = max;
	pump_read(t);
}

/* ---- ending ---- */
/*
 * A read that is given up leaves the one below running: what it brings waits for the next
 * reader. A write ends when whoever has its bytes lets go of them.
 */
static void tls_cancel(struct stream *s, struct op *op)
{
	struct tls_stream *t = tls_of(s);
	if (op == s->reading) {
		stream_take_reading(s);
		op_fail_cancelled(op);
	} else if (t->busy) {
		op_cancel(&t->working);
	} else {
		op_cancel(&t->write_below);
	}
}

static void closer_done(struct op *op, struct err *err)
{
	(void)err;
	tls_stream_free(CONTAINER_OF(op, struct tls_stream, closer));
}

/* Tries to say goodbye: a socket takes it at once or it is lost. */
static void say_goodbye(struct tls_stream *t)
{
	if (t->busy || t->notified || op_active(&t->write_below) || t->write_err.code)
		return;
	t->notified = true;
	tls_engine_close_notify(t->engine, &t->next);
	flush(t);
}

static void tls_close(struct stream *s)
{
	struct tls_stream *t = tls_of(s);
	assert(!t->released);
	say_goodbye(t);
	t->released = true;
	if (t->base.reading)
		op_fail_cancelled(stream_take_reading(s));
	/* While a worker reads the writer's bytes, slice_done ends the write. */
	if (t->base.writing && !t->busy)
		op_fail_cancelled(stream_take_writing(s));
	stream_close(TAKE(t->below));
	op_init(&t->closer, s->scope, closer_done, OP_NO_DEADLINE);
	scope_close(&t->scope, &t->closer);
}

static struct stream *tls_under(struct stream *s)
{
	return tls_of(s)->below;
}

static const struct stream_ops tls_ops = {
	.name = "tls",
	.read = tls_read,
	.write = tls_write,
	.finish = tls_finish,
	.cancel = tls_cancel,
	.close = tls_close,
	.under = tls_under,
};

/*
 * When the scope around it closes, the stream goes on until its owner closes it: its goodbye
 * needs an op.
 */
static void scope_asked(struct scope *scope)
{
	(void)scope;
}

void tls_stream_open(struct tls_stream *t, struct scope *scope)
{
	t->base.ops = &tls_ops;
	t->base.scope = scope;
	t->base.local = t->below->local;
	t->base.remote = t->below->remote;
	scope_init(&t->scope, scope, "tls", scope_asked);
}

void tls_stream_free(struct tls_stream *t)
{
	assert(!t->below);
	tls_engine_free(t->engine);
	buf_done(&t->in);
	buf_done(&t->next);
	buf_done(&t->out);
	err_done(&t->failure);
	err_done(&t->read_err);
	err_done(&t->write_err);
	mem_free(t);
}

/* ---- what a TLS stream knows ---- */
bool stream_is_tls(const struct stream *s)
{
	return s->ops == &tls_ops;
}

void tls_stream_info(const struct stream *tls, struct tls_info *info)
{
	assert(stream_is_tls(tls));
	tls_engine_info(tls_of(tls)->engine, info);
}

struct tls_session *tls_stream_take_session(struct stream *tls)
{
	assert(stream_is_tls(tls));
	return tls_engine_take_session(tls_of(tls)->engine);
}
