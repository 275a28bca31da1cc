/* StorageClass */
#include "storage_rules.h"

/* Two terms with the same keys, each with the same set of values, are one too many. */
static bool same_values(const struct cJSON *a, const struct cJSON *b)
{
	json_each (value, json_get(a, STR("values")))
		if (!rule_came_before(json_get(b, STR("values")), SIZE_MAX, NULL, json_str(value)))
			return false;
	return true;
}

static const struct cJSON *with_key(const struct cJSON *term, struct str key)
{
	const struct cJSON *found = NULL;

	json_each (rule, json_get(term, STR("matchLabelExpressions")))
		if (str_eq(tree_str(rule, "key"), key))
			found = rule; /* the last one counts */
	return found;
}

static bool covers(const struct cJSON *a, const struct cJSON *b)
{
	json_each (rule, json_get(a, STR("matchLabelExpressions"))) {
		const struct cJSON *mine = with_key(a, tree_str(rule, "key"));
		const struct cJSON *other = with_key(b, tree_str(rule, "key"));

		if (!other || !same_values(mine, other) || !same_values(other, mine))
			return false;
	}
	return true;
}

static void check_expression(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path values = PATH(p, "values"), key = PATH(p, "key");
	const struct cJSON *list = json_get(rule, STR("values"));
	size_t i = 0;

	if (!json_count(list))
		field_required(e, &values, "%s", "");
	json_each (value, list) {
		struct path at = PATH_INDEX(&values, i);

		if (rule_came_before(list, i++, NULL, json_str(value)))
			field_duplicate_str(e, &at, json_str(value));
	}
	field_check_name(e, &key, tree_str(rule, "key"), name_check_qualified);
}

static void check_topologies(struct field_errors *e, const struct cJSON *terms)
{
	struct path root = PATH(NULL, "allowedTopologies");
	size_t i = 0;

	json_each (term, terms) {
		struct path term_at = PATH_INDEX(&root, i);
		struct path rules = PATH(&term_at, "matchLabelExpressions");
		const struct cJSON *list = json_get(term, STR("matchLabelExpressions"));
		size_t j = 0;

		json_each (rule, list) {
			struct path at = PATH_INDEX(&rules, j), key = PATH(&at, "key");

			check_expression(e, &at, rule);
			if (rule_came_before(list, j++, "key", tree_str(rule, "key")))
				field_duplicate_str(e, &key, tree_str(rule, "key"));
		}
		for (size_t k = 0; k < i; k++)
			if (covers(term, json_at(terms, k)) && covers(json_at(terms, k), term))
				field_duplicate_str(e, &rules, STR(""));
		i++;
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const policies[] = {"Delete", "Retain", NULL};
	static const char *const modes[] = {"Immediate", "WaitForFirstConsumer", NULL};

	check_provisioner(e, c->object, "provisioner");
	check_parameters(e, c->object, true);
	rule_choice(e, NULL, c->object, "reclaimPolicy", policies);
	rule_choice_required(e, NULL, c->object, "volumeBindingMode", modes);
	check_topologies(e, json_get(c->object, STR("allowedTopologies")));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const kept[] = {
		"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode", NULL};

	for (size_t i = 0; kept[i]; i++)
		rule_immutable(e, NULL, c->object, c->old, kept[i]);
}

const struct strategy strategy_storageclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.delete_answers_object = true,
	.validate = validate,
	.validate_update = validate_update,
};
