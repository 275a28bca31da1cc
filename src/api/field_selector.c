/* Field selectors: terms between commas, `=`, `==` or `!=`, backslashes before what is meant. */
#include <kube/selector.h>

/* Up to an unescaped comma. */
static struct str next_term(struct str *rest)
{
	size_t i = 0;

	while (i < rest->len && rest->at[i] != ',')
		i += rest->at[i] == '\\' && i + 1 < rest->len ? 2 : 1;
	struct str term = str_sub(*rest, 0, i);
	*rest = str_skip(*rest, i + 1);
	return term;
}

static bool split_term(struct str term, struct str *key, struct str *value, enum selector_op *op)
{
	for (size_t i = 0; i < term.len; i++) {
		struct str here = str_skip(term, i);
		size_t len = 0;

		if (str_starts(here, STR("!=")) || str_starts(here, STR("==")))
			len = 2;
		else if (str_starts(here, STR("=")))
			len = 1;
		if (!len)
			continue;
		*op = here.at[0] == '!' ? SEL_NOT_EQ : SEL_EQ;
		*key = str_sub(term, 0, i);
		*value = str_skip(here, len);
		return true;
	}
	return false;
}

static int unescape(struct arena *a, struct str text, struct str *plain, struct err *err)
{
	char *out = arena_alloc(a, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '\\') {
			if (i + 1 == text.len)
				return err_set(err, ERR_BAD_REQUEST,
					"invalid field selector: invalid escape sequence: \\");
			c = text.at[++i];
			if (c != '\\' && c != ',' && c != '=')
				return err_set(err, ERR_BAD_REQUEST,
					"invalid field selector: invalid escape sequence: \\%c", c);
		} else if (c == ',' || c == '=') {
			return err_set(err, ERR_BAD_REQUEST,
				"invalid field selector: unescaped character in value: %d", c);
		}
		out[len++] = c;
	}
	out[len] = 0;
	*plain = str_make(out, len);
	return 0;
}

int field_selector_parse(struct arena *a, struct str text, struct selector *s, struct err *err)
{
	struct str rest = text;

	*s = (struct selector){0};
	while (rest.len) {
		struct str term = next_term(&rest), key, value;
		enum selector_op op;

		if (!term.len)
			continue;
		if (!split_term(term, &key, &value, &op))
			return err_set(err, ERR_BAD_REQUEST,
				"invalid selector: '%.*s'; can't understand '%.*s'", STRF(text),
				STRF(term));
		struct selector_term *grown = arena_alloc(a, (s->count + 1) * sizeof(*grown));
		if (s->count)
			memcpy(grown, s->terms, s->count * sizeof(*grown));
		struct str *values = arena_new(a, sizeof(*values));
		int code = unescape(a, value, values, err);
		if (code)
			return code;
		grown[s->count++] = (struct selector_term){
			.key = arena_str(a, key), .op = op, .values = values, .count = 1};
		s->terms = grown;
	}
	return 0;
}

struct str field_selector_print(struct arena *a, const struct selector *s)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];

		buf_print(&out, "%s%.*s%s", i ? "," : "", STRF(t->key),
			t->op == SEL_NOT_EQ ? "!=" : "=");
		for (size_t j = 0; j < t->values[0].len; j++) {
			char c = t->values[0].at[j];

			if (c == '\\' || c == ',' || c == '=')
				buf_add_char(&out, '\\');
			buf_add_char(&out, c);
		}
	}
	return arena_str(a, buf_str(&out));
}

bool field_selector_requires(const struct selector *s, struct str key, struct str *value)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->terms[i].op == SEL_EQ && str_eq(s->terms[i].key, key)) {
			*value = s->terms[i].values[0];
			return true;
		}
	return false;
}
