#include "domains.h"

#include <kube/hash.h>

/* Open addressing, at most three quarters full. */
static struct domain *slot_of(const struct domains *d, struct str value)
{
	size_t i = hash_bytes(0, value) & (d->cap - 1);

	while (d->slots[i].used && !str_eq(d->slots[i].value, value))
		i = (i + 1) & (d->cap - 1);
	return &d->slots[i];
}

struct domain *domains_find(const struct domains *d, struct str value)
{
	if (!d->cap)
		return NULL;
	struct domain *slot = slot_of(d, value);
	return slot->used ? slot : NULL;
}

static void grow(struct domains *d, struct arena *a)
{
	struct domains larger = {.key = d->key, .count = d->count, .cap = d->cap ? 4 * d->cap : 16};

	larger.slots = arena_new(a, larger.cap * sizeof(*larger.slots));
	domains_each(it, d) * slot_of(&larger, it->value) = *it;
	*d = larger;
}

struct domain *domains_at(struct domains *d, struct arena *a, struct str value)
{
	struct domain *found = domains_find(d, value);

	if (found)
		return found;
	if (4 * (d->count + 1) > 3 * d->cap)
		grow(d, a);
	d->count++;
	found = slot_of(d, value);
	*found = (struct domain){.value = value, .used = true};
	return found;
}

static struct domains *set_of(const struct domain_sets *s, struct str key)
{
	for (size_t i = 0; i < s->count; i++)
		if (str_eq(s->items[i].key, key))
			return &s->items[i];
	return NULL;
}

void domain_sets_add(struct domain_sets *s, struct arena *a, struct str key,
	const struct labels *node, int64_t by)
{
	const struct str *value = labels_get(node, key);
	struct domains *d = set_of(s, key);

	if (!value)
		return;
	if (!d) {
		struct domains *items = arena_new(a, (s->count + 1) * sizeof(*items));

		if (s->count)
			memcpy(items, s->items, s->count * sizeof(*items));
		s->items = items;
		d = &items[s->count++];
		*d = (struct domains){.key = key};
	}
	domains_at(d, a, *value)->count += by;
}

int64_t domain_sets_get(const struct domain_sets *s, struct str key, struct str value)
{
	const struct domains *d = set_of(s, key);
	const struct domain *found = d ? domains_find(d, value) : NULL;

	return found ? found->count : 0;
}

bool domain_sets_empty(const struct domain_sets *s)
{
	for (size_t i = 0; i < s->count; i++)
		domains_each(it, &s->items[i]) if (it->count) return false;
	return true;
}
