/* Roles and bindings: nobody hands out what they do not have, unless they may. */
#include "access.h"
#include "rbac.h"

#include <kube/mem.h>

#include <stdlib.h>

#define GROUP     "rbac.authorization.k8s.io"
#define RULES_MAX 10000

static const struct str group = STR_INIT(GROUP);

static bool is_master(const struct api_request *r)
{
	return user_in_group(r->user, STR("system:masters"));
}

static bool may(struct api_request *r, const char *verb, struct str plural, struct str namespace,
	struct str name)
{
	struct access_query q = {.user = r->user,
		.verb = str_from(verb),
		.is_resource = true,
		.group = group,
		.version = STR("v1"),
		.resource = plural,
		.namespace = namespace,
		.name = name,
		.request = r};
	struct str reason;

	return authz_ask(r->server->authz, r->arena, &q, &reason) == ACCESS_ALLOW;
}

/* ---- does one rule cover another ---- */

static bool has(const struct cJSON *list, struct str text)
{
	json_each (item, list)
		if (str_eq(json_str(item), text))
			return true;
	return false;
}

static bool has_all(const struct cJSON *list, const char *star, struct str text)
{
	return has(list, str_from(star)) || has(list, text);
}

static bool covers_resource(const struct cJSON *list, struct str resource)
{
	struct str base, sub;
	bool found = false;

	if (has_all(list, "*", resource))
		return true;
	if (!str_cut(resource, '/', &base, &sub))
		return false;
	json_each (item, list) {
		struct str own = json_str(item);

		found |= str_starts(own, STR("*/")) && str_eq(str_skip(own, 2), sub);
	}
	return found;
}

static bool covers_url(const struct cJSON *list, struct str url)
{
	json_each (item, list) {
		struct str own = json_str(item);

		if (str_eq(own, url) ||
			(str_ends(own, STR("*")) && str_starts(url, str_sub(own, 0, own.len - 1))))
			return true;
	}
	return false;
}

/* One grain of a rule: a verb on a resource (of one name, or any), or on a path. */
struct grain {
	struct str verb, group, resource, name, url;
	bool is_url, named;
};

static bool rule_covers(const struct cJSON *rule, const struct grain *g)
{
	const struct cJSON *names = json_get(rule, STR("resourceNames"));

	if (!has_all(json_get(rule, STR("verbs")), "*", g->verb))
		return false;
	if (g->is_url)
		return covers_url(json_get(rule, STR("nonResourceURLs")), g->url);
	return has_all(json_get(rule, STR("apiGroups")), "*", g->group) &&
	       covers_resource(json_get(rule, STR("resources")), g->resource) &&
	       (!json_count(names) || (g->named && has(names, g->name)));
}

/* ---- what is lacking ---- */

struct lacking {
	struct arena *arena;
	struct grain *items;
	size_t count, cap;
};

static void add_grain(struct lacking *l, const struct grain *g)
{
	ARENA_ROOM(l->arena, l->items, l->count, l->cap, 16);
	l->items[l->count++] = *g;
}

/* All the grains of the rules, in upstream's order. */
static void break_down(struct lacking *l, const struct cJSON *rules)
{
	json_each (rule, rules) {
		const struct cJSON *names = json_get(rule, STR("resourceNames"));
		const struct cJSON *verbs = json_get(rule, STR("verbs"));

		json_each (api_group, json_get(rule, STR("apiGroups")))
			json_each (resource, json_get(rule, STR("resources")))
				json_each (verb, verbs) {
					struct grain g = {.verb = json_str(verb),
						.group = json_str(api_group),
						.resource = json_str(resource),
						.named = json_count(names) > 0};

					if (l->count > RULES_MAX)
						return;
					if (!g.named)
						add_grain(l, &g);
					json_each (name, names) {
						g.name = json_str(name);
						add_grain(l, &g);
					}
				}
		json_each (url, json_get(rule, STR("nonResourceURLs")))
			json_each (verb, verbs)
				add_grain(l, &(struct grain){.verb = json_str(verb),
						     .url = json_str(url),
						     .is_url = true});
	}
}

/* Strikes out what the rule covers; true when nothing is left. */
static bool strike_out(void *ctx, const struct cJSON *rule)
{
	struct lacking *l = ctx;
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++)
		if (!rule_covers(rule, &l->items[i]))
			l->items[kept++] = l->items[i];
	l->count = kept;
	return !kept;
}

/* ---- saying it ---- */

static bool same_place(const struct grain *a, const struct grain *b)
{
	return !a->is_url && !b->is_url && a->named == b->named && str_eq(a->group, b->group) &&
	       str_eq(a->resource, b->resource) && str_eq(a->name, b->name);
}

static void quote(struct arena *a, struct buf *out, struct str text)
{
	buf_add_str(out, field_quote(a, text));
}

static struct str describe(struct lacking *l, size_t at)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	const struct grain *g = &l->items[at];

	if (g->is_url) {
		buf_add_text(&out, "{NonResourceURLs:[");
		quote(l->arena, &out, g->url);
	} else {
		buf_add_text(&out, "{APIGroups:[");
		quote(l->arena, &out, g->group);
		buf_add_text(&out, "], Resources:[");
		quote(l->arena, &out, g->resource);
	}
	if (g->named) {
		buf_add_text(&out, "], ResourceNames:[");
		quote(l->arena, &out, g->name);
	}
	buf_add_text(&out, "], Verbs:[");
	quote(l->arena, &out, g->verb);
	for (size_t i = at + 1; i < l->count; i++)
		if (same_place(g, &l->items[i])) {
			buf_add_text(&out, " ");
			quote(l->arena, &out, l->items[i].verb);
		}
	buf_add_text(&out, "]}");
	return arena_str(l->arena, buf_str(&out));
}

static bool told_before(const struct lacking *l, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (same_place(&l->items[i], &l->items[at]))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void list_all(struct lacking *l, struct buf *out)
{
	struct str *lines = arena_alloc(l->arena, (l->count + 1) * sizeof(*lines));
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		if (!told_before(l, i))
			lines[n++] = describe(l, i);
	qsort(lines, n, sizeof(*lines), compare);
	for (size_t i = 0; i < n; i++)
		if (!i || !str_eq(lines[i], lines[i - 1]))
			buf_print(out, "\n%.*s", STRF(lines[i]));
}

static struct status *refuse(struct api_request *r, const struct resource *hub, struct str name,
	struct lacking *l, struct str faults)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	buf_print(&out, "user %.*s (groups=[", STRF(field_quote(r->arena, r->user->name)));
	for (size_t i = 0; i < r->user->group_count; i++) {
		if (i)
			buf_add_text(&out, " ");
		quote(r->arena, &out, r->user->groups[i]);
	}
	buf_add_text(&out, "]) is attempting to grant RBAC permissions not currently held:");
	list_all(l, &out);
	if (faults.len)
		buf_print(&out, "; resolution errors: [%.*s]", STRF(faults));
	return status_for(r->arena, ERR_FORBIDDEN, hub, name, "%.*s \"%.*s\" is forbidden: %.*s",
		STRF(resource_full_name(r->arena, hub)), STRF(name), STRF(buf_str(&out)));
}

static struct status *check_rules(struct api_request *r, const struct resource *hub,
	struct str name, const struct cJSON *rules)
{
	struct lacking l = {.arena = r->arena};

	break_down(&l, rules);
	if (!l.count)
		return NULL;
	struct str faults = rbac_each_rule(authz_rbac(r->server->authz), r->arena, r->user,
		r->namespace, strike_out, &l, NULL);
	return l.count ? refuse(r, hub, name, &l, faults) : NULL;
}

/* ---- the guard ---- */

/* Nothing but what garbage collection changes: finalizers and owners. */
static bool only_collects(struct arena *a, const struct cJSON *object, const struct cJSON *old)
{
	static const char *const free_fields[] = {"metadata.finalizers", "metadata.ownerReferences",
		"metadata.managedFields", "metadata.resourceVersion", "metadata.generation", NULL};
	struct cJSON *now = json_copy(a, object), *before = json_copy(a, old);

	for (size_t i = 0; free_fields[i]; i++) {
		tree_drop(now, free_fields[i]);
		tree_drop(before, free_fields[i]);
	}
	return json_equal(now, before);
}

static bool aggregates(const struct cJSON *role)
{
	return json_count(json_path(role, "aggregationRule.clusterRoleSelectors")) > 0;
}

static struct status *check_role(struct api_request *r, const struct resource *hub,
	const struct cJSON *object, const struct cJSON *old, struct str name)
{
	static const char all[] =
		"[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]},"
		"{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]";
	struct cJSON *everything = NULL;

	if (may(r, "escalate", hub->plural, r->namespace, r->name))
		return NULL;
	struct status *s = check_rules(r, hub, name, json_get(object, STR("rules")));
	if (s || (!aggregates(object) && !aggregates(old)))
		return s;
	if (json_parse(r->arena, str_from(all), NULL, &everything, NULL))
		assert(!"the text is JSON");
	if (!check_rules(r, hub, name, everything))
		return NULL;
	return status_for(r->arena, ERR_FORBIDDEN, hub, name,
		"%.*s \"%.*s\" is forbidden: must have cluster-admin privileges to use the "
		"aggregationRule",
		STRF(resource_full_name(r->arena, hub)), STRF(name));
}

static struct status *check_binding(struct api_request *r, const struct resource *hub,
	const struct cJSON *object, struct str name)
{
	struct str role = tree_str(object, "roleRef.name");
	bool cluster = str_eq_text(tree_str(object, "roleRef.kind"), "ClusterRole");

	if (may(r, "bind", cluster ? STR("clusterroles") : STR("roles"), r->namespace, role))
		return NULL;
	const struct cJSON *rules = rbac_role_rules(
		authz_rbac(r->server->authz), r->arena, cluster, r->namespace, role);
	if (!rules)
		return status_not_found(r->arena, hub, role);
	return check_rules(r, hub, name, rules);
}

struct status *rbac_check_write(struct api_request *r, const struct resource *hub,
	const struct cJSON *object, const struct cJSON *old)
{
	struct str name = tree_str(object, "metadata.name");

	if (!str_eq(hub->group, group) || is_master(r) || r->subresource.len)
		return NULL;
	if (old && only_collects(r->arena, object, old))
		return NULL;
	if (str_ends(hub->plural, STR("bindings")))
		return check_binding(r, hub, object, name);
	return check_role(r, hub, object, old, name);
}
