#include "token_cache.h"

#include <kube/hash.h>
#include <kube/mem.h>

#define ENTRIES_MAX 4096

struct entry {
	struct link in_used;
	struct token_digest digest;
	struct arena arena;
	struct token_found found;
	int64_t until;
};

static struct str key_of(const struct token_digest *d)
{
	return str_make((const char *)d->bytes, sizeof(d->bytes));
}

void token_cache_init(struct token_cache *c)
{
	map_init(&c->entries);
	list_init(&c->used);
}

static void forget(struct token_cache *c, struct entry *e)
{
	map_remove(&c->entries, key_of(&e->digest));
	link_remove(&e->in_used);
	arena_done(&e->arena);
	mem_free(e);
}

static struct entry *least_used(struct token_cache *c)
{
	return CONTAINER_OF(c->used.head.next, struct entry, in_used);
}

void token_cache_done(struct token_cache *c)
{
	while (!list_empty(&c->used))
		forget(c, least_used(c));
	map_done(&c->entries);
}

struct token_digest token_digest(const struct token_question *q)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(4 * MIB);
	struct token_digest d;

	buf_add_str(&all, q->token);
	for (size_t i = 0; i < q->audience_count; i++) {
		buf_add_char(&all, 0);
		buf_add_str(&all, q->audiences[i]);
	}
	sha256_of(buf_str(&all), d.bytes);
	return d;
}

static struct str *copy_all(struct arena *a, const struct str *items, size_t count)
{
	struct str *copy = arena_new(a, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_str(a, items[i]);
	return copy;
}

static const struct api_user *copy_user(struct arena *a, const struct api_user *from)
{
	struct api_user *u;

	if (!from)
		return NULL;
	u = arena_new(a, sizeof(*u));
	u->name = arena_str(a, from->name);
	u->uid = arena_str(a, from->uid);
	u->groups = copy_all(a, from->groups, from->group_count);
	u->group_count = from->group_count;
	u->extra = arena_new(a, (from->extra_count + 1) * sizeof(*u->extra));
	u->extra_count = from->extra_count;
	for (size_t i = 0; i < from->extra_count; i++) {
		const struct user_extra *e = &from->extra[i];

		u->extra[i] = (struct user_extra){.key = arena_str(a, e->key),
			.values = copy_all(a, e->values, e->count),
			.count = e->count};
	}
	return u;
}

static void copy_found(struct arena *a, struct token_found *to, const struct token_found *from)
{
	to->user = copy_user(a, from->user);
	to->audiences = copy_all(a, from->audiences, from->audience_count);
	to->audience_count = from->audience_count;
}

bool token_cache_get(struct token_cache *c, const struct token_digest *digest, int64_t now,
	struct arena *arena, struct token_found *found)
{
	struct entry *e = map_get(&c->entries, key_of(digest));

	if (!e)
		return false;
	if (now >= e->until) {
		forget(c, e);
		return false;
	}
	link_remove(&e->in_used);
	list_push(&c->used, &e->in_used);
	copy_found(arena, found, &e->found);
	found->known = true;
	return true;
}

void token_cache_put(struct token_cache *c, const struct token_digest *digest, int64_t until,
	const struct token_found *found)
{
	struct entry *e = map_get(&c->entries, key_of(digest));

	if (e)
		forget(c, e);
	if (c->entries.count >= ENTRIES_MAX)
		forget(c, least_used(c));
	e = mem_new(sizeof(*e));
	e->digest = *digest;
	e->until = until;
	arena_init(&e->arena);
	copy_found(&e->arena, &e->found, found);
	map_set(&c->entries, key_of(digest), e);
	list_push(&c->used, &e->in_used);
}
