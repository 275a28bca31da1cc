/* ResourceClaim */
#include "kinds.h"

const struct strategy strategy_resourceclaims = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.status_keeps_metadata = true,
	.delete_answers_object = true,
};
