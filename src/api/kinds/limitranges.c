/* LimitRange */
#include "kinds.h"

const struct strategy strategy_limitranges = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
	.unconditional = true,
};
