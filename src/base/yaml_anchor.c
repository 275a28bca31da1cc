/* Aliases and merges: what a document says once and means several times. */
#include "yaml_reader.h"

void yaml_set_anchor(struct yaml_reader *r, const yaml_char_t *name, struct json_node *n)
{
	if (!name)
		return;
	if (!r->has_anchors)
		map_init(&r->anchors);
	r->has_anchors = true;
	map_set(&r->anchors, str_from((const char *)name), n);
}

void yaml_forget_anchors(struct yaml_reader *r)
{
	if (r->has_anchors)
		map_done(&r->anchors);
	r->has_anchors = false;
}

int yaml_find_alias(struct yaml_reader *r, struct json_node **target)
{
	struct str name = str_from((const char *)r->event.data.alias.anchor);

	*target = r->has_anchors ? map_get(&r->anchors, name) : NULL;
	r->fault_of_form = !*target; /* Go notices this one while it parses */
	if (!*target)
		return yaml_fail(r, ERR_SYNTAX, "yaml: unknown anchor '%.*s' referenced",
			STRF(str_sub(name, 0, 256)));
	if ((*target)->c.type & YAML_OPEN)
		return yaml_fail(r, ERR_SYNTAX, "yaml: anchor '%.*s' value contains itself",
			STRF(str_sub(name, 0, 256)));
	return 0;
}

/*
 * Go's measure against documents that are small and mean something huge: of what is decoded, at
 * most 99 % may come from aliases, of very much at most 10 %.
 */
static bool aliases_too_much(const struct yaml_reader *r)
{
	const double low = 400000, high = 4000000;
	double decoded = (double)r->decoded, allowed = 0.99;

	if (r->aliased <= 100 || r->decoded <= 1000)
		return false;
	if (decoded >= high)
		allowed = 0.10;
	else if (decoded > low)
		allowed = 0.99 - 0.89 * (decoded - low) / (high - low);
	return (double)r->aliased / decoded > allowed;
}

static int copy_value(struct yaml_reader *r, struct json_node *to, const struct json_node *from)
{
	to->c.type = (to->c.type & YAML_MARKS) | json_node_type(from);
	to->c.valuestring = from->c.valuestring;
	to->c.valuedouble = from->c.valuedouble;
	to->len = json_node_is_container(from) ? 0 : from->len;
	r->decoded++;
	r->aliased++;
	if (aliases_too_much(r))
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: document contains excessive aliasing");
	return 0;
}

static struct json_node *copy_child(
	struct yaml_reader *r, struct json_node *in, const struct json_node *from)
{
	struct json_node *n = yaml_new_node(r);

	if (!n)
		return NULL;
	n->c.string = from->c.string;
	n->key_len = from->key_len;
	json_node_append(in, n);
	return copy_value(r, n, from) ? NULL : n;
}

int yaml_copy(struct yaml_reader *r, struct json_node *to, const struct json_node *from)
{
	const struct json_node *at = from;
	int depth = r->depth;
	int code = copy_value(r, to, from);

	while (code == 0) {
		if (json_node_first(at)) {
			if (++depth > r->options.limits.max_depth)
				return yaml_fail(r, ERR_TOO_LARGE, "yaml: exceeded max depth of %d",
					r->options.limits.max_depth);
			at = json_node_first(at);
			to = copy_child(r, to, at);
		} else {
			for (; at != from && !at->c.next; at = at->parent, to = to->parent)
				depth--;
			if (at == from)
				break;
			at = json_node_next(at);
			to = copy_child(r, to->parent, at);
		}
		if (!to)
			return r->err->code;
	}
	return code;
}

static int merge_mapping(struct yaml_reader *r, struct json_node *in, const struct json_node *from)
{
	for (const struct json_node *m = json_node_first(from); m; m = json_node_next(m)) {
		struct json_node *before, *n = yaml_new_node(r);
		if (!n)
			return r->err->code;
		n->c.string = m->c.string;
		n->key_len = m->key_len;
		n->c.type = YAML_MERGED;
		int code = yaml_find_member(r, in, json_node_key(n), &before);
		if (code)
			return code;
		yaml_add_member(r, in, n, before);
		code = yaml_copy(r, n, m);
		if (code)
			return code;
	}
	in->c.type |= YAML_HAS_MERGE;
	return 0;
}

static int not_a_mapping(struct yaml_reader *r)
{
	return yaml_fail(
		r, ERR_SYNTAX, "yaml: map merge requires map or sequence of maps as the value");
}

int yaml_merge(
	struct yaml_reader *r, struct json_node *in, const struct json_node *from, bool alias)
{
	if (json_node_type(from) == cJSON_Object)
		return merge_mapping(r, in, from);
	if (json_node_type(from) != cJSON_Array || alias)
		return not_a_mapping(r);
	/* From the last to the first: what stands first takes precedence. */
	struct json_node *first = json_node_first(from);
	for (struct json_node *m = first ? json_node_of(first->c.prev) : NULL; m;
		m = m == first ? NULL : json_node_of(m->c.prev)) {
		int code = json_node_type(m) == cJSON_Object ? merge_mapping(r, in, m)
							     : not_a_mapping(r);
		if (code)
			return code;
	}
	return 0;
}
