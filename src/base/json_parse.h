/* What the parser's parts share: the place in the text, and where strings go. */
#ifndef KUBE_BASE_JSON_PARSE_H
#define KUBE_BASE_JSON_PARSE_H

#include "json_node.h"

struct json_lexer {
	const char *start, *at, *end;
	/*
	 * Where decoded strings and kept numbers go, one behind the other with a NUL each. As large
	 * as the text and one more, it cannot overflow: decoding never lengthens, and a NUL takes
	 * the place of the closing quote, or of the comma or bracket behind a number.
	 */
	char *pool;
	struct err *err;
};

/* Reads on behind an opening quote up to and including the closing one. */
int json_lex_string(struct json_lexer *x, struct str *out);

/* "invalid character 'x' looking for …", or "unexpected end of JSON input" when at is the end. */
int json_fail(struct json_lexer *x, const char *at, const char *context);
/* Adds the position to `what`. */
int json_fail_at(struct json_lexer *x, const char *at, int code, const char *what);

/* Go's way of quoting the character in such messages. */
void json_quote_char(char out[12], unsigned char c);

#endif
