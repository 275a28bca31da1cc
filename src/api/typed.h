/*
 * Values as server-side apply sees them: every struct, map and associative list is a container of
 * children that have an element each ("f:spec", "k:{…}", "v:\"x\""); all else is a leaf.
 */
#ifndef KUBE_API_TYPED_H
#define KUBE_API_TYPED_H

#include "types.h"

struct typed {
	const struct schema_field *field; /* NULL: nothing is known of it */
	const struct cJSON *value;        /* NULL: it is not there */
};

struct typed_child {
	struct str element;
	struct typed at;
	bool declared; /* a struct's field, neither a map's key nor a list's item */
};
struct typed_children {
	struct typed_child *items; /* in the value's order */
	const struct typed_child **sorted;
	size_t count;
	bool list;
};

/* The whole object; *root lives as long as the result. */
struct typed typed_root(
	struct schema_field *root, const struct schema *s, const struct cJSON *object);
/* Owned as a whole? */
bool typed_is_atomic(const struct schema_field *f);
bool typed_is_struct(const struct schema_field *f);
/* A list's or map's element. */
const struct schema_field *typed_element(struct arena *a, const struct schema_field *f);
/* With a field that says what the value is, where the one it has leaves that to the value. */
struct typed typed_settled(struct typed t);
/* The element of a list's item; empty when it has none of its keys. */
struct str typed_item(struct arena *a, const struct schema_field *f, const struct cJSON *item);
/* Leaves have none. */
struct typed_children typed_children_of(struct arena *a, struct typed t);
const struct typed_child *typed_find(const struct typed_children *c, struct str element);

/*
 * Is the tree what its schema says, with no key twice? 0 or ERR_INTERNAL with the sentence that
 * upstream's typed values have.
 */
int typed_check(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct err *err);
/* "k:{…}" and the like as messages have them: `.spec`, `[name="c"]`, `[="v"]`. */
void typed_print_element(struct buf *out, struct arena *a, struct str element);

#endif
