/* The files beside these tests. */
#ifndef KUBE_TESTS_CEL_READ_H
#define KUBE_TESTS_CEL_READ_H

#include <kube/arena.h>
#include <kube/buf.h>

#include <stdio.h>

static inline struct str read_golden(struct arena *a, const char *name)
{
	struct str path = arena_print(a, "%s/tests/unit/cel/golden/%s", KUBE_SOURCE_DIR, name);
	FILE *f = fopen(path.at, "r");
	_cleanup_(buf_done) struct buf all = BUF_INIT(16 * MIB);
	size_t n;

	if (!f)
		return STR("");
	do {
		char *at = buf_reserve(&all, 64 * KIB);
		n = fread(at, 1, 64 * KIB, f);
		buf_advance(&all, n);
	} while (n);
	fclose(f);
	return arena_str(a, buf_str(&all));
}

/* \n, \t and \\ within lines. */
static inline struct str unescape(struct arena *a, struct str s)
{
	char *to = arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '\\' && i + 1 < s.len) {
			c = s.at[++i];
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		to[n++] = c;
	}
	return str_make(to, n);
}

#endif
