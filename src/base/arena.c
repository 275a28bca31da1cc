#include <kube/arena.h>

#include "print.h"

#include <kube/mem.h>

enum {
	ARENA_ALIGN = 16,
	/*
	 * Little is enough for most; who needs more gets much at once. Chunks of many sizes that
	 * come and go would leave holes among what stays, which what stays half fills.
	 */
	ARENA_CHUNK_FIRST = 1024,
	ARENA_CHUNK_SECOND = 16 * 1024,
	ARENA_CHUNK_LAST = 64 * 1024,
	ARENA_LASTING_FIRST = 1024,
	ARENA_LASTING_LAST = 4 * 1024,
	/* Pieces above this get their own chunk, so that a chunk's rest is never a big loss. */
	ARENA_PIECE_LARGE = ARENA_CHUNK_LAST / 4,
};

/*
 * Under the address sanitizer what is not handed out is poisoned, and pieces stand apart, so that
 * running over the end of one is seen.
 */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_SANITIZED 1
#endif
#endif
#ifdef ARENA_SANITIZED
#include <sanitizer/asan_interface.h>
enum { ARENA_GAP = ARENA_ALIGN };
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
enum { ARENA_GAP = 0 };
#endif

/* The first chunk of the list is the one being cut up; behind it stand full and single ones. */
struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of bytes */
	_Alignas(ARENA_ALIGN) char bytes[];
};

static void chunk_free(struct arena_chunk *c)
{
	ASAN_UNPOISON_MEMORY_REGION(c->bytes, c->size);
	mem_free(c);
}

void arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

void arena_init_sized(struct arena *a, uint32_t first)
{
	*a = (struct arena){.first = first};
}

void arena_init_lasting(struct arena *a)
{
	*a = (struct arena){.lasting = true};
}

void arena_set_lasting(struct arena *a, bool lasting)
{
	a->lasting = lasting;
}

/* Empty, and of the kind that it was. */
static void begin_anew(struct arena *a)
{
	*a = (struct arena){.first = a->first, .lasting = a->lasting};
}

void arena_done(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		chunk_free(c);
	}
	begin_anew(a);
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
			chunk_free(c);
	}
	begin_anew(a);
	if (!largest)
		return;
	largest->next = NULL;
	a->chunks = largest;
	a->at = largest->bytes;
	a->end = largest->bytes + largest->size;
	ASAN_POISON_MEMORY_REGION(largest->bytes, largest->size);
}

static struct arena_chunk *arena_chunk_new(size_t size)
{
	struct arena_chunk *c = mem_alloc(sizeof(*c) + size);
	c->size = size;
	ASAN_POISON_MEMORY_REGION(c->bytes, size);
	return c;
}

static struct arena_chunk *arena_add_single(struct arena *a, size_t size)
{
	struct arena_chunk *c = arena_chunk_new(size);
	struct arena_chunk **place = a->chunks ? &a->chunks->next : &a->chunks;
	c->next = *place;
	*place = c;
	return c;
}

static size_t next_size(const struct arena *a, size_t need)
{
	size_t first = MAX((size_t)a->first, (size_t)ARENA_CHUNK_FIRST);
	size_t grown = a->chunks ? MAX(a->chunks->size * 2, (size_t)ARENA_CHUNK_SECOND) : first;

	if (a->lasting && a->chunks) /* so that little lies idle beside what there is */
		grown = a->size < 16 * KIB ? ARENA_LASTING_FIRST : ARENA_LASTING_LAST;
	if (a->lasting)
		return MAX(grown, need);
	return MIN(MAX(grown, need * 2), (size_t)ARENA_CHUNK_LAST);
}

/* A new chunk to cut up, with room for at least one more piece like this. */
static void arena_add_chunk(struct arena *a, size_t need)
{
	struct arena_chunk *c = arena_chunk_new(next_size(a, need));
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->bytes;
	a->end = c->bytes + c->size;
}

void *arena_alloc(struct arena *a, size_t size)
{
	assert(size <= PTRDIFF_MAX / 2);
	a->size += size;
	size_t need = (MAX(size, (size_t)1) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	need += ARENA_GAP;
	char *piece;
	if (need > (size_t)(a->end - a->at) && need > ARENA_PIECE_LARGE) {
		piece = arena_add_single(a, need)->bytes;
	} else {
		if (need > (size_t)(a->end - a->at))
			arena_add_chunk(a, need);
		piece = a->at;
		a->at += need;
	}
	ASAN_UNPOISON_MEMORY_REGION(piece, size);
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

/* Into what is left of the chunk, which is then handed out if the text has fitted. */
struct str arena_print(struct arena *a, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	char *left = a->at;
	size_t room = (size_t)(a->end - a->at);
	ASAN_UNPOISON_MEMORY_REGION(left, room);
	size_t len = print_text(left, room, format, args);
	ASAN_POISON_MEMORY_REGION(left, room);
	char *text = arena_alloc(a, len + 1);
	if (text != left)
		print_text(text, len + 1, format, again);
	va_end(again);
	va_end(args);
	return str_make(text, len);
}

void *arena_more(
	struct arena *a, const void *at, size_t count, size_t *cap, size_t first, size_t size)
{
	void *more;

	*cap = *cap ? 2 * *cap : first;
	more = arena_alloc(a, *cap * size);
	if (count)
		memcpy(more, at, count * size);
	return more;
}
