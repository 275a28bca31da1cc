/* What the files of the TLS engine know of each other. */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include "gcm.h"
#include "key_private.h"
#include "mbed_compat_tls.h"

#include <kube/tls_engine.h>

#include <pthread.h>

/*
 * Session tickets: sealed with AES-256-GCM under keys that change with time. A ticket says when
 * it was made and under which rules clients were verified; other rules make it worthless.
 */
#define TICKET_KEYS      3
#define TICKET_LIFETIME  (12 * HOUR)
#define TICKET_KEY_TURNS (6 * HOUR)

struct ticket_key {
	unsigned char name[16], secret[32];
	int64_t made;
};

struct tickets {
	pthread_mutex_t lock;
	struct ticket_key keys[TICKET_KEYS]; /* newest first */
	size_t count;
	unsigned char rules[32]; /* digest of client_certs and client_roots */
};

void tickets_init(struct tickets *t, const struct tls_server_options *o);
void tickets_done(struct tickets *t);
void tickets_adopt(struct tickets *fresh, struct tickets *old);
/* mbedTLS's callbacks; p: struct tickets. They find the engine through tls_engine_running. */
int tickets_write(void *p, const mbedtls_ssl_session *session, unsigned char *start,
	const unsigned char *end, size_t *len, uint32_t *lifetime);
int tickets_parse(void *p, mbedtls_ssl_session *session, unsigned char *buf, size_t len);

/* A chain and a key in mbedTLS's form, and the names it is for. */
struct tls_own {
	mbedtls_x509_crt chain;
	struct key *key; /* signs on several threads at once: see key_private.h */
	struct cert *leaf;
};

struct tls_config {
	_Atomic(uint32_t) refs;
	bool server, insecure;
	enum tls_client_certs client_certs;
	mbedtls_ssl_config conf;
	struct tls_own *own;
	size_t own_count;
	struct certs roots;    /* what cert_verify trusts */
	mbedtls_x509_crt *cas; /* names to send; never trusted: see tls_config.c */
	int *suites;           /* NULL: the library's own list of ours */
	char **alpn;
	char *server_name;
	struct tickets tickets;
};

/* tls_suites.c */
int tls_suites_set(struct tls_config *c, const struct tls_server_options *o, struct err *err);

/*
 * Records of application data that go past mbedTLS: see tls_records.c. Without keys (another
 * cipher, another CPU, no handshake yet) all of them are mbedTLS's.
 */
struct tls_records {
	struct gcm *seal, *open;
	unsigned char seal_salt[4], open_salt[4];
	struct mbed_secret secret; /* until the handshake is done */
	bool has_secret;
	size_t cut; /* of the input: what has come of a record that is left there until it is whole
		     */
};

struct tls_engine {
	mbedtls_ssl_context ssl;
	struct tls_config *config;
	char *host; /* client: what the server's certificate must be for */
	char *sni;  /* server: what the client asked for */
	int64_t now;
	struct buf *in, *out; /* set while a call runs */
	size_t in_used;
	bool starved; /* mbedTLS asked for bytes that are not there yet */
	bool started, done, dead;
	uint8_t alert_sent; /* its description, when it went out in the clear; 255: encrypted */
	bool verified, offered;
	bool resumed, full; /* both false before it is known */
	struct certs peer;
	struct err peer_error;
	struct tls_records records;
};

struct tls_session {
	struct tls_config *config;
	char *host;
	struct certs peer;
	mbedtls_ssl_session session;
};

/* The engine this thread runs right now, for callbacks that are told nothing else. */
extern _Thread_local struct tls_engine *tls_engine_running;
/* Around every call into mbedTLS that may read or write. in may be NULL. */
void tls_engine_enter(struct tls_engine *e, struct buf *in, struct buf *out);
void tls_engine_leave(struct tls_engine *e);

/* The handshake is done: from now on records are ours where they can be. */
void tls_records_begin(struct tls_engine *e);
void tls_records_end(struct tls_engine *e);
static inline bool tls_records_seal_here(const struct tls_engine *e)
{
	return e->records.seal != NULL;
}
/* All of `plain`, as tls_engine_encrypt. */
int tls_records_seal(struct tls_engine *e, struct str plain, struct buf *out, struct err *err);
/* What became of the record at the front of the input. */
enum tls_opened { TLS_NOT_OURS, TLS_OPENED, TLS_CUT };
enum tls_opened tls_records_open(struct tls_engine *e, struct buf *plain, size_t *max);

/* mbedTLS's callbacks for the peer's chain and for the name a client asks for. */
int tls_peer_verify(void *engine, mbedtls_x509_crt *crt, int depth, uint32_t *flags);
int tls_identity_pick(
	void *config, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len);

/* Copies a chain into *certs; what cannot be read ends it with an error. */
int tls_certs_from_mbed(struct certs *certs, const mbedtls_x509_crt *crt, struct err *err);
void tls_certs_copy(struct certs *to, const struct certs *from);
/* Whether the certificate's dates allow `now`. */
bool tls_cert_is_current(const struct cert *cert, int64_t now);

/* From an mbedTLS error; "remote error: tls: …" when the peer sent an alert. */
int tls_error(const struct tls_engine *e, int ret, struct err *err);
/* The alert to send for an error for which mbedTLS has sent none. */
int tls_error_alert(int ret);

#endif
