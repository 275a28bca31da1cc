/* History: the changes that watchers and lists at older revisions can still see. */
#include "private.h"

#include <kube/mem.h>

/* ---- the ring ---- */

struct change_record *history_at(struct bucket *b, uint64_t position)
{
	return &b->ring[position & (b->ring_cap - 1)];
}

static void grow(struct bucket *b)
{
	size_t cap = b->ring_cap ? 2 * b->ring_cap : 16; /* a power of two */
	struct change_record *ring = mem_alloc(cap * sizeof(*ring));

	for (uint64_t p = b->first; p < b->end; p++)
		ring[p & (cap - 1)] = *history_at(b, p);
	mem_free(b->ring);
	b->ring = ring;
	b->ring_cap = cap;
}

/* What history alone holds on to. */
static size_t record_bytes(const struct change_record *c)
{
	return sizeof(*c) + (c->old ? c->old->size : 0) +
	       (c->type == CHANGE_DELETED ? c->object->size : 0);
}

void history_add(struct bucket *b, const struct change_record *c)
{
	if (b->end - b->first == b->ring_cap)
		grow(b);
	*history_at(b, b->end++) = *c;
	b->store->stats.history++;
	b->store->stats.history_bytes += record_bytes(c);
}

static void record_done(struct change_record *c)
{
	mem_free(c->key);
	object_unref(c->object);
	object_unref(c->old);
}

uint64_t history_behind(struct bucket *b, int64_t revision)
{
	uint64_t low = b->first, high = b->end;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (history_at(b, middle)->revision <= revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t store_changes(const struct bucket *b)
{
	return b->end;
}

struct object *store_written(struct bucket *b, struct str key, int64_t revision)
{
	uint64_t at = history_behind(b, revision - 1);
	const struct change_record *c = at < b->end ? history_at(b, at) : NULL;

	return c && c->revision == revision && str_eq(str_from(c->key), key) ? c->object : NULL;
}

/* What a forgotten change replaced, nobody can ask for any more. */
void history_compact(struct bucket *b, int64_t revision)
{
	while (b->first < b->end && history_at(b, b->first)->revision <= revision) {
		struct change_record *c = history_at(b, b->first++);

		if (c->old)
			store_garbage(b->store, c->old->revision);
		if (c->type == CHANGE_DELETED)
			store_garbage(b->store, c->revision);
		b->store->stats.history--;
		b->store->stats.history_bytes -= record_bytes(c);
		record_done(c);
	}
	if (b->first == b->end && b->ring_cap > 16) {
		mem_free(b->ring);
		b->ring = NULL;
		b->ring_cap = 0;
	}
}

void history_free(struct bucket *b)
{
	for (; b->first < b->end; b->first++)
		record_done(history_at(b, b->first));
	mem_free(b->ring);
}

void store_garbage(struct store *s, int64_t revision)
{
	size_t count = s->garbage_end - s->garbage_first;

	if (s->garbage_end == s->garbage_cap && s->garbage_first > count) {
		memcpy(s->garbage, s->garbage + s->garbage_first, count * sizeof(*s->garbage));
		s->garbage_first = 0;
		s->garbage_end = count;
	}
	if (s->garbage_end == s->garbage_cap) {
		s->garbage_cap = s->garbage_cap ? 2 * s->garbage_cap : 64;
		s->garbage = mem_resize(s->garbage, s->garbage_cap * sizeof(*s->garbage));
	}
	s->garbage[s->garbage_end++] = revision;
}

void store_compact(struct store *s, int64_t revision)
{
	if (revision > s->published)
		revision = s->published;
	if (revision <= s->compacted)
		return;
	s->compacted = revision;
	map_each (it, &s->buckets)
		history_compact(it.value, revision);
}

/* ---- watching ---- */

static int64_t oldest(const struct bucket *b)
{
	return MAX(b->store->compacted, b->begins);
}

static int expired(const struct bucket *b, int64_t revision, struct err *err)
{
	return err_set(err, ERR_EXPIRED, "too old resource version: %lld (%lld)",
		(long long)revision, (long long)oldest(b));
}

int watch_init(
	struct watch *w, struct bucket *b, int64_t revision, watch_wake_fn *wake, struct err *err)
{
	if (revision < oldest(b))
		return expired(b, revision, err);
	*w = (struct watch){.bucket = b,
		.revision = revision,
		.wake = wake,
		.position = history_behind(b, revision)};
	list_push(&b->watches, &w->in_bucket);
	b->store->stats.watches++;
	return 0;
}

int watch_next(struct watch *w, struct store_change *change, struct err *err)
{
	struct bucket *b = w->bucket;

	if (w->position < b->first)
		return expired(b, w->revision, err);
	while (w->position < b->end) {
		const struct change_record *c = history_at(b, w->position++);

		w->revision = c->revision;
		*change = (struct store_change){.revision = c->revision,
			.type = c->type,
			.key = str_from(c->key),
			.object = c->object,
			.old = c->old};
		return 1;
	}
	w->armed = true;
	if (w->revision < b->store->published)
		w->revision = b->store->published;
	return 0;
}

void watch_done(struct watch *w)
{
	if (!w->bucket)
		return;
	link_remove(&w->in_bucket);
	w->bucket->store->stats.watches--;
	w->bucket = NULL;
}

/* ---- lists of the past ---- */

struct past {
	struct omap changed; /* key → the object that stood there then, or NULL */
	struct store_found *found;
	size_t cap, limit;
	struct str prefix, from;
};

static bool wanted(const struct past *p, struct str key)
{
	return str_starts(key, p->prefix) && str_cmp(key, p->from) >= 0;
}

static void find(struct past *p, struct str key, struct object *o)
{
	struct store_found *f = p->found;

	if (p->limit && f->count == p->limit) {
		f->more++;
		return;
	}
	if (f->count == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		f->items = mem_resize(f->items, p->cap * sizeof(*f->items));
		f->keys = mem_resize(f->keys, p->cap * sizeof(*f->keys));
	}
	f->items[f->count] = object_ref(o);
	f->keys[f->count++] = str_make(str_dup(key), key.len);
}

/* Two ordered walks merged: what stands there now, and what was changed since. */
static void merge(struct past *p, const struct bucket *b)
{
	struct omap_iter now = omap_seek(&b->objects, p->from);
	struct omap_iter then = omap_seek(&p->changed, p->from);
	bool has_now = omap_next(&b->objects, &now), has_then = omap_next(&p->changed, &then);

	while (has_now || has_then) {
		int order = !has_now ? 1 : !has_then ? -1 : str_cmp(now.key, then.key);

		if (order < 0) {
			if (wanted(p, now.key))
				find(p, now.key, now.value);
		} else if (then.value && wanted(p, then.key)) {
			find(p, then.key, then.value);
		}
		if (order <= 0)
			has_now = omap_next(&b->objects, &now);
		if (order >= 0)
			has_then = omap_next(&p->changed, &then);
	}
}

int store_list_at(const struct bucket *bucket, int64_t revision, struct str prefix, struct str from,
	size_t limit, struct store_found *found, struct err *err)
{
	struct bucket *b = (struct bucket *)(uintptr_t)bucket;
	struct past p = {.found = found, .limit = limit, .prefix = prefix, .from = from};

	*found = (struct store_found){0};
	if (revision < oldest(b))
		return expired(b, revision, err);
	if (revision > b->store->published)
		return err_set(err, ERR_INVALID, "Too large resource version: %lld, current: %lld",
			(long long)revision, (long long)b->store->published);
	if (str_cmp(p.from, p.prefix) < 0)
		p.from = p.prefix;
	for (uint64_t at = history_behind(b, revision); at < b->end; at++) {
		const struct change_record *c = history_at(b, at);

		if (!omap_has(&p.changed, str_from(c->key)))
			omap_set(&p.changed, str_from(c->key), c->old);
	}
	merge(&p, b);
	omap_done(&p.changed);
	return 0;
}

void store_found_done(struct store_found *found)
{
	for (size_t i = 0; i < found->count; i++) {
		object_unref(found->items[i]);
		mem_free((char *)(uintptr_t)found->keys[i].at);
	}
	mem_free(found->items);
	mem_free(found->keys);
	*found = (struct store_found){0};
}
