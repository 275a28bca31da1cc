/* The life of a key, signing and verifying. */
#include "key_private.h"

#include "der_write.h"
#include "oid.h"
#include "rng.h"

#include <kube/hash.h>
#include <kube/mem.h>

static bool pk_is_ec(const mbedtls_pk_context *pk)
{
	return mbedtls_pk_get_type(pk) == MBEDTLS_PK_ECKEY;
}

bool key_is_rsa(const struct key *key)
{
	return mbedtls_pk_get_type(&key->pk) == MBEDTLS_PK_RSA;
}

bool key_is_ec(const struct key *key)
{
	return pk_is_ec(&key->pk);
}

static enum key_kind kind_of(const mbedtls_pk_context *pk)
{
	size_t bits = mbedtls_pk_get_bitlen(pk);
	if (pk_is_ec(pk))
		return mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1 ? KEY_ECDSA_P256
									      : KEY_OTHER;
	return bits == 2048   ? KEY_RSA_2048
	       : bits == 3072 ? KEY_RSA_3072
	       : bits == 4096 ? KEY_RSA_4096
			      : KEY_OTHER;
}

/* Does the private number belong to the public point? Multiplying also fills the key's own group
 * cache (see mbed_group), which TLS would otherwise do on several threads at once. */
static int check_ec_private(mbedtls_ecp_keypair *ec, struct err *err)
{
	mbedtls_ecp_point q;
	mbedtls_ecp_point_init(&q);
	int rc = mbedtls_ecp_mul(&ec->grp, &q, &ec->d, &ec->grp.G, rng_mbed, NULL);
	bool same = rc == 0 && mbedtls_ecp_point_cmp(&q, &ec->Q) == 0;
	mbedtls_ecp_point_free(&q);
	return same ? 0 : err_set(err, ERR_INVALID, "the private key does not fit its public key");
}

static int check_ec(mbedtls_ecp_keypair *ec, bool is_private, struct err *err)
{
	if (!mbed_group(ec->grp.id))
		return err_set(err, ERR_UNSUPPORTED,
			"only the curves P-256, P-384 and P-521 are supported");
	int rc = mbedtls_ecp_check_pubkey(&ec->grp, &ec->Q);
	if (rc)
		return mbed_err(err, ERR_INVALID, rc, "bad EC key");
	return is_private ? check_ec_private(ec, err) : 0;
}

static int check_rsa(mbedtls_rsa_context *rsa, bool is_private, struct err *err)
{
	size_t bits = mbedtls_mpi_bitlen(&rsa->N);
	if (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX)
		return err_set(err, ERR_UNSUPPORTED,
			"RSA key of %zu bits: only %d to %d bits are supported", bits,
			KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX);
	/* A giant exponent is legal and makes whoever verifies work for seconds. */
	if (mbedtls_mpi_bitlen(&rsa->E) > 31)
		return err_set(err, ERR_UNSUPPORTED, "RSA key: the public exponent is too large");
	int rc = is_private ? mbedtls_rsa_check_privkey(rsa) : mbedtls_rsa_check_pubkey(rsa);
	return rc ? mbed_err(err, ERR_INVALID, rc, "bad RSA key") : 0;
}

static int check(mbedtls_pk_context *pk, bool is_private, struct err *err)
{
	if (pk_is_ec(pk))
		return check_ec(mbedtls_pk_ec(*pk), is_private, err);
	if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA)
		return check_rsa(mbedtls_pk_rsa(*pk), is_private, err);
	return err_set(err, ERR_UNSUPPORTED, "neither an EC nor an RSA key");
}

static int make(mbedtls_pk_context *pk, bool is_private, struct key **key, struct err *err)
{
	unsigned char der[KEY_DER_MAX];
	int len = mbed_pk_write_public(pk, der, sizeof(der));
	if (len < 0) {
		mbedtls_pk_free(pk);
		return mbed_err(err, ERR_INVALID, len, "bad key");
	}
	struct key *made = mem_new(sizeof(*made));
	atomic_init(&made->refs, 1);
	made->kind = kind_of(pk);
	made->is_private = is_private;
	made->pk = *pk;
	made->spki_len = (size_t)len;
	made->spki = mem_copy(der + sizeof(der) - len, (size_t)len);
	mbedtls_pk_init(pk);
	*key = made;
	return 0;
}

int key_adopt(mbedtls_pk_context *pk, bool is_private, struct key **key, struct err *err)
{
	int rc = check(pk, is_private, err);
	if (rc) {
		mbedtls_pk_free(pk);
		return rc;
	}
	return make(pk, is_private, key, err);
}

static int generate(mbedtls_pk_context *pk, enum key_kind kind)
{
	static const unsigned rsa_bits[] = {
		[KEY_RSA_2048] = 2048, [KEY_RSA_3072] = 3072, [KEY_RSA_4096] = 4096};
	bool ec = kind == KEY_ECDSA_P256;
	int rc = mbedtls_pk_setup(
		pk, mbedtls_pk_info_from_type(ec ? MBEDTLS_PK_ECKEY : MBEDTLS_PK_RSA));
	if (rc)
		return rc;
	if (ec)
		return mbedtls_ecp_gen_key(
			MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*pk), rng_mbed, NULL);
	return mbedtls_rsa_gen_key(mbedtls_pk_rsa(*pk), rng_mbed, NULL, rsa_bits[kind], 65537);
}

int key_generate(enum key_kind kind, struct key **key, struct err *err)
{
	if (kind >= KEY_OTHER)
		return err_set(err, ERR_UNSUPPORTED, "keys of this kind are not generated");
	if (mbed_start())
		return err_set(err, ERR_INTERNAL, "mbedTLS does not start");
	mbedtls_pk_context pk;
	mbedtls_pk_init(&pk);
	int rc = generate(&pk, kind);
	if (rc) {
		mbedtls_pk_free(&pk);
		return mbed_err(err, ERR_INTERNAL, rc, "generating a key");
	}
	/* Fresh ones fit, and making them has filled their caches. */
	return make(&pk, true, key, err);
}

struct key *key_ref(struct key *key)
{
	if (key)
		atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

void key_unref(struct key *key)
{
	if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	mbedtls_pk_free(&key->pk); /* zeroes its numbers */
	mem_free(key->spki);
	mem_free(key);
}

enum key_kind key_kind(const struct key *key)
{
	return key->kind;
}

bool key_is_private(const struct key *key)
{
	return key->is_private;
}

bool key_same(const struct key *a, const struct key *b)
{
	return str_eq(key_spki(a), key_spki(b));
}

struct str key_spki(const struct key *key)
{
	return str_make(key->spki, key->spki_len);
}

void key_identifier(const struct key *key, unsigned char id[20])
{
	struct str spki = key_spki(key), inside = {0}, algorithm, bits = {0};
	unsigned char digest[32];
	if (!der_take(&spki, DER_SEQUENCE, &inside) ||
		!der_take(&inside, DER_SEQUENCE, &algorithm) ||
		!der_take_bytes_of_bits(&inside, &bits))
		bits = key_spki(key);
	sha256_of(bits, digest);
	memcpy(id, digest, 20);
}

/* ---- signatures ---- */

static const struct {
	mbedtls_md_type_t md;
	size_t len;
} hashes[] = {
	[KEY_SHA256] = {MBEDTLS_MD_SHA256, 32},
	[KEY_SHA384] = {MBEDTLS_MD_SHA384, 48},
	[KEY_SHA512] = {MBEDTLS_MD_SHA512, 64},
};

size_t key_digest(enum key_hash hash, struct str bytes, unsigned char digest[64])
{
	int rc = mbedtls_md(mbedtls_md_info_from_type(hashes[hash].md),
		(const unsigned char *)bytes.at, bytes.len, digest);
	assert(rc == 0);
	return hashes[hash].len;
}

static void add_mpi(struct buf *out, const mbedtls_mpi *value)
{
	unsigned char bytes[66]; /* P-521 */
	size_t len = mbedtls_mpi_size(value);
	assert(len <= sizeof(bytes));
	mbedtls_mpi_write_binary(value, bytes, len);
	der_add_unsigned(out, str_make((char *)bytes, len));
}

static int sign_ec(struct key *key, struct str digest, struct buf *sig)
{
	mbedtls_ecp_keypair *ec = mbedtls_pk_ec(key->pk);
	mbedtls_mpi r, s;
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	int rc = mbedtls_ecdsa_sign(mbed_group(ec->grp.id), &r, &s, &ec->d,
		(const unsigned char *)digest.at, digest.len, rng_mbed, NULL);
	if (rc == 0) {
		size_t mark = der_open(sig, DER_SEQUENCE);
		add_mpi(sig, &r);
		add_mpi(sig, &s);
		der_close(sig, mark);
	}
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return rc;
}

static int sign_rsa(struct key *key, enum key_hash hash, struct str digest, struct buf *sig)
{
	unsigned char bytes[KEY_RSA_BITS_MAX / 8];
	size_t len = 0;
	int rc = mbed_pk_sign(&key->pk, hashes[hash].md, digest, bytes, sizeof(bytes), &len);
	if (rc == 0)
		buf_add(sig, bytes, len);
	return rc;
}

int key_sign(
	struct key *key, enum key_hash hash, struct str digest, struct buf *sig, struct err *err)
{
	assert(digest.len == hashes[hash].len);
	if (!key->is_private)
		return err_set(err, ERR_INVALID, "a public key cannot sign");
	int rc = key_is_ec(key) ? sign_ec(key, digest, sig) : sign_rsa(key, hash, digest, sig);
	if (rc)
		return mbed_err(err, ERR_INTERNAL, rc, "signing");
	if (buf_over(sig))
		return err_set(err, ERR_LIMIT, "no room for a signature");
	return 0;
}

static int verify_ec(struct key *key, struct str digest, struct str sig)
{
	mbedtls_ecp_keypair *ec = mbedtls_pk_ec(key->pk);
	struct str inside, r_bytes, s_bytes;
	if (!der_take(&sig, DER_SEQUENCE, &inside) || sig.len ||
		!der_take_unsigned(&inside, &r_bytes) || !der_take_unsigned(&inside, &s_bytes) ||
		inside.len || r_bytes.len > 66 || s_bytes.len > 66)
		return -1;
	mbedtls_mpi r, s;
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	int rc = mbedtls_mpi_read_binary(&r, (const unsigned char *)r_bytes.at, r_bytes.len);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary(&s, (const unsigned char *)s_bytes.at, s_bytes.len);
	if (rc == 0)
		rc = mbedtls_ecdsa_verify(mbed_group(ec->grp.id), (const unsigned char *)digest.at,
			digest.len, &ec->Q, &r, &s);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return rc;
}

static int verdict(int rc, struct err *err)
{
	return rc ? err_set(err, ERR_CERTIFICATE, "the signature does not fit the key") : 0;
}

int key_verify(
	struct key *key, enum key_hash hash, struct str digest, struct str sig, struct err *err)
{
	assert(digest.len == hashes[hash].len);
	if (key_is_ec(key))
		return verdict(verify_ec(key, digest, sig), err);
	if (!key_is_rsa(key))
		return err_set(err, ERR_UNSUPPORTED, "the key's algorithm is not supported");
	return verdict(
		mbedtls_pk_verify(&key->pk, hashes[hash].md, (const unsigned char *)digest.at,
			digest.len, (const unsigned char *)sig.at, sig.len),
		err);
}

int key_verify_pss(
	struct key *key, enum key_hash hash, struct str digest, struct str sig, struct err *err)
{
	if (!key_is_rsa(key))
		return err_set(err, ERR_CERTIFICATE, "an RSA-PSS signature, but not an RSA key");
	mbedtls_pk_rsassa_pss_options options = {
		.mgf1_hash_id = hashes[hash].md, .expected_salt_len = (int)hashes[hash].len};
	return verdict(mbedtls_pk_verify_ext(MBEDTLS_PK_RSASSA_PSS, &options, &key->pk,
			       hashes[hash].md, (const unsigned char *)digest.at, digest.len,
			       (const unsigned char *)sig.at, sig.len),
		err);
}
