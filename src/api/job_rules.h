/* The rules of jobs: their spec, which the templates of cron jobs share, and their status. */
#ifndef KUBE_API_JOB_RULES_H
#define KUBE_API_JOB_RULES_H

#include "workload_rules.h"

/* A JobSpec at `p`, without its selector. */
void job_check_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec);
bool job_is_indexed(const struct cJSON *spec);

/*
 * "1,3-5": increasing, below `completions`. How many there are; -1, and why, when it is not one.
 */
int64_t job_count_indexes(struct str text, int64_t completions, struct err *err);
/* Does any index stand in both? Both are sound. */
bool job_indexes_overlap(struct str a, struct str b, int64_t *index);

/* What a job asks of its pods when they fail, and when it is done: job_policy_rules.c. */
void job_check_failure_policy(
	struct field_errors *e, const struct path *p, const struct cJSON *spec);
void job_check_success_policy(
	struct field_errors *e, const struct path *p, const struct cJSON *spec);

void job_check_status(struct change *c, struct field_errors *e);

/* Of a JobSpec at `p` and its template. */
void job_warn(struct change *c, const struct path *p, const struct cJSON *spec);

#endif
