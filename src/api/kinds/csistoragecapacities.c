/* CSIStorageCapacity */
#include "rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	struct path topology = PATH(NULL, "nodeTopology"), capacity = PATH(NULL, "capacity");
	struct path class_at = PATH(NULL, "storageClassName");
	struct label_selector_rules rules = {0};
	struct quantity q;

	check_label_selector(e, &topology, json_get(c->object, STR("nodeTopology")), rules);
	field_check_name(
		e, &class_at, tree_str(c->object, "storageClassName"), name_check_dns_subdomain);
	if (tree_has(c->object, "capacity") &&
		!quantity_parse(tree_str(c->object, "capacity"), &q, NULL) && quantity_sign(q) < 0)
		field_invalid_str(e, &capacity, tree_str(c->object, "capacity"),
			"must be greater than or equal to 0");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	validate(c, e);
	rule_immutable(e, NULL, c->object, c->old, "nodeTopology");
	rule_immutable(e, NULL, c->object, c->old, "storageClassName");
}

const struct strategy strategy_csistoragecapacities = {
	.name_rule = name_check_dns_subdomain,
	.validate = validate,
	.validate_update = validate_update,
};
