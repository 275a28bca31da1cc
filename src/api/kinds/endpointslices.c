/* EndpointSlice */
#include "kinds.h"

const struct strategy strategy_endpointslices = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
};
