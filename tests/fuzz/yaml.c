/*
 * Any bytes as a stream of YAML: what is read obeys the limits, and what is written of it reads
 * back as the same.
 */
#include <kube/yaml.h>

#include <stdlib.h>

/* The same but for numbers, which are printed as float64 holds them. */
static bool same(const struct cJSON *a, const struct cJSON *b)
{
	if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
		return false;
	if (json_is(a, JSON_NUMBER))
		return json_double(a) == json_double(b);
	if (!json_is(a, JSON_OBJECT) && !json_is(a, JSON_ARRAY))
		return json_equal(a, b);
	struct cJSON *other = json_first(b);
	json_each (n, a) {
		if (json_is(a, JSON_OBJECT))
			other = json_get(b, json_key(n));
		if (!other || !same(n, other))
			return false;
		other = json_next(other);
	}
	return true;
}

static int write_and_read_back(void *ctx, struct cJSON *root, int line, struct err *err)
{
	struct buf out = BUF_INIT(64 * MIB);
	struct cJSON *again = NULL;
	struct arena a;

	(void)ctx;
	(void)line;
	(void)err;
	arena_init(&a);
	yaml_write(&out, root);
	if (buf_over(&out) || yaml_read(&a, buf_str(&out), NULL, &again, NULL) ||
		!same(root, again))
		abort();
	buf_done(&out);
	arena_done(&a);
	return 0;
}

static void ignore_duplicate(void *ctx, const struct yaml_duplicate *duplicate)
{
	struct buf out = BUF_INIT(4 * KIB);

	(void)ctx;
	yaml_print_duplicate(&out, duplicate);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_options options = {
		.limits = {.max_bytes = 64 * KIB, .max_depth = 100, .max_expanded = 20000},
		.duplicate = ignore_duplicate,
	};
	struct str text = str_make((const char *)data, size);
	struct err err = {0};
	struct cJSON *root;
	struct arena a;

	arena_init(&a);
	if (yaml_read_all(&a, text, &options, write_and_read_back, NULL, &err) && !err.code)
		abort();
	err_done(&err);
	yaml_read_any(&a, text, &options, &root, NULL);
	arena_done(&a);
	return 0;
}
