#include "definition.h"

#include "discovery.h"

#include <kube/api_codec.h>
#include <kube/custom.h>
#include <kube/definition.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/patch.h>
#include <kube/time.h>

#include <stdlib.h>

#define RETRY_AFTER (2 * SEC)

const struct resource *definitions_resource(void)
{
	return resource_find(
		STR("apiextensions.k8s.io"), STR("v1"), STR("customresourcedefinitions"));
}

/* ---- what is to be looked at ---- */

static void turn(struct op *op, struct err *err);

static void soon(struct definitions *all)
{
	if (op_active(&all->turn) || scope_closing(&all->scope))
		return;
	op_init(&all->turn, &all->scope, turn, OP_NO_DEADLINE);
	op_yield(&all->turn);
}

void definition_touch(struct definition *d)
{
	if (!link_linked(&d->in_dirty))
		list_push(&d->all->dirty, &d->in_dirty);
	soon(d->all);
}

static void touch_group(struct definitions *all, struct str group)
{
	map_each (it, &all->by_name) {
		struct definition *d = it.value;

		if (str_eq(d->group, group))
			definition_touch(d);
	}
}

static void retry_due(struct op *op, struct err *err)
{
	struct definitions *all = CONTAINER_OF(op, struct definitions, retry);

	(void)err; /* whatever it was that could not be waited for */
	if (scope_closing(&all->scope))
		return;
	map_each (it, &all->by_name)
		definition_touch(it.value);
}

void definition_retry(struct definition *d)
{
	struct definitions *all = d->all;

	if (op_active(&all->retry) || scope_closing(&all->scope))
		return;
	op_init(&all->retry, &all->scope, retry_due, OP_NO_DEADLINE);
	timer_wait(&all->retry, loop_in(all->server->env->loop, RETRY_AFTER));
}

static struct definition *definition_get(struct definitions *all, struct str name)
{
	struct definition *d = map_get(&all->by_name, name);

	if (d)
		return d;
	d = mem_new(sizeof(*d));
	d->all = all;
	arena_init(&d->arena);
	arena_init(&d->names);
	d->name = arena_str(&d->arena, name);
	map_set(&all->by_name, name, d);
	return d;
}

static void definition_free(struct definition *d)
{
	link_remove(&d->in_dirty);
	if (d->kind)
		custom_kind_retire(d->kind);
	custom_kind_unref(d->kind);
	arena_done(&d->names);
	arena_done(&d->arena);
	mem_free(d);
}

/* ---- serving ---- */

static int by_discovery(const void *a, const void *b)
{
	const struct resource *x = *(const struct resource *const *)a;
	const struct resource *y = *(const struct resource *const *)b;
	int order = str_cmp(x->group, y->group);

	if (!order)
		order = api_version_compare(y->version, x->version);
	return order ? order : str_cmp(x->plural, y->plural);
}

/* Discovery hears of all of them at once, in its order. */
static void tell_discovery(struct definitions *all)
{
	const struct resource **items;
	size_t count = 0;

	map_each (it, &all->by_name) {
		const struct definition *d = it.value;

		count += d->kind ? d->kind->count : 0;
	}
	items = mem_new((count + 1) * sizeof(const struct resource *));
	count = 0;
	map_each (it, &all->by_name) {
		const struct definition *d = it.value;

		for (size_t i = 0; d->kind && i < d->kind->count; i++)
			if (d->kind->versions[i]->served)
				items[count++] = &d->kind->versions[i]->resource;
	}
	if (count)
		qsort(items, count, sizeof(const struct resource *), by_discovery);
	discovery_set_custom(all->server->discovery, items, count);
	mem_free(items);
}

static void serve_no_more(struct definition *d)
{
	if (!d->kind)
		return;
	custom_kind_retire(d->kind);
	custom_kind_unref(TAKE(d->kind));
	d->all->changed = true;
}

static void serve(struct definition *d, const struct cJSON *tree)
{
	_cleanup_(err_done) struct err err = {0};
	bool terminating = definition_condition_is_true(tree, "Terminating");
	struct custom_kind *old = d->kind;
	unsigned char digest[32];

	custom_kind_digest(tree, digest);
	if (!old || !str_eq(old->uid, tree_str(tree, "metadata.uid")) ||
		memcmp(digest, old->digest, sizeof(digest)) != 0) {
		serve_no_more(d);
		d->kind = custom_kind_new(tree, &d->all->epoch, &err);
		d->all->changed = true;
	}
	if (!d->kind) {
		log_error(&err, "a definition cannot be served", LOG_STR("name", d->name));
	} else if (d->kind->terminating != terminating) {
		d->kind->terminating = terminating;
		d->all->changed = true;
	}
}

/* ---- judging ---- */

static void note_names(struct definition *d, const struct cJSON *tree)
{
	const struct cJSON *accepted = json_path(tree, "status.acceptedNames");

	if (!d->group.len)
		d->group = arena_str(&d->arena, tree_str(tree, "spec.group"));
	if (json_equal(d->accepted, accepted))
		return;
	arena_reset(&d->names);
	d->accepted = accepted ? json_copy(&d->names, accepted) : NULL;
	touch_group(d->all, d->group); /* somebody may have waited for a name */
}

static const struct cJSON **names_of_others(struct definition *d, struct arena *a, size_t *count)
{
	struct definitions *all = d->all;
	const struct cJSON **names =
		arena_new(a, (all->by_name.count + 1) * sizeof(const struct cJSON *));

	*count = 0;
	map_each (it, &all->by_name) {
		const struct definition *other = it.value;

		if (other != d && !other->gone && other->accepted && str_eq(other->group, d->group))
			names[(*count)++] = other->accepted;
	}
	return names;
}

void definition_draft(struct definition *d, struct arena *a, struct commit *commit,
	const struct object *old, struct cJSON *tree)
{
	static const char *const reset[] = {"spec", "metadata", NULL};
	const struct resource *r = definitions_resource();
	struct api_server *s = d->all->server;
	struct apply_request who = {.resource = r,
		.manager = STR("kube-apiserver"),
		.subresource = STR("status"),
		.now = env_wall(s->env),
		.reset_fields = reset};
	struct cJSON *now = api_canonical(a, r->schema, tree);

	apply_track_update(a, &who, object_tree(a, old), now);
	*commit = (struct commit){
		.bucket = d->all->bucket, .key = d->name, .expected = old->revision};
	draft_from_tree(&commit->draft, now);
}

static void written(struct op *op, struct err *err)
{
	struct definition *d = CONTAINER_OF(op, struct definition, op);

	d->writing = false;
	object_unref(TAKE(d->commit.result));
	object_unref(TAKE(d->commit.found));
	arena_done(&d->work);
	if (!err->code || err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) {
		definition_touch(d);
		return;
	}
	if (err->code != ERR_CANCELLED)
		log_warning(err, "the status of a definition was not written",
			LOG_STR("name", d->name));
	definition_retry(d);
}

/* The next condition that changes, if there is one. */
static void judge(struct definition *d, const struct object *o)
{
	struct api_server *s = d->all->server;
	const struct cJSON **others;
	struct cJSON *tree;
	size_t count;

	arena_init(&d->work);
	tree = object_tree(&d->work, o);
	others = names_of_others(d, &d->work, &count);
	if (!definition_step(&d->work, tree, custom_definition_faults(&d->work, tree), others,
		    count, env_wall(s->env))) {
		arena_done(&d->work);
		return;
	}
	d->writing = true;
	definition_draft(d, &d->work, &d->commit, o, tree);
	d->commit.key = arena_str(&d->work, d->name);
	note_names(d, tree);
	op_init(&d->op, &d->all->scope, written, OP_NO_DEADLINE);
	store_commit(s->store, &d->op, &d->commit);
}

/* ---- one definition, looked at ---- */

static void vanished(struct definition *d)
{
	struct definitions *all = d->all;

	serve_no_more(d);
	if (!d->gone) {
		d->gone = true;
		touch_group(all, d->group);
		link_remove(&d->in_dirty);
	}
	if (d->writing || d->cleanup)
		return;
	map_remove(&all->by_name, d->name);
	definition_free(d);
}

static void look_at(struct definition *d)
{
	struct object *o = store_get(d->all->bucket, d->name);
	_cleanup_(arena_done) struct arena a;
	struct cJSON *tree;

	arena_init(&a);
	if (!o) {
		vanished(d);
		return;
	}
	d->gone = false;
	tree = object_lean_tree(&a, o);
	if (!d->writing)
		note_names(d, tree);
	if (definition_condition_is_true(tree, "NamesAccepted") ||
		definition_condition_is_true(tree, "Established"))
		serve(d, tree);
	else
		serve_no_more(d);
	if (tree_has(tree, "metadata.deletionTimestamp")) {
		if (definition_has_finalizer(tree) && !d->cleanup)
			cleanup_start(d);
	} else if (!d->writing) {
		judge(d, o);
	}
}

/* ---- changes ---- */

static void woken(struct watch *w)
{
	soon(CONTAINER_OF(w, struct definitions, watch));
}

static void touch_all(struct definitions *all)
{
	struct store_iter it = store_seek(all->bucket, STR(""), STR(""));

	while (store_next(&it))
		definition_get(all, it.key);
	map_each (known, &all->by_name) {
		struct definition *d = known.value;

		if (!link_linked(&d->in_dirty))
			list_push(&all->dirty, &d->in_dirty);
	}
}

static void watch_anew(struct definitions *all)
{
	struct api_server *s = all->server;

	if (all->watching)
		watch_done(&all->watch);
	all->watching =
		!watch_init(&all->watch, all->bucket, store_revision(s->store), woken, NULL);
	touch_all(all);
}

static void read_changes(struct definitions *all)
{
	struct store_change change;
	int found;

	while ((found = watch_next(&all->watch, &change, NULL)) > 0) {
		struct definition *d = definition_get(all, change.key);

		if (!link_linked(&d->in_dirty))
			list_push(&all->dirty, &d->in_dirty);
	}
	if (found < 0) /* history went by: it cannot, in one turn, but for a clock that jumps */
		watch_anew(all);
}

static void look_at_dirty(struct definitions *all)
{
	struct link *link;

	while ((link = list_pop(&all->dirty)))
		look_at(CONTAINER_OF(link, struct definition, in_dirty));
	if (all->changed)
		tell_discovery(all);
	all->changed = false;
}

static void turn(struct op *op, struct err *err)
{
	struct definitions *all = CONTAINER_OF(op, struct definitions, turn);

	if (scope_closing(&all->scope))
		return;
	(void)err;
	read_changes(all);
	look_at_dirty(all);
}

/* ---- from start to stop ---- */

struct definitions *definitions_new(struct api_server *s)
{
	struct definitions *all = mem_new(sizeof(*all));

	all->server = s;
	all->bucket = server_bucket(s, definitions_resource());
	map_init(&all->by_name);
	list_init(&all->dirty);
	scope_init(&all->scope, &s->scope, "definitions", NULL);
	watch_anew(all);
	read_changes(all); /* arms it */
	look_at_dirty(all);
	return all;
}

void definitions_stop(struct definitions *all, struct op *op)
{
	if (all->watching)
		watch_done(&all->watch);
	all->watching = false;
	scope_close(&all->scope, op);
}

void definitions_free(struct definitions *all)
{
	if (!all)
		return;
	map_each (it, &all->by_name)
		definition_free(it.value);
	map_done(&all->by_name);
	mem_free(all);
}
