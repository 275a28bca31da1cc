/*
 * cgroup: the machine's control groups, v1, v2 or both side by side, as they are mounted: nothing
 * is assumed, a controller that is nowhere is not used. A group is named by its path below the
 * mounts ("/kubepods/burstable/podUID") and stands in every tree at once.
 *
 * All calls block for as long as the kernel takes (mostly microseconds); any thread.
 */
#ifndef KUBE_CGROUP_H
#define KUBE_CGROUP_H

#include <kube/arena.h>
#include <kube/err.h>

enum cgroup_controller {
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_CPUSET,
	CGROUP_MEMORY,
	CGROUP_PIDS,
	CGROUP_DEVICES,
	CGROUP_FREEZER,
	CGROUP_BLKIO, /* v2: io */
	CGROUP_HUGETLB,
	CGROUP_CONTROLLERS,
};
#define CGROUP_BIT(controller) (1u << (controller))

#define CGROUP_TREES_MAX 16

struct cgroup_tree {
	struct str mount;     /* NUL-terminated */
	uint32_t controllers; /* bits; 0: only groups of processes (systemd's, the unified one) */
	bool v2;
};

struct cgroups {
	struct arena arena;
	struct cgroup_tree trees[CGROUP_TREES_MAX];
	size_t count;
	/* v2 holds memory: the kernel's new names of files count. */
	bool unified;
};

/* From the text of /proc/self/mountinfo. v2's controllers are not in it: cgroup_load adds them. */
void cgroup_parse(struct cgroups *g, struct str mountinfo);
int cgroup_load(struct cgroups *g, struct err *err);
void cgroup_done(struct cgroups *g);
/* NULL: nowhere. */
const struct cgroup_tree *cgroup_tree_of(const struct cgroups *g, enum cgroup_controller which);

/* What a group may use. 0 (NULL): nothing is said, -1: no limit. Bytes, microseconds, v1 shares. */
struct cgroup_hugepages {
	const char *size; /* "2MB" */
	int64_t limit;
};
struct cgroup_limits {
	int64_t cpu_period, cpu_quota, cpu_shares;
	int64_t memory, swap; /* swap: memory and swap together */
	int64_t pids;
	bool kill_together; /* v2: whoever takes too much memory takes all others along */
	const char *cpuset_cpus, *cpuset_mems;
	const struct cgroup_hugepages *hugepages;
	size_t hugepage_count;
};

struct cgroup_write {
	enum cgroup_controller controller;
	char file[48], value[256];
	bool optional; /* a kernel may lack the file */
};
#define CGROUP_WRITES_MAX 24
/* Pure: what is to be written for these limits, in this order. */
size_t cgroup_plan(bool unified, const struct cgroup_limits *limits,
	struct cgroup_write writes[CGROUP_WRITES_MAX]);
/* v1's shares (2 … 262144) as v2's weight (1 … 10000). */
int64_t cgroup_weight(int64_t shares);

/* With all that stands above it; what is there already is fine. */
int cgroup_make(const struct cgroups *g, const char *path, struct err *err);
int cgroup_limit(const struct cgroups *g, const char *path, const struct cgroup_limits *limits,
	struct err *err);
int cgroup_join(const struct cgroups *g, const char *path, pid_t pid, struct err *err); /* 0: we */
/* SIGKILL to all in it and below; the number of processes that were found. */
int cgroup_kill(const struct cgroups *g, const char *path);
/* With all below it. What is not there is fine; ERR_CONFLICT while somebody is in it. */
int cgroup_remove(const struct cgroups *g, const char *path, struct err *err);
bool cgroup_exists(const struct cgroups *g, const char *path);
/* The numbers of the processes in it and below, at most `max`; how many there are. */
size_t cgroup_processes(const struct cgroups *g, const char *path, pid_t *pids, size_t max);

struct cgroup_usage {
	int64_t cpu_ns;
	int64_t memory, working_set, rss, page_faults, major_page_faults;
	int64_t pids, oom_kills;
};
/* What nobody counts is 0; false: there is no such group. */
bool cgroup_read_usage(const struct cgroups *g, const char *path, struct cgroup_usage *usage);
/* How often the kernel killed for memory in it (v2: and below). */
int64_t cgroup_oom_kills(const struct cgroups *g, const char *path);

/* Which devices may be opened: {'c', 1, 3, "rwm"}; major or minor -1: any. 'a': every device. */
struct cgroup_device {
	char type;
	int64_t major, minor;
	const char *access;
};
/* All that is not in the list is refused; to be said once, for a new group. */
int cgroup_devices(const struct cgroups *g, const char *path, const struct cgroup_device *devices,
	size_t count, struct err *err);

#endif
