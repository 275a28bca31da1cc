/* The schemas of definitions. Rows are a schema and what is said of it. */
#include "change_rig.h"

#include <kube/custom.h>

#define DEFINITIONS "apiextensions.k8s.io/v1/customresourcedefinitions"

static const char *definition(const char *schema, const char *more)
{
	return arena_print(&rig_arena,
		"{\"metadata\":{\"name\":\"as.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
		"\"Cluster\",\"names\":{\"plural\":\"as\",\"kind\":\"MyA\"},\"versions\":[{"
		"\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":%"
		"s"
		"}%s}]}}",
		schema, more)
		.at;
}

struct row {
	const char *schema, *wanted;
};

static void check_rows(const struct row *rows, size_t count)
{
	arena_init(&rig_arena);
	for (size_t i = 0; i < count; i++) {
		test_context("%s", rows[i].schema);
		EXPECT_TEXT(
			rig_create(DEFINITIONS, definition(rows[i].schema, "")), rows[i].wanted);
	}
	test_context_end();
	arena_done(&rig_arena);
}

#define AT "spec.validation.openAPIV3Schema"

TEST(schemas_are_structural)
{
	static const struct row rows[] = {
		{"{\"type\":\"object\"}", ""},
		{"{\"type\":\"array\",\"items\":{}}",
			"[" AT ".items.type: Required value: must not be empty for specified array "
			"items, " AT
			".type: Invalid value: \"array\": must be object at the root]"},
		{"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
			AT ".additionalProperties: Forbidden: must not be used at the root"},
		{"{\"type\":\"object\",\"allOf\":[{\"nullable\":true,\"title\":\"t\"}]}",
			"[" AT ".allOf[0].nullable: Forbidden: must be false to be structural, " AT
			".allOf[0].title: Forbidden: must be empty to be structural]"},
		{"{\"type\":\"object\",\"anyOf\":[{\"properties\":{\"a\":{\"minimum\":1}}}]}",
			AT ".properties[a]: Required value: because it is defined in " AT
			   ".anyOf[0].properties[a]"},
		{"{\"type\":\"object\",\"properties\":{\"a\":{\"x-kubernetes-int-or-string\":true,"
		 "\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}}}",
			""},
		{"{\"type\":\"object\",\"properties\":{\"a\":{\"x-kubernetes-int-or-string\":true,"
		 "\"allOf\":[{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]},{"
		 "\"pattern\":\"x\"}]}}}",
			""},
		{"{\"type\":\"object\",\"properties\":{\"metadata\":{\"type\":\"object\","
		 "\"required\":[\"name\"]}}}",
			AT ".properties[metadata]: Forbidden: must not specify anything other than "
			   "name and generateName, but metadata is implicitly specified"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

#define RULED(rules)                                                                               \
	"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"s\":{\"type\":"       \
	"\"string\"},\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},"                 \
	"\"x-kubernetes-validations\":[" rules "]}"
#define RULE_AT AT ".x-kubernetes-validations[0]"
#define TOO_MUCH                                                                                   \
	"more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and "        \
	"maxLength where arrays, maps, and strings are declared)"

TEST(patterns_and_rules_must_compile)
{
	static const struct row rows[] = {
		{"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":"
		 "\"(\"}}}",
			AT ".properties[a].pattern: Invalid value: \"(\": must be a valid regular "
			   "expression, but isn't: error parsing regexp: missing closing ): `(`"},
		{RULED("{\"rule\":\"self.n > 0\"}"), ""},
		{RULED("{\"rule\":\"self.n\"}"),
			RULE_AT ".rule: Invalid value: {\"Rule\":\"self.n\",\"Message\":\"\","
				"\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":\"\","
				"\"OptionalOldSelf\":null}: cel expression must evaluate to a "
				"bool"},
		{RULED("{\"rule\":\"self.n > 0\",\"messageExpression\":\"self.n\"}"),
			RULE_AT ".messageExpression: Invalid value: {\"Rule\":\"self.n \\u003e 0\","
				"\"Message\":\"\",\"MessageExpression\":\"self.n\",\"Reason\":null,"
				"\"FieldPath\":\"\",\"OptionalOldSelf\":null}: messageExpression "
				"must evaluate to a string"},
		{RULED("{\"rule\":\"self.n > 0\",\"optionalOldSelf\":true}"),
			RULE_AT ".optionalOldSelf: Invalid value: true: may not be set if oldSelf "
				"is not used in rule"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(rules_may_not_cost_too_much)
{
	static const struct row rows[] = {
		{RULED("{\"rule\":\"self.l.all(x, self.l.all(y, x == y))\"}"),
			"[" RULE_AT ".rule: Forbidden: estimated rule cost exceeds budget by "
			"factor of " TOO_MUCH ", " RULE_AT
			".rule: Forbidden: contributed to estimated rule cost total exceeding cost "
			"limit for entire OpenAPIv3 schema, " AT
			": Forbidden: x-kubernetes-validations estimated rule cost total for "
			"entire OpenAPIv3 schema exceeds budget by factor of " TOO_MUCH "]"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(what_no_structural_schema_can_say_is_told_by_its_name)
{
	static const struct row rows[] = {
		{"{\"type\":\"object\",\"$schema\":\"x\"}",
			AT ": Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported"},
		{"{\"type\":\"object\",\"$ref\":\"#/x\"}",
			AT ".$ref: Forbidden: $ref is not supported"},
		{"{\"type\":\"object\",\"nullable\":true}",
			AT ".nullable: Forbidden: nullable cannot be true at the root"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

#define IN_A(schema) "{\"type\":\"object\",\"properties\":{\"a\":" schema "}}"
#define AT_A         AT ".properties[a]"

TEST(defaults_fit_their_schemas)
{
	static const struct row rows[] = {
		{IN_A("{\"type\":\"integer\",\"default\":\"x\"}"), AT_A
			".default: Invalid value: \"string\":  in body must be of type integer: "
			"\"string\""},
		{IN_A("{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"integer\"}},"
		      "\"default\":{\"b\":\"x\",\"c\":1}}"),
			"[" AT_A
			".default: Invalid value: {\"b\":\"x\",\"c\":1}: must not have unknown "
			"fields, " AT_A
			".default.b: Invalid value: \"string\": b in body must be of "
			"type integer: \"string\"]"},
		{"{\"type\":\"object\",\"properties\":{\"metadata\":{\"type\":\"object\","
		 "\"properties\":{\"name\":{\"type\":\"string\",\"default\":\"x\"}}}}}",
			AT ".properties[metadata].properties[name].default: Forbidden: must not be "
			   "set in top-level metadata"},
		{IN_A("{\"type\":\"object\",\"x-kubernetes-embedded-resource\":true,\"properties\":"
		      "{"
		      "\"metadata\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":"
		      "\"string\",\"default\":\"a/b\"}}}}}"),
			AT_A
			".properties[metadata].properties[name].default: Invalid value: \"a/b\": "
			"must result in valid metadata: metadata.name: Invalid value: \"a/b\": "
			"may not contain '/'"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(fields_for_selection_are_found_in_the_schema)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(DEFINITIONS,
			    definition(IN_A("{\"type\":\"object\",\"properties\":{\"b\":{\"type\":"
					    "\"string\"}}}"),
				    ",\"selectableFields\":[{\"jsonPath\":\".a.b\"},{\"jsonPath\":"
				    "\".a.c\"},{\"jsonPath\":\".a['b']\"},{\"jsonPath\":\".a\"},{"
				    "\"jsonPath\":\"a\"}]")),
		"[spec.selectableFields[1].jsonPath: Invalid value: \".a.c\": is an invalid path: "
		"does not refer to a valid field, spec.selectableFields[2].jsonPath: Invalid "
		"value: "
		"\".a['b']\": is an invalid path: array notation is not allowed, "
		"spec.selectableFields[3].jsonPath: Invalid value: \".a\": must point to a field "
		"of "
		"type string, boolean or integer. Enum string fields and strings with formats are "
		"allowed., spec.selectableFields[4].jsonPath: Invalid value: \"a\": is an invalid "
		"path: expected [ or . but got: a]");
	arena_done(&rig_arena);
}

#define SET_OF_OBJECTS                                                                             \
	"{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"object\"}}"

TEST(old_definitions_keep_what_was_not_asked_of_them)
{
	arena_init(&rig_arena);
	const char *sound = definition(IN_A("{\"type\":\"string\"}"), "");
	const char *loose = definition(IN_A(SET_OF_OBJECTS), "");
	EXPECT(rig_update(DEFINITIONS, sound, loose)[0] != 0);
	EXPECT_TEXT(rig_update(DEFINITIONS, loose, loose), "");
	arena_done(&rig_arena);
}

TEST(the_root_says_nothing_that_the_status_would_lose)
{
	arena_init(&rig_arena);
	const char *said =
		rig_create(DEFINITIONS, definition("{\"type\":\"object\",\"maxProperties\":3}",
						",\"subresources\":{\"status\":{}}"));
	EXPECT(strstr(said,
		       "fields are allowed at the root of the schema if the status subresource "
		       "is enabled") != NULL);
	EXPECT_TEXT(rig_create(DEFINITIONS,
			    definition("{\"type\":\"object\",\"maxProperties\":3}", "")),
		"");
	arena_done(&rig_arena);
}

TEST(unknown_formats_are_warned_of_once)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_warnings(DEFINITIONS,
			definition(
				"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\","
				"\"format\":\"zip\"},\"b\":{\"type\":\"string\",\"format\":"
				"\"date-time\"},\"c\":{\"type\":\"array\",\"items\":{\"type\":"
				"\"string\",\"format\":\"zip\"}},\"d\":{\"type\":\"integer\","
				"\"format\":\"int64\"}}}",
				"")),
		"unrecognized format \"zip\"\n");
	arena_done(&rig_arena);
}

TEST(the_condition_names_every_fault)
{
	arena_init(&rig_arena);
	struct change c =
		rig_change(DEFINITIONS, definition("{\"properties\":{\"a\":{}}}", ""), NULL);
	EXPECT_STR(custom_definition_faults(&rig_arena, c.object).text,
		"[spec.versions[0].schema.openAPIV3Schema.properties[a].type: Required value: must "
		"not be empty for specified object fields, "
		"spec.versions[0].schema.openAPIV3Schema.type: Required value: must not be empty "
		"at "
		"the root]");
	c = rig_change(DEFINITIONS, definition("{\"type\":\"object\"}", ""), NULL);
	EXPECT_STR(custom_definition_faults(&rig_arena, c.object).text, "");
	arena_done(&rig_arena);
}
