/* What one rule covers, whom one binding names, and how both are told. Pure. */
#include "rbac.h"

/* ---- rules ---- */

static bool listed(const struct cJSON *list, struct str text)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), "*") || str_eq(json_str(item), text))
			return true;
	return false;
}

static bool covers_resource(const struct cJSON *list, const struct access_query *q)
{
	json_each (item, list) {
		struct str text = json_str(item), resource, sub;

		if (str_eq_text(text, "*"))
			return true;
		bool slash = str_cut(text, '/', &resource, &sub);
		if (!slash && !q->subresource.len && str_eq(text, q->resource))
			return true;
		if (slash && q->subresource.len && str_eq(sub, q->subresource) &&
			(str_eq_text(resource, "*") || str_eq(resource, q->resource)))
			return true;
	}
	return false;
}

static bool covers_name(const struct cJSON *names, struct str name)
{
	if (!json_count(names))
		return true;
	json_each (item, names)
		if (name.len && str_eq(json_str(item), name))
			return true;
	return false;
}

static bool covers_path(const struct cJSON *urls, struct str path)
{
	json_each (item, urls) {
		struct str url = json_str(item);

		if (str_eq_text(url, "*") || str_eq(url, path))
			return true;
		if (str_ends(url, STR("*")) && str_starts(path, str_sub(url, 0, url.len - 1)))
			return true;
	}
	return false;
}

bool rbac_rule_covers(const struct cJSON *rule, const struct access_query *q)
{
	if (!listed(json_get(rule, STR("verbs")), q->verb))
		return false;
	if (!q->is_resource)
		return covers_path(json_get(rule, STR("nonResourceURLs")), q->path);
	return listed(json_get(rule, STR("apiGroups")), q->group) &&
	       covers_resource(json_get(rule, STR("resources")), q) &&
	       covers_name(json_get(rule, STR("resourceNames")), q->name);
}

/* ---- subjects ---- */

static bool is_subject(const struct cJSON *s, const struct api_user *u, struct str namespace)
{
	struct str kind = json_str(json_get(s, STR("kind")));
	struct str name = json_str(json_get(s, STR("name")));
	struct str space = json_str(json_get(s, STR("namespace"))), rest = u->name;

	if (str_eq_text(kind, "User"))
		return str_eq(name, u->name);
	if (str_eq_text(kind, "Group"))
		return user_in_group(u, name);
	if (!str_eq_text(kind, "ServiceAccount") ||
		!str_starts(rest, STR("system:serviceaccount:")))
		return false;
	if (!space.len)
		space = namespace;
	rest = str_skip(rest, STR("system:serviceaccount:").len);
	return rest.len == space.len + 1 + name.len && str_starts(rest, space) &&
	       rest.at[space.len] == ':' && str_ends(rest, name);
}

const struct cJSON *rbac_binds(
	const struct cJSON *binding, const struct api_user *u, struct str namespace)
{
	json_each (subject, json_get(binding, STR("subjects")))
		if (is_subject(subject, u, namespace))
			return subject;
	return NULL;
}

/* ---- telling ---- */

static struct str describe_subject(struct arena *a, const struct cJSON *subject)
{
	struct str kind = tree_str(subject, "kind"), namespace = tree_str(subject, "namespace");
	struct str name = tree_str(subject, "name");

	if (namespace.len)
		name = arena_print(a, "%.*s/%.*s", STRF(name), STRF(namespace));
	return arena_print(a, "%.*s %.*s", STRF(kind), STRF(field_quote(a, name)));
}

struct str rbac_describe(struct arena *a, const struct rbac_grant *g)
{
	struct str namespace = tree_str(g->binding, "metadata.namespace");
	struct str name = tree_str(g->binding, "metadata.name");

	if (namespace.len)
		name = arena_print(a, "%.*s/%.*s", STRF(name), STRF(namespace));
	return arena_print(a, "RBAC: allowed by %s %.*s of %.*s %.*s to %.*s",
		namespace.len ? "RoleBinding" : "ClusterRoleBinding", STRF(field_quote(a, name)),
		STRF(tree_str(g->binding, "roleRef.kind")),
		STRF(field_quote(a, tree_str(g->binding, "roleRef.name"))),
		STRF(describe_subject(a, g->subject)));
}
