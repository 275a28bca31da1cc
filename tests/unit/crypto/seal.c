/* Sealed bytes: published vectors, every length around the blocks, every way to be wrong. */
#include "test.h"

#include <kube/codec.h>
#include <kube/seal.h>

#define LONGEST 300

static struct str secret = STR_INIT("0123456789abcdef0123456789abcdef");

static struct seal_key *key_of(enum seal_kind kind, size_t size)
{
	_cleanup_(err_done) struct err err = {0};
	struct seal_key *k = NULL;

	EXPECT_OK(seal_key_new(kind, str_sub(secret, 0, size), &k, &err), &err);
	return k;
}

static void there_and_back(enum seal_kind kind, size_t key_size)
{
	struct seal_key *k = key_of(kind, key_size);
	char text[LONGEST];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (size_t len = 0; len <= LONGEST; len++) {
		_cleanup_(buf_done) struct buf sealed = BUF_INIT(KIB), plain = BUF_INIT(KIB);

		EXPECT_INT(seal_close(k, STR("/a"), str_make(text, len), &sealed, NULL), 0);
		EXPECT_INT(seal_open(k, STR("/a"), buf_str(&sealed), &plain, NULL), 0);
		EXPECT(str_eq(buf_str(&plain), str_make(text, len)));
	}
	seal_key_free(k);
}

TEST(what_is_sealed_opens_again)
{
	there_and_back(SEAL_AES_GCM, 16);
	there_and_back(SEAL_AES_GCM, 24);
	there_and_back(SEAL_AES_GCM, 32);
	there_and_back(SEAL_AES_CBC, 16);
	there_and_back(SEAL_AES_CBC, 32);
	there_and_back(SEAL_SECRETBOX, 32);
}

static bool opens(enum seal_kind kind, const char *place, struct str sealed)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(KIB);
	struct seal_key *k = key_of(kind, 32);
	bool yes = seal_open(k, str_from(place), sealed, &plain, NULL) == 0;

	EXPECT(yes || !plain.len);
	seal_key_free(k);
	return yes;
}

TEST(changed_or_cut_bytes_do_not_open)
{
	static const enum seal_kind kinds[] = {SEAL_AES_GCM, SEAL_SECRETBOX};

	for (size_t n = 0; n < ARRAY_LEN(kinds); n++) {
		_cleanup_(buf_done) struct buf sealed = BUF_INIT(KIB);
		struct seal_key *k = key_of(kinds[n], 32);

		EXPECT_INT(seal_close(k, STR("/a"), STR("the text"), &sealed, NULL), 0);
		for (size_t i = 0; i < sealed.len; i++) {
			sealed.at[i] ^= 1;
			EXPECT(!opens(kinds[n], "/a", buf_str(&sealed)));
			sealed.at[i] ^= 1;
			EXPECT(!opens(kinds[n], "/a", str_make(sealed.at, i)));
		}
		EXPECT(opens(kinds[n], "/a", buf_str(&sealed)));
		seal_key_free(k);
	}
}

TEST(only_gcm_knows_where_its_bytes_belong)
{
	static const enum seal_kind kinds[] = {SEAL_AES_GCM, SEAL_AES_CBC, SEAL_SECRETBOX};

	for (size_t n = 0; n < ARRAY_LEN(kinds); n++) {
		_cleanup_(buf_done) struct buf sealed = BUF_INIT(KIB);
		struct seal_key *k = key_of(kinds[n], 32);

		EXPECT_INT(seal_close(k, STR("/a"), STR("the text"), &sealed, NULL), 0);
		EXPECT(opens(kinds[n], "/b", buf_str(&sealed)) == (kinds[n] != SEAL_AES_GCM));
		seal_key_free(k);
	}
}

TEST(blocks_with_a_wrong_filling_do_not_open)
{
	/* Zeros under a zero vector are some bytes or other; their last one is hardly a filling. */
	char sealed[32] = {0};
	int opened = 0;

	for (int i = 0; i < 64; i++) {
		sealed[20] = (char)i;
		opened += opens(SEAL_AES_CBC, "/a", str_make(sealed, sizeof(sealed)));
	}
	EXPECT(opened < 8);
	EXPECT(!opens(SEAL_AES_CBC, "/a", str_make(sealed, 16)));
	EXPECT(!opens(SEAL_AES_CBC, "/a", str_make(sealed, 31)));
}

/* The vector that comes with NaCl. */
TEST(secretbox_is_what_others_call_so)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB), box = BUF_INIT(KIB),
				       text = BUF_INIT(KIB), plain = BUF_INIT(KIB);
	struct seal_key *k = NULL;

	EXPECT_INT(hex_decode(&key,
			   STR("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"),
			   NULL),
		0);
	EXPECT_INT(
		hex_decode(&box,
			STR("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"
			    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332e"
			    "a7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b92"
			    "8fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd"
			    "6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f65"
			    "4cb45a74e355a5"),
			NULL),
		0);
	EXPECT_INT(
		hex_decode(&text,
			STR("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecba"
			    "af33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46"
			    "f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd49"
			    "24ca1c60902e52f0a089bc76897040e082f937763848645e0705"),
			NULL),
		0);
	EXPECT_INT(seal_key_new(SEAL_SECRETBOX, buf_str(&key), &k, NULL), 0);
	EXPECT_INT(seal_open(k, STR(""), buf_str(&box), &plain, NULL), 0);
	EXPECT(str_eq(buf_str(&plain), buf_str(&text)));
	seal_key_free(k);
}

TEST(keys_have_their_sizes)
{
	_cleanup_(err_done) struct err err = {0};
	struct seal_key *k;

	EXPECT_INT(seal_key_new(SEAL_AES_GCM, STR("short"), &k, &err), ERR_INVALID);
	EXPECT(strstr(err_text(&err), "expected one of [16 24 32]") != NULL);
	EXPECT_INT(seal_key_new(SEAL_SECRETBOX, str_sub(secret, 0, 16), &k, NULL), ERR_INVALID);
}
