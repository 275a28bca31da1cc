/* PersistentVolume */
#include "kinds.h"

const struct strategy strategy_persistentvolumes = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
};
