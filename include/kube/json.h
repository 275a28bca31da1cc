/*
 * JSON as Kubernetes needs it: strict reading into cJSON nodes, our own printing.
 *
 * A tree lives in an arena and is never freed node by node: do not call cJSON_Delete on it. The
 * arena's owner decides its life. Nodes are plain cJSON, so its type tests and child walking
 * work; its lookups (case-insensitive, linear), its parser and its printer are not used.
 *
 * Every node is made here (cJSON's own constructors give nodes the functions below cannot read).
 *
 * Numbers: an integer that fits int64 is exact: read it with json_int. Every number prints as it
 * was written: 1.50, 1E5, -0 and integers of any length keep their text. As in Go, only what is
 * written without fraction and exponent is an integer (not 1.0, not 1e3), and a number that no
 * double comes near (1e400) is refused when read. One too small for a double (1e-400) reads as 0.
 *
 * Strings may contain any code point, U+0000 included: use json_str, not valuestring, where that
 * matters. They are always valid UTF-8: anything else is an error when read, and becomes U+FFFD
 * when put into a tree; so do lone surrogates in \u escapes, as in Go.
 *
 * A duplicate key is reported with its path; the last value wins, as in Go, in the first's place.
 */
#ifndef KUBE_JSON_H
#define KUBE_JSON_H

#include <kube/arena.h>
#include <kube/buf.h>
#include <kube/err.h>

struct cJSON; /* other folders use the accessors below and never include cJSON.h */

/*
 * Memory: the tree of an API object takes about 5 times its text, of an array of small numbers up
 * to 42 times. `max_nodes` at a byte in eight leaves objects ample room and bounds the rest to
 * about 10 times.
 */
struct json_limits {
	size_t max_bytes; /* 0: 3 MiB */
	int max_depth;    /* 0: 1000 */
	size_t max_nodes; /* 0: no more than bytes allow */
};

/*
 * Called for every duplicate key in the order of the text, path as `spec.containers[0].name`. As
 * upstream no more than 100 are reported; a path over 1 KiB loses its beginning. NULL: none.
 */
typedef void json_duplicate_fn(void *ctx, struct str path);

struct json_options {
	struct json_limits limits;
	json_duplicate_fn *duplicate;
	void *ctx;
};

/*
 * One value and white space, nothing else. options may be NULL. Nothing of `text` is borrowed.
 * ERR_SYNTAX with Go's message and the position ("invalid character '}' looking for beginning of
 * value at offset 12 (line 2, column 3)"), ERR_TOO_LARGE over max_bytes or max_nodes; *root is
 * untouched then, and what the arena holds is waste.
 */
int json_parse(struct arena *a, struct str text, const struct json_options *options,
	struct cJSON **root, struct err *err);

/* ---- looking ---- */
enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};
enum json_type json_type(const struct cJSON *n); /* NULL counts as JSON_NULL */
const char *json_type_name(enum json_type type); /* Go's word: "bool", "number", "string", … */
bool json_is(const struct cJSON *n, enum json_type type);
struct cJSON *json_get(const struct cJSON *object, struct str key); /* exact; NULL when absent */
struct cJSON *json_at(const struct cJSON *array, size_t index);
/* Walks "spec.template.0.name"; NULL as soon as something is missing. */
struct cJSON *json_path(const struct cJSON *root, const char *dotted);
size_t json_count(const struct cJSON *n); /* children */
struct cJSON *json_first(const struct cJSON *n);
struct cJSON *json_next(const struct cJSON *n);
struct str json_key(const struct cJSON *n);
struct str json_str(const struct cJSON *n);           /* empty unless a string */
bool json_int(const struct cJSON *n, int64_t *value); /* false unless an exact int64 */
double json_double(const struct cJSON *n);            /* 0 unless a number */
bool json_is_int_text(const struct cJSON *n);         /* written without fraction and exponent */
struct str json_number_text(struct arena *a, const struct cJSON *n);
bool json_bool(const struct cJSON *n); /* false unless true */
/* Members in any order, numbers by exact value (1, 1.0 and 1e0 are equal). NULL equals null. */
bool json_equal(const struct cJSON *a, const struct cJSON *b);

#define json_each(child, parent)                                                                   \
	for (struct cJSON *child = json_first(parent); child; child = json_next(child))

/* ---- building (all in the arena; text is copied; a value has one parent at a time) ---- */
struct cJSON *json_new(struct arena *a, enum json_type type); /* null, false, 0, "", [], {} */
struct cJSON *json_new_str(struct arena *a, struct str s);
struct cJSON *json_new_int(struct arena *a, int64_t value);
struct cJSON *json_new_double(struct arena *a, double value); /* finite (asserted) */
struct cJSON *json_new_bool(struct arena *a, bool value);
/* NULL when the text is no JSON number, or one that no double comes near. */
struct cJSON *json_new_number_text(struct arena *a, struct str text);
struct cJSON *json_copy(struct arena *a, const struct cJSON *n); /* whole tree, without its key */
void json_append(struct cJSON *array, struct cJSON *item);
/* Before the item at `index`; at the end when there is none. */
void json_insert(struct cJSON *array, size_t index, struct cJSON *item);
/* Replaces the value of a key that is there already, in its place. */
void json_set(struct arena *a, struct cJSON *object, struct str key, struct cJSON *value);
/* The same for a key known to be new: does not look through the others, for large objects. */
void json_add(struct arena *a, struct cJSON *object, struct str key, struct cJSON *value);
/* The same; the key stays where it is, valid UTF-8 with a NUL behind it (a constant, a node's). */
void json_add_borrowed(struct cJSON *object, struct str key, struct cJSON *value);
/* A leaf once more (string, number, true, false, null), its text shared with the first. */
struct cJSON *json_share(struct arena *a, const struct cJSON *leaf);
bool json_remove(struct cJSON *parent, struct cJSON *child); /* false: is not its child */

/* ---- printing ---- */
enum json_style {
	JSON_COMPACT,          /* as Go's encoding/json: <, >, & and U+2028/9 escaped */
	JSON_PRETTY,           /* the same, indented by four spaces as kubectl -o json does */
	JSON_COMPACT_RAW_HTML, /* without the HTML escaping */
	JSON_SORTED,           /* compact, keys in byte order: for hashes and comparison */
};
/* Adds the value to the buffer; over its ceiling the whole of it is dropped. No newline behind. */
void json_print(struct buf *out, const struct cJSON *n, enum json_style style);
void json_print_str(struct buf *out, struct str s); /* quoted, as JSON_COMPACT escapes */

/* ---- incremental reader: large lists, one item at a time, from chunks as they arrive ---- */
struct json_reader;
/*
 * Reads an object and hands over each element of one array inside it (dotted path, "items") as a
 * complete slice, without ever holding the whole text. Everything else of the object is kept
 * and, at the end, is available as one value with that array empty; where there is no array at
 * the path, nothing is handed over and the rest is the whole object.
 *
 * An item is complete but only its outline is checked: the callback parses it. The slice lives
 * until the callback returns. What json_parse would refuse, the reader or the parsing of some
 * item refuses. One thing is refused that json_parse lets pass: a key of the path coming again
 * after the array, since its items are out already.
 */
typedef int json_item_fn(void *ctx, struct str item, struct err *err); /* non-zero stops */
/* At most max_item bytes an item, max_rest for all else. The path is copied. */
struct json_reader *json_reader_new(
	const char *array_path, size_t max_item, size_t max_rest, json_item_fn *item, void *ctx);
/* Chunks may be cut anywhere. A failure (ERR_SYNTAX, ERR_TOO_LARGE, the callback's) is final. */
int json_reader_feed(struct json_reader *r, struct str chunk, struct err *err);
/* No more is coming: was it all? The rest belongs to the reader. */
int json_reader_end(struct json_reader *r, struct str *rest, struct err *err);
void json_reader_free(struct json_reader *r); /* NULL is fine */

#endif
