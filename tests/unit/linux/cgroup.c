#include "test.h"

#include <kube/buf.h>
#include <kube/cgroup.h>

static const char hybrid[] =
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup "
	"rw,cpu,cpuacct\n"
	"35 31 0:32 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n"
	"36 31 0:32 / /elsewhere rw - cgroup cgroup rw,memory\n"
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(trees_are_found_in_mountinfo)
{
	struct cgroups g;

	cgroup_parse(&g, str_from(hybrid));
	EXPECT_INT(g.count, 4);
	const struct cgroup_tree *cpu = cgroup_tree_of(&g, CGROUP_CPU);
	REQUIRE(cpu);
	EXPECT_STR(cpu->mount, "/sys/fs/cgroup/cpu,cpuacct");
	EXPECT(cgroup_tree_of(&g, CGROUP_CPUACCT) == cpu);
	EXPECT_STR(cgroup_tree_of(&g, CGROUP_MEMORY)->mount, "/sys/fs/cgroup/mem ory");
	EXPECT(!cgroup_tree_of(&g, CGROUP_PIDS));
	EXPECT(g.trees[3].v2);
	EXPECT(!g.unified);
	cgroup_done(&g);
}

TEST(damaged_lines_are_passed_over)
{
	static const char *const lines[] = {"", "1", "1 2 3 4", "1 2 3 4 5 6 7 - cgroup",
		"1 2 3 / /m rw - cgroup cgroup", "1 2 3 / \\04 rw - cgroup2 x rw"};
	struct cgroups g;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		cgroup_parse(&g, str_from(lines[i]));
		EXPECT(g.count <= 1);
		cgroup_done(&g);
	}
}

static void expect_plan(bool unified, struct cgroup_limits limits, const char *wanted)
{
	struct cgroup_write writes[CGROUP_WRITES_MAX];
	_cleanup_(buf_done) struct buf text = BUF_INIT(4096);
	size_t count = cgroup_plan(unified, &limits, writes);

	for (size_t i = 0; i < count; i++)
		buf_print(&text, "%s%s=%s", i ? "; " : "", writes[i].file, writes[i].value);
	EXPECT_STR(buf_str(&text), wanted);
}

TEST(limits_become_the_files_of_each_version)
{
	static const struct cgroup_hugepages huge = {"2MB", 4 << 20};
	struct cgroup_limits all = {.cpu_period = 100000,
		.cpu_quota = 50000,
		.cpu_shares = 512,
		.memory = 64 << 20,
		.swap = 80 << 20,
		.pids = 100,
		.cpuset_cpus = "0-1",
		.hugepages = &huge,
		.hugepage_count = 1};

	expect_plan(false, all,
		"cpu.shares=512; cpu.cfs_period_us=100000; cpu.cfs_quota_us=50000; "
		"memory.limit_in_bytes=67108864; memory.memsw.limit_in_bytes=83886080; "
		"pids.max=100; cpuset.cpus=0-1; hugetlb.2MB.limit_in_bytes=4194304");
	expect_plan(true, all,
		"cpu.weight=20; cpu.max=50000 100000; memory.max=67108864; "
		"memory.swap.max=16777216; pids.max=100; cpuset.cpus=0-1; hugetlb.2MB.max=4194304");
	expect_plan(false, (struct cgroup_limits){.memory = -1, .swap = -1, .cpu_quota = -1},
		"cpu.cfs_quota_us=-1; memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=-1");
	expect_plan(true,
		(struct cgroup_limits){.memory = 1 << 20, .swap = 1 << 20, .cpu_quota = -1},
		"cpu.max=max 100000; memory.max=1048576; memory.swap.max=0");
	expect_plan(true, (struct cgroup_limits){0}, "");
	expect_plan(true, (struct cgroup_limits){.memory = 1 << 20, .kill_together = true},
		"memory.max=1048576; memory.oom.group=1");
	expect_plan(false, (struct cgroup_limits){.memory = 1 << 20, .kill_together = true},
		"memory.limit_in_bytes=1048576");
}

TEST(weights_span_the_range)
{
	EXPECT_INT(cgroup_weight(0), 1);
	EXPECT_INT(cgroup_weight(2), 1);
	EXPECT_INT(cgroup_weight(1024), 39);
	EXPECT_INT(cgroup_weight(262144), 10000);
	EXPECT_INT(cgroup_weight(INT64_MAX), 10000);
}
