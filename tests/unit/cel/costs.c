/*
 * What expressions cost: golden/costs.txt has a line for each, the least and the most that the
 * estimate says, what running it costs, a tab, and the expression, as upstream has them. Where
 * parts are constant lists, maps and conversions running costs less than upstream's tests say, as
 * it does in upstream's server, which works constants out beforehand: those lines do not tell it.
 *
 * golden/rule_costs.txt: the most that a rule of a definition may cost ("over": more than one may),
 * the rule, and the schema that it stands in.
 *
 * golden/run_costs.txt: a schema, an object, and lines of what a rule over it costs, and the rule.
 * Each rule holds.
 */
#include "test.h"

#include "read.h"

#include <kube/cel.h>

static void allow(void *ctx, struct arena *a, const struct cel_check *check, struct cel_decision *d)
{
	(void)ctx;
	(void)a;
	(void)check;
	d->allowed = true;
}

static void compare(struct cel_env *env, struct arena *a, struct str wanted, struct str text)
{
	static const struct cel_authorizer authorizer = {.check = allow};
	struct cel_program *p = cel_compile(env, text, NULL);
	struct cel_value vars[] = {cel_authorizer(&authorizer)}, v;
	struct cel_run run = {.arena = a, .variables = vars, .variable_count = 1};
	struct cel_cost estimate = cel_estimate(p);
	struct str got;

	v = cel_eval(p, &run);
	got = v.kind == CEL_ERROR
		      ? v.str
		      : arena_print(a, "%llu %llu %llu", (unsigned long long)estimate.min,
				(unsigned long long)estimate.max, (unsigned long long)run.cost);
	if (!str_starts(got, wanted) || (got.len > wanted.len && got.at[wanted.len] != ' '))
		test_fail(__FILE__, __LINE__, "%.*s\n  wanted %.*s\n  got    %.*s", STRF(text),
			STRF(wanted), STRF(got));
	cel_program_free(p);
}

TEST(expressions_cost_what_upstream_counts)
{
	struct arena a, scratch;
	struct cel_env *env = cel_env_new(CEL_WITH_PATCHES);
	struct str rest, line, wanted, text;
	int count = 0;

	arena_init(&a);
	arena_init(&scratch);
	cel_declare(env, STR("authorizer"), &cel_authorizer_type);
	rest = read_golden(&a, "costs.txt");
	while (str_next(&rest, '\n', &line)) {
		if (!line.len)
			continue;
		arena_reset(&scratch);
		REQUIRE(str_cut(line, '\t', &wanted, &text));
		compare(env, &scratch, wanted, text);
		count++;
	}
	EXPECT(count > 150);
	arena_done(&scratch);
	arena_done(&a);
	cel_env_free(env);
}

static struct str most(struct arena *a, struct str rule, struct str schema)
{
	struct cel_env *env = cel_env_new(0);
	const struct cel_type *type;
	struct cel_program *p;
	struct cJSON *tree = NULL;
	struct str got;
	uint64_t cost;

	EXPECT_INT(json_parse(a, schema, NULL, &tree, NULL), 0);
	type = cel_type_of_schema(env, tree, false);
	cel_declare(env, STR("self"), type);
	cel_declare(env, STR("oldSelf"), type);
	p = cel_compile(env, rule, &cel_bool);
	cost = cel_estimate(p).max;
	got = cel_failure(p).kind           ? cel_failure(p).text
	      : cost > CEL_EXPRESSION_LIMIT ? arena_print(a, "%llu over", (unsigned long long)cost)
					    : arena_print(a, "%llu", (unsigned long long)cost);
	got = arena_str(a, got);
	cel_program_free(p);
	cel_env_free(env);
	return got;
}

TEST(rules_of_definitions_may_cost_what_upstream_reckons)
{
	struct arena a, scratch;
	struct str rest, line, wanted, parts, rule, schema, got;
	int count = 0;

	arena_init(&a);
	arena_init(&scratch);
	rest = read_golden(&a, "rule_costs.txt");
	while (str_next(&rest, '\n', &line)) {
		if (!line.len)
			continue;
		arena_reset(&scratch);
		REQUIRE(str_cut(line, '\t', &wanted, &parts));
		REQUIRE(str_cut(parts, '\t', &rule, &schema));
		got = most(&scratch, unescape(&scratch, rule), schema);
		if (!(str_eq_text(wanted, "over")
				    ? str_ends(got, STR(" over"))
				    : str_starts(got, wanted) &&
					      (got.len == wanted.len || got.at[wanted.len] == ' ')))
			test_fail(__FILE__, __LINE__, "%.*s in %.*s\n  wanted %.*s\n  got    %.*s",
				STRF(rule), STRF(schema), STRF(wanted), STRF(got));
		count++;
	}
	EXPECT(count > 100);
	arena_done(&scratch);
	arena_done(&a);
}

/* A schema with its object, for the rules that follow. */
struct shown {
	struct arena arena;
	struct cel_env *env;
	struct cJSON *schema, *object;
	struct cel_value self;
};

static void show(struct shown *s, bool is_schema, struct str json)
{
	if (is_schema) {
		cel_env_free(s->env);
		arena_reset(&s->arena);
		s->env = cel_env_new(0);
	}
	REQUIRE(json_parse(&s->arena, json, NULL, is_schema ? &s->schema : &s->object, NULL) == 0);
	if (!is_schema) {
		const struct cel_type *type = cel_type_of_schema(s->env, s->schema, true);

		s->self = cel_json(s->object, type);
		cel_declare(s->env, STR("self"), type);
	}
}

static void run_rule(const struct shown *s, struct arena *a, struct str wanted, struct str rule)
{
	struct cel_program *p = cel_compile(s->env, rule, &cel_bool);
	struct cel_run run = {.arena = a, .variables = &s->self, .variable_count = 1};
	struct cel_value v = cel_eval(p, &run);
	struct str got =
		v.kind == CEL_ERROR ? v.str : arena_print(a, "%llu", (unsigned long long)run.cost);

	if (!str_eq(got, wanted) || !v.b)
		test_fail(__FILE__, __LINE__, "%.*s\n  wanted %.*s\n  got    %.*s%s", STRF(rule),
			STRF(wanted), STRF(got), v.b ? "" : ", and it is false");
	cel_program_free(p);
}

TEST(rules_over_objects_cost_what_upstream_counts)
{
	struct arena a, scratch;
	struct shown shown = {0};
	struct str rest, line, word, text;
	int count = 0;

	arena_init(&a);
	arena_init(&scratch);
	arena_init(&shown.arena);
	rest = read_golden(&a, "run_costs.txt");
	while (str_next(&rest, '\n', &line)) {
		arena_reset(&scratch);
		if (!line.len)
			continue;
		REQUIRE(str_cut(line, '\t', &word, &text));
		if (str_eq_text(word, "schema") || str_eq_text(word, "object")) {
			show(&shown, str_eq_text(word, "schema"), text);
			continue;
		}
		run_rule(&shown, &scratch, word, unescape(&scratch, text));
		count++;
	}
	EXPECT(count > 150);
	cel_env_free(shown.env);
	arena_done(&shown.arena);
	arena_done(&scratch);
	arena_done(&a);
}
