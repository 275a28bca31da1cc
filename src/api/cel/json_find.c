/*
 * Looking for keys of large JSON objects: a rule that asks an object for each of its own keys must
 * not take the square of their number. The hash is keyed by where the table lies.
 */
#include "eval.h"

#include <kube/hash.h>

enum { FEW_KEYS = 64, LOOKUPS_MAX = 32 };

struct lookup {
	struct lookup *next;
	const struct cJSON *object;
	const struct cJSON **slots;
	size_t cap;
};

_Thread_local struct evaluation *evaluation_running;

static size_t slot_of(const struct lookup *l, struct str key)
{
	size_t i = hash_bytes((uintptr_t)l->slots, key) & (l->cap - 1);

	while (l->slots[i] && !str_eq(json_key(l->slots[i]), key))
		i = (i + 1) & (l->cap - 1);
	return i;
}

static const struct lookup *lookup_of(struct evaluation *ev, const struct cJSON *object)
{
	struct lookup *l;

	for (l = ev->lookups; l; l = l->next)
		if (l->object == object)
			return l;
	if (ev->lookup_count >= LOOKUPS_MAX)
		return NULL;
	l = arena_new(ev->arena, sizeof(*l));
	l->object = object;
	for (l->cap = FEW_KEYS; l->cap < 2 * json_count(object);)
		l->cap *= 2;
	l->slots = arena_new(ev->arena, l->cap * sizeof(*l->slots));
	json_each (child, object)
		l->slots[slot_of(l, json_key(child))] = child;
	l->next = ev->lookups;
	ev->lookups = l;
	ev->lookup_count++;
	return l;
}

const struct cJSON *json_find(const struct cJSON *object, struct str key)
{
	const struct lookup *l = NULL;

	if (evaluation_running && json_count(object) > FEW_KEYS)
		l = lookup_of(evaluation_running, object);
	return l ? l->slots[slot_of(l, key)] : json_get(object, key);
}
