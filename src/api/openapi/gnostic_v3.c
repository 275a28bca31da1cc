/* The messages of openapi.v3, as far as our documents need them. */
#include "gnostic.h"

static const struct gnostic_message schema_or_reference;

static const struct gnostic_member reference_members[] = {{"$ref", 1, CODE_STRING, NULL}, {0}};
static const struct gnostic_message reference = {.members = reference_members};

/* ---- schemas ---- */

static const struct gnostic_message named_schemas = {.entries = 1, .entry = &schema_or_reference};
static const struct gnostic_choice only_schema[] = {{NULL, NULL, 1, &schema_or_reference}};
static const struct gnostic_message schema_item = {.choices = only_schema};
static const struct gnostic_message schema_or_bool = {.choices = only_schema, .boolean = 2};
static const struct gnostic_message schema;
static const struct gnostic_member schema_members[] = {
	{"nullable", 1, CODE_BOOL, NULL},
	{"title", 9, CODE_STRING, NULL},
	{"multipleOf", 10, CODE_DOUBLE, NULL},
	{"maximum", 11, CODE_DOUBLE, NULL},
	{"exclusiveMaximum", 12, CODE_BOOL, NULL},
	{"minimum", 13, CODE_DOUBLE, NULL},
	{"exclusiveMinimum", 14, CODE_BOOL, NULL},
	{"maxLength", 15, CODE_INT, NULL},
	{"minLength", 16, CODE_INT, NULL},
	{"pattern", 17, CODE_STRING, NULL},
	{"maxItems", 18, CODE_INT, NULL},
	{"minItems", 19, CODE_INT, NULL},
	{"uniqueItems", 20, CODE_BOOL, NULL},
	{"maxProperties", 21, CODE_INT, NULL},
	{"minProperties", 22, CODE_INT, NULL},
	{"required", 23, CODE_STRINGS, NULL},
	{"enum", 24, CODE_ANYS, NULL},
	{"type", 25, CODE_STRING, NULL},
	{"allOf", 26, CODE_MESSAGES, &schema_or_reference},
	{"oneOf", 27, CODE_MESSAGES, &schema_or_reference},
	{"anyOf", 28, CODE_MESSAGES, &schema_or_reference},
	{"not", 29, CODE_MESSAGE, &schema},
	{"items", 30, CODE_MESSAGE, &schema_item},
	{"properties", 31, CODE_MESSAGE, &named_schemas},
	{"additionalProperties", 32, CODE_MESSAGE, &schema_or_bool},
	{"default", 33, CODE_SCALAR, NULL},
	{"description", 34, CODE_STRING, NULL},
	{"format", 35, CODE_STRING, NULL},
	{0},
};
static const struct gnostic_message schema = {.members = schema_members, .extensions = 36};
static const struct gnostic_choice schema_or_other[] = {
	{"$ref", NULL, 2, &reference}, {NULL, NULL, 1, &schema}};
static const struct gnostic_message schema_or_reference = {.choices = schema_or_other};

/* ---- paths ---- */

static const struct gnostic_member media_type_members[] = {
	{"schema", 1, CODE_MESSAGE, &schema_or_reference}, {0}};
static const struct gnostic_message media_type = {.members = media_type_members};
static const struct gnostic_message media_types = {.entries = 1, .entry = &media_type};

static const struct gnostic_member parameter_members[] = {
	{"name", 1, CODE_STRING, NULL},
	{"in", 2, CODE_STRING, NULL},
	{"description", 3, CODE_STRING, NULL},
	{"required", 4, CODE_BOOL, NULL},
	{"schema", 10, CODE_MESSAGE, &schema_or_reference},
	{0},
};
static const struct gnostic_message parameter = {.members = parameter_members};
static const struct gnostic_choice only_parameter[] = {{NULL, NULL, 1, &parameter}};
static const struct gnostic_message parameter_item = {.choices = only_parameter};

static const struct gnostic_member body_members[] = {
	{"description", 1, CODE_STRING, NULL},
	{"content", 2, CODE_MESSAGE, &media_types},
	{"required", 3, CODE_BOOL, NULL},
	{0},
};
static const struct gnostic_message body = {.members = body_members};
static const struct gnostic_choice only_body[] = {{NULL, NULL, 1, &body}};
static const struct gnostic_message body_item = {.choices = only_body};

static const struct gnostic_member response_members[] = {
	{"description", 1, CODE_STRING, NULL},
	{"content", 3, CODE_MESSAGE, &media_types},
	{0},
};
static const struct gnostic_message response = {.members = response_members};
static const struct gnostic_choice only_response[] = {{NULL, NULL, 1, &response}};
static const struct gnostic_message response_item = {.choices = only_response};
static const struct gnostic_message responses = {.entries = 2, .entry = &response_item};

static const struct gnostic_member operation_members[] = {
	{"tags", 1, CODE_STRINGS, NULL},
	{"description", 3, CODE_STRING, NULL},
	{"operationId", 5, CODE_STRING, NULL},
	{"parameters", 6, CODE_MESSAGES, &parameter_item},
	{"requestBody", 7, CODE_MESSAGE, &body_item},
	{"responses", 8, CODE_MESSAGE, &responses},
	{0},
};
static const struct gnostic_message operation = {.members = operation_members, .extensions = 13};

static const struct gnostic_member path_item_members[] = {
	{"get", 4, CODE_MESSAGE, &operation},
	{"put", 5, CODE_MESSAGE, &operation},
	{"post", 6, CODE_MESSAGE, &operation},
	{"delete", 7, CODE_MESSAGE, &operation},
	{"options", 8, CODE_MESSAGE, &operation},
	{"head", 9, CODE_MESSAGE, &operation},
	{"patch", 10, CODE_MESSAGE, &operation},
	{"parameters", 13, CODE_MESSAGES, &parameter_item},
	{0},
};
static const struct gnostic_message path_item = {.members = path_item_members};
static const struct gnostic_message paths = {.entries = 1, .entry = &path_item};

/* ---- the document ---- */

static const struct gnostic_member info_members[] = {
	{"title", 1, CODE_STRING, NULL},
	{"version", 6, CODE_STRING, NULL},
	{0},
};
static const struct gnostic_message info = {.members = info_members};

static const struct gnostic_member scheme_members[] = {
	{"type", 1, CODE_STRING, NULL},
	{"description", 2, CODE_STRING, NULL},
	{"name", 3, CODE_STRING, NULL},
	{"in", 4, CODE_STRING, NULL},
	{0},
};
static const struct gnostic_message scheme = {.members = scheme_members};
static const struct gnostic_choice only_scheme[] = {{NULL, NULL, 1, &scheme}};
static const struct gnostic_message scheme_item = {.choices = only_scheme};
static const struct gnostic_message schemes = {.entries = 1, .entry = &scheme_item};

static const struct gnostic_member components_members[] = {
	{"schemas", 1, CODE_MESSAGE, &named_schemas},
	{"securitySchemes", 7, CODE_MESSAGE, &schemes},
	{0},
};
static const struct gnostic_message components = {.members = components_members};

static const struct gnostic_member document_members[] = {
	{"openapi", 1, CODE_STRING, NULL},
	{"info", 2, CODE_MESSAGE, &info},
	{"paths", 4, CODE_MESSAGE, &paths},
	{"components", 5, CODE_MESSAGE, &components},
	{0},
};
const struct gnostic_message gnostic_v3_document = {.members = document_members};
