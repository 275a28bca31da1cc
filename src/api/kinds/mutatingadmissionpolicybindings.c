/* MutatingAdmissionPolicyBinding */
#include "kinds.h"

const struct strategy strategy_mutatingadmissionpolicybindings = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
};
