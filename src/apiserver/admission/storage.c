/* What plugins add to volumes, claims and ingresses: protection, default classes. */
#include "plugins.h"

static bool is_new(const struct admission_review *r, const char *plural)
{
	return str_eq_text(r->resource->plural, plural) && !r->subresource.len &&
	       r->operation == ADMIT_CREATE;
}

/* ---- StorageObjectInUseProtection ---- */

static void add_finalizer(struct admission_review *r, const char *name)
{
	struct cJSON *list = json_path(r->object, "metadata.finalizers");

	json_each (item, list)
		if (str_eq_text(json_str(item), name))
			return;
	if (!json_is(list, JSON_ARRAY)) {
		tree_set(
			r->arena, r->object, "metadata.finalizers", json_new(r->arena, JSON_ARRAY));
		list = json_path(r->object, "metadata.finalizers");
	}
	json_append(list, json_new_str(r->arena, str_from(name)));
}

struct status *mutate_in_use_protection(struct admission_review *r)
{
	if (is_new(r, "persistentvolumes"))
		add_finalizer(r, "kubernetes.io/pv-protection");
	else if (is_new(r, "persistentvolumeclaims"))
		add_finalizer(r, "kubernetes.io/pvc-protection");
	else if (is_new(r, "volumeattributesclasses"))
		add_finalizer(r, "kubernetes.io/vac-protection");
	return NULL;
}

/* ---- default classes ---- */

/* The newest object with the annotation; by name among those of one second. */
static struct str default_of(
	struct admission_review *r, const char *group, const char *plural, const char *annotation)
{
	const struct resource *classes =
		resource_find(str_from(group), STR("v1"), str_from(plural));
	struct store_iter it = store_seek(server_bucket(r->server, classes), STR(""), STR(""));
	struct str name = {0}, newest = {0};

	while (store_next(&it)) {
		struct cJSON *tree = object_tree(r->arena, it.object);
		struct str created = tree_str(tree, "metadata.creationTimestamp");

		if (!str_eq_text(json_str(json_get(json_path(tree, "metadata.annotations"),
					 str_from(annotation))),
			    "true"))
			continue;
		if (!name.len || str_cmp(created, newest) > 0) {
			name = tree_str(tree, "metadata.name");
			newest = created;
		}
	}
	return name;
}

struct status *mutate_default_storage_class(struct admission_review *r)
{
	struct str name;

	if (!is_new(r, "persistentvolumeclaims") || tree_has(r->object, "spec.storageClassName") ||
		json_get(json_path(r->object, "metadata.annotations"),
			STR("volume.beta.kubernetes.io/storage-class")))
		return NULL;
	name = default_of(r, "storage.k8s.io", "storageclasses",
		"storageclass.kubernetes.io/is-default-class");
	if (name.len)
		tree_set_str(r->arena, r->object, "spec.storageClassName", name);
	return NULL;
}

struct status *mutate_default_ingress_class(struct admission_review *r)
{
	struct str name;

	if (!is_new(r, "ingresses") || tree_has(r->object, "spec.ingressClassName") ||
		json_get(json_path(r->object, "metadata.annotations"),
			STR("kubernetes.io/ingress.class")))
		return NULL;
	name = default_of(r, "networking.k8s.io", "ingressclasses",
		"ingressclass.kubernetes.io/is-default-class");
	if (name.len)
		tree_set_str(r->arena, r->object, "spec.ingressClassName", name);
	return NULL;
}
