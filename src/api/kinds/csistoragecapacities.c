/* CSIStorageCapacity */
#include "kinds.h"

const struct strategy strategy_csistoragecapacities = {
	.name_rule = name_check_dns_subdomain,
};
