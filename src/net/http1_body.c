#include "http1_body.h"

enum chunk_step {
	CHUNK_SIZE,    /* hexadecimal digits */
	CHUNK_BLANK,   /* blanks behind them, which old servers pad with */
	CHUNK_EXT,     /* ";…", ignored */
	CHUNK_SIZE_LF, /* the line's CR has been seen */
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER,
};

#define CHUNK_LINE_MAX   4096
#define CHUNK_DIGITS_MAX 15 /* stays below INT64_MAX */
#define CHUNK_EXCESS_MAX ((int64_t)(16 * KIB))
#define TRAILER_MAX      (16 * KIB)

void http1_body_init(struct http1_body *b, enum http1_body_kind kind, int64_t length)
{
	*b = (struct http1_body){.kind = kind};
	b->left = kind == HTTP1_BODY_LENGTH ? length : 0;
	b->ended = kind == HTTP1_BODY_NONE || (kind == HTTP1_BODY_LENGTH && length == 0);
	buf_init(&b->trailer, TRAILER_MAX);
}

void http1_body_done(struct http1_body *b)
{
	buf_done(&b->trailer);
}

/* Hands out what is data as it stands. */
static size_t plain_read(struct http1_body *b, struct str in, struct buf *out, size_t max)
{
	size_t n = MIN(in.len, max);
	if (b->kind != HTTP1_BODY_CLOSE && (uint64_t)b->left < n)
		n = (size_t)b->left;
	if (out)
		buf_add(out, in.at, n);
	if (b->kind != HTTP1_BODY_CLOSE)
		b->left -= (int64_t)n;
	b->total += (int64_t)n;
	return n;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A byte of the line that gives a chunk's size. */
static bool size_line_byte(struct http1_body *b, char c)
{
	if (++b->line > CHUNK_LINE_MAX)
		return false;
	int digit = hex_value(c);
	switch ((enum chunk_step)b->step) {
	case CHUNK_SIZE:
		if (digit >= 0) {
			if (++b->digits > CHUNK_DIGITS_MAX)
				return false;
			b->left = b->left * 16 + digit;
			return true;
		}
		if (b->digits == 0)
			return false;
		b->step = CHUNK_BLANK;
		/* fall through */
	case CHUNK_BLANK:
		if (c == ' ' || c == '\t')
			return true;
		if (c != ';' && c != '\r')
			return false;
		b->step = c == ';' ? CHUNK_EXT : CHUNK_SIZE_LF;
		return true;
	case CHUNK_EXT:
		if (c == '\r')
			b->step = CHUNK_SIZE_LF;
		return c == '\r' || c == '\t' || (uint8_t)c >= ' ';
	default:
		break;
	}
	if (c != '\n')
		return false;
	/* A small chunk with much around it costs the receiver more than the sender. */
	b->excess += (int64_t)b->line - 16 - 2 * MIN(b->left, CHUNK_EXCESS_MAX);
	b->excess = MAX(b->excess, (int64_t)0);
	b->step = b->left ? CHUNK_DATA : CHUNK_TRAILER;
	b->line = 0;
	b->digits = 0;
	return b->excess <= CHUNK_EXCESS_MAX;
}

static bool trailer_read(struct http1_body *b, struct str in, size_t *used)
{
	size_t take = MIN(in.len, TRAILER_MAX - b->trailer.len);
	buf_add(&b->trailer, in.at, take);
	enum http1_found found = http1_scan_head(&b->at, buf_str(&b->trailer));
	if (found == HTTP1_BAD || (found == HTTP1_MORE && b->trailer.len == TRAILER_MAX))
		return false;
	if (found == HTTP1_COMPLETE) {
		take -= b->trailer.len - b->at.at;
		buf_cut(&b->trailer, b->at.at > 2 ? b->at.at : 0);
		b->ended = true;
	}
	*used += take;
	return true;
}

static ssize_t chunked_read(struct http1_body *b, struct str in, size_t *used, struct buf *out,
	size_t max, struct err *err)
{
	size_t got = 0;
	bool fine = true;
	while (fine && !b->ended && *used < in.len) {
		char c = in.at[*used];
		switch ((enum chunk_step)b->step) {
		case CHUNK_DATA: {
			size_t n = plain_read(b, str_skip(in, *used), out, max - got);
			*used += n;
			got += n;
			if (b->left == 0)
				b->step = CHUNK_DATA_CR;
			else if (n == 0)
				return (ssize_t)got;
			break;
		}
		case CHUNK_DATA_CR:
			fine = c == '\r';
			b->step = CHUNK_DATA_LF;
			++*used;
			break;
		case CHUNK_DATA_LF:
			fine = c == '\n';
			b->step = CHUNK_SIZE;
			++*used;
			break;
		case CHUNK_TRAILER:
			fine = trailer_read(b, str_skip(in, *used), used);
			break;
		default:
			fine = size_line_byte(b, c);
			++*used;
		}
	}
	if (!fine)
		return err_set(err, ERR_PROTOCOL, "malformed chunked encoding");
	return (ssize_t)got;
}

ssize_t http1_body_read(struct http1_body *b, struct str in, size_t *used, struct buf *out,
	size_t max, struct err *err)
{
	*used = 0;
	if (b->ended)
		return 0;
	if (b->kind == HTTP1_BODY_CHUNKED)
		return chunked_read(b, in, used, out, max, err);
	size_t n = plain_read(b, in, out, max);
	*used = n;
	if (b->kind == HTTP1_BODY_LENGTH && b->left == 0)
		b->ended = true;
	return (ssize_t)n;
}
