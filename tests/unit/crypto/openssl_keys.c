/* Keys in both directions between us and openssl. */
#include "openssl.h"

#include <kube/hash.h>

static struct bench bench;

static struct key *parse_file(const char *name)
{
	struct key *key = NULL;
	struct err err = {0};
	struct buf text = get(&bench, name);
	EXPECT_OK(key_parse(buf_str(&text), &key, &err), &err);
	buf_done(&text);
	err_done(&err);
	return key;
}

/* openssl's public half of a private key file must be what we print. */
static void expect_same_public(const struct key *key, const char *file)
{
	struct buf ours = BUF_INIT(64 * KIB);
	key_print_public_pem(key, &ours);
	if (EXPECT_RUN(&bench, "openssl pkey -in %s -pubout", file))
		EXPECT(str_eq(buf_str(&ours), buf_str(&bench.out)));
	buf_done(&ours);
}

static void expect_read(const char *file, enum key_kind kind)
{
	test_context("%s", file);
	_cleanup_(key_done) struct key *key = parse_file(file);
	REQUIRE(key);
	EXPECT_INT(key_kind(key), kind);
	EXPECT(key_is_private(key));
	expect_same_public(key, file);

	struct buf again = BUF_INIT(64 * KIB), der = BUF_INIT(64 * KIB);
	key_print_pkcs8_pem(key, &again);
	if (EXPECT_RUN(&bench, "openssl pkey -in %s", file))
		EXPECT(str_eq(buf_str(&again), buf_str(&bench.out)));
	buf_clear(&again);
	key_print_pem(key, &again);
	put(&bench, "again.pem", buf_str(&again));
	expect_same_public(key, "again.pem");
	key_public_der(key, &der);
	put(&bench, "public.der", buf_str(&der));
	EXPECT_RUN(&bench, "openssl pkey -in %s -pubout -outform der | cmp - public.der", file);
	buf_done(&again);
	buf_done(&der);

	/* our signature for openssl, over the same text */
	unsigned char digest[64];
	struct buf sig = BUF_INIT(4096), public = BUF_INIT(64 * KIB);
	struct err err = {0};
	sha256_of(STR("text"), digest);
	EXPECT_OK(key_sign(key, KEY_SHA256, str_make((char *)digest, 32), &sig, &err), &err);
	key_print_public_pem(key, &public);
	put(&bench, "text", STR("text"));
	put(&bench, "sig", buf_str(&sig));
	put(&bench, "pub", buf_str(&public));
	EXPECT_RUN(&bench, "openssl dgst -sha256 -verify pub -signature sig text");
	buf_done(&sig);

	/* and openssl's for us, with each hash */
	static const char *const hashes[] = {"sha256", "sha384", "sha512"};
	_cleanup_(key_done) struct key *verifier = parse_file("pub");
	REQUIRE(verifier);
	for (int h = KEY_SHA256; h <= KEY_SHA512; h++) {
		EXPECT_RUN(&bench, "openssl dgst -%s -sign %s -out sig text", hashes[h], file);
		EXPECT_RUN(&bench, "openssl dgst -%s -binary -out digest text", hashes[h]);
		struct buf theirs = get(&bench, "sig"), hash = get(&bench, "digest");
		EXPECT_OK(key_verify(verifier, (enum key_hash)h, buf_str(&hash), buf_str(&theirs),
				  &err),
			&err);
		buf_done(&theirs);
		buf_done(&hash);
	}
	buf_done(&public);
	err_done(&err);
}

TEST(keys_of_openssl_are_read_in_every_form)
{
	bench_init(&bench);
	EXPECT_RUN(&bench, "openssl ecparam -name prime256v1 -genkey -out ec.pem && "
			   "openssl ecparam -name secp384r1 -genkey -noout -out ec384.pem && "
			   "openssl ecparam -name secp521r1 -genkey -noout -out ec521.pem && "
			   "openssl pkey -in ec.pem -out ec8.pem && "
			   "openssl pkey -in ec.pem -outform der -out ec.der && "
			   "openssl genrsa -traditional -out rsa.pem 2048 && "
			   "openssl pkey -in rsa.pem -out rsa8.pem && "
			   "openssl rsa -in rsa.pem -outform der -out rsa.der");
	EXPECT_RUN(&bench, "grep -q 'EC PARAMETERS' ec.pem && grep -q 'BEGIN RSA' rsa.pem");
	expect_read("ec.pem", KEY_ECDSA_P256);
	expect_read("ec8.pem", KEY_ECDSA_P256);
	expect_read("ec.der", KEY_ECDSA_P256);
	expect_read("ec384.pem", KEY_OTHER);
	expect_read("ec521.pem", KEY_OTHER);
	expect_read("rsa.pem", KEY_RSA_2048);
	expect_read("rsa8.pem", KEY_RSA_2048);
	expect_read("rsa.der", KEY_RSA_2048);
	test_context_end();
	bench_done(&bench);
}

TEST(our_keys_are_read_by_openssl_in_every_form)
{
	static const enum key_kind kinds[] = {KEY_ECDSA_P256, KEY_RSA_2048};
	bench_init(&bench);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct err err = {0};
		_cleanup_(key_done) struct key *key = NULL;
		struct buf own = BUF_INIT(64 * KIB), pkcs8 = BUF_INIT(64 * KIB);
		REQUIRE_OK(key_generate(kinds[i], &key, &err), &err);
		key_print_pem(key, &own);
		key_print_pkcs8_pem(key, &pkcs8);
		put(&bench, "own.pem", buf_str(&own));
		put(&bench, "pkcs8.pem", buf_str(&pkcs8));
		EXPECT_RUN(&bench, "openssl pkey -in own.pem -check -noout");
		EXPECT_RUN(&bench, "openssl pkey -in pkcs8.pem -check -noout");
		expect_same_public(key, "own.pem");
		expect_same_public(key, "pkcs8.pem");
		/* openssl writes the same PKCS#8 bytes */
		if (EXPECT_RUN(&bench, "openssl pkey -in own.pem"))
			EXPECT(str_eq(buf_str(&pkcs8), buf_str(&bench.out)));
		buf_done(&own);
		buf_done(&pkcs8);
	}
	bench_done(&bench);
}

TEST(public_keys_of_openssl_are_read)
{
	bench_init(&bench);
	EXPECT_RUN(&bench, "openssl genrsa -out rsa.pem 2048 && "
			   "openssl rsa -in rsa.pem -RSAPublicKey_out -out pkcs1.pem && "
			   "openssl rsa -in rsa.pem -pubout -out spki.pem && "
			   "openssl rsa -in rsa.pem -pubout -outform der -out spki.der && "
			   "openssl rsa -in rsa.pem -RSAPublicKey_out -outform der -out pkcs1.der");
	_cleanup_(key_done) struct key *whole = parse_file("rsa.pem");
	static const char *const files[] = {"pkcs1.pem", "spki.pem", "spki.der", "pkcs1.der"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		test_context("%s", files[i]);
		_cleanup_(key_done) struct key *key = parse_file(files[i]);
		REQUIRE(key);
		EXPECT(!key_is_private(key));
		EXPECT(key_same(key, whole));
	}
	bench_done(&bench);
}

static void expect_refused(const char *file, const char *said)
{
	struct key *key = NULL;
	struct err err = {0};
	struct buf text = get(&bench, file);
	test_context("%s", file);
	EXPECT(text.len > 0);
	EXPECT(key_parse(buf_str(&text), &key, &err) != 0);
	EXPECT(says(&err, said));
	buf_done(&text);
	err_done(&err);
}

TEST(keys_that_are_too_weak_exotic_or_encrypted_are_refused)
{
	bench_init(&bench);
	EXPECT_RUN(&bench, "openssl genrsa -out small.pem 512 && "
			   "openssl rsa -in small.pem -pubout -out small.pub && "
			   "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_pubexp:8589934593 "
			   "-out giant.pem && "
			   "openssl ecparam -name secp256k1 -genkey -noout -out k1.pem && "
			   "openssl ecparam -name secp224r1 -genkey -noout -out p224.pem && "
			   "openssl genpkey -algorithm ed25519 -out ed.pem && "
			   "openssl ecparam -name prime256v1 -genkey -noout -out ec.pem && "
			   "openssl ec -in ec.pem -aes128 -passout pass:x -out old.pem && "
			   "openssl pkcs8 -topk8 -in ec.pem -passout pass:x -out new.pem");
	expect_refused("small.pem", "512 bits");
	expect_refused("small.pub", "512 bits");
	expect_refused("giant.pem", "exponent is too large");
	expect_refused("k1.pem", "only the curves");
	expect_refused("p224.pem", "only the curves");
	expect_refused("ed.pem", "malformed private key");
	expect_refused("old.pem", "encrypted");
	expect_refused("new.pem", "encrypted");
	bench_done(&bench);
}
