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

#endif
