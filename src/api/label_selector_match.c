/* What a label selector selects, and how it is written. */
#include <kube/api_codec.h>
#include <kube/selector.h>

/* ---- matching ---- */

static bool term_holds(const struct selector_term *t, bool has, struct str value)
{
	bool in = false;
	int64_t number;

	for (size_t i = 0; has && i < t->count; i++)
		in |= str_eq(t->values[i], value);
	switch (t->op) {
	case SEL_EQ:
	case SEL_IN:
		return in;
	case SEL_NOT_EQ:
	case SEL_NOT_IN:
		return !in;
	case SEL_EXISTS:
		return has;
	case SEL_NOT_EXISTS:
		return !has;
	case SEL_GT:
		return has && str_to_i64(value, &number) && number > t->number;
	case SEL_LT:
		return has && str_to_i64(value, &number) && number < t->number;
	}
	return false;
}

bool label_selector_matches(const struct selector *s, const struct cJSON *labels)
{
	if (s->nothing)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct cJSON *value = json_get(labels, s->terms[i].key);

		if (!term_holds(&s->terms[i], value != NULL, json_str(value)))
			return false;
	}
	return true;
}

/* The next quoted text, without escapes: labels that were let in have none. */
static bool next_text(struct str *rest, struct str *text)
{
	ssize_t from = str_find_char(*rest, '"');

	if (from < 0)
		return false;
	*rest = str_skip(*rest, (size_t)from + 1);
	ssize_t to = str_find_char(*rest, '"');
	if (to < 0)
		return false;
	*text = str_sub(*rest, 0, (size_t)to);
	*rest = str_skip(*rest, (size_t)to + 1);
	return true;
}

static bool find_label(struct str labels, struct str key, struct str *value)
{
	struct str name;

	while (next_text(&labels, &name) && next_text(&labels, value))
		if (str_eq(name, key))
			return true;
	return false;
}

bool label_selector_matches_text(const struct selector *s, struct str labels)
{
	if (s->nothing)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		struct str value = {0};
		bool has = find_label(labels, s->terms[i].key, &value);

		if (!term_holds(&s->terms[i], has, value))
			return false;
	}
	return true;
}

/* ---- printing ---- */

static void print_set(struct buf *out, const struct selector_term *t, const char *word)
{
	buf_print(out, "%.*s %s (", STRF(t->key), word);
	for (size_t i = 0; i < t->count; i++)
		buf_print(out, "%s%.*s", i ? "," : "", STRF(t->values[i]));
	buf_add_char(out, ')');
}

struct str label_selector_print(struct arena *a, const struct selector *s)
{
	static const char *const signs[] = {
		[SEL_EQ] = "=", [SEL_NOT_EQ] = "!=", [SEL_GT] = ">", [SEL_LT] = "<"};
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];

		if (i)
			buf_add_char(&out, ',');
		switch (t->op) {
		case SEL_IN:
			print_set(&out, t, "in");
			break;
		case SEL_NOT_IN:
			print_set(&out, t, "notin");
			break;
		case SEL_EXISTS:
			buf_add_str(&out, t->key);
			break;
		case SEL_NOT_EXISTS:
			buf_print(&out, "!%.*s", STRF(t->key));
			break;
		default:
			buf_print(
				&out, "%.*s%s%.*s", STRF(t->key), signs[t->op], STRF(t->values[0]));
		}
	}
	return arena_str(a, buf_str(&out));
}
