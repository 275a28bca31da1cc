/* VolumeAttachment */
#include "kinds.h"

const struct strategy strategy_volumeattachments = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.status_keeps_metadata = true,
	.delete_answers_object = true,
};
