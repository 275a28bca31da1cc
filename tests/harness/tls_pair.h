/* Two TLS engines in memory and the wire between them, for tests. */
#ifndef KUBE_TLS_PAIR_H
#define KUBE_TLS_PAIR_H

#include "test.h"
#include "tls_world.h"

#include <kube/random.h>

#define NOW (1800000000 * SEC)

struct pair {
	struct tls_engine *client, *server;
	struct buf to_server, to_client; /* on the wire */
	struct buf server_in, client_in; /* delivered, not yet consumed */
	struct err client_err, server_err;
	enum tls_want client_want, server_want;
	size_t piece; /* bytes delivered at a time */
	int heavy_client, heavy_server;
	/* One byte of one direction is changed on its way. */
	struct rng *flip;
	bool flip_to_client;
	size_t flip_at, passed;
};

static inline void pair_init_at(struct pair *p, struct tls_config *client,
	struct tls_config *server, const char *host, const struct tls_session *resume, int64_t now)
{
	*p = (struct pair){.piece = 1 << 20};
	buf_init(&p->to_server, MIB);
	buf_init(&p->to_client, MIB);
	buf_init(&p->server_in, MIB);
	buf_init(&p->client_in, MIB);
	p->client = tls_engine_new(client, str_from(host), resume, now);
	p->server = tls_engine_new(server, (struct str){0}, NULL, now);
}

static inline void pair_init(struct pair *p, struct tls_config *client, struct tls_config *server,
	const char *host, const struct tls_session *resume)
{
	pair_init_at(p, client, server, host, resume, NOW);
}

static inline void pair_done(struct pair *p)
{
	tls_engine_free(p->client);
	tls_engine_free(p->server);
	buf_done(&p->to_server);
	buf_done(&p->to_client);
	buf_done(&p->server_in);
	buf_done(&p->client_in);
	err_done(&p->client_err);
	err_done(&p->server_err);
}

static inline bool deliver(struct buf *wire, struct buf *in, size_t piece)
{
	size_t n = MIN(wire->len, piece);
	buf_add(in, wire->at, n);
	buf_drop_front(wire, n);
	return n > 0;
}

static inline enum tls_want side_step(struct tls_engine *e, struct buf *in, struct buf *out,
	struct err *err, int *heavy, enum tls_want last)
{
	if (last == TLS_DONE || last == TLS_FAILED)
		return last;
	enum tls_want want;
	do {
		if (tls_engine_handshake_is_heavy(e, in))
			++*heavy;
		want = tls_engine_handshake(e, in, out, err);
		if (want == TLS_WANT_WORK)
			EXPECT(tls_engine_handshake_is_heavy(e, in));
	} while (want == TLS_WANT_WORK);
	return want;
}

static inline void pair_flip(struct pair *p, struct buf *wire, bool to_client)
{
	if (!p->flip || p->flip_to_client != to_client)
		return;
	if (p->flip_at >= p->passed && p->flip_at < p->passed + wire->len)
		wire->at[p->flip_at - p->passed] ^= (char)(1 + rng_below(p->flip, 255));
	p->passed += wire->len;
}

/* Runs until nobody can go on. True when both are done. */
static inline bool pair_shake(struct pair *p)
{
	p->client_want = p->server_want = TLS_WANT_READ;
	bool moved = true;
	while (moved) {
		p->client_want = side_step(p->client, &p->client_in, &p->to_server, &p->client_err,
			&p->heavy_client, p->client_want);
		pair_flip(p, &p->to_server, false);
		moved = deliver(&p->to_server, &p->server_in, p->piece);
		p->server_want = side_step(p->server, &p->server_in, &p->to_client, &p->server_err,
			&p->heavy_server, p->server_want);
		pair_flip(p, &p->to_client, true);
		moved |= deliver(&p->to_client, &p->client_in, p->piece);
	}
	return p->client_want == TLS_DONE && p->server_want == TLS_DONE;
}

static inline bool pair_must_shake(struct pair *p)
{
	if (pair_shake(p))
		return true;
	test_fail(__FILE__, __LINE__, "handshake: client: %s; server: %s", err_text(&p->client_err),
		err_text(&p->server_err));
	return false;
}

/* Sends text from one to the other and compares. */
static inline void send_text(
	struct tls_engine *from, struct tls_engine *to, struct str text, size_t piece)
{
	struct err err = {0};
	struct buf wire = BUF_INIT(64 * MIB), in = BUF_INIT(64 * MIB), plain = BUF_INIT(64 * MIB),
		   out = BUF_INIT(KIB);
	EXPECT_OK(tls_engine_encrypt(from, text, &wire, &err), &err);
	bool ended = false;
	while (deliver(&wire, &in, piece))
		EXPECT_OK(tls_engine_decrypt(to, &in, &plain, SIZE_MAX, &ended, &out, &err), &err);
	EXPECT(str_eq(buf_str(&plain), text));
	EXPECT(!ended);
	EXPECT_INT(out.len, 0);
	buf_done(&wire);
	buf_done(&in);
	buf_done(&plain);
	buf_done(&out);
	err_done(&err);
}

/* ---- the usual cast ---- */
struct cast {
	struct tls_world world;
	struct tls_world_identity server, client;
	struct tls_config *server_config, *client_config;
};

/* Set by tests that are about the newest version the library speaks, whichever it is. */
static bool newest_version;

static inline struct tls_config *server_config(const struct tls_server_options *o)
{
	struct tls_config *config = NULL;
	struct err err = {0};
	struct tls_server_options options = *o;
	options.no_tls13 = !newest_version;
	EXPECT_OK(tls_config_new_server(&options, &config, &err), &err);
	err_done(&err);
	return config;
}

static inline struct tls_config *client_config(const struct tls_client_options *o)
{
	struct tls_config *config = NULL;
	struct err err = {0};
	struct tls_client_options options = *o;
	options.no_tls13 = !newest_version;
	EXPECT_OK(tls_config_new_client(&options, &config, &err), &err);
	err_done(&err);
	return config;
}

static inline void cast_init(struct cast *c)
{
	*c = (struct cast){0};
	tls_world_init(&c->world, NOW);
	tls_world_issue(&c->world,
		&(struct tls_world_want){.name = "kube-apiserver",
			.usages = CERT_SERVER,
			.dns = "kubernetes",
			.dns2 = "*.example.com",
			.ip = "127.0.0.1"},
		&c->server);
	tls_world_issue(&c->world,
		&(struct tls_world_want){
			.name = "admin", .group = "system:masters", .usages = CERT_CLIENT},
		&c->client);
	c->server_config = server_config(&(struct tls_server_options){
		.identities = &c->server.identity, .identity_count = 1});
	c->client_config = client_config(&(struct tls_client_options){
		.roots = &c->world.ca, .server_name = STR("kubernetes")});
}

static inline void cast_done(struct cast *c)
{
	tls_config_unref(c->server_config);
	tls_config_unref(c->client_config);
	tls_world_identity_done(&c->server);
	tls_world_identity_done(&c->client);
	tls_world_done(&c->world);
}

/* One that asks for certificates of clients, and a client that has one, or NULL. */
static inline struct tls_config *asking_server(struct cast *c, enum tls_client_certs mode)
{
	return server_config(&(struct tls_server_options){.identities = &c->server.identity,
		.identity_count = 1,
		.client_certs = mode,
		.client_roots = &c->world.ca});
}

static inline struct tls_config *showing_client(struct cast *c, const struct tls_identity *identity)
{
	return client_config(&(struct tls_client_options){
		.roots = &c->world.ca, .server_name = STR("kubernetes"), .identity = identity});
}

#endif
