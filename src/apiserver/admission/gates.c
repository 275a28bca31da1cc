/* The plainest plugins: they let all through, nothing, or only what has its namespace. */
#include "plugins.h"

/* Nothing is asked; it is there for those who name it. */
struct status *admit_always(struct admission_review *r)
{
	(void)r;
	return NULL;
}

struct status *deny_always(struct admission_review *r)
{
	return admission_forbidden(r, "admission control is denying all modifications");
}

struct status *validate_namespace_exists(struct admission_review *r)
{
	const struct resource *namespaces = resource_find(STR(""), STR("v1"), STR("namespaces"));

	if (!r->namespace.len || r->resource == namespaces ||
		server_read(r->server, r->arena, "", "namespaces", STR(""), r->namespace))
		return NULL;
	return status_not_found(r->arena, namespaces, r->namespace);
}

/* ---- DenyServiceExternalIPs ---- */

static bool is_among(const struct cJSON *list, struct str ip)
{
	json_each (item, list)
		if (str_eq(json_str(item), ip))
			return true;
	return false;
}

/* Those that a service has already may stay. */
struct status *validate_external_ips(struct admission_review *r)
{
	if (!resource_is(r->resource, "services") || r->resource->group.len || r->subresource.len)
		return NULL;
	json_each (ip, json_path(r->object, "spec.externalIPs"))
		if (!is_among(json_path(r->old, "spec.externalIPs"), json_str(ip)))
			return admission_forbidden(
				r, "Use of external IPs is denied by admission control");
	return NULL;
}
