/* RuntimeClass */
#include "kinds.h"

const struct strategy strategy_runtimeclasses = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
};
