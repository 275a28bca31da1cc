/* StorageClass */
#include "kinds.h"

const struct strategy strategy_storageclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.delete_answers_object = true,
};
