/*
 * Server-side apply: what a configuration says becomes the manager's, what it no longer says and
 * nobody else owns goes, and what others own with another value is a conflict.
 */
#include "apply_merge.h"
#include "managed.h"

#include <kube/api_codec.h>

#include <stdlib.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

struct applying {
	struct arena *arena;
	const struct apply_request *r;
	const struct cJSON *live, *config; /* both in the request's version */
	struct managed managed;
	struct manager *me;
	struct field_set *before; /* what the manager applied last time */
	struct str before_version;
	struct cJSON *merged;
};

/* ---- who owns what already ---- */

/* An object nobody has applied to: what stands there belongs to whoever was before. */
static void own_before_first(struct applying *p)
{
	struct apply_request first = *p->r;
	struct schema_field root;
	struct manager *w;

	if (p->managed.count || !p->live)
		return;
	first.manager = STR("before-first-apply");
	w = managed_find(&p->managed, &first, false);
	field_set_compare(p->arena,
		typed_root(&root, p->r->resource->schema,
			api_canonical(
				p->arena, p->r->resource->schema, json_new(p->arena, JSON_OBJECT))),
		typed_root(&root, p->r->resource->schema, p->live), w->set,
		field_set_new(p->arena));
	managed_strip(w->set);
	managed_filter(w->set, p->r);
	w->time = managed_time(p->arena, p->r->now);
	if (field_set_empty(w->set))
		managed_drop(&p->managed, w);
}

static void prepare(struct applying *p)
{
	struct schema_field root;

	p->managed = (struct managed){.arena = p->arena};
	if (p->live)
		managed_read(p->arena, p->live, &p->managed);
	else
		p->managed.items = arena_alloc(p->arena, 2 * sizeof(*p->managed.items));
	own_before_first(p);
	p->me = managed_find(&p->managed, p->r, true);
	p->before = p->me->set;
	p->before_version = p->me->api_version;
	p->me->set = field_set_new(p->arena);
	p->me->api_version = p->r->resource->api_version;
	field_set_of(p->arena, typed_root(&root, p->r->resource->schema, p->config), p->me->set);
	managed_filter(p->me->set, p->r);
}

/* ---- pruning ---- */

struct pruning {
	struct arena *arena;
	const struct schema *schema;
	struct field_set *merged; /* all of the merged object, ways named */
};

static struct field_set *fields_of(struct pruning *p, const struct cJSON *object)
{
	struct schema_field root;
	struct typed t = typed_root(&root, p->schema, object);
	struct field_set *set = field_set_new(p->arena);

	if (json_is(object, JSON_OBJECT))
		field_set_of(p->arena, t, set);
	field_set_name_ways(set, t.field);
	return set;
}

static struct field_set *named(struct pruning *p, const struct field_set *set)
{
	struct schema_field root;
	struct field_set *copy = field_set_copy(p->arena, set);

	field_set_name_ways(copy, typed_root(&root, p->schema, NULL).field);
	return copy;
}

/* Go leaves no empty maps of built-in types; those of custom ones stay, and get their defaults. */
static void fill_emptied(struct arena *a, struct cJSON *left, const struct cJSON *before)
{
	json_each (member, before) {
		struct cJSON *now = json_get(left, json_key(member));

		if (!json_is(member, JSON_OBJECT) || !now)
			continue;
		if (json_is(now, JSON_NULL))
			json_set(a, left, json_key(member), json_new(a, JSON_OBJECT));
		else
			fill_emptied(a, now, member);
	}
}

static struct cJSON *without(
	struct pruning *p, const struct cJSON *object, const struct field_set *gone)
{
	struct schema_field root;

	struct cJSON *left = remove_fields(p->arena, typed_root(&root, p->schema, object), gone);

	if (p->schema->custom)
		fill_emptied(p->arena, left, object);
	return left;
}

/* Back comes what anybody owns, and what was there but nobody's. */
static struct cJSON *add_back(struct pruning *p, const struct cJSON *merged, struct cJSON *pruned,
	const struct managed *m, const struct field_set *before)
{
	struct field_set *gone = field_set_copy(p->arena, p->merged);

	field_set_subtract(gone, fields_of(p, pruned));
	for (size_t i = 0; i < m->count; i++)
		field_set_subtract(gone, named(p, m->items[i].set));
	pruned = without(p, merged, gone);

	gone = field_set_copy(p->arena, p->merged);
	field_set_subtract(gone, fields_of(p, pruned));
	field_set_intersect(gone, named(p, before));
	return without(p, merged, gone);
}

/*
 * What the manager applied before and does not apply any more goes, unless somebody owns it. The
 * sets of other versions are taken as they stand: versions that differ in shape keep the names of
 * what they share.
 */
static void prune(struct applying *p)
{
	struct pruning all = {.arena = p->arena, .schema = p->r->resource->schema};
	struct cJSON *pruned;

	if (field_set_empty(p->before))
		return;
	all.merged = fields_of(&all, p->merged);
	pruned = without(&all, p->merged, named(&all, p->before));
	p->merged = add_back(&all, p->merged, pruned, &p->managed, p->before);
}

/* ---- conflicts that kubectl may ignore: it wrote these fields itself, client-side ---- */

static struct field_set *once_applied(struct applying *p)
{
	struct str text =
		json_str(json_get(json_path(p->live, "metadata.annotations"), STR(LAST_APPLIED)));
	const struct schema *schema = p->r->resource->schema;
	struct field_set *set, *changed, *removed;
	struct schema_field root, same;
	struct cJSON *last;

	if (!str_eq_text(p->r->manager, "kubectl") || !text.len ||
		json_parse(p->arena, text, NULL, &last, NULL) ||
		!str_eq(tree_str(last, "apiVersion"), p->r->resource->api_version) ||
		typed_check(p->arena, schema, last, NULL))
		return NULL;
	set = field_set_new(p->arena);
	changed = field_set_new(p->arena);
	removed = field_set_new(p->arena);
	field_set_of(p->arena, typed_root(&root, schema, last), set);
	field_set_compare(p->arena, typed_root(&root, schema, last),
		typed_root(&same, schema, p->live), changed, removed);
	field_set_subtract(set, changed);
	field_set_subtract(set, removed);
	return set;
}

static bool owns(struct arena *a, const struct field_set *s, struct str wanted, struct buf *path)
{
	size_t len = path->len;
	bool found = s->member && str_eq(buf_str(path), wanted);

	for (const struct field_set *c = s->children; c && !found; c = c->next) {
		typed_print_element(path, a, c->element);
		found = str_starts(wanted, buf_str(path)) && owns(a, c, wanted, path);
		buf_cut(path, len);
	}
	return found;
}

static void forgive(struct applying *p, struct apply_conflicts *conflicts)
{
	struct field_set *mine = once_applied(p);
	size_t left = 0;

	for (size_t i = 0; mine && i < conflicts->count; i++) {
		_cleanup_(buf_done) struct buf path = BUF_INIT(64 * KIB);

		if (!owns(p->arena, mine, conflicts->items[i].path, &path))
			conflicts->items[left++] = conflicts->items[i];
	}
	if (mine)
		conflicts->count = left;
}

/* The annotation of kubectl's client-side apply follows what it applies here. */
static void note_last_applied(struct applying *p)
{
	struct cJSON *annotations = json_path(p->merged, "metadata.annotations"), *copy;
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	if (!str_eq_text(p->r->manager, "kubectl") ||
		!json_str(json_get(annotations, STR(LAST_APPLIED))).len)
		return;
	copy = json_copy(p->arena, p->config);
	struct cJSON *own = json_path(copy, "metadata.annotations");
	json_remove(own, json_get(own, STR(LAST_APPLIED)));
	if (own && !json_count(own))
		tree_drop(copy, "metadata.annotations");
	json_print(&text, copy, JSON_SORTED);
	buf_add_char(&text, '\n');
	json_set(p->arena, annotations, STR(LAST_APPLIED),
		json_new_str(p->arena, arena_str(p->arena, buf_str(&text))));
}

/* ---- the whole ---- */

static int by_manager_path(const void *x, const void *y)
{
	const struct apply_conflict *a = x, *b = y;
	int order = str_cmp(a->manager, b->manager);

	return order ? order : str_cmp(a->path, b->path);
}

static void settle(struct applying *p, struct apply_conflicts *conflicts)
{
	struct settling s = {.request = p->r,
		.managed = &p->managed,
		.old = p->live,
		.now = p->merged,
		.me = p->me,
		.conflicts = conflicts};

	managed_settle(&s);
	p->me = s.me;
}

/* Who wrote what: nothing but times and sets changes when the object stays as it is. */
static void record(struct applying *p, bool changed)
{
	managed_strip(p->me->set);
	if (changed)
		p->me->time = managed_time(p->arena, p->r->now);
	note_last_applied(p);
	managed_write(&p->managed, p->merged);
}

static int check(struct applying *p, struct err *err)
{
	_cleanup_(err_done) struct err inner = {0};
	struct str version = p->r->resource->api_version;

	if (!typed_check(p->arena, p->r->resource->schema, p->config, &inner))
		return 0;
	return err_set(err, ERR_INTERNAL,
		"failed to create typed patch object (%.*s/%.*s; %s%.*s, Kind=%.*s): %s",
		STRF(tree_str(p->config, "metadata.namespace")),
		STRF(tree_str(p->config, "metadata.name")),
		str_find_char(version, '/') < 0 ? "/" : "", STRF(version),
		STRF(tree_str(p->config, "kind")), err_text(&inner));
}

int apply_patch(struct arena *a, const struct apply_request *r, const struct cJSON *live,
	const struct cJSON *config, struct cJSON **out, struct apply_conflicts *conflicts,
	struct err *err)
{
	struct applying p = {.arena = a, .r = r, .live = live, .config = config};
	struct schema_field root, same;
	const struct schema *schema = r->resource->schema;

	*conflicts = (struct apply_conflicts){0};
	if (check(&p, err))
		return ERR_INTERNAL;
	prepare(&p);
	if (!live)
		p.live = api_canonical(a, schema, json_new(a, JSON_OBJECT));
	p.merged = merge_values(
		a, typed_root(&root, schema, p.live), typed_root(&same, schema, config));
	prune(&p);
	settle(&p, r->force ? NULL : conflicts);
	if (conflicts->count)
		forgive(&p, conflicts);
	if (conflicts->count) {
		qsort(conflicts->items, conflicts->count, sizeof(*conflicts->items),
			by_manager_path);
		return err_set(err, ERR_CONFLICT, "other managers own what is applied");
	}
	if (!r->force)
		settle(&p, NULL);
	record(&p, !live || !json_equal(p.live, p.merged));
	*out = p.merged;
	return 0;
}
