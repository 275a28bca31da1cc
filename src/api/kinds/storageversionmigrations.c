/* StorageVersionMigration */
#include "condition_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "resource");
	struct path name_at = PATH(&at, "resource"), group_at = PATH(&at, "group");
	struct str name = tree_str(c->object, "spec.resource.resource");
	struct str group = tree_str(c->object, "spec.resource.group");

	if (!name.len)
		field_required(e, &name_at, "resource is required to be set");
	else
		rule_name_joined(e, &name_at, name, "", name_check_dns_label_1035);
	if (group.len)
		rule_name_joined(e, &group_at, group, "", name_check_dns_subdomain);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "resource");
	const struct cJSON *now = json_path(c->object, "spec.resource");
	const struct cJSON *old = json_path(c->old, "spec.resource");

	validate(c, e);
	rule_immutable(e, &at, now, old, "group");
	rule_immutable(e, &at, now, old, "resource");
}

static void validate_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "conditions");

	check_conditions(e, &at, json_path(c->object, "status.conditions"));
}

const struct strategy strategy_storageversionmigrations = {
	.name_rule = name_check_dns_subdomain,
	.drops_status = true,
	.status_keeps_metadata = true,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
};
