/* ServiceCIDR */
#include "kinds.h"

const struct strategy strategy_servicecidrs = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.status_keeps_metadata = true,
};
