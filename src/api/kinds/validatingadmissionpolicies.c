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
		field_invalid_str(e, &at, message, "message must be non-empty if specified");
	else if (str_find_char(trimmed, '\n') >= 0 || str_find_char(trimmed, '\r') >= 0)
		field_invalid_str(e, &at, message, "must not contain line breaks");
}

static void check_validation(
	struct field_errors *e, const struct path *p, const struct cJSON *validation)
{
	static const char *const reasons[] = {
		"Forbidden", "Invalid", "RequestEntityTooLarge", NULL};
	struct path expression = PATH(p, "expression"), computed = PATH(p, "messageExpression");
	struct str message = tree_str(validation, "messageExpression");

	if (text_is_blank(tree_str(validation, "expression")))
		field_required(e, &expression, "expression is not specified");
	if (message.len && text_is_blank(message))
		field_invalid_str(e, &computed, message, "must be non-empty if specified");
	check_message(e, p, validation);
	rule_choice(e, p, validation, "reason", reasons);
}

/* Keys are qualified by the policy's name. */
static void check_annotation(struct change *c, struct field_errors *e, const struct path *p,
	const struct cJSON *annotation)
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
}

static void check_annotations_of(
	struct change *c, struct field_errors *e, const struct path *p, const struct cJSON *list)
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

		check_annotation(c, e, &at, annotation);
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
	size_t i = 0;

	check_policy_head(e, &root, spec);
	if (!json_count(list) && !json_count(notes)) {
		field_required(e, &validations, "%s", nothing);
		field_required(e, &annotations, "%s", nothing);
	}
	json_each (validation, list) {
		struct path at = PATH_INDEX(&validations, i++);

		check_validation(e, &at, validation);
	}
	check_annotations_of(c, e, &annotations, notes);
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
