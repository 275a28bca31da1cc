/*
 * The end of a write: nothing to do, a dry run, or the commit; and what becomes of it: an answer,
 * another attempt, a refusal.
 */
#include "write.h"

#include "address_objects.h"
#include "custom_conversion.h"

#define ATTEMPTS_MAX 8

struct status *status_stale(struct arena *a, const struct resource *r, struct str name)
{
	return status_conflict(a, r, name,
		"the object has been modified; please apply your changes to the latest version "
		"and try again");
}

static void answer(struct writing *w, int code, struct object *o)
{
	allocate_release(w->r->server->allocators, &w->taken);
	if (w->answer)
		w->answer(w, code, o);
	else if (o)
		answer_object(w->r, code, o);
	else
		answer_hub_tree(w->r, code, w->tree);
}

static struct status *already_exists(struct writing *w)
{
	struct status *s = status_already_exists(w->r->arena, w->r->resource, w->name);
	const struct object *found = w->commit.found;

	if (found && object_scan(found, "metadata.deletionTimestamp").len)
		s->message =
			arena_print(w->r->arena, "object is being deleted: %.*s", STRF(s->message));
	if (w->generated)
		s->message = arena_print(w->r->arena,
			"%.*s, the server was not able to generate a unique name for the object",
			STRF(s->message));
	return s;
}

/* The client hears of it when the addresses of a Service have their objects, too. */
static void addresses_followed(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);
	struct object *result = w->commit.result, *found = w->commit.found;

	err_done(err); /* repaired at the next start */
	answer(w, w->creating ? w->created_code : w->updated_code,
		w->commit.delete_ ? NULL : result);
	object_unref(result);
	object_unref(found);
}

static bool follows(struct writing *w)
{
	const struct cJSON *now = w->commit.delete_ ? NULL : w->tree;

	if (!resource_is(w->hub, "services") || !address_objects_differ(w->old_tree, now))
		return false;
	op_init(&w->op, &w->r->x->scope, addresses_followed, OP_NO_DEADLINE);
	address_objects_follow(w->r->server, &w->op, w->old_tree, now);
	return true;
}

/* What is stored is shown as the version that was asked for. */
static void came_back(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);
	struct object *result = w->commit.result, *found = w->commit.found;

	if (err->code)
		request_fail(w->r, conversion_status(w->r, err));
	else
		answer(w, w->creating ? w->created_code : w->updated_code,
			registry_view(w->r, result));
	object_unref(result);
	object_unref(found);
}

static bool goes_back(struct writing *w)
{
	if (!w->hub->custom || w->commit.delete_ ||
		!custom_awaits_webhook(w->hub, w->commit.result))
		return false;
	op_init(&w->op, &w->r->x->scope, came_back, w->r->deadline);
	conversion_of_objects(w->r, &w->op, &w->commit.result, 1);
	return true;
}

static void settled(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);

	if (err->code)
		request_fail_err(w->r, err);
	else
		request_fail(w->r, w->refusal);
}

/*
 * What came in between may still be on its way to the disk, and could fail there: nobody hears
 * of something that a reader would not see.
 */
void writing_refuse(struct writing *w, struct status *s)
{
	allocate_release(w->r->server->allocators, &w->taken);
	if (!w->attempts) {
		request_fail(w->r, s);
		return;
	}
	w->refusal = s;
	op_init(&w->op, &w->r->x->scope, settled, OP_NO_DEADLINE);
	store_settle(w->r->server->store, &w->op, &w->settling);
}

static void committed(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);
	struct api_request *r = w->r;
	bool again = ++w->attempts < ATTEMPTS_MAX;
	struct object *result = w->commit.result, *found = w->commit.found; /* of this attempt */

	allocate_release(r->server->allocators, &w->taken);
	if (!err->code && (follows(w) || goes_back(w)))
		return;
	if (!err->code) {
		answer(w, w->creating ? w->created_code : w->updated_code,
			w->commit.delete_ ? NULL : registry_view(r, result));
	} else if (err->code == ERR_ALREADY_EXISTS && w->generated && again) {
		tree_drop(w->tree, "metadata.name");
		writing_attempt(w);
	} else if (err->code == ERR_ALREADY_EXISTS && w->may_create && again) {
		writing_attempt(w);
	} else if (err->code == ERR_ALREADY_EXISTS) {
		writing_refuse(w, already_exists(w));
	} else if ((err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) && !w->pinned &&
		   again) {
		writing_attempt(w);
	} else if (err->code == ERR_CONFLICT) {
		writing_refuse(w, status_stale(r->arena, r->resource, w->name));
	} else if (err->code == ERR_NOT_FOUND) {
		writing_refuse(w, status_not_found(r->arena, r->resource, w->name));
	} else {
		request_fail_err(r, err);
	}
	object_unref(result);
	object_unref(found);
}

/* Events go by themselves after a while, and their loss in a power cut hurts nobody. */
static void set_store_terms(struct writing *w)
{
	bool event = resource_is(w->hub, "events");

	w->commit.lazy = server_writes_lazily(w->hub);
	if (event)
		w->commit.expires = w->r->now + registry_event_ttl(w->r->server);
}

static void commit(struct writing *w, bool delete_)
{
	struct api_request *r = w->r;

	w->commit = (struct commit){.bucket = server_bucket(r->server, w->hub),
		.key = server_key(r->arena, w->hub, w->namespace, w->name),
		.expected = w->creating ? COMMIT_FRESH : w->old->revision,
		.delete_ = delete_};
	if (!delete_)
		set_store_terms(w);
	/* watchers are shown what stood there last */
	if (delete_ && w->hub->custom)
		draft_from_object(&w->commit.draft, w->old);
	else
		draft_from_tree(&w->commit.draft, delete_ ? w->old_tree : w->stored);
	op_init(&w->op, &r->x->scope, committed, OP_NO_DEADLINE);
	store_commit(r->server->store, &w->op, &w->commit);
}

/*
 * Nothing but managed fields' times and the version could differ: nothing is written. What is
 * stored counts: objects of custom kinds may be shown otherwise.
 */
static bool changes_nothing(struct writing *w)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64 * MIB), before = BUF_INIT(64 * MIB);
	const struct cJSON *version = json_path(w->old_tree, "metadata.resourceVersion");
	const struct cJSON *stood = w->hub->custom ? object_tree(w->r->arena, w->old) : w->old_tree;

	if (!json_path(w->stored, "metadata.resourceVersion") || version)
		tree_set(w->r->arena, w->stored, "metadata.resourceVersion",
			json_copy(w->r->arena, version));
	if (!json_equal(stood, w->stored))
		return false;
	/* the same, but numbers may be written otherwise */
	json_print(&before, stood, JSON_SORTED);
	json_print(&now, w->stored, JSON_SORTED);
	return str_eq(buf_str(&before), buf_str(&now));
}

/* The last finalizer of an object that is being deleted has gone, and nothing else holds it. */
static bool is_over(const struct writing *w)
{
	if (w->creating || !tree_has(w->tree, "metadata.deletionTimestamp") ||
		tree_int(w->tree, "metadata.deletionGracePeriodSeconds", 0) > 0)
		return false;
	if (json_count(json_path(w->tree, "metadata.finalizers")))
		return false;
	return !resource_is(w->hub, "namespaces") ||
	       !json_count(json_path(w->tree, "spec.finalizers"));
}

static void finish(struct writing *w)
{
	struct api_request *r = w->r;

	bool durable = w->old && w->old->revision <= store_revision(r->server->store);

	if (!w->creating && durable && changes_nothing(w) && !is_over(w)) {
		answer(w, w->updated_code, registry_view(r, w->old));
		return;
	}
	if (r->options.dry_run) {
		bool taken =
			w->creating && store_get(server_bucket(r->server, w->hub),
					       server_key(r->arena, w->hub, w->namespace, w->name));

		if (taken) {
			writing_refuse(w, already_exists(w));
			return;
		}
		if (w->creating)
			tree_drop(w->tree, "metadata.resourceVersion");
		answer(w, w->creating ? w->created_code : w->updated_code, NULL);
		return;
	}
	commit(w, is_over(w));
}

static void converted(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);

	if (err->code) {
		writing_refuse(w, conversion_status(w->r, err));
		return;
	}
	w->stored = w->conversion->trees[0];
	finish(w);
}

/* A webhook makes of it what is stored, when its kind has one. */
void writing_finish(struct writing *w)
{
	const struct custom_kind *kind = w->hub->custom ? w->r->kind : NULL;
	struct conversion *c;

	if (!kind || !kind->webhook || &kind->storage->resource == w->hub) {
		w->stored = registry_stored(w->r, w->tree);
		finish(w);
		return;
	}
	c = w->conversion = arena_new(w->r->arena, sizeof(*c));
	c->server = w->r->server;
	c->arena = w->r->arena;
	c->to = &kind->storage->resource;
	c->trees = arena_new(w->r->arena, sizeof(struct cJSON *));
	c->trees[0] = json_copy(w->r->arena, w->tree);
	c->count = 1;
	op_init(&w->op, &w->r->x->scope, converted, w->r->deadline);
	conversion_start(c, &w->op);
}
