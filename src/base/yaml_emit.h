/* The writing side: a position in the output, and scalars in the style that fits. Private. */
#ifndef KUBE_BASE_YAML_EMIT_H
#define KUBE_BASE_YAML_EMIT_H

#include "json_node.h"

struct yaml_emitter {
	struct buf *out;
	int column; /* in characters */
	int indent; /* -1 at the root */
	/* The last thing written was white space; nothing but indentation and `- ? :` is on the
	 * line. */
	bool whitespace, indention;
};

void yaml_emit_break(struct yaml_emitter *e);
/* A new line, unless this one is fit to go on, then spaces up to the indent. */
void yaml_emit_indent(struct yaml_emitter *e);
void yaml_emit_indicator(
	struct yaml_emitter *e, const char *text, bool needs_space, bool keeps_indention);

void yaml_emit_string(struct yaml_emitter *e, struct str text, bool simple_key);
void yaml_emit_word(struct yaml_emitter *e, struct str text); /* true, null, 12: as it stands */
/* Can it be a key without the `?` before it? */
bool yaml_is_simple_key(struct str text);

/* The children of a mapping in the order kubectl prints them; spare has as much room as nodes. */
void yaml_sort_members(struct json_node **nodes, struct json_node **spare, size_t count);

#endif
