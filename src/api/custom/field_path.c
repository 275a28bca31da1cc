/* Paths through a schema: ".spec.a['b']". */
#include "definition_schemas.h"

struct walking {
	struct arena *arena;
	struct str rest;
	const struct node *at;
	struct buf text;
};

static const char nowhere[] = "does not refer to a valid field";

/* A delimiter, a quoted text, or what stands before the next delimiter; false at the end. */
static bool next_token(struct walking *w, struct str *token)
{
	size_t i = 0;

	if (!w->rest.len)
		return false;
	if (w->rest.at[0] == '\'') {
		for (i = 1; i < w->rest.len; i++)
			if (w->rest.at[i] == '\'' && w->rest.at[i - 1] != '\\')
				break;
		i = MIN(i + 1, w->rest.len);
	} else {
		while (i < w->rest.len && !strchr(".[]", w->rest.at[i]))
			i++;
		i += i == 0;
	}
	*token = str_sub(w->rest, 0, i);
	w->rest = str_skip(w->rest, i);
	return true;
}

static const char *step(struct walking *w, struct str name)
{
	if (!w->at->property_count && !w->at->additional)
		return nowhere;
	if (w->at->property_count) {
		w->at = node_property(w->at, name);
		buf_print(&w->text, "%s%.*s", w->text.len ? "." : "", STRF(name));
	} else {
		w->at = w->at->rest;
		buf_print(&w->text, "[%.*s]", STRF(name));
	}
	return w->at ? NULL : nowhere;
}

/* \' and \\ inside quotes. */
static const char *unescape(struct walking *w, struct str quoted, struct str *out)
{
	char *plain = arena_alloc(w->arena, quoted.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < quoted.len; i++) {
		if (quoted.at[i] == '\\' && ++i == quoted.len)
			return "invalid string literal: invalid syntax";
		plain[len++] = quoted.at[i];
	}
	*out = str_make(plain, len);
	return NULL;
}

static const char *step_in_brackets(struct walking *w)
{
	struct str token, name;
	const char *why;

	if (!next_token(w, &token))
		return "unexpected end of JSON path";
	if (token.len < 2 || token.at[0] != '\'' || token.at[token.len - 1] != '\'')
		return arena_print(
			w->arena, "expected single quoted string but got %.*s", STRF(token))
			.at;
	why = unescape(w, str_sub(token, 1, token.len - 1), &name);
	if (!why)
		why = step(w, name);
	if (why)
		return why;
	if (!next_token(w, &token))
		return "unexpected end of JSON path";
	if (!str_eq_text(token, "]"))
		return arena_print(w->arena, "expected ] but got %.*s", STRF(token)).at;
	return NULL;
}

static const char *walk(struct walking *w, bool brackets)
{
	struct str token;
	const char *why = NULL;

	while (!why && next_token(w, &token)) {
		if (str_eq_text(token, "["))
			why = brackets ? step_in_brackets(w) : "array notation is not allowed";
		else if (!str_eq_text(token, "."))
			why = arena_print(w->arena, "expected [ or . but got: %.*s", STRF(token))
				      .at;
		else if (!next_token(w, &token))
			why = "unexpected end of JSON path";
		else
			why = step(w, token);
	}
	return why;
}

const char *schema_field_path(struct arena *a, const struct node *root, struct str text,
	bool brackets, const struct node **found, struct str *canonical)
{
	struct walking w = {.arena = a, .rest = text, .at = root, .text = BUF_INIT(64 * KIB)};
	const char *why = walk(&w, brackets);

	*found = w.at;
	*canonical = arena_str(a, buf_str(&w.text));
	buf_done(&w.text);
	return why;
}
