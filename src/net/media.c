#include <kube/media.h>

#include <string.h>

#define MEDIA_MAX_RANGES 64
#define MEDIA_MAX_TEXT   (8 * KIB)

static bool is_token_byte(unsigned char c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static void skip_space(struct str *s)
{
	while (s->len && (s->at[0] == ' ' || s->at[0] == '\t'))
		*s = str_skip(*s, 1);
}

static struct str take_token(struct str *s)
{
	size_t n = 0;

	while (n < s->len && is_token_byte((unsigned char)s->at[n]))
		n++;
	struct str token = str_sub(*s, 0, n);
	*s = str_skip(*s, n);
	return token;
}

static struct str lower(struct arena *a, struct str s)
{
	struct str copy = arena_str(a, s);

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] >= 'A' && copy.at[i] <= 'Z')
			((char *)copy.at)[i] |= 0x20;
	return copy;
}

/* A token or a quoted string; false when it is neither. */
static bool take_value(struct arena *a, struct str *s, struct str *value)
{
	if (!s->len || s->at[0] != '"') {
		*value = take_token(s);
		return value->len > 0;
	}
	char *text = arena_alloc(a, s->len);
	size_t n = 0;
	for (size_t i = 1; i < s->len; i++) {
		char c = s->at[i];
		if (c == '"') {
			*value = str_make(text, n);
			*s = str_skip(*s, i + 1);
			return true;
		}
		if (c == '\\' && i + 1 < s->len)
			c = s->at[++i];
		if (c == '\r' || c == '\n')
			return false;
		text[n++] = c;
	}
	return false;
}

static int parse_params(struct arena *a, struct str *s, struct media_type *m, struct err *err)
{
	for (;;) {
		skip_space(s);
		if (!s->len || s->at[0] == ',')
			return 0;
		if (s->at[0] != ';')
			return err_set(err, ERR_SYNTAX, "mime: invalid media parameter");
		*s = str_skip(*s, 1);
		skip_space(s);
		if (!s->len || s->at[0] == ',') /* a trailing semicolon is let through */
			return 0;
		struct media_param p;
		p.key = lower(a, take_token(s));
		skip_space(s);
		if (!p.key.len || !s->len || s->at[0] != '=')
			return err_set(err, ERR_SYNTAX, "mime: invalid media parameter");
		*s = str_skip(*s, 1);
		skip_space(s);
		if (!take_value(a, s, &p.value))
			return err_set(err, ERR_SYNTAX, "mime: invalid media parameter");
		for (size_t i = 0; i < m->param_count; i++)
			if (str_eq(m->params[i].key, p.key))
				return err_set(err, ERR_SYNTAX, "mime: duplicate parameter name");
		if (m->param_count == ARRAY_LEN(m->params))
			return err_set(err, ERR_TOO_LARGE, "mime: too many media parameters");
		m->params[m->param_count++] = p;
	}
}

/* One media type or range; *s is left at its end or at the comma behind it. */
static int parse_one(struct arena *a, struct str *s, struct media_type *m, struct err *err)
{
	*m = (struct media_type){.q = 1};
	skip_space(s);
	m->type = lower(a, take_token(s));
	if (!m->type.len)
		return err_set(err, ERR_SYNTAX, "mime: no media type");
	if (!s->len || s->at[0] != '/')
		return err_set(err, ERR_SYNTAX, "mime: expected slash after first token");
	*s = str_skip(*s, 1);
	m->subtype = lower(a, take_token(s));
	if (!m->subtype.len)
		return err_set(err, ERR_SYNTAX, "mime: expected token after slash");
	return parse_params(a, s, m, err);
}

int media_parse(struct arena *a, struct str text, struct media_type *m, struct err *err)
{
	struct str rest = text;

	if (text.len > MEDIA_MAX_TEXT)
		return err_set(err, ERR_TOO_LARGE, "mime: media type is too long");
	int r = parse_one(a, &rest, m, err);
	if (r)
		return r;
	if (rest.len)
		return err_set(err, ERR_SYNTAX, "mime: unexpected content after media subtype");
	return 0;
}

struct str media_param(const struct media_type *m, const char *key)
{
	for (size_t i = 0; i < m->param_count; i++)
		if (str_eq_text(m->params[i].key, key))
			return m->params[i].value;
	return (struct str){0};
}

bool media_is(const struct media_type *m, const char *type_subtype)
{
	struct str type, subtype;

	str_cut(str_from(type_subtype), '/', &type, &subtype);
	return str_eq(m->type, type) && str_eq(m->subtype, subtype);
}

/* q leaves the parameters: nobody who looks at them wants it. An unreadable one counts as 0. */
static void take_q(struct media_type *m)
{
	for (size_t i = 0; i < m->param_count; i++) {
		if (!str_eq(m->params[i].key, STR("q")))
			continue;
		if (!str_to_double(m->params[i].value, &m->q) || !(m->q >= 0 && m->q <= 1))
			m->q = 0;
		memmove(&m->params[i], &m->params[i + 1],
			(m->param_count - i - 1) * sizeof(m->params[0]));
		m->param_count--;
		return;
	}
}

static int wildcards(const struct media_type *m)
{
	return str_eq(m->type, STR("*")) ? 2 : str_eq(m->subtype, STR("*"));
}

/* Does `a` come before `b`? Parameters do not count: clients list Table before plain JSON. */
static bool is_better(const struct media_type *a, const struct media_type *b)
{
	return a->q != b->q ? a->q > b->q : wildcards(a) < wildcards(b);
}

int media_parse_accept(struct arena *a, struct str text, struct media_type **ranges, size_t *count,
	struct err *err)
{
	struct str rest = text;
	size_t n = 0, room = 1;

	if (text.len > MEDIA_MAX_TEXT)
		return err_set(err, ERR_TOO_LARGE, "Accept is too long");
	for (size_t i = 0; i < text.len; i++)
		room += text.at[i] == ',';
	if (room > MEDIA_MAX_RANGES)
		return err_set(
			err, ERR_TOO_LARGE, "more than %d ranges in Accept", MEDIA_MAX_RANGES);
	struct media_type *found = arena_alloc(a, room * sizeof(*found));
	for (;;) {
		while (rest.len && (rest.at[0] == ',' || rest.at[0] == ' ' || rest.at[0] == '\t'))
			rest = str_skip(rest, 1);
		if (!rest.len)
			break;
		struct media_type m;
		int r = parse_one(a, &rest, &m, err);
		if (r)
			return r;
		take_q(&m);
		size_t at = n++;
		for (; at > 0 && is_better(&m, &found[at - 1]); at--)
			found[at] = found[at - 1];
		found[at] = m;
	}
	*ranges = found;
	*count = n;
	return 0;
}

static bool range_takes(const struct media_type *range, struct str type, struct str subtype)
{
	return str_eq(range->type, STR("*")) ||
	       (str_eq(range->type, type) &&
		       (str_eq(range->subtype, STR("*")) || str_eq(range->subtype, subtype)));
}

int media_negotiate(struct arena *a, struct str accept, const char *const *offers, size_t count)
{
	struct media_type *ranges;
	size_t range_count;

	if (!str_trim(accept).len)
		return count ? 0 : -1;
	if (media_parse_accept(a, accept, &ranges, &range_count, NULL))
		return -1;
	for (size_t r = 0; r < range_count; r++)
		for (size_t i = 0; ranges[r].q > 0 && i < count; i++) {
			struct str type, subtype;
			str_cut(str_from(offers[i]), '/', &type, &subtype);
			if (range_takes(&ranges[r], type, subtype))
				return (int)i;
		}
	return -1;
}

bool media_accepts_gzip(struct str accept_encoding)
{
	struct str rest = accept_encoding, piece, params;
	bool any = false;

	while (rest.len) {
		str_cut(rest, ',', &piece, &rest);
		str_cut(piece, ';', &piece, &params);
		piece = str_trim(piece);
		bool gzip = str_eq_nocase(piece, STR("gzip"));
		if (!gzip && !str_eq(piece, STR("*")))
			continue;
		double q = 1;
		params = str_trim(params);
		if (str_starts_nocase(params, STR("q=")) && !str_to_double(str_skip(params, 2), &q))
			q = 0;
		if (gzip)
			return q > 0;
		any = q > 0;
	}
	return any;
}
