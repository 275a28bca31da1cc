/*
 * A growing byte buffer with a ceiling from birth. The ceiling is a decision about input, so
 * reaching it is not fatal: the addition is dropped whole, `over` is set and stays set, and
 * every later addition is dropped too. Callers add freely and look at buf_over() once.
 *
 * Embedded by its owner; no locks. What is added must not lie in the buffer itself, which may move.
 */
#ifndef KUBE_BUF_H
#define KUBE_BUF_H

#include <kube/str.h>
#include <stdarg.h>

struct buf {
	char *at;
	size_t len, cap, max;
	bool over;
};

#define BUF_INIT(ceiling)                                                                          \
	(struct buf)                                                                               \
	{                                                                                          \
		.max = (ceiling)                                                                   \
	}

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);  /* frees the bytes, keeps the ceiling: usable again */
void buf_clear(struct buf *b); /* empties, keeps memory, forgets `over` */
void buf_add(struct buf *b, const void *at, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_add_rune(struct buf *b, uint32_t rune); /* as UTF-8 */
void buf_add_u64(struct buf *b, uint64_t value);
void buf_add_i64(struct buf *b, int64_t value);
void buf_print(struct buf *b, const char *format, ...) KUBE_PRINTF(2, 3);
void buf_vprint(struct buf *b, const char *format, va_list args);

/*
 * Room for at least `want` more bytes, to be filled and then claimed with buf_advance.
 * NULL (and over) when the ceiling forbids it.
 */
char *buf_reserve(struct buf *b, size_t want);
void buf_advance(struct buf *b, size_t len);

void buf_drop_front(struct buf *b, size_t len); /* moves the rest down */
void buf_cut(struct buf *b, size_t len);        /* keeps the first len bytes */

/* A NUL behind the bytes, not counted in len. Always valid, also when empty or over. */
const char *buf_text(struct buf *b);
/* The bytes as a NUL-terminated heap string that is now the caller's; the buffer is empty. */
char *buf_take(struct buf *b, size_t *len);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->at, b->len};
}

static inline bool buf_over(const struct buf *b)
{
	return b->over;
}

#endif
