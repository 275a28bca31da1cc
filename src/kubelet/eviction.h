/*
 * eviction: which pods have to go when the node runs short of something, or when they use more of
 * its disk than they may. Pure: measurements in, decisions out; upstream's rules and words.
 */
#ifndef KUBE_KUBELET_EVICTION_H
#define KUBE_KUBELET_EVICTION_H

#include <kube/json.h>
#include <kube/kubelet_configuration.h>

enum node_pressure { PRESSURE_MEMORY, PRESSURE_DISK, PRESSURE_PIDS, PRESSURES };
/* "MemoryPressure" */
const char *node_pressure_name(enum node_pressure pressure);

/* ---- what is measured ---- */
struct signal_level {
	int64_t available, capacity;
	bool known;
};

struct container_level {
	struct str name;
	int64_t memory, disk; /* bytes; disk: what it wrote, and its log */
};
struct volume_level {
	struct str name; /* of an emptyDir */
	int64_t bytes;
	bool on_disk;
};
struct pod_level {
	const struct cJSON *pod;
	bool known; /* something of it was measured */
	const struct container_level *containers;
	size_t container_count;
	const struct volume_level *volumes;
	size_t volume_count;
	int64_t memory, disk, inodes, processes; /* all of it together */
};

/* ---- is the node short of something ---- */

/* Of thresholds by their place; kept from look to look, zeroed at the beginning. */
struct eviction_memory {
	struct {
		bool met, acting; /* acting: met for as long as its grace lasts */
		int64_t since;
	} thresholds[2 * SIGNALS];
	struct {
		bool seen;
		int64_t last;
	} pressures[PRESSURES];
	bool pressure[PRESSURES]; /* as the node's conditions are to have it */
};

/*
 * now: any clock that never goes back. The threshold that something has to be done about; NULL:
 * nothing has.
 */
const struct eviction_threshold *eviction_look(struct eviction_memory *m,
	const struct kubelet_configuration *c, const struct signal_level levels[SIGNALS],
	int64_t now);
/* Is there enough of everything again, with what is to be freed beyond the thresholds? */
bool eviction_is_resolved(
	const struct kubelet_configuration *c, const struct signal_level levels[SIGNALS]);

/* "memory", "ephemeral-storage", "inodes", "pids" */
const char *eviction_resource(enum eviction_signal signal);
bool eviction_is_about_disk(enum eviction_signal signal);

/* ---- who goes ---- */

/* Static, a mirror of such, or of a system's priority: it stays, whatever happens. */
bool pod_is_critical(const struct cJSON *pod);
/* Brings those first who are to go first. */
void eviction_rank(struct pod_level *pods, size_t count, enum eviction_signal signal);
/* Why, in the arena. */
struct str eviction_message(struct arena *a, const struct eviction_threshold *threshold,
	const struct signal_level levels[SIGNALS], const struct pod_level *pod);
/* What a pod has to stop in, in seconds. */
int64_t eviction_grace(const struct kubelet_configuration *c,
	const struct eviction_threshold *threshold, const struct cJSON *pod);

/* Does it use more of the disk than it says itself? Why, in the arena; empty: it does not. */
struct str eviction_excess(struct arena *a, const struct pod_level *pod);
/* Is there anything that eviction_excess would look at? Then its volumes are to be measured. */
bool pod_has_disk_limits(struct arena *a, const struct cJSON *pod);

/* ---- who may come ---- */

/* false: why, in the arena. */
bool eviction_admits(struct arena *a, const bool pressure[PRESSURES], const struct cJSON *pod,
	struct str *message);

#endif
