#include "http_rig.h"

#include <kube/random.h>

/* ---- golden exchanges ---- */

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
#define REFUSED(line, why)                                                                         \
	"HTTP/1.1 " line                                                                           \
	"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" line why
#define BAD REFUSED("400 Bad Request", ": malformed HTTP request")

static const struct golden {
	const char *sent, *answer;
} golden[] = {
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", OK_HELLO},
	{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", OK_HELLO},
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", OK_HELLO OK_HELLO},
	{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		"Connection: close\r\n\r\nhello"},
	{"GET / HTTP/1.0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		"Connection: close\r\n\r\nhello"},
	{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		"Connection: keep-alive\r\n\r\nhello"
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		"Connection: close\r\n\r\nhello"},
	{"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
		"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n"
	 "Host: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
		"3\r\n\r\nabc" OK_HELLO},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	 "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nX-Sum: 7\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
		"4\r\n\r\nabc7" OK_HELLO},
	/* the handler does not read the body: it is skipped */
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n"
	 "Host: a\r\n\r\n",
		OK_HELLO OK_HELLO},
	{"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
	 "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		OK_HELLO OK_HELLO},
	{"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n5\r\nxxxxx\r\n"
		"3\r\nxxx\r\n0\r\nX-Sum: 42\r\n\r\n"},
	{"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" OK_HELLO},
	{"GET /stream HTTP/1.0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nxxxxxxxxxxxxx"},
	{"GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"},
	{"BREW /method HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nBREW"},
	{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", OK_HELLO},
	{"GET http://b/method HTTP/1.1\r\nHost: a\r\n\r\n", OK_HELLO},
	{"GET /split HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Evil: a  Set-Cookie: b\r\nContent-Length: 2\r\n\r\nok"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"},
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		"Connection: close\r\n\r\nhello"},
	{"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
		REFUSED("417 Expectation Failed", "")},
	{"GET / HTTP/1.1\r\n\r\n", REFUSED("400 Bad Request", ": missing required Host header")},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		REFUSED("400 Bad Request", ": too many Host headers")},
	{"GET / HTTP/1.1\nHost: a\n\n", BAD},
	{"GET / HTTP/1.1\r\nHost: a\n\r\n", BAD},
	{"GET /\r\n", BAD},
	{"\x16\x03\x01\x02\x00\x01\xfc\x03\x03", BAD},
	{"nonsense\r\n\r\n", BAD},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
		REFUSED("400 Bad Request", ": malformed header line")},
	{"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		REFUSED("400 Bad Request", ": malformed header name")},
	{"GET / HTTP/3.0\r\nHost: a\r\n\r\n", REFUSED("505 HTTP Version Not Supported", "")},
	{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
		REFUSED("501 Not Implemented", ": unsupported transfer encoding")},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		REFUSED("400 Bad Request", ": malformed HTTP request")},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n"
		"Connection: close\r\n\r\nno body"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nabc",
		"HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/plain\r\n"
		"Content-Length: 7\r\nConnection: close\r\n\r\nno body"},
	{"GET /short HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"},
	{"GET /forget HTTP/1.1\r\nHost: a\r\n\r\n", ""},
};

static void expect_golden(struct rig *rig, const struct golden *g, size_t first, size_t step)
{
	struct str sent = str_from(g->sent);
	struct raw raw;
	raw_open(&raw, rig);
	size_t at = 0;
	while (at < sent.len) {
		size_t n = MIN(sent.len - at, at ? step : first);
		raw_send(&raw, str_make(sent.at + at, n));
		at += n;
		if (at < sent.len)
			rig_turn(rig, 20 * USEC);
	}
	/* An early end may meet a closed connection; what counts is the answer. */
	size_t wanted = strlen(g->answer);
	raw_read(&raw, wanted, 20 * SEC);
	for (;;) {
		raw_undate(&raw);
		if (raw.ended || raw.got.len >= wanted)
			break;
		if (!EXPECT(raw_read(&raw, raw.got.len + 1, 20 * SEC)))
			break;
	}
	if (!raw.ended)
		raw_finish(&raw);
	raw_all(&raw);
	raw_undate(&raw);
	EXPECT_STR(buf_str(&raw.got), g->answer);
	raw_close(&raw);
}

TEST(exchanges_go_as_written)
{
	struct rig rig = {0};
	rig_init(&rig);
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		test_context("%s", golden[i].sent);
		expect_golden(&rig, &golden[i], SIZE_MAX, SIZE_MAX);
	}
	test_context_end();
	rig_done_all(&rig);
}

TEST(exchanges_go_the_same_byte_by_byte)
{
	struct rig rig = {0};
	rig_init(&rig);
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		/* Invited when the body has not come with the head: another answer. */
		if (strstr(golden[i].sent, "Expect: 100"))
			continue;
		test_context("%s", golden[i].sent);
		expect_golden(&rig, &golden[i], 1, 1);
	}
	test_context_end();
	rig_done_all(&rig);
}

TEST(exchanges_go_the_same_in_any_two_parts)
{
	struct rig rig = {0};
	rig_init(&rig);
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		if (strstr(golden[i].sent, "Expect: 100"))
			continue;
		for (size_t n = 1; n < strlen(golden[i].sent) && !test_failed(); n++) {
			test_context("%zu + rest: %s", n, golden[i].sent);
			expect_golden(&rig, &golden[i], n, SIZE_MAX);
		}
	}
	test_context_end();
	rig_done_all(&rig);
}

/* ---- what a script cannot say ---- */

TEST(a_hundred_pipelined_requests_are_answered_in_order)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	struct buf sent = BUF_INIT(MIB), wanted = BUF_INIT(MIB);
	for (int i = 0; i < 100; i++) {
		buf_print(&sent, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%03d",
			i);
		buf_print(&wanted,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
			"\r\n%03d",
			i);
	}
	raw_send(&raw, buf_str(&sent));
	EXPECT(raw_await(&raw, "\r\n\r\n099"));
	raw_undate(&raw);
	EXPECT_STR(buf_str(&raw.got), buf_text(&wanted));
	buf_done(&sent);
	buf_done(&wanted);
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(requests_sent_before_a_half_close_are_answered)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"
			   "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
			   "GET /method HTTP/1.1\r\nHost: a\r\n\r\n"));
	raw_finish(&raw);
	raw_all(&raw);
	EXPECT(raw_has(&raw, "hello"));
	EXPECT(raw_has(&raw, "\r\n\r\nabc"));
	EXPECT(raw_has(&raw, "\r\n\r\nGET"));
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(a_client_that_waits_is_invited_when_its_body_is_wanted)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
			   "Expect: 100-continue\r\n\r\n"));
	EXPECT(raw_await(&raw, "HTTP/1.1 100 Continue\r\n\r\n"));
	raw_send(&raw, STR("abc"));
	EXPECT(raw_await(&raw, "\r\n\r\nabc"));
	EXPECT(!raw_has(&raw, "close"));
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(a_client_that_goes_ends_its_exchange)
{
	/* by closing, and by half closing, which looks the same */
	for (int half = 0; half < 2; half++) {
		struct rig rig = {0};
		rig_init(&rig);
		struct raw raw;
		raw_open(&raw, &rig);
		raw_send(&raw, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
		while (!rig.live)
			rig_turn(&rig, MSEC);
		rig_turn(&rig, MSEC);
		EXPECT_INT(rig.cancelled, 0);
		if (half)
			raw_finish(&raw);
		else
			stream_close(TAKE(raw.stream));
		while (rig.live)
			rig_turn(&rig, MSEC);
		EXPECT_INT(rig.cancelled, 1);
		raw_close(&raw);
		rig_done_all(&rig);
	}
}

TEST(a_slow_head_is_timed_out)
{
	struct rig rig = {.options.limits = {.header_timeout = 30 * MSEC}};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	/* a byte now and then does not help */
	struct str sent =
		STR("GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	for (size_t i = 0; i < sent.len && !raw.ended; i++) {
		raw_send(&raw, str_make(sent.at + i, 1));
		raw_read(&raw, raw.got.len + 1, 2 * MSEC);
	}
	raw_all(&raw);
	EXPECT(raw_has(&raw, "HTTP/1.1 408 Request Timeout\r\n"));
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(a_slow_body_is_timed_out)
{
	struct rig rig = {.options.limits = {.body_timeout = 30 * MSEC}};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nab"));
	raw_all(&raw);
	EXPECT_INT(rig.last_error, ERR_TIMEOUT);
	EXPECT(raw_has(&raw, "HTTP/1.1 504"));
	EXPECT(raw_has(&raw, "Connection: close"));
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(an_idle_connection_is_closed)
{
	struct rig rig = {.options.limits = {.idle_timeout = 30 * MSEC}};
	rig_init(&rig);
	struct raw fresh, used;
	raw_open(&fresh, &rig);
	raw_open(&used, &rig);
	raw_send(&used, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	raw_all(&fresh);
	EXPECT_INT(fresh.got.len, 0);
	raw_all(&used);
	EXPECT(raw_has(&used, "hello"));
	raw_close(&fresh);
	raw_close(&used);
	rig_done_all(&rig);
}

TEST(a_reader_that_stops_is_given_up)
{
	struct rig rig = {.options.limits = {.write_timeout = 30 * MSEC}};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
	while (!rig.live)
		rig_turn(&rig, MSEC);
	while (rig.live)
		rig_turn(&rig, MSEC);
	EXPECT_INT(rig.last_error, ERR_TIMEOUT);
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(ten_megabytes_go_down_to_a_slow_reader)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
	while (!raw.ended) {
		raw_read(&raw, raw.got.len + 1, 20 * SEC);
		rig_turn(&rig, 100 * USEC);
	}
	size_t body = 0;
	for (size_t i = 0; i < raw.got.len; i++)
		body += raw.got.at[i] == 'x';
	EXPECT_INT(body, 10 * MIB);
	EXPECT(raw_has(&raw, "\r\n0\r\nX-Sum: 42\r\n\r\n"));
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(ten_megabytes_go_up_in_bounded_memory)
{
	struct rig rig = {.options.limits = {.body_bytes = -1}};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(
		&raw, STR("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
	struct buf chunk = BUF_INIT(MIB);
	buf_add_text(&chunk, "10000\r\n");
	memset(buf_reserve(&chunk, 64 * KIB), 'y', 64 * KIB);
	buf_advance(&chunk, 64 * KIB);
	buf_add_text(&chunk, "\r\n");
	for (int i = 0; i < 160; i++)
		raw_send(&raw, buf_str(&chunk));
	raw_send(&raw, STR("0\r\n\r\n"));
	EXPECT(raw_await(&raw, "\r\n\r\n10485760"));
	EXPECT_INT(rig.read_total, 10 * MIB);
	EXPECT(rig.read_most <= 64 * KIB);
	buf_done(&chunk);
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(a_body_that_nobody_reads_is_not_taken_in)
{
	struct rig rig = {.options.limits = {.body_bytes = -1}};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n"));
	/* The writer stalls once the socket and the little that is read ahead are full. */
	char *bytes = mem_new(4 * MIB);
	struct str part = str_make(bytes, 4 * MIB);
	stream_write(raw.stream, told_op(&raw.write, &rig.clients, loop_in(rig.t.loop, 50 * MSEC)),
		&part, 1);
	loop_test_run_until(&rig.t, &raw.write.done);
	EXPECT_INT(raw.write.err.code, ERR_TIMEOUT);
	raw_close(&raw);
	mem_free(bytes);
	EXPECT_INT(rig.live, 1);
	rig_done_all(&rig);
	EXPECT_INT(rig.cancelled, 1);
}

TEST(too_large_heads_are_refused)
{
	struct rig rig = {.options.limits = {.header_bytes = 1000, .header_count = 10}};
	rig_init(&rig);
	struct raw raw;
	struct buf text = BUF_INIT(MIB);

	buf_add_text(&text, "GET /");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&text, 'a');
	raw_open(&raw, &rig);
	raw_send(&raw, buf_str(&text));
	raw_all(&raw);
	EXPECT(raw_has(&raw, "HTTP/1.1 414 Request URI Too Long\r\n"));
	raw_close(&raw);

	/* whole, but larger than allowed */
	buf_add_text(&text, " HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_open(&raw, &rig);
	raw_send(&raw, buf_str(&text));
	raw_all(&raw);
	EXPECT(raw_has(&raw, "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
	raw_close(&raw);

	buf_clear(&text);
	buf_add_text(&text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&text, 'a');
	raw_open(&raw, &rig);
	raw_send(&raw, buf_str(&text));
	raw_all(&raw);
	EXPECT(raw_has(&raw, "HTTP/1.1 431 "));
	raw_close(&raw);

	buf_clear(&text);
	buf_add_text(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 20; i++)
		buf_print(&text, "X-%d: a\r\n", i);
	buf_add_text(&text, "\r\n");
	raw_open(&raw, &rig);
	raw_send(&raw, buf_str(&text));
	raw_all(&raw);
	EXPECT(raw_has(&raw, "HTTP/1.1 431 "));
	raw_close(&raw);
	buf_done(&text);
	rig_done_all(&rig);
}

TEST(an_unread_body_is_skipped_up_to_a_limit)
{
	struct rig rig = {.options.limits = {.body_bytes = -1}};
	rig_init(&rig);
	struct raw raw;
	char *zeros = mem_new(300 * KIB);
	/* 200 KiB are skipped */
	raw_open(&raw, &rig);
	raw_send(&raw, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 204800\r\n\r\n"));
	raw_send(&raw, str_make(zeros, 200 * KIB));
	raw_send(&raw, STR("GET /method HTTP/1.1\r\nHost: a\r\n\r\n"));
	EXPECT(raw_await(&raw, "\r\n\r\nGET"));
	raw_close(&raw);
	/* more is not, and the answer says so */
	raw_open(&raw, &rig);
	raw_send(&raw, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 307200\r\n\r\n"));
	raw_all(&raw);
	EXPECT(raw_has(&raw, "Connection: close\r\n"));
	EXPECT(raw_has(&raw, "hello"));
	raw_close(&raw);
	/* chunks show their length too late for that: the connection just ends */
	raw_open(&raw, &rig);
	raw_send(&raw, STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "4b000\r\n"));
	stream_write(raw.stream, told_op(&raw.write, &rig.clients, OP_NO_DEADLINE),
		&(struct str){zeros, 300 * KIB}, 1);
	raw_all(&raw);
	EXPECT(raw_has(&raw, "hello"));
	raw_close(&raw);
	rig_turn(&rig, MSEC);
	mem_free(zeros);
	rig_done_all(&rig);
}

TEST(an_upgraded_connection_belongs_to_the_handler)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
			   "Upgrade: echo\r\n\r\nearly"));
	EXPECT(raw_await(&raw, "early"));
	EXPECT_STR(buf_str(&raw.got),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
		"early");
	raw_send(&raw, STR(" and late"));
	EXPECT(raw_await(&raw, "early and late"));
	EXPECT_INT(rig.live, 1);
	raw_finish(&raw);
	raw_all(&raw);
	raw_close(&raw);
	/* CONNECT is answered with 200; the end of the server ends it */
	raw_open(&raw, &rig);
	raw_send(&raw, STR("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n"));
	EXPECT(raw_await(&raw, "HTTP/1.1 200 OK\r\n"));
	EXPECT_INT(rig.live, 1);
	rig_stop(&rig, 0);
	EXPECT_INT(rig.live, 0);
	raw_close(&raw);
	rig_free(&rig);
}

TEST(an_upgrade_with_an_unread_body_is_refused_to_the_handler)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("GET /upgrade HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
	raw_all(&raw);
	EXPECT_INT(rig.last_error, ERR_BAD_REQUEST);
	raw_close(&raw);
	rig_done_all(&rig);
}

TEST(stopping_is_graceful_until_the_grace_is_over)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw idle, slow, stuck;
	raw_open(&idle, &rig);
	raw_send(&idle, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	EXPECT(raw_await(&idle, "hello"));
	raw_open(&slow, &rig);
	raw_send(&slow, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"));
	raw_open(&stuck, &rig);
	raw_send(&stuck, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
	while (rig.live < 2)
		rig_turn(&rig, MSEC);
	struct told stop = {0};
	http_server_stop(rig.server, told_op(&stop, rig.t.root, OP_NO_DEADLINE), 200 * MSEC);
	raw_all(&idle); /* at once */
	raw_send(&slow, STR("done"));
	raw_all(&slow);
	EXPECT(raw_has(&slow, "Connection: close\r\n"));
	EXPECT(raw_has(&slow, "\r\n\r\ndone"));
	EXPECT(!stop.done);
	EXPECT_INT(rig.live, 1);
	loop_test_run_until(&rig.t, &stop.done);
	EXPECT_INT(stop.err.code, 0);
	EXPECT_INT(rig.live, 0);
	EXPECT_INT(rig.cancelled, 1);
	raw_all(&stuck);
	EXPECT_INT(stuck.got.len, 0);
	/* whoever comes now is turned away */
	struct raw late;
	raw_open(&late, &rig);
	raw_all(&late);
	struct http_server_stats stats;
	http_server_stats(rig.server, &stats);
	EXPECT_INT(stats.refused, 1);
	EXPECT_INT(stats.requests, 3);
	EXPECT_INT(stats.connections, 0);
	told_done(&stop);
	raw_close(&idle);
	raw_close(&slow);
	raw_close(&stuck);
	raw_close(&late);
	rig_free(&rig);
}

TEST(the_loop_may_shut_down_under_a_busy_server)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
	while (!rig.live)
		rig_turn(&rig, MSEC);
	struct told closed = {0};
	scope_close(&rig.clients, told_op(&closed, rig.t.root, OP_NO_DEADLINE));
	loop_shutdown(rig.t.loop);
	raw_close(&raw);
	loop_test_run(&rig.t);
	EXPECT_INT(rig.cancelled, 1);
	EXPECT_INT(rig.live, 0);
	told_done(&closed);
	http_server_free(rig.server);
	mem_free(rig.last_text);
	loop_test_done(&rig.t);
}
