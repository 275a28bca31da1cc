#include "policy_rules.h"

#include <kube/resource.h>

/* ---- kinds of parameters ---- */

static void check_api_version(struct field_errors *e, const struct path *at, struct str text)
{
	struct str group, version, rest;

	if (str_cut(text, '/', &group, &rest) && str_find_char(rest, '/') >= 0) {
		field_invalid_str(e, at, text, "unexpected GroupVersion string: %.*s", STRF(text));
		return;
	}
	api_version_split(text, &group, &version);
	if (group.len)
		rule_name_joined(e, at, group, "", name_check_dns_subdomain);
	if (!version.len)
		field_invalid_str(e, at, text, "version must be specified");
	else
		rule_name_joined(e, at, version, "", name_check_dns_label_1035);
}

static void check_kind(struct field_errors *e, const struct path *at, struct str kind)
{
	char *lower = arena_copy(e->arena, kind.at, kind.len);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct name_faults f = {0};

	for (size_t i = 0; i < kind.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] += 'a' - 'A';
	name_check_dns_label_1035(str_make(lower, kind.len), &f);
	for (size_t i = 0; i < f.count; i++)
		buf_print(&text, "%s%s", i ? "," : "", f.items[i]);
	if (f.count)
		field_invalid_str(e, at, kind,
			"may have mixed case, but should otherwise match: %.*s",
			STRF(buf_str(&text)));
}

static void check_param_kind(
	struct field_errors *e, const struct path *p, const struct cJSON *param)
{
	struct path version_at = PATH(p, "apiVersion"), kind_at = PATH(p, "kind");

	if (rule_text(e, p, param, "apiVersion"))
		check_api_version(e, &version_at, tree_str(param, "apiVersion"));
	if (rule_text(e, p, param, "kind"))
		check_kind(e, &kind_at, tree_str(param, "kind"));
}

/* ---- what is matched ---- */

static void check_named_rule(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path names = PATH(p, "resourceNames");
	const struct cJSON *list = json_get(rule, STR("resourceNames"));
	size_t i = 0;

	json_each (name, list) {
		struct path at = PATH_INDEX(&names, i);

		field_check_name(e, &at, json_str(name), name_check_path_segment);
		if (rule_came_before(list, i, NULL, json_str(name)))
			field_duplicate_str(e, &at, json_str(name));
		i++;
	}
	check_operation_rule(e, p, rule);
}

static void check_selector(
	struct field_errors *e, const struct path *p, const struct cJSON *match, const char *name)
{
	struct path at = PATH(p, name);

	if (!tree_has(match, name))
		field_required(e, &at, "%s", "");
	else
		check_label_selector(
			e, &at, json_get(match, str_from(name)), (struct label_selector_rules){0});
}

static void check_match_resources(
	struct field_errors *e, const struct path *p, const struct cJSON *match)
{
	static const char *const policies[] = {"Equivalent", "Exact", NULL};
	static const char *const lists[] = {"resourceRules", "excludeResourceRules", NULL};
	struct path policy = PATH(p, "matchPolicy");

	if (!tree_has(match, "matchPolicy"))
		field_required(e, &policy, "%s", "");
	rule_choice(e, p, match, "matchPolicy", policies);
	check_selector(e, p, match, "namespaceSelector");
	check_selector(e, p, match, "objectSelector");
	for (size_t k = 0; lists[k]; k++) {
		struct path list_at = PATH(p, lists[k]);
		size_t i = 0;

		json_each (rule, json_get(match, str_from(lists[k]))) {
			struct path at = PATH_INDEX(&list_at, i++);

			check_named_rule(e, &at, rule);
		}
	}
}

static void check_constraints(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "matchConstraints");
	const struct cJSON *match = json_get(spec, STR("matchConstraints"));

	if (!match) {
		field_required(e, &at, "%s", "");
		return;
	}
	check_match_resources(e, &at, match);
	rule_some(e, &at, match, "resourceRules");
}

/* ---- variables ---- */

static bool is_cel_identifier(struct str name)
{
	static const char *const reserved[] = {"true", "false", "null", "in", "as", "break",
		"const", "continue", "else", "for", "function", "if", "import", "let", "loop",
		"package", "namespace", "return", "var", "void", "while", NULL};

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return name.len && !rule_is_one_of(name, reserved);
}

static void check_variable(struct field_errors *e, const struct path *at, struct cel_env *env,
	struct cel_type *variables, const struct cJSON *variable)
{
	struct path name_at = PATH(at, "name"), expression_at = PATH(at, "expression");
	struct str name = tree_str(variable, "name"), text = tree_str(variable, "expression");
	struct cel_program *program;

	if (text_is_blank(name))
		field_required(e, &name_at, "name is not specified");
	else if (!is_cel_identifier(name))
		field_invalid_str(e, &name_at, name, "must be a valid CEL identifier");
	if (text_is_blank(text)) {
		field_required(e, &expression_at, "expression is not specified");
		return;
	}
	check_cel_expression(e, &expression_at, env, text, NULL);
	program = cel_compile(env, text, NULL);
	if (name.len && !cel_failure(program).kind)
		cel_type_add(
			env, variables, name, cel_type_composed(env, cel_result_type(program)));
	cel_program_free(program);
}

/* Each knows those before it, by the types that they yield. Without any, there is no such name. */
static void check_variables(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, struct cel_env *env)
{
	struct cel_type *variables = cel_type_record(env, STR("kubernetes.variables"));
	const struct cJSON *all = json_get(spec, STR("variables"));
	struct path list = PATH(p, "variables");
	size_t i = 0;

	if (json_count(all))
		cel_declare(env, STR("variables"), variables);
	json_each (variable, all)
		check_variable(e, &PATH_INDEX(&list, i++), env, variables, variable);
}

struct cel_env *check_policy_head(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, unsigned with)
{
	struct cel_env *env = cel_env_for_admission(with, tree_has(spec, "paramKind"));
	static const char *const failures[] = {"Fail", "Ignore", NULL};
	struct path failure = PATH(p, "failurePolicy"), param = PATH(p, "paramKind");
	struct path conditions = PATH(p, "matchConditions");

	if (!tree_has(spec, "failurePolicy"))
		field_required(e, &failure, "%s", "");
	rule_choice(e, p, spec, "failurePolicy", failures);
	if (tree_has(spec, "paramKind"))
		check_param_kind(e, &param, json_get(spec, STR("paramKind")));
	check_constraints(e, p, spec);
	check_match_conditions(e, &conditions, json_get(spec, STR("matchConditions")),
		tree_has(spec, "paramKind"));
	check_variables(e, p, spec, env);
	return env;
}

/* ---- bindings ---- */

static void check_not_found_action(
	struct field_errors *e, const struct path *p, const struct cJSON *ref)
{
	struct path at = PATH(p, "parameterNotFoundAction");
	struct str action = tree_str(ref, "parameterNotFoundAction");

	if (!rule_text(e, p, ref, "parameterNotFoundAction"))
		return;
	if (!str_eq_text(action, "Deny") && !str_eq_text(action, "Allow"))
		field_add(e, FIELD_NOT_SUPPORTED, &at, /* upstream does not sort them */
			arena_print(e->arena, "%.*s: supported values: \"Deny\", \"Allow\"",
				STRF(field_quote(e->arena, action))));
}

static void check_param_ref(struct field_errors *e, const struct path *p, const struct cJSON *ref)
{
	struct path name_at = PATH(p, "name"), selector_at = PATH(p, "selector");
	struct str name = tree_str(ref, "name");
	bool selects = tree_has(ref, "selector");

	if (name.len) {
		field_check_name(e, &name_at, name, name_check_path_segment);
		if (selects)
			field_forbidden(e, &name_at, "name and selector are mutually exclusive");
	}
	if (selects) {
		check_label_selector(e, &selector_at, json_get(ref, STR("selector")),
			(struct label_selector_rules){0});
		if (name.len)
			field_forbidden(
				e, &selector_at, "name and selector are mutually exclusive");
	}
	if (!name.len && !selects)
		field_required(e, p, "one of name or selector must be specified");
	check_not_found_action(e, p, ref);
}

void check_policy_binding(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path ref = PATH(p, "paramRef"), match = PATH(p, "matchResources");

	if (rule_text(e, p, spec, "policyName"))
		rule_name(e, p, spec, "policyName", name_check_dns_subdomain);
	if (tree_has(spec, "paramRef"))
		check_param_ref(e, &ref, json_get(spec, STR("paramRef")));
	if (tree_has(spec, "matchResources"))
		check_match_resources(e, &match, json_get(spec, STR("matchResources")));
}
