#include <kube/random.h>

#include "base/crc32c.c"
#include "base/hash.c"

#include <stdio.h>
#include <test.h>

TEST(fnv32a_gives_the_published_values)
{
	EXPECT_INT(hash_fnv32a(STR("")), 0x811c9dc5);
	EXPECT_INT(hash_fnv32a(STR("a")), 0xe40c292c);
	EXPECT_INT(hash_fnv32a(STR("foobar")), 0xbf9cf968);
}

typedef uint32_t crc_fn(uint32_t crc, const unsigned char *p, size_t len);

static void expect_crcs(crc_fn *fn)
{
	unsigned char bytes[32];
	EXPECT_INT(~fn(~0u, (const unsigned char *)"123456789", 9), 0xe3069283);
	EXPECT_INT(~fn(~0u, bytes, 0), 0);
	/* RFC 3720, B.4. */
	memset(bytes, 0, sizeof(bytes));
	EXPECT_INT(~fn(~0u, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	EXPECT_INT(~fn(~0u, bytes, 32), 0x62a8ab43);
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	EXPECT_INT(~fn(~0u, bytes, 32), 0x46dd794e);
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (unsigned char)(31 - i);
	EXPECT_INT(~fn(~0u, bytes, 32), 0x113fdb5c);
}

TEST(crc32c_gives_the_published_values)
{
	expect_crcs(crc32c_portable);
	if (crc32c_cpu_can())
		expect_crcs(crc32c_cpu);
	EXPECT_INT(crc32c(0, STR("123456789")), 0xe3069283);
}

TEST(crc32c_can_be_taken_in_pieces_of_any_alignment)
{
	char bytes[200];
	struct rng r;
	rng_init(&r, 3);
	rng_fill(&r, bytes, sizeof(bytes));
	for (size_t from = 0; from < 9; from++)
		for (size_t cut = from; cut < sizeof(bytes); cut += 7) {
			struct str whole = str_make(bytes + from, sizeof(bytes) - from);
			uint32_t once = crc32c(0, whole);
			uint32_t first = crc32c(0, str_sub(whole, 0, cut - from));
			EXPECT_INT(crc32c(first, str_skip(whole, cut - from)), once);
			EXPECT_INT(~crc32c_portable(~0u, (const void *)whole.at, whole.len), once);
		}
	EXPECT_INT(crc32c(5, (struct str){0}), 5);
}

TEST(hash_depends_on_every_byte_the_length_and_the_seed)
{
	char zeros[100] = {0};
	for (size_t len = 0; len <= sizeof(zeros); len++) {
		test_context("length %zu", len);
		uint64_t plain = hash_bytes(1, str_make(zeros, len));
		EXPECT(plain == hash_bytes(1, str_make(zeros, len)));
		EXPECT(plain != hash_bytes(2, str_make(zeros, len)));
		if (len < sizeof(zeros))
			EXPECT(plain != hash_bytes(1, str_make(zeros, len + 1)));
		for (size_t i = 0; i < len; i++)
			for (int bit = 0; bit < 8; bit++) {
				zeros[i] = (char)(1 << bit);
				EXPECT(plain != hash_bytes(1, str_make(zeros, len)));
				zeros[i] = 0;
			}
	}
	EXPECT(hash_bytes(1, (struct str){0}) == hash_bytes(1, STR("")));
}

TEST(hash_spreads_every_flipped_bit_over_the_word)
{
	/* Of 64 bits, 32 should change on average; over many inputs none far from it. */
	struct rng r;
	rng_init(&r, 11);
	for (size_t len = 1; len <= 40; len++)
		for (size_t bit = 0; bit < len * 8; bit++) {
			int changed = 0;
			for (int round = 0; round < 64; round++) {
				char bytes[40];
				rng_fill(&r, bytes, len);
				uint64_t seed = rng_u64(&r),
					 a = hash_bytes(seed, str_make(bytes, len));
				bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
				changed += __builtin_popcountll(
					a ^ hash_bytes(seed, str_make(bytes, len)));
			}
			test_context("length %zu bit %zu changed %d", len, bit, changed);
			EXPECT(changed > 64 * 28 && changed < 64 * 36);
		}
}

TEST(hash_of_similar_names_fills_a_table_evenly)
{
	enum { SLOTS = 1024, NAMES = 16 * SLOTS };
	int low[SLOTS] = {0}, high[SLOTS] = {0};
	for (int i = 0; i < NAMES; i++) {
		char name[32];
		int len = snprintf(name, sizeof(name), "pod-%d", i);
		uint64_t h = hash_bytes(99, str_make(name, (size_t)len));
		low[h % SLOTS]++;
		high[h >> 54]++;
	}
	for (int i = 0; i < SLOTS; i++) {
		EXPECT(low[i] > 0 && low[i] < 40);
		EXPECT(high[i] > 0 && high[i] < 40);
	}
}
