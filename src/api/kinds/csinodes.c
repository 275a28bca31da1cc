/* CSINode */
#include "volume_sources.h"

#define NODE_ID_MAX 192

static void check_keys(struct field_errors *e, const struct path *p, const struct cJSON *keys)
{
	size_t i = 0;

	json_each (key, keys) {
		struct name_faults f = {0};

		if (!json_str(key).len)
			field_required(e, p, "%s", "");
		if (rule_came_before(keys, i++, NULL, json_str(key)))
			field_duplicate_str(e, p, json_str(key));
		name_check_qualified(json_str(key), &f);
		for (size_t j = 0; j < f.count; j++)
			field_invalid(e, p, keys, "%s", f.items[j]);
	}
}

static void check_driver(struct field_errors *e, const struct path *p, const struct cJSON *driver)
{
	struct path name = PATH(p, "name"), id = PATH(p, "nodeID");
	struct path allocatable = PATH(p, "allocatable"), count = PATH(&allocatable, "count");
	struct str node = tree_str(driver, "nodeID");

	check_csi_driver_name(e, &name, tree_str(driver, "name"));
	if (rule_text(e, p, driver, "nodeID") && node.len > NODE_ID_MAX)
		field_invalid_str(e, &id, node, "must be %d characters or less", NODE_ID_MAX);
	if (tree_int(driver, "allocatable.count", 0) < 0)
		field_invalid_int(e, &count, tree_int(driver, "allocatable.count", 0),
			"must be greater than or equal to 0");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), drivers = PATH(&spec, "drivers");
	const struct cJSON *list = json_path(c->object, "spec.drivers");
	size_t i = 0;

	json_each (driver, list) {
		struct path at = PATH_INDEX(&drivers, i), name = PATH(&at, "name");

		check_driver(e, &at, driver);
		if (rule_came_before(list, i++, "name", tree_str(driver, "name")))
			field_duplicate_str(e, &name, tree_str(driver, "name"));
		check_keys(e, &at, json_get(driver, STR("topologyKeys")));
	}
}

/* Only how much there is may change in what a driver has said about the node. */
static bool kept(struct change *c, const struct cJSON *now, const struct cJSON *old)
{
	struct cJSON *was = json_copy(c->arena, old);
	const struct cJSON *amount = json_get(now, STR("allocatable"));

	if (amount)
		tree_set(c->arena, was, "allocatable", json_copy(c->arena, amount));
	else
		tree_drop(was, "allocatable");
	return json_equal(api_canonical(c->arena, SCHEMA(storage_v1, CSINodeDriver), was), now);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "drivers");

	validate(c, e);
	json_each (old, json_path(c->old, "spec.drivers"))
		json_each (now, json_path(c->object, "spec.drivers"))
			if (str_eq(tree_str(old, "name"), tree_str(now, "name")) &&
				!kept(c, now, old))
				rule_same(e, &at, SCHEMA(storage_v1, CSINodeDriver), now, old);
}

const struct strategy strategy_csinodes = {
	.name_rule = name_check_dns_subdomain,
	.update_checks_metadata_once = true,
	.delete_answers_object = true,
	.validate = validate,
	.validate_update = validate_update,
};
