/* NetworkPolicy */
#include "kinds.h"

const struct strategy strategy_networkpolicies = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
};
