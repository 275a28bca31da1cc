/* The decisions about a StatefulSet: pods with names that stay, one after the other. Pure. */
#ifndef KUBE_CONTROLLERS_STATEFUL_H
#define KUBE_CONTROLLERS_STATEFUL_H

#include "revisions.h"

#define LABEL_POD_NAME  "statefulset.kubernetes.io/pod-name"
#define LABEL_POD_INDEX "apps.kubernetes.io/pod-index"

struct stateful_view {
	const struct resource *sets, *pods_resource, *revisions_resource, *claims_resource;
	struct cJSON *set;
	struct trees pods, revisions;                                       /* that it may claim */
	bool (*is_taken)(void *ctx, struct str namespace, struct str name); /* a revision's name */
	/* A claim of that name; NULL: there is none. */
	struct cJSON *(*find_claim)(
		void *ctx, struct arena *a, struct str namespace, struct str name);
	void *ctx;
};
void stateful_plan(const struct stateful_view *v, int64_t now, struct plan *p);
bool stateful_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now);

/* ---- stateful_pods.c ---- */
int64_t stateful_ordinal(const struct cJSON *set, const struct cJSON *pod); /* -1: not its name */
struct cJSON *stateful_pod(struct arena *a, const struct cJSON *set, const struct cJSON *template,
	struct str revision, int64_t ordinal);
struct str stateful_claim_name(
	struct arena *a, const struct cJSON *set, const struct cJSON *template, int64_t ordinal);
struct cJSON *stateful_claim(
	struct arena *a, const struct cJSON *set, const struct cJSON *template, int64_t ordinal);

/*
 * Who a claim belongs to, by the set's retention policy: nobody, the set (deleted with it) or the
 * pod (deleted when it is scaled away). NULL: as it is.
 */
struct cJSON *stateful_claim_owners(struct arena *a, const struct cJSON *set,
	const struct cJSON *claim, const struct cJSON *pod, bool is_surplus);

#endif
