#include <kube/arena.h>

#include <test.h>

TEST(arena_pieces_are_aligned_apart_and_keep_their_bytes)
{
	struct arena a;
	arena_init(&a);
	unsigned char *piece[600];
	size_t total = 0;
	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		size_t size = (i * 37) % 700;
		piece[i] = i % 50 == 49 ? arena_new(&a, size += 70000) : arena_alloc(&a, size);
		EXPECT_INT((uintptr_t)piece[i] % 16, 0);
		memset(piece[i], (int)i, size);
		total += size;
	}
	EXPECT_INT(a.size, total);
	for (size_t i = 0; i < ARRAY_LEN(piece); i++)
		for (size_t k = 0, size = (i * 37) % 700 + (i % 50 == 49 ? 70000 : 0); k < size;
			k++)
			if (piece[i][k] != (unsigned char)i)
				EXPECT(piece[i][k] == (unsigned char)i);
	arena_reset(&a);
	EXPECT_INT(a.size, 0);
	struct arena_chunk *kept = a.chunks;
	EXPECT(arena_alloc(&a, 60000));
	EXPECT(a.chunks == kept);
	arena_done(&a);
	EXPECT(!a.chunks);
	arena_reset(&a);
	EXPECT_STR(arena_print(&a, "%s-%d", "x", 5), "x-5");
	arena_done(&a);
}

TEST(arena_copies_text_with_a_nul)
{
	_cleanup_(arena_done) struct arena a = {0};
	struct str s = arena_str(&a, STR("abc"));
	EXPECT_STR(s, "abc");
	EXPECT_TEXT(s.at, "abc");
	EXPECT_TEXT(arena_str(&a, (struct str){0}).at, "");
	EXPECT_TEXT(arena_text(&a, "text"), "text");
	EXPECT(memcmp(arena_copy(&a, "12", 2), "12", 2) == 0);
	const char *zeroed = arena_new(&a, 3);
	EXPECT(zeroed[0] == 0 && zeroed[2] == 0);
	struct str wide = arena_print(&a, "%5000d", 1);
	EXPECT_INT(wide.len, 5000);
	EXPECT_INT(strlen(wide.at), 5000);
}

TEST(arena_grows_in_doubling_chunks)
{
	_cleanup_(arena_done) struct arena a = {0};
	size_t chunks = 0;
	char *end = NULL;
	for (int i = 0; i < 10000; i++) {
		arena_alloc(&a, 64);
		chunks += a.end != end;
		end = a.end;
	}
	/* 1 + 2 + … + 64 KiB, then 64 KiB each: 640 kB in about 16 chunks. */
	EXPECT(chunks >= 10 && chunks < 25);
	/* A large piece does not waste what is left of the current chunk. */
	char *at = a.at;
	arena_alloc(&a, 100000);
	EXPECT(a.at == at);
}

TEST(a_sized_arena_begins_with_what_it_was_told)
{
	struct arena a;

	arena_init_sized(&a, 4096);
	for (int round = 0; round < 2; round++) {
		char *first = arena_alloc(&a, 10);
		EXPECT(a.end - first == 4096);
		arena_alloc(&a, 3000);
		EXPECT(a.end - first == 4096);
		arena_alloc(&a, 3000);
		EXPECT(a.end - a.at > 3000);
		arena_done(&a);
	}
}

TEST(an_arena_that_turns_out_to_last_grows_little_from_there)
{
	struct arena a;

	arena_init_sized(&a, 4096);
	arena_alloc(&a, 2000);
	arena_alloc(&a, 2000);
	arena_set_lasting(&a, true);
	arena_alloc(&a, 200);
	EXPECT(a.end - a.at < 1024);
	arena_set_lasting(&a, false);
	arena_alloc(&a, 4096);
	EXPECT(a.end - a.at > 4096);
	arena_done(&a);
}

/* What a chunk holds behind what was asked for: the next pieces lie close by. */
TEST(a_lasting_arena_has_little_to_spare)
{
	struct arena a;
	arena_init_lasting(&a);
	arena_alloc(&a, 100);
	EXPECT(a.end - a.at < 1024);
	arena_alloc(&a, 9000);
	EXPECT(a.end - a.at < 1024);
	for (int i = 0; i < 1000; i++)
		memset(arena_alloc(&a, 64), i, 64);
	EXPECT(a.end - a.at <= 4096);
	EXPECT_INT(a.size, 100 + 9000 + 64000);
	arena_reset(&a);
	EXPECT_INT(a.size, 0);
	arena_alloc(&a, 10);
	arena_done(&a);
	arena_alloc(&a, 10);
	EXPECT(a.end - a.at < 1024);
	arena_done(&a);
}

TEST(arena_arrays_grow_and_keep_what_they_have)
{
	struct arena a;
	int *items = NULL;
	size_t count = 0, cap = 0;

	arena_init(&a);
	for (int i = 0; i < 100; i++) {
		ARENA_ROOM(&a, items, count, cap, 3);
		EXPECT(count < cap);
		items[count++] = i;
	}
	EXPECT_INT(cap, 192);
	for (int i = 0; i < 100; i++)
		EXPECT_INT(items[i], i);
	arena_done(&a);
}
