/* What parses prints in every style, parses again to an equal tree, and prints the same again. */
#include <kube/json.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void note(void *ctx, struct str path)
{
	size_t *reports = ctx;
	demand(path.len <= 1024 && str_is_utf8(path) | (path.len == 1024));
	(*reports)++;
}

static void check_numbers(struct arena *a, const struct cJSON *n)
{
	int64_t value;
	if (json_is(n, JSON_NUMBER)) {
		struct cJSON *again = json_new_number_text(a, json_number_text(a, n));
		demand(again && json_equal(n, again) && json_double(n) == json_double(again));
		if (json_int(n, &value))
			demand(json_is_int_text(n) && json_equal(n, json_new_int(a, value)));
	}
	/* The parser's limit on depth is this recursion's too. */
	json_each (child, n)
		check_numbers(a, child);
}

static void round_trip(struct arena *a, const struct cJSON *n, enum json_style style)
{
	struct buf first = BUF_INIT(64 * MIB), second = BUF_INIT(64 * MIB);
	struct json_options options = {.limits = {.max_bytes = 64 * MIB}};
	struct cJSON *again;
	json_print(&first, n, style);
	demand(!buf_over(&first));
	demand(json_parse(a, buf_str(&first), &options, &again, NULL) == 0);
	demand(json_equal(n, again) && json_equal(again, n));
	json_print(&second, again, style);
	demand(str_eq(buf_str(&first), buf_str(&second)));
	buf_done(&first);
	buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly this size, so that every read beyond it is seen. */
	char *text = malloc(size ? size : 1);
	if (size)
		memcpy(text, data, size);
	struct arena a = {0};
	struct err err = {0};
	size_t reports = 0;
	struct json_options options = {.duplicate = note, .ctx = &reports};
	struct cJSON *n = NULL;
	int rc = json_parse(&a, str_make(text, size), &options, &n, &err);
	free(text);
	if (rc) {
		demand(err.code == rc && !n && *err_text(&err) &&
			str_is_utf8(str_from(err_text(&err))));
	} else {
		demand(err.code == 0 && reports <= 100);
		for (enum json_style style = JSON_COMPACT; style <= JSON_SORTED; style++)
			round_trip(&a, n, style);
		demand(json_equal(n, json_copy(&a, n)));
		check_numbers(&a, n);
	}
	err_done(&err);
	arena_done(&a);
	return 0;
}
