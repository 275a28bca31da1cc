/*
 * Expressions with what upstream's API server answered: golden/values.txt has a line for each, the
 * expression, a tab, and "value …", "error …", "invalid …" (does not compile), "unbuilt …" (its
 * constant part fails), "wrong …" (it must yield a bool), or "among …|…" (one of these).
 */
#include "test.h"

#include "read.h"

#include <kube/cel.h>
#include <kube/mem.h>

static const char schema[] =
	"{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{"
	"\"e\":{\"type\":\"string\",\"maxLength\":1},\"i\":{\"type\":\"integer\"},"
	"\"z\":{\"type\":\"integer\"},\"one\":{\"type\":\"number\"}}}}}";
static const char self[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"Probe\",\"metadata\":{\"name\":\"x\"},"
	"\"spec\":{\"e\":\"\",\"i\":1,\"z\":0,\"one\":1}}";

static struct str answer(
	struct cel_env *env, struct arena *a, struct str text, struct cel_value v, bool wants_bool)
{
	struct cel_program *p = cel_compile(env, text, wants_bool ? &cel_bool : NULL);
	static const char *const names[] = {
		[CEL_INVALID] = "invalid", [CEL_WRONG_TYPE] = "wrong", [CEL_UNBUILT] = "unbuilt"};
	struct cel_failure failure = cel_failure(p);
	struct cel_run run = {.arena = a, .variables = &v, .variable_count = 1};
	struct str got;

	if (failure.kind != CEL_COMPILED) {
		got = arena_print(a, "%s %.*s", names[failure.kind], STRF(failure.text));
	} else {
		v = cel_eval(p, &run);
		got = v.kind == CEL_STRING  ? arena_print(a, "value %.*s", STRF(v.str))
		      : v.kind == CEL_ERROR ? arena_print(a, "error %.*s", STRF(v.str))
		      : v.kind == CEL_BOOL  ? arena_print(a, "value %s", v.b ? "true" : "false")
					    : arena_print(a, "kind %d", v.kind);
	}
	cel_program_free(p);
	return got;
}

static bool is_among(struct str got, struct str wanted)
{
	struct str rest = str_skip(wanted, sizeof("among ") - 1), one;

	while (str_next(&rest, '|', &one))
		if (str_eq(one, got))
			return true;
	return false;
}

TEST(expressions_yield_what_upstream_answers)
{
	struct arena a, scratch;
	struct cel_env *env = cel_env_new(0);
	struct cJSON *type_json, *self_json;
	const struct cel_type *type;
	struct str rest, line, text, wanted, got;
	int count = 0;

	arena_init(&a);
	arena_init(&scratch);
	REQUIRE(json_parse(&a, str_from(schema), NULL, &type_json, NULL) == 0);
	REQUIRE(json_parse(&a, str_from(self), NULL, &self_json, NULL) == 0);
	type = cel_type_of_schema(env, type_json, true);
	cel_declare(env, STR("self"), type);
	rest = read_golden(&a, "values.txt");
	while (str_next(&rest, '\n', &line)) {
		if (!line.len)
			continue;
		arena_reset(&scratch);
		REQUIRE(str_cut(line, '\t', &text, &wanted));
		text = unescape(&scratch, text);
		wanted = unescape(&scratch, wanted);
		got = answer(env, &scratch, text, cel_json(self_json, type),
			str_starts(wanted, STR("wrong ")));
		got = str_trim(got); /* as messages are */
		count++;
		if (str_starts(wanted, STR("among ")) ? !is_among(got, wanted)
						      : !str_eq(got, wanted))
			test_fail(__FILE__, __LINE__, "%.*s\n  wanted %.*s\n  got    %.*s",
				STRF(text), STRF(wanted), STRF(got));
	}
	EXPECT(count > 500);
	arena_done(&scratch);
	arena_done(&a);
	cel_env_free(env);
}
