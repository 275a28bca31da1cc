/* URLs, read as requests have them. */
#include "functions.h"

#include "go_url.h"
#include "opaque.h"
#include "urls.h"

static bool has_scheme(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
		if (c == ':')
			return i > 0;
		if (!letter && (i == 0 || !strchr("0123456789+-.", c)))
			return false;
	}
	return false;
}

static bool hex(char c, unsigned *value)
{
	if (c >= '0' && c <= '9')
		*value = (unsigned)(c - '0');
	else if ((c | 32) >= 'a' && (c | 32) <= 'f')
		*value = (unsigned)((c | 32) - 'a' + 10);
	else
		return false;
	return true;
}

/* false: a bad escape. */
static bool unescape(struct arena *a, struct str s, bool query, struct str *text)
{
	char *at = arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned high, low;
		if (s.at[i] == '%') {
			if (i + 2 >= s.len || !hex(s.at[i + 1], &high) || !hex(s.at[i + 2], &low))
				return false;
			at[n++] = (char)(high << 4 | low);
			i += 2;
		} else
			at[n++] = query && s.at[i] == '+' ? ' ' : s.at[i];
	}
	at[n] = '\0';
	*text = str_make(at, n);
	return true;
}

static bool is_unreserved(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-_.~$&+,/:;=@", c));
}

/* As written when that is how a path may be written, else escaped anew. */
static struct str escaped_path(struct arena *a, struct str raw)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(raw.len * 3 + 1);
	struct str plain;
	bool fine = true;

	for (size_t i = 0; i < raw.len; i++)
		fine = fine && (is_unreserved(raw.at[i]) || strchr("%!'()*[]", raw.at[i]));
	if (fine || !unescape(a, raw, false, &plain))
		return raw;
	for (size_t i = 0; i < plain.len; i++)
		if (is_unreserved(plain.at[i]))
			buf_add_char(&out, plain.at[i]);
		else
			buf_print(&out, "%%%02X", (unsigned char)plain.at[i]);
	return arena_str(a, buf_str(&out));
}

static void split_host(struct cel_url *u)
{
	ssize_t end = str_starts(u->host, STR("[")) ? str_find_char(u->host, ']') : -1;
	ssize_t colon = str_find_last_char(u->host, ':');

	u->hostname = u->host;
	if (colon > end) {
		u->port = str_skip(u->host, (size_t)colon + 1);
		u->hostname = str_sub(u->host, 0, (size_t)colon);
	}
	if (end > 0)
		u->hostname = str_sub(u->host, 1, (size_t)end);
}

/* In hosts only characters beyond ASCII may be escaped. */
static bool fine_host(struct arena *a, struct str host, struct str text, struct str *why)
{
	for (size_t i = 0; i < host.len; i++) {
		unsigned high, low;
		if (host.at[i] != '%')
			continue;
		if (i + 2 >= host.len || !hex(host.at[i + 1], &high) ||
			!hex(host.at[i + 2], &low) || (high < 8 && !(high == 2 && low == 5))) {
			*why = arena_print(a, "parse \"%.*s\": invalid URL escape \"%.*s\"",
				STRF(text), STRF(str_sub(host, i, i + 3)));
			return false;
		}
	}
	return true;
}

bool url_read(struct arena *a, struct str text, struct cel_url *u, struct str *why)
{
	struct go_url parts = {0};

	*u = (struct cel_url){.text = text};
	if (!text.len) {
		*why = STR("parse \"\": empty url");
		return false;
	}
	if (!go_url_parse(a, text, &parts, why))
		return false;
	if (text.at[0] != '/' && !has_scheme(text)) {
		*why = arena_print(a, "parse \"%.*s\": invalid URI for request", STRF(text));
		return false;
	}
	if (!fine_host(a, parts.host, text, why))
		return false;
	u->scheme = parts.scheme;
	u->host = parts.host;
	u->path = escaped_path(a, parts.path);
	u->query = parts.query;
	split_host(u);
	return true;
}

struct cel_value run_url(struct call *c)
{
	struct cel_url *u = arena_new(c->arena, sizeof(*u));
	struct str why;

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	if (!url_read(c->arena, ARG_STR(c, 0), u, &why))
		return cel_error(
			c->arena, "URL parse error during conversion from string: %.*s", STRF(why));
	return value_opaque(&cel_url_type, u);
}

struct cel_value run_is_url(struct call *c)
{
	struct cel_url u;
	struct str why;

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	return cel_truth(url_read(c->arena, ARG_STR(c, 0), &u, &why));
}

#define PART(function, part)                                                                       \
	struct cel_value function(struct call *c)                                                  \
	{                                                                                          \
		const struct cel_url *u;                                                           \
                                                                                                   \
		if (!arg_is_opaque(c, 0, &cel_url_type))                                           \
			return value_no_signature(c);                                              \
		u = c->args[0].opaque;                                                             \
		return cel_str(u->part);                                                           \
	}

PART(run_get_scheme, scheme)
PART(run_get_host, host)
PART(run_get_hostname, hostname)
PART(run_get_port, port)
PART(run_get_escaped_path, path)

struct cel_value run_get_query(struct call *c)
{
	struct cel_value map = map_new(c->arena, 4), list;
	const struct cel_url *u;
	struct str rest, pair;

	if (!arg_is_opaque(c, 0, &cel_url_type))
		return value_no_signature(c);
	u = c->args[0].opaque;
	rest = u->query.at ? u->query : STR("");
	while (str_next(&rest, '&', &pair)) {
		struct str key, value;
		str_cut(pair, '=', &key, &value);
		if (!pair.len || str_find_char(pair, ';') >= 0 ||
			!unescape(c->arena, key, true, &key) ||
			!unescape(c->arena, value, true, &value))
			continue;
		if (!map_find(c->arena, map, cel_str(key), &list)) {
			list = list_new(c->arena, 1);
			map_put(c->arena, &map, cel_str(key), list);
		}
		list_push(c->arena, &list, cel_str(value));
	}
	return map;
}
