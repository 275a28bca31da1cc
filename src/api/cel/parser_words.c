/* Words one by one, and how the parser goes on when one does not fit: as ANTLR does. */
#include "parser.h"

#include "go_number.h"

#include <kube/mem.h>

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

/* Names with a meaning are not longer; longer ones are not put together again and again. */
enum { PARTS_MAX = 32, NAME_MAX_BYTES = 1024 };

bool expr_qualified(struct cel_program *p, const struct expr *e, struct str *name)
{
	const struct expr *parts[PARTS_MAX];
	size_t count = 0, length = 0, n = 0;
	char *at;

	for (; e->kind == EXPR_SELECT && !e->test; e = e->target) {
		if (count == PARTS_MAX - 1 || (length += e->name.len + 1) > NAME_MAX_BYTES)
			return false;
		parts[count++] = e;
	}
	if (e->kind != EXPR_IDENT || length + e->name.len > NAME_MAX_BYTES)
		return false;
	if (!count) {
		*name = e->name;
		return true;
	}
	at = arena_alloc(&p->arena, length + e->name.len + 1);
	memcpy(at, e->name.at, e->name.len);
	n = e->name.len;
	while (count) {
		struct str part = parts[--count]->name;
		at[n++] = '.';
		memcpy(at + n, part.at, part.len);
		n += part.len;
	}
	at[n] = '\0';
	*name = str_make(at, n);
	return true;
}

struct visit {
	const struct expr *expr;
	uint32_t depth;
};

struct visits {
	struct visit *at;
	size_t count, cap;
};

static void visit_later(struct visits *v, const struct expr *e, uint32_t depth)
{
	if (!e)
		return;
	if (v->count == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 64;
		v->at = mem_resize(v->at, v->cap * sizeof(*v->at));
	}
	v->at[v->count++] = (struct visit){e, depth};
}

/* Chains inside of chains: what the grammar's depth does not bound. All else goes down the tree. */
bool expr_too_deep(const struct expr *root)
{
	struct visits v = {0};
	bool deep = false;

	visit_later(&v, root, 1);
	while (v.count && !deep) {
		struct visit now = v.at[--v.count];
		const struct fold *f = now.expr->fold;
		uint32_t depth = now.depth + 1;
		deep = now.depth > TREE_MAX;
		visit_later(&v, now.expr->target, depth);
		for (uint32_t i = 0; i < now.expr->count; i++)
			visit_later(&v, now.expr->args[i], depth);
		if (!f)
			continue;
		visit_later(&v, f->range, depth);
		visit_later(&v, f->init, depth);
		visit_later(&v, f->condition, depth);
		visit_later(&v, f->step, depth);
		visit_later(&v, f->result, depth);
	}
	mem_free(v.at);
	return deep;
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
