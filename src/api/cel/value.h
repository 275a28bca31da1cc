/* Values while they are worked on: what they are called, compared, looked up and built with. */
#ifndef KUBE_CEL_VALUE_H
#define KUBE_CEL_VALUE_H

#include "program.h"

/* How lists, maps and objects are held. */
enum { HELD_BUILT, HELD_JSON, HELD_LAZY };

/*
 * Lists grow at their end without being copied, as Go's slices do: whoever sees the end of what
 * is used may add behind it, the others keep seeing what they saw.
 */
struct store {
	struct cel_value *at;
	size_t used, cap;
};
struct cel_items {
	struct store *store;
	size_t len;
};

struct entry {
	struct cel_value key, value;
};
struct cel_entries {
	struct entry *at;
	size_t len, cap;
	uint32_t *index; /* by the key's hash, when there are many; 0: free, else position + 1 */
	size_t index_cap;
};

bool cel_kind_is_scalar(enum cel_kind kind); /* of those that have an order */

static inline bool value_fails(struct cel_value v)
{
	return v.kind == CEL_ERROR;
}

static inline struct cel_value value_of(enum cel_kind kind)
{
	return (struct cel_value){.kind = (uint8_t)kind};
}

static inline struct cel_value value_double(double d)
{
	return (struct cel_value){.kind = CEL_DOUBLE, .d = d};
}

static inline struct cel_value value_uint(uint64_t u)
{
	return (struct cel_value){.kind = CEL_UINT, .u = u};
}

static inline struct cel_value value_bytes(struct str s)
{
	return (struct cel_value){.kind = CEL_BYTES, .str = s};
}

static inline struct cel_value value_duration(int64_t ns)
{
	return (struct cel_value){.kind = CEL_DURATION, .i = ns};
}

static inline struct cel_value value_type(const struct cel_type *t)
{
	return (struct cel_value){.kind = CEL_TYPE, .of = t};
}

struct cel_value value_error_text(const char *constant);
struct cel_value value_no_overload(void); /* "no such overload" */
/* "no such overload: size", what an operator says of an operand that has nothing of the kind. */
struct cel_value value_no_trait(struct call *c);
/* "no such overload: int(bool)" */
struct cel_value value_no_signature(struct call *c);

const struct cel_type *value_type_of(struct cel_value v);
struct str value_type_name(struct cel_value v);

/* As json_get; of large objects through a table that the evaluation keeps. */
const struct cJSON *json_find(const struct cJSON *object, struct str key);
/* As cel_json, with bytes decoded. */
struct cel_value json_value(struct arena *a, const struct cJSON *json, const struct cel_type *type);
struct cel_value value_settle(struct arena *a, struct cel_value v);
uint64_t address_size(struct cel_value v); /* of an ip or a cidr */

/* ---- lists ---- */
struct cel_value list_new(struct arena *a, size_t cap);
void list_push(struct arena *a, struct cel_value *list, struct cel_value v);
size_t list_size(struct cel_value list);
struct cel_value list_at(struct arena *a, struct cel_value list, size_t index);
/* One after the other, of lists (elements) and maps (keys, and values): start with zeroes. */
struct walk {
	size_t index;
	const struct cJSON *at;
};
bool list_next(struct arena *a, struct cel_value list, struct walk *w, struct cel_value *v);
struct cel_value list_concat(struct arena *a, struct cel_value x, struct cel_value y);

/* ---- maps and objects ---- */
struct cel_value map_new(struct arena *a, size_t cap);
/* Replaces what stands there. Keys must be hashable or not: all are taken. */
void map_put(struct arena *a, struct cel_value *map, struct cel_value key, struct cel_value value);
bool map_find(struct arena *a, struct cel_value map, struct cel_value key, struct cel_value *v);
size_t map_size(struct cel_value map);
bool map_walk(struct arena *a, struct cel_value map, struct walk *w, struct cel_value *key,
	struct cel_value *v);
/* A field of an object or a key of a map, by the name an expression writes. */
bool field_find(struct arena *a, struct cel_value v, struct str name, struct cel_value *found);

/* ---- comparing ---- */
/* A bool or an error, as the == of upstream's values. */
struct cel_value value_equal(struct arena *a, struct cel_value x, struct cel_value y);
bool value_is_equal(struct arena *a, struct cel_value x, struct cel_value y);
/* -1, 0, 1 in .i, or an error. `name` of the operator for its message. */
struct cel_value value_compare(struct cel_value x, struct cel_value y);
bool value_is_zero(struct cel_value v);  /* for optional.ofNonZeroValue */
uint64_t value_size(struct cel_value v); /* what cost counts: 1 unless it has a size */
size_t text_length(struct str s);        /* characters */

/* ---- numbers and text ---- */
void print_double(struct buf *out, double d); /* as Go's strconv 'g' with -1 */
/* Of a simple value or a type, as string() has it. */
void print_plain(struct buf *out, struct cel_value v);
bool read_time(struct str s, struct cel_value *v);
bool time_in_range(int64_t seconds);

/* What a function made of text in a buffer. */
struct cel_value value_print(struct arena *a, struct buf *out);

/* ---- calls ---- */
#define ARG_STR(c, n) ((c)->args[n].str)
/* Is the n-th argument of this kind? */
static inline bool arg_is(const struct call *c, size_t n, enum cel_kind kind)
{
	return n < c->count && c->args[n].kind == kind;
}
static inline bool arg_is_opaque(const struct call *c, size_t n, const struct cel_type *type)
{
	return n < c->count && c->args[n].kind == CEL_OPAQUE && c->args[n].type == type;
}
struct cel_value value_opaque(const struct cel_type *type, const void *at);

#endif
