/* Expressions of admission are compiled once, while what they stand in stands in the store. */
#include "activation.h"

#include <kube/api_codec.h>

void vocabulary_init(struct vocabulary *v, unsigned with, bool params)
{
	*v = (struct vocabulary){.env = cel_env_for_admission(with, params)};
}

void vocabulary_done(struct vocabulary *v)
{
	for (size_t i = 0; i < v->variable_count; i++)
		cel_program_free(v->variables[i].expression.program);
	cel_env_free(v->env);
}

struct admission_expression vocabulary_compile(
	struct vocabulary *v, struct str text, const struct cel_type *wanted)
{
	if (!text.len)
		return (struct admission_expression){0};
	return (struct admission_expression){cel_compile(v->env, text, wanted), text};
}

void vocabulary_take_variables(struct vocabulary *v, struct arena *a, const struct cJSON *list)
{
	struct cel_type *record = cel_type_record(v->env, STR("kubernetes.variables"));

	v->variables_type = record;
	cel_declare(v->env, STR("variables"), record);
	v->variables = arena_new(a, (json_count(list) + 1) * sizeof(*v->variables));
	json_each (tree, list) {
		struct admission_variable *one = &v->variables[v->variable_count++];

		one->name = tree_str(tree, "name");
		one->expression = vocabulary_compile(v, tree_str(tree, "expression"), NULL);
		cel_type_add(v->env, record, one->name,
			one->expression.program && !cel_failure(one->expression.program).kind
				? cel_type_composed(
					  v->env, cel_result_type(one->expression.program))
				: &cel_dyn);
	}
}

struct str admission_expression_fault(struct arena *a, const struct admission_expression *e)
{
	struct cel_failure failure = cel_failure(e->program);

	switch (failure.kind) {
	case CEL_INVALID:
		return arena_print(a, "compilation failed: %.*s", STRF(failure.text));
	case CEL_UNBUILT:
		return arena_print(a, "program instantiation failed: %.*s", STRF(failure.text));
	case CEL_WRONG_TYPE:
		return failure.text;
	default:
		return STR("");
	}
}
