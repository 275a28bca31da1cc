/* Records that go past mbedTLS, beside its own, on one connection. */
#include "tls_pair.h"

#include <crypto/tls_internal.h>

struct talk {
	struct cast cast;
	struct pair pair;
	char *text;
};

#define LONG ((size_t)50000) /* several records, the last of another size */

static bool talk_init(struct talk *t, const int *suites)
{
	cast_init(&t->cast);
	t->text = mem_alloc(LONG);
	for (size_t i = 0; i < LONG; i++)
		t->text[i] = (char)('a' + i % 23);
	if (suites) {
		mbedtls_ssl_conf_ciphersuites(&t->cast.client_config->conf, suites);
		mbedtls_ssl_conf_ciphersuites(&t->cast.server_config->conf, suites);
	}
	pair_init(&t->pair, t->cast.client_config, t->cast.server_config, "", NULL);
	return pair_must_shake(&t->pair);
}

static void talk_done(struct talk *t)
{
	pair_done(&t->pair);
	cast_done(&t->cast);
	mem_free(t->text);
}

static void talk_both_ways(struct talk *t)
{
	for (size_t len = 1; len <= LONG; len = len * 7 + 1) {
		send_text(t->pair.client, t->pair.server, str_make(t->text, len), SIZE_MAX);
		send_text(t->pair.server, t->pair.client, str_make(t->text, len), 9000);
	}
}

static bool ours(const struct tls_engine *e)
{
	return e->records.seal && e->records.open;
}

TEST(aes_of_both_sizes_is_ours_and_others_are_not)
{
	static const int suites[][2] = {
		{MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		{MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		{MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	};
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		struct talk t;
		test_context("suite %zu", i);
		if (talk_init(&t, suites[i])) {
			EXPECT_INT(ours(t.pair.client), i < 2 && gcm_available());
			EXPECT_INT(ours(t.pair.server), i < 2 && gcm_available());
			EXPECT(!t.pair.client->records.has_secret);
			talk_both_ways(&t);
		}
		talk_done(&t);
	}
	test_context_end();
}

/* What one writes the other reads, whoever of the two does it, and from one record to the next. */
TEST(either_reads_what_the_other_has_written)
{
	struct talk t;
	if (talk_init(&t, NULL)) {
		talk_both_ways(&t);
		gcm_free(TAKE(t.pair.client->records.seal));
		talk_both_ways(&t);
		gcm_free(TAKE(t.pair.server->records.open));
		talk_both_ways(&t);
		gcm_free(TAKE(t.pair.client->records.open));
		talk_both_ways(&t);
		gcm_free(TAKE(t.pair.server->records.seal));
		talk_both_ways(&t);
	}
	talk_done(&t);
}

TEST(a_reader_with_little_room_gets_its_records_in_turns)
{
	struct talk t;
	struct buf wire = BUF_INIT(MIB), plain = BUF_INIT(MIB), out = BUF_INIT(KIB);
	struct err err = {0};
	bool ended = false;
	if (talk_init(&t, NULL)) {
		struct str text = str_make(t.text, LONG);
		EXPECT_OK(tls_engine_encrypt(t.pair.server, text, &wire, &err), &err);
		tls_engine_close_notify(t.pair.server, &wire);
		for (size_t max = 1; !ended && max < MIB; max = max * 3 % 20011)
			EXPECT_OK(tls_engine_decrypt(
					  t.pair.client, &wire, &plain, max, &ended, &out, &err),
				&err);
		EXPECT(str_eq(buf_str(&plain), text));
		EXPECT(ended);
	}
	buf_done(&wire);
	buf_done(&plain);
	buf_done(&out);
	talk_done(&t);
}

TEST(part_of_a_record_waits_until_it_is_whole)
{
	struct talk t;
	struct buf wire = BUF_INIT(MIB), in = BUF_INIT(MIB), plain = BUF_INIT(MIB),
		   out = BUF_INIT(KIB);
	struct err err = {0};
	bool ended = false;
	if (talk_init(&t, NULL)) {
		struct tls_engine *to = t.pair.client;
		EXPECT_OK(tls_engine_encrypt(t.pair.server, STR("whole"), &wire, &err), &err);
		for (size_t i = 0; i < wire.len; i++) {
			EXPECT_INT(plain.len, 0);
			buf_add_char(&in, wire.at[i]);
			EXPECT(tls_engine_has_plain(to, &in));
			EXPECT_OK(
				tls_engine_decrypt(to, &in, &plain, 100, &ended, &out, &err), &err);
			EXPECT(!tls_engine_has_plain(to, &in)); /* nothing to be tried again */
			EXPECT_INT(tls_engine_in_record(to), i + 1 < wire.len);
		}
		EXPECT_STR(buf_str(&plain), "whole");
	}
	buf_done(&wire);
	buf_done(&in);
	buf_done(&plain);
	buf_done(&out);
	talk_done(&t);
}

TEST(lengths_no_record_has_are_refused)
{
	static const unsigned char bad[][5] = {{23, 3, 3, 0, 0}, {23, 3, 3, 0, 24},
		{23, 3, 3, 0xff, 0xff}, {23, 3, 3, 0x44, 0}, {23, 3, 1, 0, 40}, {99, 3, 3, 0, 40}};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct talk t;
		struct buf in = BUF_INIT(MIB), plain = BUF_INIT(MIB), out = BUF_INIT(KIB);
		struct err err = {0};
		bool ended = false;
		test_context("case %zu", i);
		if (talk_init(&t, NULL)) {
			buf_add(&in, bad[i], 5);
			buf_add(&in, t.text, 40);
			EXPECT_INT(tls_engine_decrypt(
					   t.pair.server, &in, &plain, 100, &ended, &out, &err),
				ERR_TLS);
			EXPECT_INT(plain.len, 0);
		}
		err_done(&err);
		buf_done(&in);
		buf_done(&plain);
		buf_done(&out);
		talk_done(&t);
	}
	test_context_end();
}
