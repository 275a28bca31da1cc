/* Patterns, and rules in CEL. Rows are schema of spec, spec before (or NULL), spec, what is said.
 */
#include "custom_rig.h"

struct row {
	const char *schema, *old, *spec, *wanted;
};

#define RULED(properties, rules)                                                                   \
	"{\"type\":\"object\",\"properties\":{" properties                                         \
	"},\"x-kubernetes-validations\":[" rules "]}"
#define RULE(text)    "{\"rule\":\"" text "\"}"
#define INTEGER       "{\"type\":\"integer\"}"
#define NUMBER(rules) "{\"type\":\"integer\",\"x-kubernetes-validations\":[" rules "]}"

static void check_rows(const struct row *rows, size_t count)
{
	arena_init(&rig_arena);
	for (size_t i = 0; i < count; i++) {
		struct custom_type *t = rig_type(rows[i].schema, NULL);
		const char *said = rig_faults(t, rows[i].old, rows[i].spec);

		test_context("%s: %s", rows[i].schema, rows[i].spec);
		EXPECT_TEXT(said ? said : "", rows[i].wanted);
		custom_type_unref(t);
	}
	test_context_end();
	arena_done(&rig_arena);
}

TEST(patterns_match_anywhere_in_a_text)
{
	static const struct row rows[] = {
		{RULED("\"a\":{\"type\":\"string\",\"pattern\":\"b+\"}", ""), NULL,
			"{\"a\":\"abc\"}", ""},
		{RULED("\"a\":{\"type\":\"string\",\"pattern\":\"^b+$\"}", ""), NULL,
			"{\"a\":\"abc\"}",
			"spec.a: Invalid value: \"abc\": spec.a in body should match '^b+$'"},
		/* lengths come first */
		{RULED("\"a\":{\"type\":\"string\",\"pattern\":\"b\",\"minLength\":2}", ""), NULL,
			"{\"a\":\"a\"}",
			"spec.a: Invalid value: \"a\": spec.a in body should be at least 2 chars "
			"long"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(what_a_rule_says_stands_where_it_points)
{
	static const struct row rows[] = {
		{RULED("\"n\":" INTEGER, RULE("self.n > 1")), NULL, "{\"n\":2}", ""},
		{RULED("\"n\":" INTEGER, RULE("self.n > 1")), NULL, "{\"n\":1}",
			"spec: Invalid value: failed rule: self.n > 1"},
		{RULED("\"n\":" NUMBER("{\"rule\":\"self > 1\",\"message\":\" big \"}"), ""), NULL,
			"{\"n\":1}", "spec.n: Invalid value: 1: big"},
		{RULED("\"n\":" INTEGER, "{\"rule\":\"self.n > 1\",\"fieldPath\":\".n\",\"reason\":"
					 "\"FieldValueForbidden\",\"messageExpression\":\"'not ' + "
					 "string(self.n)\"}"),
			NULL, "{\"n\":1}", "spec.n: Forbidden: not 1"},
		/* what the expression makes must be one line of text */
		{RULED("\"n\":" INTEGER,
			 "{\"rule\":\"self.n > "
			 "1\",\"message\":\"m\",\"messageExpression\":\"'a\\\\n"
			 "b'\"},{\"rule\":\"self.n > 2\",\"messageExpression\":\"string(1 / "
			 "(self.n - 1))\"}"),
			NULL, "{\"n\":1}",
			"[spec: Invalid value: m, spec: Invalid value: failed rule: self.n > 2]"},
		/* nulls and what is not there are nothing to ask */
		{RULED("\"n\":{\"type\":\"integer\",\"nullable\":true,\"x-kubernetes-validations\":"
		       "[" RULE("self > 1") "]}",
			 ""),
			NULL, "{\"n\":null}", ""},
		{RULED("\"n\":" INTEGER
		       ",\"m\":{\"type\":\"object\",\"additionalProperties\":" NUMBER(
			       RULE("self > 1")) "}",
			 ""),
			NULL, "{\"m\":{\"b\":1,\"a\":0,\"c\":2}}",
			"[spec.m[a]: Invalid value: 0: failed rule: self > 1, spec.m[b]: Invalid "
			"value: 1: failed rule: self > 1]"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(rules_that_fail_and_values_of_wrong_types_are_told)
{
	static const struct row rows[] = {
		{RULED("\"n\":" INTEGER, RULE("1 / self.n > 0") "," RULE("self.n == 0")), NULL,
			"{\"n\":0}",
			"spec: Invalid value: \"object\": division by zero evaluating rule: 1 / "
			"self.n > 0"},
		{RULED("\"n\":" INTEGER, RULE("self.n == 0")), NULL, "{\"n\":\"x\"}",
			"[spec.n: Invalid value: \"string\": spec.n in body must be of type "
			"integer: \"string\", <nil>: Invalid value: null: some validation rules "
			"were not checked because the object was invalid; correct the existing "
			"errors to complete validation]"},
		{RULED("\"n\":{\"x-kubernetes-int-or-string\":true}", RULE("self.n > 0")), NULL,
			"{\"n\":\"x\"}",
			"spec: Invalid value: \"object\": 'no such overload': call arguments did "
			"not match a supported operator, function or macro signature for rule: "
			"self.n > 0"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

#define KEYED                                                                                      \
	"\"l\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-"    \
	"keys\":[\"k\"],\"items\":{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{"      \
	"\"k\":{\"type\":\"string\"},\"v\":" NUMBER(RULE("self >= oldSelf")) "}}}"

TEST(transitions_compare_what_is_the_same_thing)
{
	static const struct row rows[] = {
		{RULED("\"n\":" NUMBER(RULE("self >= oldSelf")), ""), NULL, "{\"n\":1}", ""},
		{RULED("\"n\":" NUMBER(RULE("self >= oldSelf")), ""), "{}", "{\"n\":1}", ""},
		{RULED("\"n\":" NUMBER(RULE("self >= oldSelf")), ""), "{\"n\":2}", "{\"n\":1}",
			"spec.n: Invalid value: 1: failed rule: self >= oldSelf"},
		{RULED("\"n\":" NUMBER("{\"rule\":\"oldSelf.orValue(5) <= self\","
				       "\"optionalOldSelf\":true}"),
			 ""),
			NULL, "{\"n\":1}",
			"spec.n: Invalid value: 1: failed rule: oldSelf.orValue(5) <= self"},
		{RULED(KEYED, ""), "{\"l\":[{\"k\":\"a\",\"v\":5},{\"k\":\"b\",\"v\":1}]}",
			"{\"l\":[{\"k\":\"b\",\"v\":1},{\"k\":\"c\",\"v\":0},{\"k\":\"a\",\"v\":4}]"
			"}",
			"spec.l[2].v: Invalid value: 4: failed rule: self >= oldSelf"},
		/* what was as bad before may stay */
		{RULED("\"n\":" NUMBER(RULE("self > 5")) ",\"m\":" INTEGER, ""),
			"{\"n\":1,\"m\":1}", "{\"n\":1,\"m\":2}", ""},
		{RULED("\"n\":" INTEGER ",\"m\":" INTEGER, RULE("self.n > 5")), "{\"n\":1}",
			"{\"n\":1,\"m\":2}", "spec: Invalid value: failed rule: self.n > 5"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(all_rules_together_have_a_budget)
{
	_cleanup_(buf_done) struct buf spec = BUF_INIT(4 * MIB);
	struct custom_type *t;
	struct str said;

	arena_init(&rig_arena);
	t = rig_type(RULED("\"l\":{\"type\":\"array\",\"items\":" INTEGER "}",
			     RULE("self.l.all(x, self.l.all(y, x + y >= 0))")),
		NULL);
	buf_add_text(&spec, "{\"l\":[0");
	for (size_t i = 0; i < 3000; i++)
		buf_add_text(&spec, ",0");
	buf_add_text(&spec, "]}");
	said = str_from(rig_faults(t, NULL, buf_text(&spec)));
	EXPECT(str_find(said, STR("operation cancelled: actual cost limit exceeded")) >= 0);
	EXPECT(str_find(said, STR("no further validation rules will be run")) >= 0);
	custom_type_unref(t);
	arena_done(&rig_arena);
}
