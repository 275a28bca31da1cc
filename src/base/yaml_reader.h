/*
 * The state of one reading, shared by yaml_read.c (documents), yaml_build.c (events to nodes),
 * yaml_value.c (scalars) and yaml_anchor.c (aliases and merges). Private to yaml.
 */
#ifndef KUBE_BASE_YAML_READER_H
#define KUBE_BASE_YAML_READER_H

#include "json_node.h"

#include <kube/map.h>
#include <kube/yaml.h>

#include <yaml.h>

/* Marks in a node's cJSON type, next to cJSON's own, while its document is being read. */
enum {
	YAML_OPEN = 1 << 16, /* a container whose end has not come: an alias to it is a loop */
	YAML_MERGE_VALUE = 1 << 17, /* what stands behind `<<`: belongs to no mapping */
	YAML_MERGED = 1 << 18,      /* a member that a merge has brought */
	YAML_HAS_MERGE = 1 << 19,   /* a mapping with such members */
	YAML_MARKS = YAML_OPEN | YAML_MERGE_VALUE | YAML_MERGED | YAML_HAS_MERGE,
};

struct yaml_reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct arena *arena;
	struct yaml_options options; /* limits filled in */
	struct err *err;

	struct map anchors; /* of this document: names to nodes */
	bool has_anchors;
	struct json_index index; /* keys of open mappings with many */

	struct json_node *root;
	struct json_node *in;   /* the innermost open container */
	struct json_node *slot; /* the member of a mapping that waits for its value */
	bool slot_is_duplicate;
	int duplicates_reported;
	bool fault_of_form; /* what failed is not to be outdone by what comes later */
	int depth;
	size_t nodes;            /* of all documents */
	size_t decoded, aliased; /* of this document, as Go's decoder counts them */
	uint64_t work;           /* see yaml_spend_on_flow */
	uint64_t key_bytes;      /* see yaml_find_member */
	int flow;
};

/* All of these return 0 or a code with the reader's err set. */
int yaml_fail(struct yaml_reader *r, int code, const char *format, ...) KUBE_PRINTF(3, 4);

/* Counts what the event costs; ERR_TOO_LARGE when it is beyond all measure. */
int yaml_spend_on_flow(struct yaml_reader *r);
/* One event of a document becomes part of its tree. */
int yaml_take_event(struct yaml_reader *r);

struct json_node *yaml_new_node(struct yaml_reader *r); /* NULL: too many */
/* The event's scalar becomes the value of n. */
int yaml_read_scalar(struct yaml_reader *r, struct json_node *n);
/* The event's scalar as a key: text, as Go makes it of numbers and booleans. In the arena. */
int yaml_read_key(struct yaml_reader *r, struct str *key);
int yaml_alias_key(struct yaml_reader *r, const struct json_node *n, struct str *key);
/*
 * Finds a member by its key and adds one; in is an open mapping. *member is NULL when there is
 * none. Aliases and merges bring long keys again and again at hardly any cost in text: there is an
 * end to how many bytes of keys are compared.
 */
int yaml_find_member(
	struct yaml_reader *r, struct json_node *in, struct str key, struct json_node **member);
void yaml_add_member(
	struct yaml_reader *r, struct json_node *in, struct json_node *n, struct json_node *before);

void yaml_set_anchor(struct yaml_reader *r, const yaml_char_t *name, struct json_node *n);
void yaml_forget_anchors(struct yaml_reader *r);
/* What the event's alias stands for: complete, or a failure. */
int yaml_find_alias(struct yaml_reader *r, struct json_node **target);
/* `to` (key and place stay) becomes a copy of the whole of `from`. */
int yaml_copy(struct yaml_reader *r, struct json_node *to, const struct json_node *from);
/* The members of a mapping, or of a sequence of mappings, go into `in`. */
int yaml_merge(
	struct yaml_reader *r, struct json_node *in, const struct json_node *from, bool alias);

#endif
