/*
 * OwnerReferencesPermissionEnforcement: who changes the owners of an object must be allowed to
 * delete it, and who blocks an owner's deletion must be allowed to set that owner's finalizers.
 */
#include "plugins.h"

#include "access.h"

static bool may(struct admission_review *a, const char *verb, const struct resource *r,
	const char *subresource, struct str namespace, struct str name)
{
	struct access_query q = {.user = a->user,
		.verb = str_from(verb),
		.is_resource = true,
		.group = r->group,
		.version = r->version,
		.resource = r->plural,
		.subresource = str_from(subresource),
		.namespace = namespace,
		.name = name,
		.request = a->request};
	struct str reason;

	return authz_ask(a->server->authz, a->arena, &q, &reason) == ACCESS_ALLOW;
}

static const struct cJSON *owners_of(const struct cJSON *object)
{
	return json_path(object, "metadata.ownerReferences");
}

/* Did the owner of this uid block its deletion already? */
static bool blocked_before(const struct admission_review *a, const struct cJSON *owner)
{
	json_each (old, owners_of(a->old))
		if (str_eq(tree_str(old, "uid"), tree_str(owner, "uid")))
			return tree_true(old, "blockOwnerDeletion");
	return false;
}

static struct status *check_owner(struct admission_review *a, const struct cJSON *owner)
{
	struct str group, version;
	const struct resource *r;

	api_version_split(tree_str(owner, "apiVersion"), &group, &version);
	r = server_kind(a->server, group, version, tree_str(owner, "kind"));
	if (!r)
		return admission_forbidden(a,
			"cannot set blockOwnerDeletion in this case because cannot find "
			"RESTMapping "
			"for APIVersion %.*s Kind %.*s: no matches for kind \"%.*s\" in version "
			"\"%.*s\"",
			STRF(tree_str(owner, "apiVersion")), STRF(tree_str(owner, "kind")),
			STRF(tree_str(owner, "kind")), STRF(tree_str(owner, "apiVersion")));
	if (may(a, "update", r, "finalizers", r->namespaced ? a->namespace : STR(""),
		    tree_str(owner, "name")))
		return NULL;
	return admission_forbidden(a,
		"cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't "
		"set finalizers on: ");
}

struct status *validate_owner_references(struct admission_review *a)
{
	const struct cJSON *now = owners_of(a->object);

	if (!a->object || json_equal(now, owners_of(a->old)) ||
		(a->subresource.len && str_eq_text(a->subresource, "status")))
		return NULL;
	if ((json_count(now) || json_count(owners_of(a->old))) &&
		!may(a, "delete", a->resource, "", a->namespace, a->name))
		return admission_forbidden(
			a, "cannot set an ownerRef on a resource you can't delete: ");
	json_each (owner, now) {
		if (!tree_true(owner, "blockOwnerDeletion") || blocked_before(a, owner))
			continue;
		struct status *s = check_owner(a, owner);

		if (s)
			return s;
	}
	return NULL;
}
