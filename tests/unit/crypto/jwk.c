/* Keys that others publish, and what they have signed with them. */
#include "test.h"

#include <kube/jwt.h>

static struct cJSON *tree(struct arena *a, const char *text)
{
	struct cJSON *root = NULL;

	EXPECT_INT(json_parse(a, str_from(text), NULL, &root, NULL), 0);
	return root;
}

TEST(what_we_publish_can_be_read)
{
	static const enum key_kind kinds[] = {KEY_ECDSA_P256, KEY_RSA_2048};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(buf_done) struct buf token = BUF_INIT(JWT_MAX);
		struct key *key = NULL, *read = NULL;
		struct jwt jwt;

		arena_init(&a);
		EXPECT_INT(key_generate(kinds[i], &key, NULL), 0);
		REQUIRE(jwk_read(jwt_public_key(&a, key), &read, NULL) == 0);
		EXPECT(key_same(key, read) && !key_is_private(read));
		EXPECT_INT(jwt_sign(key, STR("{}"), &token, NULL), 0);
		REQUIRE(jwt_read(&a, buf_str(&token), &jwt, NULL) == 0);
		EXPECT_INT(jwt_verify_any(&jwt, read, NULL), 0);
		jwt.algorithm = STR("PS256");
		EXPECT(jwt_verify_any(&jwt, read, NULL) < 0);
		jwt.algorithm = STR("none");
		EXPECT(jwt_verify_any(&jwt, read, NULL) < 0);
		key_unref(key);
		key_unref(read);
	}
}

TEST(keys_of_other_kinds_and_broken_ones_are_refused)
{
	static const struct {
		const char *text;
		int code;
	} all[] = {{"{}", ERR_UNSUPPORTED}, {"{\"kty\":\"oct\",\"k\":\"AA\"}", ERR_UNSUPPORTED},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}", ERR_UNSUPPORTED},
		{"{\"kty\":\"EC\",\"crv\":\"P-192\",\"x\":\"AA\",\"y\":\"AA\"}", ERR_UNSUPPORTED},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\"}", ERR_SYNTAX},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}", ERR_SYNTAX},
		{"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", ERR_SYNTAX},
		{"{\"kty\":\"RSA\",\"n\":\"*\",\"e\":\"AQAB\"}", ERR_SYNTAX},
		{"{\"kty\":\"RSA\",\"n\":3,\"e\":\"AQAB\"}", ERR_SYNTAX}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(arena_done) struct arena a;
		struct key *key = NULL;

		arena_init(&a);
		test_context("%s", all[i].text);
		EXPECT_INT(jwk_read(tree(&a, all[i].text), &key, NULL), all[i].code);
		EXPECT(!key);
	}
	test_context_end();
}
