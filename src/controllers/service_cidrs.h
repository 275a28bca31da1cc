/* Whether a ServiceCIDR is ready, and when one that is being deleted may go. Pure. */
#ifndef KUBE_CONTROLLERS_SERVICE_CIDRS_H
#define KUBE_CONTROLLERS_SERVICE_CIDRS_H

#include "workload.h"

struct service_cidr_view {
	const struct resource *resource; /* servicecidrs */
	const struct cJSON *cidr;
	const struct trees *all;       /* ServiceCIDRs, this one among them */
	const struct trees *addresses; /* IPAddresses; only looked at while it is being deleted */
	int64_t now;
};
void service_cidr_plan(const struct service_cidr_view *v, struct plan *p);

/* May a Service have this address of the ranges? Not the network's own, nor IPv4's broadcast. */
bool service_cidr_has(const struct cJSON *cidr, struct str address);
bool service_cidrs_overlap(const struct cJSON *left, const struct cJSON *right);
/* Is it one that the API server has made for a Service? */
bool service_cidr_address_counts(const struct cJSON *address);

#endif
