/* What stands between brackets, with commas: arguments, elements, entries, fields. */
#include "parser.h"

static const char argument[] = "{'[', '{', '(', ')', '.', '-', '!', " PARSER_OPERANDS;
static const char element[] = "{'[', ']', '{', '(', '.', ',', '-', '!', '?', " PARSER_OPERANDS;
static const char entry[] = "{'[', '{', '}', '(', '.', ',', '-', '!', '?', " PARSER_OPERANDS;

void parser_gather(struct parser *p, struct gathered *g, struct expr *e, bool optional)
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
void parse_args(struct parser *p, struct expr *call, struct expr *target)
{
	struct gathered g = {0};

	p->open++;
	p->expecting = argument;
	if (!parser_is(p, TOKEN_PAREN_END))
		do
			parser_gather(p, &g, parse_expr(p), false);
		while (!p->failed && parser_take(p, TOKEN_COMMA));
	p->expecting = NULL;
	if (!p->failed)
		parser_closes(p, TOKEN_PAREN_END, "')'");
	p->open--;
	give(call, &g);
	call->target = target;
	call->member = target;
}

/* A separator, or the end: between elements of lists, maps and structs. */
static bool separated(struct parser *p, enum token_kind end, const char *expecting)
{
	if (p->failed || parser_is(p, end))
		return false;
	if (parser_take(p, TOKEN_COMMA))
		return !parser_is(p, end);
	if (p->tokens.at[p->at].kind != TOKEN_END && p->tokens.at[p->at + 1].kind == end) {
		parser_say(p, "extraneous", expecting);
		parser_next(p);
		return false;
	}
	parser_say(p, "mismatched", expecting);
	parser_recover(p);
	return false;
}

struct expr *parse_list(struct parser *p)
{
	struct expr *e = expr_new(p->program, EXPR_LIST, parser_next(p).at);
	struct gathered g = {0};

	p->open++;
	p->expecting = element;
	if (!parser_is(p, TOKEN_BRACKET_END))
		do {
			bool optional = parser_take(p, TOKEN_QUESTION);
			parser_gather(p, &g, parse_expr(p), optional);
		} while (separated(p, TOKEN_BRACKET_END, "{']', ','}"));
	p->open--;
	p->expecting = NULL;
	give(e, &g);
	parser_take(p, TOKEN_BRACKET_END);
	return e;
}

struct expr *parse_map(struct parser *p)
{
	struct expr *e = expr_new(p->program, EXPR_MAP, parser_next(p).at);
	struct gathered g = {0};

	p->open++;
	p->ternary++;
	p->expecting = entry;
	if (!parser_is(p, TOKEN_BRACE_END))
		do {
			bool optional = parser_take(p, TOKEN_QUESTION);
			parser_gather(p, &g, parse_expr(p), optional);
			if (p->failed || !parser_closes(p, TOKEN_COLON, "':'"))
				break;
			parser_gather(p, &g, parse_expr(p), optional);
		} while (separated(p, TOKEN_BRACE_END, "{'}', ','}"));
	p->open--;
	p->ternary--;
	p->expecting = NULL;
	give(e, &g);
	parser_take(p, TOKEN_BRACE_END);
	return e;
}

/* name{field: value}: '{' comes. */
struct expr *parse_struct(struct parser *p, struct expr *named)
{
	struct expr *e = expr_new(p->program, EXPR_STRUCT, parser_next(p).at);
	struct gathered g = {0};

	expr_qualified(p->program, named, &e->name);
	p->open++;
	p->ternary++;
	if (!parser_is(p, TOKEN_BRACE_END))
		do {
			bool optional = parser_take(p, TOKEN_QUESTION);
			struct token field = parser_peek(p);
			struct expr *name = expr_new(p->program, EXPR_LITERAL, field.at);
			if (!parser_take(p, TOKEN_NAME)) {
				parser_say(p, "mismatched", "{'}', ',', '?', IDENTIFIER}");
				parser_recover(p);
				break;
			}
			name->literal = cel_str(parser_text(p, field));
			name->at = parser_peek(p).at;
			parser_gather(p, &g, name, optional);
			if (!parser_closes(p, TOKEN_COLON, "':'"))
				break;
			parser_gather(p, &g, parse_expr(p), optional);
		} while (separated(p, TOKEN_BRACE_END, "{'}', ','}"));
	p->open--;
	p->ternary--;
	give(e, &g);
	parser_take(p, TOKEN_BRACE_END);
	return e;
}
