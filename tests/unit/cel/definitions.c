/* Rules of definitions: what they see of objects by a structural schema, and what they may cost. */
#include "test.h"

#include <kube/cel.h>

struct rig {
	struct arena arena;
	struct cel_env *env;
	const struct cel_type *type;
};

static void rig_init(struct rig *r, const char *schema, bool resource)
{
	struct cJSON *json = NULL;

	arena_init(&r->arena);
	r->env = cel_env_new(0);
	EXPECT_INT(json_parse(&r->arena, str_from(schema), NULL, &json, NULL), 0);
	r->type = cel_type_of_schema(r->env, json, resource);
	if (r->type) {
		cel_declare(r->env, STR("self"), r->type);
		cel_declare(r->env, STR("oldSelf"), r->type);
	}
}

static void rig_done(struct rig *r)
{
	cel_env_free(r->env);
	arena_done(&r->arena);
}

/* "true", "false", "error: …", "invalid: …" (its first line). */
static struct str judge(struct rig *r, const char *rule, const char *self, const char *old)
{
	struct cel_program *p = cel_compile(r->env, str_from(rule), &cel_bool);
	struct cel_value vars[2], v;
	struct cel_run run = {.arena = &r->arena, .variables = vars, .variable_count = 2};
	struct cJSON *json = NULL, *before = NULL;
	struct str got = STR(""), rest;

	EXPECT_INT(json_parse(&r->arena, str_from(self), NULL, &json, NULL), 0);
	EXPECT_INT(json_parse(&r->arena, str_from(old ? old : self), NULL, &before, NULL), 0);
	vars[0] = cel_json(json, r->type);
	vars[1] = cel_json(before, r->type);
	if (cel_failure(p).kind) {
		str_cut(cel_failure(p).text, '\n', &got, &rest);
		got = arena_print(&r->arena, "invalid: %.*s", STRF(got));
	} else {
		v = cel_eval(p, &run);
		got = v.kind == CEL_BOOL ? v.b ? STR("true") : STR("false")
					 : arena_print(&r->arena, "error: %.*s", STRF(v.str));
	}
	cel_program_free(p);
	return got;
}

static const char spec[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"a-b\":{\"type\":\"integer\"},\"c.d\":{\"type\":\"integer\"},\"g__h\":{\"type\":"
	"\"integer\"},\"namespace\":{\"type\":\"integer\"},\"2x\":{\"type\":\"integer\"},"
	"\"d\":{\"type\":\"string\",\"format\":\"date-time\"},"
	"\"du\":{\"type\":\"string\",\"format\":\"duration\"},"
	"\"da\":{\"type\":\"string\",\"format\":\"date\"},"
	"\"by\":{\"type\":\"string\",\"format\":\"byte\"},"
	"\"ios\":{\"x-kubernetes-int-or-string\":true},"
	"\"nu\":{\"type\":\"string\",\"nullable\":true},\"nm\":{\"type\":\"number\"},"
	"\"u\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true},"
	"\"any\":{\"x-kubernetes-preserve-unknown-fields\":true},"
	"\"m\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
	"\"set\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":"
	"\"integer\"}},"
	"\"keyed\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
	"\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\",\"properties\":{"
	"\"k\":{\"type\":\"string\"},\"v\":{\"type\":\"integer\"}}}},"
	"\"plain\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
	"\"tpl\":{\"type\":\"object\",\"x-kubernetes-embedded-resource\":true}}}";

TEST(objects_are_seen_as_their_schema_says)
{
	static const struct {
		const char *rule, *self, *answer;
	} rows[] = {
		{"self.a__dash__b > 0", "{\"a-b\":1}", "true"},
		{"self.c__dot__d > 0", "{\"c.d\":0}", "false"},
		{"self.g__underscores__h == 2", "{\"g__h\":2}", "true"},
		{"self.__namespace__ == 2", "{\"namespace\":2}", "true"},
		{"has(self.a__dash__b)", "{}", "false"},
		{"self.a__dash__b == 1", "{}", "error: no such key: a__dash__b"},
		{"self.zzz > 0", "{}", "invalid: ERROR: <input>:1:5: undefined field 'zzz'"},
		{"self.u.x == 1", "{}", "invalid: ERROR: <input>:1:7: undefined field 'x'"},
		{"self.any == 1", "{}", "invalid: ERROR: <input>:1:5: undefined field 'any'"},
		{"self.d > timestamp('2020-01-01T00:00:00Z')", "{\"d\":\"2019-01-01T00:00:00Z\"}",
			"false"},
		{"self.du < duration('1h')", "{\"du\":\"5m\"}", "true"},
		{"self.da.getFullYear() > 2000", "{\"da\":\"1999-01-01\"}", "false"},
		{"self.by == b'hi'", "{\"by\":\"aGk=\"}", "true"},
		{"type(self.ios) == int ? self.ios > 5 : self.ios == '5%'", "{\"ios\":9}", "true"},
		{"type(self.ios) == int ? self.ios > 5 : self.ios == '5%'", "{\"ios\":\"6%\"}",
			"false"},
		/* A null field is one that is not there. */
		{"!has(self.nu)", "{\"nu\":null}", "true"},
		{"self.nu != 'x'", "{\"nu\":null}", "error: no such key: nu"},
		{"self.nu != null", "{}",
			"invalid: ERROR: <input>:1:9: found no matching overload for '_!=_' "
			"applied to '(string, null)'"},
		{"type(self.nm) == double && self.nm > 0.5", "{\"nm\":1}", "true"},
		{"self.m['k'] == 'x'", "{\"m\":{}}", "error: no such key: k"},
		{"self.m.all(k, v, k + '1' == v)", "{\"m\":{\"a\":\"a1\",\"b\":\"b1\"}}", "true"},
		{"self.set == [2, 1]", "{\"set\":[1,2]}", "true"},
		{"(self.set + [2, 3]).size() == 3", "{\"set\":[1,2]}", "true"},
		{"self.plain == [2, 1]", "{\"plain\":[1,2]}", "false"},
		{"(self.plain + [2, 3]).size() == 4", "{\"plain\":[1,2]}", "true"},
		{"self.plain[2] == 1", "{\"plain\":[1,2]}", "error: index out of bounds: 2"},
		{"(self.keyed + self.keyed).size() == 2",
			"{\"keyed\":[{\"k\":\"a\",\"v\":1},{\"k\":\"b\",\"v\":2}]}", "true"},
		{"self.tpl.kind == 'K' && self.tpl.metadata.name == 'n'",
			"{\"tpl\":{\"kind\":\"K\",\"metadata\":{\"name\":\"n\"}}}", "true"},
		{"self.tpl.metadata.labels.size() == 0", "{}",
			"invalid: ERROR: <input>:1:18: undefined field 'labels'"},
		{"self.plain.sum() == 'a'", "{}",
			"invalid: ERROR: <input>:1:18: found no matching overload for '_==_' "
			"applied to '(int, string)'"},
		{"self.plain", "{}", "invalid: must evaluate to bool but got list(int)"},
	};
	struct rig r;

	rig_init(&r, spec, false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str got = judge(&r, rows[i].rule, rows[i].self, NULL);
		if (!str_eq_text(got, rows[i].answer))
			test_fail(__FILE__, __LINE__, "%s: %.*s, not %s", rows[i].rule, STRF(got),
				rows[i].answer);
	}
	rig_done(&r);
}

TEST(rules_of_transition_see_the_old_value)
{
	struct cel_program *p;
	struct rig r;

	rig_init(&r, "{\"type\":\"integer\"}", false);
	EXPECT_STR(judge(&r, "self >= oldSelf", "2", "3"), "false");
	EXPECT_STR(judge(&r, "self >= oldSelf", "3", "3"), "true");
	p = cel_compile(r.env, STR("self > 0"), NULL);
	EXPECT(cel_uses(p, STR("self")) && !cel_uses(p, STR("oldSelf")));
	cel_program_free(p);
	cel_declare(r.env, STR("oldSelf"), cel_type_optional(r.env, r.type));
	p = cel_compile(r.env, STR("oldSelf.hasValue() || self == 1"), &cel_bool);
	EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
	EXPECT(cel_uses(p, STR("oldSelf")));
	cel_program_free(p);
	cel_undeclare(r.env, STR("oldSelf"));
	EXPECT_STR(judge(&r, "oldSelf == 1", "3", NULL),
		"invalid: ERROR: <input>:1:1: undeclared reference to 'oldSelf' (in container '')");
	rig_done(&r);
}

TEST(a_whole_object_has_its_names)
{
	struct rig r;

	rig_init(&r, "{\"type\":\"object\",\"properties\":{\"metadata\":{\"type\":\"object\"}}}",
		true);
	EXPECT_STR(judge(&r, "self.metadata.name.startsWith('ok') && self.kind == 'T'",
			   "{\"kind\":\"T\",\"metadata\":{\"name\":\"okay\"}}", NULL),
		"true");
	EXPECT_STR(judge(&r, "self.metadata.namespace == ''", "{}", NULL),
		"invalid: ERROR: <input>:1:14: undefined field 'namespace'");
	rig_done(&r);
}

TEST(schemas_that_show_nothing_have_no_type)
{
	static const char *const schemas[] = {"{}", "{\"type\":\"array\"}",
		"{\"x-kubernetes-preserve-unknown-fields\":true}",
		"{\"type\":\"object\",\"additionalProperties\":{}}"};
	struct rig r;

	for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
		rig_init(&r, schemas[i], false);
		EXPECT(!r.type);
		rig_done(&r);
	}
}

static const char sizes[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"l\":{\"type\":\"array\",\"maxItems\":100,\"items\":{\"type\":\"integer\"}},"
	"\"ll\":{\"type\":\"array\",\"maxItems\":50,\"items\":{\"type\":\"array\",\"maxItems\":10,"
	"\"items\":{\"type\":\"integer\"}}},"
	"\"s\":{\"type\":\"string\",\"maxLength\":100},\"t\":{\"type\":\"string\",\"maxLength\":10}"
	","
	"\"ls\":{\"type\":\"array\",\"maxItems\":5,\"items\":{\"type\":\"string\",\"maxLength\":5}}"
	","
	"\"un\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"us\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"},"
	"\"m\":{\"type\":\"object\",\"maxProperties\":10,\"additionalProperties\":{\"type\":"
	"\"string\",\"maxLength\":20}}}}";

/* Of upstream's counting: a name and a field are one each, a loop's turn of all() three. */
TEST(costs_are_estimated_from_sizes)
{
	static const struct {
		const char *rule;
		uint64_t min, max;
	} rows[] = {
		{"true", 0, 0},
		{"self.l.all(x, true)", 3, 303},
		{"self.ll.all(x, x.all(y, true))", 3, 1753},
		{"self.l.map(x, x).size() == 0", 2 + 10 + 1 + 1 + 1, 0},
		{"self.s.contains(self.t)", 4, 164},
		{"self.s.startsWith('0123456789')", 3, 3},
		{"self.s == 'abc'", 3, 3},
		{"self.s.matches('^a{3}$')", 4, 84},
		{"self.m['a'] == 'b'", 4, 4},
		{"self.n > 0 && self.n < 9", 3, 6},
		{"[1, 2, 3] == [4]", 21, 21},
		{"has(self.n) ? self.n > 1 : true", 1, 4},
	};
	struct rig r;

	rig_init(&r, sizes, false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cel_program *p = cel_compile(r.env, str_from(rows[i].rule), NULL);
		struct cel_cost cost = cel_estimate(p);
		EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
		if (cost.min != rows[i].min || (rows[i].max && cost.max != rows[i].max))
			test_fail(__FILE__, __LINE__, "%s: %llu…%llu, not %llu…%llu", rows[i].rule,
				(unsigned long long)cost.min, (unsigned long long)cost.max,
				(unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
		cel_program_free(p);
	}
	rig_done(&r);
}

TEST(rules_without_bounds_are_beyond_the_limit)
{
	static const struct {
		const char *rule;
		bool over;
	} rows[] = {
		{"self.un.all(x, self.un.all(y, x == y))", true},
		{"self.un.all(x, x.matches('a.*b'))", true},
		{"self.us.contains(self.us)", true},
		{"self.ls.all(x, self.ls.all(y, x == y))", false},
		{"self.ls.all(x, x.matches('a.*b'))", false},
		{"self.us.matches('^a+$')", false},
	};
	struct rig r;

	rig_init(&r, sizes, false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cel_program *p = cel_compile(r.env, str_from(rows[i].rule), &cel_bool);
		bool over = cel_estimate(p).max > CEL_EXPRESSION_LIMIT;
		if (over != rows[i].over)
			test_fail(__FILE__, __LINE__, "%s: %llu", rows[i].rule,
				(unsigned long long)cel_estimate(p).max);
		cel_program_free(p);
	}
	rig_done(&r);
}

TEST(a_run_ends_when_it_costs_too_much)
{
	struct cel_env *env = cel_env_new(0);
	struct cel_program *p = cel_compile(env,
		STR("lists.range(1000).all(x, lists.range(1000).all(y, x + y >= 0))"), &cel_bool);
	struct cel_run run = {0};
	struct arena a;
	struct cel_value v;

	arena_init(&a);
	run.arena = &a;
	v = cel_eval(p, &run);
	EXPECT_INT(v.kind, CEL_ERROR);
	EXPECT_INT(v.held, CEL_OVER_LIMIT);
	EXPECT_STR(v.str, "operation cancelled: actual cost limit exceeded");
	EXPECT(run.cost > CEL_PER_CALL_LIMIT && run.cost < 2 * CEL_PER_CALL_LIMIT);
	run.limit = 100000000;
	v = cel_eval(p, &run);
	EXPECT(v.kind == CEL_BOOL && v.b);
	cel_program_free(p);
	cel_env_free(env);
	arena_done(&a);
}
