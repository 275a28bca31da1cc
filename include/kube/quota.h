/*
 * quota: what an object counts against quotas: resource names of quotas and amounts. Pure.
 * Admission charges by it, and the quotas' controller counts by it.
 */
#ifndef KUBE_QUOTA_H
#define KUBE_QUOTA_H

#include <kube/api_codec.h>
#include <kube/resource.h>

/* Amounts by name, an object of quantities with sorted keys, in the arena. */
struct cJSON *quota_usage(
	struct arena *a, const struct resource *hub, const struct cJSON *object, int64_t now);
/* Does it depend on more than that the object is there? If not, the object may be NULL. */
bool quota_reads(const struct resource *hub);
/*
 * Has it ended, or should it have by now (wall)? Then it is counted as an object only. *until: when
 * its time to go is over; -1: it has been given none.
 */
bool quota_pod_over(const struct cJSON *pod, int64_t now, int64_t *until);
/* Can usage of this resource count against that name at all? */
bool quota_concerns(const struct resource *hub, struct str name);
/* Do the quota's scopes take the object in? */
bool quota_in_scope(
	const struct resource *hub, const struct cJSON *object, const struct cJSON *quota_spec);
/* Containers that say nothing of what one of these quota names wants said: "cpu for: a,b; …";
 * empty when all do. hard: the quota's limits. */
struct str quota_unsaid(struct arena *a, const struct cJSON *pod, const struct cJSON *hard);

/* ---- lists of quantities ---- */
struct cJSON *amounts_add(struct arena *a, const struct cJSON *left, const struct cJSON *right);
/* What is left of `left`, never below zero; zeros are left out. */
struct cJSON *amounts_rest(struct arena *a, const struct cJSON *left, const struct cJSON *right);
/* Only names that `names` has, too. */
struct cJSON *amounts_of(struct arena *a, const struct cJSON *amounts, const struct cJSON *names);
/* "cpu=1,memory=2Gi" */
struct str amounts_print(struct arena *a, const struct cJSON *amounts);

#endif
