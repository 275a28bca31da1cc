/* ResourceSlice */
#include "kinds.h"

static const char *const labels[] = {"spec.nodeName", "spec.driver", NULL};

const struct strategy strategy_resourceslices = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.delete_answers_object = true,
	.field_labels = labels,
};
