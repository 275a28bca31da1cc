/* Stored objects on their way through the webhook, some at a time; who wants to show them waits. */
#include "custom_conversion.h"
#include "registry.h"

#include <kube/mem.h>

#define CALL_OBJECTS 200 /* in one call */
#define ROUNDS       8   /* in which others may have changed what is asked for */

struct batch {
	struct api_request *r;
	struct op *op; /* the waiter's */
	struct op wait;
	struct arena arena; /* of one call */
	struct conversion call;
	struct object **objects; /* references */
	size_t count, done, sent;
};

/* ---- one call after the other ---- */

static void called(struct op *op, struct err *err);

static void end_batch(struct batch *b, struct err *err)
{
	struct op *op = b->op;

	for (size_t i = 0; i < b->count; i++)
		object_unref(b->objects[i]);
	mem_free(b->objects);
	arena_done(&b->arena);
	mem_free(b);
	if (err->code)
		op_fail(op, err);
	else
		op_finish(op, 0);
}

static void call(struct batch *b)
{
	struct api_request *r = b->r;
	struct cJSON **trees;

	arena_reset(&b->arena);
	b->sent = MIN(b->count - b->done, (size_t)CALL_OBJECTS);
	trees = arena_alloc(&b->arena, b->sent * sizeof(struct cJSON *));
	for (size_t i = 0; i < b->sent; i++)
		trees[i] =
			custom_before_conversion(r->resource, &b->arena, b->objects[b->done + i]);
	b->call = (struct conversion){.server = r->server,
		.arena = &b->arena,
		.to = r->resource,
		.trees = trees,
		.count = b->sent};
	op_init(&b->wait, b->op->scope, called, b->op->deadline);
	conversion_start(&b->call, &b->wait);
}

static void called(struct op *op, struct err *err)
{
	struct batch *b = CONTAINER_OF(op, struct batch, wait);

	for (size_t i = 0; i < b->sent && !err->code; i++)
		custom_keep_converted(
			b->r->resource, &b->arena, b->objects[b->done + i], b->call.trees[i]);
	b->done += b->sent;
	if (err->code || b->done == b->count)
		end_batch(b, err);
	else
		call(b);
}

static void batch_cancel(struct op *op)
{
	struct batch *b = op->ctx;

	op_cancel(&b->wait);
}

static const struct op_kind batch_kind = {
	.name = "stored objects to be converted", .cancel = batch_cancel};

void conversion_of_objects(
	struct api_request *r, struct op *op, struct object *const *objects, size_t count)
{
	struct err none = {0};
	struct batch *b;

	b = mem_new(sizeof(*b));
	b->r = r;
	if (!op_begin(op, &batch_kind, b)) {
		mem_free(b);
		return;
	}
	b->op = op;
	arena_init(&b->arena);
	b->objects = mem_alloc((count + 1) * sizeof(struct object *));
	for (size_t i = 0; i < count; i++)
		if (custom_awaits_webhook(r->resource, objects[i]))
			b->objects[b->count++] = object_ref(objects[i]);
	if (b->count)
		call(b);
	else
		end_batch(b, &none);
}

struct status *conversion_status(struct api_request *r, const struct err *err)
{
	struct status *s;

	if (err->code != ERR_INTERNAL)
		return request_status(r, err);
	s = status_new(r->arena, ERR_INTERNAL, "%s", err_text(err));
	s->reason = STR("");
	return s;
}

/* ---- before a verb ---- */

struct preparing {
	struct api_request *r;
	stage_fn *verb;
	int rounds;
	struct op op;
};

/* What the path names, and is not there yet in the version that is asked for. */
static size_t collect(struct api_request *r, struct object ***out)
{
	struct bucket *bucket = server_bucket(r->server, r->resource->hub);
	size_t count = 0;

	*out = arena_alloc(r->arena, (store_count(bucket) + 1) * sizeof(struct object *));
	if (r->has_name) {
		struct object *o = registry_find(r);

		if (o && custom_awaits_webhook(r->resource, o))
			(*out)[count++] = o;
		return count;
	}
	struct store_iter it = store_seek(bucket, registry_prefix(r), STR(""));
	while (store_next(&it))
		if (custom_awaits_webhook(r->resource, it.object))
			(*out)[count++] = it.object;
	return count;
}

static void prepare(struct preparing *p);

static void prepared(struct op *op, struct err *err)
{
	struct preparing *p = CONTAINER_OF(op, struct preparing, op);

	if (err->code)
		request_fail(p->r, conversion_status(p->r, err));
	else
		prepare(p);
}

static void prepare(struct preparing *p)
{
	struct api_request *r = p->r;
	struct object **objects;
	size_t count = collect(r, &objects);

	if (!count || p->rounds++ == ROUNDS) {
		p->verb(r);
		return;
	}
	op_init(&p->op, &r->x->scope, prepared, r->deadline);
	conversion_of_objects(r, &p->op, objects, count);
}

/* A watch that begins at a revision shows what comes, and has that converted then. */
static bool shows_what_stands(const struct api_request *r)
{
	const struct request_options *o = &r->options;

	if (str_eq_text(r->verb, "create"))
		return false;
	return !str_eq_text(r->verb, "watch") ||
	       (o->has_send_initial ? o->send_initial : o->version == 0);
}

void conversion_prepare(struct api_request *r, stage_fn *verb)
{
	struct preparing *p;

	if (!r->kind || !r->kind->webhook || !shows_what_stands(r)) {
		verb(r);
		return;
	}
	custom_trim_converted(r->resource);
	p = arena_new(r->arena, sizeof(*p));
	p->r = r;
	p->verb = verb;
	prepare(p);
}
