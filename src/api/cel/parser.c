/* The grammar of CEL, by descent. The messages are those of ANTLR, which upstream reads with. */
#include "parser.h"

static const char operand[] = "{'[', '{', '(', '.', '-', '!', " PARSER_OPERANDS;

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
	bool dotted = parser_take(p, TOKEN_DOT);
	struct token t = parser_peek(p);
	struct str name = parser_text(p, t);
	struct expr *e;

	if (!parser_take(p, TOKEN_NAME)) {
		parser_say(p, "mismatched", "IDENTIFIER");
		return parser_fail(p);
	}
	if (is_reserved(name))
		program_problem(p->program, t.at, "reserved identifier: %.*s", STRF(name));
	if (dotted)
		name = arena_print(&p->program->arena, ".%.*s", STRF(name));
	if (parser_is(p, TOKEN_PAREN)) {
		e = expr_new(p->program, EXPR_CALL, parser_next(p).at);
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
	if (!parser_starts(p, p->at) && !parser_is(p, TOKEN_END) && parser_starts(p, p->at + 1)) {
		parser_say(p, "extraneous", expecting);
		parser_next(p);
	}
	switch (parser_peek(p).kind) {
	case TOKEN_NAME:
	case TOKEN_DOT:
		return parse_name(p);
	case TOKEN_PAREN:
		parser_next(p);
		p->open++;
		e = parse_expr(p);
		if (!p->failed)
			parser_closes(p, TOKEN_PAREN_END, "')'");
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
		parser_say(p, "mismatched", expecting);
		return parser_fail(p);
	}
}

/* .name, .?name, .name(…): the dot comes. */
static struct expr *parse_dot(struct parser *p, struct expr *e)
{
	struct token dot = parser_next(p);
	bool optional = parser_take(p, TOKEN_QUESTION);
	struct token t = parser_peek(p);
	struct str name = parser_text(p, t);
	struct expr *to;

	if (!parser_take(p, TOKEN_NAME)) {
		if (!p->recovering)
			program_problem(p->program, t.at,
				"Syntax error: no viable alternative at input '.%.*s'",
				STRF(t.kind == TOKEN_END ? STR("") : name));
		return parser_fail(p);
	}
	if (optional) {
		struct expr *field = expr_new(p->program, EXPR_LITERAL, t.at);
		field->literal = cel_str(name);
		return expr_call(p->program, dot.at, "_?._", 2, e, field);
	}
	if (parser_is(p, TOKEN_PAREN)) {
		to = expr_new(p->program, EXPR_CALL, parser_next(p).at);
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
		if (parser_is(p, TOKEN_DOT)) {
			e = parse_dot(p, e);
		} else if (parser_is(p, TOKEN_BRACKET)) {
			uint32_t at = parser_next(p).at;
			bool optional = parser_take(p, TOKEN_QUESTION);
			struct expr *index;
			p->open++;
			index = parse_expr(p);
			e = expr_call(p->program, at, optional ? "_[?_]" : "_[_]", 2, e, index);
			if (!p->failed)
				parser_closes(p, TOKEN_BRACKET_END, "']'");
			p->open--;
		} else if (parser_is(p, TOKEN_BRACE) && expr_qualified(p->program, e, &name)) {
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
	enum token_kind sign = parser_peek(p).kind;
	struct token first = parser_peek(p);
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
	if (!parser_starts(p, p->at)) {
		parser_say(p, "extraneous", operand);
		return parser_fail(p);
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

	while (level <= 3 && !p->failed && (op = operator_of(parser_peek(p).kind, level))) {
		uint32_t at = parser_next(p).at;
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

	if (p->failed || !parser_is(p, kind))
		return first;
	parser_gather(p, &g, first, false);
	at = arena_new(&p->program->arena, sizeof(*at) * (p->tokens.count - p->at + 2));
	while (!p->failed && parser_is(p, kind)) {
		at[count++] = parser_next(p).at;
		parser_gather(p, &g, is_or ? parse_logic(p, TOKEN_AND) : parse_binary(p, 1), false);
	}
	return balance(p, is_or ? "_||_" : "_&&_", g.at, at, 0, g.count - 1);
}

struct expr *parse_expr(struct parser *p)
{
	struct expr *e, *yes, *no;
	uint32_t at;

	p->depth++;
	if (too_deep(p)) {
		p->depth--;
		return expr_new(p->program, EXPR_LITERAL, 0);
	}
	e = parse_logic(p, TOKEN_OR);
	at = parser_peek(p).at;
	if (!p->failed && parser_take(p, TOKEN_QUESTION)) {
		p->ternary++;
		yes = parse_logic(p, TOKEN_OR);
		p->ternary--;
		if (!p->failed && parser_closes(p, TOKEN_COLON, "':'")) {
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
	if (!p.failed && !parser_is(&p, TOKEN_END))
		parser_say(&p,
			p.tokens.at[p.at + 1].kind == TOKEN_END ? "extraneous" : "mismatched",
			"<EOF>");
	if (!program->problem_total && expr_too_deep(program->root))
		program_problem(program, -1, "expression recursion limit exceeded: %d", DEPTH_MAX);
}
