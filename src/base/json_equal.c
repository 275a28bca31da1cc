/*
 * Do two trees mean the same? Members may stand in any order, numbers may be written in any way
 * (1, 1.0 and 1e0 are equal, exactly so at any size). Walks without recursion.
 */
#include "json_node.h"

static bool same_value(const struct json_node *a, const struct json_node *b)
{
	if (json_node_type(a) != json_node_type(b))
		return false;
	switch (json_node_type(a)) {
	case cJSON_Number:
		return json_number_equal(a, b);
	case cJSON_String:
		return str_eq(json_node_text(a), json_node_text(b));
	case cJSON_Array:
	case cJSON_Object:
		return a->len == b->len;
	default:
		return true;
	}
}

/*
 * The child of b that stands against a's child `n`. `hint` is the one whose turn it is if the
 * order is the same, as it mostly is.
 */
static struct json_node *counterpart(struct json_index *index, const struct json_node *n,
	struct json_node *b, struct json_node *hint)
{
	if (json_node_type(b) == cJSON_Array)
		return hint;
	struct str key = json_node_key(n);
	if (hint && str_eq(json_node_key(hint), key))
		return hint;
	struct json_node *first = json_node_first(b);
	if (b->len <= JSON_FEW_KEYS)
		return json_node_find(first, key);
	/* Whether b is in the index is asked only once: hashing its first key may be dear. */
	struct json_node *found = json_index_find(index, b, key);
	if (found || json_index_find(index, b, json_node_key(first)))
		return found;
	json_index_add_children(index, b);
	return json_index_find(index, b, key);
}

static bool same_tree(struct json_index *index, const struct json_node *root, struct json_node *b)
{
	const struct json_node *a = root;
	if (!same_value(a, b))
		return false;
	for (;;) {
		const struct json_node *next = json_node_first(a);
		if (next) {
			b = counterpart(index, next, b, json_node_first(b));
		} else {
			while (a != root && !a->c.next) {
				a = a->parent;
				b = b->parent;
			}
			if (a == root)
				return true;
			next = json_node_next(a);
			b = counterpart(index, next, b->parent, json_node_next(b));
		}
		if (!b || !same_value(next, b))
			return false;
		a = next;
	}
}

bool json_equal(const struct cJSON *a, const struct cJSON *b)
{
	if (!a || !b || a == b)
		return a == b || (json_is(a, JSON_NULL) && json_is(b, JSON_NULL));
	struct json_index index = {0};
	bool same = same_tree(&index, json_node_of(a), json_node_of(b));
	json_index_done(&index);
	return same;
}
