/* CSIDriver */
#include "kinds.h"

const struct strategy strategy_csidrivers = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.delete_answers_object = true,
};
