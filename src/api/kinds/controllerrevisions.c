/* ControllerRevision */
#include "kinds.h"

const struct strategy strategy_controllerrevisions = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
};
