/* Which resource is meant, and what is answered when none is served or not in this way. */
#include "api_options.h"
#include "custom_conversion.h"
#include "discovery.h"
#include "metrics.h"
#include "negotiate.h"
#include "request.h"
#include "respond.h"

#include <kube/time.h>

static bool is_stream(const struct api_request *r)
{
	static const char *const names[] = {"exec", "attach", "portforward", "proxy"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_text(r->subresource, names[i]))
			return true;
	return str_eq(r->subresource, STR("log")) && request_is_on(r, "follow");
}

/* ?timeout=5s: at most what the server allows. */
static bool shorten_deadline(struct api_request *r)
{
	_cleanup_(err_done) struct err err = {0};
	struct str text;
	int64_t ns;

	if (!request_query(r, "timeout", &text) || !text.len)
		return true;
	if (duration_parse(text, &ns, &err)) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST,
					"invalid timeout specified in the request URL - %s",
					err_text(&err)));
		return false;
	}
	if (ns > 0 && ns < r->server->options->request_timeout)
		r->deadline = loop_in(r->server->env->loop, ns);
	return true;
}

void stage_resolve(struct api_request *r)
{
	if (r->is_resource) {
		r->resource = server_resource(r->server, r->group, r->version, r->plural);
		if (r->resource && r->resource->custom)
			r->kind = custom_kind_ref(custom_version_of(r->resource)->kind);
		if (r->resource && r->subresource.len)
			r->sub = resource_subresource(r->resource, r->subresource);
	}
	r->long_running = str_eq(r->verb, STR("watch")) || (r->is_resource && is_stream(r));
	arena_set_lasting(r->arena, r->long_running);
	if (r->long_running)
		r->deadline = OP_NO_DEADLINE;
	else if (!shorten_deadline(r))
		return;
	metrics_classified(r);
	request_next(r);
}

/* ---- what is not served ---- */

static struct status *missing(struct api_request *r)
{
	struct status *s = status_new(
		r->arena, ERR_NOT_FOUND, "the server could not find the requested resource");

	s->has_details = true;
	return s;
}

struct status *status_method_not_allowed(struct arena *a)
{
	struct status *s = status_new(a, ERR_METHOD_NOT_ALLOWED,
		"the server does not allow this method on the requested resource");

	s->has_details = true;
	return s;
}

struct status *status_page_not_found(struct arena *a)
{
	struct status *s = status_new(a, ERR_NOT_FOUND, "404 page not found\n");

	s->plain = true;
	return s;
}

static unsigned verbs_here(const struct api_request *r)
{
	if (r->sub)
		return r->sub->verbs;
	return r->resource->verbs;
}

/* A connection to something else takes any method. */
static bool proxies(const struct api_request *r)
{
	return r->sub && str_eq(r->subresource, STR("proxy"));
}

/* What can be listed and never changes cannot be watched. */
static struct status *not_watched(struct api_request *r)
{
	struct status *s;

	if (!str_eq(r->verb, STR("watch")) || !(r->resource->verbs & VERB_LIST) ||
		(r->resource->verbs & VERB_WATCH))
		return NULL;
	s = status_new(r->arena, ERR_METHOD_NOT_ALLOWED,
		"watch is not supported on resources of kind \"%.*s\"", STRF(r->plural));
	s->has_details = true;
	s->kind = r->plural;
	return s;
}

static bool method_allowed(const struct api_request *r)
{
	unsigned verbs = verbs_here(r);
	struct str method = r->method;
	bool named = r->sub || r->has_name;

	if (str_eq(r->verb, STR("watch")) && !str_eq(method, STR("GET")))
		return false;
	if (proxies(r))
		return str_eq(method, STR("GET")) || str_eq(method, STR("POST")) ||
		       str_eq(method, STR("PUT")) || str_eq(method, STR("PATCH")) ||
		       str_eq(method, STR("DELETE")) || str_eq(method, STR("HEAD")) ||
		       str_eq(method, STR("OPTIONS"));
	if (str_eq(method, STR("GET")))
		return verbs & (named ? VERB_GET : VERB_LIST);
	if (str_eq(method, STR("POST")))
		return (verbs & VERB_CREATE) && (r->sub || !r->has_name) &&
		       (!r->resource->namespaced || r->namespace.len);
	if (str_eq(method, STR("PUT")))
		return named && (verbs & VERB_UPDATE);
	if (str_eq(method, STR("PATCH")))
		return named && (verbs & VERB_PATCH);
	if (str_eq(method, STR("DELETE")))
		return named ? verbs & VERB_DELETE
			     : (verbs & VERB_DELETECOLLECTION) &&
				       (!r->resource->namespaced || r->namespace.len);
	return false;
}

/* Is there any path of this shape? */
static bool path_exists(const struct api_request *r)
{
	const struct resource *res = r->resource;
	bool of_namespace = str_eq(r->plural, STR("namespaces")) && !r->group.len;

	if (str_eq(r->verb, STR("proxy")))
		return false;
	if (r->subresource.len && (!r->sub || !r->has_name))
		return false;
	if (r->deeper && !proxies(r))
		return false;
	if (str_eq(r->verb, STR("watch")) && (r->sub || !(res->verbs & VERB_WATCH)))
		return false;
	if (of_namespace)
		return !r->namespace.len || (r->has_name && str_eq(r->namespace, r->name));
	if (!res->namespaced)
		return !r->namespace.len;
	/* Across namespaces there are only lists and watches. */
	return r->namespace.len || !r->has_name;
}

/* Today's version in the same group, or what became of the kind elsewhere. */
static const struct resource *successor(const struct resource *res)
{
	const struct resource *r;

	for (size_t i = 0; (r = resource_at(i)); i++)
		if (r->hub == res->hub && r->level != LEVEL_REMOVED && str_eq(r->group, res->group))
			return r;
	return res->hub;
}

static void warn_removed(struct api_request *r)
{
	const struct resource *res = r->resource, *next = successor(res);
	struct str words = arena_print(
		r->arena, "%.*s %.*s is deprecated", STRF(res->api_version), STRF(res->kind));

	if (res->since)
		words = arena_print(r->arena, "%.*s in %s+, unavailable in %s+", STRF(words),
			res->since, res->until);
	if (next != res)
		words = arena_print(r->arena, "%.*s; use %.*s %.*s", STRF(words),
			STRF(next->api_version), STRF(next->kind));
	request_warn(r, words);
}

/* What is on its way out says so with every answer. */
static void warn_deprecated(struct api_request *r)
{
	const struct resource *res = r->resource;

	if (!res->group.len && str_eq(res->kind, STR("Endpoints")))
		request_warn(r, STR("v1 Endpoints is deprecated in v1.33+; use "
				    "discovery.k8s.io/v1 EndpointSlice"));
	else if (!res->group.len && str_eq(res->kind, STR("ComponentStatus")))
		request_warn(r, STR("v1 ComponentStatus is deprecated in v1.19+"));
	else if (res->level == LEVEL_REMOVED)
		warn_removed(r);
	else if (res->custom)
		request_warn(r, res->deprecation);
}

/* What definitions serve, upstream routes by itself, with answers of its own. */
static struct status *route_custom(struct api_request *r)
{
	const struct resource *res = r->resource;
	bool list = str_eq(r->verb, STR("list")) || str_eq(r->verb, STR("watch"));
	bool across = list || str_eq(r->verb, STR("deletecollection"));

	if (res->namespaced ? !r->namespace.len && !across : r->namespace.len)
		return status_page_not_found(r->arena);
	if (r->subresource.len && !r->sub)
		return status_not_found(r->arena, res, r->name);
	if (!method_allowed(r))
		return status_for(r->arena, ERR_METHOD_NOT_ALLOWED, res, STR(""),
			"%.*s is not supported on resources of kind \"%.*s\"", STRF(r->verb),
			STRF(resource_full_name(r->arena, res)));
	return negotiate_route(r);
}

void stage_route(struct api_request *r)
{
	struct status *no = NULL;

	r->routed = true;
	if (r->is_resource) {
		if (!r->resource && !discovery_has_own_group(r->server->discovery, r->group))
			no = status_page_not_found(r->arena);
		else if (r->resource && r->resource->custom)
			no = route_custom(r);
		else if (r->resource && (no = not_watched(r)))
			warn_deprecated(r);
		else if (!r->resource || !path_exists(r))
			no = missing(r);
		else if (!method_allowed(r))
			no = status_method_not_allowed(r->arena);
		else
			no = negotiate_route(r);
		if (!no)
			warn_deprecated(r);
	}
	if (no)
		request_fail(r, no);
	else
		request_next(r);
}

/* ---- handing over ---- */

static stage_fn *verb_handler(const struct api_request *r)
{
	static const struct {
		const char *verb;
		stage_fn *run;
	} verbs[] = {
		{"get", verb_get},
		{"list", verb_list},
		{"watch", verb_watch},
		{"create", verb_create},
		{"update", verb_update},
		{"patch", verb_patch},
		{"delete", verb_delete},
		{"deletecollection", verb_delete_collection},
	};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_text(r->verb, verbs[i].verb))
			return verbs[i].run;
	return NULL;
}

void stage_serve(struct api_request *r)
{
	stage_fn *run;

	if (!r->is_resource) {
		run = plain_handler(r);
		if (run)
			run(r);
		else
			request_fail(r, status_page_not_found(r->arena));
		return;
	}
	run = r->sub ? subresource_handler(r->resource, r->subresource, r->method) : NULL;
	if (!run)
		run = virtual_handler(r->resource);
	if (!run)
		run = verb_handler(r);
	if (run)
		conversion_prepare(r, run);
	else
		request_fail(r, status_method_not_allowed(r->arena));
}
