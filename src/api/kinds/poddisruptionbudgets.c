/* PodDisruptionBudget */
#include "kinds.h"

const struct strategy strategy_poddisruptionbudgets = {
	.name_rule = name_check_path_segment,
	.generation = GENERATION_SPEC,
	.drops_status = true,
};
