/* Between the reader of regular expressions and what runs them. */
#ifndef KUBE_CEL_REGEX_PARTS_H
#define KUBE_CEL_REGEX_PARTS_H

#include <kube/regex.h>

enum {
	REPEAT_MAX = 1000, /* of Go: {n} and the product of nested ones */
	CODE_MAX = 50000,
	NEST_MAX = 200,
	CHAR_MAX_VALUE = 0x10ffff,
};

struct char_range {
	uint32_t low, high;
};

/* A set of characters: ranges, and classes of Unicode that PCRE2 knows. */
struct char_set {
	struct char_range *ranges;
	size_t count, cap;
	struct char_class *classes;
	bool negated;
};

struct char_class {
	void *code; /* of PCRE2, for one character */
	void *data; /* that it matches with */
	bool negated;
	struct char_class *next;
};

enum node_kind {
	NODE_EMPTY,
	NODE_SET,
	NODE_ASSERT,
	NODE_JOIN,   /* left, right */
	NODE_EITHER, /* left before right */
	NODE_REPEAT, /* left; max -1: without end */
};

enum assertion { AT_LINE_START, AT_LINE_END, AT_TEXT_START, AT_TEXT_END, AT_WORD, AT_NO_WORD };

struct node {
	uint8_t kind, assertion;
	bool lazy;
	int min, max;
	int size; /* instructions it takes */
	struct char_set *set;
	struct node *left, *right;
};

enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_ASSERT, OP_MATCH };
struct instruction {
	uint8_t op, assertion;
	uint32_t to, other; /* OP_SPLIT: first `to` */
	const struct char_set *set;
};

struct regex {
	struct instruction *code;
	size_t count, cap;
};

/* NULL: *why. */
struct node *regex_parse(struct arena *a, struct str pattern, struct str *why);

/* ---- sets ---- */
void set_add(struct arena *a, struct char_set *set, uint32_t low, uint32_t high);
/* What PCRE2 calls so, for one character; false: it does not know it. */
bool set_add_class(struct arena *a, struct char_set *set, struct str pattern, bool negated);
bool set_has(const struct char_set *set, uint32_t c);

/* The character at s[0]; its length. What is no UTF-8 counts as U+FFFD of one byte. */
size_t char_read(struct str s, uint32_t *c);

#endif
