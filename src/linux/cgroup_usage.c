/* What a group has used, from the files of whichever version counts it. */
#include "cgroup_file.h"

#include <kube/cgroup.h>

static int64_t number(
	const struct cgroup_tree *tree, const char *path, const char *file, const char *key)
{
	int64_t n = tree ? cgroup_file_number(tree->mount, path, file, key) : 0;
	return n < 0 ? 0 : n;
}

int64_t cgroup_oom_kills(const struct cgroups *g, const char *path)
{
	const struct cgroup_tree *memory = cgroup_tree_of(g, CGROUP_MEMORY);

	return number(memory, path, memory && memory->v2 ? "memory.events" : "memory.oom_control",
		"oom_kill");
}

static void read_memory(const struct cgroup_tree *tree, const char *path, struct cgroup_usage *u)
{
	if (!tree)
		return;
	bool v2 = tree->v2;
	u->memory = number(tree, path, v2 ? "memory.current" : "memory.usage_in_bytes", NULL);
	u->rss = number(tree, path, "memory.stat", v2 ? "anon" : "total_rss");
	u->page_faults = number(tree, path, "memory.stat", v2 ? "pgfault" : "total_pgfault");
	u->major_page_faults =
		number(tree, path, "memory.stat", v2 ? "pgmajfault" : "total_pgmajfault");
	/* What could be given back at once is not part of the working set. */
	int64_t idle =
		number(tree, path, "memory.stat", v2 ? "inactive_file" : "total_inactive_file");
	u->working_set = u->memory > idle ? u->memory - idle : 0;
}

bool cgroup_read_usage(const struct cgroups *g, const char *path, struct cgroup_usage *u)
{
	const struct cgroup_tree *cpu = cgroup_tree_of(g, CGROUP_CPUACCT);

	*u = (struct cgroup_usage){0};
	if (!cgroup_exists(g, path))
		return false;
	if (cpu && cpu->v2)
		u->cpu_ns = number(cpu, path, "cpu.stat", "usage_usec") * 1000;
	else
		u->cpu_ns = number(cpu, path, "cpuacct.usage", NULL);
	read_memory(cgroup_tree_of(g, CGROUP_MEMORY), path, u);
	u->pids = number(cgroup_tree_of(g, CGROUP_PIDS), path, "pids.current", NULL);
	u->oom_kills = cgroup_oom_kills(g, path);
	return true;
}
