/*
 * Sets of fields, as managed fields own them: a tree of path elements, each of which may itself be
 * a member.
 */
#ifndef KUBE_API_FIELD_SET_H
#define KUBE_API_FIELD_SET_H

#include "typed.h"

struct field_set {
	struct str element;
	bool member;
	struct field_set *children, *next; /* children sorted by element */
	struct field_set *last;            /* the last child */
};

struct field_set *field_set_new(struct arena *a);
/* The child of that element, made if it is missing. */
struct field_set *field_set_child(struct arena *a, struct field_set *s, struct str element);
struct field_set *field_set_find(const struct field_set *s, struct str element);
bool field_set_empty(const struct field_set *s);

struct field_set *field_set_parse(struct arena *a, const struct cJSON *fields_v1);
struct cJSON *field_set_tree(struct arena *a, const struct field_set *s);

struct field_set *field_set_copy(struct arena *a, const struct field_set *s);
void field_set_unite(struct arena *a, struct field_set *into, const struct field_set *from);
void field_set_subtract(struct field_set *from, const struct field_set *what);
void field_set_intersect(struct field_set *s, const struct field_set *with);
/* Takes out what stands at the dotted path, with all below it. */
void field_set_cut(struct field_set *s, const char *dotted);

/* ---- of objects ---- */
/* Every field: leaves, items, keys of maps, empty objects. */
void field_set_of(struct arena *a, struct typed t, struct field_set *set);
/* What differs: *changed has what is new or other (containers that are new, too), *removed. */
void field_set_compare(struct arena *a, struct typed old, struct typed now,
	struct field_set *changed, struct field_set *removed);
/* Makes the declared fields above members of the set members too. */
void field_set_name_ways(struct field_set *s, const struct schema_field *f);

#endif
