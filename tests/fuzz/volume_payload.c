/*
 * Paths of files in volumes, and parts of volumes: whatever a pod says, what is written stays in
 * the volume. One path a line.
 */
#include "kubelet/volumes/payload.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good)
		abort();
}

static void expect_inside(struct str path)
{
	struct str rest = path, piece;

	expect(path.len > 0 && path.len <= 4096 && path.at[path.len] == 0);
	expect(!str_starts(path, STR("..")));
	while (str_next(&rest, '/', &piece)) {
		expect(piece.len > 0 && piece.len <= 255);
		expect(!str_eq(piece, STR(".")) && !str_eq(piece, STR("..")));
		expect(!memchr(piece.at, 0, piece.len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size), line;
	struct volume_payload files = {0};
	struct arena a;

	if (size > 64 * KIB)
		return 0;
	arena_init(&a);
	while (files.count < 200 && str_next(&rest, '\n', &line))
		payload_add(&a, &files, &(struct volume_file){.path = line, .bytes = line});
	if (!payload_end(&a, &files, NULL))
		for (size_t i = 0; i < files.count; i++) {
			expect_inside(files.items[i].path);
			expect(!i || str_cmp(files.items[i - 1].path, files.items[i].path) < 0);
			expect(payload_find(&files, files.items[i].path) == &files.items[i]);
		}
	arena_done(&a);
	return 0;
}
