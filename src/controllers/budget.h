/* What a disruption budget allows, from its pods and from how many there should be. Pure. */
#ifndef KUBE_CONTROLLERS_BUDGET_H
#define KUBE_CONTROLLERS_BUDGET_H

#include "workload.h"

struct budget_view {
	const struct resource *budgets;
	struct cJSON *budget;
	struct trees pods; /* of its namespace */
	/*
	 * How many pods the controller of that pod wants, and that controller's uid. False: it is
	 * not to be found out; *why tells, or is empty when there is no such controller.
	 */
	bool (*scale_of)(void *ctx, struct arena *a, const struct cJSON *pod, struct str *uid,
		int64_t *scale, struct str *why);
	void *ctx;
};
void budget_plan(const struct budget_view *v, int64_t now, struct plan *p);

#endif
