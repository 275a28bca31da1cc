/* x-kubernetes-list-type, -list-map-keys and -map-type of one schema. */
#include "definition_schemas.h"

static bool there(const struct cJSON *schema, const char *name)
{
	return json_type(json_get(schema, str_from(name))) != JSON_NULL;
}

static struct str list_type(const struct cJSON *schema)
{
	return tree_str(schema, "x-kubernetes-list-type");
}

/* NULL: none, or not one for all. */
static const struct cJSON *item_schema(const struct cJSON *schema)
{
	const struct cJSON *items = json_get(schema, STR("items"));

	return json_is(items, JSON_OBJECT) ? items : NULL;
}

/* ---- the type they stand on ---- */

/* Values of extensions ask for a type. False: it has another. */
static bool check_type(struct field_errors *e, const struct path *at, const struct cJSON *s,
	const char *extension, const char *wanted)
{
	struct path type_at = PATH(at, "type");
	struct str type = tree_str(s, "type");

	if (!there(s, extension) || str_eq_text(type, wanted))
		return true;
	if (type.len)
		field_invalid_str(
			e, &type_at, type, "must be %s if %s is specified", wanted, extension);
	else
		field_required(e, &type_at, "must be %s if %s is specified", wanted, extension);
	return false;
}

/* ---- sets ---- */

/* NULL: the items of the set are owned as wholes; else the extension that says otherwise. */
static const char *loose_items(const struct cJSON *schema)
{
	const struct cJSON *items = item_schema(schema);
	struct str map = tree_str(items, "x-kubernetes-map-type");

	if (!str_eq_text(list_type(schema), "set") || !items)
		return NULL;
	if (str_eq_text(tree_str(items, "type"), "array") &&
		there(items, "x-kubernetes-list-type") && !str_eq_text(list_type(items), "atomic"))
		return "x-kubernetes-list-type";
	if (str_eq_text(tree_str(items, "type"), "object") && !str_eq_text(map, "atomic"))
		return "x-kubernetes-map-type";
	return NULL;
}

bool set_is_atomic(const struct cJSON *schema)
{
	return !loose_items(schema);
}

static void check_set(struct field_errors *e, const struct path *at, const struct cJSON *s)
{
	const char *loose = loose_items(s);
	struct path items_at = PATH(at, "items"), here = PATH(&items_at, loose ? loose : "");

	if (loose)
		field_invalid(e, &here, json_get(item_schema(s), STR("x-kubernetes-list-type")),
			"must be atomic as item of a list with x-kubernetes-list-type=set");
}

/* ---- maps ---- */

static bool is_before(const struct cJSON *list, const struct cJSON *item)
{
	json_each (other, list) {
		if (other == item)
			return false;
		if (str_eq(json_str(other), json_str(item)))
			return true;
	}
	return false;
}

static void check_keys(struct field_errors *e, const struct path *at, const struct cJSON *s)
{
	const struct cJSON *items = item_schema(s);
	const struct cJSON *keys = json_get(s, STR("x-kubernetes-list-map-keys"));
	struct path keys_at = PATH(at, "x-kubernetes-list-map-keys"), items_at = PATH(at, "items");
	struct path properties = PATH(&items_at, "properties");

	json_each (key, keys) {
		const struct cJSON *p = json_get(json_get(items, STR("properties")), json_str(key));
		struct str type = tree_str(p, "type");
		struct path here = PATH_KEY(&properties, json_str(key));
		struct path type_at = PATH(&here, "type");

		if (!p)
			field_invalid(
				e, &keys_at, keys, "entries must all be names of item properties");
		if (str_eq_text(type, "array") || str_eq_text(type, "object"))
			field_invalid_str(e, &type_at, tree_str(items, "type"),
				"must be a scalar type if parent array's x-kubernetes-list-type is "
				"map");
		if (is_before(keys, key))
			field_invalid(e, &keys_at, keys, "must not contain duplicate entries");
	}
}

static void check_map(struct field_errors *e, const struct path *at, const struct cJSON *s)
{
	const struct cJSON *all = json_get(s, STR("items")), *items = item_schema(s);
	struct path keys_at = PATH(at, "x-kubernetes-list-map-keys"), items_at = PATH(at, "items");
	struct path type_at = PATH(&items_at, "type");

	if (!json_count(json_get(s, STR("x-kubernetes-list-map-keys"))))
		field_required(e, &keys_at, "must not be empty if x-kubernetes-list-type is map");
	if (json_type(all) == JSON_NULL)
		field_required(e, &items_at, "must have a schema if x-kubernetes-list-type is map");
	else if (!items)
		field_invalid(e, &items_at, all,
			"must only have a single schema if x-kubernetes-list-type is map");
	else if (!str_eq_text(tree_str(items, "type"), "object"))
		field_invalid_str(e, &type_at, tree_str(items, "type"),
			"must be object if parent array's x-kubernetes-list-type is map");
	else
		check_keys(e, at, s);
}

/* ---- items that lists with keys can tell apart ---- */

static bool requires(const struct cJSON *schema, struct str name)
{
	json_each (item, json_get(schema, STR("required")))
		if (str_eq(json_str(item), name))
			return true;
	return false;
}

static void check_sound(struct field_errors *e, const struct path *at, const struct cJSON *s)
{
	const struct cJSON *items = item_schema(s);
	struct str type = list_type(s);
	bool map = str_eq_text(type, "map");
	struct path items_at = PATH(at, "items"), nullable_at = PATH(&items_at, "nullable");
	struct path properties = PATH(&items_at, "properties");

	if (!items || (!map && !str_eq_text(type, "set")))
		return;
	if (json_bool(json_get(items, STR("nullable"))))
		field_forbidden(e, &nullable_at,
			"cannot be nullable when x-kubernetes-list-type is %.*s", STRF(type));
	json_each (key, json_get(s, STR("x-kubernetes-list-map-keys"))) {
		const struct cJSON *p = json_get(json_get(items, STR("properties")), json_str(key));
		struct path here = PATH_KEY(&properties, json_str(key));
		struct path default_at = PATH(&here, "default"), null_at = PATH(&here, "nullable");

		if (map && p && !requires(items, json_str(key)) && !json_get(p, STR("default")))
			field_required(e, &default_at,
				"this property is in x-kubernetes-list-map-keys, so it must have a "
				"default or be a required property");
		if (map && p && json_bool(json_get(p, STR("nullable"))))
			field_forbidden(e, &null_at,
				"this property is in x-kubernetes-list-map-keys, so it cannot be "
				"nullable");
	}
}

bool keys_are_sound(const struct cJSON *schema)
{
	struct arena a;
	struct field_errors e = {.arena = &a};

	arena_init(&a);
	check_sound(&e, NULL, schema);
	arena_done(&a);
	return !e.count;
}

/* ---- all of them ---- */

void check_list_extensions(struct field_errors *e, const struct path *at,
	const struct cJSON *schema, const struct schema_demands *d)
{
	static const char *const maps[] = {"atomic", "granular", NULL};
	static const char *const lists[] = {"atomic", "set", "map", NULL};
	struct path map_at = PATH(at, "x-kubernetes-map-type");
	struct path list_at = PATH(at, "x-kubernetes-list-type");
	struct str map = tree_str(schema, "x-kubernetes-map-type"), list = list_type(schema);
	bool given = there(schema, "x-kubernetes-list-type");

	check_type(e, at, schema, "x-kubernetes-map-type", "object");
	if (there(schema, "x-kubernetes-map-type") && !rule_is_one_of(map, maps))
		field_not_supported_str(e, &map_at, map, maps);
	if (check_type(e, at, schema, "x-kubernetes-list-type", "array") && d->atomic_sets)
		check_set(e, at, schema);
	if (given && !rule_is_one_of(list, lists))
		field_not_supported_str(e, &list_at, list, lists);
	if (json_count(json_get(schema, STR("x-kubernetes-list-map-keys"))) && !given)
		field_required(
			e, &list_at, "must be map if x-kubernetes-list-map-keys is non-empty");
	else if (json_count(json_get(schema, STR("x-kubernetes-list-map-keys"))) &&
		 !str_eq_text(list, "map"))
		field_invalid_str(e, &list_at, list,
			"must be map if x-kubernetes-list-map-keys is non-empty");
	if (str_eq_text(list, "map"))
		check_map(e, at, schema);
	if (d->keyed_maps)
		check_sound(e, at, schema);
}
