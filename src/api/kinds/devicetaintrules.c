/* DeviceTaintRule */
#include "kinds.h"

const struct strategy strategy_devicetaintrules = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.status_keeps_metadata = true,
	.delete_answers_object = true,
};
