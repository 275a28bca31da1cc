/*
 * One write from the client's tree to the commit:
 *
 *	attempt: what stands there, the new object, managed fields
 *	 └→ admission, plugins that change it          (may wait)
 *	     └→ admitted: metadata, strategy, validation
 *	         └→ admission, plugins that judge it    (may wait)
 *	             └→ judged → commit (write_commit.c)
 *
 * A conflict begins again with what stands there then; a name that was taken, behind the plugins.
 */
#include "write.h"

#include "access.h"
#include "custom_conversion.h"

#include <kube/patch.h>

struct writing *writing_new(struct api_request *r, writing_build_fn *build, void *ctx)
{
	struct writing *w = arena_new(r->arena, sizeof(*w));

	w->r = r;
	w->hub = r->resource->hub;
	w->strategy = w->hub->strategy;
	w->build = build;
	w->ctx = ctx;
	w->namespace = r->namespace;
	w->name = r->name;
	w->subresource = r->subresource;
	w->created_code = 201;
	w->updated_code = 200;
	return w;
}

/* ---- admission ---- */

static struct admission_review review_of(struct writing *w)
{
	return (struct admission_review){.server = w->r->server,
		.request = w->r,
		.arena = w->r->arena,
		.operation = w->creating ? ADMIT_CREATE : ADMIT_UPDATE,
		.resource = w->hub,
		.subresource = w->subresource,
		.namespace = w->namespace,
		.name = w->name,
		.object = w->tree,
		.old = w->old_tree,
		.user = w->r->user,
		.dry_run = w->r->options.dry_run,
		.update_creates = w->creating && w->may_create,
		.ctx = w};
}

static void ask(struct writing *w, enum admission_phase phase, admission_next_fn *next)
{
	w->review = review_of(w);
	w->review.next = next;
	admission_start(&w->review, phase);
}

/* ---- after all have judged ---- */

static void judged(struct admission_review *review, struct status *no)
{
	struct writing *w = review->ctx;

	w->tree = review->object;
	if (no)
		writing_refuse(w, no);
	else
		writing_finish(w);
}

/* ---- after those that change objects ---- */

/* A PUT or an apply was authorized as what it is; one that creates needs that verb as well. */
static struct status *check_may_create(struct api_request *r)
{
	struct access_query q = access_query_of(r);
	struct str reason;

	q.verb = STR("create");
	if (authz_ask(r->server->authz, r->arena, &q, &reason) == ACCESS_ALLOW)
		return NULL;
	return access_forbidden(r->arena, &q, reason);
}

/* What is asked of authorizers, before anything is changed: whoever must be waited for is asked
 * here, and is known later. */
static struct status *check_access(struct writing *w)
{
	struct status *s =
		rbac_check_write(w->r, w->hub, w->tree, w->creating ? NULL : w->old_tree);

	if (!s && w->creating && w->may_create && authz_may_wait(w->r->server->authz))
		check_may_create(w->r);
	return s;
}

static struct status *settle_object(struct writing *w)
{
	struct status *s = NULL;

	writing_drop_repeated_owners(w, true);
	writing_complete_meta(w);
	if (resource_is(w->hub, "services") && w->what == WRITE_OBJECT)
		s = allocate_service(w->r, w->tree, w->old_tree, &w->taken);
	if (!s)
		s = writing_run_strategy(w);
	if (!s && w->creating && w->may_create)
		s = check_may_create(w->r);
	return s;
}

static void go_on(struct writing *w);

static void access_known(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);

	if (err->code)
		request_fail_err(w->r, err);
	else
		go_on(w);
}

static void go_on(struct writing *w)
{
	struct status *s = check_access(w);

	if (access_is_pending(w->r)) {
		op_init(&w->op, &w->r->x->scope, access_known, w->r->deadline);
		access_wait(w->r, &w->op);
		return;
	}
	if (!s)
		s = settle_object(w);
	if (s)
		writing_refuse(w, s);
	else
		ask(w, ADMIT_VALIDATE, judged);
}

/* Plugins may not leave managed fields that nobody can read: then those of before stay. */
static void keep_managed_fields(struct writing *w)
{
	_cleanup_(err_done) struct err err = {0};
	struct arena *a = w->r->arena;

	if (json_path(w->tree, "metadata.managedFields") == w->managed_before ||
		!managed_fields_check(w->tree, &err))
		return;
	tree_set(a, w->tree, "metadata.managedFields",
		w->managed_before ? json_copy(a, w->managed_before) : NULL);
	request_warn(w->r,
		arena_print(a,
			".metadata.managedFields was in an invalid state after admission; this "
			"could be caused by an outdated mutating admission controller; please fix "
			"your requests: %s",
			err_text(&err)));
}

static void admitted(struct admission_review *review, struct status *no)
{
	struct writing *w = review->ctx;

	w->tree = review->object;
	if (no) {
		writing_refuse(w, no);
		return;
	}
	keep_managed_fields(w);
	go_on(w);
}

/* ---- before ---- */

static struct status *check_create(struct writing *w)
{
	struct api_request *r = w->r;

	if (tree_str(w->tree, "metadata.resourceVersion").len &&
		!str_eq_text(tree_str(w->tree, "metadata.resourceVersion"), "0")) {
		struct status *s = status_new(r->arena, ERR_INTERNAL,
			"resourceVersion should not be set on objects to be created");

		s->reason = STR("");
		return s;
	}
	return NULL;
}

static struct status *prepare(struct writing *w)
{
	struct status *s = w->creating && !w->may_create ? check_create(w) : NULL;

	if (s)
		return s;
	if (!w->patches)
		writing_drop_repeated_owners(w, false);
	return w->applied ? NULL : writing_track(w);
}

/* Whoever came too late goes on from what came before, even if that is still on its way. */
static struct object *standing(struct writing *w)
{
	struct api_request *r = w->r;

	if (!w->name.len || (w->creating && !w->may_create))
		return NULL;
	if (!w->attempts)
		return registry_find(r);
	return store_newest(server_bucket(r->server, w->hub),
		server_key(r->arena, w->hub, r->namespace, r->name));
}

static void ready(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);

	if (err->code)
		writing_refuse(w, conversion_status(w->r, err));
	else
		writing_attempt(w);
}

/* Somebody else's conversion comes first, of objects of such kinds. */
static bool awaits_webhook(struct writing *w)
{
	struct object *o = w->hub->custom ? standing(w) : NULL;

	if (!o || !custom_awaits_webhook(w->hub, o))
		return false;
	op_init(&w->op, &w->r->x->scope, ready, w->r->deadline);
	conversion_of_objects(w->r, &w->op, &o, 1);
	return true;
}

/* What stands there, and the new object made of it. */
static struct status *begin(struct writing *w)
{
	struct api_request *r = w->r;

	w->old = standing(w);
	w->old_tree = w->old ? object_tree(r->arena, registry_view(r, w->old)) : NULL;
	if (w->old)
		request_keep(r, w->old); /* whoever waits may find another there */
	if (w->may_create)
		w->creating = !w->old;
	if (!w->old && w->may_create && w->meant_uid.len)
		return status_wrong_uid(r->arena, r->resource,
			server_key(r->arena, w->hub, r->namespace, r->name), r->name, w->meant_uid,
			STR(""));
	if (!w->old && !w->creating)
		return status_not_found(r->arena, r->resource, r->name);
	return w->build ? w->build(w) : NULL;
}

void writing_attempt(struct writing *w)
{
	bool new_name = w->creating && w->attempts && !w->may_create;
	struct status *s;

	if (new_name) { /* all else has been admitted */
		go_on(w);
		return;
	}
	if (awaits_webhook(w))
		return;
	s = begin(w);
	if (!s)
		s = prepare(w);
	if (s) {
		writing_refuse(w, s);
		return;
	}
	w->managed_before = json_path(w->tree, "metadata.managedFields");
	ask(w, ADMIT_MUTATE, admitted);
}

void writing_start(struct writing *w)
{
	writing_attempt(w);
}
