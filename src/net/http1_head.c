#include "http1_head.h"

#include "http_conn.h"

#include <llhttp.h>

/* ---- where does it end? ---- */

enum http1_found http1_scan_head(struct http1_scan *scan, struct str bytes)
{
	while (scan->at < bytes.len) {
		const char *lf = memchr(bytes.at + scan->at, '\n', bytes.len - scan->at);
		if (!lf) {
			scan->at = bytes.len;
			break;
		}
		size_t at = (size_t)(lf - bytes.at);
		if (at == scan->line || bytes.at[at - 1] != '\r')
			return HTTP1_BAD;
		scan->at = at + 1;
		if (at == scan->line + 1)
			return HTTP1_COMPLETE;
		scan->line = at + 1;
	}
	return HTTP1_MORE;
}

/* "HTTP/1.0" and "HTTP/1.1" are spoken; other HTTP/x.y is a version, the rest is noise. */
static int version_parse(struct str s, enum http_version *version)
{
	if (str_eq(s, STR("HTTP/1.1")))
		*version = HTTP_1_1;
	else if (str_eq(s, STR("HTTP/1.0")))
		*version = HTTP_1_0;
	else if (s.len == 8 && str_starts(s, STR("HTTP/")) && s.at[6] == '.')
		return 505;
	else
		return 400;
	return 0;
}

int http1_check_start(struct str bytes, const struct http1_scan *scan)
{
	/* Something that is no HTTP at all (a TLS hello, a port scanner) is not waited for. */
	size_t method = http_token_span(bytes);
	if (method == 0 || (method < bytes.len && bytes.at[method] != ' '))
		return 400;
	if (scan->line == 0)
		return 0;
	struct str line, before, version;
	enum http_version parsed;
	str_cut(bytes, '\r', &line, &before);
	if (!str_cut_last(line, ' ', &before, &version))
		return 400;
	return version_parse(version, &parsed);
}

/* ---- fields ---- */

static struct str trim_blanks(struct str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = str_skip(s, 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/*
 * block: lines, each ended by CRLF, the last one empty (http1_scan_head has seen to that).
 * 0 or a status.
 */
static int fields_parse(struct arena *a, struct str block, size_t max_count,
	struct http_headers *headers, const char **why)
{
	while (block.len > 2) {
		const char *lf = memchr(block.at, '\n', block.len);
		struct str line = str_make(block.at, (size_t)(lf - block.at) - 1);
		block = str_skip(block, line.len + 2);
		struct str name = str_make(line.at, http_token_span(line));
		if (name.len == 0) {
			*why = "malformed header line";
			return 400;
		}
		if (name.len == line.len || line.at[name.len] != ':') {
			*why = "malformed header name";
			return 400;
		}
		struct str value = str_skip(line, name.len + 1);
		if (http_value_span(value) != value.len) {
			*why = "malformed header value";
			return 400;
		}
		if (headers->count == max_count) {
			*why = "too many header fields";
			return 431;
		}
		http_headers_add(a, headers, name, trim_blanks(value));
	}
	return 0;
}

/* ---- the second opinion ---- */

struct verdict {
	bool complete;
	uint16_t flags;
	uint64_t length;
};

static int verdict_complete(llhttp_t *p)
{
	struct verdict *v = p->data;
	v->complete = true;
	v->flags = p->flags;
	v->length = p->content_length;
	return HPE_PAUSED;
}

/* start: what is read before head; empty for none. */
static bool llhttp_agrees(
	llhttp_type_t type, struct str start, struct str head, struct verdict *verdict)
{
	static const llhttp_settings_t settings = {.on_headers_complete = verdict_complete};
	llhttp_t p;
	llhttp_init(&p, type, &settings);
	p.data = verdict;
	if (start.len)
		llhttp_execute(&p, start.at, start.len);
	llhttp_execute(&p, head.at, head.len);
	return verdict->complete;
}

/*
 * Our own reading of what says where the body ends; the verdict must be the same. 0 or a status.
 */
static int framing_read(const struct http_headers *headers, enum http_version version,
	const struct verdict *verdict, struct http1_framing *f, const char **why)
{
	*f = (struct http1_framing){0};
	struct str length = {0};
	size_t lengths = 0, encodings = 0;
	for (size_t i = 0; i < headers->count; i++) {
		const struct http_header *h = &headers->items[i];
		if (h->name.len == 14 && str_eq_nocase(h->name, STR("Content-Length"))) {
			length = h->value;
			lengths++;
		} else if (h->name.len == 17 && str_eq_nocase(h->name, STR("Transfer-Encoding"))) {
			f->chunked = str_eq_nocase(h->value, STR("chunked"));
			encodings++;
		}
	}
	*why = "bad Content-Length or Transfer-Encoding";
	if (encodings && (lengths || version != HTTP_1_1))
		return 400;
	if (encodings > 1 || (encodings && !f->chunked)) {
		*why = "unsupported transfer encoding";
		return 501;
	}
	if (lengths > 1)
		return 400;
	uint64_t value = 0;
	if (lengths && (!str_to_u64(length, &value) || value > INT64_MAX))
		return 400;
	if (f->chunked != !!(verdict->flags & F_CHUNKED) ||
		!!lengths != !!(verdict->flags & F_CONTENT_LENGTH) || verdict->length != value)
		return 400;
	f->has_length = lengths;
	f->length = (int64_t)value;
	f->upgrade = verdict->flags & F_CONNECTION_UPGRADE;
	f->keep_alive = !(verdict->flags & F_CONNECTION_CLOSE) &&
			(version == HTTP_1_1 || verdict->flags & F_CONNECTION_KEEP_ALIVE);
	return 0;
}

/* ---- requests ---- */

static bool target_char(char c)
{
	return c > ' ' && c < 0x7f;
}

static bool host_char(char c)
{
	static const char others[] = "!$%&'()*+,-.:;=[]_~";
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr(others, c));
}

static bool all_chars(struct str s, bool (*ok)(char c))
{
	for (size_t i = 0; i < s.len; i++)
		if (!ok(s.at[i]))
			return false;
	return true;
}

static int request_line_parse(struct str line, struct http_request *r, const char **why)
{
	*why = "malformed HTTP request";
	r->method = str_make(line.at, http_token_span(line));
	struct str rest = str_skip(line, r->method.len), version;
	if (r->method.len == 0 || !str_starts(rest, STR(" ")) ||
		!str_cut(str_skip(rest, 1), ' ', &r->target, &version))
		return 400;
	int status = version_parse(version, &r->version);
	if (status == 505)
		*why = NULL; /* the status says it */
	if (status)
		return status;
	if (r->target.len == 0 || !all_chars(r->target, target_char))
		return 400;
	bool any = r->target.at[0] == '*';
	if (any && !(r->target.len == 1 && str_eq(r->method, STR("OPTIONS"))))
		return 400;
	return 0;
}

/* RFC 9112 3.2: exactly one Host; an absolute target names the authority itself. */
static int authority_read(struct http_request *r, const char **why)
{
	size_t hosts = 0;
	for (size_t i = 0; i < r->headers.count; i++) {
		const struct http_header *h = &r->headers.items[i];
		if (h->name.len != 4 || !str_eq_nocase(h->name, STR("Host")))
			continue;
		r->authority = h->value;
		hosts++;
	}
	*why = hosts ? "too many Host headers" : "missing required Host header";
	if (hosts > 1 || (!hosts && r->version == HTTP_1_1))
		return 400;
	*why = "malformed Host header";
	if (!all_chars(r->authority, host_char))
		return 400;
	if (str_eq(r->method, STR("CONNECT"))) {
		r->authority = r->target;
	} else if (r->target.at[0] != '/' && r->target.at[0] != '*') {
		ssize_t at = str_find(r->target, STR("://"));
		*why = "malformed request target";
		if (at < 1)
			return 400;
		struct str rest = str_skip(r->target, (size_t)at + 3);
		size_t len = 0;
		while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?')
			len++;
		r->authority = str_make(rest.at, len);
		if (len == 0 || !all_chars(r->authority, host_char))
			return 400;
	}
	return 0;
}

int http1_parse_request(struct arena *a, struct str head, const struct http_limits *limits,
	struct http_request *r, struct http1_framing *f, const char **why)
{
	*r = (struct http_request){0};
	const char *lf = memchr(head.at, '\n', head.len);
	struct str line = str_make(head.at, (size_t)(lf - head.at) - 1);
	int status = request_line_parse(line, r, why);
	if (status)
		return status;
	status = fields_parse(
		a, str_skip(head, line.len + 2), limits->header_count, &r->headers, why);
	if (status)
		return status;
	/*
	 * llhttp knows a closed list of methods; any token is one here. Only CONNECT changes how
	 * the rest is read, so every other goes by the name of GET.
	 */
	struct verdict verdict = {0};
	bool connect = str_eq(r->method, STR("CONNECT"));
	struct str start = connect ? STR("CONNECT ") : STR("GET ");
	bool agreed =
		llhttp_agrees(HTTP_REQUEST, start, str_skip(head, r->method.len + 1), &verdict);
	status = framing_read(&r->headers, r->version, &verdict, f, why);
	/* What is merely not supported is told so, whoever else refuses it. */
	if (!agreed && status != 501) {
		*why = "malformed HTTP request";
		status = 400;
	}
	if (!status)
		status = authority_read(r, why);
	r->length = f->chunked ? HTTP_LENGTH_UNKNOWN : f->length;
	return status;
}

/* ---- responses ---- */

static bool status_line_parse(struct str line, struct http1_response *r)
{
	if (line.len < 12 || version_parse(str_sub(line, 0, 8), &r->version) || line.at[8] != ' ')
		return false;
	for (size_t i = 9; i < 12; i++)
		if (line.at[i] < '0' || line.at[i] > '9')
			return false;
	r->status = (line.at[9] - '0') * 100 + (line.at[10] - '0') * 10 + line.at[11] - '0';
	struct str reason = str_skip(line, 12);
	return r->status >= 100 &&
	       (reason.len == 0 || (reason.at[0] == ' ' && http_value_span(reason) == reason.len));
}

int http1_parse_response(struct arena *a, struct str head, const struct http_limits *limits,
	struct http1_response *r, struct http1_framing *f, struct err *err)
{
	*r = (struct http1_response){0};
	const char *lf = memchr(head.at, '\n', head.len);
	struct str line = str_make(head.at, (size_t)(lf - head.at) - 1);
	if (!status_line_parse(line, r))
		return err_set(err, ERR_PROTOCOL, "malformed HTTP response \"%.*s\"",
			STRF(str_sub(line, 0, 100)));
	const char *why = NULL;
	struct verdict verdict = {0};
	if (fields_parse(a, str_skip(head, line.len + 2), limits->header_count, &r->headers, &why))
		return err_set(err, ERR_PROTOCOL, "malformed HTTP response: %s", why);
	if (!llhttp_agrees(HTTP_RESPONSE, (struct str){0}, head, &verdict))
		return err_set(err, ERR_PROTOCOL, "malformed HTTP response");
	if (framing_read(&r->headers, r->version, &verdict, f, &why))
		return err_set(err, ERR_PROTOCOL, "malformed HTTP response: %s", why);
	return 0;
}

/* ---- trailers ---- */

/* RFC 9110 6.5.1: what says how to read or route the message cannot come after it. */
static bool trailer_forbidden(struct str name)
{
	static const struct str names[] = {STR_INIT("Content-Length"),
		STR_INIT("Transfer-Encoding"), STR_INIT("Host"), STR_INIT("Trailer"),
		STR_INIT("Connection"), STR_INIT("Content-Encoding"), STR_INIT("Content-Type"),
		STR_INIT("Authorization"), STR_INIT("TE"), STR_INIT("Upgrade")};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(names[i], name))
			return true;
	return false;
}

int http1_parse_trailers(struct arena *a, struct str block, const struct http_limits *limits,
	struct http_headers *trailers, struct err *err)
{
	const char *why = NULL;
	struct http_headers all = {0};
	if (fields_parse(a, block, limits->header_count, &all, &why))
		return err_set(err, ERR_PROTOCOL, "malformed trailer: %s", why);
	for (size_t i = 0; i < all.count; i++)
		if (!trailer_forbidden(all.items[i].name))
			http_headers_add(a, trailers, all.items[i].name, all.items[i].value);
	return 0;
}
