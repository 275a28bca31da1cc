/* What our client makes of a server that errs, resets or leaves. The server here is this file. */
#include "http2_pair.h"

static struct loop_test lt;
static struct pair p;

static struct {
	struct stream *stream;
	struct op reading;
	struct told writing;
	struct buf in, out;
	int requests, resets, goaways;
	uint32_t reset_code;
	bool over;
} peer;

static void peer_read(void);

static void peer_got(struct op *op, struct err *err)
{
	if (err->code || op->n == 0) {
		peer.over = true;
		return;
	}
	if (str_starts(buf_str(&peer.in), STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
		buf_drop_front(&peer.in, 24);
	while (peer.in.len >= 9) {
		const uint8_t *b = (const uint8_t *)peer.in.at;
		size_t len = (size_t)b[0] << 16 | (size_t)b[1] << 8 | b[2];
		if (peer.in.len < 9 + len)
			break;
		peer.requests += b[3] == NGHTTP2_HEADERS;
		peer.goaways += b[3] == NGHTTP2_GOAWAY;
		if (b[3] == NGHTTP2_RST_STREAM) {
			peer.resets++;
			peer.reset_code = b[12];
		}
		buf_drop_front(&peer.in, 9 + len);
	}
	peer_read();
}

static void peer_read(void)
{
	op_init(&peer.reading, lt.root, peer_got, OP_NO_DEADLINE);
	stream_read(peer.stream, &peer.reading, &peer.in, 64 * KIB);
}

static void frame(int type, int flags, uint32_t id, struct str payload)
{
	uint8_t head[9] = {(uint8_t)(payload.len >> 16), (uint8_t)(payload.len >> 8),
		(uint8_t)payload.len, (uint8_t)type, (uint8_t)flags, (uint8_t)(id >> 24),
		(uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
	buf_add(&peer.out, head, 9);
	buf_add_str(&peer.out, payload);
}

static void begin(void)
{
	int fds[2];
	p = (struct pair){0};
	loop_test_init(&lt, LOOP_TEST_REAL);
	pair_prepare(&p, &lt);
	memset(&peer, 0, sizeof(peer));
	buf_init(&peer.in, 8 * MIB);
	buf_init(&peer.out, 8 * MIB);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		abort();
	pair_connect(&p, fds[0]);
	peer.stream = stream_from_fd(lt.loop, lt.root, fds[1]);
	peer_read();
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
}

static void send_all(void)
{
	struct str part = buf_str(&peer.out);
	stream_write(peer.stream, told_op(&peer.writing, lt.root, OP_NO_DEADLINE), &part, 1);
	loop_test_run_until(&lt, &peer.writing.done);
	buf_clear(&peer.out);
}

static void end(void)
{
	stream_close(peer.stream);
	if (p.client)
		p.client->ops->close(p.client);
	loop_test_done(&lt);
	told_done(&peer.writing);
	buf_done(&peer.in);
	buf_done(&peer.out);
	EXPECT(p.client_gone);
}

/* Until the client has sent such a frame. */
static void wait_for(const int *count)
{
	while (!*count) {
		struct told turn = {0};
		timer_wait(told_op(&turn, lt.root, OP_NO_DEADLINE), loop_in(lt.loop, MSEC));
		loop_test_run_until(&lt, &turn.done);
	}
}

#define END_ALL (NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS)

/* One GET meets these frames. The code and text it ends with. */
static void expect_failure(int code, const char *text, bool unprocessed)
{
	struct pair_call c;
	pair_call_init(&c, &p, "GET", "/");
	pair_call_start(&c);
	send_all();
	pair_wait(&p, &c.head);
	EXPECT_INT(c.head.err.code, code);
	EXPECT_TEXT(err_text(&c.head.err), text);
	EXPECT_INT(c.call.unprocessed, unprocessed);
	pair_call_done(&c);
	end();
}

TEST(a_reset_says_what_go_says)
{
	begin();
	frame(NGHTTP2_RST_STREAM, 0, 1, str_make("\0\0\0\2", 4));
	expect_failure(
		ERR_CLOSED, "stream error: stream ID 1; INTERNAL_ERROR; received from peer", false);
}

TEST(a_refused_stream_may_go_again)
{
	begin();
	frame(NGHTTP2_RST_STREAM, 0, 1, str_make("\0\0\0\7", 4));
	expect_failure(ERR_UNAVAILABLE,
		"stream error: stream ID 1; REFUSED_STREAM; received from peer", true);
}

TEST(a_stream_above_a_goaway_may_go_again)
{
	begin();
	frame(NGHTTP2_GOAWAY, 0, 0, str_make("\0\0\0\0\0\0\0\0", 8));
	expect_failure(ERR_UNAVAILABLE,
		"http2: Transport received Server's graceful shutdown GOAWAY", true);
}

TEST(a_stream_below_a_goaway_is_answered_and_the_connection_takes_no_more)
{
	struct pair_call c, d;
	begin();
	frame(NGHTTP2_GOAWAY, 0, 0, str_make("\0\0\0\1\0\0\0\0", 8));
	frame(NGHTTP2_HEADERS, END_ALL, 1, STR("\x88"));
	pair_call_init(&c, &p, "GET", "/");
	pair_call_init(&d, &p, "GET", "/");
	pair_call_start(&c);
	pair_call_start(&d);
	send_all();
	pair_wait(&p, &c.head);
	pair_wait(&p, &d.head);
	EXPECT_INT(c.head.err.code, 0);
	EXPECT_INT(c.call.status, 200);
	EXPECT_INT(d.head.err.code, ERR_UNAVAILABLE);
	EXPECT(d.call.unprocessed);
	EXPECT(p.client->broken);
	EXPECT(p.idles > 0);
	pair_call_done(&c);
	pair_call_done(&d);
	loop_test_run_until(&lt, &p.client_gone); /* by itself */
	end();
}

TEST(a_connection_that_ends_with_an_error_says_it_to_every_call)
{
	begin();
	frame(NGHTTP2_GOAWAY, 0, 0, str_make("\0\0\0\1\0\0\0\x0bgo away", 15));
	struct pair_call c;
	pair_call_init(&c, &p, "GET", "/");
	pair_call_start(&c);
	send_all();
	stream_close(TAKE(peer.stream));
	pair_wait(&p, &c.head);
	EXPECT_INT(c.head.err.code, ERR_CLOSED);
	EXPECT_TEXT(err_text(&c.head.err),
		"http2: server sent GOAWAY and closed the connection; LastStreamID=1, "
		"ErrCode=ENHANCE_YOUR_CALM, debug=\"go away\"");
	EXPECT(!c.call.unprocessed);
	pair_call_done(&c);
	end();
}

TEST(malformed_answers_fail_their_call)
{
	static const struct {
		const char *what;
		struct str block;
	} cases[] = {
		{"no status", STR_INIT("\x00\x01x\x01y")},
		{"two status", STR_INIT("\x88\x88")},
		{"status of letters", STR_INIT("\x08\x03"
					       "abc")},
		{"a request's field", STR_INIT("\x88\x84")},
		{"upper case", STR_INIT("\x88\x00\x01X\x01y")},
		{"empty name", STR_INIT("\x88\x00\x00\x01y")},
		{"line feed", STR_INIT("\x88\x00\x01x\x03y\nz")},
		{"connection", STR_INIT("\x88\x00\x0a"
					"connection\x05"
					"close")},
		{"content-length without a body", STR_INIT("\x88\x0f\x0d\x01"
							   "5")},
		{"101", STR_INIT("\x08\x03"
				 "101")},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%s", cases[i].what);
		begin();
		frame(NGHTTP2_HEADERS, END_ALL, 1, cases[i].block);
		expect_failure(ERR_PROTOCOL, "stream error: stream ID 1; PROTOCOL_ERROR", false);
	}
	test_context_end();
}

TEST(interim_answers_are_skipped_but_not_without_end)
{
	for (int n = 5; n <= 6; n++) {
		struct pair_call c;
		begin();
		for (int i = 0; i < n; i++)
			frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
				STR("\x08\x03"
				    "103"));
		frame(NGHTTP2_HEADERS, END_ALL, 1, STR("\x88"));
		pair_call_init(&c, &p, "GET", "/");
		pair_call_start(&c);
		send_all();
		pair_wait(&p, &c.head);
		EXPECT_INT(c.head.err.code, n == 5 ? 0 : ERR_PROTOCOL);
		pair_call_done(&c);
		end();
	}
}

TEST(a_truncated_body_is_an_error_after_its_bytes)
{
	struct pair_call c;
	begin();
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, STR("\x88"));
	frame(NGHTTP2_DATA, 0, 1, STR("some"));
	pair_call_init(&c, &p, "GET", "/");
	pair_call_start(&c);
	send_all();
	stream_close(TAKE(peer.stream));
	EXPECT_INT(pair_call_fetch_rest(&c), ERR_CLOSED);
	EXPECT_STR(buf_str(&c.body), "some");
	pair_call_done(&c);
	end();
}

TEST(a_push_ends_the_connection)
{
	struct pair_call c;
	begin();
	frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, (struct str){0});
	frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1,
		str_make("\0\0\0\2\x82\x84\x87\x01\x01h", 10));
	pair_call_init(&c, &p, "GET", "/");
	pair_call_start(&c);
	send_all();
	pair_wait(&p, &c.head);
	EXPECT(c.head.err.code != 0);
	pair_call_done(&c);
	end();
}

TEST(a_cancelled_call_resets_its_stream)
{
	struct pair_call c;
	begin();
	pair_call_init(&c, &p, "GET", "/");
	pair_call_start(&c);
	send_all();
	wait_for(&peer.requests);
	op_cancel(&c.head.op);
	pair_wait(&p, &c.head);
	EXPECT_INT(c.head.err.code, ERR_CANCELLED);
	pair_call_done(&c);
	wait_for(&peer.resets);
	EXPECT_INT(peer.reset_code, NGHTTP2_CANCEL);
	EXPECT(!p.client->broken);
	end();
}

TEST(floods_of_a_server_end_the_connection)
{
	static const int types[] = {NGHTTP2_PING, NGHTTP2_RST_STREAM, NGHTTP2_WINDOW_UPDATE};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct pair_call c;
		begin();
		pair_call_init(&c, &p, "GET", "/");
		pair_call_start(&c);
		for (int k = 0; k < 20000; k++)
			frame(types[i], 0, 0, str_make("\0\0\0\1\0\0\0\0", types[i] == 6 ? 8 : 4));
		struct str part = buf_str(&peer.out);
		stream_write(
			peer.stream, told_op(&peer.writing, lt.root, OP_NO_DEADLINE), &part, 1);
		pair_wait(&p, &c.head);
		EXPECT(c.head.err.code != 0);
		pair_call_done(&c);
		loop_test_run_until(&lt, &peer.writing.done);
		end();
	}
}
