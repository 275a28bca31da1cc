#include <kube/block.h>
#include <kube/mem.h>
#include <kube/stream.h>

/*
 * A ring of blocks in front of a stream. One write at a time takes up to STREAM_PARTS_MAX of
 * them; they leave the ring when it has ended.
 */
struct outbox {
	struct stream *stream;
	struct scope scope;
	struct op write, closer;
	struct op *waiter, *flusher;
	struct block **ring;
	size_t first, count, cap; /* cap is a power of two */
	size_t size;              /* bytes in the ring */
	size_t low, high, max;
	size_t writing; /* blocks of the write in flight */
	struct err err; /* of the write that failed */
	bool freed;
	struct str parts[STREAM_PARTS_MAX];
};

static struct block **outbox_at(struct outbox *o, size_t i)
{
	return &o->ring[(o->first + i) & (o->cap - 1)];
}

static void outbox_drop(struct outbox *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct block *b = TAKE(*outbox_at(o, i));
		o->size -= b->len;
		block_unref(b);
	}
	o->first += n;
	o->count -= n;
}

/* ---- telling who waits ---- */

static void answer(struct op **slot, const struct err *err)
{
	struct op *op = TAKE(*slot);
	if (!op)
		return;
	struct err copy = {0};
	err_copy(&copy, err);
	if (copy.code)
		op_fail(op, &copy);
	else
		op_finish(op, 0);
}

static void outbox_tell(struct outbox *o)
{
	if (o->err.code || o->size <= o->low)
		answer(&o->waiter, &o->err);
	if (o->err.code || o->count == 0)
		answer(&o->flusher, &o->err);
}

static void outbox_cancel(struct op *op)
{
	struct outbox *o = op->ctx;
	if (o->waiter == op)
		o->waiter = NULL;
	if (o->flusher == op)
		o->flusher = NULL;
	op_fail_cancelled(op);
}

static void outbox_describe(const struct op *op, struct buf *out)
{
	const struct outbox *o = op->ctx;
	buf_print(out, "%zu bytes left", o->size);
}

/* ---- writing ---- */

static void outbox_written(struct op *op, struct err *err);

static void outbox_pump(struct outbox *o)
{
	if (o->writing || !o->count || o->err.code)
		return;
	o->writing = MIN(o->count, (size_t)STREAM_PARTS_MAX);
	for (size_t i = 0; i < o->writing; i++)
		o->parts[i] = block_str(*outbox_at(o, i));
	op_init(&o->write, &o->scope, outbox_written, OP_NO_DEADLINE);
	stream_write(o->stream, &o->write, o->parts, o->writing);
}

static void outbox_written(struct op *op, struct err *err)
{
	struct outbox *o = CONTAINER_OF(op, struct outbox, write);
	size_t n = TAKE(o->writing);
	if (err->code) {
		err_move(&o->err, err);
		outbox_drop(o, o->count);
	} else {
		outbox_drop(o, n);
	}
	outbox_pump(o);
	outbox_tell(o);
}

/* ---- the owner's side ---- */

struct outbox *outbox_new(
	struct stream *s, struct scope *parent, size_t low, size_t high, size_t max)
{
	assert(low <= high && high <= max);
	struct outbox *o = mem_new(sizeof(*o));
	o->stream = s;
	o->low = low;
	o->high = high;
	o->max = max;
	scope_init(&o->scope, parent, "outbox", NULL);
	return o;
}

static void outbox_grow(struct outbox *o)
{
	size_t cap = o->cap ? o->cap * 2 : 8;
	struct block **ring = mem_alloc(cap * sizeof(struct block *));
	for (size_t i = 0; i < o->count; i++)
		ring[i] = *outbox_at(o, i);
	mem_free(o->ring);
	o->ring = ring;
	o->cap = cap;
	o->first = 0;
}

int outbox_add(struct outbox *o, struct block *b)
{
	assert(!o->freed);
	if (o->err.code)
		return o->err.code;
	if (b->len > o->max - MIN(o->size, o->max))
		return ERR_LIMIT;
	if (b->len == 0)
		return 0;
	if (o->count == o->cap)
		outbox_grow(o);
	*outbox_at(o, o->count++) = block_ref(b);
	o->size += b->len;
	outbox_pump(o);
	return 0;
}

bool outbox_full(const struct outbox *o)
{
	return o->size > o->high;
}

size_t outbox_size(const struct outbox *o)
{
	return o->size;
}

void outbox_wait(struct outbox *o, struct op *op)
{
	static const struct op_kind kind = {
		.name = "outbox wait", .cancel = outbox_cancel, .describe = outbox_describe};
	assert(!o->waiter && !o->freed);
	if (!op_begin(op, &kind, o))
		return;
	o->waiter = op;
	outbox_tell(o);
}

void outbox_flush(struct outbox *o, struct op *op)
{
	static const struct op_kind kind = {
		.name = "outbox flush", .cancel = outbox_cancel, .describe = outbox_describe};
	assert(!o->flusher && !o->freed);
	if (!op_begin(op, &kind, o))
		return;
	o->flusher = op;
	outbox_tell(o);
}

/* ---- the end ---- */

static void outbox_closed(struct op *op, struct err *err)
{
	(void)err;
	struct outbox *o = CONTAINER_OF(op, struct outbox, closer);
	outbox_drop(o, o->count);
	mem_free(o->ring);
	err_done(&o->err);
	mem_free(o);
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	assert(!o->freed);
	o->freed = true;
	/* What the stream has in hand stays until its write has ended. */
	if (!o->err.code)
		err_set(&o->err, ERR_CANCELLED, "outbox freed");
	outbox_tell(o);
	op_init(&o->closer, o->scope.parent, outbox_closed, OP_NO_DEADLINE);
	scope_close(&o->scope, &o->closer);
}
