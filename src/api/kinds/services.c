/* Service */
#include "kinds.h"

const struct strategy strategy_services = {
	.name_rule = name_check_dns_label,
	.put_creates = true,
	.unconditional = true,
	.drops_status = true,
	.delete_answers_object = true,
};
