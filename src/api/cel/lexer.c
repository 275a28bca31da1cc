#include "lexer.h"

#include <kube/codec.h>

struct lexer {
	struct cel_program *program;
	struct tokens tokens;
	size_t cap;
	struct str text;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char byte_at(const struct lexer *l, size_t i)
{
	return i < l->text.len ? l->text.at[i] : '\0';
}

static void add(struct lexer *l, enum token_kind kind, size_t at, size_t end)
{
	struct tokens *t = &l->tokens;

	ARENA_ROOM(&l->program->arena, t->at, t->count, l->cap, 64);
	t->at[t->count++] = (struct token){
		.kind = (uint8_t)kind, .at = (uint32_t)at, .len = (uint32_t)(end - at)};
}

/* The whole of what could not be read stands in the message, as ANTLR has it. */
static size_t unread(struct lexer *l, size_t at, size_t end)
{
	while (end < l->text.len && (l->text.at[end] & 0xc0) == 0x80)
		end++;
	program_problem(l->program, (int64_t)at, "Syntax error: token recognition error at: '%.*s'",
		STRF(str_sub(l->text, at, end)));
	return end;
}

/* ---- numbers ---- */

static size_t skip_digits(const struct lexer *l, size_t i)
{
	while (is_digit(byte_at(l, i)))
		i++;
	return i;
}

static size_t skip_exponent(const struct lexer *l, size_t i)
{
	size_t sign = i + 1;

	if (byte_at(l, i) != 'e' && byte_at(l, i) != 'E')
		return i;
	if (byte_at(l, sign) == '+' || byte_at(l, sign) == '-')
		sign++;
	return is_digit(byte_at(l, sign)) ? skip_digits(l, sign) : i;
}

static size_t read_number(struct lexer *l, size_t at)
{
	size_t end = skip_digits(l, at);
	enum token_kind kind = TOKEN_INT;

	if (byte_at(l, at) == '0' && byte_at(l, at + 1) == 'x' && is_hex(byte_at(l, at + 2))) {
		for (end = at + 2; is_hex(byte_at(l, end)); end++)
			;
	} else {
		size_t whole = end;
		if (byte_at(l, end) == '.' && is_digit(byte_at(l, end + 1)))
			end = skip_digits(l, end + 1);
		end = skip_exponent(l, end);
		if (end != whole)
			kind = TOKEN_FLOAT;
	}
	if (kind == TOKEN_INT && (byte_at(l, end) == 'u' || byte_at(l, end) == 'U')) {
		kind = TOKEN_UINT;
		end++;
	}
	add(l, kind, at, end);
	return end;
}

/* ---- strings ---- */

/* Length of the escape at `i` (behind the backslash); 0: *stop is behind what does not belong. */
static size_t escape_length(const struct lexer *l, size_t i, size_t *stop)
{
	char c = byte_at(l, i);
	bool octal = c >= '0' && c <= '3';
	size_t want = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 2 : 0;

	*stop = MIN(i + 1, l->text.len);
	for (size_t k = 1; k <= want; k++) {
		char digit = byte_at(l, i + k);
		*stop = MIN(i + k + 1, l->text.len);
		if (octal ? digit < '0' || digit > '7' : !is_hex(digit))
			return 0;
	}
	if (want)
		return 1 + want;
	return c && strchr("abfnrtv\"'\\?`", c) ? 1 : 0;
}

static bool is_triple(const struct lexer *l, size_t at, char quote)
{
	return byte_at(l, at) == quote && byte_at(l, at + 1) == quote &&
	       byte_at(l, at + 2) == quote;
}

/* From the quote on. Its end, or 0 with *stop at what does not belong. */
static size_t skip_string(const struct lexer *l, size_t quote_at, bool raw, size_t *stop)
{
	char quote = byte_at(l, quote_at);
	bool triple = is_triple(l, quote_at, quote);
	size_t i = quote_at + (triple ? 3 : 1);

	while (i < l->text.len) {
		char c = l->text.at[i];
		if (triple ? is_triple(l, i, quote) : c == quote)
			return i + (triple ? 3 : 1);
		if (!triple && (c == '\n' || c == '\r')) {
			*stop = i + 1;
			return 0;
		}
		if (c == '\\' && !raw) {
			size_t escape = escape_length(l, i + 1, stop);
			if (!escape)
				return 0;
			i += escape;
		}
		i++;
	}
	*stop = i;
	return 0;
}

/* Does a string start here: prefixes, then a quote? Where the quote is. */
static bool string_starts(const struct lexer *l, size_t at, size_t *quote, bool *bytes, bool *raw)
{
	size_t i = at;

	*bytes = byte_at(l, i) == 'b' || byte_at(l, i) == 'B';
	i += *bytes;
	*raw = byte_at(l, i) == 'r' || byte_at(l, i) == 'R';
	i += *raw;
	*quote = i;
	return byte_at(l, i) == '"' || byte_at(l, i) == '\'';
}

static size_t read_string(struct lexer *l, size_t at, size_t quote, bool bytes, bool raw)
{
	size_t stop = 0, end = skip_string(l, quote, raw, &stop);

	if (!end && is_triple(l, quote, byte_at(l, quote))) {
		/* Not ended: two of the quotes are an empty string. */
		end = quote + 2;
	}
	if (!end)
		return unread(l, at, stop);
	add(l, bytes ? TOKEN_BYTES : TOKEN_STRING, at, end);
	return end;
}

/* ---- the rest ---- */

static size_t read_name(struct lexer *l, size_t at)
{
	static const struct {
		struct str word;
		enum token_kind kind;
	} words[] = {{STR_INIT("in"), TOKEN_IN}, {STR_INIT("true"), TOKEN_TRUE},
		{STR_INIT("false"), TOKEN_FALSE}, {STR_INIT("null"), TOKEN_NULL}};
	enum token_kind kind = TOKEN_NAME;
	size_t end = at;

	while (is_letter(byte_at(l, end)) || is_digit(byte_at(l, end)))
		end++;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(words[i].word, str_sub(l->text, at, end)))
			kind = words[i].kind;
	add(l, kind, at, end);
	return end;
}

static size_t read_sign(struct lexer *l, size_t at)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} signs[] = {{"==", TOKEN_EQUAL}, {"!=", TOKEN_UNEQUAL}, {"<=", TOKEN_LESS_EQUAL},
		{">=", TOKEN_GREATER_EQUAL}, {"&&", TOKEN_AND}, {"||", TOKEN_OR}, {"<", TOKEN_LESS},
		{">", TOKEN_GREATER}, {"[", TOKEN_BRACKET}, {"]", TOKEN_BRACKET_END},
		{"{", TOKEN_BRACE}, {"}", TOKEN_BRACE_END}, {"(", TOKEN_PAREN},
		{")", TOKEN_PAREN_END}, {".", TOKEN_DOT}, {",", TOKEN_COMMA}, {"-", TOKEN_MINUS},
		{"!", TOKEN_NOT}, {"?", TOKEN_QUESTION}, {":", TOKEN_COLON}, {"+", TOKEN_PLUS},
		{"*", TOKEN_STAR}, {"/", TOKEN_SLASH}, {"%", TOKEN_PERCENT}};
	struct str rest = str_skip(l->text, at);
	char c = byte_at(l, at);

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		struct str sign = str_from(signs[i].text);
		if (str_starts(rest, sign)) {
			add(l, signs[i].kind, at, at + sign.len);
			return at + sign.len;
		}
	}
	/* What started like a sign of two: the second is part of what was not understood. */
	if ((c == '&' || c == '|' || c == '=') && at + 1 < l->text.len)
		return unread(l, at, at + 2);
	return unread(l, at, at + 1);
}

struct tokens program_tokens(struct cel_program *p)
{
	struct lexer l = {.program = p, .text = p->text};
	size_t i = 0, quote;
	bool bytes, raw;

	while (i < l.text.len) {
		char c = l.text.at[i];
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')
			i++;
		else if (c == '/' && byte_at(&l, i + 1) == '/')
			while (i < l.text.len && l.text.at[i] != '\n')
				i++;
		else if (string_starts(&l, i, &quote, &bytes, &raw))
			i = read_string(&l, i, quote, bytes, raw);
		else if (is_letter(c))
			i = read_name(&l, i);
		else if (is_digit(c))
			i = read_number(&l, i);
		else if (c == '.' && is_digit(byte_at(&l, i + 1))) {
			size_t end = skip_exponent(&l, skip_digits(&l, i + 1));
			add(&l, TOKEN_FLOAT, i, end);
			i = end;
		} else
			i = read_sign(&l, i);
	}
	add(&l, TOKEN_END, l.text.len, l.text.len);
	return l.tokens;
}

/* ---- escapes ---- */

static uint32_t read_digits(struct str s, size_t at, size_t count, unsigned base)
{
	uint32_t value = 0;

	for (size_t i = at; i < at + count && i < s.len; i++) {
		char c = s.at[i];
		unsigned digit = is_digit(c) ? (unsigned)(c - '0')
				 : c >= 'a'  ? (unsigned)(c - 'a' + 10)
					     : (unsigned)(c - 'A' + 10);
		value = value * base + digit;
	}
	return value;
}

/* s[i] stands behind a backslash. How many bytes the escape has, 0: it means nothing. */
static size_t put_escape(struct buf *out, struct str s, size_t i, bool bytes)
{
	static const char from[] = "abfnrtv\\'\"`?", to[] = "\a\b\f\n\r\t\v\\'\"`?";
	char c = s.at[i];
	const char *simple = strchr(from, c);
	size_t count = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 3;
	bool octal = c >= '0' && c <= '3';
	uint32_t value;

	if (simple) {
		buf_add_char(out, to[simple - from]);
		return 1;
	}
	value = octal ? read_digits(s, i, 3, 8) : read_digits(s, i + 1, count, 16);
	if (bytes && count <= 3) {
		buf_add_char(out, (char)value);
		return octal ? 3 : 1 + count;
	}
	if (bytes || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	buf_add_rune(out, value);
	return octal ? 3 : 1 + count;
}

bool token_unquote(
	struct arena *a, struct str token, bool bytes, struct str *text, const char **why)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(token.len * 4 + 1);
	size_t i = bytes, quotes = 1;
	bool raw = i < token.len && (token.at[i] == 'r' || token.at[i] == 'R');
	struct str s;

	i += raw;
	if (token.len >= i + 6 && token.at[i] == token.at[i + 1] && token.at[i] == token.at[i + 2])
		quotes = 3;
	s = str_sub(token, i + quotes, token.len - quotes);
	for (i = 0; i < s.len; i++) {
		if (s.at[i] == '\r') {
			buf_add_char(&out, '\n');
			i += i + 1 < s.len && s.at[i + 1] == '\n';
		} else if (s.at[i] == '\\' && !raw && i + 1 < s.len) {
			size_t length = put_escape(&out, s, i + 1, bytes);
			if (!length) {
				*why = bytes ? "unable to unescape string"
					     : "invalid unicode code point";
				return false;
			}
			i += length;
		} else
			buf_add_char(&out, s.at[i]);
	}
	*text = arena_str(a, buf_str(&out));
	return true;
}
