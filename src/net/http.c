#include "http_conn.h"
#include "read_all.h"

#include <kube/time.h>

/* ---- headers ---- */

void http_headers_add(struct arena *a, struct http_headers *h, struct str name, struct str value)
{
	ARENA_ROOM(a, h->items, h->count, h->cap, 16);
	h->items[h->count++] = (struct http_header){name, value};
}

static const struct http_header *headers_find(const struct http_headers *h, struct str name)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->items[i].name.len == name.len && str_eq_nocase(h->items[i].name, name))
			return &h->items[i];
	return NULL;
}

struct str http_headers_get(const struct http_headers *h, struct str name)
{
	const struct http_header *found = headers_find(h, name);
	return found ? found->value : (struct str){0};
}

bool http_headers_has(const struct http_headers *h, struct str name)
{
	return headers_find(h, name) != NULL;
}

bool http_headers_has_token(const struct http_headers *h, struct str name, struct str token)
{
	for (size_t i = 0; i < h->count; i++) {
		if (!str_eq_nocase(h->items[i].name, name))
			continue;
		struct str rest = h->items[i].value, piece;
		while (str_next(&rest, ',', &piece))
			if (str_eq_nocase(str_trim(piece), token))
				return true;
	}
	return false;
}

/* RFC 9110 5.6.2: what names and methods are made of. */
static const bool token_chars[256] = {
	['!'] = true,
	['#'] = true,
	['$'] = true,
	['%'] = true,
	['&'] = true,
	['\''] = true,
	['*'] = true,
	['+'] = true,
	['-'] = true,
	['.'] = true,
	['^'] = true,
	['_'] = true,
	['`'] = true,
	['|'] = true,
	['~'] = true,
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['a' ... 'z'] = true,
};

/* Tabs, spaces, what can be seen, and bytes above ASCII. */
static const bool value_chars[256] = {
	['\t'] = true,
	[' ' ... '~'] = true,
	[0x80 ... 0xff] = true,
};

size_t http_token_span(struct str s)
{
	size_t n = 0;
	while (n < s.len && token_chars[(uint8_t)s.at[n]])
		n++;
	return n;
}

size_t http_value_span(struct str s)
{
	size_t n = 0;
	while (n < s.len && value_chars[(uint8_t)s.at[n]])
		n++;
	return n;
}

bool http_header_valid(struct str name, struct str value)
{
	return name.len && http_token_span(name) == name.len && http_value_span(value) == value.len;
}

const char *http_status_text(int status)
{
	switch (status) {
#define S(code, text)                                                                              \
	case code:                                                                                 \
		return text;
#include "http_status.def"
#undef S
	default:
		return "";
	}
}

/*
 * A response prints a date; the text changes once a second. It is a function of that second
 * alone, so that virtual clocks side by side only cost each other the printing.
 */
struct str http_date(struct env *env)
{
	static _Thread_local int64_t printed = INT64_MIN;
	static _Thread_local char text[32];
	static _Thread_local size_t len;
	int64_t wall = env_wall(env);
	int64_t second = wall / SEC;
	if (second != printed) {
		struct buf b = BUF_INIT(sizeof(text) - 1);
		time_print_http(&b, wall);
		len = b.len;
		if (len)
			memcpy(text, b.at, len);
		buf_done(&b);
		printed = second;
	}
	return str_make(text, len);
}

void http_limits_fill(struct http_limits *to, const struct http_limits *from, bool server)
{
	*to = *from;
#define DEFAULT(field, value)                                                                      \
	if (!to->field)                                                                            \
	to->field = (value)
	DEFAULT(header_bytes, 64 * KIB);
	DEFAULT(header_count, 200);
	DEFAULT(body_bytes, server ? (int64_t)(3 * MIB) : -1);
	DEFAULT(header_timeout, 10 * SEC);
	DEFAULT(body_timeout, 30 * SEC);
	DEFAULT(write_timeout, 30 * SEC);
	DEFAULT(idle_timeout, 90 * SEC);
	DEFAULT(max_connections, 10000);
	DEFAULT(max_streams, 250);
	DEFAULT(h2_stream_window, 256 * KIB);
	DEFAULT(h2_connection_window, 1 * MIB);
#undef DEFAULT
}

/* ---- the exchange: what every implementation would have to do ---- */

static void exchange_cancel(struct op *op)
{
	struct http_exchange *x = op->ctx;
	x->ops->cancel(x, op);
}

static void exchange_describe(const struct op *op, struct buf *out)
{
	const struct http_exchange *x = op->ctx;
	buf_print(out, "%.*s %.*s", STRF(x->request.method),
		STRF(str_sub(x->request.target, 0, 200)));
}

#define EXCHANGE_KIND(kind_name)                                                                   \
	{                                                                                          \
		.name = (kind_name), .cancel = exchange_cancel, .describe = exchange_describe      \
	}

void http_read(struct http_exchange *x, struct op *op, struct buf *into, size_t max)
{
	static const struct op_kind kind = EXCHANGE_KIND("http read");
	if (op_begin(op, &kind, x))
		x->ops->read(x, op, into, max);
}

static int response_status(struct http_exchange *x, int status)
{
	assert(!x->status);
	x->status = status < 200 || status > 999 ? 500 : status;
	return x->status;
}

void http_respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t header_count, struct str body)
{
	static const struct op_kind kind = EXCHANGE_KIND("http respond");
	if (op_begin(op, &kind, x))
		x->ops->respond(x, op, response_status(x, status), headers, header_count, body);
}

void http_respond_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t header_count, int64_t length)
{
	static const struct op_kind kind = EXCHANGE_KIND("http respond start");
	if (op_begin(op, &kind, x))
		x->ops->start(x, op, response_status(x, status), headers, header_count, length);
}

void http_write(struct http_exchange *x, struct op *op, const struct str *parts, size_t count)
{
	static const struct op_kind kind = EXCHANGE_KIND("http write");
	assert(x->status);
	if (op_begin(op, &kind, x))
		x->ops->write(x, op, parts, count);
}

void http_respond_end(struct http_exchange *x, struct op *op, const struct http_headers *trailers)
{
	static const struct op_kind kind = EXCHANGE_KIND("http respond end");
	assert(x->status);
	if (op_begin(op, &kind, x))
		x->ops->end(x, op, trailers);
}

void http_upgrade(struct http_exchange *x, struct op *op, const struct http_header *headers,
	size_t header_count, struct stream **stream, struct buf *early)
{
	static const struct op_kind kind = EXCHANGE_KIND("http upgrade");
	assert(!x->status);
	if (op_begin(op, &kind, x))
		x->ops->upgrade(x, op, headers, header_count, stream, early);
}

void http_exchange_done(struct http_exchange *x)
{
	x->ops->done(x);
}

/* ---- the whole body at once ---- */

static void read_piece(void *ctx, struct op *op, struct buf *into, size_t max)
{
	http_read(ctx, op, into, max);
}

void http_read_all(struct http_exchange *x, struct op *op, struct buf *into, size_t max)
{
	http_read_to_end(&x->arena, op, into, max, x->request.length, "request", read_piece, x);
}
