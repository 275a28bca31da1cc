/* ClusterTrustBundle */
#include "kinds.h"

static const char *const labels[] = {"spec.signerName", NULL};

const struct strategy strategy_clustertrustbundles = {
	.name_rule = name_check_dns_subdomain,
	.field_labels = labels,
};
