#include "read_all.h"

struct read_all {
	struct op *op; /* the caller's */
	struct op piece;
	struct buf *into;
	size_t max, got;
	const char *what;
	read_piece_fn *read;
	void *ctx;
};

static void read_more(struct read_all *r);

static void fail_too_large(struct read_all *r)
{
	op_fail_with(
		r->op, ERR_TOO_LARGE, "%s body too large: more than %zu bytes", r->what, r->max);
}

static void piece_done(struct op *op, struct err *err)
{
	struct read_all *r = CONTAINER_OF(op, struct read_all, piece);

	if (err->code == ERR_LIMIT) {
		fail_too_large(r);
		return;
	}
	if (err->code) {
		op_fail(r->op, err);
		return;
	}
	r->got += (size_t)op->n;
	if (op->n == 0)
		op_finish(r->op, (int64_t)r->got);
	else if (r->got > r->max)
		fail_too_large(r);
	else
		read_more(r);
}

static void read_more(struct read_all *r)
{
	/*
	 * The wait belongs where the caller's does, so that both end by the same close. One byte
	 * more than allowed is asked for: that tells "full" from "too much".
	 */
	op_init(&r->piece, r->op->scope, piece_done, OP_NO_DEADLINE);
	r->piece.cancel_asked = r->op->cancel_asked;
	r->read(r->ctx, &r->piece, r->into, MIN(r->max - r->got + 1, 64 * KIB));
}

static void read_all_cancel(struct op *op)
{
	struct read_all *r = op->ctx;

	op_cancel(&r->piece);
}

void http_read_to_end(struct arena *a, struct op *op, struct buf *into, size_t max, int64_t length,
	const char *what, read_piece_fn *read, void *ctx)
{
	static const struct op_kind kind = {.name = "http read all", .cancel = read_all_cancel};
	struct read_all *r = arena_new(a, sizeof(*r));

	if (!op_begin(op, &kind, r))
		return;
	*r = (struct read_all){.op = op, .into = into, .what = what, .read = read, .ctx = ctx};
	r->max = MIN(max, into->max - into->len);
	if (length > 0 && (uint64_t)length > r->max) {
		op_fail_with(op, ERR_TOO_LARGE, "%s body too large: %lld bytes, at most %zu", what,
			(long long)length, r->max);
		return;
	}
	read_more(r);
}
