#include <kube/buf.h>
#include <kube/random.h>

#include "base/sha256.c"

#include <test.h>

static void expect_digest(const unsigned char digest[32], const char *hex)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64);
	for (int i = 0; i < 32; i++)
		buf_print(&b, "%02x", digest[i]);
	EXPECT_STR(buf_str(&b), hex);
}

TEST(sha256_gives_the_published_digests)
{
	static const struct {
		const char *text, *hex;
	} rows[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqk"
		 "l"
		 "mnopqrlmnopqrsmnopqrstnopqrstu",
			"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char digest[32];
		sha256_of(str_from(rows[i].text), digest);
		expect_digest(digest, rows[i].hex);
	}
}

TEST(sha256_of_a_million_letters_in_odd_pieces)
{
	char letters[997];
	memset(letters, 'a', sizeof(letters));
	struct sha256 h;
	sha256_init(&h);
	for (size_t left = 1000000; left > 0;) {
		size_t now = MIN(left, sizeof(letters));
		sha256_add(&h, str_make(letters, now));
		left -= now;
	}
	unsigned char digest[32];
	sha256_end(&h, digest);
	expect_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha256_in_any_pieces_is_the_same)
{
	char bytes[300];
	struct rng r;
	rng_init(&r, 9);
	rng_fill(&r, bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len += 1) {
		unsigned char once[32], twice[32];
		sha256_of(str_make(bytes, len), once);
		struct sha256 h;
		sha256_init(&h);
		size_t cut = rng_below(&r, len + 1);
		sha256_add(&h, str_make(bytes, cut));
		sha256_add(&h, (struct str){0});
		sha256_add(&h, str_make(bytes + cut, len - cut));
		sha256_end(&h, twice);
		EXPECT(memcmp(once, twice, 32) == 0);
	}
}

TEST(sha256_portable_and_processor_rounds_agree)
{
	unsigned char blocks[64 * 5];
	struct rng r;
	rng_init(&r, 10);
	for (int round = 0; round < 100; round++) {
		struct sha256 a, b;
		sha256_init(&a);
		sha256_init(&b);
		rng_fill(&r, blocks, sizeof(blocks));
		size_t count = rng_below(&r, 6);
		sha256_blocks_portable(a.state, blocks, count);
		if (sha256_cpu_can())
			sha256_blocks_cpu(b.state, blocks, count);
		else
			sha256_blocks_portable(b.state, blocks, count);
		EXPECT(memcmp(a.state, b.state, sizeof(a.state)) == 0);
	}
}
