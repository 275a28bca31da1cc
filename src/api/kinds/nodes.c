/* Node */
#include "kinds.h"

static const char *const labels[] = {"spec.unschedulable", NULL};

/* What is not there is false. */
static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	return tree_true(object, arena_str(a, label).at) ? STR("true") : STR("false");
}

const struct strategy strategy_nodes = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.field_labels = labels,
	.field_value = value,
};
