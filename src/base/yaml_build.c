/*
 * From libyaml's events to nodes, without recursion. A document is built in one pass: a container
 * is open until its end comes, a key waits in `slot` for its value.
 */
#include "yaml_reader.h"

#include <stdio.h>

enum { DUPLICATE_PATH_MAX = 1024, DUPLICATES_REPORTED = 100 };

/* ---- nodes ---- */

struct json_node *yaml_new_node(struct yaml_reader *r)
{
	if (r->nodes++ >= r->options.limits.max_expanded) {
		yaml_fail(r, ERR_TOO_LARGE, "yaml: more than %zu values",
			r->options.limits.max_expanded);
		return NULL;
	}
	return arena_new(r->arena, sizeof(struct json_node));
}

int yaml_find_member(
	struct yaml_reader *r, struct json_node *in, struct str key, struct json_node **member)
{
	const uint64_t budget = 100 * 1000 * 1000;

	r->key_bytes += key.len;
	if (r->key_bytes > budget)
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: too much in long keys used again");
	*member = in->len > JSON_FEW_KEYS ? json_index_find(&r->index, in, key)
					  : json_node_find(json_node_first(in), key);
	return 0;
}

void yaml_add_member(
	struct yaml_reader *r, struct json_node *in, struct json_node *n, struct json_node *before)
{
	if (before)
		json_node_replace(before, n);
	else
		json_node_append(in, n);
	if (in->len == JSON_FEW_KEYS + 1 && !before)
		json_index_add_children(&r->index, in);
	else if (in->len > JSON_FEW_KEYS)
		json_index_add(&r->index, n);
}

/* ---- duplicate keys ---- */

struct path {
	char text[DUPLICATE_PATH_MAX];
	size_t start;
};

static bool path_prepend(struct path *path, struct str part)
{
	if (part.len > path->start)
		return false;
	path->start -= part.len;
	if (part.len)
		memcpy(path->text + path->start, part.at, part.len);
	return true;
}

/* Built from its end, for nodes know their parents; what is too long loses its beginning. */
static struct str path_to(struct path *path, const struct json_node *n)
{
	path->start = sizeof(path->text);
	for (bool dot = false; n->parent; n = n->parent) {
		char index[24];
		struct str part = json_node_key(n);
		bool element = json_node_type(n->parent) == cJSON_Array;
		if (element)
			part = str_make(index,
				(size_t)snprintf(index, sizeof(index), "[%u]", n->parent->len - 1));
		if ((dot && !path_prepend(path, STR("."))) || !path_prepend(path, part))
			break;
		dot = !element;
	}
	return str_make(path->text + path->start, sizeof(path->text) - path->start);
}

static void report_duplicate(struct yaml_reader *r)
{
	struct path path;

	if (!r->slot_is_duplicate || !r->options.duplicate ||
		r->duplicates_reported++ >= DUPLICATES_REPORTED)
		return;
	struct yaml_duplicate d = {
		.path = path_to(&path, r->slot),
		.key = json_node_key(r->slot),
		.line = (int)r->event.start_mark.line + 1,
	};
	r->options.duplicate(r->options.ctx, &d);
}

/* ---- keys ---- */

static bool is_merge_key(const yaml_event_t *e)
{
	struct str text = str_make((const char *)e->data.scalar.value, e->data.scalar.length);
	const char *tag = (const char *)e->data.scalar.tag;

	if (!str_eq_text(text, "<<"))
		return false;
	if (tag)
		return strcmp(tag, "tag:yaml.org,2002:merge") == 0;
	return e->data.scalar.plain_implicit;
}

/* What stands behind `<<` is read into a node of its own and merged when it is complete. */
static int open_merge(struct yaml_reader *r)
{
	r->slot = yaml_new_node(r);
	if (!r->slot)
		return r->err->code;
	r->slot->c.type = YAML_MERGE_VALUE;
	r->slot->c.string = (char *)(uintptr_t) "<<";
	r->slot->key_len = 2;
	r->slot->parent = r->in;
	r->slot_is_duplicate = false;
	return 0;
}

static int add_key(struct yaml_reader *r, struct str key)
{
	struct json_node *before, *n = yaml_new_node(r);

	if (!n)
		return r->err->code;
	int code = yaml_find_member(r, r->in, key, &before);
	if (code)
		return code;
	n->c.string = (char *)(uintptr_t)key.at;
	n->key_len = (uint32_t)key.len;
	yaml_add_member(r, r->in, n, before);
	r->slot = n;
	r->slot_is_duplicate = before && !(before->c.type & YAML_MERGED);
	r->decoded++;
	if (r->in == r->root && r->options.key)
		r->options.key(r->options.ctx, key, (int)r->event.start_mark.line + 1);
	return 0;
}

static int take_key(struct yaml_reader *r)
{
	const yaml_event_t *e = &r->event;
	struct json_node *target;
	struct str key;
	int code;

	switch (e->type) {
	case YAML_ALIAS_EVENT:
		code = yaml_find_alias(r, &target);
		if (code == 0)
			code = yaml_alias_key(r, target, &key);
		return code ? code : add_key(r, key);
	case YAML_SCALAR_EVENT:
		if (is_merge_key(e))
			return open_merge(r);
		code = yaml_read_key(r, &key);
		if (code == 0 && e->data.scalar.anchor) {
			struct json_node *n = yaml_new_node(r);
			code = n ? yaml_read_scalar(r, n) : r->err->code;
			yaml_set_anchor(r, e->data.scalar.anchor, n);
		}
		return code ? code : add_key(r, key);
	default:
		return yaml_fail(r, ERR_SYNTAX, "yaml: line %zu: invalid map key: a %s",
			e->start_mark.line + 1,
			e->type == YAML_SEQUENCE_START_EVENT ? "sequence" : "mapping");
	}
}

/* ---- values ---- */

/* Where the next value goes: the root, a mapping's slot, or a new element. */
static struct json_node *place_value(struct yaml_reader *r)
{
	struct json_node *n = r->slot;

	r->decoded++;
	if (n) {
		report_duplicate(r);
		r->slot = NULL;
		return n;
	}
	n = yaml_new_node(r);
	if (!n)
		return NULL;
	if (r->in)
		json_node_append(r->in, n);
	else
		r->root = n;
	return n;
}

static int value_is_complete(struct yaml_reader *r, struct json_node *n)
{
	if (!(n->c.type & YAML_MERGE_VALUE))
		return 0;
	return yaml_merge(r, n->parent, n, false);
}

static int take_alias(struct yaml_reader *r)
{
	struct json_node *target, *n = place_value(r);

	if (!n)
		return r->err->code;
	int code = yaml_find_alias(r, &target);
	if (code)
		return code;
	if (n->c.type & YAML_MERGE_VALUE)
		return yaml_merge(r, n->parent, target, true);
	return yaml_copy(r, n, target);
}

static int take_scalar(struct yaml_reader *r)
{
	struct json_node *n = place_value(r);

	if (!n)
		return r->err->code;
	yaml_set_anchor(r, r->event.data.scalar.anchor, n);
	int code = yaml_read_scalar(r, n);
	return code ? code : value_is_complete(r, n);
}

static int open_container(struct yaml_reader *r, int type, const yaml_char_t *anchor)
{
	struct json_node *n = place_value(r);

	if (!n)
		return r->err->code;
	if (++r->depth > r->options.limits.max_depth)
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: exceeded max depth of %d",
			r->options.limits.max_depth);
	n->c.type |= type | YAML_OPEN;
	yaml_set_anchor(r, anchor, n);
	r->in = n;
	return 0;
}

static int close_container(struct yaml_reader *r)
{
	struct json_node *n = r->in;

	if (n->c.type & YAML_HAS_MERGE)
		for (struct json_node *m = json_node_first(n); m; m = json_node_next(m))
			m->c.type &= ~YAML_MARKS;
	n->c.type &= ~(YAML_OPEN | YAML_HAS_MERGE);
	r->in = n->parent;
	r->depth--;
	int code = value_is_complete(r, n);
	/* A member's own mark goes when its mapping is complete, any other's now. */
	n->c.type &= ~YAML_MERGE_VALUE;
	return code;
}

/*
 * libyaml looks through one possible key for each open flow bracket at every token. That is
 * quadratic in hostile documents; this puts an end to them, and no other comes near it.
 */
int yaml_spend_on_flow(struct yaml_reader *r)
{
	const uint64_t budget = 100 * 1000 * 1000;
	const yaml_event_t *e = &r->event;

	if ((e->type == YAML_SEQUENCE_START_EVENT &&
		    e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE) ||
		(e->type == YAML_MAPPING_START_EVENT &&
			e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE))
		r->flow++;
	else if (r->flow &&
		 (e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT))
		r->flow--; /* inside a flow collection everything is flow */
	r->work += (uint64_t)r->flow;
	if (r->work > budget)
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: too much in deeply nested brackets");
	return 0;
}

int yaml_take_event(struct yaml_reader *r)
{
	const yaml_event_t *e = &r->event;
	bool ends = e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
	if (!ends && r->in && json_node_type(r->in) == cJSON_Object && !r->slot)
		return take_key(r);
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return take_alias(r);
	case YAML_SCALAR_EVENT:
		return take_scalar(r);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(r, cJSON_Array, e->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return open_container(r, cJSON_Object, e->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(r);
	default:
		return yaml_fail(r, ERR_INTERNAL, "yaml: event %d inside a document", e->type);
	}
}
