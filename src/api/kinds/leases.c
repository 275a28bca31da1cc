/* Lease */
#include "rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), duration = PATH(&spec, "leaseDurationSeconds");
	struct path transitions = PATH(&spec, "leaseTransitions");
	int64_t seconds = tree_int(c->object, "spec.leaseDurationSeconds", 1);
	int64_t count = tree_int(c->object, "spec.leaseTransitions", 0);

	if (seconds <= 0)
		field_invalid_int(e, &duration, seconds, "must be greater than 0");
	if (count < 0)
		field_invalid_int(e, &transitions, count, "must be greater than or equal to 0");
}

/* Coordinated election stands behind a gate that is off: its members are not kept. */
static void drop_gated(struct change *c)
{
	if (!tree_has(c->old, "spec.preferredHolder"))
		tree_drop(c->object, "spec.preferredHolder");
	if (!tree_has(c->old, "spec.strategy"))
		tree_drop(c->object, "spec.strategy");
}

const struct strategy strategy_leases = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
	.prepare_create = drop_gated,
	.prepare_update = drop_gated,
	.validate = validate,
	.validate_update = validate,
};
