/* A TZif file for tests: one offset before all, some changes (32 and 64 bits alike), a rule. */
#ifndef KUBE_ZONE_FILE_H
#define KUBE_ZONE_FILE_H

#include <kube/buf.h>

#include <string.h>

struct zone_change {
	int64_t at;
	int32_t offset;
};

static inline void zone_file_big(struct buf *out, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		buf_add_char(out, (char)(value >> (8 * i)));
}

static inline void zone_file_tables(struct buf *out, int time_bytes, int32_t first,
	const struct zone_change *changes, size_t count)
{
	const size_t counts[] = {0, 0, 0, count, count + 1, 4}; /* utc, standard, leaps, … */

	buf_add_text(out, "TZif2");
	zone_file_big(out, 0, 8);
	zone_file_big(out, 0, 7);
	for (size_t i = 0; i < 6; i++)
		zone_file_big(out, counts[i], 4);
	for (size_t i = 0; i < count; i++)
		zone_file_big(out, (uint64_t)changes[i].at, time_bytes);
	for (size_t i = 0; i < count; i++)
		zone_file_big(out, i + 1, 1);
	for (size_t i = 0; i <= count; i++) {
		zone_file_big(out, (uint32_t)(i ? changes[i - 1].offset : first), 4);
		zone_file_big(out, 0, 2);
	}
	buf_add(out, "LMT\0", 4);
}

static inline void zone_file(struct buf *out, int32_t first, const struct zone_change *changes,
	size_t count, const char *rule)
{
	zone_file_tables(out, 4, first, changes, count);
	zone_file_tables(out, 8, first, changes, count);
	buf_print(out, "\n%s\n", rule);
}

#endif
