/* DNS messages: names, compression, cutting. */
#include "test.h"

#include <kube/dns_message.h>

#include <stdio.h>

static struct dns_question question(struct arena *a, const char *name, uint16_t type)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1024);
	struct dns_message m = {0};

	dns_ask(a, &out, 77, str_from(name), type);
	EXPECT_INT(dns_parse(a, arena_str(a, buf_str(&out)), &m, NULL), 0);
	return m.question;
}

TEST(a_question_is_read_as_it_was_asked)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct dns_question q = question(&a, "Web.Default.svc.cluster.local", DNS_AAAA);
	EXPECT_INT(q.id, 77);
	EXPECT(q.recursion_desired && !q.response);
	EXPECT_STR(q.name, "Web.Default.svc.cluster.local");
	EXPECT_STR(q.lower, "web.default.svc.cluster.local");
	EXPECT_INT(q.type, DNS_AAAA);
	EXPECT_INT(q.edns_size, 1232);
}

TEST(names_repeat_as_pointers_and_come_back_whole)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct dns_writer w;
	struct dns_message m;
	struct str target;
	struct ip ip = ip_v4(10, 0, 0, 7);

	arena_init(&a);
	struct dns_question q = question(&a, "db.default.svc.cluster.local", DNS_A);
	dns_answer_begin(&w, &a, &out, &q, 0);
	dns_add_name(&w, DNS_ANSWER, q.name, DNS_CNAME, 30, STR("a.db.default.svc.cluster.local"));
	dns_add_address(&w, DNS_ANSWER, STR("a.db.default.svc.cluster.local"), 30, &ip);
	dns_add_srv(
		&w, DNS_ADDITIONAL, q.name, 30, 0, 100, 80, STR("a.db.default.svc.cluster.local"));
	dns_answer_end(&w, DNS_NOERROR, true, false);
	EXPECT(out.len < 12 + 34 + 20 + 20 + 24 + 11);
	REQUIRE(dns_parse(&a, buf_str(&out), &m, NULL) == 0);
	REQUIRE(m.count == 3);
	EXPECT_STR(m.records[0].name, "db.default.svc.cluster.local");
	EXPECT_INT(dns_parse_name(&a, buf_str(&out), m.records[0].data, &target, NULL), 0);
	EXPECT_STR(target, "a.db.default.svc.cluster.local");
	EXPECT_STR(m.records[1].name, "a.db.default.svc.cluster.local");
	EXPECT_INT(m.records[1].data.len, 4);
	EXPECT_INT(m.records[2].section, DNS_ADDITIONAL);
}

TEST(what_does_not_fit_is_left_out_and_said)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct dns_writer w;
	struct dns_message m;

	arena_init(&a);
	struct dns_question q = question(&a, "db.default.svc.cluster.local", DNS_A);
	dns_answer_begin(&w, &a, &out, &q, DNS_UDP_MAX);
	for (int i = 0; i < 100; i++) {
		struct ip ip = ip_v4(10, 0, 0, (uint8_t)i);

		dns_add_address(&w, DNS_ANSWER, q.name, 30, &ip);
	}
	dns_answer_end(&w, DNS_NOERROR, true, false);
	EXPECT(out.len <= DNS_UDP_MAX);
	REQUIRE(dns_parse(&a, buf_str(&out), &m, NULL) == 0);
	EXPECT(m.question.truncated);
	EXPECT_INT(m.count, (DNS_UDP_MAX - 11 - 46) / 16);
}

TEST(strange_bytes_in_names_are_escaped_and_written_back)
{
	static const char message[] = "\0\7\1\0\0\1\0\0\0\0\0\0\5a.b\\\377\0\0\20\0\1";
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
	struct dns_message m;
	struct dns_writer w;

	arena_init(&a);
	REQUIRE(dns_parse(&a, str_make(message, sizeof(message) - 1), &m, NULL) == 0);
	EXPECT_STR(m.question.name, "a\\.b\\\\\\255");
	dns_answer_begin(&w, &a, &out, &m.question, 0);
	dns_answer_end(&w, DNS_NXDOMAIN, true, false);
	EXPECT(str_eq(str_skip(buf_str(&out), 12), str_make(message + 12, sizeof(message) - 13)));
}

TEST(broken_messages_are_refused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{"", 0}, {"\0\1\1\0\0\1\0\0\0\0\0", 11},
		{"\0\1\1\0\0\1\0\0\0\0\0\0\300\14\0\1\0\1", 18},      /* points to itself */
		{"\0\1\1\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1", 22}, /* two questions */
		{"\0\1\1\0\0\1\0\1\0\0\0\0\0\0\1\0\1", 17}, /* a record that is not there */
		{"\0\1\1\0\0\1\0\0\0\0\0\0\100a\0\0\1\0\1",
			19}, /* a label of a kind that is none */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(arena_done) struct arena a;
		struct dns_message m;

		arena_init(&a);
		test_context("message %zu", i);
		EXPECT_INT(dns_parse(&a, str_make(bad[i].bytes, bad[i].len), &m, NULL), ERR_SYNTAX);
	}
	test_context_end();
}
