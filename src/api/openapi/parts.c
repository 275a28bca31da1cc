#include "parts.h"

void parts_init(struct parts *p, const struct openapi_source *source, bool v3)
{
	*p = (struct parts){.v3 = v3, .source = source};
	arena_init(&p->keep);
	arena_init(&p->scratch);
	omap_init(&p->used);
}

void parts_done(struct parts *p)
{
	omap_done(&p->used);
	arena_done(&p->scratch);
	arena_done(&p->keep);
}

void part_add(struct parts *p, struct cJSON *object, const char *key, struct cJSON *value)
{
	json_add(&p->scratch, object, str_from(key), value);
}

void part_add_text(struct parts *p, struct cJSON *object, const char *key, struct str text)
{
	part_add(p, object, key, json_new_str(&p->scratch, text));
}

void part_add_description(struct parts *p, struct cJSON *object, const char *doc)
{
	if (doc && doc[0])
		part_add_text(p, object, "description", str_from(doc));
}

struct cJSON *part_words(struct parts *p, const char *words)
{
	struct cJSON *list = json_new(&p->scratch, JSON_ARRAY);
	struct str rest = str_from(words), word;

	while (str_next(&rest, ',', &word))
		json_append(list, json_new_str(&p->scratch, word));
	return list;
}

struct cJSON *part_group_version_kind(
	struct parts *p, struct str group, struct str version, struct str kind)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);

	part_add_text(p, tree, "group", group);
	part_add_text(p, tree, "kind", kind);
	part_add_text(p, tree, "version", version);
	return tree;
}
