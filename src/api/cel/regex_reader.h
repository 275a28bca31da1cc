/* The reader of regular expressions. */
#ifndef KUBE_CEL_REGEX_READER_H
#define KUBE_CEL_REGEX_READER_H

#include "regex_parts.h"

enum { FOLD = 1, MULTILINE = 2, DOT_ALL = 4, UNGREEDY = 8 };

struct reader {
	struct arena *arena;
	struct str all, rest;
	struct str *why;
	bool failed;
	bool quoting; /* between \Q and \E */
	int flags;
	int depth;
};

/* NULL; the first failure is the one that is told. */
struct node *reader_fail(struct reader *r, const char *what, struct str where);
struct str reader_since(const struct reader *r, struct str from); /* what was read since then */
bool reader_take(struct reader *r, const char *text);
uint32_t reader_next(struct reader *r);
struct node *regex_node_new(struct reader *r, enum node_kind kind);
struct node *regex_node_set(struct reader *r);

/* \d and \pL; the backslash comes. */
bool take_perl_class(struct reader *r, struct char_set *set);
bool take_unicode_class(struct reader *r, struct char_set *set);
/* One character written with a backslash, which comes. */
uint32_t read_escape(struct reader *r);
/* '[' is gone; start is where it stood. */
struct node *read_set(struct reader *r, struct str start);
struct node *read_literal(struct reader *r, uint32_t c);

#endif
