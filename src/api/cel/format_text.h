/* The clauses of string.format, for those who format and for those who look whether it can be. */
#ifndef KUBE_CEL_FORMAT_TEXT_H
#define KUBE_CEL_FORMAT_TEXT_H

#include "value.h"

struct clause {
	char letter;
	int precision; /* -1: none */
	size_t length; /* in the text, with its '%' */
};
/* At text[0] == '%'. NULL, or why it is no clause. */
const char *clause_read(struct arena *a, struct str text, struct clause *clause);
/* NULL, or why a value of such a type is not for this clause. */
const char *clause_refuses(char letter, const struct cel_type *type);

/* Text that is put together. */
#define FORMATTED_MAX (4 * MIB)
struct printer {
	struct arena *arena;
	struct buf out;
	const char *why; /* it cannot be done */
	int depth;
};

/* As an element of a list or a map. */
bool print_inside(struct printer *p, struct cel_value v);

#endif
