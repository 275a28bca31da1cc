/*
 * Records of application data under AES-GCM, sealed and opened with gcm.h at several times
 * mbedTLS's speed. Everything else (handshakes, alerts, what is malformed, forged or of another
 * cipher) stays mbedTLS's, record by record: both count in the same sequence numbers, so that
 * no nonce can come twice and none is left out.
 *
 *	type 23 | 03 03 | length | explicit nonce: the sequence number | text | tag
 */
#include "tls_internal.h"

#include <mbedtls/platform_util.h>

#define HEADER   5
#define EXPLICIT 8
#define OVERHEAD (EXPLICIT + GCM_TAG)
#define TEXT_MAX ((size_t)16384)

void mbed_secret_came(const struct mbed_secret *secret)
{
	struct tls_engine *e = tls_engine_running;

	if (!e || !gcm_available())
		return;
	e->records.secret = *secret;
	e->records.has_secret = true;
}

static size_t aes_key_len(const struct tls_engine *e)
{
	struct str name = str_from(mbedtls_ssl_get_ciphersuite(&e->ssl));

	if (str_find(name, STR("AES-128-GCM")) >= 0)
		return 16;
	return str_find(name, STR("AES-256-GCM")) >= 0 ? 32 : 0;
}

/* The client's key, the server's key, the client's salt, the server's salt. */
static void derive(struct tls_engine *e, size_t key_len)
{
	struct tls_records *r = &e->records;
	unsigned char keys[2 * 32 + 2 * 4];
	const unsigned char *key[2] = {keys, keys + key_len}, *salt = keys + 2 * key_len;
	bool server = e->config->server;

	if (mbedtls_ssl_tls_prf(r->secret.prf, r->secret.master, sizeof(r->secret.master),
		    "key expansion", r->secret.randoms, sizeof(r->secret.randoms), keys,
		    2 * key_len + 8) == 0) {
		r->seal = gcm_new(key[server], key_len);
		r->open = gcm_new(key[!server], key_len);
		memcpy(r->seal_salt, salt + (server ? 4 : 0), 4);
		memcpy(r->open_salt, salt + (server ? 0 : 4), 4);
	}
	mbedtls_platform_zeroize(keys, sizeof(keys));
}

void tls_records_begin(struct tls_engine *e)
{
	struct tls_records *r = &e->records;

	if (r->has_secret && !mbed_ssl_is_tls13(&e->ssl) && aes_key_len(e))
		derive(e, aes_key_len(e));
	mbedtls_platform_zeroize(&r->secret, sizeof(r->secret));
	r->has_secret = false;
}

void tls_records_end(struct tls_engine *e)
{
	gcm_free(TAKE(e->records.seal));
	gcm_free(TAKE(e->records.open));
	mbedtls_platform_zeroize(&e->records.secret, sizeof(e->records.secret));
}

/* ---- what both do ---- */

/* false: it has been all round, and the next record would have another one's nonce. */
static bool count(unsigned char sequence[8])
{
	for (int i = 7; i >= 0; i--)
		if (++sequence[i])
			return true;
	return false;
}

static void make_nonce(
	unsigned char nonce[GCM_NONCE], const unsigned char salt[4], const unsigned char *rest)
{
	memcpy(nonce, salt, 4);
	memcpy(nonce + 4, rest, EXPLICIT);
}

#define AAD 13

static struct str make_aad(unsigned char aad[AAD], const unsigned char sequence[8],
	const unsigned char *header, size_t len)
{
	memcpy(aad, sequence, 8);
	memcpy(aad + 8, header, 3);
	aad[11] = (unsigned char)(len >> 8);
	aad[12] = (unsigned char)len;
	return str_make((const char *)aad, AAD);
}

/* ---- out ---- */

int tls_records_seal(struct tls_engine *e, struct str plain, struct buf *out, struct err *err)
{
	unsigned char *sequence = mbed_ssl_out_sequence(&e->ssl);
	size_t most = MIN(TEXT_MAX, (size_t)mbedtls_ssl_get_max_out_record_payload(&e->ssl));
	unsigned char nonce[GCM_NONCE], aad[AAD];

	while (plain.len) {
		struct str text = str_sub(plain, 0, MIN(plain.len, most));
		size_t length = text.len + OVERHEAD;
		unsigned char *at = (unsigned char *)buf_reserve(out, HEADER + length);

		if (!at)
			return err_set(err, ERR_LIMIT, "tls: no room for what is to be written");
		at[0] = MBEDTLS_SSL_MSG_APPLICATION_DATA;
		at[1] = at[2] = 3;
		at[3] = (unsigned char)(length >> 8);
		at[4] = (unsigned char)length;
		memcpy(at + HEADER, sequence, EXPLICIT);
		make_nonce(nonce, e->records.seal_salt, sequence);
		gcm_seal(e->records.seal, nonce, make_aad(aad, sequence, at, text.len), text,
			at + HEADER + EXPLICIT, at + HEADER + EXPLICIT + text.len);
		if (!count(sequence))
			return err_set(err, ERR_TLS, "tls: too many records");
		buf_advance(out, HEADER + length);
		plain = str_skip(plain, text.len);
	}
	return 0;
}

/* ---- in ---- */

/*
 * A record that has not come whole waits in the input: mbedTLS would take the part into its own
 * buffer, and then the record were its.
 */
enum tls_opened tls_records_open(struct tls_engine *e, struct buf *plain, size_t *max)
{
	struct tls_records *r = &e->records;
	unsigned char nonce[GCM_NONCE], aad[AAD];

	r->cut = 0;
	if (!r->open || mbedtls_ssl_check_pending(&e->ssl) || mbed_ssl_record_begun(&e->ssl))
		return TLS_NOT_OURS;
	struct str in = str_skip(buf_str(e->in), e->in_used);
	const unsigned char *at = (const unsigned char *)in.at;
	if (!in.len || at[0] != MBEDTLS_SSL_MSG_APPLICATION_DATA)
		return TLS_NOT_OURS;
	size_t length = in.len < HEADER ? 0 : (size_t)at[3] << 8 | at[4];
	if (in.len >= HEADER &&
		(at[1] != 3 || at[2] != 3 || length <= OVERHEAD || length > TEXT_MAX + OVERHEAD))
		return TLS_NOT_OURS;
	if (in.len < HEADER + MAX(length, (size_t)1)) {
		r->cut = in.len;
		return TLS_CUT;
	}
	size_t len = length - OVERHEAD;
	unsigned char *sequence = mbed_ssl_in_sequence(&e->ssl);
	char *to = len <= *max ? buf_reserve(plain, len) : NULL;
	if (!to)
		return TLS_NOT_OURS;
	const unsigned char *text = at + HEADER + EXPLICIT;
	make_nonce(nonce, r->open_salt, at + HEADER);
	if (!gcm_open(r->open, nonce, make_aad(aad, sequence, at, len),
		    str_make((const char *)text, len), (unsigned char *)to, text + len) ||
		!count(sequence))
		return TLS_NOT_OURS; /* mbedTLS will not have it either, and says so */
	buf_advance(plain, len);
	e->in_used += HEADER + length;
	*max -= len;
	return TLS_OPENED;
}
