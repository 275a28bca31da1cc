/* ValidatingAdmissionPolicy */
#include "kinds.h"
#include "policy_rules.h"

#define ANNOTATIONS_MAX      20
#define ANNOTATION_BYTES_MAX (5 * 1024)

static void check_message(
	struct field_errors *e, const struct path *p, const struct cJSON *validation)
{
	struct path at = PATH(p, "message");
	struct str message = tree_str(validation, "message"), trimmed = str_trim(message);

	if (message.len && !trimmed.len)
		field_invalid_str(e, &at, message, "must be non-empty if specified");
	else if (str_find_char(trimmed, '\n') >= 0 || str_find_char(trimmed, '\r') >= 0)
		field_invalid_str(e, &at, message, "must not contain line breaks");
}

/* Messages may not ask who may do what. */
static void check_computed(
	struct field_errors *e, const struct path *at, struct cel_env *env, struct str message)
{
	static const char *const names[] = {"authorizer", "authorizer.requestResource"};
	const struct cel_type *const types[] = {&cel_authorizer_type, &cel_resource_check_type};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cel_undeclare(env, str_from(names[i]));
	check_cel_expression(e, at, env, message, &cel_string);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cel_declare(env, str_from(names[i]), types[i]);
}

static void check_validation(struct field_errors *e, const struct path *p, struct cel_env *env,
	const struct cJSON *validation)
{
	static const char *const reasons[] = {
		"Forbidden", "Invalid", "RequestEntityTooLarge", NULL};
	struct path expression = PATH(p, "expression"), computed = PATH(p, "messageExpression");
	struct str message = tree_str(validation, "messageExpression");

	if (text_is_blank(tree_str(validation, "expression")))
		field_required(e, &expression, "expression is not specified");
	else
		check_cel_expression(
			e, &expression, env, tree_str(validation, "expression"), &cel_bool);
	if (message.len && text_is_blank(message))
		field_invalid_str(e, &computed, message, "must be non-empty if specified");
	else if (message.len)
		check_computed(e, &computed, env, message);
	check_message(e, p, validation);
	rule_choice(e, p, validation, "reason", reasons);
}

/* Keys are qualified by the policy's name. */
static void check_value(
	struct field_errors *e, const struct path *at, struct cel_env *env, struct str value)
{
	struct cel_program *program = cel_compile(env, value, NULL);
	const struct cel_type *yields = cel_result_type(program);

	if (cel_failure(program).kind)
		check_cel_expression(e, at, env, value, NULL);
	else if (cel_type_kind(yields) != CEL_STRING && cel_type_kind(yields) != CEL_NULL)
		field_invalid_str(e, at, value,
			"must evaluate to one of [string null_type] but got %.*s",
			STRF(cel_type_text(e->arena, yields)));
	cel_program_free(program);
}

static void check_annotation(struct change *c, struct field_errors *e, const struct path *p,
	struct cel_env *env, const struct cJSON *annotation)
{
	struct path key_at = PATH(p, "key"), value_at = PATH(p, "valueExpression");
	struct str value = tree_str(annotation, "valueExpression");

	if (c->name.len)
		field_check_name(e, &key_at,
			arena_print(e->arena, "%.*s/%.*s", STRF(c->name),
				STRF(tree_str(annotation, "key"))),
			name_check_qualified);
	else
		field_invalid_str(e, &key_at, tree_str(annotation, "key"),
			"requires metadata.name be non-empty");
	if (text_is_blank(value))
		field_required(e, &value_at, "valueExpression is not specified");
	else if (str_trim(value).len > ANNOTATION_BYTES_MAX)
		field_required(
			e, &value_at, "must not exceed %d bytes in length", ANNOTATION_BYTES_MAX);
	else
		check_value(e, &value_at, env, value);
}

static void check_annotations_of(struct change *c, struct field_errors *e, const struct path *p,
	struct cel_env *env, const struct cJSON *list)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	size_t i = 0;

	if (json_count(list) > ANNOTATIONS_MAX) {
		buf_add_text(&text, "[");
		json_each (annotation, list) {
			if (i++)
				buf_add_text(&text, ",");
			api_print_go(&text, SCHEMA(admissionregistration_v1, AuditAnnotation),
				annotation);
		}
		buf_add_text(&text, "]");
		field_invalid_raw(e, p, buf_str(&text),
			"must not have more than %d auditAnnotations", ANNOTATIONS_MAX);
	}
	i = 0;
	json_each (annotation, list) {
		struct path at = PATH_INDEX(p, i), key_at = PATH(&at, "key");
		struct str key = tree_str(annotation, "key");

		check_annotation(c, e, &at, env, annotation);
		if (rule_came_before(list, i++, "key", key))
			field_duplicate_str(e, &key_at, key);
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char nothing[] =
		"validations or auditAnnotations must contain at least one item";
	struct path root = PATH(NULL, "spec"), validations = PATH(&root, "validations");
	struct path annotations = PATH(&root, "auditAnnotations");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *list = json_get(spec, STR("validations"));
	const struct cJSON *notes = json_get(spec, STR("auditAnnotations"));
	struct cel_env *env;
	size_t i = 0;

	env = check_policy_head(e, &root, spec, 0);
	if (!json_count(list) && !json_count(notes)) {
		field_required(e, &validations, "%s", nothing);
		field_required(e, &annotations, "%s", nothing);
	}
	json_each (validation, list) {
		struct path at = PATH_INDEX(&validations, i++);

		check_validation(e, &at, env, validation);
	}
	check_annotations_of(c, e, &annotations, env, notes);
	cel_env_free(env);
}

const struct strategy strategy_validatingadmissionpolicies = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.status_keeps_metadata = true,
	.update_checks_metadata_once = true,
	.validate = validate,
	.validate_update = validate,
};
