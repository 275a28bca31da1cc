/* Custom types: reading, defaults, rules. Rows are schema of spec, spec, what becomes of it. */
#include "custom_rig.h"

struct row {
	const char *schema, *spec, *wanted;
};

#define STRING             "{\"type\":\"string\"}"
#define INTEGER            "{\"type\":\"integer\"}"
#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

static void read_rows(const struct row *rows, size_t count, bool defaults)
{
	arena_init(&rig_arena);
	for (size_t i = 0; i < count; i++) {
		struct custom_type *t = rig_type(rows[i].schema, NULL);

		test_context("%s: %s", rows[i].schema, rows[i].spec);
		EXPECT_TEXT(rig_decoded(t, rows[i].spec, defaults), rows[i].wanted);
		custom_type_unref(t);
	}
	test_context_end();
	arena_done(&rig_arena);
}

static void rule_rows(const struct row *rows, size_t count)
{
	arena_init(&rig_arena);
	for (size_t i = 0; i < count; i++) {
		struct custom_type *t = rig_type(rows[i].schema, NULL);
		const char *said = rig_faults(t, NULL, rows[i].spec);

		test_context("%s: %s", rows[i].schema, rows[i].spec);
		EXPECT_TEXT(said ? said : "", rows[i].wanted);
		custom_type_unref(t);
	}
	test_context_end();
	arena_done(&rig_arena);
}

TEST(what_the_schema_does_not_know_goes_and_is_noted)
{
	static const struct row rows[] = {
		{OBJECT("\"a\":" STRING), "{\"z\":1,\"a\":\"x\",\"b\":{\"c\":1}}",
			"{\"a\":\"x\"}|unknown field \"spec.b\"|unknown field \"spec.z\""},
		{OBJECT("\"l\":{\"type\":\"array\",\"items\":" OBJECT("\"a\":" STRING) "}"),
			"{\"l\":[{\"a\":\"x\"},{\"b\":1}]}",
			"{\"l\":[{\"a\":\"x\"},{}]}|unknown field \"spec.l[1].b\""},
		{"{\"type\":\"object\",\"additionalProperties\":" OBJECT("\"a\":" STRING) "}",
			"{\"m\":{\"a\":\"x\",\"b\":1}}",
			"{\"m\":{\"a\":\"x\"}}|unknown field \"spec.m.b\""},
		/* nothing is known of the values behind `true` */
		{"{\"type\":\"object\",\"additionalProperties\":true}", "{\"m\":{\"a\":1},\"n\":2}",
			"{\"m\":{},\"n\":2}|unknown field \"spec.m.a\""},
		{"{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true,"
		 "\"properties\":{\"a\":" OBJECT("\"b\":" STRING) "}}",
			"{\"z\":{\"y\":1},\"a\":{\"b\":\"x\",\"c\":1}}",
			"{\"a\":{\"b\":\"x\"},\"z\":{\"y\":1}}|unknown field \"spec.a.c\""},
		{"{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}",
			"{\"l\":[{\"a\":[1]}]}", "{\"l\":[{\"a\":[1]}]}"},
	};

	read_rows(rows, ARRAY_LEN(rows), false);
}

TEST(numbers_and_keys_come_as_go_prints_them)
{
	static const struct row rows[] = {
		{"{\"x-kubernetes-preserve-unknown-fields\":true}",
			"{\"c\":1.0,\"b\":1e3,\"a\":[12345678901234567890,1.50,-0,"
			"9223372036854775807]}",
			"{\"a\":[12345678901234567000,1.5,0,9223372036854775807],\"b\":1000,\"c\":"
			"1}"},
	};

	read_rows(rows, ARRAY_LEN(rows), false);
}

TEST(nulls_mean_nothing_where_they_may_not_be)
{
	static const struct row rows[] = {
		{OBJECT("\"a\":" STRING ",\"n\":{\"type\":\"string\",\"nullable\":true},"
			"\"d\":{\"type\":\"string\",\"default\":\"x\"}"),
			"{\"a\":null,\"n\":null,\"d\":null}", "{\"d\":\"x\",\"n\":null}"},
		{"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\","
		 "\"default\":\"x\"}}",
			"{\"a\":null,\"b\":\"y\"}", "{\"a\":\"x\",\"b\":\"y\"}"},
		{OBJECT("\"l\":{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"default\":5}"
			"}"),
			"{\"l\":[1,null]}", "{\"l\":[1,5]}"},
	};

	read_rows(rows, ARRAY_LEN(rows), true);
}

TEST(defaults_are_set_below_defaults)
{
	static const struct row rows[] = {
		{OBJECT("\"o\":{\"type\":\"object\",\"default\":{},\"properties\":{\"a\":{"
			"\"type\":\"integer\",\"default\":3},\"b\":" STRING "}}"),
			"{}", "{\"o\":{\"a\":3}}"},
		{OBJECT("\"o\":" OBJECT("\"a\":{\"type\":\"integer\",\"default\":3}")), "{}", "{}"},
		{OBJECT("\"l\":{\"type\":\"array\",\"items\":" OBJECT(
			 "\"a\":{\"type\":\"boolean\",\"default\":false}") "}"),
			"{\"l\":[{},{\"a\":true}]}", "{\"l\":[{\"a\":false},{\"a\":true}]}"},
	};

	read_rows(rows, ARRAY_LEN(rows), true);
}

#define EMBEDDED                                                                                   \
	"{\"type\":\"object\",\"x-kubernetes-embedded-resource\":true,"                            \
	"\"x-kubernetes-preserve-unknown-fields\":true}"

TEST(objects_within_have_metadata_of_their_own)
{
	static const struct row rows[] = {
		{OBJECT("\"e\":" EMBEDDED),
			"{\"e\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
			"\"x\","
			"\"bogus\":1,\"labels\":{}},\"free\":1}}",
			"{\"e\":{\"apiVersion\":\"v1\",\"free\":1,\"kind\":\"Pod\",\"metadata\":{"
			"\"name\":\"x\"}}}|unknown field \"spec.e.metadata.bogus\""},
		{OBJECT("\"e\":" EMBEDDED), "{\"e\":{\"kind\":1}}",
			"spec.e.kind: Invalid value: 1: must be a string"},
		{OBJECT("\"e\":" EMBEDDED), "{\"e\":{\"metadata\":{\"labels\":{\"a\":1}}}}",
			"spec.e.metadata: Invalid value: {\"labels\":{\"a\":1}}: json: cannot "
			"unmarshal "
			"number into Go struct field ObjectMeta.labels of type string"},
	};
	static const struct row rules[] = {
		{OBJECT("\"e\":" EMBEDDED), "{\"e\":{}}",
			"[spec.e.apiVersion: Required value, spec.e.kind: Required value]"},
		{OBJECT("\"e\":" EMBEDDED), "{\"e\":{\"apiVersion\":\"a/b/c\",\"kind\":\"K\"}}",
			"spec.e.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion "
			"string: "
			"a/b/c"},
	};

	read_rows(rows, ARRAY_LEN(rows), false);
	rule_rows(rules, ARRAY_LEN(rules));
}

#define BODY "Invalid value: "

TEST(values_are_told_what_is_wrong_in_upstreams_words)
{
	static const struct row rows[] = {
		{OBJECT("\"a\":" STRING), "{\"a\":1}",
			"spec.a: Invalid value: \"integer\": spec.a in body must be of type "
			"string: "
			"\"integer\""},
		{OBJECT("\"a\":" INTEGER), "{\"a\":1.5}",
			"[spec.a: Invalid value: \"number\": spec.a in body must be of type "
			"integer: "
			"\"number\", <nil>: Invalid value: \"\": Checked value must be of type "
			"integer "
			"(default format) in spec.a]"},
		{OBJECT("\"a\":{\"x-kubernetes-int-or-string\":true}"), "{\"a\":true}",
			"spec.a: Invalid value: \"boolean\": spec.a in body must be of type "
			"integer,string: \"boolean\""},
		{"{\"type\":\"object\",\"required\":[\"a\",\"b\"]}", "{}",
			"[spec.a: Required value, spec.b: Required value]"},
		{OBJECT("\"a\":{\"type\":\"string\",\"enum\":[\"x\",\"y\"]}"), "{\"a\":\"z\"}",
			"spec.a: Unsupported value: \"z\": supported values: \"x\", \"y\""},
		{OBJECT("\"a\":{\"type\":\"string\",\"maxLength\":2}"), "{\"a\":\"xyz\"}",
			"spec.a: Too long: may not be more than 2 bytes"},
		{OBJECT("\"a\":{\"type\":\"number\",\"multipleOf\":0.5}"), "{\"a\":1.3}",
			"spec.a: Invalid value: 1.3: spec.a in body should be a multiple of 0.5"},
		{OBJECT("\"a\":{\"type\":\"array\",\"maxItems\":1,\"items\":" INTEGER "}"),
			"{\"a\":[1,2]}", "spec.a: Too many: 2: must have at most 1 item"},
		{OBJECT("\"a\":{\"type\":\"integer\",\"format\":\"int32\"}"), "{\"a\":2147483648}",
			"<nil>: Invalid value: \"\": Checked value must be of type integer with "
			"format "
			"int32 in spec.a"},
		{OBJECT("\"m\":{\"type\":\"object\",\"additionalProperties\":" INTEGER "}"),
			"{\"m\":{\"k\":\"v\"}}",
			"spec.m.k: Invalid value: \"string\": spec.m.k in body must be of type "
			"integer: "
			"\"string\""},
	};

	rule_rows(rows, ARRAY_LEN(rows));
}

TEST(of_alternatives_the_one_that_came_nearest_is_told)
{
	static const struct row rows[] = {
		{OBJECT("\"x\":{\"type\":\"integer\",\"oneOf\":[{\"minimum\":5},{\"multipleOf\":2}]"
			"}"),
			"{\"x\":6}",
			"<nil>: Invalid value: \"\": \"spec.x\" must validate one and only one "
			"schema "
			"(oneOf). Found 2 valid alternatives"},
		{OBJECT("\"x\":{\"type\":\"integer\",\"oneOf\":[{\"minimum\":5},{\"multipleOf\":2}]"
			"}"),
			"{\"x\":1}",
			"[<nil>: Invalid value: \"\": \"spec.x\" must validate one and only one "
			"schema "
			"(oneOf). Found none valid, spec.x: Invalid value: 1: spec.x in body "
			"should be "
			"greater than or equal to 5]"},
		{OBJECT("\"x\":{\"type\":\"string\",\"not\":{\"enum\":[\"no\"]}}"),
			"{\"x\":\"no\"}",
			"<nil>: Invalid value: \"\": \"spec.x\" must not validate the schema "
			"(not)"},
		{OBJECT("\"x\":{\"type\":\"integer\",\"allOf\":[{\"minimum\":3},{\"maximum\":4}]}"),
			"{\"x\":9}",
			"[spec.x: Invalid value: 9: spec.x in body should be less than or equal to "
			"4, "
			"<nil>: Invalid value: \"\": \"spec.x\" must validate all the schemas "
			"(allOf)]"},
	};

	rule_rows(rows, ARRAY_LEN(rows));
}

#define SET "{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":" STRING "}"
#define KEYED                                                                                      \
	"{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":["  \
	"\"k\"],\"items\":{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{\"k\":" STRING \
	",\"v\":{\"type\":\"string\",\"maxLength\":1}}}}"

TEST(sets_and_maps_have_nothing_twice)
{
	static const struct row rows[] = {
		{OBJECT("\"l\":" SET), "{\"l\":[\"a\",\"b\",\"a\",\"a\"]}",
			"spec.l[2]: Duplicate value: \"a\""},
		{OBJECT("\"l\":" KEYED), "{\"l\":[{\"k\":\"a\"},{\"k\":\"b\"},{\"k\":\"a\"}]}",
			"spec.l[2]: Duplicate value: {\"k\":\"a\"}"},
	};

	rule_rows(rows, ARRAY_LEN(rows));
}

TEST(what_was_wrong_before_may_stay)
{
	struct custom_type *t;

	arena_init(&rig_arena);
	t = rig_type(OBJECT("\"a\":{\"type\":\"string\",\"maxLength\":1},\"b\":" INTEGER
			    ",\"l\":" KEYED ",\"s\":" SET),
		NULL);
	EXPECT_TEXT(rig_faults(t, "{\"a\":\"xy\",\"b\":1}", "{\"a\":\"xy\",\"b\":2}"), "");
	EXPECT(rig_faults(t, "{\"a\":\"xy\"}", "{\"a\":\"xyz\"}")[0] != 0);
	/* items are known by their keys, wherever they stand */
	EXPECT_TEXT(rig_faults(t, "{\"l\":[{\"k\":\"a\",\"v\":\"xy\"},{\"k\":\"b\"}]}",
			    "{\"l\":[{\"k\":\"b\"},{\"k\":\"c\"},{\"k\":\"a\",\"v\":\"xy\"}]}"),
		"");
	EXPECT_TEXT(rig_faults(t, "{\"s\":[\"a\",\"a\"]}", "{\"s\":[\"b\",\"b\"]}"), "");
	custom_type_unref(t);
	arena_done(&rig_arena);
}

TEST(scales_must_find_numbers)
{
	struct custom_type *t;

	arena_init(&rig_arena);
	t = rig_type("{\"x-kubernetes-preserve-unknown-fields\":true}",
		"{\"scale\":{\"specReplicasPath\":\".spec.replicas\",\"statusReplicasPath\":"
		"\".status.n\"}}");
	EXPECT_TEXT(rig_faults(t, NULL, "{\"replicas\":-1}"),
		".spec.replicas: Invalid value: -1: should be a non-negative integer");
	EXPECT_TEXT(rig_faults(t, NULL, "{\"replicas\":\"x\"}"),
		".spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type "
		"string, expected int64");
	custom_type_unref(t);
	arena_done(&rig_arena);
}
