#include "test.h"

#include "runtime/layer_stream.h"

#include <kube/buf.h>
#include <kube/gzip.h>
#include <stdlib.h>
#include <unistd.h>

static int file_of(struct str bytes)
{
	char name[] = "/tmp/kube-stream-XXXXXX";
	int fd = mkstemp(name);

	EXPECT(fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len);
	unlink(name);
	return fd;
}

/* All of it, or the code it ends with. */
static int read_all(
	struct str packed, int64_t max_bytes, struct buf *out, char digests[2][72], struct err *err)
{
	int fd = file_of(packed), failed;
	struct layer_source source = {
		.fd = fd, .size = (int64_t)packed.len, .max_bytes = max_bytes, .max_ratio = 100};
	struct layer_stream *s = layer_stream_new(&source);
	char piece[1000];
	size_t n;
	int64_t plain;

	while (!(failed = layer_stream_read(s, piece, sizeof(piece), &n, err)) && n)
		buf_add(out, piece, n);
	if (!failed)
		failed = layer_stream_end(s, digests[0], digests[1], &plain, err);
	layer_stream_free(s);
	close(fd);
	return failed;
}

TEST(gzip_zstd_and_plain_bytes_come_out_alike)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB), gzip = BUF_INIT(MIB),
				       out = BUF_INIT(MIB);
	char digests[2][72];
	_cleanup_(err_done) struct err err = {0};

	for (int i = 0; i < 20000; i++)
		buf_print(&text, "%d ", i * 7919);
	REQUIRE_OK(gzip_encode(buf_str(&text), 6, &gzip, &err), &err);
	EXPECT_INT(read_all(buf_str(&text), MIB, &out, digests, &err), 0);
	EXPECT(str_eq(buf_str(&out), buf_str(&text)));
	EXPECT_TEXT(digests[0], digests[1]);
	char plain[72];
	memcpy(plain, digests[1], sizeof(plain));
	buf_clear(&out);
	EXPECT_INT(read_all(buf_str(&gzip), MIB, &out, digests, &err), 0);
	EXPECT(str_eq(buf_str(&out), buf_str(&text)));
	EXPECT_TEXT(digests[1], plain);
	EXPECT(strcmp(digests[0], plain) != 0);
	buf_clear(&out);
	EXPECT_INT(read_all(STR("\x28\xb5\x2f\xfd\x04\x58\x29\x00\x00hello\xd2\xdb\x72\x4c"), MIB,
			   &out, digests, &err),
		ERR_SYNTAX); /* the checksum is wrong */
	buf_clear(&out);
	EXPECT_INT(read_all(STR("\x28\xb5\x2f\xfd\x00\x58\x29\x00\x00hello"), MIB, &out, digests,
			   &err),
		0);
	EXPECT_STR(buf_str(&out), "hello");
}

TEST(what_is_cut_or_too_large_is_refused)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB), gzip = BUF_INIT(MIB),
				       out = BUF_INIT(MIB);
	char digests[2][72];
	_cleanup_(err_done) struct err err = {0};

	for (int i = 0; i < 20000; i++)
		buf_print(&text, "%d ", i * 7919);
	REQUIRE_OK(gzip_encode(buf_str(&text), 6, &gzip, &err), &err);
	EXPECT_INT(read_all(buf_str(&gzip), 50000, &out, digests, &err), ERR_TOO_LARGE);
	EXPECT_TEXT(err_text(&err), "layer unpacks to more than 50000 bytes");
	EXPECT_INT(read_all(str_sub(buf_str(&gzip), 0, gzip.len - 9), MIB, &out, digests, &err),
		ERR_SYNTAX);
	EXPECT_TEXT(err_text(&err), "gzip: unexpected EOF");
	EXPECT_INT(read_all(STR("\x28\xb5\x2f\xfd\x00\x58\x28\x00\x00hello"), MIB, &out, digests,
			   &err),
		ERR_SYNTAX); /* the last block is missing */
	EXPECT_TEXT(err_text(&err), "zstd: unexpected EOF");
}

TEST(a_request_to_stop_is_heard)
{
	_Atomic(bool) stopped = true;
	int fd = file_of(STR("some bytes"));
	struct layer_source source = {
		.fd = fd, .size = 10, .max_bytes = 100, .max_ratio = 100, .stopped = &stopped};
	struct layer_stream *s = layer_stream_new(&source);
	char piece[10];
	size_t n;

	EXPECT_INT(layer_stream_read(s, piece, sizeof(piece), &n, NULL), ERR_CANCELLED);
	layer_stream_free(s);
	close(fd);
}
