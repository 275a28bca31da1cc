#include "config_data.h"

size_t check_data_keys(
	struct field_errors *e, const char *member, const struct cJSON *map, bool base64)
{
	struct path p = PATH(NULL, member);
	size_t total = 0;

	json_each (item, map) {
		struct path at = PATH_KEY(&p, json_key(item));
		struct str value = json_str(item);

		field_check_name(e, &at, json_key(item), name_check_config_map_key);
		total += base64 ? value.len / 4 * 3 - str_ends(value, STR("=")) -
					  str_ends(value, STR("=="))
				: value.len;
	}
	return total;
}

void check_immutable(struct change *c, struct field_errors *e, const char *const *members)
{
	struct path immutable = PATH(NULL, "immutable");

	if (!tree_true(c->old, "immutable"))
		return;
	if (!tree_true(c->object, "immutable"))
		field_forbidden(e, &immutable, "field is immutable when `immutable` is set");
	for (size_t i = 0; members[i]; i++) {
		struct path at = PATH(NULL, members[i]);
		const struct cJSON *now = json_get(c->object, str_from(members[i]));
		const struct cJSON *was = json_get(c->old, str_from(members[i]));

		if (json_count(now) + json_count(was) && !json_equal(now, was))
			field_forbidden(e, &at, "field is immutable when `immutable` is set");
	}
}
