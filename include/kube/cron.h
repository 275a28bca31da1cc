/* cron: schedules of CronJobs: five fields, or a descriptor (@daily, @every 5m). */
#ifndef KUBE_CRON_H
#define KUBE_CRON_H

#include <kube/arena.h>
#include <kube/err.h>

/* One bit a value; every: the period of an @every, ns. */
struct cron_schedule {
	uint64_t minutes, hours, days, months, weekdays;
	bool any_day, any_weekday; /* the field was a star: the other one decides */
	int64_t every;
};

/* ERR_BAD_REQUEST in the words of the library upstream reads schedules with. */
int cron_parse(struct str text, struct cron_schedule *s, struct err *err);
/* Is it a name of the IANA database? UTC, Local and the empty name included as Go has them. */
bool time_zone_known(struct str name);

#endif
