/*
 * The newest version that the library speaks: 1.3 where it has it, 1.2 elsewhere. Its records and
 * refusals are those of tls_engine.c and tls_trust.c; here is what depends on the version: what
 * is chosen, tickets behind the handshake, and whose certificates stand in them.
 */
#include "crypto/tls_internal.h"
#include "tls_pair.h"

#include <pthread.h>

static const char *newest_name(void)
{
	return MBED_HAS_TLS13 ? "TLSv1.3" : "TLSv1.2";
}

/* What has come behind the handshake: tickets, or the other's refusal. */
static int settle(struct tls_engine *e, struct buf *in, struct err *err)
{
	struct buf plain = BUF_INIT(KIB), out = BUF_INIT(KIB);
	bool ended;
	int code = tls_engine_decrypt(e, in, &plain, KIB, &ended, &out, err);
	EXPECT_INT(plain.len, 0);
	buf_done(&plain);
	buf_done(&out);
	return code;
}

static void newest_cast(struct cast *c)
{
	newest_version = true;
	cast_init(c);
}

struct outcome {
	bool resumed;
	char *client_name; /* as the server saw it; freed by meet_done */
	bool client_doubted;
	struct tls_session *session;
};

static void outcome_done(struct outcome *o)
{
	mem_free(o->client_name);
	tls_session_free(o->session);
	*o = (struct outcome){0};
}

static struct outcome meet(struct tls_config *client, struct tls_config *server, const char *host,
	const struct tls_session *resume, int64_t now)
{
	struct outcome o = {0};
	struct pair p;
	pair_init_at(&p, client, server, host, resume, now);
	if (pair_must_shake(&p)) {
		struct tls_info mine, theirs;
		struct err err = {0};
		EXPECT_OK(settle(p.client, &p.client_in, &err), &err);
		tls_engine_info(p.server, &mine);
		tls_engine_info(p.client, &theirs);
		EXPECT_TEXT(mine.version, theirs.version);
		EXPECT_INT(mine.resumed, theirs.resumed);
		EXPECT(theirs.peer && theirs.peer->count == 1);
		if (!mine.resumed)
			EXPECT(p.heavy_client > 0 && p.heavy_server > 0);
		o.resumed = mine.resumed;
		o.client_doubted = mine.peer_error != NULL;
		if (mine.peer)
			o.client_name =
				str_dup(cert_info(mine.peer->items[0])->subject.common_name);
		send_text(p.client, p.server, STR("hello"), 1);
		send_text(p.server, p.client, STR("hello"), 1000);
		o.session = tls_engine_take_session(p.client);
	}
	pair_done(&p);
	return o;
}

/* Frees what came of it, but says whether it resumed. */
static bool resumes(struct tls_config *client, struct tls_config *server, const char *host,
	const struct tls_session *session, int64_t now)
{
	struct outcome o = meet(client, server, host, session, now);
	bool resumed = o.resumed;
	outcome_done(&o);
	return resumed;
}

TEST(the_newest_version_that_both_speak_is_chosen)
{
	struct cast newest, old;
	newest_version = false;
	cast_init(&old);
	newest_cast(&newest);
	struct tls_client_options trusting = {
		.roots = &newest.world.ca, .server_name = STR("kubernetes"), .no_tls13 = true};
	struct tls_config *configs[2] = {newest.client_config, NULL};
	struct err err = {0};
	EXPECT_OK(tls_config_new_client(&trusting, &configs[1], &err), &err);
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		struct tls_info info;
		pair_init(&p, configs[i], newest.server_config, "", NULL);
		EXPECT(pair_must_shake(&p));
		tls_engine_info(p.server, &info);
		EXPECT_TEXT(info.version, i ? "TLSv1.2" : newest_name());
		EXPECT_STR(info.server_name, "kubernetes");
		EXPECT(!info.resumed && !info.peer && !info.peer_error);
		tls_engine_info(p.client, &info);
		EXPECT_TEXT(info.version, i ? "TLSv1.2" : newest_name());
		pair_done(&p);
	}
	tls_config_unref(configs[1]);
	cast_done(&newest);
	cast_done(&old);
}

TEST(bytes_may_arrive_in_any_pieces)
{
	static const size_t pieces[] = {1, 2, 5, 6, 7, 100, 1000};
	struct cast c;
	newest_cast(&c);
	struct tls_config *server = asking_server(&c, TLS_CERTS_REQUIRED);
	struct tls_config *client = showing_client(&c, &c.client.identity);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct pair p;
		struct err err = {0};
		pair_init(&p, client, server, "", NULL);
		p.piece = pieces[i];
		EXPECT(pair_must_shake(&p));
		EXPECT_OK(settle(p.client, &p.client_in, &err), &err);
		send_text(p.client, p.server, STR("a request"), pieces[i]);
		send_text(p.server, p.client, STR("a response"), pieces[i]);
		pair_done(&p);
	}
	tls_config_unref(server);
	tls_config_unref(client);
	cast_done(&c);
}

TEST(a_session_is_resumed_by_its_config_and_name_only)
{
	struct cast c;
	newest_cast(&c);
	struct tls_config *other = showing_client(&c, NULL);
	struct outcome first = meet(c.client_config, c.server_config, "", NULL, NOW);
	EXPECT(!first.resumed && first.session);
	struct outcome second = meet(c.client_config, c.server_config, "", first.session, NOW);
	EXPECT(second.resumed && second.session);
	EXPECT(resumes(c.client_config, c.server_config, "kubernetes", second.session, NOW));
	EXPECT(!resumes(c.client_config, c.server_config, "127.0.0.1", first.session, NOW));
	EXPECT(!resumes(other, c.server_config, "", first.session, NOW));
	EXPECT(!resumes(c.client_config, c.server_config, "", first.session, NOW + 13 * HOUR));
	outcome_done(&first);
	outcome_done(&second);
	tls_config_unref(other);
	cast_done(&c);
}

TEST(without_tickets_nothing_is_resumed)
{
	struct cast c;
	newest_cast(&c);
	struct tls_config *server = server_config(&(struct tls_server_options){
		.identities = &c.server.identity, .identity_count = 1, .no_tickets = true});
	struct outcome o = meet(c.client_config, server, "", NULL, NOW);
	EXPECT(!resumes(c.client_config, server, "", o.session, NOW));
	outcome_done(&o);
	tls_config_unref(server);
	cast_done(&c);
}

static void expect_client(struct cast *c, enum tls_client_certs mode,
	const struct tls_identity *identity, const char *name, bool doubted)
{
	struct tls_config *server = asking_server(c, mode), *client = showing_client(c, identity);
	struct outcome first = meet(client, server, "", NULL, NOW);
	EXPECT_TEXT(first.client_name ? first.client_name : "", name);
	EXPECT_INT(first.client_doubted, doubted);
	struct outcome again = meet(client, server, "", first.session, NOW);
	/* Who did not verify has got nothing to come back with. */
	EXPECT_INT(again.resumed, !doubted);
	EXPECT_TEXT(again.client_name ? again.client_name : "", name);
	EXPECT_INT(again.client_doubted, doubted);
	outcome_done(&first);
	outcome_done(&again);
	tls_config_unref(server);
	tls_config_unref(client);
}

TEST(a_client_is_who_it_was_when_it_comes_back)
{
	struct cast c, stranger;
	newest_cast(&c);
	newest_cast(&stranger);
	expect_client(&c, TLS_CERTS_NONE, &c.client.identity, "", false);
	expect_client(&c, TLS_CERTS_OPTIONAL, NULL, "", false);
	expect_client(&c, TLS_CERTS_OPTIONAL, &c.client.identity, "admin", false);
	expect_client(&c, TLS_CERTS_OPTIONAL, &stranger.client.identity, "admin", true);
	expect_client(&c, TLS_CERTS_REQUIRED, &c.client.identity, "admin", false);
	cast_done(&c);
	cast_done(&stranger);
}

TEST(a_ticket_counts_under_the_rules_and_dates_it_was_made_for)
{
	struct cast c;
	newest_cast(&c);
	struct tls_world_identity brief;
	tls_world_issue(&c.world,
		&(struct tls_world_want){.name = "brief", .usages = CERT_CLIENT, .lifetime = HOUR},
		&brief);
	struct tls_config *server = asking_server(&c, TLS_CERTS_OPTIONAL);
	struct tls_config *stricter = asking_server(&c, TLS_CERTS_REQUIRED);
	struct tls_config *client = showing_client(&c, &brief.identity);
	tls_config_adopt_tickets(stricter, server);
	struct outcome o = meet(client, server, "", NULL, NOW);
	tls_config_adopt_tickets(stricter, server);
	EXPECT(resumes(client, server, "", o.session, NOW));
	EXPECT(!resumes(client, stricter, "", o.session, NOW));
	EXPECT(!resumes(client, server, "", o.session, NOW + HOUR + MINUTE));
	outcome_done(&o);
	tls_config_unref(server);
	tls_config_unref(stricter);
	tls_config_unref(client);
	tls_world_identity_done(&brief);
	cast_done(&c);
}

/*
 * The client of 1.3 speaks first and learns later what the server thinks of its certificate.
 * mbedTLS seals that alert with the handshake's keys, which no client expects any more.
 */
static void expect_refused(struct tls_config *client, struct tls_config *server,
	const char *server_text, const char *client_text)
{
	struct pair p;
	pair_init(&p, client, server, "", NULL);
	EXPECT(!pair_shake(&p));
	EXPECT_INT(p.server_want, TLS_FAILED);
	EXPECT(strstr(err_text(&p.server_err), server_text) != NULL);
	if (p.client_want == TLS_DONE)
		EXPECT(settle(p.client, &p.client_in, &p.client_err) != 0);
	EXPECT_INT(p.client_err.code, ERR_TLS);
	EXPECT_TEXT(err_text(&p.client_err),
		MBED_HAS_TLS13 ? "local error: tls: bad record MAC" : client_text);
	EXPECT(!tls_engine_take_session(p.client));
	pair_done(&p);
}

TEST(a_required_client_certificate_must_be_there_verify_and_be_owned)
{
	struct cast c, stranger;
	newest_cast(&c);
	newest_cast(&stranger);
	struct tls_config *server = asking_server(&c, TLS_CERTS_REQUIRED);
	struct tls_config *nobody = showing_client(&c, NULL),
			  *other = showing_client(&c, &stranger.client.identity);
	expect_refused(nobody, server, "tls: client didn't provide a certificate",
		"remote error: tls: handshake failure");
	expect_refused(other, server, "tls: failed to verify client certificate: ",
		"remote error: tls: unknown certificate authority");
	/* Another's chain, put in behind the config's back: its key is not there. */
	mbedtls_x509_crt *chain = &other->own[0].chain;
	struct str der = cert_der(c.client.chain.items[0]);
	mbedtls_x509_crt_free(chain);
	mbedtls_x509_crt_init(chain);
	EXPECT_INT(mbedtls_x509_crt_parse_der(chain, (const unsigned char *)der.at, der.len), 0);
	struct pair p;
	pair_init(&p, other, server, "", NULL);
	EXPECT(!pair_shake(&p));
	EXPECT(p.server_want != TLS_DONE);
	pair_done(&p);
	tls_config_unref(server);
	tls_config_unref(nobody);
	tls_config_unref(other);
	cast_done(&c);
	cast_done(&stranger);
}

TEST(a_server_must_be_verified_under_a_name)
{
	struct cast c, stranger;
	newest_cast(&c);
	newest_cast(&stranger);
	struct tls_config *nameless = client_config(
		&(struct tls_client_options){.roots = &c.world.ca, .server_name = STR("")});
	const struct {
		struct tls_config *client, *server;
		const char *host, *why;
	} cases[] = {
		{c.client_config, c.server_config, "example.org", "not example.org"},
		{c.client_config, stranger.server_config, "", "unknown authority"},
		{nameless, c.server_config, "", "there is no name"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair p;
		pair_init(&p, cases[i].client, cases[i].server, cases[i].host, NULL);
		EXPECT(!pair_shake(&p));
		EXPECT_INT(p.client_want, TLS_FAILED);
		EXPECT_INT(p.client_err.code, ERR_CERTIFICATE);
		EXPECT(strstr(err_text(&p.client_err), cases[i].why) != NULL);
		EXPECT_INT(p.server_want, TLS_FAILED);
		pair_done(&p);
	}
	struct outcome o = meet(nameless, c.server_config, "127.0.0.1", NULL, NOW);
	EXPECT(!o.resumed);
	outcome_done(&o);
	tls_config_unref(nameless);
	cast_done(&c);
	cast_done(&stranger);
}

/* Engines keep the time they were made at: those a little behind must not retire fresh keys. */
TEST(handshakes_that_finish_out_of_order_do_not_change_the_ticket_keys)
{
	struct cast c;
	newest_cast(&c);
	struct outcome first = meet(c.client_config, c.server_config, "", NULL, NOW);
	for (int i = 1; i <= 5; i++)
		resumes(c.client_config, c.server_config, "", NULL, NOW - i * SEC);
	EXPECT(resumes(c.client_config, c.server_config, "", first.session, NOW));
	outcome_done(&first);
	cast_done(&c);
}

TEST(names_and_protocols_are_agreed_upon)
{
	static const char *const offers[] = {"h2", "http/1.1", NULL};
	static const char *const speaks[] = {"http/1.1", NULL};
	struct cast c;
	newest_cast(&c);
	struct tls_world_identity rsa;
	tls_world_issue(&c.world,
		&(struct tls_world_want){.name = "other",
			.usages = CERT_SERVER,
			.dns = "other.test",
			.kind = KEY_RSA_2048},
		&rsa);
	struct tls_identity both[] = {c.server.identity, rsa.identity};
	struct tls_config *server = server_config(&(struct tls_server_options){
		.identities = both, .identity_count = 2, .alpn = speaks});
	struct tls_config *client = client_config(&(struct tls_client_options){
		.roots = &c.world.ca, .server_name = STR("other.test"), .alpn = offers});
	struct pair p;
	pair_init(&p, client, server, "", NULL);
	if (pair_must_shake(&p)) {
		struct tls_info info;
		tls_engine_info(p.client, &info);
		EXPECT_STR(info.alpn, "http/1.1");
		EXPECT_STR(cert_info(info.peer->items[0])->subject.common_name, "other");
		tls_engine_info(p.server, &info);
		EXPECT_STR(info.server_name, "other.test");
	}
	pair_done(&p);
	tls_config_unref(server);
	tls_config_unref(client);
	tls_world_identity_done(&rsa);
	cast_done(&c);
}

TEST(a_changed_flight_never_succeeds_nor_crashes)
{
	struct cast c;
	newest_cast(&c);
	struct tls_config *server = asking_server(&c, TLS_CERTS_REQUIRED);
	struct tls_config *client = showing_client(&c, &c.client.identity);
	struct outcome o = meet(client, server, "", NULL, NOW);
	struct rng rng;
	rng_init(&rng, 13);
	for (int i = 0; i < 200; i++) {
		struct pair p;
		pair_init(&p, client, server, "", i % 2 ? o.session : NULL);
		p.flip = &rng;
		p.flip_to_client = i & 4;
		p.flip_at = rng_below(&rng, 600);
		if (pair_shake(&p) && p.passed > p.flip_at) {
			/* Only what is behind the client's last word, a ticket, is not seen. */
			EXPECT(p.flip_to_client);
			EXPECT(settle(p.client, &p.client_in, &p.client_err) != 0);
		}
		pair_done(&p);
	}
	outcome_done(&o);
	tls_config_unref(server);
	tls_config_unref(client);
	cast_done(&c);
}

/* ---- threads ---- */
struct worker {
	struct tls_config *server, *client;
	int full, resumed;
};

static void *shake_often(void *arg)
{
	struct worker *w = arg;
	struct outcome last = {0};
	for (int i = 0; i < 8; i++) {
		struct outcome o = meet(w->client, w->server, "", i & 1 ? last.session : NULL, NOW);
		o.resumed ? w->resumed++ : w->full++;
		EXPECT_TEXT(o.client_name ? o.client_name : "", "admin");
		outcome_done(&last);
		last = o;
	}
	outcome_done(&last);
	return NULL;
}

TEST(threads_share_a_config)
{
	struct cast c;
	newest_cast(&c);
	struct tls_config *server = asking_server(&c, TLS_CERTS_REQUIRED);
	struct tls_config *client = showing_client(&c, &c.client.identity);
	pthread_t threads[4];
	struct worker workers[4];
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		workers[i] = (struct worker){server, client, 0, 0};
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
