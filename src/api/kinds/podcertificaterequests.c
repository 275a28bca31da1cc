/* PodCertificateRequest */
#include "kinds.h"

static const char *const labels[] = {"spec.signerName", "spec.podName", "spec.nodeName", NULL};

const struct strategy strategy_podcertificaterequests = {
	.name_rule = name_check_dns_subdomain,
	.drops_status = true,
	.status_keeps_metadata = true,
	.field_labels = labels,
};
