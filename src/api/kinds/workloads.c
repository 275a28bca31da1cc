/* Workload */
#include "kinds.h"

const struct strategy strategy_workloads = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
};
