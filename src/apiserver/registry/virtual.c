/* Which handler has what is not simply stored: reviews, tokens, connections to pods and nodes. */
#include "access.h"
#include "registry.h"

static void not_yet(struct api_request *r)
{
	request_fail(r, status_new(r->arena, ERR_UNSUPPORTED,
				"%.*s%s%.*s is not contained in this version yet",
				STRF(r->resource->plural), r->subresource.len ? "/" : "",
				STRF(r->subresource)));
}

static bool is_part(const struct resource *r, struct str sub)
{
	const struct strategy *s = r->hub->strategy;

	for (const struct part_strategy *p = s ? s->parts : NULL; p && p->name; p++)
		if (str_eq_text(sub, p->name))
			return true;
	return str_eq_text(sub, "status");
}

static stage_fn *pod_handler(struct str sub)
{
	static const struct {
		const char *name;
		stage_fn *run;
	} handlers[] = {
		{"binding", handle_binding},
		{"eviction", handle_eviction},
		{"log", handle_log},
		{"exec", handle_exec},
		{"attach", handle_exec},
		{"portforward", handle_exec},
		{"proxy", handle_pod_proxy},
	};

	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (str_eq_text(sub, handlers[i].name))
			return handlers[i].run;
	return NULL;
}

stage_fn *subresource_handler(const struct resource *r, struct str sub, struct str method)
{
	if (resource_is(r, "pods") && pod_handler(sub))
		return pod_handler(sub);
	if (resource_is(r, "services") && str_eq_text(sub, "proxy"))
		return handle_service_proxy;
	if (resource_is(r, "nodes") && str_eq_text(sub, "proxy"))
		return handle_node_proxy;
	if (str_eq_text(sub, "token") && resource_is(r, "serviceaccounts"))
		return create_token_request;
	if (str_eq_text(sub, "rollback") && str_eq_text(r->plural, "deployments"))
		return handle_rollback;
	if (str_eq_text(sub, "scale") && r->hub->strategy && r->hub->strategy->scale)
		return handle_scale;
	if (is_part(r, sub))
		return str_eq_text(method, "GET") ? verb_get : NULL;
	return not_yet;
}

stage_fn *virtual_handler(const struct resource *r)
{
	static const struct {
		const char *plural;
		stage_fn *run;
	} handlers[] = {
		{"tokenreviews", review_token},
		{"selfsubjectreviews", review_self_subject},
		{"subjectaccessreviews", review_subject_access},
		{"selfsubjectaccessreviews", review_self_access},
		{"localsubjectaccessreviews", review_local_access},
		{"selfsubjectrulesreviews", review_self_rules},
		{"bindings", handle_binding},
		{"componentstatuses", handle_component_statuses},
	};

	if (r->custom)
		return NULL;
	if (str_eq_text(r->group, "metrics.k8s.io"))
		return serve_usage;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (str_eq_text(r->plural, handlers[i].plural))
			return handlers[i].run;
	return NULL;
}
