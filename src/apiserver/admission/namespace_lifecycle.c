/* NamespaceLifecycle: nothing is made where no namespace is, or where one is going. */
#include "plugins.h"

static const char *const protected_names[] = {"default", "kube-system", "kube-public", NULL};

static struct status *check_protected(struct admission_review *a)
{
	for (size_t i = 0; protected_names[i]; i++)
		if (str_eq_text(a->name, protected_names[i]))
			return admission_forbidden(a, "this namespace may not be deleted");
	return NULL;
}

static struct status *terminating(struct admission_review *a)
{
	struct status *s = admission_forbidden(a,
		"unable to create new content in namespace %.*s because it is being terminated",
		STRF(a->namespace));

	status_add_cause(a->arena, s, STR("NamespaceTerminating"),
		arena_print(a->arena, "namespace %.*s is being terminated", STRF(a->namespace)),
		STR("metadata.namespace"));
	return s;
}

struct status *admit_namespace_lifecycle(struct admission_review *a)
{
	bool is_namespace = resource_is(a->resource, "namespaces");

	if (a->operation == ADMIT_DELETE)
		return is_namespace ? check_protected(a) : NULL;
	if (a->operation != ADMIT_CREATE || !a->namespace.len || is_namespace)
		return NULL;
	/* who asks what he may do is not told what there is */
	if (resource_is(a->resource, "localsubjectaccessreviews"))
		return NULL;
	const struct object *o = store_get(
		server_bucket(a->server, resource_find(STR(""), STR("v1"), STR("namespaces"))),
		a->namespace);
	if (!o)
		return status_not_found(a->arena,
			resource_find(STR(""), STR("v1"), STR("namespaces")), a->namespace);
	if (str_eq_text(object_scan(o, "status.phase"), "Terminating"))
		return terminating(a);
	return NULL;
}
