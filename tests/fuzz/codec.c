/* Decoders: what they read, they write again; what they refuse leaves nothing behind. */
#include <kube/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void encode_fn(struct buf *out, struct str bytes);
typedef int decode_fn(struct buf *out, struct str text, struct err *err);

/* The bytes must survive; *text is how they are written. */
static bool check(struct str s, encode_fn *encode, decode_fn *decode, struct buf *text)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(64 * KIB), again = BUF_INIT(64 * KIB);
	_cleanup_(err_done) struct err err = {0};
	if (decode(&bytes, s, &err) != 0) {
		assert(bytes.len == 0 && err.text);
		return false;
	}
	buf_clear(text);
	encode(text, buf_str(&bytes));
	int code = decode(&again, buf_str(text), NULL);
	assert(code == 0 && str_eq(buf_str(&again), buf_str(&bytes)));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB), back = BUF_INIT(64 * KIB);
	struct str s = str_make((const char *)data, size);
	if (size > 16 * KIB)
		return 0;
	check(s, base64_encode, base64_decode, &text);
	if (check(s, hex_encode, hex_decode, &text))
		assert(str_eq_nocase(buf_str(&text), s));
	/* There is one way only to write bytes in base64url, but for the padding. */
	if (check(s, base64url_encode, base64url_decode, &text)) {
		assert(str_starts(s, buf_str(&text)));
		assert(s.len - text.len <= 2);
	}

	/* Any bytes at all can be written. */
	buf_clear(&text);
	base64_encode(&text, s);
	int code = base64_decode(&back, buf_str(&text), NULL);
	assert(code == 0 && str_eq(buf_str(&back), s));
	return 0;
}
