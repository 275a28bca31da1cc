/* Namespace */
#include "kinds.h"

const struct strategy strategy_namespaces = {
	.name_rule = name_check_dns_label,
	.unconditional = true,
	.drops_status = true,
};
