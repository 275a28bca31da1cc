/* Tokens are signed, read, verified; a changed one is none. */
#include "test.h"

#include <kube/jwt.h>

static struct arena arena;

/* RFC 7515, A.3: its key and its token. */
static const char rfc_key[] = "-----BEGIN PUBLIC KEY-----\n"
			      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
			      "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
			      "-----END PUBLIC KEY-----\n";
static const char rfc_token[] = "eyJhbGciOiJFUzI1NiJ9"
				".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
				"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
				".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
				"pmWQxfKTUJqPP3-Kg6NU1Q";

static struct key *generate(enum key_kind kind)
{
	struct key *key = NULL;

	EXPECT_INT(key_generate(kind, &key, NULL), 0);
	return key;
}

static void round_trip(enum key_kind kind, const char *algorithm)
{
	_cleanup_(buf_done) struct buf token = BUF_INIT(JWT_MAX);
	struct key *key = generate(kind), *other = generate(KEY_ECDSA_P256);
	struct jwt jwt;

	arena_init(&arena);
	EXPECT_INT(jwt_sign(key, STR("{\"sub\":\"me\"}"), &token, NULL), 0);
	EXPECT_INT(jwt_read(&arena, buf_str(&token), &jwt, NULL), 0);
	EXPECT_STR(jwt.algorithm, algorithm);
	EXPECT(str_eq(jwt.key_id, jwt_key_id(&arena, key)));
	EXPECT_STR(json_str(json_get(jwt.claims, STR("sub"))), "me");
	EXPECT_INT(jwt_verify(&jwt, key, NULL), 0);
	EXPECT(jwt_verify(&jwt, other, NULL) != 0);
	/* one character of the claims */
	ssize_t dot = str_find_char(buf_str(&token), '.');
	token.at[dot + 3] = token.at[dot + 3] == 'A' ? 'B' : 'A';
	if (!jwt_read(&arena, buf_str(&token), &jwt, NULL))
		EXPECT(jwt_verify(&jwt, key, NULL) != 0);
	key_unref(key);
	key_unref(other);
	arena_done(&arena);
}

TEST(a_token_signed_with_rsa_is_verified)
{
	round_trip(KEY_RSA_2048, "RS256");
}

TEST(a_token_signed_with_a_curve_is_verified)
{
	/* numbers with leading zeros come up once in a while */
	for (int i = 0; i < 20; i++)
		round_trip(KEY_ECDSA_P256, "ES256");
}

TEST(a_token_of_others_is_verified)
{
	struct key *key = NULL;
	struct jwt jwt;

	arena_init(&arena);
	EXPECT_INT(key_parse(str_from(rfc_key), &key, NULL), 0);
	EXPECT_INT(jwt_read(&arena, str_from(rfc_token), &jwt, NULL), 0);
	EXPECT_INT(jwt_verify(&jwt, key, NULL), 0);
	EXPECT_STR(json_str(json_get(jwt.claims, STR("iss"))), "joe");
	key_unref(key);
	arena_done(&arena);
}

TEST(what_is_no_token_is_refused)
{
	static const char *const wrong[] = {"", "a", "a.b", "a.b.c", "e30.e30", "e30.e30.e30.e30",
		"W10.e30.", "e30.W10.", "e30.!.", "eyJjcml0IjpbXX0.e30."};
	struct jwt jwt;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		EXPECT(jwt_read(&arena, str_from(wrong[i]), &jwt, NULL) != 0);
	EXPECT_INT(jwt_read(&arena, STR("e30.e30."), &jwt, NULL), 0);
	/* bits behind the last byte: a token, whose signature fits nothing */
	EXPECT_INT(jwt_read(&arena, STR("e30.e30.AAx"), &jwt, NULL), 0);
	EXPECT_INT(jwt.signature.len, 0);
	EXPECT(jwt_read(&arena, STR("e30.e30.!"), &jwt, NULL) != 0);
	arena_done(&arena);
}

TEST(an_unsigned_token_is_never_true)
{
	struct key *key = generate(KEY_ECDSA_P256);
	struct jwt jwt;

	arena_init(&arena);
	EXPECT_INT(jwt_read(&arena, STR("eyJhbGciOiJub25lIn0.e30."), &jwt, NULL), 0);
	EXPECT(jwt_verify(&jwt, key, NULL) != 0);
	EXPECT_INT(jwt_read(&arena, STR("eyJhbGciOiJFUzI1NiJ9.e30."), &jwt, NULL), 0);
	EXPECT(jwt_verify(&jwt, key, NULL) != 0);
	key_unref(key);
	arena_done(&arena);
}

TEST(public_keys_are_shown)
{
	struct key *rsa = generate(KEY_RSA_2048), *ec = generate(KEY_ECDSA_P256);
	struct cJSON *jwk;

	arena_init(&arena);
	jwk = jwt_public_key(&arena, rsa);
	EXPECT_STR(json_str(json_get(jwk, STR("kty"))), "RSA");
	EXPECT_STR(json_str(json_get(jwk, STR("e"))), "AQAB");
	EXPECT_INT(json_str(json_get(jwk, STR("n"))).len, 342);
	jwk = jwt_public_key(&arena, ec);
	EXPECT_STR(json_str(json_get(jwk, STR("crv"))), "P-256");
	EXPECT_INT(json_str(json_get(jwk, STR("x"))).len, 43);
	EXPECT_INT(json_str(json_get(jwk, STR("y"))).len, 43);
	key_unref(rsa);
	key_unref(ec);
	arena_done(&arena);
}
