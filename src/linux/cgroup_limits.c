/* Limits as the files of v1 and of v2 want them. */
#include "cgroup_file.h"

#include <kube/cgroup.h>

#include <errno.h>
#include <stdio.h>

#define SHARES_MIN 2
#define SHARES_MAX 262144

struct plan {
	struct cgroup_write *writes;
	size_t count;
};

static struct cgroup_write *add(struct plan *p, enum cgroup_controller which, const char *file)
{
	static struct cgroup_write none;

	if (p->count == CGROUP_WRITES_MAX)
		return &none;
	struct cgroup_write *w = &p->writes[p->count++];
	*w = (struct cgroup_write){.controller = which};
	snprintf(w->file, sizeof(w->file), "%s", file);
	return w;
}

static struct cgroup_write *add_number(
	struct plan *p, enum cgroup_controller which, const char *file, int64_t n, const char *none)
{
	struct cgroup_write *w = add(p, which, file);

	if (n < 0)
		snprintf(w->value, sizeof(w->value), "%s", none);
	else
		snprintf(w->value, sizeof(w->value), "%lld", (long long)n);
	return w;
}

int64_t cgroup_weight(int64_t shares)
{
	shares = MIN(MAX(shares, (int64_t)SHARES_MIN), (int64_t)SHARES_MAX);
	return 1 + (shares - SHARES_MIN) * 9999 / (SHARES_MAX - SHARES_MIN);
}

static void plan_cpu(struct plan *p, bool unified, const struct cgroup_limits *l)
{
	if (l->cpu_shares > 0 && unified)
		add_number(p, CGROUP_CPU, "cpu.weight", cgroup_weight(l->cpu_shares), "");
	else if (l->cpu_shares > 0)
		add_number(p, CGROUP_CPU, "cpu.shares", l->cpu_shares, "");
	if (unified && (l->cpu_quota || l->cpu_period)) {
		struct cgroup_write *w = add(p, CGROUP_CPU, "cpu.max");
		long long period = l->cpu_period > 0 ? l->cpu_period : 100000;
		if (l->cpu_quota > 0)
			snprintf(w->value, sizeof(w->value), "%lld %lld", (long long)l->cpu_quota,
				period);
		else
			snprintf(w->value, sizeof(w->value), "max %lld", period);
		return;
	}
	if (l->cpu_period > 0)
		add_number(p, CGROUP_CPU, "cpu.cfs_period_us", l->cpu_period, "");
	if (l->cpu_quota)
		add_number(p, CGROUP_CPU, "cpu.cfs_quota_us", l->cpu_quota, "-1");
}

static void plan_memory(struct plan *p, bool unified, const struct cgroup_limits *l)
{
	if (l->memory)
		add_number(p, CGROUP_MEMORY, unified ? "memory.max" : "memory.limit_in_bytes",
			l->memory, unified ? "max" : "-1");
	if (unified && l->kill_together)
		add_number(p, CGROUP_MEMORY, "memory.oom.group", 1, "")->optional = true;
	if (!l->swap)
		return;
	/* v2 counts swap alone. */
	int64_t swap = l->swap;
	if (unified && swap > 0)
		swap = l->memory > 0 && l->memory < swap ? swap - l->memory : 0;
	add_number(p, CGROUP_MEMORY, unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
		swap, unified ? "max" : "-1")
		->optional = true;
}

size_t cgroup_plan(
	bool unified, const struct cgroup_limits *l, struct cgroup_write writes[CGROUP_WRITES_MAX])
{
	struct plan p = {.writes = writes};

	plan_cpu(&p, unified, l);
	plan_memory(&p, unified, l);
	if (l->pids)
		add_number(&p, CGROUP_PIDS, "pids.max", l->pids, "max");
	if (l->cpuset_cpus)
		snprintf(add(&p, CGROUP_CPUSET, "cpuset.cpus")->value, 256, "%s", l->cpuset_cpus);
	if (l->cpuset_mems)
		snprintf(add(&p, CGROUP_CPUSET, "cpuset.mems")->value, 256, "%s", l->cpuset_mems);
	for (size_t i = 0; i < l->hugepage_count; i++) {
		char file[48];
		snprintf(file, sizeof(file), "hugetlb.%s.%s", l->hugepages[i].size,
			unified ? "max" : "limit_in_bytes");
		add_number(&p, CGROUP_HUGETLB, file, l->hugepages[i].limit, unified ? "max" : "-1")
			->optional = true;
	}
	return p.count;
}

static int write_one(const struct cgroups *g, const char *path, const struct cgroup_write *w)
{
	const struct cgroup_tree *tree = cgroup_tree_of(g, w->controller);
	char file[CGROUP_PATH_MAX];

	if (!tree)
		return 0;
	if (!cgroup_file_path(file, tree->mount, path, w->file))
		return -ENAMETOOLONG;
	return cgroup_file_write(file, w->value);
}

int cgroup_limit(const struct cgroups *g, const char *path, const struct cgroup_limits *limits,
	struct err *err)
{
	struct cgroup_write writes[CGROUP_WRITES_MAX];
	bool done[CGROUP_WRITES_MAX] = {false};
	size_t count = cgroup_plan(g->unified, limits, writes);

	/*
	 * Some pairs must never cross (memory and memory with swap, quota and period of a parent):
	 * what is refused because of its neighbour is taken in the second round.
	 */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < count; i++) {
			const struct cgroup_write *w = &writes[i];
			int failed = done[i] ? 0 : write_one(g, path, w);
			done[i] = done[i] || !failed;
			if (!failed || (failed == -ENOENT && w->optional) || round == 0)
				continue;
			return err_set_errno(err, -failed, "setting %s of cgroup %s to %s", w->file,
				path, w->value);
		}
	return 0;
}
