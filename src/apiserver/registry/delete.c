/*
 * DELETE. What has finalizers, or a grace period, is only marked: whoever removes the last
 * finalizer, or ends the grace, brings the end. Everything else goes at once.
 */
#include "address_objects.h"
#include "registry.h"

#include <kube/definition.h>
#include <kube/time.h>

#define ATTEMPTS_MAX 8

/* ---- finalizers ---- */

static bool has_finalizer(const struct cJSON *list, const char *name)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), name))
			return true;
	return false;
}

static enum propagation propagation_of(const struct deletion *d)
{
	const struct request_options *o = &d->r->options;
	const struct cJSON *finalizers = json_path(d->tree, "metadata.finalizers");

	if (o->has_orphan)
		return o->orphan ? PROPAGATE_ORPHAN : PROPAGATE_BACKGROUND;
	if (o->has_propagation)
		return o->propagation;
	if (has_finalizer(finalizers, "orphan"))
		return PROPAGATE_ORPHAN;
	if (has_finalizer(finalizers, "foregroundDeletion"))
		return PROPAGATE_FOREGROUND;
	return d->r->resource->hub->strategy->propagation;
}

/* The list with the propagation's own finalizer, and without the other's. */
static void set_finalizers(struct deletion *d)
{
	struct arena *a = d->r->arena;
	enum propagation how = propagation_of(d);
	const char *mine = how == PROPAGATE_ORPHAN       ? "orphan"
			   : how == PROPAGATE_FOREGROUND ? "foregroundDeletion"
							 : NULL;
	struct cJSON *list = json_new(a, JSON_ARRAY);

	json_each (item, json_path(d->tree, "metadata.finalizers"))
		if (!str_eq_text(json_str(item), "orphan") &&
			!str_eq_text(json_str(item), "foregroundDeletion"))
			json_append(list, json_share(a, item));
	if (mine)
		json_append(list, json_new_str(a, str_from(mine)));
	if (json_first(list))
		tree_set(a, d->tree, "metadata.finalizers", list);
	else
		tree_drop(d->tree, "metadata.finalizers");
}

/* ---- grace ---- */

static bool is_kind(const struct deletion *d, const char *kind)
{
	return !d->r->resource->custom && str_eq_text(d->r->resource->hub->kind, kind);
}

/* Only pods end gracefully, and only those that may be running somewhere. */
static int64_t grace_of(const struct deletion *d)
{
	const struct request_options *o = &d->r->options;
	struct str phase = tree_str(d->tree, "status.phase");
	int64_t grace = tree_int(d->tree, "spec.terminationGracePeriodSeconds", 30);

	if (!is_kind(d, "Pod"))
		return 0;
	if (o->has_grace)
		grace = o->grace;
	if (grace < 0)
		grace = 1;
	if (!tree_str(d->tree, "spec.nodeName").len || str_eq_text(phase, "Succeeded") ||
		str_eq_text(phase, "Failed"))
		grace = 0;
	return grace;
}

static void set_deletion(struct deletion *d, int64_t grace)
{
	struct arena *a = d->r->arena;
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	int64_t generation = tree_int(d->tree, "metadata.generation", 0);
	bool fresh = !tree_has(d->tree, "metadata.deletionTimestamp");

	time_print(&text, (d->r->now + grace * SEC) / SEC * SEC);
	tree_set_str(a, d->tree, "metadata.deletionTimestamp", buf_str(&text));
	if (!is_kind(d, "Namespace"))
		tree_set_int(a, d->tree, "metadata.deletionGracePeriodSeconds", grace);
	if (fresh && generation > 0)
		tree_set_int(a, d->tree, "metadata.generation", generation + 1);
	if (is_kind(d, "Namespace"))
		tree_set_str(a, d->tree, "status.phase", STR("Terminating"));
}

/* ---- one attempt ---- */

static void attempt(struct deletion *d);

static void commit(struct deletion *d, bool gone);

static void ask(struct deletion *d, admission_next_fn *next);

static void may_remove(struct admission_review *review, struct status *no);

static void settled(struct op *op, struct err *err)
{
	struct deletion *d = CONTAINER_OF(op, struct deletion, op);

	if (err->code) {
		object_unref(TAKE(d->result));
		d->outcome = status_from_err(d->r->arena, err);
	}
	d->done(d, d->outcome);
}

/* What somebody else has just written is told when it is what readers see. */
static void done(struct deletion *d, struct status *failure)
{
	if (!d->attempts) {
		d->done(d, failure);
		return;
	}
	d->outcome = failure;
	op_init(&d->op, &d->r->x->scope, settled, OP_NO_DEADLINE);
	store_settle(d->r->server->store, &d->op, &d->settling);
}

static void stand_on(struct deletion *d, struct object *o)
{
	d->old = o;
	request_keep(d->r, o);                 /* its tree leans on it */
	d->tree = object_tree(d->r->arena, o); /* of the stored version, whatever was asked for */
}

static void addresses_followed(struct op *op, struct err *err)
{
	err_done(err); /* repaired at the next start */
	done(CONTAINER_OF(op, struct deletion, op), NULL);
}

static void committed(struct op *op, struct err *err)
{
	struct deletion *d = CONTAINER_OF(op, struct deletion, op);
	struct api_request *r = d->r;

	object_unref(d->commit.found);
	d->commit.found = NULL;
	if (!err->code && d->remove_next) { /* watchers see the end of the grace before the end */
		d->remove_next = false;
		stand_on(d, d->commit.result);
		object_unref(d->old);
		ask(d, may_remove); /* upstream asks for each of the two */
	} else if (!err->code) {
		d->result = d->commit.result;
		if (d->gone && is_kind(d, "Service") && address_objects_differ(d->tree, NULL)) {
			op_init(&d->op, &r->x->scope, addresses_followed, OP_NO_DEADLINE);
			address_objects_follow(r->server, &d->op, d->tree, NULL);
			return;
		}
		done(d, NULL);
	} else if ((err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) &&
		   ++d->attempts < ATTEMPTS_MAX) {
		attempt(d);
	} else if (err->code == ERR_CONFLICT) {
		done(d, status_stale(r->arena, r->resource, d->name));
	} else {
		done(d, status_from_err(r->arena, err));
	}
}

/* A dry run answers what would stand there now. */
static void tell_only(struct deletion *d)
{
	struct draft draft;

	draft_from_tree(&draft, api_canonical(d->r->arena, d->r->resource->hub->schema, d->tree));
	d->result = object_new(&draft, d->old->revision);
	draft_done(&draft);
	done(d, NULL);
}

static void commit(struct deletion *d, bool gone)
{
	struct api_request *r = d->r;
	const struct resource *hub = r->resource->hub;

	d->gone = gone;
	if (r->options.dry_run) {
		tell_only(d);
		return;
	}
	d->commit = (struct commit){.bucket = server_bucket(r->server, hub),
		.key = server_key(r->arena, hub, d->namespace, d->name),
		.expected = d->old->revision,
		.delete_ = gone};
	draft_from_tree(&d->commit.draft, api_canonical(r->arena, hub->schema, d->tree));
	op_init(&d->op, &r->x->scope, committed, OP_NO_DEADLINE);
	store_commit(r->server->store, &d->op, &d->commit);
}

/* Preconditions name the kind where others name the resource. */
static struct status *named_by_kind(struct api_request *r, struct status *s)
{
	if (!resource_is(r->resource->hub, "namespaces"))
		s->kind = r->resource->kind;
	return s;
}

struct status *registry_check_preconditions(
	struct api_request *r, struct str name, const struct cJSON *tree)
{
	const struct request_options *o = &r->options;
	struct str uid = tree_str(tree, "metadata.uid");
	struct str version = tree_str(tree, "metadata.resourceVersion");

	if (o->has_precondition_uid && !str_eq(o->precondition_uid, uid))
		return named_by_kind(r,
			status_for(r->arena, ERR_CONFLICT, r->resource, name,
				"Operation cannot be fulfilled on %.*s \"%.*s\": the UID in the "
				"precondition (%.*s) does not match the UID in record (%.*s). The "
				"object might have been deleted and then recreated",
				STRF(r->resource->kind), STRF(name), STRF(o->precondition_uid),
				STRF(uid)));
	if (o->has_precondition_version && !str_eq(o->precondition_version, version))
		return named_by_kind(
			r, status_for(r->arena, ERR_CONFLICT, r->resource, name,
				   "Operation cannot be fulfilled on %.*s \"%.*s\": the "
				   "ResourceVersion in the precondition (%.*s) does not match the "
				   "ResourceVersion in record (%.*s). The object might have been "
				   "modified",
				   STRF(r->resource->kind), STRF(name),
				   STRF(o->precondition_version), STRF(version)));
	return NULL;
}

/* Of a collection's members only the collection has been named. */
static void ask(struct deletion *d, admission_next_fn *next)
{
	struct api_request *r = d->r;

	d->review = (struct admission_review){.server = r->server,
		.request = r,
		.arena = r->arena,
		.operation = ADMIT_DELETE,
		.resource = r->resource->hub,
		.namespace = d->namespace,
		.name = r->has_name ? d->name : STR(""),
		.old = d->r->resource->custom
			       ? object_tree(d->r->arena, registry_view(d->r, d->old))
			       : d->tree,
		.user = r->user,
		.dry_run = r->options.dry_run,
		.next = next,
		.ctx = d};
	if (d->admitted)
		next(&d->review, NULL);
	else
		admission_start(&d->review, ADMIT_MUTATE);
}

/* From those that change objects to those that judge; true when all have been asked. */
static bool all_asked(struct admission_review *review, struct status *no)
{
	struct deletion *d = review->ctx;

	if (no) {
		done(d, no);
		return false;
	}
	if (d->admitted || review->judging)
		return true;
	admission_start(review, ADMIT_VALIDATE);
	return false;
}

static void may_remove(struct admission_review *review, struct status *no)
{
	if (all_asked(review, no))
		commit(review->ctx, true);
}

static bool held_back(const struct deletion *d)
{
	return json_count(json_path(d->tree, "metadata.finalizers")) ||
	       (is_kind(d, "Namespace") && json_count(json_path(d->tree, "spec.finalizers")));
}

static void mark_or_remove(struct deletion *d)
{
	bool deleting = tree_has(d->tree, "metadata.deletionTimestamp");
	int64_t standing = tree_int(d->tree, "metadata.deletionGracePeriodSeconds", 0);
	int64_t grace = grace_of(d);
	const struct cJSON *finalizers = json_path(d->tree, "metadata.finalizers");
	const struct cJSON *before = finalizers ? json_copy(d->r->arena, finalizers) : NULL;

	if (!deleting && resource_is(d->r->resource->hub, "customresourcedefinitions")) {
		definition_mark_deleted(d->r->arena, d->tree, d->r->now); /* objects go first */
		commit(d, false);
		return;
	}
	if (!deleting || d->r->options.has_propagation || d->r->options.has_orphan)
		set_finalizers(d);
	if (deleting && !json_equal(json_path(d->tree, "metadata.finalizers"), before)) {
		commit(d, !held_back(d));
		return;
	}
	if (deleting && (grace >= standing || !is_kind(d, "Pod")) && (standing || held_back(d))) {
		d->result = object_ref(d->old); /* it is on its way already */
		done(d, NULL);
		return;
	}
	if (grace > 0 || held_back(d) || (is_kind(d, "Namespace") && !deleting)) {
		set_deletion(d, grace);
		commit(d, false);
		return;
	}
	if (is_kind(d, "Pod")) {
		set_deletion(d, 0);
		d->remove_next = true;
		commit(d, false);
		return;
	}
	commit(d, true);
}

static void may_go(struct admission_review *review, struct status *no)
{
	if (all_asked(review, no))
		mark_or_remove(review->ctx);
}

/* It has its time still, and nobody asks for less. */
static bool is_pending(const struct deletion *d)
{
	const struct request_options *o = &d->r->options;
	int64_t standing = tree_int(d->tree, "metadata.deletionGracePeriodSeconds", 0);

	return tree_has(d->tree, "metadata.deletionTimestamp") && standing > 0 &&
	       (!o->has_grace || o->grace >= standing);
}

static void attempt(struct deletion *d)
{
	struct api_request *r = d->r;
	const struct resource *hub = r->resource->hub;
	struct bucket *bucket = server_bucket(r->server, hub);
	struct str key = server_key(r->arena, hub, d->namespace, d->name);
	struct object *old = d->attempts ? store_newest(bucket, key) : store_get(bucket, key);
	struct status *s;

	if (!old) {
		done(d, status_not_found(r->arena, r->resource, d->name));
		return;
	}
	stand_on(d, old);
	s = registry_check_preconditions(r, d->name, d->tree);
	if (s) {
		done(d, s);
	} else if (is_pending(d)) {
		d->result = object_ref(d->old);
		done(d, NULL);
	} else {
		ask(d, may_go);
	}
}

void deletion_start(struct deletion *d)
{
	attempt(d);
}

/* ---- the verb ---- */

static void answer_gone(struct api_request *r, const struct object *o)
{
	struct status *s = arena_new(r->arena, sizeof(*s));

	s->code = 200;
	s->success = s->has_details = true;
	s->name = r->name;
	s->group = r->resource->group;
	s->kind = r->resource->plural;
	s->uid = arena_str(r->arena, object_scan(o, "metadata.uid"));
	answer_status(r, s);
}

void registry_warn_children(struct api_request *r)
{
	if (resource_is(r->resource, "jobs") && !r->options.has_propagation &&
		!r->options.has_orphan)
		request_warn(
			r, STR("child pods are preserved by default when jobs are deleted; set "
			       "propagationPolicy=Background to remove them or set "
			       "propagationPolicy=Orphan to suppress this warning"));
}

static void deleted(struct deletion *d, struct status *failure)
{
	struct api_request *r = d->r;

	if (!failure)
		registry_warn_children(r);
	if (failure)
		request_fail(r, failure);
	else if (d->gone && !r->resource->hub->strategy->delete_answers_object &&
		 !is_kind(d, "Pod"))
		answer_gone(r, d->result);
	else
		answer_object(r,
			!d->gone && r->options.has_orphan && !r->options.orphan ? 202 : 200,
			registry_view(r, d->result));
	object_unref(d->result);
}

void verb_delete(struct api_request *r)
{
	struct deletion *d = arena_new(r->arena, sizeof(*d));

	d->r = r;
	d->namespace = r->namespace;
	d->name = r->name;
	d->done = deleted;
	deletion_start(d);
}
