/*
 * The reader against the parser: the first byte chooses the path and the sizes of chunks, the
 * rest is the document. Both refuse it, or the pieces put together are the parser's tree.
 */
#include <kube/json.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

struct items {
	struct arena arena;
	struct cJSON *array;
};

static int take_item(void *ctx, struct str item, struct err *err)
{
	struct items *items = ctx;
	struct cJSON *n;
	int rc = json_parse(&items->arena, item, NULL, &n, err);
	if (rc == 0)
		json_append(items->array, n);
	return rc;
}

static int read_all(
	struct json_reader *r, struct str text, uint8_t choice, struct str *rest, struct err *err)
{
	unsigned mix = choice;
	while (text.len) {
		mix = mix * 75 + 74;
		struct str part = str_sub(text, 0, 1 + (mix >> 4) % (1u << (choice >> 1) % 8));
		char *copy = malloc(part.len);
		memcpy(copy, part.at, part.len);
		int rc = json_reader_feed(r, str_make(copy, part.len), err);
		free(copy);
		if (rc)
			return rc;
		text = str_skip(text, part.len);
	}
	return json_reader_end(r, rest, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *path = data[0] & 1 ? "a.b" : "items";
	struct str text = str_make((const char *)data + 1, size - 1), rest = {0};
	struct items items = {0};
	struct err err = {0};
	struct cJSON *whole = NULL, *around = NULL;
	items.array = json_new(&items.arena, JSON_ARRAY);
	int parsed = json_parse(&items.arena, text, NULL, &whole, NULL);

	struct json_reader *r = json_reader_new(path, size, size, take_item, &items);
	int rc = read_all(r, text, data[0], &rest, &err);
	if (rc) {
		/* What only the reader refuses, it says in its own words. */
		demand(err.code == rc);
		demand(parsed || !json_is(whole, JSON_OBJECT) ||
			strstr(err_text(&err), "duplicate field"));
	} else {
		demand(parsed == 0 && json_parse(&items.arena, rest, NULL, &around, NULL) == 0);
		if (json_count(items.array)) {
			struct cJSON *empty = json_path(around, path);
			demand(json_is(empty, JSON_ARRAY) && json_count(empty) == 0);
			for (struct cJSON *n; (n = json_first(items.array));) {
				json_remove(items.array, n);
				json_append(empty, n);
			}
		}
		demand(json_equal(whole, around));
	}
	json_reader_free(r);
	err_done(&err);
	arena_done(&items.arena);
	return 0;
}
