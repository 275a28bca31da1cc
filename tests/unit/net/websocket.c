#include "test.h"

#include <kube/mem.h>
#include <kube/websocket.h>

static int parse(const char *bytes, size_t len, struct websocket_head *head)
{
	return websocket_parse_head(str_make(bytes, len), head, NULL);
}

TEST(heads_of_frames_come_back_as_they_were)
{
	static const uint64_t lengths[] = {0, 1, 125, 126, 65535, 65536, 1ULL << 40};

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		for (int masked = 0; masked < 2; masked++) {
			_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
			struct websocket_head in = {.length = lengths[i],
						      .opcode = WEBSOCKET_BINARY,
						      .last = true,
						      .masked = masked,
						      .mask = {1, 2, 3, 4}},
					      head;

			websocket_print_head(&in, &out);
			EXPECT_INT(parse(out.at, out.len, &head), out.len);
			EXPECT_INT(head.length, lengths[i]);
			EXPECT_INT(head.masked, masked);
			EXPECT(head.last && head.opcode == WEBSOCKET_BINARY);
			EXPECT_INT(head.mask[3], masked ? 4 : 0);
			for (size_t cut = 0; cut < out.len; cut++)
				EXPECT_INT(parse(out.at, cut, &head), 0);
		}
}

TEST(frames_that_no_one_may_send_are_refused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{"\xc2\x00", 2},         /* a reserved bit */
		{"\x83\x00", 2},         /* opcode 3 */
		{"\x8b\x00", 2},         /* opcode 11 */
		{"\x09\x00", 2},         /* a ping in pieces */
		{"\x89\x7e\x00\x7e", 4}, /* a ping of 126 bytes */
		{"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10},
	};
	struct websocket_head head;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_INT(parse(bad[i].bytes, bad[i].len, &head), ERR_PROTOCOL);
}

TEST(masks_go_on_where_they_stopped)
{
	char text[] = "Hello", whole[] = "Hello";
	const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

	websocket_mask(whole, 5, mask, 0);
	EXPECT(!memcmp(whole, "\x7f\x9f\x4d\x51\x58", 5));
	websocket_mask(text, 2, mask, 0);
	websocket_mask(text + 2, 3, mask, 2);
	EXPECT(!memcmp(text, whole, 5));
}

static struct http_request request(struct arena *a, const char *version, const char *key)
{
	struct http_request r = {.method = STR("GET"), .version = HTTP_1_1};

	http_headers_add(a, &r.headers, STR("Connection"), STR("keep-alive, Upgrade"));
	http_headers_add(a, &r.headers, STR("Upgrade"), STR("WebSocket"));
	if (version)
		http_headers_add(a, &r.headers, STR("Sec-WebSocket-Version"), str_from(version));
	if (key)
		http_headers_add(a, &r.headers, STR("Sec-WebSocket-Key"), str_from(key));
	return r;
}

TEST(handshakes_are_answered_as_the_standard_says)
{
	struct arena a;
	struct http_headers answer = {0};

	arena_init(&a);
	struct http_request r = request(&a, "13", "dGhlIHNhbXBsZSBub25jZQ==");
	EXPECT(http_wants_upgrade(&r, WEBSOCKET_PROTOCOL));
	EXPECT(!http_wants_upgrade(&r, STR("SPDY/3.1")));
	EXPECT_INT(websocket_check(&a, &r, STR("v5.channel.k8s.io"), &answer, NULL), 0);
	EXPECT_STR(http_headers_get(&answer, STR("sec-websocket-accept")),
		"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	EXPECT_STR(http_headers_get(&answer, STR("sec-websocket-protocol")), "v5.channel.k8s.io");
	EXPECT_INT(websocket_answered(&a, &r.headers, 101, &answer, NULL), 0);
	EXPECT_INT(websocket_answered(&a, &r.headers, 200, &answer, NULL), ERR_PROTOCOL);
	r = request(&a, "8", "dGhlIHNhbXBsZSBub25jZQ==");
	EXPECT_INT(websocket_check(&a, &r, STR(""), &answer, NULL), ERR_BAD_REQUEST);
	r = request(&a, "13", NULL);
	EXPECT_INT(websocket_check(&a, &r, STR(""), &answer, NULL), ERR_BAD_REQUEST);
	r.method = STR("POST");
	EXPECT_INT(websocket_check(&a, &r, STR(""), &answer, NULL), ERR_METHOD_NOT_ALLOWED);
	arena_done(&a);
}
