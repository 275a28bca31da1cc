/* When CronJobs are due and what they start. Pure. */
#ifndef KUBE_CONTROLLERS_CRON_H
#define KUBE_CONTROLLERS_CRON_H

#include "workload.h"

#include <kube/cron.h>

struct cron_view {
	const struct resource *crons, *jobs_resource;
	struct cJSON *cron;
	struct trees jobs; /* its own */
};
void cron_plan(const struct cron_view *v, int64_t now, struct plan *p);

/* The first time after that one; 0: never again. */
int64_t cron_next(const struct cron_schedule *s, int64_t after);

#endif
