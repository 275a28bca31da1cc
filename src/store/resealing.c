/*
 * The sealer has changed its mind while the store runs: every row is looked at, in slices on the
 * store's worker, so that no write waits for longer than one of them; at the end the file is
 * written anew, once.
 */
#include "private.h"

#include <kube/mem.h>

#define SLICE 200 /* rows */

struct resealing {
	struct store *store;
	struct op *op, wait;
	struct work work;
	void (*change)(void *ctx); /* NULL: it has been called */
	void *ctx;
	/* the worker's */
	int64_t behind, seen, renewed;
};

static void start_slice(struct resealing *r);

static int look_at(void *ctx, const struct log_row *row)
{
	_cleanup_(buf_done) struct buf opened = BUF_INIT(SIZE_MAX);
	struct resealing *r = ctx;
	struct str text;

	r->behind = row->revision;
	r->seen++;
	return row->text.at ? sealing_open(r->store, row, &opened, &text, &r->work.err) : 0;
}

static void slice(struct work *w)
{
	struct resealing *r = CONTAINER_OF(w, struct resealing, work);
	struct store *s = r->store;

	if (r->change)
		r->change(r->ctx);
	r->change = NULL;
	r->seen = 0;
	if (log_file_read_some(s->file, r->behind, SLICE, look_at, r, &w->err)) {
		mem_free(TAKE(s->stale));
		s->stale_count = s->stale_cap = 0;
		return;
	}
	if (!sealing_renew(s, &r->renewed, &w->err) && r->seen < SLICE)
		sealing_cleanse(s);
}

static void sliced(struct op *op, struct err *err)
{
	struct resealing *r = CONTAINER_OF(op, struct resealing, wait);

	if (!err->code && r->seen == SLICE) {
		start_slice(r);
		return;
	}
	if (err->code)
		op_fail(r->op, err);
	else
		op_finish(r->op, r->renewed);
	mem_free(r);
}

static void start_slice(struct resealing *r)
{
	op_init(&r->wait, &r->store->scope, sliced, OP_NO_DEADLINE);
	work_start(&r->work, &r->wait, WORK_STORE, slice);
}

static void cancel(struct op *op)
{
	op_cancel(&((struct resealing *)op->ctx)->wait);
}

static const struct op_kind reseal_kind = {.name = "sealing anew", .cancel = cancel};

void store_seal_anew(struct store *s, struct op *op, void (*change)(void *ctx), void *ctx)
{
	struct resealing *r = mem_new(sizeof(*r));

	if (!op_begin(op, &reseal_kind, r)) {
		mem_free(r);
		return;
	}
	*r = (struct resealing){.store = s, .op = op, .change = change, .ctx = ctx, .behind = -1};
	start_slice(r);
}
