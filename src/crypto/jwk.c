/* What others sign: keys as JWKs, and all algorithms that RSA keys sign tokens with. */
#include "der_write.h"
#include "key_private.h"
#include "oid.h"

#include <kube/codec.h>
#include <kube/jwt.h>

#define NUMBER_MAX (KEY_RSA_BITS_MAX / 8)

/* ---- keys ---- */

static const struct curve {
	const char *name;
	size_t size; /* of a coordinate */
	struct str oid;
} curves[] = {
	{"P-256", 32, {"\x2a\x86\x48\xce\x3d\x03\x01\x07", 8}},
	{"P-384", 48, {"\x2b\x81\x04\x00\x22", 5}},
	{"P-521", 66, {"\x2b\x81\x04\x00\x23", 5}},
};

static int read_number(
	const struct cJSON *jwk, const char *name, struct buf *out, size_t max, struct err *err)
{
	struct str text = json_str(json_get(jwk, str_from(name)));

	if (!text.len || base64url_decode(out, text, NULL) || buf_over(out) || out->len > max)
		return err_set(err, ERR_SYNTAX, "a JWK without a proper \"%s\"", name);
	return 0;
}

/* SEQUENCE { SEQUENCE { algorithm, parameters }, BIT STRING } */
static int read_spki(struct str algorithm, struct str bits, struct key **key, struct err *err)
{
	_cleanup_(buf_done) struct buf spki = BUF_INIT(KEY_DER_MAX);
	size_t mark = der_open(&spki, DER_SEQUENCE);

	der_add(&spki, DER_SEQUENCE, algorithm);
	der_add_bits(&spki, bits, 0);
	der_close(&spki, mark);
	if (buf_over(&spki))
		return err_set(err, ERR_TOO_LARGE, "a JWK with a key that is too large");
	return key_parse_spki(buf_str(&spki), key, err);
}

static int read_rsa(const struct cJSON *jwk, struct key **key, struct err *err)
{
	_cleanup_(buf_done) struct buf n = BUF_INIT(2 * NUMBER_MAX), e = BUF_INIT(64);
	_cleanup_(buf_done) struct buf bits = BUF_INIT(4 * NUMBER_MAX), algorithm = BUF_INIT(64);
	size_t mark;

	if (read_number(jwk, "n", &n, NUMBER_MAX, err) || read_number(jwk, "e", &e, 8, err))
		return ERR_SYNTAX;
	mark = der_open(&bits, DER_SEQUENCE);
	der_add_unsigned(&bits, buf_str(&n));
	der_add_unsigned(&bits, buf_str(&e));
	der_close(&bits, mark);
	der_add(&algorithm, DER_OID, OID_RSA);
	der_add(&algorithm, DER_NULL, STR(""));
	return read_spki(buf_str(&algorithm), buf_str(&bits), key, err);
}

static void add_padded(struct buf *out, const struct buf *number, size_t size)
{
	for (size_t i = number->len; i < size; i++)
		buf_add_char(out, 0);
	buf_add_str(out, buf_str(number));
}

static int read_ec(const struct cJSON *jwk, struct key **key, struct err *err)
{
	_cleanup_(buf_done) struct buf x = BUF_INIT(KIB), y = BUF_INIT(KIB);
	_cleanup_(buf_done) struct buf bits = BUF_INIT(KIB), algorithm = BUF_INIT(64);
	struct str name = json_str(json_get(jwk, STR("crv")));

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		const struct curve *c = &curves[i];

		if (!str_eq_text(name, c->name))
			continue;
		if (read_number(jwk, "x", &x, c->size, err) ||
			read_number(jwk, "y", &y, c->size, err))
			return ERR_SYNTAX;
		buf_add_char(&bits, 4); /* uncompressed */
		add_padded(&bits, &x, c->size);
		add_padded(&bits, &y, c->size);
		der_add(&algorithm, DER_OID, OID_EC);
		der_add(&algorithm, DER_OID, c->oid);
		return read_spki(buf_str(&algorithm), buf_str(&bits), key, err);
	}
	return err_set(err, ERR_UNSUPPORTED, "a JWK of an unknown curve");
}

int jwk_read(const struct cJSON *jwk, struct key **key, struct err *err)
{
	struct str kind = json_str(json_get(jwk, STR("kty")));

	if (mbed_start())
		return err_set(err, ERR_INTERNAL, "mbedTLS does not start");
	if (str_eq_text(kind, "RSA"))
		return read_rsa(jwk, key, err);
	if (str_eq_text(kind, "EC"))
		return read_ec(jwk, key, err);
	return err_set(err, ERR_UNSUPPORTED, "a JWK of an unknown kind");
}

/* ---- algorithms ---- */

static const struct {
	const char *name;
	enum key_hash hash;
	bool pss;
} rsa[] = {{"RS256", KEY_SHA256, false}, {"RS384", KEY_SHA384, false}, {"RS512", KEY_SHA512, false},
	{"PS256", KEY_SHA256, true}, {"PS384", KEY_SHA384, true}, {"PS512", KEY_SHA512, true}};

bool jwt_algorithm_known(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(rsa); i++)
		if (str_eq_text(name, rsa[i].name))
			return true;
	return str_eq_text(name, "ES256") || str_eq_text(name, "ES384") ||
	       str_eq_text(name, "ES512");
}

int jwt_verify_any(const struct jwt *jwt, struct key *key, struct err *err)
{
	unsigned char bytes[64];
	struct str digest;

	if (!key_is_rsa(key))
		return jwt_verify(jwt, key, err);
	for (size_t i = 0; i < ARRAY_LEN(rsa); i++) {
		if (!str_eq_text(jwt->algorithm, rsa[i].name))
			continue;
		digest = str_make(
			(const char *)bytes, key_digest(rsa[i].hash, jwt->signed_text, bytes));
		return rsa[i].pss ? key_verify_pss(key, rsa[i].hash, digest, jwt->signature, err)
				  : key_verify(key, rsa[i].hash, digest, jwt->signature, err);
	}
	return err_set(err, ERR_CERTIFICATE, "the token's algorithm is not the key's");
}
