/* The query of a URL: pairs in order. */
#include <kube/url.h>

#include "url_escape.h"

#define QUERY_MAX_PAIRS 1000

static bool decode(struct arena *a, struct str raw, struct str *out)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(raw.len);

	if (url_unescape(&b, raw, URL_QUERY, NULL))
		return false;
	*out = str_eq(buf_str(&b), raw) ? raw : arena_str(a, buf_str(&b));
	return true;
}

int query_parse(struct arena *a, struct str raw, struct query *q, struct err *err)
{
	size_t count = 1;
	struct str rest = raw, piece;

	*q = (struct query){0};
	for (size_t i = 0; i < raw.len; i++)
		count += raw.at[i] == '&';
	if (count > QUERY_MAX_PAIRS)
		return err_set(
			err, ERR_TOO_LARGE, "more than %d query parameters", QUERY_MAX_PAIRS);
	q->pairs = arena_alloc(a, count * sizeof(*q->pairs));

	while (rest.len) {
		struct str key, value;
		str_cut(rest, '&', &piece, &rest);
		if (str_find_char(piece, ';') >= 0) {
			q->bad = true;
			continue;
		}
		if (!piece.len)
			continue;
		str_cut(piece, '=', &key, &value);
		if (decode(a, key, &key) && decode(a, value, &value))
			q->pairs[q->count++] = (struct query_pair){key, value};
		else
			q->bad = true;
	}
	return 0;
}

static const struct query_pair *find(const struct query *q, const char *key)
{
	for (size_t i = 0; i < q->count; i++)
		if (str_eq_text(q->pairs[i].key, key))
			return &q->pairs[i];
	return NULL;
}

struct str query_get(const struct query *q, const char *key)
{
	const struct query_pair *p = find(q, key);

	return p ? p->value : (struct str){0};
}

bool query_has(const struct query *q, const char *key)
{
	return find(q, key) != NULL;
}

void query_print(struct buf *out, const struct query *q)
{
	for (size_t i = 0; i < q->count; i++) {
		if (i)
			buf_add_char(out, '&');
		url_escape(out, q->pairs[i].key, URL_QUERY);
		buf_add_char(out, '=');
		url_escape(out, q->pairs[i].value, URL_QUERY);
	}
}
