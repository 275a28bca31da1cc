/* IPAddress */
#include "kinds.h"

const struct strategy strategy_ipaddresses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
};
