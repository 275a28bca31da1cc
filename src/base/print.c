/*
 * Strings and whole numbers, which is what nearly all of our formats name. The first directive
 * of any other kind leaves the whole text to vsnprintf.
 */
#include "print.h"

#include <kube/defs.h>

#include <stdio.h>
#include <string.h>

struct printing {
	char *to;
	size_t room, len; /* len: of all, also of what found no room */
	va_list args;
};

/* What stands between a % and its letter, as far as it is known here. */
struct directive {
	int zeros;   /* as many digits at least, with zeros in front; 0: none were asked for */
	long most;   /* bytes of a string; -1: all */
	int longs;   /* l, ll */
	bool size;   /* z */
	char letter; /* 0: it is of another kind */
};

static void put(struct printing *p, const char *at, size_t len)
{
	if (p->len < p->room && len)
		memcpy(p->to + p->len, at, MIN(len, p->room - p->len));
	p->len += len;
}

static struct directive read_directive(struct printing *p, const char **format)
{
	struct directive d = {.most = -1};
	const char *at = *format;

	if (at[0] == '.' && at[1] == '*') {
		d.most = va_arg(p->args, int);
		at += 2;
	} else if (at[0] == '0' && at[1] >= '1' && at[1] <= '9') {
		d.zeros = at[1] - '0';
		at += 2;
	}
	for (; *at == 'l'; at++)
		d.longs++;
	if (*at == 'z' && !d.longs) {
		d.size = true;
		at++;
	}
	bool plain = !d.zeros && !d.longs && !d.size;
	bool string = *at == 's' && plain;
	bool number = (*at == 'd' || *at == 'u' || *at == 'x') && d.most == -1;
	if (string || number || ((*at == 'c' || *at == '%') && plain && d.most == -1))
		d.letter = *at++;
	*format = at;
	return d;
}

static void put_string(struct printing *p, const struct directive *d)
{
	const char *text = va_arg(p->args, const char *);

	if (!text) /* glibc's */
		text = d->most < 0 || d->most >= 6 ? "(null)" : "";
	put(p, text, d->most < 0 ? strlen(text) : strnlen(text, (size_t)d->most));
}

static void put_digits(
	struct printing *p, const struct directive *d, unsigned long long size, bool negative)
{
	unsigned base = d->letter == 'x' ? 16 : 10;
	char digits[32], *end = digits + sizeof(digits), *at = end;

	do
		*--at = "0123456789abcdef"[size % base];
	while (size /= base);
	while (end - at < d->zeros - (int)negative)
		*--at = '0';
	if (negative)
		*--at = '-';
	put(p, at, (size_t)(end - at));
}

static void put_signed(struct printing *p, const struct directive *d)
{
	long long value;

	if (d->size)
		value = va_arg(p->args, ssize_t);
	else if (d->longs)
		value = d->longs > 1 ? va_arg(p->args, long long) : va_arg(p->args, long);
	else
		value = va_arg(p->args, int);
	unsigned long long size = (unsigned long long)value;
	put_digits(p, d, value < 0 ? -size : size, value < 0);
}

static void put_unsigned(struct printing *p, const struct directive *d)
{
	unsigned long long value;

	if (d->size)
		value = va_arg(p->args, size_t);
	else if (d->longs)
		value = d->longs > 1 ? va_arg(p->args, unsigned long long)
				     : va_arg(p->args, unsigned long);
	else
		value = va_arg(p->args, unsigned);
	put_digits(p, d, value, false);
}

/* false: it is of another kind. */
static bool put_directive(struct printing *p, const struct directive *d)
{
	char c;

	switch (d->letter) {
	case 's':
		put_string(p, d);
		return true;
	case 'd':
		put_signed(p, d);
		return true;
	case 'u':
	case 'x':
		put_unsigned(p, d);
		return true;
	case 'c':
		c = (char)va_arg(p->args, int);
		put(p, &c, 1);
		return true;
	case '%':
		put(p, "%", 1);
		return true;
	default:
		return false;
	}
}

static bool put_all(struct printing *p, const char *format)
{
	for (;;) {
		const char *percent = strchrnul(format, '%');

		put(p, format, (size_t)(percent - format));
		if (!*percent)
			return true;
		format = percent + 1;
		struct directive d = read_directive(p, &format);
		if (!put_directive(p, &d))
			return false;
	}
}

size_t print_text(char *to, size_t room, const char *format, va_list args)
{
	struct printing p = {.to = to, .room = room};

	va_copy(p.args, args);
	bool known = put_all(&p, format);
	va_end(p.args);
	if (!known) {
		int len = vsnprintf(to, room, format, args);

		assert(len >= 0);
		return (size_t)len;
	}
	if (room)
		to[MIN(p.len, room - 1)] = 0;
	return p.len;
}
