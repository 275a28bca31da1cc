/* ValidatingAdmissionPolicyBinding */
#include "kinds.h"

const struct strategy strategy_validatingadmissionpolicybindings = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
};
