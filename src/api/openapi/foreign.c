/*
 * What documents of other servers add to ours: their paths, and what these refer to. A definition
 * that stands here already is shared; one of the same name that is another gets a name of its own.
 */
#include "parts.h"

#include <kube/mem.h>

#define SPEC_MAX          (64 * MIB)
#define NAMES_MAX         1000
#define KINDS             "x-kubernetes-group-version-kind"
#define DEFINITION_PREFIX "#/definitions/"
#define PARAMETER_PREFIX  "#/parameters/"

/* One of the two sections that are referred to by name. */
struct section {
	const char *name, *prefix;
	struct omap *added;
	struct omap used;    /* of this document: name → tree */
	struct omap renamed; /* name → struct str */
};

struct merge {
	struct foreign *foreign;
	struct parts *parts;
	struct cJSON *tree; /* the other document */
	struct section sections[2];
};

void foreign_init(struct foreign *f)
{
	omap_init(&f->paths);
	omap_init(&f->definitions);
	omap_init(&f->parameters);
	omap_init(&f->kinds);
}

void foreign_done(struct foreign *f)
{
	omap_done(&f->paths);
	omap_done(&f->definitions);
	omap_done(&f->parameters);
	omap_done(&f->kinds);
}

/* ---- references ---- */

static struct section *section_of(struct merge *m, struct str reference, struct str *name)
{
	for (size_t i = 0; i < ARRAY_LEN(m->sections); i++) {
		struct str prefix = str_from(m->sections[i].prefix);

		if (str_starts(reference, prefix)) {
			*name = str_skip(reference, prefix.len);
			return &m->sections[i];
		}
	}
	return NULL;
}

/* Depth is bounded by the parser's. */
static void use_all(struct merge *m, const struct cJSON *tree)
{
	struct str name;

	json_each (child, tree) {
		struct section *s = str_eq_text(json_key(child), "$ref")
					    ? section_of(m, json_str(child), &name)
					    : NULL;
		struct cJSON *to = s ? json_get(json_get(m->tree, str_from(s->name)), name) : NULL;

		if (to && !omap_has(&s->used, name)) {
			omap_set(&s->used, name, to);
			use_all(m, to);
		}
		use_all(m, child);
	}
}

static void rename_all(struct merge *m, struct cJSON *tree)
{
	struct arena *a = &m->parts->keep;
	struct str name;

	for (struct cJSON *child = json_first(tree); child; child = json_next(child)) {
		struct section *s = str_eq_text(json_key(child), "$ref")
					    ? section_of(m, json_str(child), &name)
					    : NULL;
		const struct str *to = s ? omap_get(&s->renamed, name) : NULL;

		if (to) {
			json_set(a, tree, STR("$ref"),
				json_new_str(a, arena_print(a, "%s%.*s", s->prefix, STRF(*to))));
			return;
		}
		rename_all(m, child);
	}
}

/* ---- the same ---- */

/* What people read of it does not matter; a property may have that name. */
static bool matters(const struct cJSON *child, bool top)
{
	return !(str_eq_text(json_key(child), "description") && json_is(child, JSON_STRING)) &&
	       !(top && str_eq_text(json_key(child), KINDS));
}

static size_t count_of(const struct cJSON *tree, bool top)
{
	size_t count = 0;

	json_each (child, tree)
		count += matters(child, top);
	return count;
}

static bool is_same(const struct cJSON *a, const struct cJSON *b, bool top)
{
	if (json_type(a) != json_type(b))
		return false;
	if (!json_is(a, JSON_OBJECT))
		return json_equal(a, b);
	if (count_of(a, top) != count_of(b, top))
		return false;
	json_each (child, a)
		if (matters(child, top) && !is_same(child, json_get(b, json_key(child)), false))
			return false;
	return true;
}

/* ---- what stands here ---- */

static struct cJSON *standing(struct merge *m, const struct section *s, struct str name)
{
	struct cJSON *tree = omap_get(s->added, name);
	const struct definition *own = omap_get(&m->parts->used, name);

	if (tree)
		return tree;
	if (s == &m->sections[1])
		return part_own_parameter(m->parts, name);
	return own ? part_definition(m->parts, own) : NULL;
}

static int compare_kinds(const struct cJSON *a, const struct cJSON *b)
{
	static const char *const keys[] = {"group", "version", "kind"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct str key = str_from(keys[i]);
		int order = str_cmp(json_str(json_get(a, key)), json_str(json_get(b, key)));

		if (order)
			return order;
	}
	return 0;
}

void foreign_add_kinds(struct arena *a, struct cJSON *tree, const struct cJSON *kinds)
{
	struct cJSON *list = json_get(tree, STR(KINDS));

	if (!list && json_first(kinds)) {
		list = json_new(a, JSON_ARRAY);
		json_add(a, tree, STR(KINDS), list);
	}
	json_each (kind, kinds) {
		size_t at = 0;
		bool there = false;

		json_each (other, list) {
			at += compare_kinds(other, kind) < 0;
			there |= !compare_kinds(other, kind);
		}
		if (!there)
			json_insert(list, at, json_copy(a, kind));
	}
}

/* It is as which kinds the other server knows it, too. */
static void share(struct merge *m, const struct section *s, struct str name, struct cJSON *tree)
{
	struct arena *a = &m->parts->keep;
	struct cJSON *mine = omap_get(s->added, name);
	const struct cJSON *kinds = json_get(tree, STR(KINDS));

	if (!kinds)
		return;
	if (!mine)
		mine = omap_get(&m->foreign->kinds, name);
	if (!mine) {
		mine = json_new(a, JSON_OBJECT);
		omap_set(&m->foreign->kinds, name, mine);
	}
	foreign_add_kinds(a, mine, kinds);
}

/* ---- names ---- */

static bool is_taken(struct merge *m, const struct section *s, struct str name)
{
	bool taken = standing(m, s, name) || json_get(json_get(m->tree, str_from(s->name)), name);

	arena_reset(&m->parts->scratch);
	return taken;
}

/* false: it stands here already, under the name in *as. */
static bool name_it(struct merge *m, const struct section *s, struct str name, struct cJSON *tree,
	struct str *as)
{
	struct arena *a = &m->parts->keep;
	const struct cJSON *there = standing(m, s, name);
	bool same = there && is_same(there, tree, true);
	size_t i = 1;

	arena_reset(&m->parts->scratch);
	*as = arena_str(a, name);
	if (!there || same)
		return !same;
	do {
		*as = arena_print(a, "%.*s_v%zu", STRF(name), ++i);
		there = omap_get(s->added, *as);
		if (there && is_same(there, tree, true))
			return false;
	} while (i < NAMES_MAX && there);
	while (i < NAMES_MAX && is_taken(m, s, *as))
		*as = arena_print(a, "%.*s_v%zu", STRF(name), ++i);
	return true;
}

static void name_all(struct merge *m, struct section *s, struct omap *fresh)
{
	struct arena *a = &m->parts->keep;

	omap_each (it, &s->used) {
		struct str as;
		bool new = name_it(m, s, it.key, it.value, &as);

		if (!str_eq(as, it.key))
			omap_set(&s->renamed, it.key, arena_copy(a, &as, sizeof(as)));
		if (new)
			omap_set(fresh, as, it.value);
		else
			share(m, s, as, it.value);
	}
}

/* ---- one document ---- */

static void take_paths(struct merge *m, const struct openapi_foreign *from, const struct omap *own,
	struct omap *fresh)
{
	json_each (path, json_get(m->tree, STR("paths"))) {
		struct str key = json_key(path);

		if (str_starts(key, from->prefix) && !omap_has(own, key) &&
			!omap_has(&m->foreign->paths, key))
			omap_set(fresh, key, path);
	}
}

static void move(struct merge *m, struct omap *from, struct omap *to)
{
	omap_each (it, from) {
		rename_all(m, it.value);
		omap_set(to, it.key, it.value);
	}
	omap_done(from);
}

static void merge_one(struct foreign *f, struct parts *p, const struct openapi_foreign *from,
	const struct omap *own)
{
	const struct json_options options = {.limits = {.max_bytes = SPEC_MAX}};
	struct merge m = {.foreign = f,
		.parts = p,
		.sections = {{"definitions", DEFINITION_PREFIX, &f->definitions, {0}, {0}},
			{"parameters", PARAMETER_PREFIX, &f->parameters, {0}, {0}}}};
	struct omap paths, fresh[2];

	if (json_parse(&p->keep, from->text, &options, &m.tree, NULL))
		return;
	omap_init(&paths);
	for (size_t i = 0; i < 2; i++) {
		omap_init(&fresh[i]);
		omap_init(&m.sections[i].used);
		omap_init(&m.sections[i].renamed);
	}
	take_paths(&m, from, own, &paths);
	omap_each (it, &paths)
		use_all(&m, it.value);
	for (size_t i = 0; i < 2; i++)
		name_all(&m, &m.sections[i], &fresh[i]);
	move(&m, &paths, &f->paths);
	for (size_t i = 0; i < 2; i++) {
		move(&m, &fresh[i], m.sections[i].added);
		omap_done(&m.sections[i].used);
	}
	for (size_t i = 0; i < 2; i++)
		omap_done(&m.sections[i].renamed);
}

void foreign_collect(struct foreign *f, struct parts *p, const struct omap *own)
{
	for (size_t i = 0; i < p->source->foreign_count; i++)
		merge_one(f, p, &p->source->foreign[i], own);
}
