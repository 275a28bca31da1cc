/* Each kind's bytes are laid out as upstream's storage has them, behind its prefix. */
#include <kube/seal.h>

#include "rng.h"
#include "salsa.h"

#include <kube/key.h>
#include <kube/mem.h>

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/poly1305.h>

#define GCM_NONCE  12
#define CBC_BLOCK  16
#define BOX_NONCE  24
#define TAG        16
#define SEALED_MAX (64 * MIB)

struct seal_key {
	enum seal_kind kind;
	unsigned char secret[32];
	size_t size;
};

void seal_random(unsigned char out[32])
{
	rng_mbed(NULL, out, 32);
}

int seal_key_new(enum seal_kind kind, struct str secret, struct seal_key **key, struct err *err)
{
	bool fits = secret.len == 32 ||
		    (kind != SEAL_SECRETBOX && (secret.len == 16 || secret.len == 24));

	if (!fits)
		return err_set(err, ERR_INVALID,
			"a key of %zu bytes: secret is not of the expected length, expected %s",
			secret.len, kind == SEAL_SECRETBOX ? "32" : "one of [16 24 32]");
	struct seal_key *k = mem_new(sizeof(*k));
	k->kind = kind;
	k->size = secret.len;
	memcpy(k->secret, secret.at, secret.len);
	*key = k;
	return 0;
}

void seal_key_free(struct seal_key *k)
{
	if (!k)
		return;
	mbedtls_platform_zeroize(k, sizeof(*k));
	mem_free(k);
}

static int wrong(struct err *err)
{
	return err_set(err, ERR_INVALID, "the sealed bytes were changed, or sealed by another key");
}

/* Room for so many bytes more, at once; NULL when the ceiling forbids it. */
static unsigned char *grow(struct buf *out, size_t more)
{
	char *at = buf_reserve(out, more + 1);

	if (at)
		buf_advance(out, more);
	return (unsigned char *)at;
}

/* ---- AES-GCM: nonce, bytes, tag ---- */

static int gcm_close(const struct seal_key *k, struct str place, struct str plain, struct buf *out)
{
	unsigned char *at = grow(out, GCM_NONCE + plain.len + TAG);
	mbedtls_gcm_context gcm;
	int bad;

	if (!at)
		return -1;
	rng_mbed(NULL, at, GCM_NONCE);
	mbedtls_gcm_init(&gcm);
	bad = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, k->secret, (unsigned)k->size * 8);
	if (!bad)
		bad = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, plain.len, at, GCM_NONCE,
			(const unsigned char *)place.at, place.len, (const unsigned char *)plain.at,
			at + GCM_NONCE, TAG, at + GCM_NONCE + plain.len);
	mbedtls_gcm_free(&gcm);
	return bad;
}

static int gcm_open_(const struct seal_key *k, struct str place, struct str sealed, struct buf *out)
{
	const unsigned char *in = (const unsigned char *)sealed.at;
	size_t size = sealed.len - GCM_NONCE - TAG;
	mbedtls_gcm_context gcm;
	unsigned char *at;
	int bad;

	if (sealed.len < GCM_NONCE + TAG || !(at = grow(out, size)))
		return -1;
	mbedtls_gcm_init(&gcm);
	bad = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, k->secret, (unsigned)k->size * 8);
	if (!bad)
		bad = mbedtls_gcm_auth_decrypt(&gcm, size, in, GCM_NONCE,
			(const unsigned char *)place.at, place.len, in + GCM_NONCE + size, TAG,
			in + GCM_NONCE, at);
	mbedtls_gcm_free(&gcm);
	return bad;
}

/* ---- AES-CBC: initial vector, blocks, filled up as PKCS 7 says ---- */

static int cbc_close(const struct seal_key *k, struct str plain, struct buf *out)
{
	size_t fill = CBC_BLOCK - plain.len % CBC_BLOCK, whole = plain.len + fill;
	unsigned char *at = grow(out, CBC_BLOCK + whole), iv[CBC_BLOCK];
	mbedtls_aes_context aes;
	int bad;

	if (!at)
		return -1;
	rng_mbed(NULL, at, CBC_BLOCK);
	memcpy(iv, at, CBC_BLOCK);
	memcpy(at + CBC_BLOCK, plain.at, plain.len);
	memset(at + CBC_BLOCK + plain.len, (int)fill, fill);
	mbedtls_aes_init(&aes);
	bad = mbedtls_aes_setkey_enc(&aes, k->secret, (unsigned)k->size * 8);
	if (!bad)
		bad = mbedtls_aes_crypt_cbc(
			&aes, MBEDTLS_AES_ENCRYPT, whole, iv, at + CBC_BLOCK, at + CBC_BLOCK);
	mbedtls_aes_free(&aes);
	return bad;
}

static bool unfill(struct buf *out, size_t start)
{
	const unsigned char *at = (const unsigned char *)out->at;
	size_t fill = at[out->len - 1];

	if (!fill || fill > CBC_BLOCK || fill > out->len - start)
		return false;
	for (size_t i = 1; i <= fill; i++)
		if (at[out->len - i] != fill)
			return false;
	out->len -= fill;
	return true;
}

static int cbc_open(const struct seal_key *k, struct str sealed, struct buf *out)
{
	size_t start = out->len, whole = sealed.len - CBC_BLOCK;
	unsigned char *at, iv[CBC_BLOCK];
	mbedtls_aes_context aes;
	int bad;

	if (sealed.len < 2 * CBC_BLOCK || sealed.len % CBC_BLOCK || !(at = grow(out, whole)))
		return -1;
	memcpy(iv, sealed.at, CBC_BLOCK);
	mbedtls_aes_init(&aes);
	bad = mbedtls_aes_setkey_dec(&aes, k->secret, (unsigned)k->size * 8);
	if (!bad)
		bad = mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_DECRYPT, whole, iv,
			(const unsigned char *)sealed.at + CBC_BLOCK, at);
	mbedtls_aes_free(&aes);
	return bad || !unfill(out, start);
}

/* ---- secretbox: long nonce, tag, bytes ---- */

struct box {
	unsigned char key[SALSA_KEY], block[SALSA_BLOCK];
	const unsigned char *nonce; /* its last 8 bytes */
};

/* The first half of the first block is the tag's key; the stream begins with the second. */
static void box_begin(struct box *b, const struct seal_key *k, const unsigned char *nonce)
{
	salsa_subkey(k->secret, nonce, b->key);
	b->nonce = nonce + 16;
	salsa_block(b->key, b->nonce, 0, b->block);
}

static void box_stream(
	const struct box *b, const unsigned char *in, unsigned char *out, size_t size)
{
	unsigned char block[SALSA_BLOCK];
	uint64_t counter = 0;

	memcpy(block, b->block, sizeof(block));
	for (size_t i = 0; i < size; i++) {
		size_t at = (i + 32) % SALSA_BLOCK;

		if (!at)
			salsa_block(b->key, b->nonce, ++counter, block);
		out[i] = in[i] ^ block[at];
	}
	mbedtls_platform_zeroize(block, sizeof(block));
}

static int box_close(const struct seal_key *k, struct str plain, struct buf *out)
{
	unsigned char *at = grow(out, BOX_NONCE + TAG + plain.len), *tag, *bytes;
	struct box b;
	int bad;

	if (!at)
		return -1;
	tag = at + BOX_NONCE;
	bytes = tag + TAG;
	rng_mbed(NULL, at, BOX_NONCE);
	box_begin(&b, k, at);
	box_stream(&b, (const unsigned char *)plain.at, bytes, plain.len);
	bad = mbedtls_poly1305_mac(b.block, bytes, plain.len, tag);
	mbedtls_platform_zeroize(&b, sizeof(b));
	return bad;
}

static int box_open(const struct seal_key *k, struct str sealed, struct buf *out)
{
	const unsigned char *in = (const unsigned char *)sealed.at, *tag = in + BOX_NONCE;
	size_t size = sealed.len - BOX_NONCE - TAG;
	unsigned char *at, wanted[TAG];
	struct box b;
	int bad;

	if (sealed.len < BOX_NONCE + TAG || !(at = grow(out, size)))
		return -1;
	box_begin(&b, k, in);
	bad = mbedtls_poly1305_mac(b.block, tag + TAG, size, wanted);
	if (!bad && !secret_equal(
			    str_make((const char *)wanted, TAG), str_make((const char *)tag, TAG)))
		bad = -1;
	if (!bad)
		box_stream(&b, tag + TAG, at, size);
	mbedtls_platform_zeroize(&b, sizeof(b));
	return bad;
}

/* ---- all ---- */

int seal_close(const struct seal_key *k, struct str place, struct str plain, struct buf *out,
	struct err *err)
{
	int bad = -1;

	if (plain.len > SEALED_MAX)
		return err_set(
			err, ERR_TOO_LARGE, "%zu bytes are too many to be sealed", plain.len);
	switch (k->kind) {
	case SEAL_AES_GCM:
		bad = gcm_close(k, place, plain, out);
		break;
	case SEAL_AES_CBC:
		bad = cbc_close(k, plain, out);
		break;
	case SEAL_SECRETBOX:
		bad = box_close(k, plain, out);
		break;
	}
	return bad ? err_set(err, ERR_INTERNAL, "sealing failed (-0x%x)", (unsigned)-bad) : 0;
}

int seal_open(const struct seal_key *k, struct str place, struct str sealed, struct buf *out,
	struct err *err)
{
	size_t start = out->len;
	int bad = -1;

	if (sealed.len > SEALED_MAX)
		return wrong(err);
	switch (k->kind) {
	case SEAL_AES_GCM:
		bad = gcm_open_(k, place, sealed, out);
		break;
	case SEAL_AES_CBC:
		bad = cbc_open(k, sealed, out);
		break;
	case SEAL_SECRETBOX:
		bad = box_open(k, sealed, out);
		break;
	}
	if (!bad)
		return 0;
	buf_cut(out, start);
	return wrong(err);
}
