#include <kube/url.h>

#include "url_escape.h"

#include <string.h>

#define URL_MAX (64 * KIB)

/* Decoded text in the arena; what needs no decoding is borrowed. */
static int decode(
	struct arena *a, struct str raw, enum url_part part, struct str *out, struct err *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(URL_MAX);
	int r = url_unescape(&b, raw, part, err);

	if (r)
		return r;
	*out = str_eq(buf_str(&b), raw) ? raw : arena_str(a, buf_str(&b));
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Splits "scheme:rest". What cannot be a scheme is no error: then there is none. */
static int take_scheme(struct arena *a, struct str *rest, struct str *scheme, struct err *err)
{
	for (size_t i = 0; i < rest->len; i++) {
		char c = rest->at[i];
		if (is_letter(c))
			continue;
		if (c == ':') {
			if (i == 0)
				return err_set(err, ERR_SYNTAX, "missing protocol scheme");
			*scheme = arena_str(a, str_sub(*rest, 0, i));
			for (char *p = (char *)scheme->at; *p; p++)
				if (*p >= 'A' && *p <= 'Z')
					*p |= 0x20;
			*rest = str_skip(*rest, i + 1);
			return 0;
		}
		if (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))
			return 0;
	}
	return 0;
}

/* Colon and digits, or nothing; the digits may be missing. */
static int take_port(struct str text, struct str *port, struct err *err)
{
	if (text.len == 0)
		return 0;
	bool good = text.at[0] == ':';
	for (size_t i = 1; i < text.len; i++)
		good = good && text.at[i] >= '0' && text.at[i] <= '9';
	if (!good)
		return err_set(err, ERR_SYNTAX, "invalid port \"%.*s\" after host", STRF(text));
	*port = str_skip(text, 1);
	return 0;
}

static int parse_host(struct arena *a, struct str text, struct url *url, struct err *err)
{
	struct str host = text;
	int r = 0;

	if (text.len && text.at[0] == '[') {
		ssize_t end = str_find_last_char(text, ']');
		if (end < 0)
			return err_set(err, ERR_SYNTAX, "missing ']' in host");
		host = str_sub(text, 1, (size_t)end);
		r = take_port(str_skip(text, (size_t)end + 1), &url->port, err);
	} else {
		/* Since Go 1.26 only other schemes may have colons in their hosts. */
		bool strict = str_eq(url->scheme, STR("http")) || str_eq(url->scheme, STR("https"));
		ssize_t colon = strict ? str_find_char(text, ':') : str_find_last_char(text, ':');
		if (colon >= 0) {
			host = str_sub(text, 0, (size_t)colon);
			r = take_port(str_skip(text, (size_t)colon), &url->port, err);
		}
	}
	/* Brackets belong around an address; inside a host they only confuse its readers. */
	for (size_t i = 0; !r && i < host.len; i++)
		if (host.at[i] == '[' || host.at[i] == ']')
			return err_set(err, ERR_SYNTAX, "invalid character \"%c\" in host name",
				host.at[i]);
	return r ? r : decode(a, host, URL_HOST, &url->host, err);
}

static bool valid_user_byte(unsigned char c)
{
	return is_letter((char)c) || (c >= '0' && c <= '9') ||
	       (c && strchr("-._:~!$&'()*+,;=%@", c));
}

static int parse_authority(struct arena *a, struct str text, struct url *url, struct err *err)
{
	ssize_t at = str_find_last_char(text, '@');
	struct str user, password;

	if (parse_host(a, str_skip(text, (size_t)(at + 1)), url, err))
		return ERR_SYNTAX;
	if (at < 0)
		return 0;
	user = str_sub(text, 0, (size_t)at);
	for (size_t i = 0; i < user.len; i++)
		if (!valid_user_byte((unsigned char)user.at[i]))
			return err_set(err, ERR_SYNTAX, "net/url: invalid userinfo");
	url->has_user = true;
	url->has_password = str_cut(user, ':', &user, &password);
	int r = decode(a, user, URL_USER, &url->user, err);
	return r ? r : decode(a, password, URL_USER, &url->password, err);
}

static int parse_rest(
	struct arena *a, struct str rest, bool request, struct url *url, struct err *err)
{
	if (request && rest.len == 0)
		return err_set(err, ERR_SYNTAX, "empty url");
	if (str_eq(rest, STR("*"))) {
		url->path = url->raw_path = rest;
		return 0;
	}
	if (take_scheme(a, &rest, &url->scheme, err))
		return ERR_SYNTAX;
	url->has_query = str_cut(rest, '?', &rest, &url->raw_query);
	if (!str_starts(rest, STR("/"))) {
		if (url->scheme.len) {
			url->opaque = rest;
			return 0;
		}
		if (request)
			return err_set(err, ERR_SYNTAX, "invalid URI for request");
		struct str segment, tail;
		str_cut(rest, '/', &segment, &tail);
		if (str_find_char(segment, ':') >= 0)
			return err_set(
				err, ERR_SYNTAX, "first path segment in URL cannot contain colon");
	}
	/* "//x" in a request line is a path; elsewhere it is a host. */
	bool may_have_host = url->scheme.len || (!request && !str_starts(rest, STR("///")));
	if (may_have_host && str_starts(rest, STR("//"))) {
		struct str authority = str_skip(rest, 2);
		ssize_t slash = str_find_char(authority, '/');
		rest = slash < 0 ? (struct str){0} : str_skip(authority, (size_t)slash);
		authority = slash < 0 ? authority : str_sub(authority, 0, (size_t)slash);
		int r = parse_authority(a, authority, url, err);
		if (r)
			return r;
	}
	url->raw_path = rest;
	return decode(a, rest, URL_PATH, &url->path, err);
}

static int parse(struct arena *a, struct str text, bool request, struct url *url, struct err *err)
{
	struct str rest = text;

	if (text.len > URL_MAX)
		return err_set(err, ERR_TOO_LARGE, "URL is longer than %zu bytes", URL_MAX);
	*url = (struct url){0};
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
			return err_set(
				err, ERR_SYNTAX, "net/url: invalid control character in URL");
	if (!request) {
		struct str fragment = {0};
		str_cut(rest, '#', &rest, &fragment);
		int r = decode(a, fragment, URL_FRAGMENT, &url->fragment, err);
		if (r)
			return r;
	}
	return parse_rest(a, rest, request, url, err);
}

int url_parse(struct arena *a, struct str text, struct url *url, struct err *err)
{
	struct url parsed;
	int r = parse(a, text, false, &parsed, err);

	if (r)
		return err_wrap(err, r, "parse \"%.*s\"", (int)MIN(text.len, (size_t)256), text.at);
	*url = parsed;
	return 0;
}

int url_parse_request(
	struct arena *a, struct str method, struct str target, struct url *url, struct err *err)
{
	struct url parsed;
	struct str text = target;

	/* CONNECT names only a host and a port: read it as the authority of a URL. */
	bool only_authority = str_eq(method, STR("CONNECT")) && !str_starts(target, STR("/"));
	if (only_authority && target.len <= URL_MAX)
		text = arena_print(a, "http://%.*s", STRF(target));
	int r = parse(a, text, true, &parsed, err);
	if (r)
		return err_wrap(
			err, r, "parse \"%.*s\"", (int)MIN(target.len, (size_t)256), target.at);
	if (only_authority)
		parsed.scheme = (struct str){0};
	*url = parsed;
	return 0;
}

/* Could Go have written this path itself? Then it is kept to the letter. */
static bool is_valid_encoding(struct str raw)
{
	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.at[i];
		if (!c || (!strchr("!$&'()*+,;=:@[]%", c) && url_must_escape(c, URL_PATH)))
			return false;
	}
	return true;
}

static void print_authority(struct buf *out, const struct url *url)
{
	buf_add_str(out, STR("//"));
	if (url->has_user) {
		url_escape(out, url->user, URL_USER);
		if (url->has_password) {
			buf_add_char(out, ':');
			url_escape(out, url->password, URL_USER);
		}
		buf_add_char(out, '@');
	}
	bool v6 = str_find_char(url->host, ':') >= 0;
	if (v6)
		buf_add_char(out, '[');
	url_escape(out, url->host, URL_HOST);
	if (v6)
		buf_add_char(out, ']');
	if (url->port.len) {
		buf_add_char(out, ':');
		buf_add_str(out, url->port);
	}
}

static void print_path(struct buf *out, const struct url *url)
{
	if (url->raw_path.len && is_valid_encoding(url->raw_path))
		buf_add_str(out, url->raw_path);
	else if (str_eq(url->path, STR("*")))
		buf_add_char(out, '*');
	else
		url_escape(out, url->path, URL_PATH);
}

void url_print(struct buf *out, const struct url *url)
{
	bool has_host = url->host.len || url->has_user || url->port.len;

	if (url->scheme.len) {
		buf_add_str(out, url->scheme);
		buf_add_char(out, ':');
	}
	if (url->opaque.len) {
		buf_add_str(out, url->opaque);
	} else {
		if (has_host || (url->scheme.len && str_starts(url->path, STR("/"))))
			print_authority(out, url);
		if (has_host && url->path.len && url->path.at[0] != '/')
			buf_add_char(out, '/');
		/* "a:b" alone would read as a scheme. */
		struct str first, tail;
		str_cut(url->path, '/', &first, &tail);
		if (!url->scheme.len && !has_host && str_find_char(first, ':') >= 0)
			buf_add_str(out, STR("./"));
		print_path(out, url);
	}
	if (url->has_query || url->raw_query.len) {
		buf_add_char(out, '?');
		buf_add_str(out, url->raw_query);
	}
	if (url->fragment.len) {
		buf_add_char(out, '#');
		url_escape(out, url->fragment, URL_FRAGMENT);
	}
}

uint16_t url_port(const struct url *url)
{
	uint64_t port;

	if (url->port.len)
		return str_to_u64(url->port, &port) && port <= UINT16_MAX ? (uint16_t)port : 0;
	if (str_eq(url->scheme, STR("https")))
		return 443;
	return str_eq(url->scheme, STR("http")) ? 80 : 0;
}
