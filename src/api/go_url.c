#include "go_url.h"

#include <kube/field.h>

static bool fail(struct arena *a, struct str text, struct str *problem, struct str why)
{
	*problem = arena_print(a, "parse %.*s: %.*s", STRF(field_quote(a, text)), STRF(why));
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The scheme and what follows; no scheme is fine, an empty one is not. */
static bool cut_scheme(struct arena *a, struct str text, struct str *scheme, struct str *rest)
{
	*scheme = STR("");
	*rest = text;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (is_letter(c) || (i && (is_digit(c) || c == '+' || c == '-' || c == '.')))
			continue;
		if (c != ':')
			return true;
		if (!i)
			return false;
		char *lower = arena_copy(a, text.at, i);
		for (size_t j = 0; j < i; j++)
			lower[j] |= 0x20 * (lower[j] >= 'A' && lower[j] <= 'Z');
		*scheme = str_make(lower, i);
		*rest = str_skip(text, i + 1);
		return true;
	}
	return true;
}

/* The first escape that is none, as Go shows it: at most three bytes. */
static bool bad_escape(struct str s, struct str *escape)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '%' &&
			(i + 2 >= s.len || !is_hex(s.at[i + 1]) || !is_hex(s.at[i + 2]))) {
			*escape = str_sub(s, i, i + 3);
			return true;
		}
	return false;
}

static bool is_port(struct str s)
{
	if (!s.len)
		return true;
	if (s.at[0] != ':')
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_digit(s.at[i]))
			return false;
	return true;
}

static bool check_host(struct arena *a, struct str host, struct str *why)
{
	struct str port = STR("");
	ssize_t colon = str_find_char(host, ':');

	if (str_starts(host, STR("["))) {
		ssize_t end = str_find_last_char(host, ']');

		if (end < 0) {
			*why = STR("missing ']' in host");
			return false;
		}
		port = str_skip(host, (size_t)end + 1);
	} else if (colon >= 0) {
		port = str_skip(host, (size_t)colon);
	}
	if (!is_port(port)) {
		*why = arena_print(a, "invalid port %.*s after host", STRF(field_quote(a, port)));
		return false;
	}
	for (size_t i = 0; i < host.len; i++)
		if (host.at[i] == ' ' || host.at[i] == '<' || host.at[i] == '>' ||
			host.at[i] == '"' || host.at[i] == '\\' || host.at[i] == '^' ||
			host.at[i] == '`' || host.at[i] == '{' || host.at[i] == '}' ||
			host.at[i] == '|') {
			*why = arena_print(a, "invalid character %.*s in host name",
				STRF(field_quote(a, str_sub(host, i, i + 1))));
			return false;
		}
	return true;
}

static bool take_authority(struct arena *a, struct str *rest, struct go_url *url, struct str *why)
{
	struct str authority = str_skip(*rest, 2), user;
	ssize_t slash = str_find_char(authority, '/');

	*rest = slash < 0 ? STR("") : str_skip(authority, (size_t)slash);
	if (slash >= 0)
		authority = str_sub(authority, 0, (size_t)slash);
	url->has_user = str_cut_last(authority, '@', &user, &url->host);
	if (url->has_user)
		url->user = user;
	return check_host(a, url->host, why);
}

/* All but the fragment. */
static bool parse_front(struct arena *a, struct str text, struct go_url *url, struct str *why)
{
	struct str rest, escape;

	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f) {
			*why = STR("net/url: invalid control character in URL");
			return false;
		}
	if (!cut_scheme(a, text, &url->scheme, &rest)) {
		*why = STR("missing protocol scheme");
		return false;
	}
	str_cut(rest, '?', &rest, &url->query);
	if (!str_starts(rest, STR("/"))) {
		struct str first;

		if (url->scheme.len)
			return true; /* opaque, as mailto:x */
		str_cut(rest, '/', &first, &(struct str){0});
		if (str_find_char(first, ':') >= 0) {
			*why = STR("first path segment in URL cannot contain colon");
			return false;
		}
	}
	if (str_starts(rest, STR("//")) && (url->scheme.len || !str_starts(rest, STR("///"))) &&
		!take_authority(a, &rest, url, why))
		return false;
	url->path = rest;
	if (!bad_escape(url->path, &escape))
		return true;
	*why = arena_print(a, "invalid URL escape %.*s", STRF(field_quote(a, escape)));
	return false;
}

bool go_url_parse(struct arena *a, struct str text, struct go_url *url, struct str *problem)
{
	struct str front, why, escape;

	*url = (struct go_url){0};
	str_cut(text, '#', &front, &url->fragment);
	if (!parse_front(a, front, url, &why))
		return fail(a, front, problem, why);
	if (bad_escape(url->fragment, &escape))
		return fail(a, text, problem,
			arena_print(a, "invalid URL escape %.*s", STRF(field_quote(a, escape))));
	return true;
}
