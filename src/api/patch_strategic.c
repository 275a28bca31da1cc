/*
 * Strategic merge patch: objects merge, lists merge by their merge key where the schema says so,
 * and directives in the patch say what cannot be said otherwise.
 */
#include "codec_parts.h"
#include "go_print.h"

#include <kube/patch.h>

static const struct str directive = STR_INIT("$patch"), retain = STR_INIT("$retainKeys");
static const struct str delete_prefix = STR_INIT("$deleteFromPrimitiveList/");
static const struct str order_word = STR_INIT("$setElementOrder");
static const struct str order_prefix = STR_INIT("$setElementOrder/");

struct merger {
	struct arena *arena;
	struct err *err;
};

static int merge_map(struct merger *m, const struct schema *s, struct cJSON *object,
	struct cJSON *patch, struct cJSON **out);

/* ---- lists as arrays of nodes ---- */

struct nodes {
	const struct cJSON **items;
	size_t count;
};

static struct nodes nodes_new(struct merger *m, size_t cap)
{
	return (struct nodes){.items = arena_alloc(m->arena, (cap + 1) * sizeof(struct cJSON *))};
}

static struct nodes nodes_of(struct merger *m, const struct cJSON *list)
{
	struct nodes n = nodes_new(m, json_count(list));

	json_each (item, list)
		n.items[n.count++] = item;
	return n;
}

static struct cJSON *nodes_list(struct merger *m, const struct nodes *n)
{
	struct cJSON *list = json_new(m->arena, JSON_ARRAY);

	for (size_t i = 0; i < n->count; i++)
		json_append(list, json_copy(m->arena, n->items[i]));
	return list;
}

/* The same element: by merge key, or by value for primitives. */
static bool same(const struct cJSON *a, const struct cJSON *b, const char *key)
{
	if (!key)
		return json_equal(a, b);
	const struct cJSON *x = json_get(a, str_from(key)), *y = json_get(b, str_from(key));
	return x && y && json_equal(x, y);
}

static ssize_t index_of(const struct nodes *n, const struct cJSON *item, const char *key)
{
	for (size_t i = 0; i < n->count; i++)
		if (same(n->items[i], item, key))
			return (ssize_t)i;
	return -1;
}

/* ---- order: what the patch names comes in its order, around what only the server has ---- */

static struct nodes ordered(
	struct merger *m, const struct nodes *n, const struct nodes *order, const char *key)
{
	struct nodes out = nodes_new(m, n->count);

	for (size_t i = 0; i < order->count; i++) {
		if (index_of(order, order->items[i], key) != (ssize_t)i)
			continue;
		for (size_t j = 0; j < n->count; j++)
			if (same(n->items[j], order->items[i], key))
				out.items[out.count++] = n->items[j];
	}
	for (size_t i = 0; i < n->count; i++)
		if (index_of(order, n->items[i], key) < 0)
			out.items[out.count++] = n->items[i];
	return out;
}

static struct nodes interleave(struct merger *m, const struct nodes *server,
	const struct nodes *patched, const struct nodes *server_order, const char *key)
{
	struct nodes out = nodes_new(m, server->count + patched->count);
	size_t i = 0, j = 0;

	while (i < server->count || j < patched->count) {
		bool server_first = j >= patched->count;

		if (i < server->count && j < patched->count) {
			ssize_t l = index_of(server_order, server->items[i], key);
			ssize_t r = index_of(server_order, patched->items[j], key);

			server_first = l >= 0 && r >= 0 && l < r;
		}
		out.items[out.count++] = server_first ? server->items[i++] : patched->items[j++];
	}
	return out;
}

static struct cJSON *normalize(struct merger *m, const struct cJSON *merged,
	const struct nodes *patch_order, const struct nodes *server_order, const char *key)
{
	struct nodes all = nodes_of(m, merged);
	struct nodes patched = nodes_new(m, all.count), server = nodes_new(m, all.count);

	for (size_t i = 0; i < all.count; i++) {
		if (index_of(patch_order, all.items[i], key) >= 0)
			patched.items[patched.count++] = all.items[i];
		else
			server.items[server.count++] = all.items[i];
	}
	patched = ordered(m, &patched, patch_order, key);
	server = ordered(m, &server, server_order, key);
	struct nodes both = interleave(m, &server, &patched, server_order, key);
	return nodes_list(m, &both);
}

/* ---- lists ---- */

static struct str printed(struct merger *m, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);

	go_print_plain(&text, m->arena, value);
	return arena_str(m->arena, buf_str(&text));
}

static int no_key(struct merger *m, const struct cJSON *item, const char *key)
{
	return err_set(m->err, ERR_INTERNAL, "map: %.*s does not contain declared merge key: %s",
		STRF(printed(m, item)), key);
}

static int unknown_directive(struct merger *m, const struct cJSON *how, const struct cJSON *in)
{
	struct str word = json_str(how);

	if (!json_is(how, JSON_STRING)) /* Go's remark on a %s that is none */
		word = arena_print(
			m->arena, "%%!s(%s=%.*s)", go_type_of(how), STRF(printed(m, how)));
	return err_set(m->err, ERR_INTERNAL, "unknown patch type: %.*s in map: %.*s", STRF(word),
		STRF(printed(m, in)));
}

/* Elements with $patch: deletions are done, a replacement is told; the rest stays for merging. */
static int special_elements(
	struct merger *m, struct cJSON *list, struct cJSON *patch, const char *key, bool *replace)
{
	struct cJSON *item = json_first(patch);

	*replace = false;
	while (item) {
		struct cJSON *next = json_next(item), *how = json_get(item, directive);

		if (how) {
			struct str word = json_str(how);

			if (str_eq_text(word, "delete")) {
				struct nodes all = nodes_of(m, list);

				if (!json_get(item, str_from(key)))
					return no_key(m, item, key);
				for (size_t i = 0; i < all.count; i++)
					if (same(all.items[i], item, key))
						json_remove(list,
							(struct cJSON *)(uintptr_t)all.items[i]);
			} else if (str_eq_text(word, "replace")) {
				*replace = true;
			} else if (str_eq_text(word, "merge")) {
				return err_set(m->err, ERR_INTERNAL,
					"merging lists cannot yet be specified in the patch");
			} else {
				return unknown_directive(m, how, item);
			}
			json_remove(patch, item);
		}
		item = next;
	}
	return 0;
}

static int merge_objects(struct merger *m, const struct schema *s, struct cJSON *list,
	struct cJSON *patch, const char *key, struct cJSON **out)
{
	struct nodes server_order = nodes_of(m, json_copy(m->arena, list));
	bool replace;
	int code = special_elements(m, list, patch, key, &replace);

	if (code)
		return code;
	if (replace) {
		*out = json_copy(m->arena, patch);
		return 0;
	}
	struct nodes patch_order = nodes_of(m, patch);
	json_each (item, patch) {
		struct nodes now = nodes_of(m, list);
		struct cJSON *merged;

		if (!json_get(item, str_from(key)))
			return no_key(m, item, key);
		ssize_t at = index_of(&now, item, key);
		if (at < 0) {
			json_append(list, json_copy(m->arena, item));
			continue;
		}
		struct cJSON *standing = (struct cJSON *)(uintptr_t)now.items[at];
		code = merge_map(
			m, s, json_copy(m->arena, standing), json_copy(m->arena, item), &merged);
		if (code)
			return code;
		now.items[at] = merged;
		list = nodes_list(m, &now);
	}
	*out = normalize(m, list, &patch_order, &server_order, key);
	return 0;
}

static struct cJSON *merge_primitives(
	struct merger *m, const struct cJSON *list, const struct cJSON *patch)
{
	struct nodes server_order = nodes_of(m, list), patch_order = nodes_of(m, patch);
	struct nodes all = nodes_new(m, server_order.count + patch_order.count);

	for (size_t i = 0; i < server_order.count; i++)
		if (index_of(&all, server_order.items[i], NULL) < 0)
			all.items[all.count++] = server_order.items[i];
	for (size_t i = 0; i < patch_order.count; i++)
		if (index_of(&all, patch_order.items[i], NULL) < 0)
			all.items[all.count++] = patch_order.items[i];
	return normalize(m, nodes_list(m, &all), &patch_order, &server_order, NULL);
}

static bool merges(const struct schema_field *f)
{
	return f && f->patch && strstr(f->patch, "merge");
}

/* ---- directives of an object ---- */

static void delete_primitives(struct cJSON *list, const struct cJSON *gone)
{
	struct cJSON *item = json_first(list);

	while (item) {
		struct cJSON *next = json_next(item);

		json_each (one, gone)
			if (json_equal(one, item)) {
				json_remove(list, item);
				break;
			}
		item = next;
	}
}

static void run_deletions(struct cJSON *object, struct cJSON *patch)
{
	struct cJSON *item = json_first(patch);

	while (item) {
		struct cJSON *next = json_next(item);

		if (str_starts(json_key(item), delete_prefix)) {
			struct str name = str_skip(json_key(item), delete_prefix.len);

			if (json_is(item, JSON_ARRAY))
				delete_primitives(json_get(object, name), item);
			json_remove(patch, item);
		}
		item = next;
	}
}

static int run_retain(struct merger *m, struct cJSON *object, struct cJSON *patch)
{
	struct cJSON *list = json_get(patch, retain), *item = json_first(object);

	if (!list)
		return 0;
	if (!json_is(list, JSON_ARRAY))
		return err_set(m->err, ERR_BAD_REQUEST, "invalid patch format of retainKeys");
	json_remove(patch, list);
	struct nodes keys = nodes_of(m, list);
	json_each (member, patch) {
		struct str key = json_key(member);

		if (json_type(member) != JSON_NULL && !str_starts(key, STR("$")) &&
			index_of(&keys, json_new_str(m->arena, key), NULL) < 0)
			return err_set(
				m->err, ERR_BAD_REQUEST, "invalid patch format of retainKeys");
	}
	while (item) {
		struct cJSON *next = json_next(item);

		if (index_of(&keys, json_new_str(m->arena, json_key(item)), NULL) < 0)
			json_remove(object, item);
		item = next;
	}
	return 0;
}

static int wrong_order(struct merger *m, const struct cJSON *patch, const struct nodes *order)
{
	struct cJSON *list = nodes_list(m, order);

	return err_set(m->err, ERR_INTERNAL,
		"The order in patch list:\n%.*s\n doesn't match $setElementOrder list:\n%.*s\n",
		STRF(printed(m, patch)), STRF(printed(m, list)));
}

static int check_order(
	struct merger *m, const struct cJSON *patch, const struct nodes *order, const char *key)
{
	ssize_t last = -1;

	json_each (item, patch) {
		struct str how = json_str(json_get(item, directive));
		ssize_t at = index_of(order, item, key);

		if (str_eq_text(how, "delete") || str_eq_text(how, "replace"))
			continue;
		if (at < 0 || at < last)
			return wrong_order(m, patch, order);
		last = at;
	}
	return 0;
}

static bool same_types(const struct cJSON *list, const struct cJSON *patch)
{
	const struct cJSON *first = json_first(list) ? json_first(list) : json_first(patch);

	json_each (item, list)
		if (json_type(item) != json_type(first))
			return false;
	json_each (item, patch)
		if (json_type(item) != json_type(first))
			return false;
	return true;
}

static int merge_list(struct merger *m, const struct schema_field *f, const struct cJSON *list,
	const struct cJSON *patch, struct cJSON **out)
{
	if (!same_types(list, patch))
		return err_set(m->err, ERR_INTERNAL,
			"list element types are not identical: [%.*s %.*s]", STRF(printed(m, list)),
			STRF(printed(m, patch)));
	if (f->kind != KIND_OBJECT) {
		*out = merge_primitives(m, list, patch);
		return 0;
	}
	if (!f->merge_key)
		return err_set(m->err, ERR_INTERNAL,
			"cannot merge lists without merge key for %.*s", STRF(f->name));
	return merge_objects(
		m, f->of, json_copy(m->arena, list), json_copy(m->arena, patch), f->merge_key, out);
}

static int run_order(struct merger *m, const struct schema *s, struct cJSON *object,
	struct cJSON *patch, struct cJSON *order)
{
	struct str name = str_skip(json_key(order), order_prefix.len);
	bool named = str_starts(json_key(order), order_prefix);
	const struct schema_field *f = s && named ? schema_field(s, name) : NULL;
	struct cJSON *list = json_get(object, name), *change = json_get(patch, name);
	struct nodes wanted = nodes_of(m, order), server = nodes_of(m, list);
	const char *key = f && f->kind == KIND_OBJECT ? f->merge_key : NULL;
	struct cJSON *merged = list;
	int code = 0;

	if (!json_is(order, JSON_ARRAY))
		return err_set(m->err, ERR_INTERNAL, "expected a []interface {}, but received a %s",
			go_type_of(order));
	if (!f)
		return err_set(
			m->err, ERR_BAD_REQUEST, "invalid patch format of setElementOrder list");
	code = check_order(m, change, &wanted, key);
	if (!code && list && change)
		code = merge_list(m, f, list, change, &merged);
	else if (change)
		merged = change;
	if (code || !merged)
		return code;
	merged = normalize(m, merged, &wanted, &server, key);
	json_set(m->arena, object, name, merged);
	if (change)
		json_remove(patch, change);
	return 0;
}

static int run_orders(
	struct merger *m, const struct schema *s, struct cJSON *object, struct cJSON *patch)
{
	struct cJSON *item = json_first(patch);

	while (item) {
		if (str_starts(json_key(item), order_word)) {
			int code = run_order(m, s, object, patch, item);

			if (code)
				return code;
			json_remove(patch, item);
			item = json_first(patch);
		} else {
			item = json_next(item);
		}
	}
	return 0;
}

/* ---- objects ---- */

/* What is taken over whole keeps no directives and no nulls. */
static struct cJSON *clean(struct merger *m, const struct cJSON *value)
{
	struct cJSON *out;

	if (json_is(value, JSON_ARRAY)) {
		out = json_new(m->arena, JSON_ARRAY);
		json_each (item, value) {
			struct str how = json_str(json_get(item, directive));

			if (!str_eq_text(how, "delete"))
				json_append(out, clean(m, item));
		}
		return out;
	}
	if (!json_is(value, JSON_OBJECT))
		return json_copy(m->arena, value);
	out = json_new(m->arena, JSON_OBJECT);
	json_each (member, value)
		if (json_type(member) != JSON_NULL && !str_eq(json_key(member), directive) &&
			!str_eq(json_key(member), retain) &&
			!str_starts(json_key(member), order_prefix) &&
			!str_starts(json_key(member), delete_prefix))
			json_add(m->arena, out, json_key(member), clean(m, member));
	return out;
}

static int merge_member(
	struct merger *m, const struct schema_field *f, struct cJSON *object, struct cJSON *patch)
{
	struct str key = json_key(patch);
	struct cJSON *standing = json_get(object, key), *merged = NULL;
	int code = 0;

	if (json_type(patch) == JSON_NULL) {
		json_remove(object, standing);
		return 0;
	}
	if (!standing || json_type(standing) != json_type(patch)) {
		merged = clean(m, patch);
	} else if (json_is(patch, JSON_OBJECT)) {
		bool replaced = f && f->patch && str_eq_text(str_from(f->patch), "replace");
		bool typed = f && f->kind == KIND_OBJECT && f->shape == SHAPE_ONE;

		if (replaced)
			merged = clean(m, patch);
		else
			code = merge_map(m, typed ? f->of : NULL, json_copy(m->arena, standing),
				json_copy(m->arena, patch), &merged);
	} else if (json_is(patch, JSON_ARRAY) && merges(f)) {
		code = merge_list(m, f, standing, patch, &merged);
	} else {
		merged = json_copy(m->arena, patch);
	}
	if (!code)
		json_set(m->arena, object, key, merged);
	return code;
}

static int run_directive(struct merger *m, struct cJSON *patch, bool *done, struct cJSON **out)
{
	struct cJSON *how = json_get(patch, directive);
	struct str word = json_str(how);

	*done = false;
	if (!how)
		return 0;
	if (!str_eq_text(word, "replace") && !str_eq_text(word, "delete"))
		return unknown_directive(m, how, patch);
	*done = true;
	json_remove(patch, how);
	*out = str_eq_text(word, "replace") ? clean(m, patch) : json_new(m->arena, JSON_OBJECT);
	return 0;
}

/* object and patch are the caller's copies, and are used up. */
static int merge_map(struct merger *m, const struct schema *s, struct cJSON *object,
	struct cJSON *patch, struct cJSON **out)
{
	bool done;
	int code = run_directive(m, patch, &done, out);

	if (code || done)
		return code;
	code = run_retain(m, object, patch);
	if (!code)
		run_deletions(object, patch);
	if (!code)
		code = run_orders(m, s, object, patch);
	if (code)
		return code;
	json_each (item, patch) {
		const struct schema_field *f = s ? schema_field(s, json_key(item)) : NULL;

		code = merge_member(m, f, object, item);
		if (code)
			return code;
	}
	*out = object;
	return 0;
}

int patch_strategic(struct arena *a, const struct schema *s, const struct cJSON *object,
	const struct cJSON *patch, struct cJSON **out, struct err *err)
{
	struct merger m = {.arena = a, .err = err};

	if (json_type(patch) == JSON_NULL) {
		*out = json_copy(a, object);
		return 0;
	}
	if (!json_is(patch, JSON_OBJECT))
		return err_set(err, ERR_BAD_REQUEST,
			"json: cannot unmarshal %s into Go value of type map[string]interface {}",
			json_type_name(json_type(patch)));
	return merge_map(&m, s, json_copy(a, object), json_copy(a, patch), out);
}
