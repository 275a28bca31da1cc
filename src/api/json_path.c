/*
 * Reading paths. The grammar is upstream's reader, with its habits: a bracket is read up to the
 * next one that closes, a filter is cut at its first operator, and a quoted name in a bracket is
 * read as if it stood behind a dot.
 */
#include "json_path_own.h"

struct reader {
	struct arena *arena;
	struct str in;
	size_t at;
	int depth;
	struct err *err;
};

static int read_action(struct reader *r, struct path_node *list);

static struct path_node *append(struct reader *r, struct path_node *list, enum path_node_type type)
{
	struct path_node *n = arena_new(r->arena, sizeof(*n));

	n->type = type;
	if (list->last)
		list->last->next = n;
	else
		list->first = n;
	list->last = n;
	return n;
}

static int peek(const struct reader *r)
{
	return r->at < r->in.len ? (unsigned char)r->in.at[r->at] : -1;
}

static bool ends_name(int c)
{
	return c < 0 || strchr(" \t\r\n.,[]$@{}", c);
}

static bool is_word(int c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* An expression that stands within another: of a union, a filter. */
static int read_inner(struct reader *r, struct str text, struct path_node *list)
{
	struct reader inner = {.arena = r->arena,
		.in = arena_print(r->arena, "%.*s}", STRF(text)),
		.depth = r->depth + 1,
		.err = r->err};

	if (inner.depth > JSON_PATH_DEPTH)
		return err_set(r->err, ERR_TOO_LARGE, "expressions are nested too deeply");
	list->type = NODE_LIST;
	return read_action(&inner, list);
}

/* ---- names and values ---- */

static struct str without_backslashes(struct reader *r, struct str s)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(JSON_PATH_MAX);

	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] != '\\')
			buf_add_char(&out, s.at[i]);
	return arena_str(r->arena, buf_str(&out));
}

static void read_field(struct reader *r, struct path_node *list)
{
	size_t from = r->at;

	while (!ends_name(peek(r)))
		r->at += peek(r) == '\\' && r->at + 1 < r->in.len ? 2 : 1;
	struct str name = str_sub(r->in, from, r->at);
	if (str_eq_text(name, "*"))
		append(r, list, NODE_WILDCARD);
	else
		append(r, list, NODE_FIELD)->name = without_backslashes(r, name);
}

static int read_word(struct reader *r, struct path_node *list)
{
	size_t from = r->at;

	while (!ends_name(peek(r)))
		r->at++;
	struct str word = str_sub(r->in, from, r->at);
	if (str_eq_text(word, "range"))
		append(r, list, NODE_RANGE);
	else if (str_eq_text(word, "end"))
		append(r, list, NODE_END);
	else if (str_eq_text(word, "true") || str_eq_text(word, "false"))
		append(r, list, NODE_VALUE)->value =
			json_new_bool(r->arena, str_eq_text(word, "true"));
	else
		return err_set(r->err, ERR_SYNTAX, "unrecognized identifier %.*s", STRF(word));
	return 0;
}

static int read_number(struct reader *r, struct path_node *list)
{
	size_t from = r->at;

	if (peek(r) == '+' || peek(r) == '-')
		r->at++;
	while (peek(r) == '.' || (peek(r) >= '0' && peek(r) <= '9'))
		r->at++;
	struct str text = str_sub(r->in, from, r->at);
	struct cJSON *value = json_new_number_text(
		r->arena, str_starts(text, STR("+")) ? str_skip(text, 1) : text);
	if (!value)
		return err_set(r->err, ERR_SYNTAX, "cannot parse number %.*s", STRF(text));
	append(r, list, NODE_VALUE)->value = value;
	return 0;
}

static int hex_of(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool add_hex(struct buf *out, struct str s, size_t *at, int digits)
{
	uint32_t code = 0;

	for (int i = 0; i < digits; i++) {
		int digit = *at < s.len ? hex_of((unsigned char)s.at[*at]) : -1;

		if (digit < 0)
			return false;
		code = code << 4 | (uint32_t)digit;
		++*at;
	}
	if (digits == 2) {
		buf_add_char(out, (char)code);
		return true;
	}
	if (code > 0x10ffff)
		return false;
	buf_add_rune(out, code);
	return true;
}

static bool add_escape(struct buf *out, struct str s, size_t *at, char quote)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	char c = *at < s.len ? s.at[(*at)++] : 0;
	const char *found = c ? strchr(from, c) : NULL;

	if (found) {
		buf_add_char(out, to[found - from]);
		return true;
	}
	if (c == quote) {
		buf_add_char(out, c);
		return true;
	}
	if (c == 'x' || c == 'u' || c == 'U')
		return add_hex(out, s, at, c == 'x' ? 2 : c == 'u' ? 4 : 8);
	if (c >= '0' && c <= '3' && *at + 2 <= s.len && s.at[*at] >= '0' && s.at[*at] <= '7' &&
		s.at[*at + 1] >= '0' && s.at[*at + 1] <= '7') {
		buf_add_char(out,
			(char)((c - '0') << 6 | (s.at[*at] - '0') << 3 | (s.at[*at + 1] - '0')));
		*at += 2;
		return true;
	}
	return false;
}

static int read_quote(struct reader *r, struct path_node *list, char quote)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(JSON_PATH_MAX);
	size_t from = r->at;

	while (peek(r) >= 0 && peek(r) != '\n' &&
		!(peek(r) == quote && (r->at == from || r->in.at[r->at - 1] != '\\')))
		r->at++;
	if (peek(r) != quote)
		return err_set(r->err, ERR_SYNTAX, "unterminated quoted string");
	struct str text = str_sub(r->in, from, r->at++);
	for (size_t at = 0; at < text.len;) {
		char c = text.at[at++];

		if (c != '\\')
			buf_add_char(&out, c);
		else if (!add_escape(&out, text, &at, quote))
			return err_set(r->err, ERR_SYNTAX,
				"unquote string %c%.*s%c error invalid syntax", quote, STRF(text),
				quote);
	}
	append(r, list, NODE_VALUE)->value = json_new_str(r->arena, buf_str(&out));
	return 0;
}

/* ---- brackets ---- */

/* `-1`, empty or nothing; behind a colon. False: no number. */
static bool take_bound(struct str *s, bool colon, struct path_bound *b, bool *there)
{
	bool minus = false;
	size_t len = 0;
	uint64_t n = 0;

	*there = !colon || str_starts(*s, STR(":"));
	if (!*there)
		return true;
	*s = str_skip(*s, colon);
	if (str_starts(*s, STR("-"))) {
		minus = true;
		*s = str_skip(*s, 1);
	}
	while (len < s->len && s->at[len] >= '0' && s->at[len] <= '9')
		len++;
	if (!len)
		return !minus;
	if (!str_to_u64(str_sub(*s, 0, len), &n) || n > INT32_MAX)
		return false;
	*s = str_skip(*s, len);
	b->known = true;
	b->value = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static int read_slice(struct reader *r, struct str text, struct path_node *list)
{
	struct path_node *n = append(r, list, NODE_SLICE);
	struct str rest = text;
	bool there;

	if (!take_bound(&rest, false, &n->from, &there) || !take_bound(&rest, true, &n->to, &there))
		return err_set(r->err, ERR_SYNTAX, "invalid array index %.*s", STRF(text));
	if (!there)
		n->to = (struct path_bound){
			.known = true, .derived = true, .value = n->from.value + 1};
	else if (!take_bound(&rest, true, &n->step, &there))
		return err_set(r->err, ERR_SYNTAX, "invalid array index %.*s", STRF(text));
	if (rest.len)
		return err_set(r->err, ERR_SYNTAX, "invalid array index %.*s", STRF(text));
	return 0;
}

static int read_union(struct reader *r, struct str text, struct path_node *list)
{
	struct path_node *n = append(r, list, NODE_UNION);
	struct str piece;
	int code = 0;

	while (!code && str_next(&text, ',', &piece))
		code = read_inner(r, arena_print(r->arena, "[%.*s]", STRF(str_trim(piece))),
			append(r, n, NODE_LIST));
	return code;
}

/* 'name' alone, without quotes in it. */
static bool is_quoted_name(struct str s)
{
	return s.len >= 2 && s.at[0] == '\'' && s.at[s.len - 1] == '\'' &&
	       str_find_char(str_sub(s, 1, s.len - 1), '\'') < 0;
}

static int read_bracket(struct reader *r, struct path_node *list)
{
	size_t from = r->at;

	while (peek(r) >= 0 && peek(r) != '\n' && peek(r) != ']')
		r->at++;
	if (peek(r) != ']')
		return err_set(r->err, ERR_SYNTAX, "unterminated array");
	struct str text = str_sub(r->in, from, r->at++);
	if (str_find_char(text, ',') >= 0)
		return read_union(r, text, list);
	if (is_quoted_name(text)) {
		struct path_node inner = {0};
		int code = read_inner(r,
			arena_print(r->arena, ".%.*s", STRF(str_sub(text, 1, text.len - 1))),
			&inner);

		for (struct path_node *n = inner.first; n && !code; n = n->next) {
			if (list->last)
				list->last->next = n;
			else
				list->first = n;
			list->last = n;
		}
		return code;
	}
	return read_slice(r, str_eq_text(text, "*") ? STR(":") : text, list);
}

/* ---- filters ---- */

/* Up to the parenthesis that is not in a string. */
static int take_filter(struct reader *r, struct str *text)
{
	size_t from = r->at;
	bool begun = false, ended = false;
	int pair = 0, c;

	for (;; r->at++) {
		c = peek(r);
		if (c < 0 || c == '\n')
			return err_set(r->err, ERR_SYNTAX, "unterminated filter");
		if ((c == '"' || c == '\'') && !begun) {
			begun = true;
			pair = c;
		} else if ((c == '"' || c == '\'') && r->in.at[r->at - 1] != '\\' && c == pair) {
			ended = true;
		} else if (c == ')' && begun == ended) {
			break;
		}
	}
	*text = str_sub(r->in, from, r->at++);
	if (peek(r) != ']')
		return err_set(r->err, ERR_SYNTAX, "unclosed array expect ]");
	r->at++;
	return 0;
}

static bool is_operator(char c)
{
	return c == '!' || c == '<' || c == '>' || c == '=';
}

static int read_filter(struct reader *r, struct path_node *list)
{
	struct path_node *n, *left, *right;
	struct str text;
	size_t from = 0, to;
	int code = take_filter(r, &text);

	if (code)
		return code;
	n = append(r, list, NODE_FILTER);
	left = append(r, n, NODE_LIST);
	right = append(r, n, NODE_LIST);
	while (from < text.len && !is_operator(text.at[from]))
		from++;
	for (to = from; to < text.len && is_operator(text.at[to]);)
		to++;
	/* The last sign belongs to what stands behind, if nothing else does. */
	if (to == text.len && to - from > 1)
		to--;
	if (!from || from == to || to == text.len) {
		n->name = STR("exists");
		return read_inner(r, text, left);
	}
	n->name = arena_str(r->arena, str_sub(text, from, to));
	code = read_inner(r, str_sub(text, 0, from), left);
	return code ? code : read_inner(r, str_skip(text, to), right);
}

/* ---- expressions ---- */

static int read_descent(struct reader *r, struct path_node *list)
{
	if (list->last && list->last->type == NODE_RECURSIVE)
		return err_set(r->err, ERR_SYNTAX, "invalid multiple recursive descent");
	append(r, list, NODE_RECURSIVE);
	if (is_word(peek(r)))
		read_field(r, list);
	return 0;
}

static int read_step(struct reader *r, struct path_node *list)
{
	int c = peek(r);

	if (str_starts(str_skip(r->in, r->at), STR("[?("))) {
		r->at += 3;
		return read_filter(r, list);
	}
	if (str_starts(str_skip(r->in, r->at), STR(".."))) {
		r->at += 2;
		return read_descent(r, list);
	}
	if (c < 0 || c == '\n' || c == '\r')
		return err_set(r->err, ERR_SYNTAX, "unclosed action");
	if (c == '+' || c == '-' || (c >= '0' && c <= '9'))
		return read_number(r, list);
	if (is_word(c))
		return read_word(r, list);
	r->at++;
	switch (c) {
	case ' ':
	case '@':
	case '$':
		return 0;
	case '[':
		return read_bracket(r, list);
	case '"':
	case '\'':
		return read_quote(r, list, (char)c);
	case '.':
		read_field(r, list);
		return 0;
	}
	return err_set(r->err, ERR_SYNTAX, "unrecognized character in action: U+%04X '%c'",
		(unsigned)c, c >= ' ' && c < 0x7f ? c : '?');
}

/* Behind the opening brace, up to the closing one. */
static int read_action(struct reader *r, struct path_node *list)
{
	int code = 0;

	while (!code && peek(r) != '}')
		code = read_step(r, list);
	if (!code)
		r->at++;
	return code;
}

int json_path_parse(struct arena *a, struct str text, struct json_path **path, struct err *err)
{
	struct reader r = {.arena = a, .in = text, .err = err};
	struct path_node *root = arena_new(a, sizeof(*root));
	int code = 0;

	if (text.len > JSON_PATH_MAX)
		return err_set(
			err, ERR_TOO_LARGE, "a path may have %d bytes at most", JSON_PATH_MAX);
	while (!code && r.at < text.len) {
		struct str rest = str_skip(text, r.at);
		ssize_t brace = str_find_char(rest, '{');
		size_t len = brace < 0 ? rest.len : (size_t)brace;

		if (len)
			append(&r, root, NODE_VALUE)->value =
				json_new_str(a, str_sub(rest, 0, len));
		r.at += len;
		if (brace < 0)
			break;
		r.at++;
		code = read_action(&r, append(&r, root, NODE_LIST));
	}
	if (code)
		return code;
	*path = arena_new(a, sizeof(**path));
	(*path)->root = root;
	return 0;
}
