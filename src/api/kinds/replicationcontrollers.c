/* ReplicationController */
#include "kinds.h"

const struct strategy strategy_replicationcontrollers = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.propagation = PROPAGATE_ORPHAN,
};
