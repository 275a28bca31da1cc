/*
 * What the kubelet looks at when it decides about a pod: the pod as the API has it, what the
 * runtime runs of it, and what the kubelet itself remembers of each container. Pure: borrowed
 * from its owners for the time of one decision.
 */
#ifndef KUBE_KUBELET_POD_VIEW_H
#define KUBE_KUBELET_POD_VIEW_H

#include <kube/json.h>
#include <kube/runtime.h>

enum container_role { ROLE_INIT, ROLE_SIDECAR, ROLE_APP, ROLE_EPHEMERAL };

enum probe_kind { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE_KINDS };
enum verdict { VERDICT_NONE, VERDICT_SUCCESS, VERDICT_FAILURE };

#define BACK_OFF_MOST (300 * SEC)
/* 10 s, doubling up to a most, forgotten when 10 min went well. */
struct back_off {
	int64_t delay, updated; /* delay 0: there was none yet */
};
/* Until when one has to wait whose last failure was at `since`; 0: no more. */
int64_t back_off_until(const struct back_off *b, int64_t since, int64_t now);
void back_off_next(struct back_off *b, int64_t since, int64_t now, int64_t most);

/* What is remembered of a container by its name, as long as the kubelet runs. */
struct container_note {
	struct str name;
	struct str id; /* whose verdicts these are */
	enum verdict verdicts[PROBE_KINDS];
	struct back_off restart, pull;
	/* Of one that the runtime has no more, since all of its pod begins anew: when it ended of
	 * itself, 0 if it did not, and the number of the next. */
	int64_t ended;
	uint32_t next;
	struct str pull_error;
	int64_t retry_at;           /* wall: not to be tried before */
	struct str reason, message; /* why it does not run; empty: nothing is in the way */
};

struct pod_view {
	const struct cJSON *pod;
	const struct sandbox *const *sandboxes; /* newest first */
	size_t sandbox_count;
	const struct container *const *containers; /* newest first */
	size_t container_count;
	const struct cJSON *actual; /* {NAME: resources} of what runs; NULL: as they should be */
	const struct cJSON *unsure; /* {ID: true}: a kubelet that is gone may have changed them */
	bool unsettled;             /* a resize has not come to its end */
	const struct container_note *notes;
	size_t note_count;
	int64_t now; /* wall */
};

/* Brings lists in the order of a view. */
void pod_view_sort_sandboxes(const struct sandbox **list, size_t count);
void pod_view_sort_containers(const struct container **list, size_t count);

/* The newest container of that name; NULL: none. */
const struct container *pod_view_container(const struct pod_view *v, struct str name);
const struct container_note *pod_view_note(const struct pod_view *v, struct str name);
/* What the probe says of this very container. */
enum verdict pod_view_verdict(
	const struct pod_view *v, const struct container *c, enum probe_kind kind);
/* The sandbox that the pod can go on in; NULL: a new one is needed. */
const struct sandbox *pod_view_sandbox(const struct pod_view *v);

bool pod_is_static(const struct cJSON *pod);
bool pod_is_deleted(const struct cJSON *pod); /* has a deletionTimestamp */
bool container_is_sidecar(const struct cJSON *init_container);
bool container_has_probe(const struct cJSON *container, enum probe_kind kind);
/* The first of its restart rules that is for that code; NULL: none. */
const struct cJSON *container_rule(const struct cJSON *container, int32_t exit_code);
/* Would what left with that code be started again? */
bool container_restarts(const struct cJSON *pod, const struct cJSON *container, int32_t exit_code);
/* Would all of its pod be, with it? */
bool container_restarts_all(const struct cJSON *container, int32_t exit_code);
/* Is there a rule by which it may come to that? Is it under way? */
bool pod_may_restart_all(const struct cJSON *pod);
bool pod_restarts_all(const struct pod_view *v);
/* Is it to be started, as things stand? */
bool container_is_due(const struct pod_view *v, const struct cJSON *container);
/* "name_namespace(uid)" */
struct str pod_title(struct arena *a, const struct cJSON *pod);
/* What makes a container another one when it changes: hexadecimal, of name and image. */
struct str container_hash(struct arena *a, const struct cJSON *container);
/* Of the runtime's labels or annotations; empty when absent. */
struct str pair_get(const struct runtime_pairs *pairs, struct str key);

/* What a container began with: JSON. */
#define ANNOTATION_RESOURCES "io.kubernetes.container.resources"
#define ANNOTATION_HASH      "io.kubernetes.container.hash"
/* The image's name in full, where the runtime only has its id. */
#define ANNOTATION_IMAGE "io.kubernetes.container.image"

#endif
