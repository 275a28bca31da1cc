/* Who loses what when an object changes, each manager by the version it speaks. */
#include "managed.h"

#define CONFLICTS_MAX 1000

struct difference {
	const struct resource *version;
	struct field_set *changed, *removed;
};

static const struct resource *version_of(const struct apply_request *r, struct str api_version)
{
	if (str_eq(api_version, r->resource->api_version))
		return r->resource;
	return resource_in_version(r->resource, api_version);
}

/* False: that version does not exist, or cannot say what the object is. */
static bool differ_in(struct settling *s, struct str api_version, struct difference *d)
{
	struct arena *a = s->managed->arena;
	const struct resource *from = s->request->resource;
	const struct resource *to = version_of(s->request, api_version);
	struct cJSON *old, *now;
	struct schema_field root_old, root_now;

	if (d->version == to && to)
		return true;
	if (!to)
		return false;
	old = (struct cJSON *)(uintptr_t)s->old;
	now = (struct cJSON *)(uintptr_t)s->now;
	if (to->schema != from->schema &&
		(resource_convert(a, from, to, s->old, &old, NULL) ||
			resource_convert(a, from, to, s->now, &now, NULL)))
		return false;
	*d = (struct difference){
		.version = to, .changed = field_set_new(a), .removed = field_set_new(a)};
	field_set_compare(a, typed_root(&root_old, to->schema, old),
		typed_root(&root_now, to->schema, now), d->changed, d->removed);
	managed_filter(d->changed, s->request);
	managed_filter(d->removed, s->request);
	return true;
}

/* ---- conflicts ---- */

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

static void add_conflict(
	struct arena *a, struct apply_conflicts *c, struct str manager, struct str path)
{
	struct apply_conflict *grown;

	if (c->count == CONFLICTS_MAX)
		return;
	if (!(c->count & (c->count - 1))) { /* full: one, two, four, … */
		grown = arena_alloc(a, (c->count ? c->count * 2 : 1) * sizeof(*grown));
		if (c->count)
			memcpy(grown, c->items, c->count * sizeof(*grown));
		c->items = grown;
	}
	c->items[c->count++] =
		(struct apply_conflict){.manager = manager, .path = arena_str(a, path)};
}

static void add_conflicts(struct arena *a, struct apply_conflicts *c, struct str manager,
	const struct field_set *s, struct buf *path)
{
	size_t len = path->len;

	if (s->member)
		add_conflict(a, c, manager, buf_str(path));
	for (const struct field_set *child = s->children; child; child = child->next) {
		typed_print_element(path, a, child->element);
		add_conflicts(a, c, manager, child, path);
		buf_cut(path, len);
	}
}

static void find_conflicts(struct settling *s)
{
	struct difference d = {0};

	for (size_t i = 0; i < s->managed->count; i++) {
		struct manager *w = &s->managed->items[i];
		_cleanup_(buf_done) struct buf path = BUF_INIT(64 * KIB);
		struct arena *a = s->managed->arena;

		if (w == s->me || !differ_in(s, w->api_version, &d))
			continue;
		struct field_set *both = field_set_copy(a, w->set);
		field_set_intersect(both, d.changed);
		add_conflicts(a, s->conflicts, manager_words(a, w), both, &path);
	}
}

/* ---- the loss ---- */

void managed_settle(struct settling *s)
{
	struct difference d = {0};
	struct manager me = *s->me;
	size_t i = 0;

	if (s->conflicts) {
		find_conflicts(s);
		if (s->conflicts->count)
			return;
	}
	while (i < s->managed->count) {
		struct manager *w = &s->managed->items[i];

		if (w == s->me) {
			i++;
		} else if (!differ_in(s, w->api_version, &d)) {
			memmove(w, w + 1, (--s->managed->count - i) * sizeof(*w));
			s->me -= s->me > w;
		} else {
			field_set_subtract(w->set, d.changed);
			field_set_subtract(w->set, d.removed);
			i++;
		}
	}
	if (differ_in(s, me.api_version, &d)) {
		s->changed = d.changed;
		s->removed = d.removed;
	}
}
