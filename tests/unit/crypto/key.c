#include "fixture.h"

#include <kube/hash.h>

static struct key *parse(struct str text)
{
	struct key *key = NULL;
	struct err err = {0};
	EXPECT_OK(key_parse(text, &key, &err), &err);
	err_done(&err);
	return key;
}

static struct str digest_of(const char *text, unsigned char digest[32])
{
	sha256_of(str_from(text), digest);
	return str_make((char *)digest, 32);
}

/* Signs with one key, verifies with another of the same pair. */
static void expect_pair(struct key *private, struct key *public)
{
	unsigned char bytes[32], other[32];
	struct str digest = digest_of("hello", bytes);
	struct buf sig = BUF_INIT(4096);
	struct err err = {0};
	EXPECT_OK(key_sign(private, KEY_SHA256, digest, &sig, &err), &err);
	EXPECT_OK(key_verify(public, KEY_SHA256, digest, buf_str(&sig), &err), &err);
	EXPECT(key_verify(public, KEY_SHA256, digest_of("hallo", other), buf_str(&sig), NULL) != 0);
	for (size_t i = 0; i < sig.len; i++) {
		sig.at[i] ^= 0x10;
		EXPECT(key_verify(public, KEY_SHA256, digest, buf_str(&sig), NULL) != 0);
		sig.at[i] ^= 0x10;
	}
	for (size_t len = 0; len < sig.len; len++)
		EXPECT(key_verify(public, KEY_SHA256, digest, str_make(sig.at, len), NULL) != 0);
	buf_add_char(&sig, 0);
	EXPECT(key_verify(public, KEY_SHA256, digest, buf_str(&sig), NULL) != 0);
	buf_done(&sig);
	err_done(&err);
}

typedef void print_fn(const struct key *key, struct buf *out);

static void expect_comes_back(
	struct key *key, print_fn *print, const char *first_line, bool is_private)
{
	struct buf text = BUF_INIT(64 * KIB);
	print(key, &text);
	EXPECT(str_starts(buf_str(&text), str_from(first_line)));
	_cleanup_(key_done) struct key *back = parse(buf_str(&text));
	REQUIRE(back);
	EXPECT_INT(key_is_private(back), is_private);
	EXPECT_INT(key_kind(back), key_kind(key));
	EXPECT(key_same(back, key));
	if (is_private) {
		struct buf again = BUF_INIT(64 * KIB);
		print(back, &again);
		EXPECT(str_eq(buf_str(&text), buf_str(&again)));
		expect_pair(back, key);
		buf_done(&again);
	} else {
		expect_pair(key, back);
		EXPECT_INT(key_sign(back, KEY_SHA256, STR("01234567890123456789012345678901"),
				   &text, NULL),
			ERR_INVALID);
	}
	buf_done(&text);
}

static void expect_all_forms(enum key_kind kind, const char *own_form)
{
	struct err err = {0};
	_cleanup_(key_done) struct key *key = NULL;
	REQUIRE_OK(key_generate(kind, &key, &err), &err);
	EXPECT_INT(key_kind(key), kind);
	EXPECT(key_is_private(key));
	expect_comes_back(key, key_print_pem, own_form, true);
	expect_comes_back(key, key_print_pkcs8_pem, "-----BEGIN PRIVATE KEY-----\n", true);
	expect_comes_back(key, key_print_public_pem, "-----BEGIN PUBLIC KEY-----\n", false);
}

TEST(ecdsa_keys_come_back_from_every_form)
{
	expect_all_forms(KEY_ECDSA_P256, "-----BEGIN EC PRIVATE KEY-----\n");
}

TEST(rsa_keys_come_back_from_every_form)
{
	expect_all_forms(KEY_RSA_2048, "-----BEGIN RSA PRIVATE KEY-----\n");
}

TEST(der_is_read_like_pem)
{
	static print_fn *const prints[] = {
		key_print_pem, key_print_pkcs8_pem, key_print_public_pem};
	_cleanup_(key_done) struct key *key = make_key();
	for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
		struct buf text = BUF_INIT(64 * KIB);
		struct pem_block block;
		prints[i](key, &text);
		struct str rest = buf_str(&text);
		REQUIRE(pem_next(&rest, &block, NULL));
		_cleanup_(key_done) struct key *back = parse(buf_str(&block.der));
		EXPECT(back && key_same(back, key));
		EXPECT_INT(back && key_is_private(back), i < 2);

		/* with one byte too many, and cut short everywhere */
		struct key *none = NULL;
		buf_add_char(&block.der, 0);
		EXPECT(key_parse(buf_str(&block.der), &none, NULL) != 0);
		for (size_t len = 0; len + 1 < block.der.len; len++)
			EXPECT(key_parse(str_make(block.der.at, len), &none, NULL) != 0);
		EXPECT(none == NULL);
		pem_block_done(&block);
		buf_done(&text);
	}
}

TEST(flipped_bits_never_harm)
{
	_cleanup_(key_done) struct key *key = make_key();
	struct buf text = BUF_INIT(64 * KIB);
	struct pem_block block;
	key_print_pkcs8_pem(key, &text);
	struct str rest = buf_str(&text);
	REQUIRE(pem_next(&rest, &block, NULL));
	for (size_t bit = 0; bit < block.der.len * 8; bit++) {
		struct key *odd = NULL;
		block.der.at[bit / 8] ^= (char)(1 << bit % 8);
		if (key_parse(buf_str(&block.der), &odd, NULL) == 0)
			EXPECT(key_is_private(odd));
		key_unref(odd);
		block.der.at[bit / 8] ^= (char)(1 << bit % 8);
	}
	pem_block_done(&block);
	buf_done(&text);
}

TEST(a_private_number_that_does_not_fit_is_refused)
{
	_cleanup_(key_done) struct key *key = make_key();
	struct buf text = BUF_INIT(64 * KIB);
	struct pem_block block;
	struct err err = {0};
	struct key *none = NULL;
	key_print_pem(key, &text);
	struct str rest = buf_str(&text);
	REQUIRE(pem_next(&rest, &block, NULL));
	block.der.at[20] ^= 1; /* inside the private number */
	EXPECT(key_parse(buf_str(&block.der), &none, &err) != 0);
	EXPECT(says(&err, "does not fit its public key"));
	pem_block_done(&block);
	buf_done(&text);
	err_done(&err);
}

TEST(the_key_is_found_among_other_blocks)
{
	_cleanup_(key_done) struct key *key = make_key();
	struct pair ca = make_ca("x", NULL);
	struct buf text = BUF_INIT(64 * KIB);
	buf_add_text(&text, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
			    "-----END EC PARAMETERS-----\n");
	cert_print_pem(ca.cert, &text);
	key_print_pem(key, &text);
	_cleanup_(key_done) struct key *back = parse(buf_str(&text));
	EXPECT(back && key_same(back, key));
	buf_done(&text);
	pair_done(&ca);
}

TEST(what_is_no_key_is_refused)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"", "empty"},
		{"hello", "neither a PEM nor a DER"},
		{"0", "malformed"},
		{"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "no key"},
		{"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "malformed key"},
		{"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
			"malformed private key"},
		{"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
			"malformed public key"},
		{"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n",
			"encrypted"},
		{"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n"
		 "-----END RSA PRIVATE KEY-----\n",
			"encrypted"},
		{"-----BEGIN PRIVATE KEY-----\nMAA=\n", "no end"},
	};
	struct key *none = NULL;
	static char giant[17 * 1024] = "\x30\x82\x43\xfc";
	EXPECT_INT(key_parse(str_make(giant, sizeof(giant)), &none, NULL), ERR_TOO_LARGE);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key *key = NULL;
		struct err err = {0};
		test_context("case %zu", i);
		EXPECT(key_parse(str_from(cases[i].text), &key, &err) != 0);
		EXPECT(says(&err, cases[i].said));
		EXPECT(key == NULL);
		err_done(&err);
	}
}

TEST(other_kinds_are_not_generated)
{
	struct key *key = NULL;
	EXPECT_INT(key_generate(KEY_OTHER, &key, NULL), ERR_UNSUPPORTED);
}

TEST(two_keys_differ)
{
	_cleanup_(key_done) struct key *a = make_key();
	_cleanup_(key_done) struct key *b = make_key();
	EXPECT(key_same(a, a));
	EXPECT(!key_same(a, b));
	unsigned char digest[32];
	struct buf sig = BUF_INIT(200);
	struct str hash = digest_of("x", digest);
	EXPECT_INT(key_sign(a, KEY_SHA256, hash, &sig, NULL), 0);
	EXPECT(key_verify(b, KEY_SHA256, hash, buf_str(&sig), NULL) != 0);
	buf_done(&sig);
}

TEST(a_signature_that_finds_no_room_is_an_error)
{
	_cleanup_(key_done) struct key *key = make_key();
	unsigned char digest[32];
	struct buf sig = BUF_INIT(20);
	EXPECT_INT(key_sign(key, KEY_SHA256, digest_of("x", digest), &sig, NULL), ERR_LIMIT);
	buf_done(&sig);
}
