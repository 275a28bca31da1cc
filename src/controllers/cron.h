/* When CronJobs are due and what they start. Pure. */
#ifndef KUBE_CONTROLLERS_CRON_H
#define KUBE_CONTROLLERS_CRON_H

#include "workload.h"

#include <kube/cron.h>
#include <kube/zone.h>

struct cron_view {
	const struct resource *crons, *jobs_resource;
	struct cJSON *cron;
	struct trees jobs;       /* its own */
	const struct zone *zone; /* of spec.timeZone; NULL: UTC, or not to be had */
};
bool cron_is_utc(struct str zone);
void cron_plan(const struct cron_view *v, int64_t now, struct plan *p);

/*
 * The first time after that one, by the clocks of the zone (NULL: UTC); 0: never again. What these
 * leave out does not come, what they show twice comes twice.
 */
int64_t cron_next(const struct cron_schedule *s, const struct zone *zone, int64_t after);

#endif
