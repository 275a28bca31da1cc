/* StatefulSet */
#include "kinds.h"

const struct strategy strategy_statefulsets = {
	.name_rule = name_check_dns_label,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
};
