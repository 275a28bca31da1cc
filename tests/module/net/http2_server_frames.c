/* What the server does with frames that no honest client sends. The client here is this file. */
#include "http2_pair.h"

#define PREFACE  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define END_ALL  (NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS)
#define NO_FRAME (-1)

static struct loop_test lt;
static struct pair p;

/* What the server has sent. */
static struct {
	struct stream *stream;
	struct op reading;
	struct told writing;
	struct buf in, out;
	int goaway, resets, settings, pings, heads, ended, last_reset;
	int64_t window[2]; /* given for the connection, for a stream */
	size_t data;
	char reason[128];
	bool over, stop;
	bool (*until)(void);
} raw;

static void raw_read(void);

static uint32_t u32(const char *at)
{
	const uint8_t *b = (const uint8_t *)at;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void raw_frame(uint8_t type, uint8_t flags, uint32_t id, struct str payload)
{
	switch (type) {
	case NGHTTP2_DATA:
		raw.data += payload.len;
		raw.ended += flags & NGHTTP2_FLAG_END_STREAM ? 1 : 0;
		break;
	case NGHTTP2_HEADERS:
		raw.heads++;
		raw.ended += flags & NGHTTP2_FLAG_END_STREAM ? 1 : 0;
		break;
	case NGHTTP2_RST_STREAM:
		raw.resets++;
		raw.last_reset = (int)u32(payload.at);
		break;
	case NGHTTP2_SETTINGS:
		raw.settings++;
		break;
	case NGHTTP2_PING:
		raw.pings++;
		break;
	case NGHTTP2_GOAWAY:
		raw.goaway = (int)u32(payload.at + 4);
		if (payload.len > 8)
			snprintf(raw.reason, sizeof(raw.reason), "%.*s", (int)payload.len - 8,
				payload.at + 8);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		raw.window[id != 0] += u32(payload.at);
		break;
	default:
		break;
	}
}

static void raw_got(struct op *op, struct err *err)
{
	if (err->code || op->n == 0) {
		raw.over = raw.stop = true;
		return;
	}
	while (raw.in.len >= 9) {
		size_t len = u32(raw.in.at) >> 8;
		if (raw.in.len < 9 + len)
			break;
		raw_frame((uint8_t)raw.in.at[3], (uint8_t)raw.in.at[4], u32(raw.in.at + 5),
			str_make(raw.in.at + 9, len));
		buf_drop_front(&raw.in, 9 + len);
	}
	if (raw.until && raw.until())
		raw.stop = true;
	raw_read();
}

static void raw_read(void)
{
	op_init(&raw.reading, lt.root, raw_got, OP_NO_DEADLINE);
	stream_read(raw.stream, &raw.reading, &raw.in, 64 * KIB);
}

static void begin_with(struct http_limits limits, const char *preface)
{
	int fds[2];
	p = (struct pair){.server_limits = limits};
	http_limits_fill(&p.server_limits, &p.server_limits, true);
	loop_test_init(&lt, LOOP_TEST_REAL);
	pair_prepare(&p, &lt);
	memset(&raw, 0, sizeof(raw));
	raw.goaway = raw.last_reset = NO_FRAME;
	buf_init(&raw.in, 32 * MIB);
	buf_init(&raw.out, 32 * MIB);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		abort();
	pair_serve(&p, fds[0], pair_handle);
	raw.stream = stream_from_fd(lt.loop, lt.root, fds[1]);
	raw_read();
	buf_add_text(&raw.out, preface);
}

static void frame(int type, int flags, uint32_t id, struct str payload)
{
	uint8_t head[9] = {(uint8_t)(payload.len >> 16), (uint8_t)(payload.len >> 8),
		(uint8_t)payload.len, (uint8_t)type, (uint8_t)flags, (uint8_t)(id >> 24),
		(uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
	buf_add(&raw.out, head, 9);
	buf_add_str(&raw.out, payload);
}

static void begin(void)
{
	begin_with((struct http_limits){0}, PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
}

/* HPACK: GET (2) or POST (3), https (7), a literal :path and :authority without indexing. */
static struct str head_of(char method, const char *path)
{
	static char at[256];
	int n = snprintf(
		at, sizeof(at), "%c\x87\x04%c%s\x01\x01h", 0x80 | method, (int)strlen(path), path);
	return str_make(at, (size_t)n);
}

static void request(uint32_t id, const char *path)
{
	frame(NGHTTP2_HEADERS, END_ALL, id, head_of(2, path));
}

/* Sends what was gathered and goes on until the server has closed, or `until` is true. */
static void run_until(bool (*until)(void))
{
	struct str part = buf_str(&raw.out);
	raw.until = until;
	raw.stop = raw.over || (until && until());
	stream_write(raw.stream, told_op(&raw.writing, lt.root, OP_NO_DEADLINE), &part, 1);
	if (!raw.stop)
		loop_test_run_until(&lt, &raw.stop);
	if (raw.over && op_active(&raw.writing.op))
		op_cancel(&raw.writing.op);
	loop_test_run_until(&lt, &raw.writing.done);
	buf_clear(&raw.out);
}

static void end(void)
{
	stream_close(raw.stream);
	loop_test_done(&lt);
	told_done(&raw.writing);
	buf_done(&raw.in);
	buf_done(&raw.out);
	EXPECT(p.server_gone);
	EXPECT_INT(p.running, 0);
}

static bool one_ended(void)
{
	return raw.ended >= 1;
}

static bool one_reset(void)
{
	return raw.resets >= 1;
}

static bool one_ping(void)
{
	return raw.pings >= 1;
}

/* The connection must be sent away with this code, whatever else. */
static void expect_goaway(int code)
{
	run_until(NULL);
	EXPECT(raw.over);
	EXPECT_INT(raw.goaway, code);
	end();
}

TEST(a_request_by_hand_is_answered)
{
	begin();
	request(1, "/size/100");
	run_until(one_ended);
	EXPECT_INT(raw.heads, 1);
	EXPECT_INT(raw.data, 100);
	EXPECT_INT(raw.goaway, NO_FRAME);
	end();
}

TEST(an_answer_that_closes_the_connection_says_goaway_and_comes)
{
	begin();
	request(1, "/last");
	run_until(one_ended);
	EXPECT_INT(raw.heads, 1);
	EXPECT_INT(raw.data, 4);
	expect_goaway(NGHTTP2_NO_ERROR);
}

TEST(a_preface_that_is_none_ends_the_connection)
{
	begin_with((struct http_limits){0}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n....");
	expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

TEST(a_preface_without_settings_ends_the_connection)
{
	begin_with((struct http_limits){0}, PREFACE);
	request(1, "/size/1");
	expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

TEST(a_client_that_says_nothing_is_given_up)
{
	begin_with((struct http_limits){.header_timeout = 30 * MSEC}, "PRI * HT");
	expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(headers_that_never_end_are_given_up)
{
	begin_with((struct http_limits){.header_timeout = 30 * MSEC}, PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, head_of(2, "/size/1"));
	expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(an_idle_connection_is_closed_gracefully)
{
	begin_with((struct http_limits){.idle_timeout = 30 * MSEC}, PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
	expect_goaway(NGHTTP2_NO_ERROR);
}

TEST(a_frame_above_the_frame_size_ends_the_connection)
{
	static char big[16385];
	begin();
	request(1, "/hang");
	frame(NGHTTP2_DATA, 0, 1, str_make(big, sizeof(big)));
	expect_goaway(NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(frames_of_wrong_size_end_the_connection)
{
	static const struct {
		int type, id, len;
	} cases[] = {{NGHTTP2_SETTINGS, 0, 5}, {NGHTTP2_PING, 0, 7}, {NGHTTP2_WINDOW_UPDATE, 0, 3},
		{NGHTTP2_RST_STREAM, 1, 5}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("case %zu", i);
		begin();
		request(1, "/hang");
		frame(cases[i].type, 0, (uint32_t)cases[i].id,
			str_make("\0\0\0\0\0\0\0\0", (size_t)cases[i].len));
		expect_goaway(NGHTTP2_FRAME_SIZE_ERROR);
	}
	test_context_end();
}

TEST(a_window_that_grows_past_its_maximum_ends_the_connection)
{
	begin();
	frame(NGHTTP2_WINDOW_UPDATE, 0, 0, str_make("\x7f\xff\xff\xff", 4));
	expect_goaway(NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(data_beyond_the_connection_window_ends_the_connection)
{
	static char chunk[16384];
	begin_with((struct http_limits){.h2_connection_window = 100000, .h2_stream_window = 65535},
		PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
	for (uint32_t id = 1; id < 9; id += 2) {
		frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head_of(3, "/hang"));
		for (int i = 0; i < 3; i++)
			frame(NGHTTP2_DATA, 0, id, str_make(chunk, sizeof(chunk)));
	}
	expect_goaway(NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(data_beyond_the_stream_window_resets_the_stream)
{
	static char chunk[16384];
	begin();
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head_of(3, "/hang"));
	for (int i = 0; i < 5; i++) /* before our SETTINGS are acknowledged it is 65,535 */
		frame(NGHTTP2_DATA, 0, 1, str_make(chunk, sizeof(chunk)));
	run_until(one_reset);
	EXPECT_INT(raw.last_reset, NGHTTP2_FLOW_CONTROL_ERROR);
	end();
}

static bool window_given(void)
{
	/* Half the window at least, beyond what the server gives at the start. */
	return raw.window[0] >= (int64_t)(1 * MIB) - 65535 + (int64_t)(512 * KIB);
}

TEST(bytes_of_streams_that_are_gone_return_to_the_connection)
{
	static char chunk[16000];
	begin();
	for (uint32_t id = 1; id < 41; id += 2) {
		frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head_of(3, "/hang"));
		for (int i = 0; i < 3; i++)
			frame(NGHTTP2_DATA, 0, id, str_make(chunk, sizeof(chunk)));
		frame(NGHTTP2_RST_STREAM, 0, id, str_make("\0\0\0\x08", 4));
	}
	run_until(window_given);
	EXPECT_INT(raw.window[1], 0);
	EXPECT(!raw.over);
	end();
}

TEST(rapid_resets_end_the_connection_and_reach_few_handlers)
{
	begin();
	for (uint32_t id = 1; id < 4001; id += 2) {
		request(id, "/hang");
		frame(NGHTTP2_RST_STREAM, 0, id, str_make("\0\0\0\x08", 4));
	}
	run_until(NULL);
	EXPECT_INT(raw.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
	EXPECT_TEXT(raw.reason, "too many streams reset");
	EXPECT(p.requests < 20); /* those whose reset came with the next bytes */
	end();
}

TEST(resets_that_the_client_makes_us_send_count_too)
{
	begin();
	for (uint32_t id = 1; id < 4001; id += 2) {
		request(id, "/hang");
		/* A window update of nothing is a stream error: the server resets. */
		frame(NGHTTP2_WINDOW_UPDATE, 0, id, str_make("\0\0\0\0", 4));
	}
	run_until(NULL);
	EXPECT(raw.over);
	EXPECT(raw.goaway != NO_FRAME && raw.goaway != NGHTTP2_NO_ERROR);
	EXPECT(p.requests <= 400);
	end();
}

TEST(malformed_requests_without_end_are_too_many_resets)
{
	begin();
	for (uint32_t id = 1; id < 4001; id += 2) /* no :path */
		frame(NGHTTP2_HEADERS, END_ALL, id, STR("\x82\x87\x01\x01h"));
	run_until(NULL);
	EXPECT_INT(raw.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
	EXPECT_INT(p.requests, 0);
	end();
}

TEST(floods_end_the_connection)
{
	static const struct {
		const char *name;
		int type, flags, id, len;
	} floods[] = {
		{"ping", NGHTTP2_PING, 0, 0, 8},
		{"settings", NGHTTP2_SETTINGS, 0, 0, 0},
		{"priority", NGHTTP2_PRIORITY, 0, 3, 5},
		{"empty data", NGHTTP2_DATA, 0, 1, 0},
		{"window update", NGHTTP2_WINDOW_UPDATE, 0, 0, 4},
		{"settings acknowledged", NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
		test_context("%s", floods[i].name);
		begin();
		frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head_of(3, "/hang"));
		for (int k = 0; k < 20000; k++)
			frame(floods[i].type, floods[i].flags, (uint32_t)floods[i].id,
				str_make("\0\0\0\x01\0\0\0\0", (size_t)floods[i].len));
		run_until(NULL);
		EXPECT(raw.over);
		EXPECT(raw.goaway == NGHTTP2_ENHANCE_YOUR_CALM ||
			raw.goaway == NGHTTP2_PROTOCOL_ERROR || raw.goaway == NO_FRAME);
		EXPECT(raw.pings < 4000);
		end();
	}
	test_context_end();
}

TEST(a_flood_of_continuations_ends_the_connection)
{
	begin();
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, head_of(2, "/size/1"));
	for (int i = 0; i < 1000; i++)
		frame(NGHTTP2_CONTINUATION, 0, 1, STR("\x00\x01x\x01y"));
	run_until(NULL);
	EXPECT(raw.over);
	EXPECT_INT(raw.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
	EXPECT_INT(p.requests, 0);
	end();
}

TEST(a_header_bomb_is_431_and_costs_no_memory)
{
	/* One field of 4,000 bytes goes into the table, then thousands of references to it. */
	static char block[16000];
	size_t n = 0;
	begin();
	struct str head = head_of(2, "/size/1");
	memcpy(block, head.at, head.len);
	n = head.len;
	/* Literal with indexing, name "a", length 3,900 = 127 + 3,773. */
	static const char literal[] = "\x40\x01"
				      "a\x7f\xbd\x1d";
	memcpy(block + n, literal, sizeof(literal) - 1);
	n += sizeof(literal) - 1;
	memset(block + n, 'v', 3900);
	n += 3900;
	memset(block + n, 0xbe, sizeof(block) - n);
	frame(NGHTTP2_HEADERS, END_ALL, 1, str_make(block, sizeof(block)));
	frame(NGHTTP2_PING, 0, 0, STR("12345678"));
	run_until(one_ping);
	EXPECT_INT(raw.heads + raw.resets, 1);
	EXPECT_INT(p.requests, 0);
	end();
}

TEST(malformed_requests_reset_their_stream_only)
{
	static const struct {
		const char *what;
		struct str block;
	} cases[] = {
		{"no method", STR_INIT("\x84\x87\x01\x01h")},
		{"no path", STR_INIT("\x82\x87\x01\x01h")},
		{"two methods", STR_INIT("\x82\x82\x84\x87\x01\x01h")},
		{"pseudo after regular", STR_INIT("\x82\x84\x87\x00\x01x\x01y\x01\x01h")},
		{"unknown pseudo", STR_INIT("\x82\x84\x87\x01\x01h\x00\x03:ab\x01y")},
		{"status in a request", STR_INIT("\x82\x84\x87\x01\x01h\x88")},
		{"upper case", STR_INIT("\x82\x84\x87\x01\x01h\x00\x01X\x01y")},
		{"empty name", STR_INIT("\x82\x84\x87\x01\x01h\x00\x00\x01y")},
		{"space in a name", STR_INIT("\x82\x84\x87\x01\x01h\x00\x03x y\x01y")},
		{"line feed in a value", STR_INIT("\x82\x84\x87\x01\x01h\x00\x01x\x03"
						  "a\nb")},
		{"connection", STR_INIT("\x82\x84\x87\x01\x01h\x00\x0a"
					"connection\x05"
					"close")},
		{"transfer-encoding", STR_INIT("\x82\x84\x87\x01\x01h\x00\x11transfer-encoding\x07"
					       "chunked")},
		{"te: gzip", STR_INIT("\x82\x84\x87\x01\x01h\x00\x02te\x04gzip")},
		{"keep-alive", STR_INIT("\x82\x84\x87\x01\x01h\x00\x0akeep-alive\x01"
					"1")},
		{"content-length without a body", STR_INIT("\x82\x84\x87\x01\x01h\x00\x0e"
							   "content-length\x01"
							   "5")},
		{"content-length of letters", STR_INIT("\x82\x84\x87\x01\x01h\x00\x0e"
						       "content-length\x01x")},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%s", cases[i].what);
		begin();
		frame(NGHTTP2_HEADERS, END_ALL, 1, cases[i].block);
		run_until(one_reset);
		EXPECT_INT(raw.last_reset, NGHTTP2_PROTOCOL_ERROR);
		EXPECT_INT(p.requests, 0);
		request(3, "/size/5");
		run_until(one_ended);
		EXPECT_INT(raw.data, 5);
		EXPECT_INT(raw.goaway, NO_FRAME);
		end();
	}
	test_context_end();
}

TEST(two_hosts_that_differ_are_a_bad_request)
{
	begin();
	frame(NGHTTP2_HEADERS, END_ALL, 1, STR("\x82\x84\x87\x01\x01h\x00\x04host\x05other"));
	run_until(one_ended);
	EXPECT_INT(raw.heads, 1);
	EXPECT_INT(p.requests, 0);
	end();
}

TEST(a_body_that_is_not_as_long_as_promised_resets_the_stream)
{
	for (int i = 0; i < 2; i++) {
		begin();
		frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
			STR("\x83\x87\x04\x05/echo\x01\x01h\x00\x0e"
			    "content-length\x01"
			    "5"));
		frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, i ? STR("four") : STR("sixsix"));
		run_until(one_reset);
		EXPECT_INT(raw.last_reset, NGHTTP2_PROTOCOL_ERROR);
		end();
	}
}

static bool one_settings(void)
{
	return raw.settings >= 1;
}

static bool two_settings(void)
{
	return raw.settings >= 2; /* the server's own and its answer to ours */
}

TEST(streams_above_the_limit_are_refused_then_an_error)
{
	begin_with((struct http_limits){.max_streams = 3}, PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
	for (uint32_t id = 1; id < 13; id += 2)
		request(id, "/hang");
	run_until(one_reset);
	EXPECT_INT(raw.last_reset, NGHTTP2_REFUSED_STREAM);
	EXPECT_INT(p.running, 3);
	run_until(two_settings);
	frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, (struct str){0});
	request(13, "/hang");
	expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

TEST(a_peer_that_does_not_read_loses_its_stream)
{
	/* Its window is 100 bytes and stays so. */
	begin_with((struct http_limits){.write_timeout = 30 * MSEC}, PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, str_make("\x00\x04\x00\x00\x00\x64", 6));
	request(1, "/size/10000");
	run_until(one_reset);
	EXPECT_INT(raw.data, 100);
	EXPECT_INT(raw.last_reset, NGHTTP2_CANCEL);
	EXPECT_INT(p.running, 0);
	end();
}

TEST(a_body_that_stops_coming_is_a_time_out)
{
	begin_with((struct http_limits){.body_timeout = 30 * MSEC}, PREFACE);
	frame(NGHTTP2_SETTINGS, 0, 0, (struct str){0});
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head_of(3, "/echo"));
	frame(NGHTTP2_DATA, 0, 1, STR("some"));
	run_until(one_reset); /* the handler gives up */
	EXPECT_INT(p.running, 0);
	end();
}

TEST(expect_100_continue_is_answered_when_the_body_is_read)
{
	begin();
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
		STR("\x83\x87\x04\x05/echo\x01\x01h\x00\x06"
		    "expect\x0c"
		    "100-continue"));
	frame(NGHTTP2_PING, 0, 0, STR("12345678"));
	run_until(one_ping);
	EXPECT_INT(raw.heads, 1);
	frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, STR("body"));
	run_until(one_ended);
	EXPECT_INT(raw.heads, 2);
	EXPECT_INT(raw.data, 4);
	end();
}

TEST(truncated_at_every_byte_nothing_is_left_behind)
{
	begin();
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head_of(3, "/stream"));
	frame(NGHTTP2_DATA, 0, 1, STR("hello"));
	frame(NGHTTP2_PING, 0, 0, STR("12345678"));
	size_t total = raw.out.len;
	end();
	for (size_t cut = 1; cut < total; cut++) {
		begin();
		frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head_of(3, "/stream"));
		frame(NGHTTP2_DATA, 0, 1, STR("hello"));
		frame(NGHTTP2_PING, 0, 0, STR("12345678"));
		buf_cut(&raw.out, cut);
		run_until(one_settings);
		end();
	}
}
