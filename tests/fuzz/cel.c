/* Any text as an expression over any object: it is refused with words, or it yields a value. */
#include <kube/cel.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char object[] =
	"{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"replicas\":3,"
	"\"list\":[1,2.5,\"three\",null,{\"k\":[true]}],\"empty\":[]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cel_env *env = cel_env_new(CEL_WITH_BIND | CEL_WITH_OBJECTS | CEL_WITH_PATCHES);
	struct cel_program *p;
	struct cel_value v, self;
	struct cJSON *json = NULL;
	struct str why = {0};
	struct arena a;

	arena_init(&a);
	assert(json_parse(&a, str_from(object), NULL, &json, NULL) == 0);
	self = cel_json(json, &cel_dyn);
	cel_declare(env, STR("self"), &cel_dyn);
	p = cel_compile(env, str_make((const char *)data, size), NULL);
	if (cel_failure(p).kind) {
		assert(cel_failure(p).text.len);
	} else {
		struct cel_run run = {
			.arena = &a, .variables = &self, .variable_count = 1, .limit = 100000};
		struct cel_cost cost = cel_estimate(p);
		assert(cost.min <= cost.max);
		v = cel_eval(p, &run);
		assert(v.kind != CEL_ERROR || v.str.len);
		assert(cel_to_json(&a, v, &why) || why.len);
	}
	cel_program_free(p);
	cel_env_free(env);
	arena_done(&a);
	return 0;
}
