/* CSINode */
#include "kinds.h"

const struct strategy strategy_csinodes = {
	.name_rule = name_check_dns_subdomain,
	.delete_answers_object = true,
};
