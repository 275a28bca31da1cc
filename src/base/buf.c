#include <kube/buf.h>

#include "print.h"

#include <kube/mem.h>

/* `at` has cap + 1 bytes whenever it is not NULL: the last is buf_text's NUL, outside of max. */

enum { BUF_FIRST = 64 };

void buf_init(struct buf *b, size_t max)
{
	*b = BUF_INIT(max);
}

void buf_done(struct buf *b)
{
	mem_free(b->at);
	*b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->over = false;
}

char *buf_reserve(struct buf *b, size_t want)
{
	if (b->over || want > b->max - b->len) {
		b->over = true;
		return NULL;
	}
	if (want > b->cap - b->len || !b->at) {
		size_t cap = MAX(b->len + want, b->cap + MIN(b->cap, b->max - b->cap));
		cap = MIN(MAX(cap, (size_t)BUF_FIRST), b->max);
		b->at = mem_resize(b->at, cap + 1);
		b->cap = cap;
	}
	return b->at + b->len;
}

void buf_advance(struct buf *b, size_t len)
{
	assert(len <= b->cap - b->len);
	b->len += len;
}

void buf_add(struct buf *b, const void *at, size_t len)
{
	char *room = buf_reserve(b, len);
	if (!room || len == 0)
		return;
	memcpy(room, at, len);
	b->len += len;
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.at, s.len);
}

void buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
	if (!b->over && b->len < b->cap)
		b->at[b->len++] = c;
	else
		buf_add(b, &c, 1);
}

void buf_add_rune(struct buf *b, uint32_t rune)
{
	char bytes[4];

	buf_add(b, bytes, (size_t)(utf8_put(bytes, rune) - bytes));
}

void buf_add_u64(struct buf *b, uint64_t value)
{
	char digits[20], *at = digits + sizeof(digits);
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_add_i64(struct buf *b, int64_t value)
{
	char digits[21], *at = digits + sizeof(digits);
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	do
		*--at = (char)('0' + size % 10);
	while (size /= 10);
	if (value < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_print(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vprint(b, format, args);
	va_end(args);
}

void buf_vprint(struct buf *b, const char *format, va_list args)
{
	if (b->over)
		return;
	va_list again;
	va_copy(again, args);
	/* Straight into the free room first: most prints fit. */
	if (!b->at && b->max)
		buf_reserve(b, 0);
	size_t room = b->at ? b->cap - b->len + 1 : 0;
	size_t len = print_text(b->at ? b->at + b->len : NULL, room, format, args);
	if (len >= room && buf_reserve(b, len))
		print_text(b->at + b->len, len + 1, format, again);
	va_end(again);
	if (!b->over)
		b->len += len;
}

void buf_drop_front(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len -= len;
	if (len && b->len)
		memmove(b->at, b->at + len, b->len);
}

void buf_cut(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
}

const char *buf_text(struct buf *b)
{
	if (!b->at)
		return "";
	b->at[b->len] = 0;
	return b->at;
}

char *buf_take(struct buf *b, size_t *len)
{
	if (len)
		*len = b->len;
	char *text = b->at ? b->at : mem_alloc(1);
	text[b->len] = 0;
	*b = BUF_INIT(b->max);
	return text;
}
