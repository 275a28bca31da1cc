/*
 * Keys as PEM and DER. EC private keys are written here (mbedTLS would always put the curve into
 * the inner structure, PKCS#8 wants it outside); RSA ones by mbedTLS.
 */
#include "der_write.h"
#include "key_private.h"
#include "oid.h"

#include <string.h>

/* A buffer that never grows, so that wiping it once wipes every copy. */
static void secret_init(struct buf *b)
{
	buf_init(b, KEY_DER_MAX);
	buf_reserve(b, KEY_DER_MAX);
}

static void secret_done(struct buf *b)
{
	explicit_bzero(b->at, b->cap);
	buf_done(b);
}

static struct str curve_oid(const mbedtls_ecp_keypair *ec)
{
	switch (ec->grp.id) {
	case MBEDTLS_ECP_DP_SECP256R1:
		return OID_P256;
	case MBEDTLS_ECP_DP_SECP384R1:
		return OID_P384;
	default:
		return OID_P521;
	}
}

/* ECPrivateKey of RFC 5915. */
static void print_ec(const mbedtls_ecp_keypair *ec, bool with_curve, struct buf *out)
{
	unsigned char d[66], q[2 * 66 + 1];
	size_t bytes = (ec->grp.nbits + 7) / 8, q_len = 0;
	int rc = mbedtls_mpi_write_binary(&ec->d, d, bytes);
	if (rc == 0)
		rc = mbedtls_ecp_point_write_binary(
			&ec->grp, &ec->Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &q_len, q, sizeof(q));
	assert(rc == 0);

	size_t all = der_open(out, DER_SEQUENCE);
	der_add_small(out, 1);
	der_add(out, DER_OCTET_STRING, str_make((char *)d, bytes));
	if (with_curve) {
		size_t params = der_open(out, DER_CONTEXT_CONSTRUCTED(0));
		der_add(out, DER_OID, curve_oid(ec));
		der_close(out, params);
	}
	size_t public = der_open(out, DER_CONTEXT_CONSTRUCTED(1));
	der_add_bits(out, str_make((char *)q, q_len), 0);
	der_close(out, public);
	der_close(out, all);
	explicit_bzero(d, sizeof(d));
}

static void print_rsa(const struct key *key, struct buf *out)
{
	unsigned char der[KEY_DER_MAX];
	int len = mbed_pk_write_private(&key->pk, der, sizeof(der));
	assert(len > 0);
	buf_add(out, der + sizeof(der) - len, (size_t)len);
	explicit_bzero(der, sizeof(der));
}

static void print_private(const struct key *key, bool with_curve, struct buf *out)
{
	assert(key->is_private);
	if (key_is_ec(key))
		print_ec(mbedtls_pk_ec(key->pk), with_curve, out);
	else
		print_rsa(key, out);
}

void key_print_pem(const struct key *key, struct buf *out)
{
	struct buf der;
	secret_init(&der);
	print_private(key, true, &der);
	pem_print(out, key_is_ec(key) ? STR("EC PRIVATE KEY") : STR("RSA PRIVATE KEY"),
		buf_str(&der));
	secret_done(&der);
}

void key_print_pkcs8_pem(const struct key *key, struct buf *out)
{
	struct buf der;
	secret_init(&der);
	size_t all = der_open(&der, DER_SEQUENCE);
	der_add_small(&der, 0);
	size_t algorithm = der_open(&der, DER_SEQUENCE);
	if (key_is_ec(key)) {
		der_add(&der, DER_OID, OID_EC);
		der_add(&der, DER_OID, curve_oid(mbedtls_pk_ec(key->pk)));
	} else {
		der_add(&der, DER_OID, OID_RSA);
		der_add(&der, DER_NULL, (struct str){0});
	}
	der_close(&der, algorithm);
	size_t inner = der_open(&der, DER_OCTET_STRING);
	print_private(key, false, &der);
	der_close(&der, inner);
	der_close(&der, all);
	pem_print(out, STR("PRIVATE KEY"), buf_str(&der));
	secret_done(&der);
}

void key_public_der(const struct key *key, struct buf *out)
{
	buf_add_str(out, key_spki(key));
}

void key_print_public_pem(const struct key *key, struct buf *out)
{
	pem_print(out, STR("PUBLIC KEY"), key_spki(key));
}
