#include "der_write.h"
#include "key_private.h"

#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/jwt.h>

#include <string.h>

#define COORDINATE_MAX 66 /* P-521 */

/* ---- which algorithm a key has ---- */

struct algorithm {
	const char *name, *curve;
	size_t bits; /* of the curve; 0: RSA */
	enum key_hash hash;
};

static const struct algorithm algorithms[] = {
	{"RS256", NULL, 0, KEY_SHA256},
	{"ES256", "P-256", 256, KEY_SHA256},
	{"ES384", "P-384", 384, KEY_SHA384},
	{"ES512", "P-521", 521, KEY_SHA512},
};

static const struct algorithm *algorithm_of(const struct key *key)
{
	size_t bits = mbedtls_pk_get_bitlen(&key->pk);

	if (key_is_rsa(key))
		return &algorithms[0];
	for (size_t i = 1; key_is_ec(key) && i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (algorithms[i].bits == bits)
			return &algorithms[i];
	return NULL;
}

const char *jwt_algorithm(const struct key *key)
{
	const struct algorithm *a = algorithm_of(key);

	return a ? a->name : NULL;
}

static size_t coordinate_size(const struct algorithm *a)
{
	return (a->bits + 7) / 8;
}

/* ---- reading ---- */

static int no_token(struct err *err)
{
	return err_set(err, ERR_SYNTAX, "not a JSON Web Token");
}

static int read_part(struct arena *a, struct str part, struct str *bytes)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(JWT_MAX);

	if (base64url_decode(&out, part, NULL) || buf_over(&out))
		return ERR_SYNTAX;
	*bytes = arena_str(a, buf_str(&out));
	return 0;
}

static int read_object(struct arena *a, struct str part, struct cJSON **object)
{
	static const struct json_options options = {
		.limits = {.max_bytes = JWT_MAX, .max_depth = 20}};
	struct str text;

	if (read_part(a, part, &text) || json_parse(a, text, &options, object, NULL) ||
		!json_is(*object, JSON_OBJECT))
		return ERR_SYNTAX;
	return 0;
}

/*
 * A signature with bits behind its last byte is a wrong one, not a text that is no token: Go's
 * reader overlooks such bits, and whoever asks why a token is bad is told the same here.
 */
static int read_signature(struct arena *a, struct str part, struct str *bytes)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";

	if (!read_part(a, part, bytes))
		return 0;
	for (size_t i = 0; i < part.len; i++)
		if (!part.at[i] || !strchr(alphabet, part.at[i]))
			return ERR_SYNTAX;
	*bytes = (struct str){0};
	return 0;
}

int jwt_read(struct arena *a, struct str token, struct jwt *jwt, struct err *err)
{
	struct str head, claims, signature, rest;
	struct jwt found = {0};
	struct cJSON *header;

	if (token.len > JWT_MAX || !str_cut(token, '.', &head, &rest) ||
		!str_cut(rest, '.', &claims, &signature) || str_find_char(signature, '.') >= 0)
		return no_token(err);
	if (read_object(a, head, &header) || read_object(a, claims, &found.claims) ||
		read_signature(a, signature, &found.signature))
		return no_token(err);
	found.algorithm = json_str(json_get(header, STR("alg")));
	found.key_id = json_str(json_get(header, STR("kid")));
	/* Extensions that must be understood: we know none. */
	if (json_get(header, STR("crit")))
		return no_token(err);
	found.signed_text = str_sub(token, 0, head.len + 1 + claims.len);
	*jwt = found;
	return 0;
}

/* ---- signatures: two numbers side by side here, DER in key.h ---- */

static bool to_der(struct str pair, size_t size, struct buf *der)
{
	if (pair.len != 2 * size)
		return false;
	size_t mark = der_open(der, DER_SEQUENCE);
	der_add_unsigned(der, str_sub(pair, 0, size));
	der_add_unsigned(der, str_skip(pair, size));
	der_close(der, mark);
	return true;
}

static void add_padded(struct buf *out, struct str number, size_t size)
{
	for (size_t i = number.len; i < size; i++)
		buf_add_char(out, 0);
	buf_add_str(out, number);
}

static bool from_der(struct str der, size_t size, struct buf *pair)
{
	struct str inside, r, s;

	if (!der_take(&der, DER_SEQUENCE, &inside) || !der_take_unsigned(&inside, &r) ||
		!der_take_unsigned(&inside, &s) || r.len > size || s.len > size)
		return false;
	add_padded(pair, r, size);
	add_padded(pair, s, size);
	return true;
}

static struct str digest_of(const struct algorithm *a, struct str text, unsigned char digest[64])
{
	return str_make((const char *)digest, key_digest(a->hash, text, digest));
}

int jwt_verify(const struct jwt *jwt, struct key *key, struct err *err)
{
	_cleanup_(buf_done) struct buf der = BUF_INIT(KIB);
	const struct algorithm *a = algorithm_of(key);
	unsigned char digest[64];
	struct str signature = jwt->signature;

	if (!a || !str_eq_text(jwt->algorithm, a->name))
		return err_set(err, ERR_CERTIFICATE, "the token's algorithm is not the key's");
	if (a->bits) {
		if (!to_der(signature, coordinate_size(a), &der))
			return err_set(err, ERR_CERTIFICATE, "the signature has the wrong size");
		signature = buf_str(&der);
	}
	return key_verify(key, a->hash, digest_of(a, jwt->signed_text, digest), signature, err);
}

/* ---- signing ---- */

static void add_key_id(struct buf *out, const struct key *key)
{
	unsigned char digest[32];

	sha256_of(key_spki(key), digest);
	base64url_encode(out, str_make((const char *)digest, sizeof(digest)));
}

static void add_header(struct buf *out, const struct algorithm *a, const struct key *key)
{
	_cleanup_(buf_done) struct buf header = BUF_INIT(KIB);

	buf_print(&header, "{\"alg\":\"%s\",\"kid\":\"", a->name);
	add_key_id(&header, key);
	buf_add_text(&header, "\"}");
	base64url_encode(out, buf_str(&header));
}

int jwt_sign(struct key *key, struct str claims, struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf signature = BUF_INIT(4 * KIB), pair = BUF_INIT(KIB);
	const struct algorithm *a = algorithm_of(key);
	unsigned char digest[64];
	size_t start = out->len;

	if (!a)
		return err_set(err, ERR_UNSUPPORTED, "keys of this kind sign no tokens");
	add_header(out, a, key);
	buf_add_char(out, '.');
	base64url_encode(out, claims);
	int code = key_sign(
		key, a->hash, digest_of(a, str_skip(buf_str(out), start), digest), &signature, err);
	if (code)
		return code;
	if (a->bits && !from_der(buf_str(&signature), coordinate_size(a), &pair))
		return err_set(err, ERR_INTERNAL, "a signature of an unexpected form");
	buf_add_char(out, '.');
	base64url_encode(out, a->bits ? buf_str(&pair) : buf_str(&signature));
	return buf_over(out) ? err_set(err, ERR_LIMIT, "the token is too long") : 0;
}

/* ---- public keys ---- */

struct str jwt_key_id(struct arena *a, const struct key *key)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	add_key_id(&out, key);
	return arena_str(a, buf_str(&out));
}

static void add_text(struct arena *a, struct cJSON *jwk, const char *name, struct str text)
{
	json_add_borrowed(jwk, str_from(name), json_new_str(a, text));
}

static void add_bytes(struct arena *a, struct cJSON *jwk, const char *name, struct str bytes)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * KIB);

	base64url_encode(&out, bytes);
	add_text(a, jwk, name, buf_str(&out));
}

static bool add_rsa(struct arena *a, struct cJSON *jwk, struct str bits)
{
	struct str inside, n, e;

	if (!der_take(&bits, DER_SEQUENCE, &inside) || !der_take_unsigned(&inside, &n) ||
		!der_take_unsigned(&inside, &e))
		return false;
	add_bytes(a, jwk, "n", n);
	add_bytes(a, jwk, "e", e);
	return true;
}

/* An uncompressed point: 4, x, y. */
static bool add_point(struct arena *a, struct cJSON *jwk, struct str bits, size_t size)
{
	if (bits.len != 1 + 2 * size || bits.at[0] != 4)
		return false;
	add_bytes(a, jwk, "x", str_sub(bits, 1, 1 + size));
	add_bytes(a, jwk, "y", str_skip(bits, 1 + size));
	return true;
}

struct cJSON *jwt_public_key(struct arena *a, const struct key *key)
{
	const struct algorithm *algorithm = algorithm_of(key);
	struct str spki = key_spki(key), inside, kind, bits;
	struct cJSON *jwk = json_new(a, JSON_OBJECT);

	if (!algorithm || !der_take(&spki, DER_SEQUENCE, &inside) ||
		!der_take(&inside, DER_SEQUENCE, &kind) || !der_take_bytes_of_bits(&inside, &bits))
		return NULL;
	add_text(a, jwk, "use", STR("sig"));
	add_text(a, jwk, "kty", algorithm->bits ? STR("EC") : STR("RSA"));
	add_text(a, jwk, "kid", jwt_key_id(a, key));
	if (algorithm->bits)
		add_text(a, jwk, "crv", str_from(algorithm->curve));
	add_text(a, jwk, "alg", str_from(algorithm->name));
	if (algorithm->bits ? !add_point(a, jwk, bits, coordinate_size(algorithm))
			    : !add_rsa(a, jwk, bits))
		return NULL;
	return jwk;
}
