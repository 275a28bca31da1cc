/* JSON patch and JSON merge patch. */
#include "codec_parts.h"

#include <kube/patch.h>

#include <stdlib.h>

/* ---- merge ---- */

static struct cJSON *without_nulls(struct arena *a, const struct cJSON *patch)
{
	struct cJSON *out;

	if (json_is(patch, JSON_ARRAY)) { /* of its objects; its own nulls stay */
		out = json_new(a, JSON_ARRAY);
		json_each (item, patch)
			json_append(out, without_nulls(a, item));
		return out;
	}
	if (!json_is(patch, JSON_OBJECT))
		return json_copy(a, patch);
	out = json_new(a, JSON_OBJECT);
	json_each (item, patch)
		if (json_type(item) != JSON_NULL)
			json_add(a, out, json_key(item), without_nulls(a, item));
	return out;
}

static int by_key(const void *x, const void *y)
{
	const struct cJSON *const *a = x, *const *b = y;

	return str_cmp(json_key(*a), json_key(*b));
}

/* Upstream merges maps, which print in order: unknown fields are told in that order, too. */
static struct cJSON *in_order(struct arena *a, struct cJSON *object)
{
	size_t count = json_count(object), i = 0;
	struct cJSON **items = arena_alloc(a, (count + 1) * sizeof(struct cJSON *));
	struct cJSON *out = json_new(a, JSON_OBJECT);

	json_each (item, object)
		items[i++] = item;
	qsort(items, count, sizeof(*items), by_key);
	for (i = 0; i < count; i++) {
		json_remove(object, items[i]);
		json_add(a, out, json_key(items[i]), items[i]);
	}
	return out;
}

struct cJSON *patch_merge(struct arena *a, const struct cJSON *object, const struct cJSON *patch)
{
	struct cJSON *out;

	if (!json_is(patch, JSON_OBJECT) && json_is(object, JSON_OBJECT))
		return json_copy(a, patch);
	if (!json_is(object, JSON_OBJECT) || !json_is(patch, JSON_OBJECT))
		return without_nulls(a, patch);
	out = json_copy(a, object);
	json_each (item, patch) {
		if (json_type(item) == JSON_NULL)
			json_remove(out, json_get(out, json_key(item)));
		else
			json_set(a, out, json_key(item),
				patch_merge(a, json_get(object, json_key(item)), item));
	}
	return in_order(a, out);
}

/* ---- pointers ---- */

#define OPERATIONS_MAX 10000

static struct str unescape(struct arena *a, struct str token)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	for (size_t i = 0; i < token.len; i++) {
		bool escaped = token.at[i] == '~' && i + 1 < token.len;

		if (escaped && token.at[i + 1] == '1')
			buf_add_char(&out, '/');
		else if (escaped && token.at[i + 1] == '0')
			buf_add_char(&out, '~');
		else
			buf_add_char(&out, token.at[i]);
		i += escaped && (token.at[i + 1] == '0' || token.at[i + 1] == '1');
	}
	return arena_str(a, buf_str(&out));
}

static struct cJSON *child(struct cJSON *in, struct str token)
{
	int64_t index;

	if (json_is(in, JSON_OBJECT))
		return json_get(in, token);
	if (json_is(in, JSON_ARRAY) && str_to_i64(token, &index)) {
		if (index < 0)
			index += (int64_t)json_count(in);
		return index < 0 ? NULL : json_at(in, (size_t)index);
	}
	return NULL;
}

/* The container the path ends in, and the last token. NULL: the way does not exist. */
static struct cJSON *container(
	struct arena *a, struct cJSON *root, struct str path, struct str *last)
{
	struct str token = {0}, before;
	struct cJSON *at = root;

	if (!str_cut(path, '/', &before, &path)) /* what stands before the first slash is nothing */
		return NULL;
	while (at && str_cut(path, '/', &token, &path))
		at = child(at, unescape(a, token));
	*last = unescape(a, token);
	return json_is(at, JSON_OBJECT) || json_is(at, JSON_ARRAY) ? at : NULL;
}

/* ---- operations ---- */

static int failed(struct err *err)
{
	return err_set(err, ERR_INVALID, "the operation cannot be done");
}

static int put(struct arena *a, struct cJSON *in, struct str last, struct cJSON *value, bool add,
	struct err *err)
{
	int64_t index, count = (int64_t)json_count(in);

	if (json_is(in, JSON_OBJECT)) {
		json_set(a, in, last, value);
		return 0;
	}
	if (add && str_eq_text(last, "-")) {
		json_append(in, value);
		return 0;
	}
	if (!str_to_i64(last, &index))
		return failed(err);
	if (index < 0)
		index += count + (add ? 1 : 0);
	if (index < 0 || index > count || (!add && index == count))
		return failed(err);
	if (!add)
		json_remove(in, json_at(in, (size_t)index));
	json_insert(in, (size_t)index, value);
	return 0;
}

static int take(
	struct arena *a, struct cJSON *root, struct str path, struct cJSON **value, struct err *err)
{
	struct str last;
	struct cJSON *in = container(a, root, path, &last), *found = in ? child(in, last) : NULL;

	if (!found)
		return failed(err);
	*value = json_copy(a, found);
	json_remove(in, found);
	return 0;
}

static int run_add(struct arena *a, struct cJSON *root, struct str path, const struct cJSON *value,
	bool add, struct err *err)
{
	struct str last;
	struct cJSON *in = container(a, root, path, &last);
	struct cJSON *copy = value ? json_copy(a, value) : json_new(a, JSON_NULL);

	return in ? put(a, in, last, copy, add, err) : failed(err);
}

static int run_test(struct arena *a, struct cJSON *root, struct str path, const struct cJSON *value,
	struct err *err)
{
	struct str last;
	struct cJSON *in = container(a, root, path, &last);

	if (!in)
		return failed(err);
	return json_equal(child(in, last), value) ? 0 : failed(err);
}

/* The empty path means the object itself; it can be replaced, and compared. */
static int run_root(struct arena *a, struct cJSON **root, struct str name,
	const struct cJSON *value, struct err *err)
{
	if (str_eq_text(name, "test"))
		return json_equal(*root, value) ? 0 : failed(err);
	if (!str_eq_text(name, "replace") ||
		(!json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY)))
		return failed(err);
	*root = json_copy(a, value);
	return 0;
}

static int run_one(struct arena *a, struct cJSON *root, const struct cJSON *op, struct err *err)
{
	struct str name = tree_str(op, "op"), path = tree_str(op, "path");
	struct str from = tree_str(op, "from"), last;
	const struct cJSON *value = json_get(op, STR("value"));
	struct cJSON *moved = NULL, *in;

	if (!json_is(json_get(op, STR("path")), JSON_STRING))
		return failed(err);
	if (str_eq_text(name, "add"))
		return run_add(a, root, path, value, true, err);
	if (str_eq_text(name, "replace"))
		return run_add(a, root, path, value, false, err);
	if (str_eq_text(name, "remove"))
		return take(a, root, path, &moved, err);
	if (str_eq_text(name, "test"))
		return run_test(a, root, path, value, err);
	if (str_eq_text(name, "copy")) {
		in = container(a, root, from, &last);
		return in ? run_add(a, root, path, child(in, last), true, err) : failed(err);
	}
	if (str_eq_text(name, "move") && !take(a, root, from, &moved, err))
		return run_add(a, root, path, moved, true, err);
	return failed(err);
}

static int check_shape(const struct cJSON *patch, struct err *err)
{
	if (!json_is(patch, JSON_ARRAY) && json_type(patch) != JSON_NULL)
		return err_set(err, ERR_BAD_REQUEST,
			"error decoding patch: json: cannot unmarshal %s into Go value of type "
			"[]handlers.jsonPatchOp",
			json_type_name(json_type(patch)));
	json_each (op, patch)
		if (!json_is(op, JSON_OBJECT))
			return err_set(err, ERR_BAD_REQUEST,
				"error decoding patch: json: cannot unmarshal %s into Go value of "
				"type handlers.jsonPatchOp",
				json_type_name(json_type(op)));
	if (json_count(patch) > OPERATIONS_MAX)
		return err_set(err, ERR_TOO_LARGE,
			"Request entity too large: The allowed maximum operations in a JSON patch "
			"is %d, got %zu",
			OPERATIONS_MAX, json_count(patch));
	return 0;
}

static void note_strangers(
	struct arena *a, const struct cJSON *op, size_t index, struct decode_notes *notes)
{
	static const char *const known[] = {"op", "path", "from", "value", NULL};

	json_each (member, op) {
		bool is_known = false;

		for (size_t i = 0; known[i]; i++)
			is_known |= str_eq_text(json_key(member), known[i]);
		if (!is_known && notes)
			decode_note(notes, arena_print(a, "json patch unknown field \"[%zu].%.*s\"",
						   index, STRF(json_key(member))));
	}
}

int patch_json(struct arena *a, const struct cJSON *object, const struct cJSON *patch,
	struct decode_notes *notes, struct cJSON **out, struct err *err)
{
	struct cJSON *root = json_copy(a, object);
	int code = check_shape(patch, err);
	size_t i = 0;

	if (code)
		return code;
	json_each (op, patch) {
		note_strangers(a, op, i++, notes);
		code = str_eq_text(json_str(json_get(op, STR("path"))), "") &&
				       json_is(json_get(op, STR("path")), JSON_STRING)
			       ? run_root(a, &root, tree_str(op, "op"), json_get(op, STR("value")),
					 err)
			       : run_one(a, root, op, err);
		if (code)
			return code;
	}
	*out = root;
	return 0;
}
