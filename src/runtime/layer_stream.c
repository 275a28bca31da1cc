#include "layer_stream.h"

#include <errno.h>
#include <kube/gzip.h>
#include <kube/mem.h>
#include <unistd.h>
#include <zstd.h>

#define READ_STEP (256 * KIB)
/* A decoder of gzip takes all it is given: 8 KiB of the worst bomb become 8 MiB. */
#define GZIP_FEED ((size_t)8 * KIB)
#define PLAIN_MAX (16 * MIB)
/* A frame that wants a larger window is refused; 8 MiB is what every writer stays below. */
#define ZSTD_WINDOW_LOG 27

struct layer_stream {
	struct layer_source source;
	struct sha256 packed_hash, plain_hash;
	int64_t packed_read, plain_given;
	struct buf packed; /* read, not decoded */
	size_t packed_at;
	struct buf plain; /* decoded, not given */
	size_t plain_at;
	struct gzip *gzip;
	ZSTD_DStream *zstd;
	bool begun, ended;
	bool zstd_open, zstd_more; /* inside a frame; the decoder holds plain bytes */
};

struct layer_stream *layer_stream_new(const struct layer_source *source)
{
	struct layer_stream *s = mem_new(sizeof(*s));

	s->source = *source;
	sha256_init(&s->packed_hash);
	sha256_init(&s->plain_hash);
	buf_init(&s->packed, READ_STEP);
	buf_init(&s->plain, PLAIN_MAX);
	return s;
}

void layer_stream_free(struct layer_stream *s)
{
	if (!s)
		return;
	gzip_free(s->gzip);
	ZSTD_freeDStream(s->zstd);
	buf_done(&s->packed);
	buf_done(&s->plain);
	mem_free(s);
}

/* Leaves packed.len = 0 at the end. */
static int fill_packed(struct layer_stream *s, struct err *err)
{
	int64_t left = s->source.size - s->packed_read;

	buf_clear(&s->packed);
	s->packed_at = 0;
	if (s->source.stopped && *s->source.stopped)
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (left <= 0)
		return 0;
	char *at = buf_reserve(&s->packed, READ_STEP);
	ssize_t n;
	do
		n = pread(s->source.fd, at, (size_t)MIN(left, (int64_t)READ_STEP),
			s->source.offset + s->packed_read);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set_errno(err, errno, "reading a layer");
	if (n == 0)
		return err_set(err, ERR_SYNTAX, "layer ends after %lld of %lld bytes",
			(long long)s->packed_read, (long long)s->source.size);
	buf_advance(&s->packed, (size_t)n);
	s->packed_read += n;
	/* Of what is not packed there is one digest. */
	if (!s->begun || s->gzip || s->zstd)
		sha256_add(&s->packed_hash, buf_str(&s->packed));
	return 0;
}

static void begin(struct layer_stream *s)
{
	struct str head = buf_str(&s->packed);

	s->begun = true;
	if (str_starts(head, STR("\x1f\x8b"))) {
		s->gzip = gzip_new_decoder();
	} else if (str_starts(head, STR("\x28\xb5\x2f\xfd"))) {
		s->zstd = ZSTD_createDStream();
		assert(s->zstd);
		ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	}
}

static int decode_zstd(struct layer_stream *s, struct err *err)
{
	ZSTD_inBuffer in = {s->packed.at, s->packed.len, s->packed_at};
	ZSTD_outBuffer out = {buf_reserve(&s->plain, READ_STEP), READ_STEP, 0};
	size_t r = ZSTD_decompressStream(s->zstd, &out, &in);

	if (ZSTD_isError(r))
		return err_set(err, ERR_SYNTAX, "zstd: %s", ZSTD_getErrorName(r));
	s->zstd_open = r != 0;
	s->zstd_more = out.pos == out.size;
	s->packed_at = in.pos;
	buf_advance(&s->plain, out.pos);
	return 0;
}

static int decode_some(struct layer_stream *s, struct err *err)
{
	struct str rest = str_skip(buf_str(&s->packed), s->packed_at);

	if (s->zstd)
		return decode_zstd(s, err);
	struct str piece = s->gzip ? str_sub(rest, 0, GZIP_FEED) : rest;
	s->packed_at += piece.len;
	if (s->gzip)
		return gzip_add(s->gzip, piece, false, &s->plain, err);
	buf_add_str(&s->plain, piece);
	return 0;
}

static int check_ceilings(const struct layer_stream *s, struct err *err)
{
	int64_t bytes = s->plain_given + (int64_t)s->plain.len;

	if (bytes > s->source.max_bytes)
		return err_set(err, ERR_TOO_LARGE, "layer unpacks to more than %lld bytes",
			(long long)s->source.max_bytes);
	if (bytes > LAYER_RATIO_FROM && bytes / s->source.max_ratio > s->packed_read)
		return err_set(err, ERR_TOO_LARGE,
			"layer unpacks to more than %lld times its size: refused as a bomb",
			(long long)s->source.max_ratio);
	return 0;
}

/* Until there is something to give, or the end. */
static int fill_plain(struct layer_stream *s, struct err *err)
{
	int failed = 0;

	buf_clear(&s->plain);
	s->plain_at = 0;
	while (!failed && s->plain.len == 0 && !s->ended) {
		if (s->packed_at == s->packed.len && !s->zstd_more) {
			failed = fill_packed(s, err);
			s->ended = s->packed.len == 0;
		}
		if (!s->begun)
			begin(s);
		if (!failed && !s->ended)
			failed = decode_some(s, err);
	}
	if (failed)
		return failed;
	if (s->ended && s->gzip)
		failed = gzip_end(s->gzip, &s->plain, err);
	if (!failed && s->ended && s->zstd_open)
		failed = err_set(err, ERR_SYNTAX, "zstd: unexpected EOF");
	if (failed)
		return failed;
	sha256_add(&s->plain_hash, buf_str(&s->plain));
	failed = check_ceilings(s, err);
	s->plain_given += (int64_t)s->plain.len;
	return failed;
}

int layer_stream_read(void *stream, void *at, size_t len, size_t *n, struct err *err)
{
	struct layer_stream *s = stream;

	*n = 0;
	if (s->plain_at == s->plain.len) {
		if (s->ended)
			return 0;
		int failed = fill_plain(s, err);
		if (failed)
			return failed;
	}
	*n = MIN(len, s->plain.len - s->plain_at);
	if (*n)
		memcpy(at, s->plain.at + s->plain_at, *n);
	s->plain_at += *n;
	return 0;
}

void digest_print(struct sha256 *h, char text[72])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[32];

	sha256_end(h, bytes);
	memcpy(text, "sha256:", 7);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		text[7 + 2 * i] = digits[bytes[i] >> 4];
		text[8 + 2 * i] = digits[bytes[i] & 15];
	}
	text[71] = '\0';
}

int layer_stream_end(struct layer_stream *s, char packed[72], char plain[72], int64_t *plain_bytes,
	struct err *err)
{
	while (!s->ended) {
		int failed = fill_plain(s, err);
		if (failed)
			return failed;
	}
	*plain_bytes = s->plain_given;
	digest_print(&s->plain_hash, plain);
	if (s->gzip || s->zstd)
		digest_print(&s->packed_hash, packed);
	else
		memcpy(packed, plain, 72);
	return 0;
}
