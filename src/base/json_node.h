/*
 * How a tree is laid out: every node of every tree is one of these, because only the functions
 * of this folder make nodes. The rest of the json_*.c files leans on these rules:
 *
 * - `parent` lets everything walk a tree without recursion and without a stack of its own.
 * - c.prev of a first child is the last child, as cJSON has it.
 * - c.string and c.valuestring are NUL-terminated; their lengths stand beside them, for they may
 *   contain NULs. They are valid UTF-8.
 * - A number without text is an integer in [-2^53, 2^53], held by c.valuedouble and printed as
 *   plain digits. Any other number has the text it prints as in c.valuestring, and the nearest
 *   double in c.valuedouble. -0 has a text too.
 */
#ifndef KUBE_BASE_JSON_NODE_H
#define KUBE_BASE_JSON_NODE_H

#include <kube/json.h>

#include <cjson/cJSON.h>

struct json_node {
	struct cJSON c;
	struct json_node *parent;
	uint32_t key_len; /* of c.string */
	uint32_t len;     /* text: bytes of c.valuestring; array and object: children */
};
_Static_assert(offsetof(struct json_node, c) == 0, "a node is a cJSON first");

enum {
	JSON_TYPE_MASK = 0xff,
	/* Up to here keys of one object are compared one by one; above a json_index is made. */
	JSON_FEW_KEYS = 32,
};
#define JSON_EXACT_MAX ((int64_t)1 << 53) /* doubles hold every integer up to here */

static inline struct json_node *json_node_of(const struct cJSON *n)
{
	return (struct json_node *)(uintptr_t)n;
}

static inline struct json_node *json_node_next(const struct json_node *n)
{
	return json_node_of(n->c.next);
}

static inline struct json_node *json_node_first(const struct json_node *n)
{
	return json_node_of(n->c.child);
}

static inline int json_node_type(const struct json_node *n)
{
	return n->c.type & JSON_TYPE_MASK;
}

static inline bool json_node_is_container(const struct json_node *n)
{
	return n->c.type & (cJSON_Array | cJSON_Object);
}

static inline struct str json_node_key(const struct json_node *n)
{
	return str_make(n->c.string, n->key_len);
}

static inline struct str json_node_text(const struct json_node *n)
{
	return str_make(n->c.valuestring, n->len);
}

static inline void json_node_append(struct json_node *in, struct json_node *n)
{
	struct cJSON *first = in->c.child;
	n->parent = in;
	n->c.next = NULL;
	if (first) {
		n->c.prev = first->prev;
		first->prev->next = &n->c;
		first->prev = &n->c;
	} else {
		n->c.prev = &n->c;
		in->c.child = &n->c;
	}
	in->len++;
}

/* Puts n where old is; old is out of the tree. */
void json_node_replace(struct json_node *old, struct json_node *n);

/* The child with this key, looked for from `from` to the end of its siblings. */
static inline struct json_node *json_node_find(struct json_node *from, struct str key)
{
	for (struct json_node *n = from; n; n = json_node_next(n))
		if (str_eq(json_node_key(n), key))
			return n;
	return NULL;
}

/* Length of the first character; 0 when it is malformed, overlong, or a surrogate. s not empty. */
size_t json_char_length(struct str s);

/* ---- numbers ---- */

/*
 * The longest prefix of [at, end) that is a JSON number. Returns its end, or NULL with *stop at
 * the byte that does not belong (end: more was expected) and *context as Go words it.
 */
struct json_digits {
	uint64_t value; /* of the first 19 significant digits; exact when !cut */
	int exponent;   /* power of ten to multiply by, from the fraction and the exponent */
	bool negative, integer, cut;
};
const char *json_number_scan(const char *at, const char *end, struct json_digits *d,
	const char **stop, const char **context);
/* The nearest double; false when there is none but infinity. text is NUL-terminated. */
bool json_number_double(const char *text, const struct json_digits *d, double *value);
/* Is it to be kept without text? */
bool json_digits_plain(const struct json_digits *d);
/* Do two numbers stand for exactly the same value, however written? */
bool json_number_equal(const struct json_node *a, const struct json_node *b);
enum { JSON_NUMBER_MAX = 32 }; /* room for any double or int64, with its NUL */
/* As Go's encoding/json prints a float64. Returns the length. */
size_t json_double_text(double value, char text[JSON_NUMBER_MAX]);
size_t json_int_text(int64_t value, char text[JSON_NUMBER_MAX]);

/* ---- keys of large objects ---- */

/* A set of nodes by parent and key, for any number of objects. Borrows the nodes. */
struct json_index {
	struct json_node **slots;
	size_t count, cap;
	uint64_t seed;
};
void json_index_done(struct json_index *index);
void json_index_add(struct json_index *index, struct json_node *n);
void json_index_add_children(struct json_index *index, struct json_node *in);
struct json_node *json_index_find(
	const struct json_index *index, const struct json_node *parent, struct str key);

/* Children of an object as an array of in->len pointers, by key. */
void json_sort_children(struct json_node **to, const struct json_node *in, bool descending);

#endif
