/* Looking at trees, and building them. */
#include "json_node.h"

#include <kube/buf.h>

#include <math.h>

/* ---- looking ---- */

enum json_type json_type(const struct cJSON *n)
{
	switch (n ? n->type & JSON_TYPE_MASK : cJSON_NULL) {
	case cJSON_True:
	case cJSON_False:
		return JSON_BOOL;
	case cJSON_Number:
		return JSON_NUMBER;
	case cJSON_String:
		return JSON_STRING;
	case cJSON_Array:
		return JSON_ARRAY;
	case cJSON_Object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "bool",
		[JSON_NUMBER] = "number",
		[JSON_STRING] = "string",
		[JSON_ARRAY] = "array",
		[JSON_OBJECT] = "object",
	};
	return names[type];
}

bool json_is(const struct cJSON *n, enum json_type type)
{
	return json_type(n) == type;
}

struct cJSON *json_get(const struct cJSON *object, struct str key)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	struct json_node *n = json_node_find(json_node_of(object->child), key);
	return n ? &n->c : NULL;
}

struct cJSON *json_at(const struct cJSON *array, size_t index)
{
	if (!json_is(array, JSON_ARRAY))
		return NULL;
	struct cJSON *n = array->child;
	while (n && index--)
		n = n->next;
	return n;
}

struct cJSON *json_path(const struct cJSON *root, const char *dotted)
{
	const struct cJSON *n = root;
	for (const char *from = dotted, *end; n; from = end + 1) {
		uint64_t index;
		end = from;
		while (*end && *end != '.')
			end++;
		struct str part = str_make(from, (size_t)(end - from));
		if (json_is(n, JSON_ARRAY))
			n = str_to_u64(part, &index) ? json_at(n, index) : NULL;
		else
			n = json_get(n, part);
		if (!*end)
			break;
	}
	return (struct cJSON *)(uintptr_t)n;
}

size_t json_count(const struct cJSON *n)
{
	return n && json_node_is_container(json_node_of(n)) ? json_node_of(n)->len : 0;
}

struct cJSON *json_first(const struct cJSON *n)
{
	return n ? n->child : NULL;
}

struct cJSON *json_next(const struct cJSON *n)
{
	return n ? n->next : NULL;
}

struct str json_key(const struct cJSON *n)
{
	return n ? json_node_key(json_node_of(n)) : (struct str){0};
}

struct str json_str(const struct cJSON *n)
{
	return json_is(n, JSON_STRING) ? json_node_text(json_node_of(n)) : (struct str){0};
}

bool json_is_int_text(const struct cJSON *n)
{
	if (!json_is(n, JSON_NUMBER))
		return false;
	struct str text = json_node_text(json_node_of(n));
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '.' || text.at[i] == 'e' || text.at[i] == 'E')
			return false;
	return true;
}

bool json_int(const struct cJSON *n, int64_t *value)
{
	if (!json_is(n, JSON_NUMBER))
		return false;
	if (n->valuestring)
		return str_to_i64(json_node_text(json_node_of(n)), value);
	*value = (int64_t)n->valuedouble;
	return true;
}

double json_double(const struct cJSON *n)
{
	return json_is(n, JSON_NUMBER) ? n->valuedouble : 0;
}

struct str json_number_text(struct arena *a, const struct cJSON *n)
{
	if (!json_is(n, JSON_NUMBER))
		return (struct str){0};
	if (n->valuestring)
		return json_node_text(json_node_of(n));
	char text[JSON_NUMBER_MAX];
	return arena_str(a, str_make(text, json_int_text((int64_t)n->valuedouble, text)));
}

bool json_bool(const struct cJSON *n)
{
	return n && (n->type & JSON_TYPE_MASK) == cJSON_True;
}

/* ---- building ---- */

static struct json_node *node_new(struct arena *a, int type)
{
	struct json_node *n = arena_new(a, sizeof(*n));
	n->c.type = type;
	return n;
}

/* A copy with every byte that is not UTF-8 replaced by U+FFFD, as Go does when it prints. */
static struct str copy_repaired(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.len * 3 + 1), *to = copy;
	while (s.len) {
		size_t len = json_char_length(s);
		memcpy(to, len ? s.at : "\xef\xbf\xbd", len ? len : 3);
		to += len ? len : 3;
		s = str_skip(s, MAX(len, (size_t)1));
	}
	*to = 0;
	return str_make(copy, (size_t)(to - copy));
}

static struct str copy_text(struct arena *a, struct str s)
{
	assert(s.len < UINT32_MAX / 3);
	return str_is_utf8(s) ? arena_str(a, s) : copy_repaired(a, s);
}

static void node_set_text(struct json_node *n, struct str text)
{
	n->c.valuestring = (char *)(uintptr_t)text.at;
	n->len = (uint32_t)text.len;
}

struct cJSON *json_new(struct arena *a, enum json_type type)
{
	static const int types[] = {
		[JSON_NULL] = cJSON_NULL,
		[JSON_BOOL] = cJSON_False,
		[JSON_NUMBER] = cJSON_Number,
		[JSON_STRING] = cJSON_String,
		[JSON_ARRAY] = cJSON_Array,
		[JSON_OBJECT] = cJSON_Object,
	};
	struct json_node *n = node_new(a, types[type]);
	if (type == JSON_STRING)
		node_set_text(n, arena_str(a, STR("")));
	return &n->c;
}

struct cJSON *json_new_str(struct arena *a, struct str s)
{
	struct json_node *n = node_new(a, cJSON_String);
	node_set_text(n, copy_text(a, s));
	return &n->c;
}

struct cJSON *json_new_int(struct arena *a, int64_t value)
{
	struct json_node *n = node_new(a, cJSON_Number);
	char text[JSON_NUMBER_MAX];
	n->c.valuedouble = (double)value;
	if (value < -JSON_EXACT_MAX || value > JSON_EXACT_MAX)
		node_set_text(n, arena_str(a, str_make(text, json_int_text(value, text))));
	return &n->c;
}

struct cJSON *json_new_double(struct arena *a, double value)
{
	assert(isfinite(value));
	bool plain = fabs(value) <= (double)JSON_EXACT_MAX && (double)(int64_t)value == value &&
		     !(value == 0 && signbit(value));
	struct json_node *n = node_new(a, cJSON_Number);
	char text[JSON_NUMBER_MAX];
	n->c.valuedouble = value;
	if (!plain)
		node_set_text(n, arena_str(a, str_make(text, json_double_text(value, text))));
	return &n->c;
}

struct cJSON *json_new_bool(struct arena *a, bool value)
{
	return &node_new(a, value ? cJSON_True : cJSON_False)->c;
}

struct cJSON *json_new_number_text(struct arena *a, struct str text)
{
	struct json_digits digits;
	const char *stop, *context;
	double value;
	if (text.len == 0 || text.len >= UINT32_MAX)
		return NULL;
	const char *end = text.at + text.len;
	if (json_number_scan(text.at, end, &digits, &stop, &context) != end)
		return NULL;
	struct str copy = arena_str(a, text);
	if (!json_number_double(copy.at, &digits, &value))
		return NULL;
	struct json_node *n = node_new(a, cJSON_Number);
	n->c.valuedouble = value;
	if (!json_digits_plain(&digits))
		node_set_text(n, copy);
	return &n->c;
}

/* Everything but the links and the key. */
static struct json_node *copy_node(struct arena *a, const struct json_node *from)
{
	struct json_node *n = node_new(a, from->c.type);
	n->c.valuedouble = from->c.valuedouble;
	if (from->c.valuestring)
		node_set_text(n, arena_str(a, json_node_text(from)));
	return n;
}

static void node_set_key(struct json_node *n, struct str key)
{
	n->c.string = (char *)(uintptr_t)key.at;
	n->key_len = (uint32_t)key.len;
}

struct cJSON *json_copy(struct arena *a, const struct cJSON *root)
{
	if (!root)
		return NULL;
	const struct json_node *from = json_node_of(root);
	struct json_node *top = copy_node(a, from), *to = top;
	for (;;) {
		const struct json_node *next = json_node_first(from);
		if (!next) {
			while (from != json_node_of(root) && !from->c.next) {
				from = from->parent;
				to = to->parent;
			}
			if (from == json_node_of(root))
				return &top->c;
			next = json_node_next(from);
			to = to->parent;
		}
		struct json_node *n = copy_node(a, next);
		if (next->c.string)
			node_set_key(n, arena_str(a, json_node_key(next)));
		json_node_append(to, n);
		from = next;
		to = n;
	}
}

void json_append(struct cJSON *array, struct cJSON *item)
{
	struct json_node *n = json_node_of(item);
	assert(json_is(array, JSON_ARRAY) && !n->parent);
	n->c.string = NULL;
	n->key_len = 0;
	json_node_append(json_node_of(array), n);
}

void json_insert(struct cJSON *array, size_t index, struct cJSON *item)
{
	struct json_node *n = json_node_of(item), *in = json_node_of(array);
	struct cJSON *behind = json_at(array, index);

	if (!behind) {
		json_append(array, item);
		return;
	}
	assert(!n->parent);
	n->c.string = NULL;
	n->key_len = 0;
	n->parent = in;
	n->c.next = behind;
	n->c.prev = behind->prev; /* the first one's is the last */
	if (behind == in->c.child)
		in->c.child = &n->c;
	else
		behind->prev->next = &n->c;
	behind->prev = &n->c;
	in->len++;
}

void json_node_replace(struct json_node *old, struct json_node *n)
{
	struct cJSON *first = old->parent->c.child;
	n->parent = old->parent;
	n->c.next = old->c.next;
	n->c.prev = old->c.prev == &old->c ? &n->c : old->c.prev;
	if (first == &old->c)
		n->parent->c.child = first = &n->c;
	else
		n->c.prev->next = &n->c;
	if (n->c.next)
		n->c.next->prev = &n->c;
	else
		first->prev = &n->c;
	old->parent = NULL;
	old->c.next = old->c.prev = NULL;
}

void json_set(struct arena *a, struct cJSON *object, struct str key, struct cJSON *value)
{
	struct json_node *n = json_node_of(value), *in = json_node_of(object);
	assert(json_is(object, JSON_OBJECT) && !n->parent);
	node_set_key(n, copy_text(a, key));
	struct json_node *before = json_node_find(json_node_first(in), json_node_key(n));
	if (before)
		json_node_replace(before, n);
	else
		json_node_append(in, n);
}

void json_add(struct arena *a, struct cJSON *object, struct str key, struct cJSON *value)
{
	struct json_node *n = json_node_of(value);
	assert(json_is(object, JSON_OBJECT) && !n->parent);
	node_set_key(n, copy_text(a, key));
	json_node_append(json_node_of(object), n);
}

void json_add_borrowed(struct cJSON *object, struct str key, struct cJSON *value)
{
	struct json_node *n = json_node_of(value);
	assert(json_is(object, JSON_OBJECT) && !n->parent);
	node_set_key(n, key);
	json_node_append(json_node_of(object), n);
}

struct cJSON *json_share(struct arena *a, const struct cJSON *leaf)
{
	struct json_node *n = node_new(a, leaf->type);
	assert(!json_node_is_container(n));
	n->c.valuedouble = leaf->valuedouble;
	if (leaf->valuestring)
		node_set_text(n, json_node_text(json_node_of(leaf)));
	return &n->c;
}

bool json_remove(struct cJSON *parent, struct cJSON *child)
{
	struct json_node *n = json_node_of(child), *in = json_node_of(parent);
	if (!n || !in || n->parent != in)
		return false;
	struct cJSON *first = in->c.child;
	if (child == first)
		in->c.child = child->next;
	else
		child->prev->next = child->next;
	if (child->next)
		child->next->prev = child->prev;
	else if (child != first)
		first->prev = child->prev;
	in->len--;
	n->parent = NULL;
	child->next = child->prev = NULL;
	return true;
}
