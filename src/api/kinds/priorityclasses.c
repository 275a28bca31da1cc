/* PriorityClass */
#include "kinds.h"

const struct strategy strategy_priorityclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
};
