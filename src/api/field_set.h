/*
 * Sets of fields, as managed fields own them: a tree of path elements ("f:spec", "k:{…}",
 * "v:\"x\""), each of which may itself be a member.
 */
#ifndef KUBE_API_FIELD_SET_H
#define KUBE_API_FIELD_SET_H

#include "types.h"

struct field_set {
	struct str element;
	bool member;
	struct field_set *children, *next; /* children sorted by element */
};

struct field_set *field_set_new(struct arena *a);
/* The child of that element, made if it is missing. */
struct field_set *field_set_child(struct arena *a, struct field_set *s, struct str element);
struct field_set *field_set_find(const struct field_set *s, struct str element);
bool field_set_empty(const struct field_set *s);

struct field_set *field_set_parse(struct arena *a, const struct cJSON *fields_v1);
struct cJSON *field_set_tree(struct arena *a, const struct field_set *s);

void field_set_unite(struct arena *a, struct field_set *into, const struct field_set *from);
void field_set_subtract(struct field_set *from, const struct field_set *what);
bool field_set_equal(const struct field_set *a, const struct field_set *b);

/* ---- of objects ---- */
/* Every field of the object; containers are members only when they are empty. */
void field_set_of(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct field_set *set);
/* What differs: changed and added in *changed (containers that are new with it), removed. */
void field_set_compare(struct arena *a, const struct schema *s, const struct cJSON *old,
	const struct cJSON *now, struct field_set *changed, struct field_set *removed);

/* The element of a list's item: its keys or its value. Empty: the list is owned as a whole. */
struct str field_set_item(struct arena *a, const struct schema_field *f, const struct cJSON *item);
/* Is the field owned as a whole? */
bool field_is_atomic(const struct schema_field *f);

#endif
