#include <kube/random.h>

#include <test.h>

TEST(random_bytes_differ_between_draws)
{
	unsigned char a[1000] = {0}, b[1000] = {0};
	random_fill(a, sizeof(a));
	random_fill(b, sizeof(b));
	random_fill(a, 0);
	EXPECT(memcmp(a, b, sizeof(a)) != 0);
	EXPECT(random_u64() != random_u64());
}

TEST(rng_gives_the_published_sequence)
{
	/* xoshiro256** from the state 1, 2, 3, 4. */
	struct rng r = {.state = {1, 2, 3, 4}};
	static const uint64_t wanted[] = {11520, 0, 1509978240, 1215971899390074240};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		EXPECT(rng_u64(&r) == wanted[i]);
	/* splitmix64 from the seed 1234567. */
	rng_init(&r, 1234567);
	EXPECT(r.state[0] == 6457827717110365317u);
	EXPECT(r.state[1] == 3203168211198807973u);
}

TEST(rng_repeats_with_its_seed)
{
	struct rng a, b;
	rng_init(&a, 42);
	rng_init(&b, 42);
	for (int i = 0; i < 100; i++)
		EXPECT(rng_u64(&a) == rng_u64(&b));
	char x[13], y[13];
	rng_fill(&a, x, sizeof(x));
	rng_fill(&b, y, sizeof(y));
	EXPECT(memcmp(x, y, sizeof(x)) == 0);
}

TEST(rng_below_stays_below_and_reaches_all)
{
	struct rng r;
	rng_init(&r, 1);
	int seen[7] = {0};
	for (int i = 0; i < 7000; i++) {
		uint64_t n = rng_below(&r, 7);
		REQUIRE(n < 7);
		seen[n]++;
	}
	for (int i = 0; i < 7; i++)
		EXPECT(seen[i] > 800 && seen[i] < 1200);
	EXPECT_INT(rng_below(&r, 1), 0);
	for (int i = 0; i < 100; i++)
		EXPECT(rng_below(&r, (uint64_t)1 << 63) < (uint64_t)1 << 63);
}

TEST(rng_unit_is_in_the_half_open_interval)
{
	struct rng r;
	rng_init(&r, 5);
	double sum = 0;
	for (int i = 0; i < 10000; i++) {
		double x = rng_unit(&r);
		REQUIRE(x >= 0 && x < 1);
		sum += x;
	}
	EXPECT(sum > 4800 && sum < 5200);
}

static void fill_with(void *ctx, void *at, size_t len)
{
	memset(at, *(int *)ctx, len);
}

TEST(uuid_is_version_4)
{
	char out[37];
	int byte = 0xff;
	uuid_make(out, fill_with, &byte);
	EXPECT_TEXT(out, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	byte = 0;
	uuid_make(out, fill_with, &byte);
	EXPECT_TEXT(out, "00000000-0000-4000-8000-000000000000");
	uuid_make(out, NULL, NULL);
	EXPECT(uuid_valid(str_from(out)));
	EXPECT(out[14] == '4');
	EXPECT(strchr("89ab", out[19]));
}

TEST(uuid_valid_wants_the_whole_form)
{
	EXPECT(uuid_valid(STR("0123abCD-ffff-1fff-bfff-ffffffffffff")));
	EXPECT(!uuid_valid(STR("")));
	EXPECT(!uuid_valid(STR("0123abCD-ffff-1fff-bfff-fffffffffff")));
	EXPECT(!uuid_valid(STR("0123abCD-ffff-1fff-bfff-fffffffffffff")));
	EXPECT(!uuid_valid(STR("0123abCDaffff-1fff-bfff-ffffffffffff")));
	EXPECT(!uuid_valid(STR("0123abCg-ffff-1fff-bfff-ffffffffffff")));
	EXPECT(!uuid_valid(STR("0123abC--ffff-1fff-bfff-ffffffffffff")));
}

struct counter {
	unsigned next;
};

static void fill_counting(void *ctx, void *at, size_t len)
{
	struct counter *c = ctx;
	for (size_t i = 0; i < len; i++)
		((unsigned char *)at)[i] = (unsigned char)c->next++;
}

TEST(name_suffix_is_exactly_uniform)
{
	/* Every byte value equally often: 243 of 256 are used, each letter nine times a turn. */
	struct counter c = {0};
	char out[27 * 9 + 1];
	random_name_suffix(out, 27 * 9, fill_counting, &c);
	int seen[256] = {0};
	for (size_t i = 0; i < 27 * 9; i++)
		seen[(unsigned char)out[i]]++;
	for (const char *p = "bcdfghjklmnpqrstvwxz2456789"; *p; p++)
		EXPECT_INT(seen[(unsigned char)*p], 9);
	EXPECT_INT(strlen(out), 27 * 9);
}

TEST(name_suffix_has_the_wanted_length)
{
	char out[101];
	random_name_suffix(out, 0, NULL, NULL);
	EXPECT_TEXT(out, "");
	random_name_suffix(out, 5, NULL, NULL);
	EXPECT_INT(strlen(out), 5);
	random_name_suffix(out, 100, NULL, NULL);
	EXPECT_INT(strlen(out), 100);
	EXPECT_INT(strspn(out, "bcdfghjklmnpqrstvwxz2456789"), 100);
}
