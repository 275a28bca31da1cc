#include "first_batch.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

struct first_step {
	struct first_batch *batch;
	struct own_write write;
	struct commit removal;
	struct op op;
	struct first_step *next;
};

struct first_batch {
	struct api_server *server;
	struct arena arena;
	struct op *op;
	struct first_step *steps, **end;
	size_t left;
	int64_t written;
	struct err err; /* the first */
};

struct first_batch *first_batch_new(struct api_server *s)
{
	struct first_batch *b = mem_new(sizeof(*b));

	b->server = s;
	b->end = &b->steps;
	arena_init(&b->arena);
	return b;
}

struct arena *first_batch_arena(struct first_batch *b)
{
	return &b->arena;
}

static struct first_step *add_step(struct first_batch *b)
{
	struct first_step *step = arena_new(&b->arena, sizeof(*step));

	step->batch = b;
	*b->end = step;
	b->end = &step->next;
	b->left++;
	return step;
}

struct own_write *first_batch_add(
	struct first_batch *b, const struct resource *r, struct cJSON *object)
{
	struct own_write *w = &add_step(b)->write;

	w->resource = r->hub;
	w->object = object;
	return w;
}

void first_batch_remove(struct first_batch *b, const struct resource *r, struct object *o)
{
	const struct cJSON *tree = object_lean_tree(&b->arena, o);
	struct commit *c = &add_step(b)->removal;

	*c = (struct commit){.bucket = server_bucket(b->server, r->hub),
		.key = server_key(&b->arena, r, tree_str(tree, "metadata.namespace"),
			tree_str(tree, "metadata.name")),
		.expected = o->revision,
		.delete_ = true};
	draft_from_object(&c->draft, o);
}

/* ---- all at once: one wait for the disk ---- */

static void batch_cancel(struct op *op)
{
	struct first_batch *b = op->ctx;

	for (struct first_step *s = b->steps; s; s = s->next)
		op_cancel(&s->op);
}

static const struct op_kind batch_kind = {.name = "first objects", .cancel = batch_cancel};

static void batch_end(struct first_batch *b)
{
	struct op *op = b->op;
	struct err first = TAKE(b->err);
	int64_t n = b->written;

	arena_done(&b->arena);
	mem_free(b);
	if (first.code)
		op_fail(op, &first);
	else
		op_finish(op, n);
}

static void step_done(struct op *op, struct err *err)
{
	struct first_step *step = CONTAINER_OF(op, struct first_step, op);
	struct first_batch *b = step->batch;

	object_unref(TAKE(step->removal.result));
	object_unref(TAKE(step->removal.found));
	if (err->code && !b->err.code)
		err_move(&b->err, err);
	else if (!err->code)
		b->written += step->removal.delete_ ? 1 : op->n;
	if (!--b->left)
		batch_end(b);
}

void first_batch_run(struct first_batch *b, struct op *op)
{
	if (!op_begin(op, &batch_kind, b)) {
		for (struct first_step *s = b->steps; s; s = s->next)
			draft_done(&s->removal.draft);
		arena_done(&b->arena);
		mem_free(b);
		return;
	}
	b->op = op;
	if (!b->left) {
		batch_end(b);
		return;
	}
	for (struct first_step *s = b->steps, *next; s; s = next) {
		next = s->next;
		op_init(&s->op, op->scope, step_done, OP_NO_DEADLINE);
		if (s->removal.delete_)
			store_commit(b->server->store, &s->op, &s->removal);
		else
			server_write(b->server, &s->op, &s->write);
	}
}
