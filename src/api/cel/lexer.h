/* The words of an expression, all at once. */
#ifndef KUBE_CEL_LEXER_H
#define KUBE_CEL_LEXER_H

#include "program.h"

/* In the order in which upstream's grammar numbers them: messages list them so. */
enum token_kind {
	TOKEN_EQUAL,
	TOKEN_UNEQUAL,
	TOKEN_IN,
	TOKEN_LESS,
	TOKEN_LESS_EQUAL,
	TOKEN_GREATER_EQUAL,
	TOKEN_GREATER,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_BRACKET,
	TOKEN_BRACKET_END,
	TOKEN_BRACE,
	TOKEN_BRACE_END,
	TOKEN_PAREN,
	TOKEN_PAREN_END,
	TOKEN_DOT,
	TOKEN_COMMA,
	TOKEN_MINUS,
	TOKEN_NOT,
	TOKEN_QUESTION,
	TOKEN_COLON,
	TOKEN_PLUS,
	TOKEN_STAR,
	TOKEN_SLASH,
	TOKEN_PERCENT,
	TOKEN_TRUE,
	TOKEN_FALSE,
	TOKEN_NULL,
	TOKEN_FLOAT,
	TOKEN_INT,
	TOKEN_UINT,
	TOKEN_STRING,
	TOKEN_BYTES,
	TOKEN_NAME,
	TOKEN_END,
};

struct token {
	uint8_t kind;
	uint32_t at, len; /* bytes of the text */
};

struct tokens {
	struct token *at;
	size_t count;
};

/* What cannot be read is a problem of the program and left out. The last one is TOKEN_END. */
struct tokens program_tokens(struct cel_program *p);
/* A string or bytes as it was meant; false: *why. */
bool token_unquote(
	struct arena *a, struct str token, bool bytes, struct str *text, const char **why);

#endif
