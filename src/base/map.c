/*
 * Open addressing with linear probing, kept in robin hood order: along a run of taken slots the
 * distance from home never drops by more than the step, so a search ends as soon as it is farther
 * from home than the element it looks at. Removal moves the rest of the run back by one.
 */
#include <kube/hash.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/random.h>

#include <stdatomic.h>

enum { MAP_FIRST = 8 };

/* Marks a taken slot, so that hash == 0 means an empty one. */
static const uint64_t taken = (uint64_t)1 << 63;

struct map_slot {
	uint64_t hash;
	struct str key;
	void *value;
};

static _Atomic(uint64_t) seed_base, seed_count;

void map_fix_seeds(uint64_t seed)
{
	atomic_store(&seed_base, seed ? seed : 1);
	atomic_store(&seed_count, 0);
}

/* One draw from the kernel a process, spread over its maps: a system call each would be dear. */
static uint64_t map_seed_new(void)
{
	uint64_t base = atomic_load(&seed_base), none = 0;
	while (!base) {
		uint64_t drawn = random_u64();
		atomic_compare_exchange_strong(&seed_base, &none, drawn);
		base = atomic_load(&seed_base);
	}
	uint64_t number = atomic_fetch_add(&seed_count, 1);
	return hash_bytes(base, str_make((const char *)&number, sizeof(number))) | 1;
}

void map_init(struct map *m)
{
	*m = (struct map){0};
}

void map_init_borrowed(struct map *m)
{
	*m = (struct map){.borrow_keys = true};
}

void map_done(struct map *m)
{
	if (!m->borrow_keys)
		for (size_t i = 0; i < m->cap; i++)
			if (m->slots[i].hash)
				mem_free((void *)m->slots[i].key.at);
	mem_free(m->slots);
	*m = (struct map){.borrow_keys = m->borrow_keys};
}

static size_t distance(const struct map *m, uint64_t hash, size_t index)
{
	return (index - hash) & (m->cap - 1);
}

static struct map_slot *map_find(const struct map *m, struct str key, uint64_t hash)
{
	if (m->count == 0)
		return NULL;
	size_t i = hash & (m->cap - 1);
	for (size_t away = 0;; away++, i = (i + 1) & (m->cap - 1)) {
		struct map_slot *slot = &m->slots[i];
		if (!slot->hash || distance(m, slot->hash, i) < away)
			return NULL;
		if (slot->hash == hash && str_eq(slot->key, key))
			return slot;
	}
}

void *map_get(const struct map *m, struct str key)
{
	struct map_slot *slot = map_find(m, key, hash_bytes(m->seed, key) | taken);
	return slot ? slot->value : NULL;
}

bool map_has(const struct map *m, struct str key)
{
	return map_find(m, key, hash_bytes(m->seed, key) | taken);
}

/* Puts a slot whose key is not there in its place; the richer ones make way. */
static void map_place(struct map *m, struct map_slot moving)
{
	size_t i = moving.hash & (m->cap - 1);
	for (size_t away = 0;; away++, i = (i + 1) & (m->cap - 1)) {
		struct map_slot *slot = &m->slots[i];
		if (!slot->hash) {
			*slot = moving;
			return;
		}
		size_t its = distance(m, slot->hash, i);
		if (its < away) {
			struct map_slot richer = *slot;
			*slot = moving;
			moving = richer;
			away = its;
		}
	}
}

static void map_grow(struct map *m)
{
	struct map_slot *old = m->slots;
	size_t old_cap = m->cap;
	m->cap = old_cap ? old_cap * 2 : MAP_FIRST;
	m->slots = mem_new(m->cap * sizeof(m->slots[0]));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].hash)
			map_place(m, old[i]);
	mem_free(old);
}

void *map_set(struct map *m, struct str key, void *value)
{
	if (!m->seed)
		m->seed = map_seed_new();
	uint64_t hash = hash_bytes(m->seed, key) | taken;
	struct map_slot *slot = map_find(m, key, hash);
	if (slot) {
		void *replaced = slot->value;
		slot->value = value;
		/* A borrowed key often lies in the value, which the caller may free now. */
		if (m->borrow_keys)
			slot->key = key;
		return replaced;
	}
	/* At most 7/8 full: iteration and search rely on an empty slot. */
	if (m->count + 1 > m->cap - m->cap / 8)
		map_grow(m);
	if (!m->borrow_keys)
		key = str_make(mem_copy(key.at, key.len), key.len);
	map_place(m, (struct map_slot){hash, key, value});
	m->count++;
	m->changes++;
	return NULL;
}

void *map_remove(struct map *m, struct str key)
{
	struct map_slot *slot = map_find(m, key, hash_bytes(m->seed, key) | taken);
	if (!slot)
		return NULL;
	void *value = slot->value;
	const char *copied = m->borrow_keys ? NULL : slot->key.at;
	size_t i = (size_t)(slot - m->slots);
	m->removed_at = i;
	for (;;) {
		size_t next = (i + 1) & (m->cap - 1);
		if (!m->slots[next].hash || distance(m, m->slots[next].hash, next) == 0)
			break;
		m->slots[i] = m->slots[next];
		i = next;
	}
	m->slots[i] = (struct map_slot){0};
	m->count--;
	m->changes++;
	mem_free((void *)copied);
	return value;
}

/*
 * Downwards, starting below an empty slot. Removing the current element moves only elements from
 * above it, which were seen, down to where the iterator has been; and no run of taken slots
 * reaches across the empty slot, which stays empty.
 */
bool map_next(const struct map *m, struct map_iter *it)
{
	if (!it->started) {
		*it = (struct map_iter){.started = true, .changes = m->changes};
		while (it->index < m->cap && m->slots[it->index].hash)
			it->index++;
		it->left = m->cap ? m->cap - 1 : 0;
	} else if (it->changes != m->changes) {
		assert(it->changes + 1 == m->changes && it->index == m->removed_at);
		it->changes = m->changes;
	}
	while (it->left > 0) {
		it->left--;
		it->index = (it->index - 1) & (m->cap - 1);
		const struct map_slot *slot = &m->slots[it->index];
		if (slot->hash) {
			it->key = slot->key;
			it->value = slot->value;
			return true;
		}
	}
	return false;
}
