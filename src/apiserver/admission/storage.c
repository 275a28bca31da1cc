/* What plugins add to volumes, claims and ingresses: protection, default classes. */
#include "plugins.h"

#include <kube/quantity.h>

static bool is_new(const struct admission_review *r, const char *plural)
{
	return resource_is(r->resource, plural) && !r->subresource.len &&
	       r->operation == ADMIT_CREATE;
}

/* ---- StorageObjectInUseProtection ---- */

void admission_add_finalizer(struct admission_review *r, const char *name)
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
		admission_add_finalizer(r, "kubernetes.io/pv-protection");
	else if (is_new(r, "persistentvolumeclaims"))
		admission_add_finalizer(r, "kubernetes.io/pvc-protection");
	else if (is_new(r, "volumeattributesclasses"))
		admission_add_finalizer(r, "kubernetes.io/vac-protection");
	return NULL;
}

/* ---- PersistentVolumeClaimResize ---- */

static bool grows(const struct cJSON *now, const struct cJSON *before)
{
	static const char path[] = "spec.resources.requests.storage";
	struct quantity larger, smaller;

	return !quantity_parse(tree_str(now, path), &larger, NULL) &&
	       !quantity_parse(tree_str(before, path), &smaller, NULL) &&
	       quantity_cmp(larger, smaller) > 0;
}

static bool class_allows(struct admission_review *r)
{
	struct str name = tree_str(r->object, "spec.storageClassName");
	const struct cJSON *beta = json_get(json_path(r->object, "metadata.annotations"),
		STR("volume.beta.kubernetes.io/storage-class"));

	if (beta)
		name = json_str(beta);
	return name.len && tree_true(server_read(r->server, r->arena, "storage.k8s.io",
					     "storageclasses", STR(""), name),
				   "allowVolumeExpansion");
}

struct status *validate_claim_resize(struct admission_review *r)
{
	if (!resource_is(r->resource, "persistentvolumeclaims") || r->subresource.len ||
		!grows(r->object, r->old))
		return NULL;
	if (!str_eq_text(tree_str(r->old, "status.phase"), "Bound"))
		return admission_forbidden(
			r, "Only bound persistent volume claims can be expanded");
	if (class_allows(r))
		return NULL;
	return admission_forbidden(r, "only dynamically provisioned pvc can be resized and the "
				      "storageclass that provisions the pvc must support resize");
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
