/* The parser among its words. */
#ifndef KUBE_CEL_PARSER_H
#define KUBE_CEL_PARSER_H

#include "lexer.h"

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

struct token parser_peek(const struct parser *p);
bool parser_is(const struct parser *p, enum token_kind kind);
struct token parser_next(struct parser *p);
bool parser_take(struct parser *p, enum token_kind kind);
struct str parser_text(const struct parser *p, struct token t);

/* "Syntax error: WHAT input '…' expecting …", unless a problem is being recovered from. */
void parser_say(struct parser *p, const char *what, const char *expecting);
void parser_recover(struct parser *p);
struct expr *parser_fail(struct parser *p); /* recovers; something that stands for the operand */
/* Could an operand start with the word at this place? */
bool parser_starts(const struct parser *p, size_t at);
/* The closing word of something; false: it is not there, and that was told. */
bool parser_closes(struct parser *p, enum token_kind kind, const char *quoted);
struct expr *parse_literal(struct parser *p);
struct expr *parse_expr(struct parser *p);
/* Expressions that belong to one, as they come. */
struct gathered {
	struct expr **at;
	uint8_t *optional;
	size_t count, cap;
	bool any_optional;
};
void parser_gather(struct parser *p, struct gathered *g, struct expr *e, bool optional);
/* Behind their opening bracket, the closing one included. */
void parse_args(struct parser *p, struct expr *call, struct expr *target);
struct expr *parse_list(struct parser *p);
struct expr *parse_map(struct parser *p);
struct expr *parse_struct(struct parser *p, struct expr *named);

/* The words that operands are made of, as messages list them last. */
#define PARSER_OPERANDS                                                                            \
	"'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"

#endif
