/* Node */
#include "kinds.h"

const struct strategy strategy_nodes = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
};
