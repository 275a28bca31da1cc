/*
 * The history of a template: ControllerRevisions of DaemonSets and StatefulSets, each holding a
 * patch that brings its template back. Pure.
 */
#ifndef KUBE_CONTROLLERS_REVISIONS_H
#define KUBE_CONTROLLERS_REVISIONS_H

#include "workload.h"

#define LABEL_REVISION "controller-revision-hash"

struct revisions {
	const struct resource *resource;
	struct cJSON *owner;
	struct trees all;    /* the owner's, oldest first */
	struct cJSON *fresh; /* that of its template now; NULL: there is none yet */
	struct cJSON *data;  /* the patch that it has, or will have */
};

/* Reads those that the owner may claim. */
void revisions_read(struct plan *p, struct revisions *r, const struct resource *owner_resource,
	const struct trees *candidates);
int64_t revision_number(const struct cJSON *revision);
/*
 * The fresh one exists and is the newest, or will be: false when the plan writes that first. The
 * name is the owner's and the hash; `annotations`: copied. is_taken as in rollout.h; taken: NULL.
 * An owner that goes and has none any more is made none: what was its own is let go.
 */
struct revision_maker {
	struct str hash;
	struct cJSON *annotations;
	bool (*is_taken)(void *ctx, struct str namespace, struct str name);
	void *ctx;
};
enum revision_made { REVISION_THERE, REVISION_WRITTEN, REVISION_TAKEN, REVISION_LET_GO };
enum revision_made revisions_make(
	struct plan *p, struct revisions *r, const struct revision_maker *m);
/* Beyond the limit the oldest go, but not those whose names (or hashes) are in use. */
void revisions_trim(struct plan *p, const struct revisions *r, const struct trees *pods);
/* The template with which that revision was made. */
struct cJSON *revision_template(const struct cJSON *revision);
struct str revision_hash(const struct cJSON *revision);

#endif
