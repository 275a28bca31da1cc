/* Changes the server makes to stored objects for subresources that are no part of them. */
#include "registry.h"

#define ATTEMPTS_MAX 8

static void attempt(struct direct_write *d);

static void settled(struct op *op, struct err *err)
{
	struct direct_write *d = CONTAINER_OF(op, struct direct_write, op);

	if (err->code)
		d->done(d, status_from_err(d->r->arena, err));
	else
		attempt(d);
}

static void committed(struct op *op, struct err *err)
{
	struct direct_write *d = CONTAINER_OF(op, struct direct_write, op);
	struct api_request *r = d->r;
	bool raced = err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND;

	object_unref(TAKE(d->commit.result));
	object_unref(TAKE(d->commit.found));
	if (!err->code)
		d->done(d, NULL);
	else if (raced && ++d->attempts < ATTEMPTS_MAX) {
		op_init(&d->op, &r->x->scope, settled, OP_NO_DEADLINE);
		store_settle(r->server->store, &d->op, &d->settling);
	} else if (err->code == ERR_CONFLICT)
		d->done(d, status_stale(r->arena, d->hub, d->name));
	else
		d->done(d, status_from_err(r->arena, err));
}

static void attempt(struct direct_write *d)
{
	struct api_request *r = d->r;
	struct bucket *bucket = server_bucket(r->server, d->hub);
	struct str key = server_key(r->arena, d->hub, d->namespace, d->name);
	struct object *old = store_get(bucket, key);
	struct cJSON *tree;
	struct status *s;

	if (!old) {
		d->done(d, status_not_found(r->arena, d->hub, d->name));
		return;
	}
	tree = object_tree(r->arena, old);
	s = d->change(d, tree);
	if (s || r->options.dry_run) {
		d->done(d, s);
		return;
	}
	d->commit = (struct commit){.bucket = bucket, .key = key, .expected = old->revision};
	draft_from_tree(&d->commit.draft, api_canonical(r->arena, d->hub->schema, tree));
	op_init(&d->op, &r->x->scope, committed, OP_NO_DEADLINE);
	store_commit(r->server->store, &d->op, &d->commit);
}

void direct_write_start(struct direct_write *d)
{
	attempt(d);
}

/* ---- bodies of subresources ---- */

static void judged(struct admission_review *review, struct status *no)
{
	struct body_admission *b = review->ctx;

	b->next(b, no);
}

static void admitted(struct admission_review *review, struct status *no)
{
	struct body_admission *b = review->ctx;

	if (!no && b->check)
		no = b->check(b);
	if (no) {
		b->next(b, no);
		return;
	}
	review->next = judged;
	admission_start(review, ADMIT_VALIDATE);
}

void registry_admit_body(struct body_admission *b, struct api_request *r,
	const struct resource *hub, struct str name, struct cJSON *body)
{
	b->review = (struct admission_review){.server = r->server,
		.request = r,
		.arena = r->arena,
		.operation = b->operation ? b->operation : ADMIT_CREATE,
		.resource = hub,
		.subresource = r->subresource,
		.namespace = r->namespace,
		.name = name,
		.object = body,
		.user = r->user,
		.dry_run = r->options.dry_run,
		.next = admitted,
		.ctx = b};
	admission_start(&b->review, ADMIT_MUTATE);
}

void registry_answer_success(struct api_request *r)
{
	struct status *s = arena_new(r->arena, sizeof(*s));

	s->code = 201;
	s->success = true;
	answer_status(r, s);
}
