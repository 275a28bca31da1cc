/* Ingress */
#include "kinds.h"

const struct strategy strategy_ingresses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
};
