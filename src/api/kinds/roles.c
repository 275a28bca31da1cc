/* Role */
#include "kinds.h"

const struct strategy strategy_roles = {
	.name_rule = name_check_path_segment,
	.put_creates = true,
	.unconditional = true,
};
