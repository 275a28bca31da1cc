#include "rule_programs.h"

#include "definition_schemas.h"

void rule_compile(struct rule_program *p, struct cel_env *env, struct arena *a,
	const struct node *n, const struct cel_type *self, const struct cJSON *rule)
{
	struct str text = tree_str(rule, "rule"), expression = tree_str(rule, "messageExpression");
	struct str place = tree_str(rule, "fieldPath");
	const struct node *found;

	*p = (struct rule_program){.source = rule};
	if (!str_trim(text).len)
		return;
	p->optional_old = tree_true(rule, "optionalOldSelf");
	cel_declare(env, STR("self"), self);
	cel_declare(env, STR("oldSelf"), p->optional_old ? cel_type_optional(env, self) : self);
	p->rule = cel_compile(env, text, &cel_bool);
	if (cel_failure(p->rule).kind)
		return;
	p->uses_old = cel_uses(p->rule, STR("oldSelf"));
	if (expression.len)
		p->message = cel_compile(env, expression, &cel_string);
	if (place.len && schema_field_path(a, n, place, true, &found, &p->place))
		p->place = STR("");
	if (p->place.len && p->place.at[0] == '.')
		p->place = str_skip(p->place, 1);
}

void rule_program_done(struct rule_program *p)
{
	cel_program_free(p->rule);
	cel_program_free(p->message);
}

struct str rule_failure(struct arena *a, const struct rule_program *p)
{
	struct cel_failure f = p->rule ? cel_failure(p->rule) : (struct cel_failure){0};

	switch (f.kind) {
	case CEL_INVALID:
		return arena_print(a, "compilation failed: %.*s", STRF(f.text));
	case CEL_WRONG_TYPE:
		return STR("cel expression must evaluate to a bool");
	case CEL_UNBUILT:
		return arena_print(a, "program instantiation failed: %.*s", STRF(f.text));
	default:
		return STR("");
	}
}

struct str rule_message_failure(struct arena *a, const struct rule_program *p)
{
	struct cel_failure f = p->message ? cel_failure(p->message) : (struct cel_failure){0};

	switch (f.kind) {
	case CEL_INVALID:
		return arena_print(a, "messageExpression compilation failed: %.*s", STRF(f.text));
	case CEL_WRONG_TYPE:
		return STR("messageExpression must evaluate to a string");
	case CEL_UNBUILT:
		return arena_print(a, "messageExpression instantiation failed: %.*s", STRF(f.text));
	default:
		return STR("");
	}
}
