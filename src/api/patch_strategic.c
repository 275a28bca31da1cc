/*
 * Strategic merge patch: objects merge, lists merge by their merge key where the schema says so,
 * and directives in the patch say what cannot be said otherwise.
 */
#include "patch_strategic.h"

#include "go_print.h"

static const struct str retain = STR_INIT("$retainKeys");
static const struct str delete_prefix = STR_INIT("$deleteFromPrimitiveList/");
static const struct str order_word = STR_INIT("$setElementOrder");
static const struct str order_prefix = STR_INIT("$setElementOrder/");

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

static int run_retain(struct patch_merger *m, struct cJSON *object, struct cJSON *patch)
{
	struct cJSON *list = json_get(patch, retain), *item = json_first(object);

	if (!list)
		return 0;
	if (!json_is(list, JSON_ARRAY))
		return err_set(m->err, ERR_BAD_REQUEST, "invalid patch format of retainKeys");
	json_remove(patch, list);
	struct elements keys = elements_of(m, list);
	json_each (member, patch) {
		struct str key = json_key(member);

		if (json_type(member) != JSON_NULL && !str_starts(key, STR("$")) &&
			elements_index(&keys, json_new_str(m->arena, key), NULL) < 0)
			return err_set(
				m->err, ERR_BAD_REQUEST, "invalid patch format of retainKeys");
	}
	while (item) {
		struct cJSON *next = json_next(item);

		if (elements_index(&keys, json_new_str(m->arena, json_key(item)), NULL) < 0)
			json_remove(object, item);
		item = next;
	}
	return 0;
}

static int wrong_order(
	struct patch_merger *m, const struct cJSON *patch, const struct elements *order)
{
	struct cJSON *list = elements_list(m, order);

	return err_set(m->err, ERR_INTERNAL,
		"The order in patch list:\n%.*s\n doesn't match $setElementOrder list:\n%.*s\n",
		STRF(patch_printed(m, patch)), STRF(patch_printed(m, list)));
}

static int check_order(struct patch_merger *m, const struct cJSON *patch,
	const struct elements *order, const char *key)
{
	ssize_t last = -1;

	json_each (item, patch) {
		struct str how = json_str(json_get(item, PATCH_DIRECTIVE));
		ssize_t at = elements_index(order, item, key);

		if (str_eq_text(how, "delete") || str_eq_text(how, "replace"))
			continue;
		if (at < 0 || at < last)
			return wrong_order(m, patch, order);
		last = at;
	}
	return 0;
}

static int run_order(struct patch_merger *m, const struct schema *s, struct cJSON *object,
	struct cJSON *patch, struct cJSON *order)
{
	struct str name = str_skip(json_key(order), order_prefix.len);
	bool named = str_starts(json_key(order), order_prefix);
	const struct schema_field *f = s && named ? schema_field(s, name) : NULL;
	struct cJSON *list = json_get(object, name), *change = json_get(patch, name);
	struct elements wanted = elements_of(m, order), server = elements_of(m, list);
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
		code = patch_merge_list(m, f, list, change, &merged);
	else if (change)
		merged = change;
	if (code || !merged)
		return code;
	merged = elements_arrange(m, merged, &wanted, &server, key);
	json_set(m->arena, object, name, merged);
	if (change)
		json_remove(patch, change);
	return 0;
}

static int run_orders(
	struct patch_merger *m, const struct schema *s, struct cJSON *object, struct cJSON *patch)
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
static struct cJSON *clean(struct patch_merger *m, const struct cJSON *value)
{
	struct cJSON *out;

	if (json_is(value, JSON_ARRAY)) {
		out = json_new(m->arena, JSON_ARRAY);
		json_each (item, value) {
			struct str how = json_str(json_get(item, PATCH_DIRECTIVE));

			if (!str_eq_text(how, "delete"))
				json_append(out, clean(m, item));
		}
		return out;
	}
	if (!json_is(value, JSON_OBJECT))
		return json_copy(m->arena, value);
	out = json_new(m->arena, JSON_OBJECT);
	json_each (member, value)
		if (json_type(member) != JSON_NULL && !str_eq(json_key(member), PATCH_DIRECTIVE) &&
			!str_eq(json_key(member), retain) &&
			!str_starts(json_key(member), order_prefix) &&
			!str_starts(json_key(member), delete_prefix))
			json_add(m->arena, out, json_key(member), clean(m, member));
	return out;
}

static bool merges(const struct schema_field *f)
{
	return f && f->patch && strstr(f->patch, "merge");
}

static int merge_member(struct patch_merger *m, const struct schema_field *f, struct cJSON *object,
	struct cJSON *patch)
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
			code = patch_merge_object(m, typed ? f->of : NULL,
				json_copy(m->arena, standing), json_copy(m->arena, patch), &merged);
	} else if (json_is(patch, JSON_ARRAY) && merges(f)) {
		code = patch_merge_list(m, f, standing, patch, &merged);
	} else {
		merged = json_copy(m->arena, patch);
	}
	if (!code)
		json_set(m->arena, object, key, merged);
	return code;
}

static int run_directive(
	struct patch_merger *m, struct cJSON *patch, bool *done, struct cJSON **out)
{
	struct cJSON *how = json_get(patch, PATCH_DIRECTIVE);
	struct str word = json_str(how);

	*done = false;
	if (!how)
		return 0;
	if (!str_eq_text(word, "replace") && !str_eq_text(word, "delete"))
		return patch_unknown_directive(m, how, patch);
	*done = true;
	json_remove(patch, how);
	*out = str_eq_text(word, "replace") ? clean(m, patch) : json_new(m->arena, JSON_OBJECT);
	return 0;
}

int patch_merge_object(struct patch_merger *m, const struct schema *s, struct cJSON *object,
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
	struct patch_merger m = {.arena = a, .err = err};

	if (json_type(patch) == JSON_NULL) {
		*out = json_copy(a, object);
		return 0;
	}
	if (!json_is(patch, JSON_OBJECT))
		return err_set(err, ERR_BAD_REQUEST,
			"json: cannot unmarshal %s into Go value of type map[string]interface {}",
			json_type_name(json_type(patch)));
	return patch_merge_object(&m, s, json_copy(a, object), json_copy(a, patch), out);
}
