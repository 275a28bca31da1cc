/* Who is believed: chains, names, dates, client certificates, resumed sessions, reloads. */
#include "crypto/tls_internal.h"
#include "tls_pair.h"

#include <pthread.h>

/* ---- servers ---- */
static bool contains(const struct err *err, const char *text)
{
	if (strstr(err_text(err), text))
		return true;
	test_fail(__FILE__, __LINE__, "\"%s\" has no \"%s\"", err_text(err), text);
	return false;
}

/* A server with such a certificate, seen at `now`, under `host`. */
static void expect_untrusted(struct cast *c, const struct tls_world_want *want, const char *host,
	int64_t now, const char *client_text, const char *server_text)
{
	struct tls_world_identity bad;
	tls_world_issue(&c->world, want, &bad);
	struct tls_config *config = server_config(
		&(struct tls_server_options){.identities = &bad.identity, .identity_count = 1});
	struct pair p;
	pair_init_at(&p, c->client_config, config, host, NULL, now);
	EXPECT(!pair_shake(&p));
	EXPECT_INT(p.client_want, TLS_FAILED);
	EXPECT_INT(p.client_err.code, ERR_CERTIFICATE);
	EXPECT(str_starts(
		str_from(err_text(&p.client_err)), STR("tls: failed to verify certificate: ")));
	contains(&p.client_err, client_text);
	EXPECT_TEXT(err_text(&p.server_err), server_text);
	pair_done(&p);
	tls_config_unref(config);
	tls_world_identity_done(&bad);
}

TEST(a_server_that_cannot_be_trusted_is_refused_with_the_reason)
{
	struct cast c;
	cast_init(&c);
	struct tls_world_want want = {.name = "kube-apiserver",
		.usages = CERT_SERVER,
		.dns = "kubernetes",
		.ip = "10.43.0.1"};
	expect_untrusted(&c, &want, "example.com", NOW,
		"certificate is valid for kubernetes, 10.43.0.1, not example.com",
		"remote error: tls: bad certificate");
	expect_untrusted(
		&c, &want, "10.43.0.2", NOW, "10.43.0.2", "remote error: tls: bad certificate");
	expect_untrusted(&c, &want, "", NOW + 25 * HOUR, "expired on",
		"remote error: tls: expired certificate");
	expect_untrusted(&c, &want, "", NOW - 48 * HOUR, "is not valid before",
		"remote error: tls: expired certificate");
	cast_done(&c);
}

TEST(a_server_of_another_authority_is_refused)
{
	struct cast c, stranger;
	cast_init(&c);
	cast_init(&stranger);
	struct pair p;
	pair_init(&p, c.client_config, stranger.server_config, "", NULL);
	EXPECT(!pair_shake(&p));
	contains(&p.client_err, "certificate signed by unknown authority");
	EXPECT_TEXT(err_text(&p.server_err), "remote error: tls: unknown certificate authority");
	pair_done(&p);
	cast_done(&c);
	cast_done(&stranger);
}

TEST(a_client_without_roots_trusts_nobody)
{
	struct cast c;
	cast_init(&c);
	struct tls_config *config =
		client_config(&(struct tls_client_options){.server_name = STR("kubernetes")});
	struct pair p;
	pair_init(&p, config, c.server_config, "", NULL);
	EXPECT(!pair_shake(&p));
	EXPECT_INT(p.client_err.code, ERR_CERTIFICATE);
	pair_done(&p);
	tls_config_unref(config);
	cast_done(&c);
}

TEST(an_insecure_client_takes_anybody_and_tells_whom)
{
	struct cast c;
	cast_init(&c);
	struct tls_config *config = client_config(&(struct tls_client_options){.insecure = true});
	struct pair p;
	pair_init(&p, config, c.server_config, "whatever", NULL);
	if (pair_must_shake(&p)) {
		struct tls_info info;
		tls_engine_info(p.client, &info);
		EXPECT(info.peer && info.peer->count == 1);
		EXPECT(!info.peer_error);
	}
	pair_done(&p);
	tls_config_unref(config);
	cast_done(&c);
}

/* ---- clients ---- */
struct shown {
	bool done;
	char *name;       /* of the client, as the server saw it */
	char *peer_error; /* or NULL */
	char *server_text, *client_text;
	bool ticket;
};

static char *copy_or_null(const struct err *err)
{
	return err && err->code ? mem_copy_text(err_text(err)) : NULL;
}

static struct shown show(
	struct cast *c, enum tls_client_certs mode, const struct tls_identity *identity)
{
	struct shown s = {0};
	struct tls_config *server = asking_server(c, mode), *client = showing_client(c, identity);
	struct pair p;
	pair_init(&p, client, server, "", NULL);
	s.done = pair_shake(&p);
	struct tls_info info;
	tls_engine_info(p.server, &info);
	if (info.peer)
		s.name = str_dup(cert_info(info.peer->items[0])->subject.common_name);
	s.peer_error = copy_or_null(info.peer_error);
	s.server_text = copy_or_null(&p.server_err);
	s.client_text = copy_or_null(&p.client_err);
	struct tls_session *session = tls_engine_take_session(p.client);
	s.ticket = session != NULL;
	tls_session_free(session);
	pair_done(&p);
	tls_config_unref(server);
	tls_config_unref(client);
	return s;
}

static void shown_done(struct shown *s)
{
	mem_free(s->name);
	mem_free(s->peer_error);
	mem_free(s->server_text);
	mem_free(s->client_text);
}

static void expect_shown(struct cast *c, enum tls_client_certs mode,
	const struct tls_identity *identity, const char *name, const char *peer_error)
{
	struct shown s = show(c, mode, identity);
	EXPECT(s.done);
	EXPECT_TEXT(s.name ? s.name : "", name);
	EXPECT_INT(s.peer_error != NULL, peer_error != NULL);
	if (s.peer_error && peer_error && !strstr(s.peer_error, peer_error))
		test_fail(__FILE__, __LINE__, "\"%s\" has no \"%s\"", s.peer_error, peer_error);
	/* Who did not verify gets nothing to come back with. */
	EXPECT_INT(s.ticket, peer_error == NULL);
	shown_done(&s);
}

static void expect_shown_refused(struct cast *c, const struct tls_identity *identity,
	const char *server_text, const char *client_text)
{
	struct shown s = show(c, TLS_CERTS_REQUIRED, identity);
	EXPECT(!s.done);
	EXPECT(s.server_text && strstr(s.server_text, server_text));
	EXPECT_TEXT(s.client_text ? s.client_text : "", client_text);
	shown_done(&s);
}

TEST(an_optional_client_certificate_is_reported_and_never_ends_the_handshake)
{
	struct cast c, stranger;
	cast_init(&c);
	cast_init(&stranger);
	struct tls_world_identity old, server;
	tls_world_issue(&c.world,
		&(struct tls_world_want){.name = "old",
			.usages = CERT_CLIENT,
			.now = NOW - 240 * HOUR,
			.lifetime = HOUR},
		&old);
	tls_world_issue(&c.world,
		&(struct tls_world_want){.name = "server", .usages = CERT_SERVER, .dns = "x"},
		&server);
	expect_shown(&c, TLS_CERTS_OPTIONAL, NULL, "", NULL);
	expect_shown(&c, TLS_CERTS_OPTIONAL, &c.client.identity, "admin", NULL);
	expect_shown(&c, TLS_CERTS_OPTIONAL, &stranger.client.identity, "admin",
		"certificate signed by unknown authority");
	expect_shown(&c, TLS_CERTS_OPTIONAL, &old.identity, "old", "expired on");
	expect_shown(&c, TLS_CERTS_OPTIONAL, &server.identity, "server", "usage");
	expect_shown(&c, TLS_CERTS_NONE, &c.client.identity, "", NULL);
	tls_world_identity_done(&old);
	tls_world_identity_done(&server);
	cast_done(&c);
	cast_done(&stranger);
}

TEST(a_required_client_certificate_must_be_there_and_verify)
{
	struct cast c, stranger;
	cast_init(&c);
	cast_init(&stranger);
	expect_shown(&c, TLS_CERTS_REQUIRED, &c.client.identity, "admin", NULL);
	expect_shown_refused(&c, NULL, "tls: client didn't provide a certificate",
		"remote error: tls: handshake failure");
	expect_shown_refused(&c, &stranger.client.identity,
		"tls: failed to verify client certificate: ",
		"remote error: tls: unknown certificate authority");
	cast_done(&c);
	cast_done(&stranger);
}

/* A chain that anybody can copy from the wire proves nothing without its key. */
TEST(a_client_must_own_the_key_of_its_certificate)
{
	struct cast c;
	cast_init(&c);
	struct tls_config *server = asking_server(&c, TLS_CERTS_OPTIONAL);
	struct tls_world_identity thief;
	tls_world_issue(
		&c.world, &(struct tls_world_want){.name = "thief", .usages = CERT_CLIENT}, &thief);
	struct tls_config *client = showing_client(&c, &thief.identity);
	/* No config is made of a chain and another's key: the chain is put in behind its back. */
	mbedtls_x509_crt *chain = &client->own[0].chain;
	struct str der = cert_der(c.client.chain.items[0]);
	mbedtls_x509_crt_free(chain);
	mbedtls_x509_crt_init(chain);
	EXPECT_INT(mbedtls_x509_crt_parse_der(chain, (const unsigned char *)der.at, der.len), 0);
	struct pair p;
	pair_init(&p, client, server, "", NULL);
	EXPECT(!pair_shake(&p));
	EXPECT_INT(p.server_want, TLS_FAILED);
	struct tls_info info;
	tls_engine_info(p.server, &info);
	EXPECT(info.peer && !info.peer_error); /* the chain by itself was fine */
	pair_done(&p);
	tls_config_unref(server);
	tls_config_unref(client);
	tls_world_identity_done(&thief);
	cast_done(&c);
}

/* ---- resumption ---- */
struct again {
	struct tls_config *client, *server;
	const char *host;
	const struct tls_session *session;
	int64_t now;
};

/* Shakes once more; says whether it resumed; *next is a session for the time after. */
static bool shake_again(const struct again *a, struct tls_session **next)
{
	struct pair p;
	bool resumed = false;
	pair_init_at(&p, a->client, a->server, a->host ? a->host : "", a->session,
		a->now ? a->now : NOW);
	if (pair_must_shake(&p)) {
		struct tls_info server, client;
		tls_engine_info(p.server, &server);
		tls_engine_info(p.client, &client);
		EXPECT_INT(server.resumed, client.resumed);
		EXPECT(client.peer && client.peer->count == 1);
		resumed = client.resumed;
		EXPECT_INT(p.heavy_client == 0 && p.heavy_server == 0, resumed);
		send_text(p.client, p.server, STR("hello"), 1000);
		send_text(p.server, p.client, STR("hello"), 1000);
		if (next)
			*next = tls_engine_take_session(p.client);
	}
	pair_done(&p);
	return resumed;
}

TEST(a_session_is_resumed_without_public_key_work)
{
	struct cast c;
	cast_init(&c);
	struct tls_session *first = NULL, *second = NULL;
	struct again a = {c.client_config, c.server_config, NULL, NULL, 0};
	EXPECT(!shake_again(&a, &first));
	a.session = first;
	EXPECT(first && shake_again(&a, &second));
	EXPECT(shake_again(&a, NULL)); /* as often as one likes */
	a.session = second;
	EXPECT(second && shake_again(&a, NULL));
	tls_session_free(first);
	tls_session_free(second);
	cast_done(&c);
}

TEST(a_session_is_bound_to_its_config_and_name)
{
	struct cast c;
	cast_init(&c);
	struct tls_session *session = NULL;
	struct again a = {c.client_config, c.server_config, NULL, NULL, 0};
	shake_again(&a, &session);
	struct tls_config *other = showing_client(&c, NULL);
	a = (struct again){other, c.server_config, NULL, session, 0};
	EXPECT(!shake_again(&a, NULL));
	a = (struct again){c.client_config, c.server_config, "127.0.0.1", session, 0};
	EXPECT(!shake_again(&a, NULL));
	a = (struct again){c.client_config, c.server_config, "kubernetes", session, 0};
	EXPECT(shake_again(&a, NULL));
	tls_config_unref(other);
	tls_session_free(session);
	cast_done(&c);
}

TEST(a_session_does_not_outlive_the_servers_certificate)
{
	struct cast c;
	cast_init(&c);
	struct tls_session *session = NULL;
	struct again a = {c.client_config, c.server_config, NULL, NULL, 0};
	shake_again(&a, &session);
	struct pair p;
	pair_init_at(&p, c.client_config, c.server_config, "", session, NOW + 24 * HOUR + MINUTE);
	EXPECT(!pair_shake(&p));
	contains(&p.client_err, "expired");
	pair_done(&p);
	tls_session_free(session);
	cast_done(&c);
}

TEST(tickets_end_and_their_keys_change)
{
	struct cast c;
	cast_init(&c);
	struct tls_session *old = NULL, *middle = NULL;
	struct again a = {c.client_config, c.server_config, NULL, NULL, 0};
	shake_again(&a, &old);
	a.now = NOW + 7 * HOUR;
	EXPECT(!shake_again(&a, &middle)); /* makes the second key */
	a.session = old;
	EXPECT(shake_again(&a, NULL));
	a.now = NOW + 12 * HOUR + MINUTE;
	EXPECT(!shake_again(&a, NULL));
	a.session = middle;
	EXPECT(shake_again(&a, NULL));
	/* A clock set far back: tickets from the future are not taken, new ones work. */
	a.now = NOW - 30 * MINUTE;
	EXPECT(!shake_again(&a, NULL));
	tls_session_free(old);
	tls_session_free(middle);
	cast_done(&c);
}

TEST(without_tickets_nothing_is_resumed)
{
	struct cast c;
	cast_init(&c);
	struct tls_config *server = server_config(&(struct tls_server_options){
		.identities = &c.server.identity, .identity_count = 1, .no_tickets = true});
	struct tls_session *session = NULL;
	struct again a = {c.client_config, server, NULL, NULL, 0};
	EXPECT(!shake_again(&a, &session));
	a.session = session;
	EXPECT(!shake_again(&a, NULL));
	tls_session_free(session);
	tls_config_unref(server);
	cast_done(&c);
}

TEST(sessions_survive_a_reload_that_adopts_their_keys)
{
	struct cast c;
	cast_init(&c);
	struct tls_session *session = NULL;
	struct again a = {c.client_config, c.server_config, NULL, NULL, 0};
	shake_again(&a, &session);
	struct tls_config *fresh = asking_server(&c, TLS_CERTS_NONE);
	a.session = session;
	a.server = fresh;
	EXPECT(!shake_again(&a, NULL));
	tls_config_adopt_tickets(fresh, c.server_config);
	/* The rules for clients count, not which roots a server had that asks nobody. */
	struct tls_config *same = server_config(&(struct tls_server_options){
		.identities = &c.server.identity, .identity_count = 1});
	tls_config_adopt_tickets(same, c.server_config);
	a.server = same;
	EXPECT(shake_again(&a, NULL));
	a.server = fresh;
	EXPECT(shake_again(&a, NULL));
	tls_config_unref(fresh);
	tls_config_unref(same);
	tls_session_free(session);
	cast_done(&c);
}

static bool resumes_as_admin(struct tls_config *client, struct tls_config *server,
	const struct tls_session *session, int64_t now)
{
	struct pair p;
	pair_init_at(&p, client, server, "", session, now);
	bool resumed = false;
	if (pair_must_shake(&p)) {
		struct tls_info info;
		tls_engine_info(p.server, &info);
		resumed = info.resumed;
		if (resumed && EXPECT(info.peer && info.peer->count == 1))
			EXPECT_STR(cert_info(info.peer->items[0])->subject.common_name, "admin");
		if (resumed)
			EXPECT(!info.peer_error);
	}
	pair_done(&p);
	return resumed;
}

TEST(a_resumed_client_keeps_its_certificate_as_long_as_the_rules_and_dates_allow)
{
	struct cast c, stranger;
	cast_init(&c);
	cast_init(&stranger);
	struct tls_world_identity brief;
	tls_world_issue(&c.world,
		&(struct tls_world_want){.name = "admin", .usages = CERT_CLIENT, .lifetime = HOUR},
		&brief);
	struct tls_config *server = asking_server(&c, TLS_CERTS_OPTIONAL);
	struct tls_config *client = showing_client(&c, &brief.identity);
	struct tls_session *session = NULL;
	struct again a = {client, server, NULL, NULL, 0};
	shake_again(&a, &session);
	EXPECT(session && resumes_as_admin(client, server, session, NOW));
	EXPECT(!resumes_as_admin(client, server, session, NOW + HOUR + MINUTE));

	/* Other roots, other mode: the ticket's verdict does not count there. */
	struct tls_config *other =
		server_config(&(struct tls_server_options){.identities = &c.server.identity,
			.identity_count = 1,
			.client_certs = TLS_CERTS_OPTIONAL,
			.client_roots = &stranger.world.ca});
	tls_config_adopt_tickets(other, server);
	EXPECT(!resumes_as_admin(client, other, session, NOW));
	struct tls_config *stricter = asking_server(&c, TLS_CERTS_REQUIRED);
	tls_config_adopt_tickets(stricter, server);
	EXPECT(!resumes_as_admin(client, stricter, session, NOW));
	struct tls_config *same = asking_server(&c, TLS_CERTS_OPTIONAL);
	tls_config_adopt_tickets(same, server);
	EXPECT(resumes_as_admin(client, same, session, NOW));

	tls_config_unref(same);
	tls_config_unref(other);
	tls_config_unref(stricter);
	tls_session_free(session);
	tls_config_unref(server);
	tls_config_unref(client);
	tls_world_identity_done(&brief);
	cast_done(&c);
	cast_done(&stranger);
}

TEST(a_forged_ticket_means_a_full_handshake)
{
	struct cast c;
	cast_init(&c);
	struct tls_session *session = NULL;
	struct again a = {c.client_config, c.server_config, NULL, NULL, 0};
	shake_again(&a, &session);
	struct tls_engine *e = tls_engine_new(c.client_config, (struct str){0}, session, NOW);
	struct buf none = BUF_INIT(1), hello = BUF_INIT(MIB);
	struct err err = {0};
	EXPECT_INT(tls_engine_handshake(e, &none, &hello, &err), TLS_WANT_READ);
	/* Most of this hello is the ticket: whatever is changed, nothing resumes. */
	for (size_t i = 60; i < hello.len; i++) {
		struct tls_engine *s = tls_engine_new(c.server_config, (struct str){0}, NULL, NOW);
		struct buf in = BUF_INIT(MIB), out = BUF_INIT(MIB);
		buf_add_str(&in, buf_str(&hello));
		in.at[i] ^= 0x55;
		EXPECT(tls_engine_handshake(s, &in, &out, &err) != TLS_DONE);
		err_done(&err);
		tls_engine_free(s);
		buf_done(&in);
		buf_done(&out);
	}
	tls_engine_free(e);
	tls_session_free(session);
	buf_done(&hello);
	cast_done(&c);
}

/* ---- threads ---- */
struct worker {
	struct cast *cast;
	struct tls_config *server, *client;
	int full, resumed;
};

static void *shake_often(void *arg)
{
	struct worker *w = arg;
	struct tls_session *session = NULL;
	for (int i = 0; i < 8; i++) {
		struct again a = {w->client, w->server, NULL, i & 1 ? session : NULL, 0};
		struct tls_session *next = NULL;
		shake_again(&a, &next) ? w->resumed++ : w->full++;
		tls_session_free(session);
		session = next;
	}
	tls_session_free(session);
	return NULL;
}

TEST(threads_share_a_config)
{
	struct cast c;
	cast_init(&c);
	struct tls_config *server = asking_server(&c, TLS_CERTS_REQUIRED);
	struct tls_config *client = showing_client(&c, &c.client.identity);
	pthread_t threads[4];
	struct worker workers[4];
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		workers[i] = (struct worker){&c, server, client, 0, 0};
		pthread_create(&threads[i], NULL, shake_often, &workers[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], NULL);
		EXPECT_INT(workers[i].full, 4);
		EXPECT_INT(workers[i].resumed, 4);
	}
	tls_config_unref(server);
	tls_config_unref(client);
	cast_done(&c);
}
