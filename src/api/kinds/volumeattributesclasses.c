/* VolumeAttributesClass */
#include "kinds.h"

const struct strategy strategy_volumeattributesclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
};
