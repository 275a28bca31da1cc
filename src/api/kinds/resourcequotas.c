/* ResourceQuota */
#include "pod_parts.h"
#include "resource_names.h"

/* ---- names ---- */

static bool is_huge(struct str name)
{
	return str_starts(name, STR("hugepages-")) || str_starts(name, STR("requests.hugepages-"));
}

static bool is_quota_name(struct str name)
{
	static const char *const known[] = {"cpu", "memory", "ephemeral-storage", "requests.cpu",
		"requests.memory", "requests.storage", "requests.ephemeral-storage", "limits.cpu",
		"limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services",
		"replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps",
		"services.nodeports", "services.loadbalancers", NULL};

	return rule_is_one_of(name, known) || is_huge(name);
}

static void check_list(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name)
{
	struct path list = PATH(p, name);

	json_each (amount, json_get(o, str_from(name))) {
		struct path at = PATH_KEY(&list, json_key(amount));

		check_resource_name(e, &at, json_key(amount));
		if (str_find_char(json_key(amount), '/') < 0 && !is_quota_name(json_key(amount)))
			field_invalid_str(
				e, &at, json_key(amount), "must be a standard resource for quota");
		pod_check_amount(e, &at, json_key(amount), amount);
	}
}

/* ---- scopes ---- */

static const char *const scopes[] = {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort",
	"PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass", NULL};

/* What is not of the standard kinds may be counted under any scope. */
static bool fits(struct str scope, struct str resource)
{
	static const char *const of_pods[] = {"pods", "cpu", "memory", "requests.cpu",
		"requests.memory", "limits.cpu", "limits.memory", NULL};
	static const char *const of_claims[] = {"persistentvolumeclaims", "requests.storage", NULL};

	if (!is_quota_name(resource) || !rule_is_one_of(scope, scopes))
		return true;
	if (str_eq_text(scope, "BestEffort"))
		return str_eq_text(resource, "pods");
	if (str_eq_text(scope, "VolumeAttributesClass"))
		return rule_is_one_of(resource, of_claims);
	return rule_is_one_of(resource, of_pods);
}

struct scope_set {
	bool best, not_best, ending, not_ending;
};

static void add_scope(struct scope_set *s, struct str scope)
{
	s->best |= str_eq_text(scope, "BestEffort");
	s->not_best |= str_eq_text(scope, "NotBestEffort");
	s->ending |= str_eq_text(scope, "Terminating");
	s->not_ending |= str_eq_text(scope, "NotTerminating");
}

static bool conflict(const struct scope_set *s)
{
	return (s->best && s->not_best) || (s->ending && s->not_ending);
}

static void check_scopes(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "scopes");
	const struct cJSON *list = json_get(spec, STR("scopes"));
	struct scope_set set = {0};

	json_each (scope, list) {
		if (!rule_is_one_of(json_str(scope), scopes))
			field_invalid(e, &at, list, "unsupported scope");
		json_each (amount, json_get(spec, STR("hard")))
			if (!fits(json_str(scope), json_key(amount)))
				field_invalid(
					e, &at, list, "unsupported scope applied to resource");
		add_scope(&set, json_str(scope));
	}
	if (conflict(&set))
		field_invalid(e, &at, list, "conflicting scopes");
}

static void check_operator(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	static const char *const plain[] = {"BestEffort", "NotBestEffort", "Terminating",
		"NotTerminating", "CrossNamespacePodAffinity", NULL};
	struct path operator_at = PATH(p, "operator"), values_at = PATH(p, "values");
	struct str operator= tree_str(rule, "operator");
	const struct cJSON *values = json_get(rule, STR("values"));
	bool in = str_eq_text(operator, "In") || str_eq_text(operator, "NotIn");
	bool exists = str_eq_text(operator, "Exists");

	if (rule_is_one_of(tree_str(rule, "scopeName"), plain) && !exists)
		field_invalid_str(e, &operator_at, operator,
			"must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
			"ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
			"ResourceQuotaScopeNotBestEffort or "
			"ResourceQuotaScopeCrossNamespacePodAffinity");
	if (in && !json_count(values))
		field_required(e, &values_at,
			"must be at least one value when `operator` is 'In' or 'NotIn' for scope "
			"selector");
	else if ((exists || str_eq_text(operator, "DoesNotExist")) && json_count(values))
		field_invalid(e, &values_at, values,
			"must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
			"selector");
	else if (!in && !exists && !str_eq_text(operator, "DoesNotExist"))
		field_invalid_str(e, &operator_at, operator, "not a valid selector operator");
}

static void check_selector(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path selector_at = PATH(p, "scopeSelector");
	struct path at = PATH(&selector_at, "matchExpressions"), name = PATH(&at, "scopeName");
	const struct cJSON *selector = json_get(spec, STR("scopeSelector"));
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);
	struct scope_set set = {0};

	if (selector)
		api_print_go(&text, SCHEMA(core_v1, ScopeSelector), selector);
	json_each (rule, json_get(selector, STR("matchExpressions"))) {
		struct str scope = tree_str(rule, "scopeName");

		if (!rule_is_one_of(scope, scopes))
			field_invalid_str(e, &name, scope, "unsupported scope");
		json_each (amount, json_get(spec, STR("hard")))
			if (!fits(scope, json_key(amount)))
				field_invalid_raw(e, &at, buf_str(&text),
					"unsupported scope applied to resource");
		check_operator(e, &at, rule);
		add_scope(&set, scope);
	}
	if (conflict(&set))
		field_invalid(e, &at, json_get(spec, STR("scopes")), "conflicting scopes");
}

/* ---- the whole ---- */

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_list(e, &spec_at, spec, "hard");
	check_scopes(e, &spec_at, spec);
	check_selector(e, &spec_at, spec);
}

static bool contains(const struct cJSON *all, const struct cJSON *some)
{
	json_each (scope, some)
		if (!rule_came_before(all, SIZE_MAX, NULL, json_str(scope)))
			return false;
	return true;
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "scopes");
	const struct cJSON *now = json_path(c->object, "spec.scopes");
	const struct cJSON *old = json_path(c->old, "spec.scopes");

	validate(c, e);
	if (!contains(now, old) || !contains(old, now))
		field_invalid(e, &at, now, "field is immutable");
}

static void validate_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status");

	check_list(e, &status, json_get(c->object, STR("status")), "hard");
	check_list(e, &status, json_get(c->object, STR("status")), "used");
}

const struct strategy strategy_resourcequotas = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.delete_answers_object = true,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
};
