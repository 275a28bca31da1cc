/* MutatingAdmissionPolicy */
#include "kinds.h"
#include "policy_rules.h"

/* One of two members goes with the patch type, the other must not be there. */
static void check_yield(struct field_errors *e, const struct path *at, struct cel_env *env,
	struct str text, const char *wanted)
{
	struct cel_program *program = cel_compile(env, text, NULL);

	if (cel_failure(program).kind) {
		check_cel_expression(e, at, env, text, NULL);
	} else {
		struct str yields = cel_type_text(e->arena, cel_result_type(program));

		if (!str_eq_text(yields, wanted))
			field_invalid_str(e, at, text, "must evaluate to %s but got %.*s", wanted,
				STRF(yields));
	}
	cel_program_free(program);
}

static void check_patch(struct field_errors *e, const struct path *p, struct cel_env *env,
	const struct cJSON *mutation, const char *type, const char *wanted, const char *other)
{
	struct path at = PATH(p, wanted), other_at = PATH(p, other);
	const struct cJSON *patch = json_get(mutation, str_from(wanted));

	if (!patch) {
		field_required(e, &at, "must be specified when patchType is %s", type);
	} else {
		struct path expression = PATH(&at, "expression");

		if (text_is_blank(tree_str(patch, "expression")))
			field_required(e, &expression, "%s", "");
		else
			check_yield(e, &expression, env, tree_str(patch, "expression"),
				strcmp(wanted, "jsonPatch") == 0 ? "list(JSONPatch)" : "Object");
	}
	if (tree_has(mutation, other))
		field_invalid_str(e, &other_at, arena_print(e->arena, "{%s}", other),
			"must not be specified when patchType is %s", type);
}

static void check_mutation(struct field_errors *e, const struct path *p, struct cel_env *env,
	const struct cJSON *mutation)
{
	static const char *const types[] = {"ApplyConfiguration", "JSONPatch", NULL};
	struct str type = tree_str(mutation, "patchType");

	if (str_eq_text(type, "ApplyConfiguration"))
		check_patch(e, p, env, mutation, types[0], "applyConfiguration", "jsonPatch");
	else if (str_eq_text(type, "JSONPatch"))
		check_patch(e, p, env, mutation, types[1], "jsonPatch", "applyConfiguration");
	else
		rule_choice_required(e, p, mutation, "patchType", types);
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const again[] = {"IfNeeded", "Never", NULL};
	struct path root = PATH(NULL, "spec"), mutations = PATH(&root, "mutations");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *list = json_get(spec, STR("mutations"));
	struct cel_env *env;
	size_t i = 0;

	env = check_policy_head(e, &root, spec, CEL_WITH_OBJECTS | CEL_WITH_PATCHES);
	if (!json_count(list))
		field_required(e, &mutations, "mutations must contain at least one item");
	json_each (mutation, list) {
		struct path at = PATH_INDEX(&mutations, i++);

		check_mutation(e, &at, env, mutation);
	}
	rule_choice_required(e, &root, spec, "reinvocationPolicy", again);
	cel_env_free(env);
}

const struct strategy strategy_mutatingadmissionpolicies = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.update_checks_metadata_once = true,
	.validate = validate,
	.validate_update = validate,
};
