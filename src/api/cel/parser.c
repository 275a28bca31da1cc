/*
 * The grammar of CEL, by descent. It stops at the first sentence it cannot make sense of, unless
 * leaving one word out mends it, as ANTLR's recovery tries first; the messages are ANTLR's.
 */
#include "lexer.h"

#include "go_number.h"

#include <stdarg.h>

struct parser {
	struct cel_program *program;
	struct tokens tokens;
	size_t at;
	int depth;
	const char *expecting; /* instead of an operand, right behind an opening bracket */
	bool recovering;       /* a problem was told, and no word fitted since then */
	bool failed;           /* given up */
	int open, ternary;     /* brackets of all kinds, conditions that wait for their ':' */
};

static struct expr *parse_expr(struct parser *p);

#define OPERANDS "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
static const char operand[] = "{'[', '{', '(', '.', '-', '!', " OPERANDS;
static const char argument[] = "{'[', '{', '(', ')', '.', '-', '!', " OPERANDS;
static const char element[] = "{'[', ']', '{', '(', '.', ',', '-', '!', '?', " OPERANDS;
static const char entry[] = "{'[', '{', '}', '(', '.', ',', '-', '!', '?', " OPERANDS;

struct expr *expr_new(struct cel_program *p, enum expr_kind kind, uint32_t at)
{
	struct expr *e = arena_new(&p->arena, sizeof(*e));

	e->kind = (uint8_t)kind;
	e->at = at;
	e->id = ++p->next_id;
	e->slot = -1;
	return e;
}

struct expr *expr_call(struct cel_program *p, uint32_t at, const char *name, size_t count, ...)
{
	struct expr *e = expr_new(p, EXPR_CALL, at);
	va_list args;

	e->name = str_from(name);
	e->count = (uint32_t)count;
	e->args = arena_new(&p->arena, (count + 1) * sizeof(struct expr *));
	va_start(args, count);
	for (size_t i = 0; i < count; i++)
		e->args[i] = va_arg(args, struct expr *);
	va_end(args);
	return e;
}

bool expr_qualified(struct cel_program *p, const struct expr *e, struct str *name)
{
	struct str before;

	if (e->kind == EXPR_IDENT) {
		*name = e->name;
		return true;
	}
	if (e->kind != EXPR_SELECT || e->test || !expr_qualified(p, e->target, &before))
		return false;
	*name = arena_print(&p->arena, "%.*s.%.*s", STRF(before), STRF(e->name));
	return true;
}

/* ---- words ---- */

static struct token peek(const struct parser *p)
{
	return p->tokens.at[p->at];
}

static bool is(const struct parser *p, enum token_kind kind)
{
	return peek(p).kind == kind;
}

static struct token next(struct parser *p)
{
	struct token t = peek(p);

	p->recovering = false;
	if (t.kind != TOKEN_END)
		p->at++;
	return t;
}

static bool take(struct parser *p, enum token_kind kind)
{
	if (!is(p, kind))
		return false;
	next(p);
	return true;
}

static struct str token_text(const struct parser *p, struct token t)
{
	return t.kind == TOKEN_END ? STR("<EOF>") : str_make(p->program->text.at + t.at, t.len);
}

/* May this word follow an operand, here or in what stands around it? */
static bool may_follow(const struct parser *p, enum token_kind kind)
{
	switch (kind) {
	case TOKEN_BRACKET_END:
	case TOKEN_BRACE_END:
	case TOKEN_PAREN_END:
	case TOKEN_COMMA:
		return p->open > 0;
	case TOKEN_COLON:
		return p->ternary > 0;
	case TOKEN_BRACE:
	case TOKEN_PAREN:
	case TOKEN_NOT:
		return false;
	default:
		return kind < TOKEN_TRUE || kind == TOKEN_END;
	}
}

/* As ANTLR recovers: what cannot follow is left out, and nothing is said until a word fits. */
static void recover(struct parser *p)
{
	p->recovering = true;
	while (!may_follow(p, peek(p).kind))
		p->at++;
}

static struct expr *fail(struct parser *p)
{
	uint32_t at = peek(p).at;

	recover(p);
	return expr_new(p->program, EXPR_LITERAL, at);
}

static void say(struct parser *p, const char *what, const char *expecting)
{
	struct token t = peek(p);

	if (p->recovering)
		return;
	program_problem(p->program, t.at, "Syntax error: %s input '%.*s' expecting %s", what,
		STRF(token_text(p, t)), expecting);
}

/* Could what stands behind the next word start an operand? */
static bool starts_operand(const struct parser *p, size_t at)
{
	enum token_kind kind = at < p->tokens.count ? p->tokens.at[at].kind : TOKEN_END;

	switch (kind) {
	case TOKEN_BRACKET:
	case TOKEN_BRACE:
	case TOKEN_PAREN:
	case TOKEN_DOT:
	case TOKEN_MINUS:
	case TOKEN_NOT:
		return true;
	default:
		return kind >= TOKEN_TRUE && kind <= TOKEN_NAME;
	}
}

/*
 * The closing word of something. ANTLR first tries to leave a word out, then to put the missing
 * one in, which works where what follows may follow it: at the end, or before another closing one.
 */
static bool closes(struct parser *p, enum token_kind kind, const char *quoted)
{
	struct token t = peek(p);

	if (take(p, kind))
		return true;
	if (t.kind != TOKEN_END && p->tokens.at[p->at + 1].kind == kind) {
		say(p, "extraneous", quoted);
		next(p);
		next(p);
		return true;
	}
	if (kind == TOKEN_COLON || (t.kind >= TOKEN_TRUE && t.kind <= TOKEN_NAME) ||
		t.kind == TOKEN_BRACE || t.kind == TOKEN_PAREN || t.kind == TOKEN_NOT)
		say(p, "mismatched", quoted);
	else if (!p->recovering)
		program_problem(p->program, t.at, "Syntax error: missing %s at '%.*s'", quoted,
			STRF(token_text(p, t)));
	recover(p);
	return false;
}

/* ---- literals ---- */

static struct expr *parse_int(struct parser *p, uint32_t at, struct str text, bool negative)
{
	struct expr *e = expr_new(p->program, EXPR_LITERAL, at);
	struct str whole = negative ? arena_print(&p->program->arena, "-%.*s", STRF(text)) : text;
	int64_t value = 0;

	if (!go_read_int(whole, &value))
		program_problem(p->program, at, "invalid int literal");
	e->literal = cel_number(value);
	return e;
}

static struct expr *parse_uint(struct parser *p, uint32_t at, struct str text)
{
	struct expr *e = expr_new(p->program, EXPR_LITERAL, at);
	uint64_t value = 0;

	if (!go_read_uint(str_sub(text, 0, text.len - 1), &value))
		program_problem(p->program, at, "invalid uint literal");
	e->literal = (struct cel_value){.kind = CEL_UINT, .u = value};
	return e;
}

static struct expr *parse_float(struct parser *p, uint32_t at, struct str text, bool negative)
{
	struct expr *e = expr_new(p->program, EXPR_LITERAL, at);
	double value = 0;

	if (!go_read_double(text, &value))
		program_problem(p->program, at, "invalid double literal");
	e->literal = (struct cel_value){.kind = CEL_DOUBLE, .d = negative ? -value : value};
	return e;
}

static struct expr *parse_text(struct parser *p, struct token t)
{
	struct expr *e = expr_new(p->program, EXPR_LITERAL, t.at);
	bool bytes = t.kind == TOKEN_BYTES;
	struct str text = STR("");
	const char *why;

	if (!token_unquote(&p->program->arena, token_text(p, t), bytes, &text, &why))
		program_problem(p->program, t.at, "%s", why);
	e->literal = (struct cel_value){.kind = bytes ? CEL_BYTES : CEL_STRING, .str = text};
	return e;
}

static struct expr *parse_literal(struct parser *p)
{
	struct token first = peek(p);
	bool negative = take(p, TOKEN_MINUS);
	struct token t = next(p);
	struct expr *e;

	switch (t.kind) {
	case TOKEN_INT:
		return parse_int(p, first.at, token_text(p, t), negative);
	case TOKEN_UINT:
		return parse_uint(p, first.at, token_text(p, t));
	case TOKEN_FLOAT:
		return parse_float(p, first.at, token_text(p, t), negative);
	case TOKEN_STRING:
	case TOKEN_BYTES:
		return parse_text(p, t);
	default:
		e = expr_new(p->program, EXPR_LITERAL, t.at);
		e->literal = t.kind == TOKEN_NULL ? (struct cel_value){.kind = CEL_NULL}
						  : cel_truth(t.kind == TOKEN_TRUE);
		return e;
	}
}

/* ---- lists of things ---- */

struct gathered {
	struct expr **at;
	uint8_t *optional;
	size_t count, cap;
	bool any_optional;
};

static void gather(struct parser *p, struct gathered *g, struct expr *e, bool optional)
{
	if (g->count == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 4;
		struct expr **at = arena_new(&p->program->arena, cap * sizeof(*at));
		uint8_t *flags = arena_new(&p->program->arena, cap);
		if (g->count) {
			memcpy(at, g->at, g->count * sizeof(*at));
			memcpy(flags, g->optional, g->count);
		}
		g->at = at;
		g->optional = flags;
		g->cap = cap;
	}
	g->at[g->count] = e;
	g->optional[g->count++] = optional;
	g->any_optional |= optional;
}

static void give(struct expr *e, const struct gathered *g)
{
	e->args = g->at;
	e->count = (uint32_t)g->count;
	e->optional = g->any_optional ? g->optional : NULL;
}

/* '(' is gone. */
static void parse_args(struct parser *p, struct expr *call, struct expr *target)
{
	struct gathered g = {0};

	p->open++;
	p->expecting = argument;
	if (!is(p, TOKEN_PAREN_END))
		do
			gather(p, &g, parse_expr(p), false);
		while (!p->failed && take(p, TOKEN_COMMA));
	p->expecting = NULL;
	if (!p->failed)
		closes(p, TOKEN_PAREN_END, "')'");
	p->open--;
	give(call, &g);
	call->target = target;
	call->member = target;
}

/* A separator, or the end: between elements of lists, maps and structs. */
static bool separated(struct parser *p, enum token_kind end, const char *expecting)
{
	if (p->failed || is(p, end))
		return false;
	if (take(p, TOKEN_COMMA))
		return !is(p, end);
	if (p->tokens.at[p->at].kind != TOKEN_END && p->tokens.at[p->at + 1].kind == end) {
		say(p, "extraneous", expecting);
		next(p);
		return false;
	}
	say(p, "mismatched", expecting);
	recover(p);
	return false;
}

static struct expr *parse_list(struct parser *p)
{
	struct expr *e = expr_new(p->program, EXPR_LIST, next(p).at);
	struct gathered g = {0};

	p->open++;
	p->expecting = element;
	if (!is(p, TOKEN_BRACKET_END))
		do {
			bool optional = take(p, TOKEN_QUESTION);
			gather(p, &g, parse_expr(p), optional);
		} while (separated(p, TOKEN_BRACKET_END, "{']', ','}"));
	p->open--;
	p->expecting = NULL;
	give(e, &g);
	take(p, TOKEN_BRACKET_END);
	return e;
}

static struct expr *parse_map(struct parser *p)
{
	struct expr *e = expr_new(p->program, EXPR_MAP, next(p).at);
	struct gathered g = {0};

	p->open++;
	p->ternary++;
	p->expecting = entry;
	if (!is(p, TOKEN_BRACE_END))
		do {
			bool optional = take(p, TOKEN_QUESTION);
			gather(p, &g, parse_expr(p), optional);
			if (p->failed || !closes(p, TOKEN_COLON, "':'"))
				break;
			gather(p, &g, parse_expr(p), optional);
		} while (separated(p, TOKEN_BRACE_END, "{'}', ','}"));
	p->open--;
	p->ternary--;
	p->expecting = NULL;
	give(e, &g);
	take(p, TOKEN_BRACE_END);
	return e;
}

/* name{field: value}: '{' comes. */
static struct expr *parse_struct(struct parser *p, struct expr *named)
{
	struct expr *e = expr_new(p->program, EXPR_STRUCT, next(p).at);
	struct gathered g = {0};

	expr_qualified(p->program, named, &e->name);
	p->open++;
	p->ternary++;
	if (!is(p, TOKEN_BRACE_END))
		do {
			bool optional = take(p, TOKEN_QUESTION);
			struct token field = peek(p);
			struct expr *name = expr_new(p->program, EXPR_LITERAL, field.at);
			if (!take(p, TOKEN_NAME)) {
				say(p, "mismatched", "{'}', ',', '?', IDENTIFIER}");
				recover(p);
				break;
			}
			name->literal = cel_str(token_text(p, field));
			name->at = peek(p).at;
			gather(p, &g, name, optional);
			if (!closes(p, TOKEN_COLON, "':'"))
				break;
			gather(p, &g, parse_expr(p), optional);
		} while (separated(p, TOKEN_BRACE_END, "{'}', ','}"));
	p->open--;
	p->ternary--;
	give(e, &g);
	take(p, TOKEN_BRACE_END);
	return e;
}

/* ---- operands ---- */

static bool is_reserved(struct str name)
{
	static const char *const words[] = {"as", "break", "const", "continue", "else", "for",
		"function", "if", "import", "let", "loop", "package", "namespace", "return", "var",
		"void", "while"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_text(name, words[i]))
			return true;
	return false;
}

static struct expr *finish_call(struct parser *p, struct expr *call)
{
	struct expr *expanded = p->failed ? NULL : macro_expand(p->program, call);

	return expanded ? expanded : call;
}

static struct expr *parse_name(struct parser *p)
{
	bool dotted = take(p, TOKEN_DOT);
	struct token t = peek(p);
	struct str name = token_text(p, t);
	struct expr *e;

	if (!take(p, TOKEN_NAME)) {
		say(p, "mismatched", "IDENTIFIER");
		return fail(p);
	}
	if (is_reserved(name))
		program_problem(p->program, t.at, "reserved identifier: %.*s", STRF(name));
	if (dotted)
		name = arena_print(&p->program->arena, ".%.*s", STRF(name));
	if (is(p, TOKEN_PAREN)) {
		e = expr_new(p->program, EXPR_CALL, next(p).at);
		e->name = name;
		parse_args(p, e, NULL);
		return finish_call(p, e);
	}
	e = expr_new(p->program, EXPR_IDENT, t.at);
	e->name = name;
	return e;
}

static struct expr *parse_primary(struct parser *p)
{
	const char *expecting = p->expecting ? p->expecting : operand;
	struct expr *e;

	p->expecting = NULL;
	if (!starts_operand(p, p->at) && !is(p, TOKEN_END) && starts_operand(p, p->at + 1)) {
		say(p, "extraneous", expecting);
		next(p);
	}
	switch (peek(p).kind) {
	case TOKEN_NAME:
	case TOKEN_DOT:
		return parse_name(p);
	case TOKEN_PAREN:
		next(p);
		p->open++;
		e = parse_expr(p);
		if (!p->failed)
			closes(p, TOKEN_PAREN_END, "')'");
		p->open--;
		return e;
	case TOKEN_BRACKET:
		return parse_list(p);
	case TOKEN_BRACE:
		return parse_map(p);
	case TOKEN_MINUS:
	case TOKEN_TRUE:
	case TOKEN_FALSE:
	case TOKEN_NULL:
	case TOKEN_FLOAT:
	case TOKEN_INT:
	case TOKEN_UINT:
	case TOKEN_STRING:
	case TOKEN_BYTES:
		return parse_literal(p);
	default:
		say(p, "mismatched", expecting);
		return fail(p);
	}
}

/* .name, .?name, .name(…): the dot comes. */
static struct expr *parse_dot(struct parser *p, struct expr *e)
{
	struct token dot = next(p);
	bool optional = take(p, TOKEN_QUESTION);
	struct token t = peek(p);
	struct str name = token_text(p, t);
	struct expr *to;

	if (!take(p, TOKEN_NAME)) {
		if (!p->recovering)
			program_problem(p->program, t.at,
				"Syntax error: no viable alternative at input '.%.*s'",
				STRF(t.kind == TOKEN_END ? STR("") : name));
		return fail(p);
	}
	if (optional) {
		struct expr *field = expr_new(p->program, EXPR_LITERAL, t.at);
		field->literal = cel_str(name);
		return expr_call(p->program, dot.at, "_?._", 2, e, field);
	}
	if (is(p, TOKEN_PAREN)) {
		to = expr_new(p->program, EXPR_CALL, next(p).at);
		to->name = name;
		parse_args(p, to, e);
		return finish_call(p, to);
	}
	to = expr_new(p->program, EXPR_SELECT, dot.at);
	to->target = e;
	to->name = name;
	return to;
}

static bool too_deep(struct parser *p)
{
	if (p->depth <= DEPTH_MAX)
		return false;
	if (!p->failed)
		program_problem(
			p->program, -1, "expression recursion limit exceeded: %d", DEPTH_MAX);
	p->failed = true;
	return true;
}

static struct expr *parse_member(struct parser *p)
{
	struct expr *e = parse_primary(p);
	int depth = p->depth;
	struct str name;

	while (!p->failed) {
		p->depth++;
		if (too_deep(p))
			break;
		if (is(p, TOKEN_DOT)) {
			e = parse_dot(p, e);
		} else if (is(p, TOKEN_BRACKET)) {
			uint32_t at = next(p).at;
			bool optional = take(p, TOKEN_QUESTION);
			struct expr *index;
			p->open++;
			index = parse_expr(p);
			e = expr_call(p->program, at, optional ? "_[?_]" : "_[_]", 2, e, index);
			if (!p->failed)
				closes(p, TOKEN_BRACKET_END, "']'");
			p->open--;
		} else if (is(p, TOKEN_BRACE) && expr_qualified(p->program, e, &name)) {
			e = parse_struct(p, e);
		} else
			break;
	}
	p->depth = depth;
	return e;
}

/* Signs in pairs cancel each other; of an odd number one is left. A lone minus is a number's. */
static struct expr *parse_unary(struct parser *p)
{
	enum token_kind sign = peek(p).kind;
	struct token first = peek(p);
	size_t count = 0;
	struct expr *e;

	if (sign != TOKEN_NOT && sign != TOKEN_MINUS)
		return parse_member(p);
	while (p->tokens.at[p->at + count].kind == sign)
		count++;
	if (sign == TOKEN_MINUS && count == 1) {
		enum token_kind then = p->tokens.at[p->at + 1].kind;
		if (then == TOKEN_INT || then == TOKEN_FLOAT)
			return parse_member(p);
	}
	p->at += count;
	p->recovering = false;
	if (!starts_operand(p, p->at)) {
		say(p, "extraneous", operand);
		return fail(p);
	}
	e = parse_member(p);
	if (count % 2 == 0)
		return e;
	return expr_call(p->program, first.at, sign == TOKEN_NOT ? "!_" : "-_", 1, e);
}

/* ---- operators ---- */

struct operator
{
	uint8_t token, level;
	const char *name;
};

static const struct operator operators[] = {
	{TOKEN_LESS, 1, "_<_"},
	{TOKEN_LESS_EQUAL, 1, "_<=_"},
	{TOKEN_GREATER_EQUAL, 1, "_>=_"},
	{TOKEN_GREATER, 1, "_>_"},
	{TOKEN_EQUAL, 1, "_==_"},
	{TOKEN_UNEQUAL, 1, "_!=_"},
	{TOKEN_IN, 1, "@in"},
	{TOKEN_PLUS, 2, "_+_"},
	{TOKEN_MINUS, 2, "_-_"},
	{TOKEN_STAR, 3, "_*_"},
	{TOKEN_SLASH, 3, "_/_"},
	{TOKEN_PERCENT, 3, "_%_"},
};

static const struct operator* operator_of(enum token_kind kind, int level)
{
	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		if (operators[i].token == kind && operators[i].level == level)
			return &operators[i];
	return NULL;
}

static struct expr *parse_binary(struct parser *p, int level)
{
	struct expr *e = level > 3 ? parse_unary(p) : parse_binary(p, level + 1);
	const struct operator* op;
	int depth = p->depth;

	while (level <= 3 && !p->failed && (op = operator_of(peek(p).kind, level))) {
		uint32_t at = next(p).at;
		struct expr *right;
		p->depth++;
		if (too_deep(p))
			break;
		right = parse_binary(p, level + 1);
		e = expr_call(p->program, at, op->name, 2, e, right);
	}
	p->depth = depth;
	return e;
}

/* a && b && c …: a balanced tree, so that long chains stay shallow. */
static struct expr *balance(struct parser *p, const char *name, struct expr **terms,
	const uint32_t *at, size_t low, size_t high)
{
	size_t mid = (low + high + 1) / 2;
	struct expr *left, *right;

	if (low == high)
		return terms[low];
	left = balance(p, name, terms, at, low, mid - 1);
	right = balance(p, name, terms, at, mid, high);
	return expr_call(p->program, at[mid], name, 2, left, right);
}

static struct expr *parse_logic(struct parser *p, enum token_kind kind)
{
	bool is_or = kind == TOKEN_OR;
	struct expr *first = is_or ? parse_logic(p, TOKEN_AND) : parse_binary(p, 1);
	struct gathered g = {0};
	size_t count = 1;
	uint32_t *at;

	if (p->failed || !is(p, kind))
		return first;
	gather(p, &g, first, false);
	at = arena_new(&p->program->arena, sizeof(*at) * (p->tokens.count - p->at + 2));
	while (!p->failed && is(p, kind)) {
		at[count++] = next(p).at;
		gather(p, &g, is_or ? parse_logic(p, TOKEN_AND) : parse_binary(p, 1), false);
	}
	return balance(p, is_or ? "_||_" : "_&&_", g.at, at, 0, g.count - 1);
}

static struct expr *parse_expr(struct parser *p)
{
	struct expr *e, *yes, *no;
	uint32_t at;

	p->depth++;
	if (too_deep(p)) {
		p->depth--;
		return expr_new(p->program, EXPR_LITERAL, 0);
	}
	e = parse_logic(p, TOKEN_OR);
	at = peek(p).at;
	if (!p->failed && take(p, TOKEN_QUESTION)) {
		p->ternary++;
		yes = parse_logic(p, TOKEN_OR);
		p->ternary--;
		if (!p->failed && closes(p, TOKEN_COLON, "':'")) {
			no = parse_expr(p);
			e = expr_call(p->program, at, "_?_:_", 3, e, yes, no);
		}
	}
	p->depth--;
	return e;
}

void program_parse(struct cel_program *program)
{
	struct parser p = {.program = program, .tokens = program_tokens(program)};

	program->root = parse_expr(&p);
	if (p.failed || is(&p, TOKEN_END))
		return;
	say(&p, p.tokens.at[p.at + 1].kind == TOKEN_END ? "extraneous" : "mismatched", "<EOF>");
}
