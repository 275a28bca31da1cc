#include "expression.h"

#include <kube/cel.h>
#include <kube/mem.h>

#define TEXTS_MAX 10000

struct expression {
	struct expression *next;
	struct cel_program *program;
	const struct cel_type *type; /* of its variable */
};

struct expressions {
	struct cel_env *envs[EXPRESSION_ABOUTS];
	const struct cel_type *types[EXPRESSION_ABOUTS];
	struct expression *all;
};

struct expressions *expressions_new(void)
{
	return mem_new(sizeof(struct expressions));
}

void expressions_free(struct expressions *e)
{
	if (!e)
		return;
	while (e->all) {
		struct expression *one = e->all;

		e->all = one->next;
		cel_program_free(one->program);
		mem_free(one);
	}
	for (size_t i = 0; i < EXPRESSION_ABOUTS; i++)
		cel_env_free(e->envs[i]);
	mem_free(e);
}

/* ---- what they are about ---- */

struct field {
	const char *name;
	const struct cel_type *type;
};

static const struct cel_type *record(
	struct cel_env *env, const char *name, const struct field *fields, size_t count)
{
	struct cel_type *type = cel_type_record(env, str_from(name));

	for (size_t i = 0; i < count; i++)
		cel_type_add(env, type, str_from(fields[i].name), fields[i].type);
	return type;
}

static const struct cel_type *texts_by_text(struct cel_env *env)
{
	return cel_type_map(env, &cel_string, cel_type_list(env, &cel_string));
}

static const struct cel_type *user_type(struct cel_env *env)
{
	const struct field fields[] = {{"username", &cel_string}, {"uid", &cel_string},
		{"groups", cel_type_list(env, &cel_string)}, {"extra", texts_by_text(env)}};

	return record(env, "kubernetes.UserInfo", fields, ARRAY_LEN(fields));
}

static const struct cel_type *selector_type(struct cel_env *env, const char *of)
{
	const struct field one[] = {{"key", &cel_string}, {"operator", &cel_string},
		{"values", cel_type_list(env, &cel_string)}};
	const struct cel_type *requirement = record(env,
		*of == 'F' ? "kubernetes.FieldSelectorRequirement"
			   : "kubernetes.LabelSelectorRequirement",
		one, ARRAY_LEN(one));
	const struct field fields[] = {
		{"rawSelector", &cel_string}, {"requirements", cel_type_list(env, requirement)}};

	return record(env, of, fields, ARRAY_LEN(fields));
}

static const struct cel_type *request_type(struct cel_env *env)
{
	const struct field of_resource[] = {{"namespace", &cel_string}, {"verb", &cel_string},
		{"group", &cel_string}, {"version", &cel_string}, {"resource", &cel_string},
		{"subresource", &cel_string}, {"name", &cel_string},
		{"fieldSelector", selector_type(env, "FieldSelectorAttributes")},
		{"labelSelector", selector_type(env, "LabelSelectorAttributes")}};
	const struct field of_path[] = {{"path", &cel_string}, {"verb", &cel_string}};
	const struct field fields[] = {
		{"resourceAttributes", record(env, "kubernetes.ResourceAttributes", of_resource,
					       ARRAY_LEN(of_resource))},
		{"nonResourceAttributes", record(env, "kubernetes.NonResourceAttributes", of_path,
						  ARRAY_LEN(of_path))},
		{"user", &cel_string}, {"groups", cel_type_list(env, &cel_string)},
		{"extra", texts_by_text(env)}, {"uid", &cel_string}};

	return record(env, "kubernetes.SubjectAccessReviewSpec", fields, ARRAY_LEN(fields));
}

static struct cel_env *env_of(struct expressions *e, enum expression_about about)
{
	static const char *const names[] = {"claims", "user", "request"};
	struct cel_env *env = e->envs[about];

	if (env)
		return env;
	env = e->envs[about] = cel_env_new(0);
	switch (about) {
	case ABOUT_CLAIMS:
		e->types[about] = cel_type_map(env, &cel_string, &cel_dyn);
		break;
	case ABOUT_USER:
		e->types[about] = user_type(env);
		break;
	default:
		e->types[about] = request_type(env);
	}
	cel_declare(env, str_from(names[about]), e->types[about]);
	return env;
}

/* ---- compiling ---- */

static struct str fault_of(struct arena *a, const struct cel_program *p, bool wants_bool)
{
	struct cel_failure failure = cel_failure(p);

	if (failure.kind == CEL_INVALID)
		return arena_print(a, "compilation failed: %.*s", STRF(failure.text));
	if (failure.kind == CEL_UNBUILT)
		return arena_print(a, "program instantiation failed: %.*s", STRF(failure.text));
	if (failure.kind == CEL_WRONG_TYPE ||
		(wants_bool && cel_type_kind(cel_result_type(p)) != CEL_BOOL))
		return STR("must evaluate to bool");
	return (struct str){0};
}

const struct expression *expression_compile(struct expressions *e, enum expression_about about,
	struct str text, bool wants_bool, struct arena *a, struct str *why)
{
	struct expression *one = mem_new(sizeof(*one));

	one->program = cel_compile(env_of(e, about), text, wants_bool ? &cel_bool : NULL);
	one->type = e->types[about];
	one->next = e->all;
	e->all = one;
	*why = fault_of(a, one->program, wants_bool);
	return why->len ? NULL : one;
}

/* ---- evaluating ---- */

static void take_list(struct arena *a, struct cel_value list, struct expression_value *to)
{
	size_t size = cel_list_size(list);
	struct cel_value one;

	if (size > TEXTS_MAX)
		return;
	to->texts = arena_new(a, (size + 1) * sizeof(*to->texts));
	for (size_t i = 0; i < size; i++) {
		if (!cel_list_at(a, list, i, &one) || one.kind != CEL_STRING)
			return;
		to->texts[to->count++] = one.str;
	}
	to->kind = RESULT_TEXTS;
}

void expression_evaluate(const struct expression *e, struct arena *a, const struct cJSON *variable,
	struct expression_value *v)
{
	const struct cel_value variables[] = {cel_json(variable, e->type)};
	struct cel_run run = {.arena = a, .variables = variables, .variable_count = 1};
	struct cel_value result = cel_eval(e->program, &run);

	*v = (struct expression_value){.kind = RESULT_OTHER};
	switch ((enum cel_kind)result.kind) {
	case CEL_ERROR:
		v->kind = RESULT_ERROR;
		v->text = result.str;
		break;
	case CEL_NULL:
		v->kind = RESULT_NULL;
		break;
	case CEL_BOOL:
		v->kind = RESULT_BOOL;
		v->b = result.b;
		break;
	case CEL_STRING:
		v->kind = RESULT_TEXT;
		v->text = result.str;
		break;
	case CEL_LIST:
		take_list(a, result, v);
		break;
	default:
		break;
	}
}
