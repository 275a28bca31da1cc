#include "spdy_headers.h"

#include <kube/mem.h>
#include <kube/spdy.h>
#include <limits.h>
#include <zlib.h>

#define PACK_STEP   (4 * KIB)
#define HEADERS_MAX 100 /* in a block */

/* ---- the dictionary ---- */

/* Words that stand in it each behind its length… */
#define W(word)                                                                                    \
	{                                                                                          \
		sizeof(word) - 1, word                                                             \
	}
static const struct {
	uint8_t len;
	char word[24];
} words[] = {W("options"), W("head"), W("post"), W("put"), W("delete"), W("trace"), W("accept"),
	W("accept-charset"), W("accept-encoding"), W("accept-language"), W("accept-ranges"),
	W("age"), W("allow"), W("authorization"), W("cache-control"), W("connection"),
	W("content-base"), W("content-encoding"), W("content-language"), W("content-length"),
	W("content-location"), W("content-md5"), W("content-range"), W("content-type"), W("date"),
	W("etag"), W("expect"), W("expires"), W("from"), W("host"), W("if-match"),
	W("if-modified-since"), W("if-none-match"), W("if-range"), W("if-unmodified-since"),
	W("last-modified"), W("location"), W("max-forwards"), W("pragma"), W("proxy-authenticate"),
	W("proxy-authorization"), W("range"), W("referer"), W("retry-after"), W("server"), W("te"),
	W("trailer"), W("transfer-encoding"), W("upgrade"), W("user-agent"), W("vary"), W("via"),
	W("warning"), W("www-authenticate"), W("method"), W("get"), W("status"), W("200 OK"),
	W("version"), W("HTTP/1.1"), W("url"), W("public"), W("set-cookie"), W("keep-alive"),
	W("origin")};
#undef W

/* … and what stands behind them without one. */
static const char rest[] =
	"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
	"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
	"401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
	"503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00"
	" Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
	"application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
	"gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

struct str spdy_dictionary(void)
{
	static char bytes[1500];
	static size_t len;

	if (len)
		return str_make(bytes, len);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char head[4] = {0, 0, 0, (char)words[i].len};

		memcpy(bytes + len, head, sizeof(head));
		memcpy(bytes + len + sizeof(head), words[i].word, words[i].len);
		len += sizeof(head) + words[i].len;
	}
	memcpy(bytes + len, rest, sizeof(rest) - 1);
	len += sizeof(rest) - 1;
	return str_make(bytes, len);
}

/* ---- packing ---- */

struct spdy_packer {
	z_stream z;
	bool unpacks;
};

struct spdy_packer *spdy_packer_new(void)
{
	struct spdy_packer *p = mem_new(sizeof(*p));
	struct str dictionary = spdy_dictionary();
	/* A small window: the dictionary and a few streams fit. */
	int r = deflateInit2(&p->z, Z_BEST_COMPRESSION, Z_DEFLATED, 12, 5, Z_DEFAULT_STRATEGY);

	assert(r == Z_OK);
	r = deflateSetDictionary(
		&p->z, (const unsigned char *)dictionary.at, (unsigned)dictionary.len);
	assert(r == Z_OK);
	return p;
}

struct spdy_packer *spdy_unpacker_new(void)
{
	struct spdy_packer *p = mem_new(sizeof(*p));
	int r = inflateInit(&p->z);

	assert(r == Z_OK);
	p->unpacks = true;
	return p;
}

void spdy_packer_free(struct spdy_packer *p)
{
	if (!p)
		return;
	p->unpacks ? inflateEnd(&p->z) : deflateEnd(&p->z);
	mem_free(p);
}

static void add_number(struct buf *out, size_t n)
{
	const char bytes[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

	buf_add(out, bytes, sizeof(bytes));
}

static void add_lower(struct buf *out, struct str s)
{
	add_number(out, s.len);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		buf_add_char(out, c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
	}
}

void spdy_pack(
	struct spdy_packer *p, const struct http_header *headers, size_t count, struct buf *out)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(SPDY_HEADER_MAX);

	add_number(&plain, count);
	for (size_t i = 0; i < count; i++) {
		add_lower(&plain, headers[i].name);
		add_number(&plain, headers[i].value.len);
		buf_add_str(&plain, headers[i].value);
	}
	assert(!buf_over(&plain));
	p->z.next_in = (unsigned char *)plain.at;
	p->z.avail_in = (unsigned)plain.len;
	do {
		char *room = buf_reserve(out, PACK_STEP);

		if (!room)
			return;
		p->z.next_out = (unsigned char *)room;
		p->z.avail_out = PACK_STEP;
		deflate(&p->z, Z_SYNC_FLUSH);
		buf_advance(out, PACK_STEP - p->z.avail_out);
	} while (!p->z.avail_out);
}

/* ---- unpacking ---- */

static int inflate_block(
	struct spdy_packer *p, struct str block, struct buf *plain, struct err *err)
{
	struct str dictionary = spdy_dictionary();

	p->z.next_in = (unsigned char *)block.at;
	p->z.avail_in = (unsigned)block.len;
	for (;;) {
		char *room = buf_reserve(plain, PACK_STEP);

		if (!room)
			return err_set(err, ERR_TOO_LARGE, "spdy: headers of more than %zu bytes",
				(size_t)SPDY_HEADER_MAX);
		p->z.next_out = (unsigned char *)room;
		p->z.avail_out = PACK_STEP;
		int r = inflate(&p->z, Z_SYNC_FLUSH);
		buf_advance(plain, PACK_STEP - p->z.avail_out);
		if (r == Z_NEED_DICT)
			r = inflateSetDictionary(&p->z, (const unsigned char *)dictionary.at,
				(unsigned)dictionary.len);
		if (r == Z_BUF_ERROR || (r == Z_OK && !p->z.avail_in && p->z.avail_out))
			return 0;
		if (r != Z_OK)
			return err_set(err, ERR_SYNTAX, "spdy: headers: %s",
				p->z.msg ? p->z.msg : "invalid data");
	}
}

static bool next_number(struct str *in, size_t *n)
{
	const uint8_t *at = (const uint8_t *)in->at;

	if (in->len < 4)
		return false;
	*n = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
	*in = str_skip(*in, 4);
	return true;
}

static bool next_text(struct str *in, struct str *text)
{
	size_t n;

	if (!next_number(in, &n) || n > in->len)
		return false;
	*text = str_sub(*in, 0, n);
	*in = str_skip(*in, n);
	return true;
}

int spdy_unpack(struct spdy_packer *p, struct str block, struct arena *a,
	struct http_headers *headers, struct err *err)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(SPDY_HEADER_MAX + PACK_STEP);
	size_t count;
	int code = block.len > INT_MAX ? err_set(err, ERR_TOO_LARGE, "spdy: headers too large")
				       : inflate_block(p, block, &plain, err);

	if (code)
		return code;
	struct str in = buf_str(&plain);
	if (!next_number(&in, &count) || count > HEADERS_MAX)
		return err_set(err, ERR_SYNTAX, "spdy: headers: bad count");
	for (size_t i = 0; i < count; i++) {
		struct str name, value;

		if (!next_text(&in, &name) || !next_text(&in, &value) || !name.len)
			return err_set(err, ERR_SYNTAX, "spdy: headers: cut off");
		http_headers_add(a, headers, arena_str(a, name), arena_str(a, value));
	}
	return in.len ? err_set(err, ERR_SYNTAX, "spdy: headers: bytes behind them") : 0;
}
