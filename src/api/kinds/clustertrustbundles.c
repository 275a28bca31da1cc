/* ClusterTrustBundle */
#include "kinds.h"

const struct strategy strategy_clustertrustbundles = {
	.name_rule = name_check_dns_subdomain,
};
