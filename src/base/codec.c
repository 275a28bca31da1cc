#include <kube/codec.h>

static const char base64_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, struct str bytes, const char *letters, bool pad)
{
	const unsigned char *p = (const unsigned char *)bytes.at;
	size_t rest = bytes.len % 3, len = bytes.len / 3 * 4;
	if (rest)
		len += pad ? 4 : rest + 1;
	char *to = buf_reserve(out, len);
	if (!to)
		return;
	for (size_t left = bytes.len; left >= 3; left -= 3, p += 3) {
		uint32_t three = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		*to++ = letters[three >> 18];
		*to++ = letters[three >> 12 & 63];
		*to++ = letters[three >> 6 & 63];
		*to++ = letters[three & 63];
	}
	if (rest) {
		uint32_t three = (uint32_t)p[0] << 16 | (rest > 1 ? (uint32_t)p[1] << 8 : 0);
		*to++ = letters[three >> 18];
		*to++ = letters[three >> 12 & 63];
		if (rest > 1)
			*to++ = letters[three >> 6 & 63];
		else if (pad)
			*to++ = '=';
		if (pad)
			*to++ = '=';
	}
	buf_advance(out, len);
}

void base64_encode(struct buf *out, struct str bytes)
{
	encode(out, bytes, base64_letters, true);
}

void base64url_encode(struct buf *out, struct str bytes)
{
	encode(out, bytes, base64url_letters, false);
}

/* One more than a letter's six bits, 0 for what is no letter; both alphabets share it. */
/* clang-format off */
static const unsigned char letter_values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7,
	['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
	['-'] = 63, ['/'] = 64, ['_'] = 64,
};
/* clang-format on */

/* The six bits of a letter, or -1. The two alphabets differ in the last two. */
static int sextet(char c, bool url)
{
	bool other = url ? c == '+' || c == '/' : c == '-' || c == '_';
	return other ? -1 : letter_values[(unsigned char)c] - 1;
}

static int illegal(struct err *err, size_t at)
{
	return err_set(err, ERR_SYNTAX, "illegal base64 data at input byte %zu", at);
}

static size_t skip_newlines(struct str text, size_t i)
{
	while (i < text.len && (text.at[i] == '\n' || text.at[i] == '\r'))
		i++;
	return i;
}

/*
 * The padding that begins at i, after `have` letters of a group, and the end. Offsets in errors
 * are those of Go's decoder.
 */
static int check_padding(struct str text, size_t i, int have, struct err *err)
{
	if (have < 2)
		return illegal(err, i);
	if (have == 2) {
		size_t second = skip_newlines(text, i + 1);
		if (second == text.len)
			return illegal(err, text.len);
		if (text.at[second] != '=')
			return illegal(err, second - 1);
		i = second;
	}
	i = skip_newlines(text, i + 1);
	return i < text.len ? illegal(err, i) : 0;
}

static int decode_into(char **to, struct str text, struct err *err)
{
	char *p = *to;
	uint32_t group = 0;
	int have = 0;
	for (size_t i = 0; i < text.len; i++) {
		/* Whole groups in a row, as long as they come. */
		for (; have == 0 && text.len - i > 4; i += 4) {
			int a = sextet(text.at[i], false), b = sextet(text.at[i + 1], false);
			int c = sextet(text.at[i + 2], false), d = sextet(text.at[i + 3], false);
			if ((a | b | c | d) < 0)
				break;
			*p++ = (char)(a << 2 | b >> 4);
			*p++ = (char)(b << 4 | c >> 2);
			*p++ = (char)(c << 6 | d);
		}
		int six = sextet(text.at[i], false);
		if (six >= 0) {
			group = group << 6 | (uint32_t)six;
			if (++have < 4)
				continue;
			*p++ = (char)(group >> 16);
			*p++ = (char)(group >> 8);
			*p++ = (char)group;
			group = 0;
			have = 0;
			continue;
		}
		if (text.at[i] == '\n' || text.at[i] == '\r')
			continue;
		if (text.at[i] != '=')
			return illegal(err, i);
		int code = check_padding(text, i, have, err);
		if (code)
			return code;
		/* As Go does, bits that fill up the last letter may be anything. */
		*p++ = (char)(group >> (have == 2 ? 4 : 10));
		if (have == 3)
			*p++ = (char)(group >> 2);
		*to = p;
		return 0;
	}
	if (have)
		return illegal(err, text.len - (size_t)have);
	*to = p;
	return 0;
}

static int no_room(struct err *err)
{
	return err_set(err, ERR_TOO_LARGE, "decoded data is too large");
}

int base64_decode(struct buf *out, struct str text, struct err *err)
{
	/* An upper bound: newlines and padding give nothing. */
	size_t most = text.len / 4 * 3 + 2;
	struct buf scratch = BUF_INIT(most);
	bool direct = !out->over && most <= out->max - out->len;
	char *start = buf_reserve(direct ? out : &scratch, most), *end = start;
	int code = start ? decode_into(&end, text, err) : no_room(err);
	if (code == 0 && direct)
		buf_advance(out, (size_t)(end - start));
	else if (code == 0)
		buf_add(out, start, (size_t)(end - start));
	buf_done(&scratch);
	return code == 0 && buf_over(out) ? no_room(err) : code;
}

/*
 * Stricter than base64: this is how signed tokens are written, and there must be one way only to
 * write the same bytes.
 */
int base64url_decode(struct buf *out, struct str text, struct err *err)
{
	size_t len = text.len;
	while (len > 0 && text.len - len < 2 && text.at[len - 1] == '=')
		len--;
	size_t padding = text.len - len, rest = len % 4;
	if (padding && rest + padding != 4)
		return illegal(err, len);
	if (rest == 1)
		return illegal(err, len - 1);
	for (size_t i = 0; i < len; i++)
		if (sextet(text.at[i], true) < 0)
			return illegal(err, i);
	if (rest && sextet(text.at[len - 1], true) & (rest == 2 ? 15 : 3))
		return illegal(err, len - 1);

	size_t size = len / 4 * 3 + (rest ? rest - 1 : 0);
	char *to = buf_reserve(out, size);
	if (!to)
		return no_room(err);
	uint32_t group = 0;
	for (size_t i = 0, bits = 0; i < len; i++) {
		group = group << 6 | (uint32_t)sextet(text.at[i], true);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*to++ = (char)(group >> bits);
		}
	}
	buf_advance(out, size);
	return 0;
}

void hex_encode(struct buf *out, struct str bytes)
{
	char *to = bytes.len <= SIZE_MAX / 2 ? buf_reserve(out, bytes.len * 2) : NULL;
	if (!to)
		return;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.at[i];
		*to++ = "0123456789abcdef"[c >> 4];
		*to++ = "0123456789abcdef"[c & 15];
	}
	buf_advance(out, bytes.len * 2);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(struct buf *out, struct str text, struct err *err)
{
	for (size_t i = 0; i < text.len; i++)
		if (nibble(text.at[i]) < 0)
			return err_set(err, ERR_SYNTAX, "illegal hex data at input byte %zu", i);
	if (text.len % 2)
		return err_set(err, ERR_SYNTAX, "odd length hex string");
	char *to = buf_reserve(out, text.len / 2);
	if (!to)
		return no_room(err);
	for (size_t i = 0; i < text.len; i += 2)
		*to++ = (char)(nibble(text.at[i]) << 4 | nibble(text.at[i + 1]));
	buf_advance(out, text.len / 2);
	return 0;
}
