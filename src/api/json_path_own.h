/* Between json_path.c, which reads paths, and json_path_find.c, which asks with them. */
#ifndef KUBE_API_JSON_PATH_OWN_H
#define KUBE_API_JSON_PATH_OWN_H

#include <kube/json_path.h>

enum path_node_type {
	NODE_LIST,  /* one expression in braces */
	NODE_VALUE, /* text, numbers, true and false */
	NODE_FIELD,
	NODE_WILDCARD,
	NODE_RECURSIVE,
	NODE_SLICE,
	NODE_UNION,
	NODE_FILTER,
	NODE_RANGE,
	NODE_END,
};

struct path_bound {
	bool known;
	bool derived; /* "[1]" means [1:2]; then "[-1]" means [-1:0], up to the end */
	int64_t value;
};

struct path_node {
	enum path_node_type type;
	struct path_node *next;
	struct path_node *first, *last; /* LIST; UNION: its lists; FILTER: left, right */
	const struct cJSON *value;
	struct str name;                  /* FIELD; FILTER: the operator, "exists" */
	struct path_bound from, to, step; /* SLICE */
};

struct json_path {
	struct path_node *root; /* LIST of what stands side by side */
};

#endif
