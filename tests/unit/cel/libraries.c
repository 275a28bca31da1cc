/* What expressions of admission and of devices speak of, and what answers when it is asked. */
#include "test.h"
#include "zone_file.h"

#include <kube/cel.h>

static struct arena arena;
static struct cel_program *programs[32]; /* values borrow from them */
static size_t program_count;

static struct cJSON *tree(const char *json)
{
	struct cJSON *root = NULL;

	EXPECT_INT(json_parse(&arena, str_from(json), NULL, &root, NULL), 0);
	return root;
}

static void decide(
	void *ctx, struct arena *a, const struct cel_check *check, struct cel_decision *d)
{
	struct str *asked = ctx;

	*asked = check->is_resource
			 ? arena_print(a, "%.*s %.*s/%.*s/%.*s in %.*s named %.*s for %.*s/%.*s",
				   STRF(check->verb), STRF(check->group), STRF(check->resource),
				   STRF(check->subresource), STRF(check->namespace),
				   STRF(check->name), STRF(check->account_namespace),
				   STRF(check->account))
			 : arena_print(a, "%.*s %.*s", STRF(check->verb), STRF(check->path));
	d->allowed = str_eq_text(check->verb, "get");
	d->reason = STR("because");
}

static struct cel_value evaluate(
	struct cel_env *env, const char *text, const struct cel_value *vars, size_t count)
{
	struct cel_program *p = cel_compile(env, str_from(text), NULL);
	struct cel_run run = {.arena = &arena, .variables = vars, .variable_count = count};

	assert(program_count < ARRAY_LEN(programs));
	programs[program_count++] = p;
	return cel_eval(p, &run);
}

static void finish_with(struct cel_env *env)
{
	while (program_count)
		cel_program_free(programs[--program_count]);
	cel_env_free(env);
	arena_done(&arena);
}

TEST(the_authorizer_is_asked_what_was_put_together)
{
	struct str asked = STR("");
	struct cel_authorizer authorizer = {.ctx = &asked, .check = decide};
	struct cel_check own = {.group = STR("apps"),
		.resource = STR("deployments"),
		.namespace = STR("n"),
		.name = STR("d")};
	struct cel_env *env = cel_env_for_admission(0, false);
	struct cel_value vars[6] = {0}, v;

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(vars); i++)
		vars[i] = cel_json(NULL, &cel_dyn);
	vars[4] = cel_authorizer(&authorizer);
	vars[5] = cel_resource_check(&arena, &authorizer, &own);
	v = evaluate(env,
		"authorizer.group('apps').resource('deployments').subresource('scale')"
		".namespace('a').name('x').check('get').allowed()",
		vars, 6);
	EXPECT(v.kind == CEL_BOOL && v.b);
	EXPECT_STR(asked, "get apps/deployments/scale in a named x for /");
	v = evaluate(env, "authorizer.path('/healthz').check('post').allowed()", vars, 6);
	EXPECT(v.kind == CEL_BOOL && !v.b);
	EXPECT_STR(asked, "post /healthz");
	v = evaluate(env, "authorizer.requestResource.check('get').reason()", vars, 6);
	EXPECT_STR(v.str, "because");
	EXPECT_STR(asked, "get apps/deployments/ in n named d for /");
	v = evaluate(env,
		"authorizer.serviceAccount('ns', 'sa').group('').resource('pods').check('get')"
		".errored()",
		vars, 6);
	EXPECT(v.kind == CEL_BOOL && !v.b);
	EXPECT_STR(asked, "get /pods/ in  named  for ns/sa");
	v = evaluate(env, "authorizer.path(' ').check('get').allowed()", vars, 6);
	EXPECT_STR(v.str, "path must not be empty");
	v = evaluate(env, "authorizer.serviceAccount('a b', 'c').path('/x').check('get').allowed()",
		vars, 6);
	EXPECT_STR(v.str, "Invalid service account namespace");
	finish_with(env);
}

TEST(requests_have_the_fields_of_admission)
{
	static const char request[] =
		"{\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},\"operation\":"
		"\"CREATE\",\"userInfo\":{\"username\":\"bob\",\"groups\":[\"a\",\"b\"],\"extra\":{"
		"\"k\":[\"v\"]}},\"dryRun\":true}";
	struct cel_env *env = cel_env_for_admission(0, true);
	struct cel_value vars[3], v;

	arena_init(&arena);
	vars[0] = cel_json(tree("{\"a\":{\"b\":[1,2.5,\"x\",null]}}"), &cel_dyn);
	vars[1] = cel_json(NULL, &cel_dyn);
	vars[2] = cel_json(tree(request), cel_type_of_request(env));
	v = evaluate(env,
		"request.kind.kind == 'Pod' && request.operation == 'CREATE' && request.dryRun && "
		"'b' in request.userInfo.groups && request.userInfo.extra['k'][0] == 'v' && "
		"!has(request.options) && oldObject == null && object.a.b.size() == 4",
		vars, 3);
	EXPECT(v.kind == CEL_BOOL && v.b);
	v = evaluate(env, "request.uid", vars, 3);
	EXPECT(v.kind == CEL_ERROR);
	v = evaluate(env, "object.a.?c[?0].orValue('none')", vars, 3);
	EXPECT_STR(v.str, "none");
	v = evaluate(env, "params.x", vars, 3);
	EXPECT_STR(v.str, "no such attribute(s): params");
	cel_env_free(env);
	arena_done(&arena);
}

static struct cel_value count_up(void *ctx, struct arena *a, struct str name)
{
	int *count = ctx;

	++*count;
	return str_eq_text(name, "bad") ? cel_error(a, "failed") : cel_number(*count);
}

TEST(lazy_variables_are_made_when_they_are_used)
{
	struct cel_env *env = cel_env_new(0);
	struct cel_type *record = cel_type_record(env, STR("kubernetes.variables"));
	int count = 0;
	struct cel_lazy lazy = {.ctx = &count, .get = count_up};
	struct cel_value v, vars[1];

	arena_init(&arena);
	cel_type_add(env, record, STR("one"), &cel_int);
	cel_type_add(env, record, STR("bad"), &cel_dyn);
	cel_declare(env, STR("variables"), record);
	vars[0] = cel_lazy_object(&lazy, record);
	v = evaluate(env, "false && variables.one == 1", vars, 1);
	EXPECT(v.kind == CEL_BOOL && !v.b);
	EXPECT_INT(count, 0);
	v = evaluate(env, "variables.one + 41", vars, 1);
	EXPECT(v.kind == CEL_INT && v.i == 42);
	EXPECT_STR(evaluate(env, "variables.bad", vars, 1).str, "failed");
	EXPECT(evaluate(env, "has(variables.one)", vars, 1).b);
	EXPECT_STR(evaluate(env, "variables.two", vars, 1).str,
		"ERROR: <input>:1:10: undefined field 'two'\n | variables.two\n | .........^");
	finish_with(env);
}

/* What checks a policy keeps the variables' types, and none of the programs. */
TEST(a_variable_keeps_its_type_when_its_program_is_gone)
{
	static const char *const texts[] = {"[[1], [2]]", "{'a': [dyn(1)]}", "ip('::1')", "{}",
		"optional.of(1)", "['x'].map(s, s.size())"};
	static const char *const types[] = {"list(list(int))", "map(string, list(dyn))", "dyn",
		"map(dyn, dyn)", "dyn", "list(int)"};
	struct cel_env *env = cel_env_new(0);
	struct cel_type *record = cel_type_record(env, STR("kubernetes.variables"));
	struct cel_program *p;

	arena_init(&arena);
	cel_declare(env, STR("variables"), record);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		p = cel_compile(env, str_from(texts[i]), NULL);
		EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
		cel_type_add(env, record, arena_print(&arena, "v%zu", i),
			cel_type_composed(env, cel_result_type(p)));
		cel_program_free(p);
	}
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		p = cel_compile(env, arena_print(&arena, "variables.v%zu", i), NULL);
		EXPECT_STR(cel_type_text(&arena, cel_result_type(p)), types[i]);
		cel_program_free(p);
	}
	p = cel_compile(env, STR("[variables.v0].size() == 0"), &cel_bool);
	EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
	cel_program_free(p);
	finish_with(env);
}

static const struct zone *find_zone(void *ctx, struct str name)
{
	return str_eq_text(name, "America/New_York") ? ctx : NULL;
}

static struct str hour_of(struct cel_env *env, const char *time, const char *zone)
{
	struct cel_value v = evaluate(env,
		arena_print(&arena, "string(timestamp('%s').getHours('%s'))", time, zone).at, NULL,
		0);

	return v.str;
}

TEST(zones_are_known_by_their_names)
{
	_cleanup_(buf_done) struct buf file = BUF_INIT(KIB);
	struct cel_env *env = cel_env_new(0);
	struct cel_zones zones = {.find = find_zone};
	struct zone *zone;

	arena_init(&arena);
	zone_file(&file, 0, NULL, 0, "EST5EDT,M3.2.0,M11.1.0");
	REQUIRE(zone_parse(&arena, buf_str(&file), &zone, NULL) == 0);
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "America/New_York"),
		"unknown time zone America/New_York");
	zones.ctx = zone;
	cel_use_zones(&zones);
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "America/New_York"), "5");
	EXPECT_STR(hour_of(env, "2023-07-25T10:20:30Z", "America/New_York"), "6");
	EXPECT_STR(hour_of(env, "2823-07-25T10:20:30Z", "America/New_York"), "6");
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", ""), "10");
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "+2"), "unknown time zone +2");
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "+2:0"), "12");
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "x:00"),
		"strconv.Atoi: parsing \"x\": invalid syntax");
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "../etc/passwd"),
		"time: invalid location name");
	EXPECT_STR(hour_of(env, "2023-12-25T10:20:30Z", "Mars/Olympus"),
		"unknown time zone Mars/Olympus");
	cel_forget_zones(&zones);
	finish_with(env);
}

TEST(messages_are_the_values_that_they_wrap)
{
	static const char *const texts[] = {
		"google.protobuf.Int32Value{value: 1} == 1",
		"google.protobuf.Int64Value{} == 0",
		"google.protobuf.BoolValue{value: true}",
		"google.protobuf.StringValue{value: 'a'} + 'b' == 'ab'",
		"google.protobuf.FloatValue{value: 0.1} != 0.1",
		"google.protobuf.UInt64Value{value: 3u} == 3u",
		"google.protobuf.BytesValue{} == b''",
		"google.protobuf.DoubleValue{value: 1.5} != null",
		"google.protobuf.Timestamp{seconds: 60} == timestamp('1970-01-01T00:01:00Z')",
		"google.protobuf.Duration{seconds: 1, nanos: 5} == duration('1.000000005s')",
		"google.protobuf.ListValue{values: [1, 2]} == [1, 2]",
		"google.protobuf.Struct{fields: {'a': 1}}.a == 1",
		"google.protobuf.Value{number_value: 2.0} == 2.0",
		"google.protobuf.Value{} == null",
	};
	struct cel_env *env = cel_env_new(0);
	struct cel_program *p;
	struct cel_value v;

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		v = evaluate(env, texts[i], NULL, 0);
		if (v.kind != CEL_BOOL || !v.b)
			test_fail(__FILE__, __LINE__, "%s: %.*s", texts[i],
				STRF(v.kind == CEL_ERROR ? v.str : STR("false")));
	}
	v = evaluate(env, "google.protobuf.Int32Value{value: 3000000000}", NULL, 0);
	EXPECT_STR(v.str, "integer overflow");
	p = cel_compile(env, STR("google.protobuf.Int32Value{value: 'a'}"), NULL);
	EXPECT_STR(cel_failure(p).text,
		"ERROR: <input>:1:33: expected type of field 'value' is 'int' but provided type "
		"is 'string'\n | google.protobuf.Int32Value{value: 'a'}\n | "
		"................................^");
	cel_program_free(p);
	p = cel_compile(env, STR("google.protobuf.Int32Value{other: 1}"), NULL);
	EXPECT_INT(cel_failure(p).kind, CEL_INVALID);
	cel_program_free(p);
	finish_with(env);
}

TEST(expressions_make_objects_and_patches)
{
	struct cel_env *env = cel_env_new(CEL_WITH_OBJECTS | CEL_WITH_PATCHES);
	_cleanup_(buf_done) struct buf out = BUF_INIT(4096);
	struct str why = STR("");
	struct cel_value v;

	arena_init(&arena);
	v = evaluate(env,
		"Object{spec: Object.spec{replicas: 3, ?none: optional.none(), labels: {'a': "
		"'b'}}}",
		NULL, 0);
	json_print(&out, cel_to_json(&arena, v, &why), JSON_COMPACT);
	EXPECT_STR(buf_str(&out), "{\"spec\":{\"replicas\":3,\"labels\":{\"a\":\"b\"}}}");
	buf_clear(&out);
	v = evaluate(env,
		"[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('x/y~'), value: [1, "
		"2]}]",
		NULL, 0);
	json_print(&out, cel_to_json(&arena, v, &why), JSON_COMPACT);
	EXPECT_STR(buf_str(&out), "[{\"op\":\"add\",\"path\":\"/a/x~1y~0\",\"value\":[1,2]}]");
	v = evaluate(env, "JSONPatch{op: 1}", NULL, 0);
	EXPECT(str_find(v.str, STR("expected type of field 'op' is 'string' but provided type is "
				   "'int'")) > 0);
	v = evaluate(env, "ip('1.2.3.4')", NULL, 0);
	EXPECT(!cel_to_json(&arena, v, &why));
	EXPECT_STR(why, "no JSON can be made of a net.IP");
	finish_with(env);
}

TEST(devices_have_attributes_by_domain)
{
	struct cel_env *env = cel_env_for_devices();
	struct cel_program *p = cel_compile(env,
		STR("device.attributes['a.example'].size == '5' && "
		    "device.capacity['a.example'].mem.isGreaterThan(quantity('1Gi'))"),
		&cel_bool);

	EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
	EXPECT(cel_estimate(p).max < 1000);
	cel_program_free(p);
	p = cel_compile(env, STR("cel.bind(x, device.driver, x == x)"), &cel_bool);
	EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
	cel_program_free(p);
	p = cel_compile(env, STR("device.x"), &cel_bool);
	EXPECT_STR(cel_failure(p).text,
		"ERROR: <input>:1:7: undefined field 'x'\n | device.x\n | ......^");
	cel_program_free(p);
	cel_env_free(env);
}

TEST(several_types_may_be_wanted)
{
	const struct cel_type *const wanted[] = {&cel_string, &cel_null};
	struct cel_env *env = cel_env_new(0);
	struct cel_program *p = cel_compile_any(env, STR("null"), wanted, ARRAY_LEN(wanted));

	EXPECT_INT(cel_failure(p).kind, CEL_COMPILED);
	cel_program_free(p);
	p = cel_compile_any(env, STR("1"), wanted, ARRAY_LEN(wanted));
	EXPECT_INT(cel_failure(p).kind, CEL_WRONG_TYPE);
	EXPECT_STR(cel_failure(p).text, "must evaluate to one of [string null_type] but got int");
	cel_program_free(p);
	cel_env_free(env);
}

/* 20,000 keys, each asked for by each: the square of it would be counted in minutes. */
TEST(large_objects_are_asked_for_all_their_keys)
{
	struct cel_env *env = cel_env_new(0);
	struct cel_value v, vars[1];
	struct cJSON *object;

	arena_init(&arena);
	object = json_new(&arena, JSON_OBJECT);
	for (int i = 0; i < 20000; i++)
		json_add(&arena, object, arena_print(&arena, "key-%d", i), json_new_int(&arena, i));
	cel_declare(env, STR("object"), &cel_dyn);
	vars[0] = cel_json(object, &cel_dyn);
	v = evaluate(env,
		"object.all(k, object[k] >= 0) && object == object && !('key-20000' in object) && "
		"object['key-19999'] == 19999",
		vars, 1);
	EXPECT(v.kind == CEL_BOOL && v.b);
	v = evaluate(env, "object.transformMap(k, v, k).all(k, v, k == v)", vars, 1);
	EXPECT(v.kind == CEL_BOOL && v.b);
	v = evaluate(env, "sets.contains(object.map(k, k), object.map(k, k))", vars, 1);
	EXPECT_STR(v.str, "operation cancelled: actual cost limit exceeded");
	finish_with(env);
}

TEST(types_of_built_in_kinds_come_from_their_tables)
{
	struct cel_env *env = cel_env_new(0);
	struct cel_value v, vars[1];
	const struct cel_type *pod;

	arena_init(&arena);
	pod = cel_type_of_table(env, schema_find(STR("io.k8s.api.core.v1.Pod")));
	cel_declare(env, STR("object"), pod);
	vars[0] = cel_json(tree("{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":"
				"\"2026-01-02T03:04:05Z\"},\"spec\":{\"containers\":[{\"name\":"
				"\"c\",\"image\":\"i\"}],\"nodeSelector\":{\"a\":\"b\"}}}"),
		pod);
	v = evaluate(env,
		"object.metadata.creationTimestamp.getFullYear() == 2026 && "
		"object.spec.containers.all(c, c.image == 'i') && "
		"object.spec.nodeSelector.a == 'b' && !has(object.spec.hostNetwork)",
		vars, 1);
	EXPECT(v.kind == CEL_BOOL && v.b);
	v = evaluate(env, "object.spec.containers[0].imagine", vars, 1);
	EXPECT(str_find(v.str, STR("undefined field 'imagine'")) > 0);
	v = evaluate(env, "object.spec.replicas", vars, 1);
	EXPECT(str_find(v.str, STR("undefined field 'replicas'")) > 0);
	finish_with(env);
}

TEST(text_that_grows_and_grows_ends_the_evaluation)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct cel_env *env = cel_env_new(0);
	struct cel_value v, vars[1];

	arena_init(&arena);
	for (int i = 0; i < 10000; i++)
		buf_add_char(&text, 'a');
	cel_declare(env, STR("s"), &cel_string);
	vars[0] = cel_str(buf_str(&text));
	v = evaluate(env, "lists.range(400).all(x, s.replace('a', s.substring(0, 200)).size() > x)",
		vars, 1);
	EXPECT_INT(v.kind, CEL_ERROR);
	EXPECT_INT(v.held, CEL_TOO_DEEP);
	EXPECT_STR(v.str, "operation cancelled: the expression takes too long or too much memory");
	EXPECT(arena.size < 400 * MIB);
	finish_with(env);
}

static struct cel_failure compile_repeated(struct cel_env *env, const char *before,
	const char *inner, const char *after, int count, struct cel_program **p)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	for (int i = 0; i < count; i++)
		buf_add_text(&text, before);
	buf_add_text(&text, inner);
	for (int i = 0; i < count; i++)
		buf_add_text(&text, after);
	*p = cel_compile(env, buf_str(&text), NULL);
	return cel_failure(*p);
}

TEST(expressions_that_are_too_deep_are_refused)
{
	static const struct {
		const char *before, *inner, *after;
		int count;
		bool fine;
	} rows[] = {
		{"(", "1", ")", 200, true},
		{"(", "1", ")", 300, false},
		{"[", "1", "]", 20000, false},
		{"", "1", "+1", 200, true},
		{"", "1", "+1", 20000, false},
		{"", "true", "||true", 10000, true},
		{"", "a", ".b", 20000, false},
		{"(", "1", "+1+1+1+1+1+1+1+1+1+1+1+1)", 240, false},
		{"!", "true", "", 50000, true},
		{"[1].map(x, ", "1", ")", 100, true},
		{"true?", "1", ":1", 1, true},
		{"", "1", "?1:1", 20000, false},
	};
	struct cel_env *env = cel_env_new(0);
	struct cel_program *p;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cel_failure failure = compile_repeated(
			env, rows[i].before, rows[i].inner, rows[i].after, rows[i].count, &p);
		if ((failure.kind == CEL_COMPILED) != rows[i].fine)
			test_fail(__FILE__, __LINE__, "row %zu: %.*s", i,
				STRF(str_sub(failure.text, 0, 200)));
		cel_program_free(p);
	}
	compile_repeated(env, "(", "1", ")", 300, &p);
	EXPECT_STR(cel_failure(p).text,
		"ERROR: <input>:-1:0: expression recursion limit exceeded: 250");
	cel_program_free(p);
	compile_repeated(env, "", "1", "          ", 10001, &p);
	EXPECT_STR(cel_failure(p).text,
		"ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100011, "
		"limit 100000");
	cel_program_free(p);
	cel_env_free(env);
}
