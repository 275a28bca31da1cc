#include "test.h"

#include <kube/mem.h>
#include <kube/spdy.h>
#include <net/spdy_frame.h>
#include <net/spdy_headers.h>

TEST(the_dictionary_is_the_one_of_the_protocol)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * KIB);
	struct spdy_packer *p = spdy_packer_new();

	EXPECT_INT(spdy_dictionary().len, 1423);
	spdy_pack(p, NULL, 0, &out);
	/* zlib's head names the dictionary by its checksum. */
	REQUIRE(out.len > 6);
	EXPECT(!memcmp(out.at + 2, "\xe3\xc6\xa7\xc2", 4));
	spdy_packer_free(p);
}

TEST(headers_come_back_in_the_order_of_their_blocks)
{
	static const struct http_header first[] = {
		{STR_INIT("streamType"), STR_INIT("stdout")}, {STR_INIT("port"), STR_INIT("80")}};
	static const struct http_header second[] = {{STR_INIT("streamtype"), STR_INIT("error")}};
	struct spdy_packer *p = spdy_packer_new(), *u = spdy_unpacker_new();
	struct arena a;

	arena_init(&a);
	for (int round = 0; round < 3; round++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(16 * KIB);
		struct http_headers headers = {0};
		bool even = round % 2 == 0;

		spdy_pack(p, even ? first : second, even ? 2 : 1, &out);
		EXPECT_INT(spdy_unpack(u, buf_str(&out), &a, &headers, NULL), 0);
		EXPECT_INT(headers.count, even ? 2 : 1);
		EXPECT_STR(headers.items[0].name, "streamtype");
		EXPECT_STR(headers.items[0].value, even ? "stdout" : "error");
	}
	arena_done(&a);
	spdy_packer_free(p);
	spdy_packer_free(u);
}

TEST(headers_without_end_are_refused)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct http_headers headers = {0};
	struct spdy_packer *p = spdy_packer_new(), *u = spdy_unpacker_new();
	struct http_header large = {
		STR("a"), {mem_new(SPDY_HEADER_MAX - 100), SPDY_HEADER_MAX - 100}};
	struct arena a;
	int code = 0;

	arena_init(&a);
	/* Zeros pack well: a small block of a large text is fine up to the ceiling… */
	spdy_pack(p, &large, 1, &out);
	EXPECT_INT(spdy_unpack(u, buf_str(&out), &a, &headers, NULL), 0);
	/* …and several blocks in one are not. */
	buf_clear(&out);
	for (int i = 0; i < 3; i++)
		spdy_pack(p, &large, 1, &out);
	code = spdy_unpack(u, buf_str(&out), &a, &headers, NULL);
	EXPECT_INT(code, ERR_TOO_LARGE);
	arena_done(&a);
	mem_free((void *)large.value.at);
	spdy_packer_free(p);
	spdy_packer_free(u);
}

TEST(heads_of_frames_come_back_as_they_were)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * KIB);
	struct spdy_head head;

	spdy_print_head(&(struct spdy_head){.id = 5, .flags = SPDY_FIN, .length = 77}, &out);
	EXPECT_INT(spdy_parse_head(buf_str(&out), &head, NULL), 0);
	EXPECT(!head.control && head.id == 5 && head.flags == SPDY_FIN && head.length == 77);
	buf_clear(&out);
	spdy_print_head(&(struct spdy_head){.control = true, .type = SPDY_PING, .length = 4}, &out);
	EXPECT(!memcmp(out.at, "\x80\x03\x00\x06\x00\x00\x00\x04", 8));
	EXPECT_INT(spdy_parse_head(buf_str(&out), &head, NULL), 0);
	EXPECT(head.control && head.type == SPDY_PING);
	EXPECT_INT(spdy_parse_head(STR("\x80\x02\x00\x06\x00\x00\x00\x04"), &head, NULL),
		ERR_PROTOCOL);
	EXPECT_INT(spdy_parse_head(STR("\x80\x03\x00\x01\x00\xff\xff\xff"), &head, NULL),
		ERR_PROTOCOL);
	EXPECT_INT(spdy_parse_head(STR("\x00\x00\x00\x00\x00\x00\x00\x01"), &head, NULL),
		ERR_PROTOCOL);
}
