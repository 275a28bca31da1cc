/*
 * A schema of a definition as a tree of nodes: what pruning, defaults, rules and the making of a
 * `struct schema` walk instead of the definition's own text. One kind of node for all levels:
 * under allOf, anyOf, oneOf and not only some of its members are ever set.
 *
 * Nodes borrow from the tree they are made of and live in its arena.
 */
#ifndef KUBE_API_STRUCTURAL_H
#define KUBE_API_STRUCTURAL_H

#include "rules.h"

struct regex;
struct node;

struct property {
	struct str name;
	struct node *node;
};

struct node_list {
	struct node **items;
	size_t count;
};

/* A limit that may be missing. */
struct bound {
	bool set;
	double value;
};
struct count_bound {
	bool set;
	int64_t value;
};

/* What few schemas say; the others share one that says nothing. */
struct limits {
	struct str pattern;
	const struct regex *regex; /* NULL: no pattern, or one with a fault */
	struct str pattern_fault;
	struct bound maximum, minimum, multiple;
	bool above_minimum, below_maximum; /* the bounds themselves are out */
	struct count_bound max_length, min_length, max_items, min_items, max_properties,
		min_properties;
	bool unique;
	struct node_list all_of, any_of, one_of;
	struct node * not ;
};

struct node {
	const struct cJSON *source; /* JSONSchemaProps */
	/* the value's shape */
	struct str type; /* empty: none given */
	bool nullable, preserves, embedded, int_or_string;
	bool additional, additional_allowed; /* additionalProperties is there; not `false` */
	const struct cJSON *standard;        /* default; NULL: none */
	struct property *properties;         /* in byte order */
	size_t property_count;
	struct node *rest;  /* additionalProperties, when a schema */
	struct node *items; /* one schema for all of them */
	uint8_t list_type, map_type;
	struct str *list_keys;
	size_t list_key_count;
	/* its rules */
	struct str format;            /* empty: none, or none that is checked */
	const struct cJSON *choices;  /* enum; NULL: none */
	const struct cJSON *required; /* NULL: none */
	const struct cJSON *rules;    /* x-kubernetes-validations */
	const struct limits *limits;  /* never NULL */
};

#define NODE_DEPTH 200 /* of schemas: what is deeper is refused */

/* ERR_INVALID for what is no schema that can be worked with. */
int node_from(struct arena *a, const struct cJSON *schema, struct node **out, struct err *err);
struct node *node_empty(struct arena *a); /* of a version without a schema */
/* NULL: no such property. */
struct node *node_property(const struct node *n, struct str name);
/* What a member of an object is: a property, or one of the rest; NULL: not known. */
struct node *node_member(const struct node *n, struct str name);
/* The root, and objects of other kinds within: these members are everybody's. */
bool is_identity(struct str name); /* apiVersion, kind, metadata */

#endif
