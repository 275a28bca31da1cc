/* Words one by one, and how the parser goes on when one does not fit: as ANTLR does. */
#include "parser.h"

#include "go_number.h"

#include <stdarg.h>

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

struct token parser_peek(const struct parser *p)
{
	return p->tokens.at[p->at];
}

bool parser_is(const struct parser *p, enum token_kind kind)
{
	return parser_peek(p).kind == kind;
}

struct token parser_next(struct parser *p)
{
	struct token t = parser_peek(p);

	p->recovering = false;
	if (t.kind != TOKEN_END)
		p->at++;
	return t;
}

bool parser_take(struct parser *p, enum token_kind kind)
{
	if (!parser_is(p, kind))
		return false;
	parser_next(p);
	return true;
}

struct str parser_text(const struct parser *p, struct token t)
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
void parser_recover(struct parser *p)
{
	p->recovering = true;
	while (!may_follow(p, parser_peek(p).kind))
		p->at++;
}

struct expr *parser_fail(struct parser *p)
{
	uint32_t at = parser_peek(p).at;

	parser_recover(p);
	return expr_new(p->program, EXPR_LITERAL, at);
}

void parser_say(struct parser *p, const char *what, const char *expecting)
{
	struct token t = parser_peek(p);

	if (p->recovering)
		return;
	program_problem(p->program, t.at, "Syntax error: %s input '%.*s' expecting %s", what,
		STRF(parser_text(p, t)), expecting);
}

/* Could what stands behind the next word start an operand? */
bool parser_starts(const struct parser *p, size_t at)
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
bool parser_closes(struct parser *p, enum token_kind kind, const char *quoted)
{
	struct token t = parser_peek(p);

	if (parser_take(p, kind))
		return true;
	if (t.kind != TOKEN_END && p->tokens.at[p->at + 1].kind == kind) {
		parser_say(p, "extraneous", quoted);
		parser_next(p);
		parser_next(p);
		return true;
	}
	if (kind == TOKEN_COLON || (t.kind >= TOKEN_TRUE && t.kind <= TOKEN_NAME) ||
		t.kind == TOKEN_BRACE || t.kind == TOKEN_PAREN || t.kind == TOKEN_NOT)
		parser_say(p, "mismatched", quoted);
	else if (!p->recovering)
		program_problem(p->program, t.at, "Syntax error: missing %s at '%.*s'", quoted,
			STRF(parser_text(p, t)));
	parser_recover(p);
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

	if (!token_unquote(&p->program->arena, parser_text(p, t), bytes, &text, &why))
		program_problem(p->program, t.at, "%s", why);
	e->literal = (struct cel_value){.kind = bytes ? CEL_BYTES : CEL_STRING, .str = text};
	return e;
}

struct expr *parse_literal(struct parser *p)
{
	struct token first = parser_peek(p);
	bool negative = parser_take(p, TOKEN_MINUS);
	struct token t = parser_next(p);
	struct expr *e;

	switch (t.kind) {
	case TOKEN_INT:
		return parse_int(p, first.at, parser_text(p, t), negative);
	case TOKEN_UINT:
		return parse_uint(p, first.at, parser_text(p, t));
	case TOKEN_FLOAT:
		return parse_float(p, first.at, parser_text(p, t), negative);
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
