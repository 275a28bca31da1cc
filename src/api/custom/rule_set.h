/* The rules of a schema: where they stand, for who compiles and for who evaluates them. */
#ifndef KUBE_API_CUSTOM_RULE_SET_H
#define KUBE_API_CUSTOM_RULE_SET_H

#include "rule_programs.h"

/* A schema with rules, or with such schemas below. */
struct ruled {
	const struct node *node;
	const struct cel_type *type;
	struct rule_program *rules;
	size_t rule_count;
	bool uses_old; /* any of the rules */
	struct ruled *items, *rest;
	struct ruled_member *members; /* in the order of the node's properties */
	size_t member_count;
};

struct ruled_member {
	struct str name;
	struct ruled *ruled;
};

struct rule_set {
	struct arena arena;
	struct cel_env *env;
	struct ruled *root;
};

#endif
