/* ConfigMap */
#include "kinds.h"

const struct strategy strategy_configmaps = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
};
