#include "tls_internal.h"

#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/random.h>
#include <mbedtls/gcm.h>

/*
 * A ticket: name of the key (16) · nonce (12) · sealed · tag (16), where sealed is
 * rules (32) · made, seconds (8) · length of the client's certificate (4) · it · mbedTLS's
 * session. The key's name is authenticated too. The certificate stands there for TLS 1.3, whose
 * sessions do not hold it in mbedTLS.
 */
#define NAME_LEN  16
#define NONCE_LEN 12
#define TAG_LEN   16
#define RULES_LEN 32
#define STAMP_LEN 8
#define SEALED_AT (NAME_LEN + NONCE_LEN)
#define LEAF_AT   (SEALED_AT + RULES_LEN + STAMP_LEN + 4)
/* Above this a ticket would cost more than it saves; the client's certificate is in it. */
#define TICKET_MAX  (8 * KIB)
#define CLOCK_SLACK MINUTE

void tickets_init(struct tickets *t, const struct tls_server_options *o)
{
	pthread_mutex_init(&t->lock, NULL);
	struct sha256 h;
	sha256_init(&h);
	unsigned char mode = o ? (unsigned char)o->client_certs : TLS_CERTS_NONE;
	/* Who asks for no certificates has no use for roots. */
	const struct certs *roots = mode == TLS_CERTS_NONE ? NULL : o->client_roots;
	sha256_add(&h, str_make((const char *)&mode, 1));
	for (size_t i = 0; roots && i < roots->count; i++) {
		unsigned char digest[32];
		sha256_of(cert_der(roots->items[i]), digest);
		sha256_add(&h, str_make((const char *)digest, sizeof(digest)));
	}
	sha256_end(&h, t->rules);
}

static void keys_wipe(struct ticket_key *keys, size_t count)
{
	mbedtls_platform_zeroize(keys, count * sizeof(*keys));
}

void tickets_done(struct tickets *t)
{
	keys_wipe(t->keys, TICKET_KEYS);
	pthread_mutex_destroy(&t->lock);
}

void tickets_adopt(struct tickets *fresh, struct tickets *old)
{
	struct ticket_key keys[TICKET_KEYS];
	pthread_mutex_lock(&old->lock);
	size_t count = old->count;
	memcpy(keys, old->keys, sizeof(keys));
	pthread_mutex_unlock(&old->lock);
	pthread_mutex_lock(&fresh->lock);
	fresh->count = count;
	memcpy(fresh->keys, keys, sizeof(keys));
	pthread_mutex_unlock(&fresh->lock);
	keys_wipe(keys, TICKET_KEYS);
}

/*
 * The key for new tickets; a fresh one when the newest is old, or from a future that was undone.
 * Engines keep the time they were made at, so of several at work one may be a little behind.
 */
static void key_for_sealing(struct tickets *t, int64_t now, struct ticket_key *key)
{
	pthread_mutex_lock(&t->lock);
	struct ticket_key *newest = &t->keys[0];
	if (!t->count || now < newest->made - CLOCK_SLACK ||
		now - newest->made >= TICKET_KEY_TURNS) {
		memmove(newest + 1, newest, (TICKET_KEYS - 1) * sizeof(*newest));
		random_fill(newest->name, sizeof(newest->name));
		random_fill(newest->secret, sizeof(newest->secret));
		newest->made = now;
		t->count = MIN(t->count + 1, (size_t)TICKET_KEYS);
	}
	*key = *newest;
	pthread_mutex_unlock(&t->lock);
}

static bool key_for_opening(struct tickets *t, const unsigned char *name, struct ticket_key *key)
{
	bool found = false;
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count && !found; i++)
		if (memcmp(t->keys[i].name, name, NAME_LEN) == 0) {
			*key = t->keys[i];
			found = true;
		}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static int seal(const struct ticket_key *key, unsigned char *ticket, size_t sealed_len)
{
	mbedtls_gcm_context gcm;
	mbedtls_gcm_init(&gcm);
	int ret = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->secret, 256);
	if (ret == 0)
		ret = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, sealed_len,
			ticket + NAME_LEN, NONCE_LEN, ticket, NAME_LEN, ticket + SEALED_AT,
			ticket + SEALED_AT, TAG_LEN, ticket + SEALED_AT + sealed_len);
	mbedtls_gcm_free(&gcm);
	return ret;
}

static int unseal(const struct ticket_key *key, unsigned char *ticket, size_t sealed_len)
{
	mbedtls_gcm_context gcm;
	mbedtls_gcm_init(&gcm);
	int ret = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->secret, 256);
	if (ret == 0)
		ret = mbedtls_gcm_auth_decrypt(&gcm, sealed_len, ticket + NAME_LEN, NONCE_LEN,
			ticket, NAME_LEN, ticket + SEALED_AT + sealed_len, TAG_LEN,
			ticket + SEALED_AT, ticket + SEALED_AT);
	mbedtls_gcm_free(&gcm);
	return ret;
}

static void put_number(unsigned char *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_number(const unsigned char *at, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

/* What is sealed, at the place where it will be; its length, or 0 when there is no room. */
static size_t write_sealed(const struct tickets *t, const struct tls_engine *e,
	const mbedtls_ssl_session *session, unsigned char *start, size_t room)
{
	struct str leaf = {0};
	size_t session_len;
	if (mbed_session_is_tls13(session) && e->peer.count)
		leaf = cert_der(e->peer.items[0]);
	size_t session_at = LEAF_AT + leaf.len;
	if (room < session_at + TAG_LEN || mbedtls_ssl_session_save(session, start + session_at,
						   room - session_at - TAG_LEN, &session_len) != 0)
		return 0;
	memcpy(start + SEALED_AT, t->rules, RULES_LEN);
	put_number(start + SEALED_AT + RULES_LEN, (uint64_t)(e->now / SEC), STAMP_LEN);
	put_number(start + LEAF_AT - 4, leaf.len, 4);
	if (leaf.len)
		memcpy(start + LEAF_AT, leaf.at, leaf.len);
	return session_at + session_len - SEALED_AT;
}

/* TLS 1.3 has no empty tickets: one that opens nothing, to be forgotten at once. */
static int no_ticket(
	const mbedtls_ssl_session *session, unsigned char *start, size_t room, size_t *len)
{
	if (!mbed_session_is_tls13(session))
		return 0;
	*len = MIN(room, (size_t)NAME_LEN);
	random_fill(start, *len);
	return 0;
}

/*
 * No ticket for a client whose certificate did not verify, nor for one that needed
 * intermediates: a session holds the leaf only.
 */
int tickets_write(void *p, const mbedtls_ssl_session *session, unsigned char *start,
	const unsigned char *end, size_t *len, uint32_t *lifetime)
{
	struct tickets *t = p;
	const struct tls_engine *e = tls_engine_running;
	size_t sealed_len = 0, room = MIN((size_t)(end - start), TICKET_MAX);
	*len = 0;
	*lifetime = 0;
	if (!e->peer_error.code && e->peer.count <= 1)
		sealed_len = write_sealed(t, e, session, start, room);
	if (!sealed_len)
		return no_ticket(session, start, room, len);
	struct ticket_key key;
	key_for_sealing(t, e->now, &key);
	memcpy(start, key.name, NAME_LEN);
	random_fill(start + NAME_LEN, NONCE_LEN);
	int ret = seal(&key, start, sealed_len);
	keys_wipe(&key, 1);
	if (ret != 0)
		return ret;
	*len = SEALED_AT + sealed_len + TAG_LEN;
	*lifetime = (uint32_t)(TICKET_LIFETIME / SEC);
	return 0;
}

static bool ticket_is_current(const unsigned char *stamp, int64_t now)
{
	int64_t age = now / SEC - (int64_t)get_number(stamp, STAMP_LEN);
	return age >= -(CLOCK_SLACK / SEC) && age < TICKET_LIFETIME / SEC;
}

/* From the ticket (TLS 1.3) or from mbedTLS's session in it. */
static int client_read(struct certs *peer, const mbedtls_ssl_session *session, struct str leaf)
{
	if (!leaf.len)
		return tls_certs_from_mbed(peer, mbed_session_peer(session), NULL);
	struct cert *cert = NULL;
	int code = cert_parse_der(leaf, &cert, NULL);
	if (code)
		return code;
	peer->items = mem_new(sizeof(*peer->items));
	peer->items[0] = cert;
	peer->count = 1;
	return 0;
}

/* The client's certificate comes back out of the ticket; its dates are looked at again. */
static int client_restore(struct tls_engine *e, const mbedtls_ssl_session *session, struct str leaf)
{
	struct certs peer = {0};
	if (client_read(&peer, session, leaf) ||
		(peer.count && !tls_cert_is_current(peer.items[0], e->now))) {
		certs_done(&peer);
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	}
	certs_done(&e->peer);
	e->peer = peer;
	return 0;
}

/* Any failure here means a full handshake, never an error. */
int tickets_parse(void *p, mbedtls_ssl_session *session, unsigned char *buf, size_t len)
{
	struct tickets *t = p;
	struct tls_engine *e = tls_engine_running;
	struct ticket_key key;
	if (len < LEAF_AT + TAG_LEN || len > TICKET_MAX)
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	if (!key_for_opening(t, buf, &key))
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	int ret = unseal(&key, buf, len - SEALED_AT - TAG_LEN);
	keys_wipe(&key, 1);
	if (ret != 0)
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	if (memcmp(buf + SEALED_AT, t->rules, RULES_LEN) != 0 ||
		!ticket_is_current(buf + SEALED_AT + RULES_LEN, e->now))
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	/* Our own seal vouches for the length. */
	size_t leaf_len = (size_t)get_number(buf + LEAF_AT - 4, 4);
	size_t session_at = LEAF_AT + leaf_len;
	ret = mbedtls_ssl_session_load(session, buf + session_at, len - session_at - TAG_LEN);
	return ret ? ret : client_restore(e, session, str_make((char *)buf + LEAF_AT, leaf_len));
}
