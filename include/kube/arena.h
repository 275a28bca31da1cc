/*
 * Memory for one request, one reconcile, one object: many small pieces, freed together. Nothing
 * in an arena is freed singly. The first chunk is of 1 KiB, further ones of 16 to 64 KiB; pieces
 * above 16 KiB get their own. An arena is one thread's at a time.
 */
#ifndef KUBE_ARENA_H
#define KUBE_ARENA_H

#include <kube/str.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *at, *end;
	size_t size;    /* bytes handed out */
	uint32_t first; /* bytes of the first chunk; 0: 1 KiB */
	bool lasting;
};

void arena_init(struct arena *a);
/* Of what mostly needs so much: its first chunk. */
void arena_init_sized(struct arena *a, uint32_t first);
/* Of what stays, and of which there are many: small chunks, so that little lies idle. */
void arena_init_lasting(struct arena *a);
/* The same of what turns out to be such, or is no longer. */
void arena_set_lasting(struct arena *a, bool lasting);
void arena_done(struct arena *a);  /* frees all; usable again */
void arena_reset(struct arena *a); /* forgets all, keeps the largest chunk */

void *arena_alloc(struct arena *a, size_t size); /* 16-aligned, not zeroed */
void *arena_new(struct arena *a, size_t size);   /* zeroed */
void *arena_copy(struct arena *a, const void *at, size_t size);
struct str arena_str(struct arena *a, struct str s); /* NUL-terminated copy */
char *arena_text(struct arena *a, const char *text);
struct str arena_print(struct arena *a, const char *format, ...) KUBE_PRINTF(2, 3);

/*
 * An array that grows: room for one more behind `count` things. Where there is none, they are
 * copied to twice as much (`first` at the beginning); what they stood in stays in the arena. items
 * and cap, a size_t, are set.
 */
#define ARENA_ROOM(a, items, count, cap, first)                                                    \
	do {                                                                                       \
		if ((count) == (cap))                                                              \
			(items) = arena_more(                                                      \
				(a), (items), (count), &(cap), (first), sizeof(*(items)));         \
	} while (0)
void *arena_more(
	struct arena *a, const void *at, size_t count, size_t *cap, size_t first, size_t size);

#endif
