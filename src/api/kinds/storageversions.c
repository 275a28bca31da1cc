/* StorageVersion */
#include "kinds.h"

const struct strategy strategy_storageversions = {
	.name_rule = name_check_dns_subdomain,
	.drops_status = true,
	.status_keeps_metadata = true,
};
