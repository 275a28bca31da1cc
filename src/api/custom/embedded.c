#include "checks.h"

static void check_api_version(
	struct field_errors *e, const struct cJSON *value, const struct path *at)
{
	struct str version = json_str(value), rest = version, piece;
	size_t pieces = 0;

	if (!json_is(value, JSON_STRING)) {
		field_invalid(e, at, value, "must be a string");
		return;
	}
	if (!version.len) {
		field_required(e, at, "%s", "");
		return;
	}
	while (str_next(&rest, '/', &piece))
		pieces++;
	if (pieces > 2)
		field_invalid(e, at, value, "unexpected GroupVersion string: %.*s", STRF(version));
}

static void check_kind(struct field_errors *e, const struct cJSON *value, const struct path *at)
{
	struct str kind = json_str(value);
	char *lower = arena_copy(e->arena, kind.at, kind.len);

	if (!json_is(value, JSON_STRING)) {
		field_invalid(e, at, value, "must be a string");
		return;
	}
	if (!kind.len) {
		field_required(e, at, "%s", "");
		return;
	}
	for (size_t i = 0; i < kind.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] += 'a' - 'A';
	struct name_faults f = {0};
	name_check_dns_label_1035(str_make(lower, kind.len), &f);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	for (size_t i = 0; i < f.count; i++)
		buf_print(&text, "%s%s", i ? "," : "", f.items[i]);
	if (f.count)
		field_invalid(e, at, value, "may have mixed case, but should otherwise match: %.*s",
			STRF(buf_str(&text)));
}

/* One that has no name may do without. */
static void check_meta(struct field_errors *e, const struct cJSON *meta, const struct path *at)
{
	struct cJSON *copy = json_copy(e->arena, meta);

	if (!json_is(meta, JSON_OBJECT))
		copy = json_new(e->arena, JSON_OBJECT);
	if (!tree_str(copy, "name").len)
		tree_set_str(e->arena, copy, "name", STR("fakename"));
	check_object_meta(
		e, at, copy, tree_str(copy, "namespace").len > 0, name_check_path_segment);
}

static void check_identity(
	struct field_errors *e, const struct cJSON *object, const struct path *at)
{
	const struct cJSON *version = json_get(object, STR("apiVersion"));
	const struct cJSON *kind = json_get(object, STR("kind"));
	const struct cJSON *meta = json_get(object, STR("metadata"));
	struct path version_at = PATH(at, "apiVersion"), kind_at = PATH(at, "kind");
	struct path meta_at = PATH(at, "metadata");

	if (!version)
		field_required(e, &version_at, "%s", "");
	if (!kind)
		field_required(e, &kind_at, "%s", "");
	if (version)
		check_api_version(e, version, &version_at);
	if (kind)
		check_kind(e, kind, &kind_at);
	if (meta)
		check_meta(e, meta, &meta_at);
}

void check_embedded(struct field_errors *e, const struct node *n, const struct cJSON *value,
	const struct path *at)
{
	size_t i = 0;

	if (n && n->embedded && json_is(value, JSON_OBJECT))
		check_identity(e, value, at);
	if (n && json_is(value, JSON_OBJECT))
		json_each (member, value) {
			struct str name = json_key(member);
			struct node *p = node_property(n, name);
			struct path child = PATH(at, name.at), key = PATH_KEY(at, name);

			check_embedded(e, p ? p : n->rest, member, p ? &child : &key);
		}
	if (n && json_is(value, JSON_ARRAY))
		json_each (item, value) {
			struct path here = PATH_INDEX(at, i++);

			check_embedded(e, n->items, item, &here);
		}
}
