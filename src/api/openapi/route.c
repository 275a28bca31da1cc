#include "route.h"

#include "types.h"

#define PLAIN_TYPES     "application/json,application/yaml,application/vnd.kubernetes.protobuf"
#define DISCOVERY_TYPES PLAIN_TYPES ",application/cbor"

/* ---- names ---- */

const char *method_name(enum http_method method)
{
	static const char *const names[] = {
		[METHOD_DELETE] = "delete",
		[METHOD_GET] = "get",
		[METHOD_HEAD] = "head",
		[METHOD_OPTIONS] = "options",
		[METHOD_PATCH] = "patch",
		[METHOD_POST] = "post",
		[METHOD_PUT] = "put",
	};

	return names[method];
}

static char upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "rbac.authorization" → RbacAuthorization; what stands between words goes away. */
static void add_words(struct buf *out, struct str text, bool raise)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_word(text.at[i]))
			buf_add_char(out, raise ? upper(text.at[i]) : text.at[i]);
		raise = !is_word(text.at[i]);
	}
}

/* The core group has a name here, and Kubernetes' own domain is left out. */
static struct str short_group(struct str group)
{
	if (!group.len)
		return STR("core");
	if (str_ends(group, STR(".k8s.io")))
		group.len -= sizeof(".k8s.io") - 1;
	return group;
}

struct str route_tag(struct arena *a, const struct route *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	if (r->plain)
		return r->plain->tag;
	add_words(&out, short_group(r->resource->group), false);
	buf_add_char(&out, '_');
	add_words(&out, r->resource->version, false);
	return arena_str(a, buf_str(&out));
}

static const char *id_verb(enum action action)
{
	static const char *const verbs[] = {
		[ACTION_NONE] = "",
		[ACTION_GET] = "read",
		[ACTION_LIST] = "list",
		[ACTION_WATCH] = "watch",
		[ACTION_WATCH_LIST] = "watch",
		[ACTION_POST] = "create",
		[ACTION_PUT] = "replace",
		[ACTION_PATCH] = "patch",
		[ACTION_DELETE] = "delete",
		[ACTION_DELETE_COLLECTION] = "delete",
		[ACTION_CONNECT] = "connect",
	};

	return verbs[action];
}

struct str route_operation_id(
	struct arena *a, const struct route *r, enum http_method method, enum action action)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * KIB);
	const struct resource *res = r->resource;

	if (r->plain)
		return r->plain->operation;
	buf_add_text(&out, id_verb(action));
	add_words(&out, short_group(res->group), true);
	add_words(&out, res->version, true);
	if (action == ACTION_DELETE_COLLECTION)
		buf_add_text(&out, "Collection");
	if (action == ACTION_CONNECT)
		add_words(&out, str_from(method_name(method)), true);
	if (res->namespaced && !r->everywhere)
		buf_add_text(&out, "Namespaced");
	buf_add_str(&out, res->kind);
	if (r->sub)
		add_words(&out, r->sub->name, true);
	if (action == ACTION_WATCH_LIST)
		buf_add_text(&out, "List");
	if (r->everywhere)
		buf_add_text(&out, "ForAllNamespaces");
	if (r->tail)
		buf_add_text(&out, "WithPath");
	return arena_str(a, buf_str(&out));
}

/* ---- what can be done ---- */

const struct schema *route_options(const struct route *r)
{
	if (!r->sub)
		return NULL;
	if (str_eq_text(r->sub->name, "log"))
		return SCHEMA(core_v1, PodLogOptions);
	return str_ends(r->sub->kind, STR("Options")) ? r->sub->schema : NULL;
}

static bool connects(const struct route *r)
{
	return r->sub && str_ends(r->sub->kind, STR("Options"));
}

static bool connect_allows(const struct route *r, enum http_method method)
{
	/* What may be changed through a connection may be asked for in every way. */
	if (r->sub->verbs & VERB_UPDATE)
		return true;
	return (method == METHOD_GET && (r->sub->verbs & VERB_GET)) ||
	       (method == METHOD_POST && (r->sub->verbs & VERB_CREATE));
}

static const struct way {
	enum http_method method;
	unsigned verb;
	enum action action;
} ways[2][5] = {
	{{METHOD_GET, VERB_LIST, ACTION_LIST}, {METHOD_POST, VERB_CREATE, ACTION_POST},
		{METHOD_DELETE, VERB_DELETECOLLECTION, ACTION_DELETE_COLLECTION}},
	{{METHOD_GET, VERB_GET, ACTION_GET}, {METHOD_POST, VERB_CREATE, ACTION_POST},
		{METHOD_PUT, VERB_UPDATE, ACTION_PUT}, {METHOD_PATCH, VERB_PATCH, ACTION_PATCH},
		{METHOD_DELETE, VERB_DELETE, ACTION_DELETE}},
};

static unsigned route_verbs(const struct route *r)
{
	unsigned verbs = r->sub ? r->sub->verbs : r->resource->verbs;

	if (r->everywhere)
		return verbs & VERB_LIST;
	return r->named && !r->sub ? verbs & ~(unsigned)VERB_CREATE : verbs;
}

bool route_action(const struct route *r, enum http_method method, enum action *action)
{
	*action = ACTION_NONE;
	if (r->plain)
		return method == METHOD_GET;
	if (r->watch) {
		*action = r->named ? ACTION_WATCH : ACTION_WATCH_LIST;
		return method == METHOD_GET;
	}
	if (connects(r)) {
		*action = ACTION_CONNECT;
		return connect_allows(r, method);
	}
	for (size_t i = 0; i < ARRAY_LEN(ways[0]); i++) {
		const struct way *w = &ways[r->named][i];

		if (w->method != method || !(route_verbs(r) & w->verb))
			continue;
		*action = w->action;
		return true;
	}
	return false;
}

/* ---- all of them ---- */

struct collector {
	const struct openapi_source *source;
	const struct str *name;
	struct arena *arena;
	struct omap *routes;
};

static bool wanted(const struct collector *c, struct str document)
{
	return !c->name || str_eq(*c->name, document);
}

static void add_route(struct collector *c, struct str path, struct route r)
{
	omap_set(c->routes, path, arena_copy(c->arena, &r, sizeof(r)));
}

static void add_plain(struct collector *c, struct str document, struct plain_route p)
{
	if (!wanted(c, document))
		return;
	add_route(c, arena_print(c->arena, "/%.*s/", STRF(document)),
		(struct route){.plain = arena_copy(c->arena, &p, sizeof(p))});
}

static struct str document_of(struct arena *a, const struct resource *r)
{
	return arena_print(a, "%s/%.*s", r->group.len ? "apis" : "api", STRF(r->api_version));
}

/* "/api/v1" or "/api/v1/watch", then the namespace if there is one, then the resource. */
static struct str collection_path(
	struct collector *c, const struct resource *r, bool everywhere, const char *prefix)
{
	return arena_print(c->arena, "/%.*s%s%s/%.*s", STRF(document_of(c->arena, r)), prefix,
		r->namespaced && !everywhere ? "/namespaces/{namespace}" : "", STRF(r->plural));
}

static void add_watches(struct collector *c, const struct resource *r)
{
	struct str path = collection_path(c, r, false, "/watch");

	add_route(c, path, (struct route){.resource = r, .watch = true});
	add_route(c, arena_print(c->arena, "%.*s/{name}", STRF(path)),
		(struct route){.resource = r, .watch = true, .named = true});
	if (r->namespaced)
		add_route(c, collection_path(c, r, true, "/watch"),
			(struct route){.resource = r, .watch = true, .everywhere = true});
}

static void add_subresource(
	struct collector *c, const struct resource *r, const struct subresource *s, struct str path)
{
	struct route route = {.resource = r, .sub = s, .named = true};

	path = arena_print(c->arena, "%.*s/{name}/%.*s", STRF(path), STRF(s->name));
	add_route(c, path, route);
	if (!str_eq_text(s->name, "proxy"))
		return;
	route.tail = true;
	add_route(c, arena_print(c->arena, "%.*s/{path}", STRF(path)), route);
}

static void add_resource(struct collector *c, const struct resource *r)
{
	const unsigned of_objects = VERB_GET | VERB_UPDATE | VERB_PATCH | VERB_DELETE;
	struct str path = collection_path(c, r, false, "");

	if (!wanted(c, document_of(c->arena, r)))
		return;
	if (r->verbs & ~of_objects & ~(unsigned)VERB_WATCH)
		add_route(c, path, (struct route){.resource = r});
	if (r->namespaced && (r->verbs & VERB_LIST))
		add_route(c, collection_path(c, r, true, ""),
			(struct route){.resource = r, .everywhere = true});
	if (r->verbs & of_objects)
		add_route(c, arena_print(c->arena, "%.*s/{name}", STRF(path)),
			(struct route){.resource = r, .named = true});
	if ((r->verbs & VERB_WATCH) && !r->custom)
		add_watches(c, r);
	for (size_t i = 0; i < r->subresource_count; i++)
		add_subresource(c, r, &r->subresources[i], path);
}

/* The documents of discovery, one a group and one a version. */
static void add_discovery(struct collector *c, const struct resource *r)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(KIB), tag = BUF_INIT(KIB);
	struct plain_route p = {0};

	add_words(&name, short_group(r->group), true);
	add_words(&tag, short_group(r->group), false);
	if (r->group.len) {
		p.operation = arena_print(c->arena, "get%.*sAPIGroup", STRF(buf_str(&name)));
		p.tag = arena_str(c->arena, buf_str(&tag));
		p.answer = SCHEMA(meta_v1, APIGroup);
		p.produces = p.consumes = PLAIN_TYPES;
		add_plain(c, arena_print(c->arena, "apis/%.*s", STRF(r->group)), p);
	}
	add_words(&name, r->version, true);
	p.operation = arena_print(c->arena, "get%.*sAPIResources", STRF(buf_str(&name)));
	p.tag = route_tag(c->arena, &(struct route){.resource = r});
	p.answer = SCHEMA(meta_v1, APIResourceList);
	p.produces = p.consumes = DISCOVERY_TYPES;
	add_plain(c, document_of(c->arena, r), p);
}

static void add_fixed(struct collector *c)
{
	const struct {
		const char *document;
		struct plain_route route;
	} fixed[] = {
		{".well-known/openid-configuration",
			{STR("getServiceAccountIssuerOpenIDConfiguration"), STR("WellKnown"), NULL,
				"application/json", NULL}},
		{"api", {STR("getCoreAPIVersions"), STR("core"), SCHEMA(meta_v1, APIVersions),
				PLAIN_TYPES, PLAIN_TYPES}},
		{"apis", {STR("getAPIVersions"), STR("apis"), SCHEMA(meta_v1, APIGroupList),
				 PLAIN_TYPES, PLAIN_TYPES}},
		{"openid/v1/jwks", {STR("getServiceAccountIssuerOpenIDKeyset"), STR("openid"), NULL,
					   "application/jwk-set+json", NULL}},
		{"version", {STR("getCodeVersion"), STR("version"), SCHEMA(version, Info),
				    "application/json", "application/json"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		add_plain(c, str_from(fixed[i].document), fixed[i].route);
}

void routes_collect(const struct openapi_source *source, const struct str *name, struct arena *a,
	struct omap *routes)
{
	struct collector c = {.source = source, .name = name, .arena = a, .routes = routes};
	const struct resource *last = NULL;

	add_fixed(&c);
	for (size_t i = 0; i < source->count; i++) {
		const struct resource *r = source->resources[i];

		if (!r->custom && (!last || !str_eq(last->api_version, r->api_version)))
			add_discovery(&c, r);
		last = r;
		add_resource(&c, r);
	}
}
