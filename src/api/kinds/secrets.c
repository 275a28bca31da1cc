/* Secret */
#include "kinds.h"

const struct strategy strategy_secrets = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
};
