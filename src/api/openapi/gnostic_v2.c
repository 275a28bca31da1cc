/* The messages of openapi.v2, as far as our documents need them. */
#include "gnostic.h"

static const struct gnostic_message schema, words = {.words = 1};

/* ---- schemas ---- */

static const struct gnostic_message named_schemas = {.entries = 1, .entry = &schema};
static const struct gnostic_choice only_schema[] = {{NULL, NULL, 1, &schema}};
static const struct gnostic_message schema_item = {.choices = only_schema};
static const struct gnostic_message schema_or_bool = {.choices = only_schema, .boolean = 2};
static const struct gnostic_member schema_members[] = {
	{"$ref", 1, CODE_STRING, NULL},
	{"format", 2, CODE_STRING, NULL},
	{"title", 3, CODE_STRING, NULL},
	{"description", 4, CODE_STRING, NULL},
	{"default", 5, CODE_ANY, NULL},
	{"multipleOf", 6, CODE_DOUBLE, NULL},
	{"maximum", 7, CODE_DOUBLE, NULL},
	{"exclusiveMaximum", 8, CODE_BOOL, NULL},
	{"minimum", 9, CODE_DOUBLE, NULL},
	{"exclusiveMinimum", 10, CODE_BOOL, NULL},
	{"maxLength", 11, CODE_INT, NULL},
	{"minLength", 12, CODE_INT, NULL},
	{"pattern", 13, CODE_STRING, NULL},
	{"maxItems", 14, CODE_INT, NULL},
	{"minItems", 15, CODE_INT, NULL},
	{"uniqueItems", 16, CODE_BOOL, NULL},
	{"maxProperties", 17, CODE_INT, NULL},
	{"minProperties", 18, CODE_INT, NULL},
	{"required", 19, CODE_STRINGS, NULL},
	{"enum", 20, CODE_ANYS, NULL},
	{"additionalProperties", 21, CODE_MESSAGE, &schema_or_bool},
	{"type", 22, CODE_MESSAGE, &words},
	{"items", 23, CODE_MESSAGE, &schema_item},
	{"properties", 25, CODE_MESSAGE, &named_schemas},
	{0},
};
static const struct gnostic_message schema = {.members = schema_members, .extensions = 31};

/* ---- parameters ---- */

static const struct gnostic_member path_members[] = {
	{"required", 1, CODE_BOOL, NULL},
	{"in", 2, CODE_STRING, NULL},
	{"description", 3, CODE_STRING, NULL},
	{"name", 4, CODE_STRING, NULL},
	{"type", 5, CODE_STRING, NULL},
	{"uniqueItems", 19, CODE_BOOL, NULL},
	{0},
};
static const struct gnostic_member query_members[] = {
	{"required", 1, CODE_BOOL, NULL},
	{"in", 2, CODE_STRING, NULL},
	{"description", 3, CODE_STRING, NULL},
	{"name", 4, CODE_STRING, NULL},
	{"type", 6, CODE_STRING, NULL},
	{"uniqueItems", 20, CODE_BOOL, NULL},
	{0},
};
static const struct gnostic_member body_members[] = {
	{"description", 1, CODE_STRING, NULL},
	{"name", 2, CODE_STRING, NULL},
	{"in", 3, CODE_STRING, NULL},
	{"required", 4, CODE_BOOL, NULL},
	{"schema", 5, CODE_MESSAGE, &schema},
	{0},
};
static const struct gnostic_member reference_members[] = {{"$ref", 1, CODE_STRING, NULL}, {0}};

static const struct gnostic_message path_parameter = {.members = path_members};
static const struct gnostic_message query_parameter = {.members = query_members};
static const struct gnostic_message body_parameter = {.members = body_members};
static const struct gnostic_message reference = {.members = reference_members};

static const struct gnostic_choice in_path_or_query[] = {
	{"in", "path", 4, &path_parameter}, {NULL, NULL, 3, &query_parameter}};
static const struct gnostic_message no_body = {.choices = in_path_or_query};
static const struct gnostic_choice in_body_or_not[] = {
	{"in", "body", 1, &body_parameter}, {NULL, NULL, 2, &no_body}};
static const struct gnostic_message parameter = {.choices = in_body_or_not};
static const struct gnostic_choice here_or_there[] = {
	{"$ref", NULL, 2, &reference}, {NULL, NULL, 1, &parameter}};
static const struct gnostic_message parameter_item = {.choices = here_or_there};
static const struct gnostic_message named_parameters = {.entries = 1, .entry = &parameter};

/* ---- paths ---- */

static const struct gnostic_member response_members[] = {
	{"description", 1, CODE_STRING, NULL},
	{"schema", 2, CODE_MESSAGE, &schema_item},
	{0},
};
static const struct gnostic_message response = {.members = response_members};
static const struct gnostic_choice only_response[] = {{NULL, NULL, 1, &response}};
static const struct gnostic_message response_value = {.choices = only_response};
static const struct gnostic_message responses = {.entries = 1, .entry = &response_value};

static const struct gnostic_member operation_members[] = {
	{"tags", 1, CODE_STRINGS, NULL},
	{"description", 3, CODE_STRING, NULL},
	{"operationId", 5, CODE_STRING, NULL},
	{"produces", 6, CODE_STRINGS, NULL},
	{"consumes", 7, CODE_STRINGS, NULL},
	{"parameters", 8, CODE_MESSAGES, &parameter_item},
	{"responses", 9, CODE_MESSAGE, &responses},
	{"schemes", 10, CODE_STRINGS, NULL},
	{0},
};
static const struct gnostic_message operation = {.members = operation_members, .extensions = 13};

static const struct gnostic_member path_item_members[] = {
	{"get", 2, CODE_MESSAGE, &operation},
	{"put", 3, CODE_MESSAGE, &operation},
	{"post", 4, CODE_MESSAGE, &operation},
	{"delete", 5, CODE_MESSAGE, &operation},
	{"options", 6, CODE_MESSAGE, &operation},
	{"head", 7, CODE_MESSAGE, &operation},
	{"patch", 8, CODE_MESSAGE, &operation},
	{"parameters", 9, CODE_MESSAGES, &parameter_item},
	{0},
};
static const struct gnostic_message path_item = {.members = path_item_members};
static const struct gnostic_message paths = {.entries = 2, .entry = &path_item};

/* ---- the document ---- */

static const struct gnostic_member info_members[] = {
	{"title", 1, CODE_STRING, NULL},
	{"version", 2, CODE_STRING, NULL},
	{0},
};
static const struct gnostic_message info = {.members = info_members};

static const struct gnostic_member api_key_members[] = {
	{"type", 1, CODE_STRING, NULL},
	{"name", 2, CODE_STRING, NULL},
	{"in", 3, CODE_STRING, NULL},
	{"description", 4, CODE_STRING, NULL},
	{0},
};
static const struct gnostic_message api_key = {.members = api_key_members};
static const struct gnostic_choice only_api_key[] = {{NULL, NULL, 2, &api_key}};
static const struct gnostic_message security_item = {.choices = only_api_key};
static const struct gnostic_message security_definitions = {.entries = 1, .entry = &security_item};
static const struct gnostic_message requirement = {.entries = 1, .entry = &words};

static const struct gnostic_member document_members[] = {
	{"swagger", 1, CODE_STRING, NULL},
	{"info", 2, CODE_MESSAGE, &info},
	{"paths", 8, CODE_MESSAGE, &paths},
	{"definitions", 9, CODE_MESSAGE, &named_schemas},
	{"parameters", 10, CODE_MESSAGE, &named_parameters},
	{"security", 12, CODE_MESSAGES, &requirement},
	{"securityDefinitions", 13, CODE_MESSAGE, &security_definitions},
	{0},
};
const struct gnostic_message gnostic_v2_document = {.members = document_members};
