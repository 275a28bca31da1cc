#include <kube/arena.h>

#include <kube/mem.h>

#include <stdarg.h>
#include <stdio.h>

enum {
	ARENA_ALIGN = 16,
	ARENA_CHUNK_FIRST = 1024,
	ARENA_CHUNK_LAST = 64 * 1024,
	/* Pieces above this get their own chunk, so that a chunk's rest is never a big loss. */
	ARENA_PIECE_LARGE = ARENA_CHUNK_LAST / 4,
};

/* The first chunk of the list is the one being cut up; behind it stand full and single ones. */
struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of bytes */
	_Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

void arena_done(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		mem_free(c);
	}
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *largest = a->chunks;
	for (struct arena_chunk *c = largest; c; c = c->next)
		if (c->size > largest->size)
			largest = c;
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		if (c != largest)
			mem_free(c);
	}
	arena_init(a);
	if (!largest)
		return;
	largest->next = NULL;
	a->chunks = largest;
	a->at = largest->bytes;
	a->end = largest->bytes + largest->size;
}

static struct arena_chunk *arena_chunk_new(size_t size)
{
	struct arena_chunk *c = mem_alloc(sizeof(*c) + size);
	c->size = size;
	return c;
}

static void *arena_alloc_single(struct arena *a, size_t size)
{
	struct arena_chunk *c = arena_chunk_new(size);
	struct arena_chunk **place = a->chunks ? &a->chunks->next : &a->chunks;
	c->next = *place;
	*place = c;
	return c->bytes;
}

void *arena_alloc(struct arena *a, size_t size)
{
	assert(size <= PTRDIFF_MAX / 2);
	a->size += size;
	size_t need = size ? (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
	if (need > (size_t)(a->end - a->at)) {
		if (need > ARENA_PIECE_LARGE)
			return arena_alloc_single(a, need);
		size_t grown = a->chunks ? a->chunks->size * 2 : ARENA_CHUNK_FIRST;
		struct arena_chunk *c =
			arena_chunk_new(MIN(MAX(grown, need * 2), (size_t)ARENA_CHUNK_LAST));
		c->next = a->chunks;
		a->chunks = c;
		a->at = c->bytes;
		a->end = c->bytes + c->size;
	}
	void *piece = a->at;
	a->at += need;
	return piece;
}

void *arena_new(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

void *arena_copy(struct arena *a, const void *at, size_t size)
{
	void *copy = arena_alloc(a, size);
	if (size)
		memcpy(copy, at, size);
	return copy;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.len + 1);
	if (s.len)
		memcpy(copy, s.at, s.len);
	copy[s.len] = 0;
	return str_make(copy, s.len);
}

char *arena_text(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text) + 1);
}

struct str arena_print(struct arena *a, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	assert(len >= 0);
	char *text = arena_alloc(a, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	va_end(args);
	return str_make(text, (size_t)len);
}
