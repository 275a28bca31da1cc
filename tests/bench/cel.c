/* Expressions: how many are compiled and evaluated in a second. Prints `name value unit`. */
#include <kube/cel.h>
#include <kube/time.h>

#include <stdio.h>

static const char pod[] =
	"{\"metadata\":{\"name\":\"web-1\",\"labels\":{\"app\":\"web\",\"team\":\"a\"}},\"spec\":{"
	"\"replicas\":3,\"containers\":[{\"name\":\"a\",\"image\":\"registry.example/a:1\"},"
	"{\"name\":\"b\",\"image\":\"registry.example/b:2\"}]}}";

static const struct {
	const char *name, *text;
} rules[] = {
	{"cel_typical", "object.spec.replicas <= 5 && has(object.metadata.labels.team)"},
	{"cel_loop", "object.spec.containers.all(c, c.image.startsWith('registry.example/'))"},
	{"cel_regex", "object.spec.containers.all(c, c.image.matches('^registry\\\\.[a-z]+/'))"},
	{"cel_format", "'%s has %d replicas'.format([object.metadata.name, object.spec.replicas])"},
};

static void measure(struct cel_env *env, size_t n, struct cel_value object)
{
	struct cel_program *p;
	struct arena a;
	int64_t start = clock_mono();
	long count = 0;

	do {
		for (int i = 0; i < 100; i++, count++)
			cel_program_free(cel_compile(env, str_from(rules[n].text), NULL));
	} while (clock_mono() - start < SEC / 2);
	printf("%s_compile %.0f 1/s\n", rules[n].name,
		(double)count * SEC / (double)(clock_mono() - start));
	p = cel_compile(env, str_from(rules[n].text), NULL);
	arena_init(&a);
	start = clock_mono();
	count = 0;
	do {
		for (int i = 0; i < 1000; i++, count++) {
			struct cel_run run = {
				.arena = &a, .variables = &object, .variable_count = 1};
			cel_eval(p, &run);
			arena_reset(&a);
		}
	} while (clock_mono() - start < SEC / 2);
	printf("%s_eval %.0f 1/s\n", rules[n].name,
		(double)count * SEC / (double)(clock_mono() - start));
	arena_done(&a);
	cel_program_free(p);
}

int main(void)
{
	struct cel_env *env = cel_env_for_admission(0, false);
	struct cJSON *json = NULL;
	struct arena a;

	arena_init(&a);
	if (json_parse(&a, str_from(pod), NULL, &json, NULL))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		measure(env, i, cel_json(json, &cel_dyn));
	cel_env_free(env);
	arena_done(&a);
	return 0;
}
