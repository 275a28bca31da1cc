/* Names that something calls back with, kept. */
#ifndef KUBE_NAME_LIST_H
#define KUBE_NAME_LIST_H

#include "test.h"

#include <kube/arena.h>

struct name_list {
	struct arena *arena;
	struct str items[1000];
	size_t count;
};

static inline void name_list_add(void *ctx, struct str name)
{
	struct name_list *n = ctx;

	if (EXPECT(n->count < ARRAY_LEN(n->items)))
		n->items[n->count++] = arena_str(n->arena, name);
}

#endif
