/*
 * Field errors: what validation finds, with upstream's reasons, paths and words.
 *
 * A path lives on the stack of those who walk and costs nothing until an error is recorded:
 *
 *	struct path spec = PATH(path, "spec");
 *	struct path port = PATH_INDEX(&ports, i);
 *	field_required(errors, &PATH(&port, "name"), "");
 */
#ifndef KUBE_FIELD_H
#define KUBE_FIELD_H

#include <kube/json.h>

struct path {
	const struct path *parent;
	const char *name; /* a child; NULL for an element */
	struct str key;   /* [key] */
	int64_t index;    /* [index]; -1: none */
};
#define PATH(parent_path, field_name)                                                              \
	((struct path){.parent = (parent_path), .name = (field_name), .index = -1})
#define PATH_INDEX(parent_path, i) ((struct path){.parent = (parent_path), .index = (int64_t)(i)})
#define PATH_KEY(parent_path, k)   ((struct path){.parent = (parent_path), .key = (k), .index = -1})

void path_print(struct buf *out, const struct path *p); /* NULL prints nothing */

enum field_reason {
	FIELD_NOT_FOUND,
	FIELD_REQUIRED_VALUE,
	FIELD_DUPLICATE,
	FIELD_INVALID,
	FIELD_NOT_SUPPORTED,
	FIELD_FORBIDDEN,
	FIELD_TOO_LONG,
	FIELD_TOO_MANY,
	FIELD_TOO_FEW,
	FIELD_TOO_SHORT,
	FIELD_TYPE_INVALID,
	FIELD_INTERNAL,
};

struct field_error {
	enum field_reason reason;
	struct str path;
	struct str body; /* "Invalid value: \"x\": must be …": the cause's message */
};

struct field_errors {
	struct arena *arena;
	struct field_error *items; /* in the order found */
	size_t count, cap;
};

/* The value is printed as upstream does: strings as Go quotes them, others as JSON, NULL as null.
 */
void field_not_found(struct field_errors *e, const struct path *p, const struct cJSON *value);
void field_required(struct field_errors *e, const struct path *p, const char *detail, ...)
	KUBE_PRINTF(3, 4);
void field_duplicate(struct field_errors *e, const struct path *p, const struct cJSON *value);
void field_invalid(struct field_errors *e, const struct path *p, const struct cJSON *value,
	const char *detail, ...) KUBE_PRINTF(4, 5);
/* As Go quotes: "a\n\u00ad". */
struct str field_quote(struct arena *a, struct str s);
/* choices end with NULL; they are sorted and quoted: supported values: "A", "B". */
void field_not_supported(struct field_errors *e, const struct path *p, const struct cJSON *value,
	const char *const *choices);
void field_forbidden(struct field_errors *e, const struct path *p, const char *detail, ...)
	KUBE_PRINTF(3, 4);
void field_too_long(struct field_errors *e, const struct path *p, size_t max); /* bytes */
void field_too_many(struct field_errors *e, const struct path *p, int64_t actual, size_t max);
void field_internal(struct field_errors *e, const struct path *p, const char *detail, ...)
	KUBE_PRINTF(3, 4);
/* The same with the value as text that is quoted, or printed as it is. */
void field_invalid_str(struct field_errors *e, const struct path *p, struct str value,
	const char *detail, ...) KUBE_PRINTF(4, 5);
void field_invalid_raw(struct field_errors *e, const struct path *p, struct str value,
	const char *detail, ...) KUBE_PRINTF(4, 5);
void field_invalid_int(struct field_errors *e, const struct path *p, int64_t value,
	const char *detail, ...) KUBE_PRINTF(4, 5);
void field_duplicate_str(struct field_errors *e, const struct path *p, struct str value);
void field_not_found_str(struct field_errors *e, const struct path *p, struct str value);
void field_not_supported_str(
	struct field_errors *e, const struct path *p, struct str value, const char *const *choices);
/* Any reason, the body's rest ready-made: "<prefix>: <rest>". */
void field_add(
	struct field_errors *e, enum field_reason reason, const struct path *p, struct str rest);

const char *field_reason_name(enum field_reason r); /* "FieldValueInvalid" */
/* "a.b: Required value" or "[x, y]" without repetitions; empty when there are none. */
struct str field_errors_text(struct arena *a, const struct field_errors *e);

#endif
