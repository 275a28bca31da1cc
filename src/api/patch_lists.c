/* Lists of strategic merge patches: element by element, as far as the schema says so. */
#include "patch_strategic.h"

#include "go_print.h"

struct str patch_printed(struct patch_merger *m, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);

	go_print_plain(&text, m->arena, value);
	return arena_str(m->arena, buf_str(&text));
}

static int no_key(struct patch_merger *m, const struct cJSON *item, const char *key)
{
	return err_set(m->err, ERR_INTERNAL, "map: %.*s does not contain declared merge key: %s",
		STRF(patch_printed(m, item)), key);
}

int patch_unknown_directive(struct patch_merger *m, const struct cJSON *how, const struct cJSON *in)
{
	struct str word = json_str(how);

	if (!json_is(how, JSON_STRING)) /* Go's remark on a %s that is none */
		word = arena_print(
			m->arena, "%%!s(%s=%.*s)", go_type_of(how), STRF(patch_printed(m, how)));
	return err_set(m->err, ERR_INTERNAL, "unknown patch type: %.*s in map: %.*s", STRF(word),
		STRF(patch_printed(m, in)));
}

/* Elements with $patch: deletions are done, a replacement is told; the rest stays for merging. */
static int special_elements(struct patch_merger *m, struct cJSON *list, struct cJSON *patch,
	const char *key, bool *replace)
{
	struct cJSON *item = json_first(patch);

	*replace = false;
	while (item) {
		struct cJSON *next = json_next(item), *how = json_get(item, PATCH_DIRECTIVE);

		if (how) {
			struct str word = json_str(how);

			if (str_eq_text(word, "delete")) {
				struct elements all = elements_of(m, list);

				if (!json_get(item, str_from(key)))
					return no_key(m, item, key);
				for (size_t i = 0; i < all.count; i++)
					if (elements_same(all.items[i], item, key))
						json_remove(list,
							(struct cJSON *)(uintptr_t)all.items[i]);
			} else if (str_eq_text(word, "replace")) {
				*replace = true;
			} else if (str_eq_text(word, "merge")) {
				return err_set(m->err, ERR_INTERNAL,
					"merging lists cannot yet be specified in the patch");
			} else {
				return patch_unknown_directive(m, how, item);
			}
			json_remove(patch, item);
		}
		item = next;
	}
	return 0;
}

static int merge_objects(struct patch_merger *m, const struct schema *s, struct cJSON *list,
	struct cJSON *patch, const char *key, struct cJSON **out)
{
	struct elements server_order = elements_of(m, json_copy(m->arena, list));
	bool replace;
	int code = special_elements(m, list, patch, key, &replace);

	if (code)
		return code;
	if (replace) {
		*out = json_copy(m->arena, patch);
		return 0;
	}
	struct elements patch_order = elements_of(m, patch);
	json_each (item, patch) {
		struct elements now = elements_of(m, list);
		struct cJSON *merged;

		if (!json_get(item, str_from(key)))
			return no_key(m, item, key);
		ssize_t at = elements_index(&now, item, key);
		if (at < 0) {
			json_append(list, json_copy(m->arena, item));
			continue;
		}
		struct cJSON *standing = (struct cJSON *)(uintptr_t)now.items[at];
		code = patch_merge_object(
			m, s, json_copy(m->arena, standing), json_copy(m->arena, item), &merged);
		if (code)
			return code;
		now.items[at] = merged;
		list = elements_list(m, &now);
	}
	*out = elements_arrange(m, list, &patch_order, &server_order, key);
	return 0;
}

static struct cJSON *merge_primitives(
	struct patch_merger *m, const struct cJSON *list, const struct cJSON *patch)
{
	struct elements server_order = elements_of(m, list), patch_order = elements_of(m, patch);
	struct elements all = elements_new(m, server_order.count + patch_order.count);

	for (size_t i = 0; i < server_order.count; i++)
		if (elements_index(&all, server_order.items[i], NULL) < 0)
			all.items[all.count++] = server_order.items[i];
	for (size_t i = 0; i < patch_order.count; i++)
		if (elements_index(&all, patch_order.items[i], NULL) < 0)
			all.items[all.count++] = patch_order.items[i];
	return elements_arrange(m, elements_list(m, &all), &patch_order, &server_order, NULL);
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

int patch_merge_list(struct patch_merger *m, const struct schema_field *f, const struct cJSON *list,
	const struct cJSON *patch, struct cJSON **out)
{
	if (!same_types(list, patch))
		return err_set(m->err, ERR_INTERNAL,
			"list element types are not identical: [%.*s %.*s]",
			STRF(patch_printed(m, list)), STRF(patch_printed(m, patch)));
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
