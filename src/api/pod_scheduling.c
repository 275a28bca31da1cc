/* Where a pod may run: affinity, spreading, tolerations. */
#include "pod_parts.h"

/* ---- nodes ---- */

static void check_expression(struct field_errors *e, const struct path *p, const struct cJSON *rq)
{
	struct path values = PATH(p, "values"), op_at = PATH(p, "operator"), key = PATH(p, "key");
	const struct cJSON *list = json_get(rq, STR("values"));
	struct str op = tree_str(rq, "operator");
	size_t i = 0;

	if (str_eq_text(op, "In") || str_eq_text(op, "NotIn")) {
		if (!json_count(list))
			field_required(
				e, &values, "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eq_text(op, "Exists") || str_eq_text(op, "DoesNotExist")) {
		if (json_count(list))
			field_forbidden(e, &values,
				"may not be specified when `operator` is 'Exists' or "
				"'DoesNotExist'");
	} else if (str_eq_text(op, "Gt") || str_eq_text(op, "Lt")) {
		if (json_count(list) != 1)
			field_required(e, &values,
				"must be specified single value when `operator` is 'Lt' or 'Gt'");
	} else {
		field_invalid_str(e, &op_at, op, "not a valid selector operator");
	}
	field_check_name(e, &key, tree_str(rq, "key"), name_check_qualified);
	json_each (value, list) {
		struct path at = PATH_INDEX(&values, i++);

		field_check_name(e, &at, json_str(value), name_check_label_value);
	}
}

static void check_node_field(struct field_errors *e, const struct path *p, const struct cJSON *rq)
{
	struct path values = PATH(p, "values"), op_at = PATH(p, "operator"), key = PATH(p, "key");
	const struct cJSON *list = json_get(rq, STR("values"));
	struct str op = tree_str(rq, "operator");
	size_t i = 0;

	if (!str_eq_text(op, "In") && !str_eq_text(op, "NotIn"))
		field_invalid_str(e, &op_at, op, "not a valid selector operator");
	else if (json_count(list) != 1)
		field_required(e, &values,
			"must be only one value when `operator` is 'In' or 'NotIn' for node field "
			"selector");
	if (!str_eq_text(tree_str(rq, "key"), "metadata.name")) {
		field_invalid_str(e, &key, tree_str(rq, "key"), "not a valid field selector key");
		return;
	}
	json_each (value, list) {
		struct path at = PATH_INDEX(&values, i++);

		field_check_name(e, &at, json_str(value), name_check_dns_subdomain);
	}
}

void check_node_selector_term(
	struct field_errors *e, const struct path *p, const struct cJSON *term)
{
	struct path labels = PATH(p, "matchExpressions"), fields = PATH(p, "matchFields");
	size_t i = 0;

	json_each (rq, json_get(term, STR("matchExpressions"))) {
		struct path at = PATH_INDEX(&labels, i++);

		check_expression(e, &at, rq);
	}
	i = 0;
	json_each (rq, json_get(term, STR("matchFields"))) {
		struct path at = PATH_INDEX(&fields, i++);

		check_node_field(e, &at, rq);
	}
}

void check_node_selector(struct field_errors *e, const struct path *p, const struct cJSON *selector)
{
	struct path terms = PATH(p, "nodeSelectorTerms");
	const struct cJSON *list = json_get(selector, STR("nodeSelectorTerms"));
	size_t i = 0;

	if (!json_count(list))
		field_required(e, &terms, "must have at least one node selector term");
	json_each (term, list) {
		struct path at = PATH_INDEX(&terms, i++);

		check_node_selector_term(e, &at, term);
	}
}

static void check_weight(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "weight");
	int64_t weight = tree_int(o, "weight", 0);

	if (weight < 1 || weight > 100)
		field_invalid_int(e, &at, weight, "must be in the range 1-100");
}

static void check_node_affinity(
	struct field_errors *e, const struct path *p, const struct cJSON *affinity)
{
	struct path required = PATH(p, "requiredDuringSchedulingIgnoredDuringExecution");
	struct path preferred = PATH(p, "preferredDuringSchedulingIgnoredDuringExecution");
	const struct cJSON *must = json_get(affinity, str_from(required.name));
	size_t i = 0;

	if (must)
		check_node_selector(e, &required, must);
	json_each (term, json_get(affinity, str_from(preferred.name))) {
		struct path at = PATH_INDEX(&preferred, i++), wish = PATH(&at, "preference");

		check_weight(e, &at, term);
		check_node_selector_term(e, &wish, json_get(term, STR("preference")));
	}
}

/* ---- other pods ---- */

static void check_keys(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, bool selected)
{
	struct path list_at = PATH(p, name);
	const struct cJSON *list = json_get(o, str_from(name));
	size_t i = 0;

	if (!json_count(list))
		return;
	if (!selected)
		field_forbidden(e, &list_at, "must not be specified when labelSelector is not set");
	json_each (key, list) {
		struct path at = PATH_INDEX(&list_at, i++);

		field_check_name(e, &at, json_str(key), name_check_qualified);
	}
}

static void check_no_overlap(struct field_errors *e, const struct path *p, const struct cJSON *term)
{
	struct path list_at = PATH(p, "matchLabelKeys");
	size_t i = 0;

	json_each (key, json_get(term, STR("matchLabelKeys"))) {
		struct path at = PATH_INDEX(&list_at, i++);

		if (rule_came_before(json_get(term, STR("mismatchLabelKeys")), SIZE_MAX, NULL,
			    json_str(key)))
			field_invalid_str(e, &at, json_str(key),
				"exists in both matchLabelKeys and mismatchLabelKeys");
	}
}

static void check_topology_key(
	struct field_errors *e, const struct path *p, const struct cJSON *o, bool name_too)
{
	struct path at = PATH(p, "topologyKey");
	struct str key = tree_str(o, "topologyKey");

	if (!key.len)
		field_required(e, &at, "can not be empty");
	if (key.len || name_too)
		field_check_name(e, &at, key, name_check_qualified);
}

static void check_pod_term(struct field_errors *e, const struct path *p, const struct cJSON *term)
{
	struct path labels = PATH(p, "labelSelector"), spaces = PATH(p, "namespaceSelector");
	struct path space = PATH(p, "namespace");
	struct label_selector_rules rules = {0};
	bool selected = json_get(term, STR("labelSelector"));

	check_label_selector(e, &labels, json_get(term, STR("labelSelector")), rules);
	check_label_selector(e, &spaces, json_get(term, STR("namespaceSelector")), rules);
	json_each (name, json_get(term, STR("namespaces")))
		field_check_name(e, &space, json_str(name), name_check_dns_label);
	check_keys(e, p, term, "matchLabelKeys", selected);
	check_keys(e, p, term, "mismatchLabelKeys", selected);
	check_no_overlap(e, p, term);
	check_topology_key(e, p, term, true);
}

static void check_pod_affinity(
	struct field_errors *e, const struct path *p, const struct cJSON *affinity)
{
	struct path required = PATH(p, "requiredDuringSchedulingIgnoredDuringExecution");
	struct path preferred = PATH(p, "preferredDuringSchedulingIgnoredDuringExecution");
	size_t i = 0;

	json_each (term, json_get(affinity, str_from(required.name))) {
		struct path at = PATH_INDEX(&required, i++);

		check_pod_term(e, &at, term);
	}
	i = 0;
	json_each (term, json_get(affinity, str_from(preferred.name))) {
		struct path at = PATH_INDEX(&preferred, i++), inner = PATH(&at, "podAffinityTerm");

		check_weight(e, &at, term);
		check_pod_term(e, &inner, json_get(term, STR("podAffinityTerm")));
	}
}

void pod_check_affinity(struct pod_check *c, const struct path *p)
{
	struct path at = PATH(p, "affinity"), nodes = PATH(&at, "nodeAffinity");
	struct path pods = PATH(&at, "podAffinity"), anti = PATH(&at, "podAntiAffinity");
	const struct cJSON *affinity = json_get(c->spec, STR("affinity"));

	check_node_affinity(c->e, &nodes, json_get(affinity, STR("nodeAffinity")));
	check_pod_affinity(c->e, &pods, json_get(affinity, STR("podAffinity")));
	check_pod_affinity(c->e, &anti, json_get(affinity, STR("podAntiAffinity")));
}

/* ---- spreading ---- */

static void check_skew(struct field_errors *e, const struct path *p, const struct cJSON *constraint)
{
	struct path at = PATH(p, "maxSkew");
	int64_t skew = tree_int(constraint, "maxSkew", 0);

	if (skew <= 0)
		field_invalid_int(e, &at, skew, "must be greater than zero");
}

static void check_domains(
	struct field_errors *e, const struct path *p, const struct cJSON *constraint)
{
	struct path at = PATH(p, "minDomains");
	int64_t domains = tree_int(constraint, "minDomains", 1);
	struct str action = tree_str(constraint, "whenUnsatisfiable");

	if (!tree_has(constraint, "minDomains"))
		return;
	if (domains <= 0)
		field_invalid_int(e, &at, domains, "must be greater than zero");
	if (!str_eq_text(action, "DoNotSchedule"))
		field_invalid_int(e, &at, domains,
			"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not %.*s",
			STRF(action));
}

/* Key and action together: where such a constraint comes last. */
static struct str pair_of(struct arena *a, const struct cJSON *constraint)
{
	return arena_print(a, "{%.*s, %.*s}", STRF(tree_str(constraint, "topologyKey")),
		STRF(tree_str(constraint, "whenUnsatisfiable")));
}

static void check_constraint(struct field_errors *e, const struct path *p,
	const struct cJSON *constraint, bool comes_again)
{
	static const char *const actions[] = {"DoNotSchedule", "ScheduleAnyway", NULL};
	static const char *const policies[] = {"Honor", "Ignore", NULL};
	struct path action_at = PATH(p, "whenUnsatisfiable"), labels = PATH(p, "labelSelector");
	struct path both = PATH(p, "{topologyKey, whenUnsatisfiable}");
	struct str action = tree_str(constraint, "whenUnsatisfiable");
	const struct cJSON *selector = json_get(constraint, STR("labelSelector"));
	struct label_selector_rules rules = {0};

	check_skew(e, p, constraint);
	check_topology_key(e, p, constraint, false);
	if (!rule_is_one_of(action, actions))
		field_not_supported_str(e, &action_at, action, actions);
	if (comes_again)
		field_duplicate_str(e, &both, pair_of(e->arena, constraint));
	check_domains(e, p, constraint);
	rule_choice(e, p, constraint, "nodeAffinityPolicy", policies);
	rule_choice(e, p, constraint, "nodeTaintsPolicy", policies);
	check_keys(e, p, constraint, "matchLabelKeys", selector != NULL);
	check_label_selector(e, &labels, selector, rules);
}

void pod_check_spread(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "topologySpreadConstraints");
	const struct cJSON *list = json_get(c->spec, STR("topologySpreadConstraints"));
	_cleanup_(map_done) struct map last = {0};
	size_t i = 0;

	json_each (constraint, list)
		map_set(&last, pair_of(c->e->arena, constraint), constraint);
	json_each (constraint, list) {
		struct path at = PATH_INDEX(&list_at, i++);

		check_constraint(c->e, &at, constraint,
			map_get(&last, pair_of(c->e->arena, constraint)) != constraint);
	}
}

/* ---- tolerations ---- */

static void check_operator(struct field_errors *e, const struct path *p, const struct cJSON *t)
{
	static const char *const plain[] = {"Equal", "Exists", NULL};
	static const char *const compared[] = {"Equal", "Exists", "Lt", "Gt", NULL};
	struct path at = PATH(p, "operator");
	struct str op = tree_str(t, "operator"), value = tree_str(t, "value");

	if (!op.len || str_eq_text(op, "Equal"))
		field_check_name(e, &at, value, name_check_label_value);
	else if (str_eq_text(op, "Exists") && value.len)
		field_invalid_str(e, &at, value, "value must be empty when `operator` is 'Exists'");
	else if (str_eq_text(op, "Lt") || str_eq_text(op, "Gt"))
		field_not_supported_str(e, &at, op, compared);
	else if (!str_eq_text(op, "Exists"))
		field_not_supported_str(e, &at, op, plain);
}

void pod_check_tolerations(struct pod_check *c, const struct path *p)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	struct path list_at = PATH(p, "tolerations");
	size_t i = 0;

	json_each (t, json_get(c->spec, STR("tolerations"))) {
		struct path at = PATH_INDEX(&list_at, i++), op_at = PATH(&at, "operator");
		struct path effect_at = PATH(&at, "effect");
		struct str op = tree_str(t, "operator"), effect = tree_str(t, "effect");

		rule_name(c->e, &at, t, "key", name_check_qualified);
		if (!tree_str(t, "key").len && !str_eq_text(op, "Exists"))
			field_invalid_str(c->e, &op_at, op,
				"operator must be Exists when `key` is empty, which means \"match "
				"all values and all keys\"");
		if (tree_has(t, "tolerationSeconds") && !str_eq_text(effect, "NoExecute"))
			field_invalid_str(c->e, &effect_at, effect,
				"effect must be 'NoExecute' when `tolerationSeconds` is set");
		check_operator(c->e, &at, t);
		if (effect.len && !rule_is_one_of(effect, effects))
			field_not_supported_str(c->e, &effect_at, effect, effects);
	}
}
