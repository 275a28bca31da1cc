/*
 * The TLS protocol without I/O: bytes from the peer go in, bytes for the peer come out. It knows
 * no loop; net/tls.c gives it a stream and decides which thread runs it. One engine is used by
 * one thread at a time. TLS 1.2, with mbedTLS 2.28 and 3.6 alike: in its TLS 1.3 a resumed client
 * would lose its certificate.
 */
#ifndef KUBE_TLS_ENGINE_H
#define KUBE_TLS_ENGINE_H

#include <kube/x509.h>

/* ---- configuration: immutable, reference-counted; hot reload is taking another one ---- */
struct tls_config;

enum tls_client_certs { TLS_CERTS_NONE, TLS_CERTS_OPTIONAL, TLS_CERTS_REQUIRED };

struct tls_identity { /* a chain, leaf first, and its key */
	const struct certs *chain;
	struct key *key;
};

struct tls_server_options {
	const struct tls_identity *identities; /* the first is the default; others chosen by SNI */
	size_t identity_count;
	enum tls_client_certs client_certs;
	/*
	 * Roots for client certificates. With TLS_CERTS_OPTIONAL a certificate that does not verify
	 * does not end the handshake (upstream answers 401 then): the engine reports it in
	 * tls_info.peer_error and gives the chain.
	 */
	const struct certs *client_roots;
	/* Their names are not told to clients: certificates of others are looked at, too. */
	bool client_roots_untold;
	const char *const *alpn; /* in order of preference, NULL-terminated; NULL: none */
	bool no_tickets;
	bool no_tls13; /* at most TLS 1.2, which resumes without public-key work */
	/* Below it nobody is spoken to; ERR_USAGE where the library has no TLS 1.3. */
	bool only_tls13;
	/* Of TLS 1.2, by IANA's names; none: all. ERR_USAGE for names that Go does not know. */
	const struct str *suites;
	size_t suite_count;
};

/* What flags call a version: VersionTLS10 to 13, or nothing. Less than 1.2 is never spoken. */
int tls_version_parse(struct str name, bool *only_tls13, struct err *err);

struct tls_client_options {
	const struct tls_identity *identity; /* or NULL */
	const struct certs *roots;
	struct str server_name; /* SNI and what the certificate must be for; with none, and no
				   host given to the engine, no server is believed */
	bool insecure;          /* no verification of the server */
	bool no_tls13;
	const char *const *alpn;
};

/* Both copy what they need. Several threads may use one config at once. */
int tls_config_new_server(
	const struct tls_server_options *o, struct tls_config **config, struct err *err);
int tls_config_new_client(
	const struct tls_client_options *o, struct tls_config **config, struct err *err);
struct tls_config *tls_config_ref(struct tls_config *config);
void tls_config_unref(struct tls_config *config);
/* Moves ticket keys over, so that sessions survive a reload. Call before the new one is used. */
void tls_config_adopt_tickets(struct tls_config *fresh, struct tls_config *old);

/*
 * ---- a session a client may resume later ----
 * It holds a reference on the config and the name it was made with and resumes nothing else: an
 * engine that differs in either ignores it, so that no server is accepted unverified.
 */
struct tls_session;
void tls_session_free(struct tls_session *s);

/* ---- the engine ---- */
struct tls_engine;

/* host: overrides the config's server_name when not empty (pools share one config). */
struct tls_engine *tls_engine_new(
	struct tls_config *config, struct str host, const struct tls_session *resume, int64_t now);
void tls_engine_free(struct tls_engine *e);

enum tls_want { TLS_DONE, TLS_WANT_READ, TLS_WANT_WORK, TLS_FAILED };

/*
 * Goes on with the handshake: consumes what it can of *in (drops it from the front), appends to
 * *out. TLS_WANT_READ: send *out, feed more. TLS_WANT_WORK: send *out; the next call does
 * public-key work and needs no more input for it. TLS_DONE: application data may flow (what is
 * left in *in is already such). TLS_FAILED: *out may hold an alert to send; err says why, naming
 * certificate, name or date where that was it.
 *
 * A plain HTTP request on a server's end fails too; *out then holds the answer that Go's server
 * gives, in plain text.
 */
enum tls_want tls_engine_handshake(
	struct tls_engine *e, struct buf *in, struct buf *out, struct err *err);
/*
 * Whether the next handshake call will do public-key work (then it belongs on a worker). A call
 * begun when this is false does none: it stops before it with TLS_WANT_WORK. A resumed handshake
 * answers false throughout where TLS 1.2 is all there is (1.3 exchanges keys each time), a full
 * one true from where that is known.
 */
bool tls_engine_handshake_is_heavy(const struct tls_engine *e, const struct buf *in);

/*
 * Decrypts whole records from *in into *plain, at most max bytes. 0: fine (maybe nothing yet);
 * *ended is set by close_notify. ERR_TLS on a bad record, ERR_LIMIT when *plain has no room.
 * *out gets what the protocol answers by itself (alerts).
 */
int tls_engine_decrypt(struct tls_engine *e, struct buf *in, struct buf *plain, size_t max,
	bool *ended, struct buf *out, struct err *err);
/* Whether decrypt may find something without further input. */
bool tls_engine_has_plain(const struct tls_engine *e, const struct buf *in);
/* Whether a record has begun to arrive: an end of input now has cut it. */
bool tls_engine_in_record(const struct tls_engine *e);
/* Appends records with all of `plain` to *out; ERR_LIMIT when it has no room. */
int tls_engine_encrypt(struct tls_engine *e, struct str plain, struct buf *out, struct err *err);
void tls_engine_close_notify(struct tls_engine *e, struct buf *out);

struct tls_info {
	struct str alpn;        /* "h2", "http/1.1" or empty */
	struct str server_name; /* SNI the client sent */
	const char *version;    /* "TLSv1.2" */
	const char *cipher;
	bool resumed;
	const struct certs *peer; /* NULL: none was shown */
	const struct err
		*peer_error; /* why an optional client certificate did not verify, or NULL */
};
void tls_engine_info(const struct tls_engine *e, struct tls_info *info);
/*
 * NULL when the peer gave nothing to resume. In TLS 1.3 a server gives it behind the handshake:
 * ask once something has been decrypted, or when the connection ends.
 */
struct tls_session *tls_engine_take_session(struct tls_engine *e);

#endif
