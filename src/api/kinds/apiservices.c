/* APIService */
#include "kinds.h"

const struct strategy strategy_apiservices = {
	.name_rule = name_check_dns_subdomain,
	.drops_status = true,
};
