/* Formats that upstream does not know are let through, with a word to the writer. */
#include "definition_schemas.h"
#include "value.h"

#include <stdlib.h>

struct formats {
	struct arena *arena;
	struct map seen;
	struct str *items;
	size_t count, cap;
};

static void add(struct formats *f, struct str format)
{
	if (!format.len || format_is_known(format) || map_has(&f->seen, format))
		return;
	map_set(&f->seen, format, f);
	ARENA_ROOM(f->arena, f->items, f->count, f->cap, 8);
	f->items[f->count++] = format;
}

static void collect(struct formats *f, const struct cJSON *schema)
{
	static const char *const ones[] = {"items", "not", "additionalProperties"};
	static const char *const many[] = {"allOf", "anyOf", "oneOf", "properties"};

	add(f, tree_str(schema, "format"));
	for (size_t i = 0; i < ARRAY_LEN(ones); i++) {
		const struct cJSON *below = json_get(schema, str_from(ones[i]));

		if (json_is(below, JSON_OBJECT))
			collect(f, below);
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		json_each (below, json_get(schema, str_from(many[i])))
			collect(f, below);
}

static void collect_all(struct formats *f, const struct cJSON *definition)
{
	json_each (version, json_path(definition, "spec.versions"))
		collect(f, json_path(version, "schema.openAPIV3Schema"));
}

static int by_bytes(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* Those that were there before are not told again. */
void warn_of_formats(struct change *c)
{
	struct formats old = {.arena = c->arena}, now = {.arena = c->arena};

	map_init(&old.seen);
	map_init(&now.seen);
	if (c->old)
		collect_all(&old, c->old);
	collect_all(&now, c->object);
	if (now.count)
		qsort(now.items, now.count, sizeof(*now.items), by_bytes);
	for (size_t i = 0; i < now.count; i++)
		if (!map_has(&old.seen, now.items[i]))
			change_warn(c, "unrecognized format \"%.*s\"", STRF(now.items[i]));
	map_done(&old.seen);
	map_done(&now.seen);
}
