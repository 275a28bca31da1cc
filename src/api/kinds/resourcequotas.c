/* ResourceQuota */
#include "kinds.h"

const struct strategy strategy_resourcequotas = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.delete_answers_object = true,
};
