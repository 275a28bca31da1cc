/* Pairs of engines in memory: records, names, versions, protocols, refusals. */
#include "tls_pair.h"

#include <kube/random.h>

TEST(a_client_and_a_server_shake_hands_and_talk)
{
	struct cast c;
	cast_init(&c);
	struct pair p;
	pair_init(&p, c.client_config, c.server_config, "", NULL);
	if (pair_must_shake(&p)) {
		send_text(p.client, p.server, STR("GET / HTTP/1.1\r\n\r\n"), 1 << 20);
		send_text(p.server, p.client, STR("HTTP/1.1 200 OK\r\n\r\n"), 1 << 20);
		struct tls_info info;
		tls_engine_info(p.server, &info);
		EXPECT_TEXT(info.version, "TLSv1.2");
		EXPECT_STR(info.server_name, "kubernetes");
		EXPECT(!info.resumed && !info.peer && !info.peer_error);
		tls_engine_info(p.client, &info);
		EXPECT(info.peer && info.peer->count == 1);
		EXPECT_STR(info.alpn, "");
		EXPECT(strstr(info.cipher, "ECDHE") != NULL);
	}
	pair_done(&p);
	cast_done(&c);
}

TEST(bytes_may_arrive_in_any_pieces)
{
	static const size_t pieces[] = {1, 2, 3, 5, 6, 7, 64, 333, 1000, 4096};
	struct cast c;
	cast_init(&c);
	size_t size = 70000;
	char *text = mem_alloc(size);
	memset(text, 'x', size);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		test_context("piece %zu", pieces[i]);
		struct pair p;
		pair_init(&p, c.client_config, c.server_config, "", NULL);
		p.piece = pieces[i];
		if (pair_must_shake(&p)) {
			send_text(p.client, p.server, str_make(text, 1), pieces[i]);
			send_text(p.client, p.server, str_make(text, 1000), pieces[i]);
			send_text(p.server, p.client, str_make(text, size), pieces[i]);
			send_text(p.server, p.client, STR(""), pieces[i]);
		}
		pair_done(&p);
	}
	test_context_end();
	mem_free(text);
	cast_done(&c);
}

TEST(public_key_work_is_announced)
{
	struct cast c;
	cast_init(&c);
	struct pair p;
	pair_init(&p, c.client_config, c.server_config, "", NULL);
	EXPECT(pair_must_shake(&p));
	EXPECT(p.heavy_client > 0 && p.heavy_server > 0);
	pair_done(&p);
	cast_done(&c);
}

TEST(an_rsa_certificate_works_too)
{
	struct cast c;
	cast_init(&c);
	struct tls_world_identity rsa;
	tls_world_issue(&c.world,
		&(struct tls_world_want){.name = "rsa",
			.usages = CERT_SERVER,
			.dns = "kubernetes",
			.kind = KEY_RSA_2048},
		&rsa);
	struct tls_config *config = server_config(
		&(struct tls_server_options){.identities = &rsa.identity, .identity_count = 1});
	struct pair p;
	pair_init(&p, c.client_config, config, "", NULL);
	if (pair_must_shake(&p)) {
		struct tls_info info;
		tls_engine_info(p.client, &info);
		EXPECT(strstr(info.cipher, "ECDHE-RSA") != NULL);
	}
	pair_done(&p);
	tls_config_unref(config);
	tls_world_identity_done(&rsa);
	cast_done(&c);
}

/* ---- names ---- */
static void expect_common_name(struct tls_engine *client, const char *name)
{
	struct tls_info info;
	tls_engine_info(client, &info);
	if (EXPECT(info.peer != NULL))
		EXPECT_STR(cert_info(info.peer->items[0])->subject.common_name, name);
}

TEST(the_certificate_is_chosen_by_name)
{
	static const struct {
		const char *host, *name;
	} cases[] = {
		{"kubernetes", "kube-apiserver"},
		{"api.example.com", "exact"},
		{"API.example.com", "exact"},
		{"other.example.com", "kube-apiserver"},
		{"x.wild.test", "wild"},
		{"a.b.wild.test", "kube-apiserver"},
		{"wild.test", "kube-apiserver"},
		{"127.0.0.1", "kube-apiserver"},
	};
	struct cast c;
	cast_init(&c);
	struct tls_world_identity exact, wild;
	tls_world_issue(&c.world,
		&(struct tls_world_want){
			.name = "exact", .usages = CERT_SERVER, .dns = "api.example.com"},
		&exact);
	tls_world_issue(&c.world,
		&(struct tls_world_want){
			.name = "wild", .usages = CERT_SERVER, .dns = "*.wild.test"},
		&wild);
	struct tls_identity ids[] = {c.server.identity, wild.identity, exact.identity};
	struct tls_config *server = server_config(
		&(struct tls_server_options){.identities = ids, .identity_count = ARRAY_LEN(ids)});
	struct tls_config *client = client_config(&(struct tls_client_options){.insecure = true});
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%s", cases[i].host);
		struct pair p;
		pair_init(&p, client, server, cases[i].host, NULL);
		if (pair_must_shake(&p))
			expect_common_name(p.client, cases[i].name);
		pair_done(&p);
	}
	test_context_end();
	tls_config_unref(server);
	tls_config_unref(client);
	tls_world_identity_done(&exact);
	tls_world_identity_done(&wild);
	cast_done(&c);
}

TEST(an_address_is_verified_and_not_sent_as_a_name)
{
	struct cast c;
	cast_init(&c);
	struct pair p;
	pair_init(&p, c.client_config, c.server_config, "127.0.0.1", NULL);
	if (pair_must_shake(&p)) {
		struct tls_info info;
		tls_engine_info(p.server, &info);
		EXPECT_STR(info.server_name, "");
	}
	pair_done(&p);
	cast_done(&c);
}

TEST(a_name_no_host_can_have_is_not_kept)
{
	struct cast c;
	cast_init(&c);
	struct tls_config *client = client_config(&(struct tls_client_options){.insecure = true});
	struct pair p;
	pair_init(&p, client, c.server_config, "evil\x01\nname", NULL);
	if (pair_must_shake(&p)) {
		struct tls_info info;
		tls_engine_info(p.server, &info);
		EXPECT_STR(info.server_name, "");
	}
	pair_done(&p);
	char name[300];
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	pair_init(&p, client, c.server_config, name, NULL);
	EXPECT(pair_must_shake(&p));
	pair_done(&p);
	tls_config_unref(client);
	cast_done(&c);
}

/* ---- ALPN ---- */
static void try_alpn(
	struct cast *c, const char *const *server, const char *const *client, const char *chosen)
{
	struct tls_config *s = server_config(&(struct tls_server_options){
		.identities = &c->server.identity, .identity_count = 1, .alpn = server});
	struct tls_config *k = client_config(&(struct tls_client_options){
		.roots = &c->world.ca, .server_name = STR("kubernetes"), .alpn = client});
	struct pair p;
	pair_init(&p, k, s, "", NULL);
	bool done = pair_shake(&p);
	EXPECT_INT(done, chosen != NULL);
	struct tls_info info;
	if (chosen) {
		tls_engine_info(p.client, &info);
		EXPECT_STR(info.alpn, chosen);
		tls_engine_info(p.server, &info);
		EXPECT_STR(info.alpn, chosen);
	} else {
		EXPECT_TEXT(err_text(&p.server_err),
			"tls: client requested unsupported application protocols");
		EXPECT_TEXT(err_text(&p.client_err), "remote error: tls: no application protocol");
	}
	pair_done(&p);
	tls_config_unref(s);
	tls_config_unref(k);
}

TEST(the_servers_first_common_protocol_is_chosen)
{
	static const char *const both[] = {"h2", "http/1.1", NULL};
	static const char *const reversed[] = {"http/1.1", "h2", NULL};
	static const char *const one[] = {"http/1.1", NULL}, *const other[] = {"spdy", NULL};
	struct cast c;
	cast_init(&c);
	try_alpn(&c, both, both, "h2");
	try_alpn(&c, both, reversed, "h2");
	try_alpn(&c, reversed, both, "http/1.1");
	try_alpn(&c, both, one, "http/1.1");
	try_alpn(&c, both, NULL, "");
	try_alpn(&c, NULL, both, "");
	try_alpn(&c, both, other, NULL);
	cast_done(&c);
}

/* ---- what is not TLS ---- */
static void try_bytes(
	struct tls_config *config, struct str bytes, const char *error, const char *answer)
{
	struct tls_engine *e = tls_engine_new(config, STR("kubernetes"), NULL, NOW);
	struct buf in = BUF_INIT(MIB), out = BUF_INIT(MIB);
	struct err err = {0};
	enum tls_want want = tls_engine_handshake(e, &in, &out, &err);
	EXPECT_INT(want, TLS_WANT_READ);
	buf_clear(&out);
	buf_add_str(&in, bytes);
	want = tls_engine_handshake(e, &in, &out, &err);
	EXPECT_INT(want, TLS_FAILED);
	EXPECT_TEXT(err_text(&err), error);
	if (answer)
		EXPECT(str_starts(buf_str(&out), str_from(answer)));
	/* It stays failed. */
	EXPECT_INT(tls_engine_handshake(e, &in, &out, &err), TLS_FAILED);
	EXPECT_INT(tls_engine_encrypt(e, STR("x"), &out, &err), ERR_TLS);
	bool ended;
	EXPECT_INT(tls_engine_decrypt(e, &in, &out, 10, &ended, &out, &err), ERR_TLS);
	EXPECT(!tls_engine_has_plain(e, &in));
	EXPECT(!tls_engine_handshake_is_heavy(e, &in));
	tls_engine_free(e);
	buf_done(&in);
	buf_done(&out);
	err_done(&err);
}

TEST(an_http_request_is_answered_in_plain_text)
{
	struct cast c;
	cast_init(&c);
	try_bytes(c.server_config, STR("GET / HTTP/1.1\r\n\r\n"),
		"client sent an HTTP request to an HTTPS server",
		"HTTP/1.0 400 Bad Request\r\n\r\n"
		"Client sent an HTTP request to an HTTPS server.\n");
	try_bytes(c.client_config, STR("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"server gave HTTP response to HTTPS client", NULL);
	cast_done(&c);
}

TEST(bytes_that_are_not_tls_are_refused)
{
	struct cast c;
	cast_init(&c);
	const char *text = "tls: first record does not look like a TLS handshake";
	try_bytes(c.server_config, STR("SSH-2.0-OpenSSH_9.2\r\n"), text, NULL);
	try_bytes(c.client_config, STR("SSH-2.0-OpenSSH_9.2\r\n"), text, NULL);
	cast_done(&c);
}

TEST(an_old_protocol_version_is_refused_with_an_alert)
{
	/* A ClientHello of TLS 1.0 with one cipher suite. */
	static const char hello[] = "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01"
				    "0123456789abcdef0123456789abcdef\x00\x00\x02\xc0\x09\x01\x00";
	struct cast c;
	cast_init(&c);
	try_bytes(c.server_config, str_make(hello, sizeof(hello) - 1),
		"tls: client offered only unsupported versions", "\x15\x03\x01");
	cast_done(&c);
}

/* ---- records ---- */
struct talk {
	struct cast cast;
	struct pair pair;
	struct buf wire, plain, out;
	struct err err;
	bool ended;
};

static bool talk_init(struct talk *t)
{
	*t = (struct talk){0};
	cast_init(&t->cast);
	pair_init(&t->pair, t->cast.client_config, t->cast.server_config, "", NULL);
	buf_init(&t->wire, MIB);
	buf_init(&t->plain, MIB);
	buf_init(&t->out, MIB);
	return pair_must_shake(&t->pair);
}

static void talk_done(struct talk *t)
{
	pair_done(&t->pair);
	cast_done(&t->cast);
	buf_done(&t->wire);
	buf_done(&t->plain);
	buf_done(&t->out);
	err_done(&t->err);
}

static int talk_decrypt(struct talk *t, size_t max)
{
	return tls_engine_decrypt(
		t->pair.server, &t->wire, &t->plain, max, &t->ended, &t->out, &t->err);
}

static void talk_encrypt(struct talk *t, struct str text)
{
	EXPECT_OK(tls_engine_encrypt(t->pair.client, text, &t->wire, &t->err), &t->err);
}

TEST(reading_stops_at_the_given_limit)
{
	struct talk t;
	if (talk_init(&t)) {
		talk_encrypt(&t, STR("0123456789"));
		talk_encrypt(&t, STR("abcdef"));
		EXPECT(tls_engine_has_plain(t.pair.server, &t.wire));
		EXPECT_INT(talk_decrypt(&t, 4), 0);
		EXPECT_STR(buf_str(&t.plain), "0123");
		EXPECT(tls_engine_has_plain(t.pair.server, &t.wire));
		EXPECT_INT(talk_decrypt(&t, 8), 0);
		EXPECT_STR(buf_str(&t.plain), "0123456789ab");
		EXPECT(tls_engine_has_plain(t.pair.server, &t.wire));
		EXPECT_INT(talk_decrypt(&t, 100), 0);
		EXPECT_STR(buf_str(&t.plain), "0123456789abcdef");
		EXPECT(!tls_engine_has_plain(t.pair.server, &t.wire));
	}
	talk_done(&t);
}

TEST(a_full_buffer_is_an_error_and_loses_nothing)
{
	struct talk t;
	if (talk_init(&t)) {
		talk_encrypt(&t, STR("0123456789"));
		struct buf small = BUF_INIT(4);
		EXPECT_INT(tls_engine_decrypt(
				   t.pair.server, &t.wire, &small, 100, &t.ended, &t.out, &t.err),
			ERR_LIMIT);
		EXPECT_INT(talk_decrypt(&t, 100), 0);
		EXPECT_STR(buf_str(&t.plain), "0123456789");
		buf_done(&small);
	}
	talk_done(&t);
}

TEST(no_room_for_records_is_an_error)
{
	struct talk t;
	if (talk_init(&t)) {
		struct buf small = BUF_INIT(20);
		EXPECT_INT(
			tls_engine_encrypt(t.pair.client, STR("hello"), &small, &t.err), ERR_LIMIT);
		buf_done(&small);
	}
	talk_done(&t);
}

TEST(close_notify_ends_the_stream)
{
	struct talk t;
	if (talk_init(&t)) {
		talk_encrypt(&t, STR("bye"));
		tls_engine_close_notify(t.pair.client, &t.wire);
		EXPECT_INT(talk_decrypt(&t, 100), 0);
		EXPECT_STR(buf_str(&t.plain), "bye");
		EXPECT(t.ended);
	}
	talk_done(&t);
}

TEST(a_cut_inside_a_record_is_noticed)
{
	struct talk t;
	if (talk_init(&t)) {
		EXPECT(!tls_engine_in_record(t.pair.server));
		talk_encrypt(&t, STR("hello"));
		buf_cut(&t.wire, t.wire.len - 1);
		EXPECT_INT(talk_decrypt(&t, 100), 0);
		EXPECT_INT(t.plain.len, 0);
		EXPECT(tls_engine_in_record(t.pair.server));
	}
	talk_done(&t);
}

TEST(a_changed_record_is_refused_and_said_so)
{
	struct talk t;
	if (talk_init(&t)) {
		talk_encrypt(&t, STR("hello"));
		t.wire.at[t.wire.len - 1] ^= 1;
		EXPECT_INT(talk_decrypt(&t, 100), ERR_TLS);
		EXPECT_TEXT(err_text(&t.err), "local error: tls: bad record MAC");
		EXPECT_INT(t.plain.len, 0);
		EXPECT(t.out.len > 0);
		struct err err = {0};
		bool ended;
		EXPECT_INT(tls_engine_decrypt(
				   t.pair.client, &t.out, &t.plain, 100, &ended, &t.wire, &err),
			ERR_TLS);
		EXPECT_TEXT(err_text(&err), "remote error: tls: bad record MAC");
		err_done(&err);
	}
	talk_done(&t);
}

TEST(a_repeated_record_is_refused)
{
	struct talk t;
	if (talk_init(&t)) {
		talk_encrypt(&t, STR("pay"));
		struct buf copy = BUF_INIT(KIB);
		buf_add_str(&copy, buf_str(&t.wire));
		buf_add_str(&t.wire, buf_str(&copy));
		EXPECT_INT(talk_decrypt(&t, 100), ERR_TLS);
		EXPECT_STR(buf_str(&t.plain), "pay");
		buf_done(&copy);
	}
	talk_done(&t);
}

/* ---- hostile bytes ---- */
/* Every byte of the client's first flight is changed; nothing but a clean end may follow. */
TEST(a_changed_hello_never_succeeds_nor_crashes)
{
	struct cast c;
	cast_init(&c);
	struct tls_engine *e = tls_engine_new(c.client_config, (struct str){0}, NULL, NOW);
	struct buf none = BUF_INIT(1), hello = BUF_INIT(MIB);
	struct err err = {0};
	EXPECT_INT(tls_engine_handshake(e, &none, &hello, &err), TLS_WANT_READ);
	for (size_t i = 0; i < hello.len; i++) {
		struct tls_engine *s = tls_engine_new(c.server_config, (struct str){0}, NULL, NOW);
		struct buf in = BUF_INIT(MIB), out = BUF_INIT(MIB);
		buf_add_str(&in, buf_str(&hello));
		in.at[i] ^= (char)(1 + i % 255);
		EXPECT(tls_engine_handshake(s, &in, &out, &err) != TLS_DONE);
		err_done(&err);
		tls_engine_free(s);
		buf_done(&in);
		buf_done(&out);
	}
	tls_engine_free(e);
	buf_done(&hello);
	cast_done(&c);
}

/* Handshakes with one byte changed somewhere on the wire: they fail or stall, on both sides. */
TEST(a_changed_flight_never_succeeds_nor_crashes)
{
	struct cast c;
	cast_init(&c);
	struct rng rng;
	rng_init(&rng, 42);
	for (int round = 0; round < 60; round++) {
		test_context("round %d", round);
		struct pair p;
		pair_init(&p, c.client_config, c.server_config, "", NULL);
		p.flip = &rng;
		/* The flights are longer than this; a flip behind them changes nothing. */
		p.flip_to_client = round & 1;
		p.flip_at = rng_below(&rng, round & 1 ? 700 : 240);
		test_context("round %d, byte %zu", round, p.flip_at);
		EXPECT(!pair_shake(&p));
		pair_done(&p);
	}
	test_context_end();
	cast_done(&c);
}

/* ---- configurations ---- */
static void expect_server_refused(const struct tls_server_options *o, const char *text)
{
	struct tls_config *config = NULL;
	struct err err = {0};
	EXPECT(tls_config_new_server(o, &config, &err) < 0);
	EXPECT_TEXT(err_text(&err), text);
	EXPECT(config == NULL);
	err_done(&err);
}

TEST(a_bad_configuration_is_refused)
{
	struct cast c;
	cast_init(&c);
	char long_name[300];
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	const char *alpn[] = {long_name, NULL};
	struct tls_identity mixed = {.chain = &c.server.chain, .key = c.client.identity.key};
	struct tls_identity empty = {0};
	expect_server_refused(&(struct tls_server_options){0}, "tls: no certificates configured");
	expect_server_refused(
		&(struct tls_server_options){.identities = &empty, .identity_count = 1},
		"tls: no certificates configured");
	expect_server_refused(
		&(struct tls_server_options){.identities = &mixed, .identity_count = 1},
		"tls: private key does not match public key");
	expect_server_refused(
		&(struct tls_server_options){
			.identities = &c.server.identity, .identity_count = 1, .alpn = alpn},
		"tls: bad protocol name for ALPN");
	cast_done(&c);
}
