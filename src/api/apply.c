/*
 * Server-side apply: what a configuration says becomes the manager's, what it no longer says and
 * nobody else owns goes, and what others own with another value is a conflict.
 */
#include "apply.h"

#include "apply_merge.h"

#include <stdlib.h>

#define CONFLICTS_MAX 1000

/* ---- what the schema does not know ---- */

static int unknown(struct err *err, const struct decode_notes *notes, const struct apply_request *r,
	struct str name, struct str namespace, struct str kind)
{
	struct str note = notes->items[0], field;

	str_cut(str_skip(note, STR("unknown field \"").len), '"', &field, &note);
	return err_set(err, ERR_INTERNAL,
		"failed to create typed patch object (%.*s/%.*s; %s%.*s, Kind=%.*s): .%.*s: field "
		"not declared in schema",
		STRF(namespace), STRF(name), str_find_char(r->api_version, '/') < 0 ? "/" : "",
		STRF(r->api_version), STRF(kind), STRF(field));
}

static int check_typed(
	struct arena *a, const struct apply_request *r, const struct cJSON *config, struct err *err)
{
	struct decode_notes notes = {.arena = a};
	struct cJSON *decoded;
	_cleanup_(err_done) struct err inner = {0};

	if (api_decode(a, r->schema, config, &notes, &decoded, &inner))
		return err_set(err, ERR_INTERNAL, "%s", err_text(&inner));
	if (!notes.count)
		return 0;
	return unknown(err, &notes, r, tree_str(config, "metadata.name"),
		tree_str(config, "metadata.namespace"), tree_str(config, "kind"));
}

/* ---- conflicts ---- */

static bool same_manager(const struct manager *w, const struct apply_request *r)
{
	return w->apply && str_eq(w->name, r->manager) && str_eq(w->subresource, r->subresource);
}

/* The elements as messages have them: .spec.containers[name="c"].image */
static void print_element(struct buf *out, struct arena *a, struct str element)
{
	struct str rest = str_skip(element, 2);
	struct cJSON *keys;
	bool first = true;

	if (str_starts(element, STR("f:"))) {
		buf_print(out, ".%.*s", STRF(rest));
	} else if (str_starts(element, STR("v:"))) {
		buf_print(out, "[=%.*s]", STRF(rest));
	} else if (!json_parse(a, rest, NULL, &keys, NULL)) {
		buf_add_char(out, '[');
		json_each (key, keys) {
			buf_print(out, "%s%.*s=", first ? "" : ",", STRF(json_key(key)));
			json_print(out, key, JSON_COMPACT);
			first = false;
		}
		buf_add_char(out, ']');
	}
}

struct conflicting {
	struct arena *arena;
	struct apply_conflicts *out;
	struct str manager;
};

static void add_conflicts(struct conflicting *c, const struct field_set *s, struct buf *path)
{
	size_t len = path->len;

	if (s->member && c->out->count < CONFLICTS_MAX) {
		struct apply_conflict *grown =
			arena_alloc(c->arena, (c->out->count + 1) * sizeof(*grown));

		if (c->out->count)
			memcpy(grown, c->out->items, c->out->count * sizeof(*grown));
		grown[c->out->count++] = (struct apply_conflict){
			.manager = c->manager, .path = arena_str(c->arena, buf_str(path))};
		c->out->items = grown;
	}
	for (const struct field_set *child = s->children; child; child = child->next) {
		print_element(path, c->arena, child->element);
		add_conflicts(c, child, path);
		buf_cut(path, len);
	}
}

static struct str manager_words(struct arena *a, const struct manager *w)
{
	struct str text = arena_print(a, "\"%.*s\"", STRF(w->name));

	if (w->subresource.len)
		text = arena_print(
			a, "%.*s with subresource \"%.*s\"", STRF(text), STRF(w->subresource));
	if (!w->apply)
		text = arena_print(a, "%.*s using %.*s", STRF(text), STRF(w->api_version));
	return text;
}

static void intersect(struct field_set *s, const struct field_set *with)
{
	s->member = s->member && with && with->member;
	for (struct field_set *c = s->children; c; c = c->next)
		intersect(c, with ? field_set_find(with, c->element) : NULL);
}

/* ---- the whole ---- */

struct applying {
	struct arena *arena;
	const struct apply_request *r;
	const struct cJSON *live;
	struct managed managed;
	struct field_set *wanted, *before; /* what the config says; what it said last time */
};

static void find_conflicts(
	struct applying *p, const struct cJSON *config, struct apply_conflicts *conflicts)
{
	for (size_t i = 0; i < p->managed.count; i++) {
		struct manager *w = &p->managed.items[i];
		struct field_set *differ = field_set_new(p->arena);
		_cleanup_(buf_done) struct buf path = BUF_INIT(64 * KIB);
		struct conflicting c = {
			.arena = p->arena, .out = conflicts, .manager = manager_words(p->arena, w)};

		if (same_manager(w, p->r))
			continue;
		field_differences(p->arena, p->r->schema, p->live, config, p->wanted, differ);
		intersect(differ, w->set);
		if (p->r->force)
			field_set_subtract(w->set, differ);
		else
			add_conflicts(&c, differ, &path);
	}
}

/* What was applied before and is not any more goes, unless somebody else owns it too. */
static void take_out(struct applying *p, struct cJSON *merged)
{
	struct field_set *gone = field_set_new(p->arena);

	field_set_unite(p->arena, gone, p->before);
	field_set_subtract(gone, p->wanted);
	for (size_t i = 0; i < p->managed.count; i++)
		if (!same_manager(&p->managed.items[i], p->r))
			field_set_subtract(gone, p->managed.items[i].set);
	remove_fields(p->arena, p->r->schema, merged, gone);
}

/* An object nobody has applied to: what stands there belongs to whoever was before. */
static void own_before_first(struct applying *p)
{
	struct apply_request first = *p->r;
	struct manager *w;

	if (p->managed.count || !p->live)
		return;
	first.manager = STR("before-first-apply");
	first.subresource = STR("");
	w = managed_find(p->arena, &p->managed, &first, false);
	field_set_of(p->arena, p->r->schema, p->live, w->set);
	managed_strip(w->set, &first);
	w->time = managed_time(p->arena, p->r->now);
}

static int by_manager_path(const void *x, const void *y)
{
	const struct apply_conflict *a = x, *b = y;
	int order = str_cmp(a->manager, b->manager);

	return order ? order : str_cmp(a->path, b->path);
}

static void prepare(struct applying *p, const struct cJSON *config)
{
	struct cJSON *empty = json_new(p->arena, JSON_OBJECT);

	p->managed = managed_read(p->arena, p->live ? p->live : empty);
	own_before_first(p);
	p->wanted = field_set_new(p->arena);
	field_set_of(p->arena, p->r->schema, config, p->wanted);
	managed_strip(p->wanted, p->r);
	p->before = field_set_new(p->arena);
	for (size_t i = 0; i < p->managed.count; i++)
		if (same_manager(&p->managed.items[i], p->r))
			p->before = p->managed.items[i].set;
}

static void record(struct applying *p, struct cJSON *merged)
{
	struct manager *me = managed_find(p->arena, &p->managed, p->r, true);
	bool same = me->time.len && field_set_equal(me->set, p->wanted) &&
		    str_eq(me->api_version, p->r->api_version);

	if (!same)
		me->time = managed_time(p->arena, p->r->now);
	me->set = p->wanted;
	me->api_version = p->r->api_version;
	managed_write(p->arena, &p->managed, merged);
}

int apply_patch(struct arena *a, const struct apply_request *r, const struct cJSON *live,
	const struct cJSON *config, struct cJSON **out, struct apply_conflicts *conflicts,
	struct err *err)
{
	struct applying p = {.arena = a, .r = r, .live = live};
	struct cJSON *merged;

	*conflicts = (struct apply_conflicts){0};
	if (check_typed(a, r, config, err))
		return ERR_INTERNAL;
	prepare(&p, config);
	find_conflicts(&p, config, conflicts);
	if (conflicts->count) {
		qsort(conflicts->items, conflicts->count, sizeof(*conflicts->items),
			by_manager_path);
		return err_set(err, ERR_CONFLICT, "other managers own what is applied");
	}
	merged = live ? merge_objects(a, r->schema, live, config) : json_copy(a, config);
	take_out(&p, merged);
	record(&p, merged);
	*out = merged;
	return 0;
}
