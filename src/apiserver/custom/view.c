/*
 * Between what is stored of a custom object and what is shown. Definitions change, and what was
 * stored before does not: so every object that is read is gone through once, and remembers by its
 * epoch that nothing of it has to change.
 */
#include "custom_kind.h"

#include <kube/api_codec.h>

static struct custom_version *stored_version(const struct custom_kind *k, struct str api_version)
{
	for (size_t i = 0; i < k->count; i++)
		if (str_eq(k->versions[i]->resource.api_version, api_version))
			return k->versions[i];
	return k->storage;
}

bool custom_needs_conversion(const struct resource *r, const struct object *stored)
{
	const struct custom_version *v = custom_version_of(r);

	return stored->epoch != v->epoch &&
	       !str_eq(object_scan(stored, "apiVersion"), r->api_version);
}

/* As the version it is stored in has it. */
static struct cJSON *completed(const struct custom_version *v, struct arena *a,
	const struct object *stored, struct custom_version **from)
{
	struct cJSON *tree = object_tree(a, stored);

	*from = stored_version(v->kind, tree_str(tree, "apiVersion"));
	custom_type_prune((*from)->type, a, tree, NULL);
	custom_type_default((*from)->type, a, tree);
	if (!tree_int(tree, "metadata.generation", 0))
		tree_set_int(a, tree, "metadata.generation", 1);
	return tree;
}

static struct cJSON *shape(
	const struct custom_version *v, struct arena *a, const struct object *stored)
{
	struct custom_version *from;
	struct cJSON *tree = completed(v, a, stored, &from);

	tree_set_str(a, tree, "apiVersion", v->resource.api_version);
	if (from != v)
		custom_type_prune(v->type, a, tree, NULL);
	return custom_type_canonical(v->type, a, tree);
}

/* ---- what was converted ---- */

#define KEPT_BYTES (16 * MIB) /* of one version; whoever asks again has it made again */

/* A revision is one state of one object. */
static struct str revision_key(const struct object *stored)
{
	return str_make((const char *)&stored->revision, sizeof(stored->revision));
}

bool custom_awaits_webhook(const struct resource *r, const struct object *stored)
{
	const struct custom_version *v = custom_version_of(r);

	return v->kind->webhook && custom_needs_conversion(r, stored) &&
	       !map_get(&v->converted, revision_key(stored));
}

struct cJSON *custom_before_conversion(
	const struct resource *r, struct arena *a, const struct object *stored)
{
	const struct custom_version *v = custom_version_of(r);
	struct custom_version *from;
	struct cJSON *tree = completed(v, a, stored, &from);

	return custom_type_canonical(from->type, a, tree);
}

void custom_trim_converted(const struct resource *r)
{
	struct custom_version *v = custom_version_of(r);

	if (v->converted_bytes < KEPT_BYTES)
		return;
	map_each (it, &v->converted)
		object_unref(it.value);
	map_done(&v->converted);
	map_init(&v->converted);
	v->converted_bytes = 0;
}

static void keep(struct custom_version *v, const struct object *stored, struct object *shown)
{
	struct object *before = map_set(&v->converted, revision_key(stored), shown);

	v->converted_bytes += shown->size;
	if (before)
		v->converted_bytes -= before->size;
	object_unref(before);
}

void custom_keep_converted(
	const struct resource *r, struct arena *a, const struct object *stored, struct cJSON *tree)
{
	struct custom_version *v = custom_version_of(r);
	struct draft d;

	custom_type_prune(v->type, a, tree, NULL);
	draft_from_tree(&d, custom_type_canonical(v->type, a, tree));
	struct object *shown = object_new(&d, stored->revision);
	draft_done(&d);
	shown->epoch = v->epoch;
	keep(v, stored, shown);
}

/* ---- showing ---- */

static struct object *make(
	const struct custom_version *v, struct arena *a, const struct object *stored)
{
	struct draft d;

	draft_from_tree(&d, shape(v, a, stored));
	struct object *shown = object_new(&d, stored->revision);
	draft_done(&d);
	shown->epoch = v->epoch;
	return shown;
}

struct object *custom_view(const struct resource *r, struct object *stored)
{
	struct custom_version *v = custom_version_of(r);
	_cleanup_(arena_done) struct arena a;
	struct object *shown;

	arena_init(&a);
	if (stored->epoch == v->epoch)
		return object_ref(stored);
	shown = map_get(&v->converted, revision_key(stored));
	if (shown)
		return object_ref(shown);
	shown = make(v, &a, stored);
	if (str_eq(object_text(shown), object_text(stored))) {
		object_unref(shown);
		stored->epoch = v->epoch;
		return object_ref(stored);
	}
	if (!v->kind->webhook) {
		custom_trim_converted(r);
		keep(v, stored, object_ref(shown));
	}
	return shown;
}

struct cJSON *custom_stored_tree(const struct resource *r, struct arena *a, struct cJSON *tree)
{
	const struct custom_version *v = custom_version_of(r);
	const struct custom_version *to = v->kind->storage;

	if (v == to)
		return tree;
	struct cJSON *copy = json_copy(a, tree);
	tree_set_str(a, copy, "apiVersion", to->resource.api_version);
	custom_type_prune(to->type, a, copy, NULL);
	return custom_type_canonical(to->type, a, copy);
}
