/*
 * What one volume is to be: made on the loop of the pod and of what it names, carried out on a
 * worker thread, which sees nothing else.
 */
#ifndef KUBE_KUBELET_VOLUME_PLAN_H
#define KUBE_KUBELET_VOLUME_PLAN_H

#include "volumes.h"

#include "claims.h"
#include "payload.h"
#include "tokens.h"

/* ---- who may use it ---- */
enum volume_change { VOLUME_CHANGE_ALWAYS, VOLUME_CHANGE_ON_MISMATCH };
struct volume_owner {
	int64_t group;  /* fsGroup; -1: none */
	bool read_only; /* nobody but the node writes to it */
	enum volume_change policy;
};
/* Gives everything in the directory to the group, the directory itself at last. */
int volume_own(
	int dir, const struct volume_owner *owner, const _Atomic(bool) *stop, struct err *err);

/*
 * Makes the directory show exactly these files, all at once:
 *
 *	a.txt ─▶ ..data/a.txt        ..data ─▶ ..2026_01_02_15_04_05.123456/
 *
 * A reader that holds on to ..data sees the old files or the new ones, never some of each.
 * Nothing is touched when they are there already. *wrote tells.
 */
int atomic_write(int dir, const struct volume_payload *files, const char *stamp,
	const struct volume_owner *owner, bool *wrote, struct err *err);

/* ---- one volume ---- */
struct volume_kind;
struct volume_plan {
	const struct volume_kind *kind;
	const char *volume; /* in the pod */
	const char *name;   /* of its directory: the same, or its persistent volume's */
	bool done;          /* it was made before, and once is enough */
	struct volume_payload payload;
	struct str *nested; /* places in it that other volumes are mounted on */
	size_t nested_count;
	struct volume_owner owner;
	bool memory;        /* on a tmpfs, or on huge pages */
	int64_t size;       /* of a tmpfs; 0: the kernel's own limit */
	const char *page;   /* size of a hugetlbfs's pages: "2M"; NULL: no hugetlbfs */
	const char *path;   /* on the host, of hostPath */
	struct str type;    /* of hostPath */
	const char *stamp;  /* "..2026_01_02_15_04_05.123456" */
	struct err err;     /* what was in the way, of planning or of making */
	const char *failed; /* what could not be done then, as upstream begins the sentence */
	bool unknown;       /* it is not even known what it is: its claim is in the way */
	int directory;      /* of the pod; while it is made */
	const _Atomic(bool) *stop;
};

struct volume_planning {
	struct arena *arena;
	const struct volumes_host *host;
	const struct cJSON *pod, *volume, *spec; /* spec: the member that says the kind */
	const struct sources *sources;
	const struct volume_tokens *tokens;
	const struct volume_claims *claims;
	const char *stamp;
};

struct volume_kind {
	const char *source;    /* the member that says it: "configMap" */
	const char *directory; /* "kubernetes.io~configmap"; NULL: nothing of it is below ROOT */
	bool read_only;
	bool memory; /* always on a tmpfs */
	bool keeps;  /* its files are there before and after the pod: fsGroupChangePolicy counts */
	bool files;  /* the payload is written to it */
	bool image;  /* the runtime mounts it */
	/* On the loop; pure. NULL: nothing to plan. */
	int (*plan)(const struct volume_planning *in, struct volume_plan *out, struct err *err);
	/* On a worker: what its directory shows. NULL: the directory itself. */
	int (*mount)(struct volume_plan *plan, int place, struct err *err);
	/* On a worker: what is particular to it. NULL: a directory with the payload. */
	int (*make)(struct volume_plan *plan, struct err *err);
	/* Where it lies on the host, when `directory` is NULL. */
	struct str (*place)(const struct cJSON *spec);
};
extern const struct volume_kind volume_empty_dir, volume_image, volume_local, volume_host_path,
	volume_config_map, volume_secret, volume_downward_api, volume_projected;

/* The kind of a volume of a pod and the member that says it. ERR_UNSUPPORTED. */
int volume_kind_of(const struct cJSON *volume, const struct volume_kind **kind,
	const struct cJSON **spec, struct err *err);
/* One plan. What is wrong with it stands in out->err. */
void volume_plan_make(const struct volume_planning *in, struct volume_plan *out);
/* On a worker: the directory of the pod is open. */
int volume_make(struct volume_plan *plan, struct err *err);
/* "volumes/KIND/NAME" with what it is to show. *fresh: it was not there, or showed nothing. */
int volume_open(struct volume_plan *plan, int *fd, bool *fresh, struct err *err);

const struct cJSON *volume_by_name(const struct cJSON *pod, struct str name);
/* The places in a volume that containers mount other volumes on. */
void volume_nested(struct arena *a, const struct cJSON *pod, struct str name, struct str **places,
	size_t *count);

/* ---- for the kinds ---- */
int volume_add_reference(const struct volume_planning *in, const struct volume_reference *ref,
	struct volume_payload *out, struct err *err);
int downward_files(const struct volume_planning *in, const struct cJSON *items, uint32_t mode,
	struct volume_payload *out, struct err *err);
/* What a volume in memory may hold; 0: as much as the kernel lets it. */
int64_t volume_memory_size(const struct volume_planning *in, struct str limit);
uint32_t volume_default_mode(const struct cJSON *spec);

/* ---- on a worker, below ROOT/pods ---- */
/* ROOT/pods/UID; made when it is missing, if `make`. */
int volume_open_pod(const char *root, const char *uid, bool make, int *fd, struct err *err);
/* Unmounts and removes what volumes have put there. Gone is fine. */
int volume_clear_pod(const char *root, const char *uid, const _Atomic(bool) *stop, struct err *err);
/* A volume of a pod, or what its claim stands for; NULL: that is not known. */
const struct cJSON *volume_source(const struct volume_claims *claims, const struct cJSON *volume);
/* What a container is to mount of such a source: kind NULL: there is none. */
struct volume_place {
	const struct volume_kind *kind;
	struct str path;          /* on the host */
	const struct cJSON *spec; /* the member that says the kind */
};
struct volume_place volume_place_of(
	struct arena *a, struct str directory, const struct cJSON *source);

#endif
