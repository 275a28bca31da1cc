/* clusterrole-aggregation: ClusterRoles that are made of others, by their labels. */
#include "role_aggregation.h"

static bool has_rule(const struct cJSON *rules, const struct cJSON *rule)
{
	json_each (r, rules)
		if (json_equal(r, rule))
			return true;
	return false;
}

/* One role after the other, by name; what two say alike stands there once. */
struct cJSON *role_rules(struct arena *a, const struct cJSON *role, const struct trees *all)
{
	const struct cJSON *had = json_path(role, "rules");
	struct cJSON *rules = json_new(a, JSON_ARRAY);

	if (!tree_has(role, "aggregationRule"))
		return NULL;
	json_each (text, json_path(role, "aggregationRule.clusterRoleSelectors")) {
		struct selector s = selector_of(a, text);

		for (size_t i = 0; i < all->count; i++) {
			const struct cJSON *other = all->items[i];

			if (str_eq(tree_str(other, "metadata.name"),
				    tree_str(role, "metadata.name")) ||
				!selector_matches(&s, other))
				continue;
			json_each (rule, json_path(other, "rules"))
				if (!has_rule(rules, rule))
					json_append(rules, json_copy(a, rule));
		}
	}
	if (json_equal(rules, had) || (!json_count(rules) && !json_count(had)))
		return NULL;
	return rules;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct informer *roles = usual_informer(u, "clusterroles");
	struct object *o = informer_get_key(roles, key);
	struct trees all = {0};

	(void)now;
	if (!o || !object_scan(o, "aggregationRule").len)
		return;
	informer_each(it, informer_all(roles)) trees_add(a, &all, object_lean_tree(a, it.object));
	struct cJSON *rules = role_rules(a, object_lean_tree(a, o), &all), *role;
	if (!rules)
		return;
	role = json_new(a, JSON_OBJECT);
	tree_set_str(a, role, "apiVersion", STR("rbac.authorization.k8s.io/v1"));
	tree_set_str(a, role, "kind", STR("ClusterRole"));
	tree_set_str(a, role, "metadata.name", key);
	tree_set(a, role, "rules", rules);
	plan_apply(p, usual_resource(u, "clusterroles"), role);
}

static void role_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (old && fresh && str_eq(object_labels(old), object_labels(fresh)) &&
		str_eq(object_scan(old, "rules"), object_scan(fresh, "rules")) &&
		str_eq(object_scan(old, "aggregationRule"), object_scan(fresh, "aggregationRule")))
		return;
	informer_each(
		it, informer_all(usual_informer(
			    u, "clusterroles"))) if (object_scan(it.object, "aggregationRule").len)
		usual_enqueue_object(u, it.object);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"rbac.authorization.k8s.io", "v1", "clusterroles", role_changed}, {0}};

	return usual_new(w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile});
}

const struct controller_kind role_aggregation_kind = {
	.name = "clusterrole-aggregation-controller",
	.aliases = "clusterrole-aggregation",
	.start = start,
};
