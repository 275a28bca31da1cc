/*
 * One write from the client's tree to the commit: admission, what every object gets, strategy,
 * validation, admission again, commit. A conflict begins again with what stands there now.
 */
#include "address_objects.h"
#include "registry.h"

#include "access.h"

#include <kube/map.h>
#include <kube/patch.h>
#include <kube/pods.h>
#include <kube/random.h>
#include <kube/time.h>

#define ATTEMPTS_MAX 8

struct status *status_stale(struct arena *a, const struct resource *r, struct str name)
{
	return status_conflict(a, r, name,
		"the object has been modified; please apply your changes to the latest version "
		"and try again");
}

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

/* ---- what every object gets ---- */

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static void fill_new_meta(struct writing *w)
{
	static const char *const dropped[] = {"metadata.deletionTimestamp",
		"metadata.deletionGracePeriodSeconds", "metadata.selfLink", NULL};
	struct arena *a = w->r->arena;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);
	char uid[37];

	for (size_t i = 0; dropped[i]; i++)
		tree_drop(w->tree, dropped[i]);
	uuid_make(uid, random_of_env, w->r->server->env);
	time_print(&now, w->r->now / SEC * SEC);
	tree_set_str(a, w->tree, "metadata.uid", str_from(uid));
	tree_set_str(a, w->tree, "metadata.creationTimestamp", buf_str(&now));
	if (w->strategy->generation == GENERATION_SPEC)
		tree_set_int(a, w->tree, "metadata.generation", 1);
}

static void generate(struct writing *w)
{
	struct str base = tree_str(w->tree, "metadata.generateName");
	uint8_t random[5];

	w->given_name = tree_str(w->tree, "metadata.name");
	w->generated = !w->given_name.len && base.len;
	if (w->generated) {
		env_random(w->r->server->env, random, sizeof(random));
		tree_set_str(w->r->arena, w->tree, "metadata.name",
			generate_name(w->r->arena, base, random));
	}
	w->name = tree_str(w->tree, "metadata.name");
}

static void keep(struct writing *w, const char *path, bool always)
{
	const struct cJSON *old = json_path(w->old_tree, path);

	if (old && (always || !json_path(w->tree, path)))
		tree_set(w->r->arena, w->tree, path, json_copy(w->r->arena, old));
}

/* What a client may leave out, and what it may not touch. */
static void fill_old_meta(struct writing *w)
{
	keep(w, "metadata.uid", false);
	keep(w, "metadata.creationTimestamp", true);
	keep(w, "metadata.deletionTimestamp", false);
	keep(w, "metadata.deletionGracePeriodSeconds", false);
	tree_drop(w->tree, "metadata.selfLink");
	tree_drop(w->tree, "metadata.generation");
	keep(w, "metadata.generation", true);
}

static void bump_generation(struct writing *w)
{
	const struct strategy *s = w->strategy;
	bool changed;

	if (s->generation != GENERATION_SPEC || w->what == WRITE_STATUS)
		return;
	if (s->changed)
		changed = s->changed(w->tree, w->old_tree);
	else
		changed = !json_equal(
			json_get(w->tree, STR("spec")), json_get(w->old_tree, STR("spec")));
	if (changed)
		tree_set_int(w->r->arena, w->tree, "metadata.generation",
			tree_int(w->old_tree, "metadata.generation", 0) + 1);
}

/* ---- the strategy ---- */

static void take_from_old(struct writing *w, const char *member)
{
	tree_drop(w->tree, member);
	keep(w, member, true);
}

/* /status takes status (and most metadata) from the client, all else from what stands there. */
static void prepare_status(struct writing *w, struct change *c)
{
	struct arena *a = w->r->arena;
	struct cJSON *status = json_get(w->tree, STR("status"));
	struct cJSON *meta = json_get(w->tree, STR("metadata"));
	struct cJSON *managed = json_get(meta, STR("managedFields"));
	struct cJSON *whole = json_copy(a, w->old_tree);

	if (status)
		tree_set(a, whole, "status", json_copy(a, status));
	else
		tree_drop(whole, "status");
	if (!w->strategy->status_keeps_metadata)
		tree_set(a, whole, "metadata", json_copy(a, meta));
	else if (managed)
		tree_set(a, whole, "metadata.managedFields", json_copy(a, managed));
	w->tree = c->object = whole;
	if (w->strategy->prepare_status)
		w->strategy->prepare_status(c);
}

/* Templates lose what pods made of them would lose. */
static void drop_closed(struct writing *w)
{
	const char *path = w->strategy->template_spec;

	if (path && w->what == WRITE_OBJECT)
		pod_drop_closed(json_path(w->tree, path), json_path(w->old_tree, path));
}

static void prepare(struct writing *w, struct change *c)
{
	const struct strategy *s = w->strategy;

	drop_closed(w);
	if (w->creating) {
		if (s->drops_status && !s->create_reads_status && !s->creates_status)
			tree_drop(w->tree, "status");
		if (s->prepare_create)
			s->prepare_create(c);
	} else if (w->what == WRITE_STATUS) {
		prepare_status(w, c);
	} else if (w->what == WRITE_PART) {
		w->part->prepare(c);
	} else {
		if (s->drops_status)
			take_from_old(w, "status");
		if (s->prepare_update)
			s->prepare_update(c);
	}
	w->tree = c->object;
	if (!w->creating)
		bump_generation(w);
}

static struct status *validate(struct writing *w, struct change *c)
{
	struct field_errors errors = {.arena = w->r->arena};
	struct path meta = PATH(NULL, "metadata");
	const struct strategy *s = w->strategy;
	change_check_fn *check = s->validate;

	if (w->creating)
		check_object_meta(&errors, &meta, json_get(w->tree, STR("metadata")),
			w->hub->namespaced, s->name_rule);
	/* twice, as upstream: the generic rules, and the kind's own that begin with the same */
	for (int i = s->update_checks_metadata_once; i < 2 && !w->creating; i++)
		check_object_meta_update(&errors, &meta, json_get(w->tree, STR("metadata")),
			json_get(w->old_tree, STR("metadata")));
	if (w->what == WRITE_STATUS && !w->creating)
		check = s->validate_status;
	else if (w->what == WRITE_PART)
		check = w->part->validate;
	else if (!w->creating)
		check = s->validate_update;
	if (check)
		check(c, &errors);
	return status_invalid(w->r->arena, w->hub->group, w->hub->kind, w->name, &errors);
}

static void hand_on_warnings(struct writing *w, struct change *c)
{
	if (w->strategy->warn && w->what == WRITE_OBJECT)
		w->strategy->warn(c);
	for (size_t i = 0; i < c->warning_count; i++)
		request_warn(w->r, c->warnings[i]);
}

/* Rules see empty lists as they were sent, the store does not. */
static bool any_empty(const struct cJSON *n)
{
	if (json_is(n, JSON_ARRAY) && !json_count(n))
		return true;
	json_each (child, n)
		if (any_empty(child))
			return true;
	return false;
}

static struct status *run_strategy(struct writing *w)
{
	struct change c = {.arena = w->r->arena,
		.resource = w->hub,
		.requested = w->r->resource,
		.subresource = w->subresource,
		.namespace = w->namespace,
		.name = w->name,
		.object = w->tree,
		.old = w->old_tree,
		.now = w->r->now,
		.user = w->r->user->name};

	if (w->strategy->records_user)
		c.user_info = access_user_tree(w->r->arena, w->r->user);
	prepare(w, &c);
	if (w->creating) /* a strategy may name what has no name */
		w->name = tree_str(c.object, "metadata.name");
	w->tree = c.object = api_canonical_sent(w->r->arena, w->hub->schema, w->tree);
	struct status *s = validate(w, &c);
	if (!s && any_empty(w->tree))
		w->tree = c.object = api_canonical(w->r->arena, w->hub->schema, w->tree);
	if (!s && w->strategy->settle)
		w->strategy->settle(&c);
	if (!s)
		hand_on_warnings(w, &c);
	return s;
}

/* ---- managed fields ---- */

struct apply_request registry_apply_request(struct writing *w)
{
	static const char *const no_status[] = {"status", NULL};
	static const char *const only_status[] = {"spec", NULL};
	static const char *const only_status_alone[] = {"spec", "metadata", NULL};
	const struct strategy *s = w->strategy;
	struct apply_request a = {.resource = w->r->resource,
		.manager = w->r->options.field_manager,
		.subresource = w->creating && !w->applied ? STR("") : w->subresource,
		.force = w->r->options.force,
		.reset = w->r->resets_managed_fields,
		.now = w->r->now};

	if (w->what == WRITE_STATUS && !w->creating)
		a.reset_fields = s->status_keeps_metadata ? only_status_alone
				 : s->status_resets       ? s->status_resets
							  : only_status;
	else if (s->drops_status)
		a.reset_fields = no_status;
	return a;
}

/* Before admission: what plugins add belongs to nobody. */
static struct status *track(struct writing *w)
{
	struct api_request *r = w->r;
	struct apply_request a = registry_apply_request(w);
	struct cJSON *old = (struct cJSON *)(uintptr_t)w->old_tree, *tree;
	_cleanup_(err_done) struct err err = {0};
	bool converts = r->resource != w->hub;

	if (w->creating)
		tree_drop(w->tree, "metadata.managedFields");
	w->tree = tree = api_canonical_sent(r->arena, w->hub->schema, w->tree);
	if (w->strategy->untracked)
		return NULL;
	if (converts && resource_convert(r->arena, w->hub, r->resource, w->tree, &tree, &err))
		return status_from_err(r->arena, &err);
	if (converts && old &&
		resource_convert(r->arena, w->hub, r->resource, w->old_tree, &old, &err))
		return status_from_err(r->arena, &err);
	apply_track_update(r->arena, &a, old, tree);
	if (converts)
		tree_set(r->arena, w->tree, "metadata.managedFields",
			json_path(tree, "metadata.managedFields")
				? json_copy(r->arena, json_path(tree, "metadata.managedFields"))
				: NULL);
	return NULL;
}

/* ---- owners named twice ---- */

/* The whole owner as text; notes it. */
static bool comes_again(struct arena *a, struct map *seen, const struct cJSON *owner)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	json_print(&text, owner, JSON_COMPACT);
	struct str key = arena_str(a, buf_str(&text));
	if (map_has(seen, key))
		return true;
	map_set(seen, key, seen);
	return false;
}

static void drop_repeated_owners(struct writing *w, bool after_admission)
{
	struct cJSON *list = json_path(w->tree, "metadata.ownerReferences");
	struct cJSON *owner = json_first(list);
	_cleanup_(buf_done) struct buf uids = BUF_INIT(1 * MIB);
	struct map seen;

	if (!owner || !json_next(owner))
		return;
	map_init(&seen);
	while (owner) {
		struct cJSON *next = json_next(owner);

		if (comes_again(w->r->arena, &seen, owner)) {
			buf_print(&uids, "%s%.*s", uids.len ? ", " : "",
				STRF(tree_str(owner, "uid")));
			json_remove(list, owner);
		}
		owner = next;
	}
	map_done(&seen);
	if (uids.len)
		request_warn(w->r,
			arena_print(w->r->arena,
				".metadata.ownerReferences contains duplicate entries%s; API "
				"server dedups owner references in 1.20+, and may reject such "
				"requests as early as 1.24; please fix your requests; duplicate "
				"UID(s) observed: %.*s",
				after_admission ? " after mutating admission happens" : "",
				STRF(buf_str(&uids))));
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
		.update_creates = w->creating && w->may_create};
}

static struct status *admit(struct writing *w, bool mutate)
{
	struct admission_review review = review_of(w);
	struct status *s = mutate ? admission_mutate(w->r->server->admission, &review)
				  : admission_validate(w->r->server->admission, &review);

	w->tree = review.object;
	return s;
}

/* ---- an attempt ---- */

static void attempt(struct writing *w);

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

	if (!str_eq_text(w->hub->plural, "services") || !address_objects_differ(w->old_tree, now))
		return false;
	op_init(&w->op, &w->r->x->scope, addresses_followed, OP_NO_DEADLINE);
	address_objects_follow(w->r->server, &w->op, w->old_tree, now);
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
static void refuse(struct writing *w, struct status *s)
{
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
	if (!err->code && follows(w))
		return;
	if (!err->code) {
		answer(w, w->creating ? w->created_code : w->updated_code,
			w->commit.delete_ ? NULL : result);
	} else if (err->code == ERR_ALREADY_EXISTS && w->generated && again) {
		tree_drop(w->tree, "metadata.name");
		attempt(w);
	} else if (err->code == ERR_ALREADY_EXISTS && w->may_create && again) {
		attempt(w);
	} else if (err->code == ERR_ALREADY_EXISTS) {
		refuse(w, already_exists(w));
	} else if ((err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) && !w->pinned &&
		   again) {
		attempt(w);
	} else if (err->code == ERR_CONFLICT) {
		refuse(w, status_stale(r->arena, r->resource, w->name));
	} else if (err->code == ERR_NOT_FOUND) {
		refuse(w, status_not_found(r->arena, r->resource, w->name));
	} else {
		request_fail_err(r, err);
	}
	object_unref(result);
	object_unref(found);
}

/* Events go by themselves after a while, and their loss in a power cut hurts nobody. */
static void set_store_terms(struct writing *w)
{
	bool event = str_eq_text(w->hub->kind, "Event");

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
	draft_from_tree(&w->commit.draft, delete_ ? w->old_tree : w->tree);
	op_init(&w->op, &r->x->scope, committed, OP_NO_DEADLINE);
	store_commit(r->server->store, &w->op, &w->commit);
}

/* Nothing but managed fields' times and the version could differ: nothing is written. */
static bool changes_nothing(struct writing *w)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64 * MIB), before = BUF_INIT(64 * MIB);
	const struct cJSON *version = json_path(w->old_tree, "metadata.resourceVersion");

	if (!json_path(w->tree, "metadata.resourceVersion") || version)
		tree_set(w->r->arena, w->tree, "metadata.resourceVersion",
			json_copy(w->r->arena, version));
	json_print(&before, w->old_tree, JSON_SORTED);
	json_print(&now, w->tree, JSON_SORTED);
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
	return !str_eq_text(w->hub->kind, "Namespace") ||
	       !json_count(json_path(w->tree, "spec.finalizers"));
}

static void finish(struct writing *w)
{
	struct api_request *r = w->r;

	bool durable = w->old && w->old->revision <= store_revision(r->server->store);

	if (!w->creating && durable && changes_nothing(w) && !is_over(w)) {
		answer(w, w->updated_code, w->old);
		return;
	}
	if (r->options.dry_run) {
		bool taken =
			w->creating && store_get(server_bucket(r->server, w->hub),
					       server_key(r->arena, w->hub, w->namespace, w->name));

		if (taken) {
			request_fail(r, already_exists(w));
			return;
		}
		if (w->creating)
			tree_drop(w->tree, "metadata.resourceVersion");
		answer(w, w->creating ? w->created_code : w->updated_code, NULL);
		return;
	}
	commit(w, is_over(w));
}

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

static struct status *go_through(struct writing *w)
{
	struct status *s = w->creating && !w->may_create ? check_create(w) : NULL;

	if (s)
		return s;
	if (!w->patches)
		drop_repeated_owners(w, false);
	if (!w->applied)
		s = track(w);
	if (s)
		return s;
	s = admit(w, true);
	if (!s)
		s = rbac_check_write(w->r, w->hub, w->tree, w->creating ? NULL : w->old_tree);
	if (s)
		return s;
	drop_repeated_owners(w, true);
	if (w->creating) {
		fill_new_meta(w);
		generate(w);
	} else {
		fill_old_meta(w);
	}
	if (str_eq_text(w->hub->plural, "services") && w->what == WRITE_OBJECT)
		s = allocate_service(w->r, w->tree, w->old_tree, &w->taken);
	if (!s)
		s = run_strategy(w);
	if (!s && w->creating && w->may_create)
		s = check_may_create(w->r);
	if (!s)
		s = admit(w, false);
	return s;
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

static void attempt(struct writing *w)
{
	struct api_request *r = w->r;
	struct status *s = NULL;

	w->old = standing(w);
	w->old_tree = w->old ? object_tree(r->arena, w->old) : NULL;
	if (w->may_create)
		w->creating = !w->old;
	if (!w->old && w->may_create && w->meant_uid.len)
		s = status_wrong_uid(r->arena, r->resource,
			server_key(r->arena, w->hub, r->namespace, r->name), r->name, w->meant_uid,
			STR(""));
	else if (!w->old && !w->creating)
		s = status_not_found(r->arena, r->resource, r->name);
	if (!s && (w->build && !(w->creating && w->attempts && !w->may_create)))
		s = w->build(w);
	if (!s)
		s = go_through(w);
	if (s) {
		allocate_release(r->server->allocators, &w->taken);
		refuse(w, s);
	} else {
		finish(w);
	}
}

void writing_start(struct writing *w)
{
	attempt(w);
}
