/* Who makes room for a critical pod. */
#include "pod_view_rig.h"

#include "kubelet/pod_preemption.h"

#define REQUESTS(cpu, memory) "'resources':{'requests':{'cpu':'" cpu "','memory':'" memory "'}}"
#define LIMITS(cpu, memory)                                                                        \
	"'resources':{'requests':{'cpu':'" cpu "','memory':'" memory "'},"                         \
	"'limits':{'cpu':'" cpu "','memory':'" memory "'}}"
#define POD(name, resources)                                                                       \
	"{'metadata':{'name':'" name "'},'spec':{'priority':0,'containers':[{" resources "}]}}"
#define CRITICAL(name, priority, resources)                                                        \
	"{'metadata':{'name':'" name "'},'spec':{'priority':" priority                             \
	",'containers':[{" resources "}]}}"

/* The victims' names, or the failure. */
static void chooses(const char *others, int64_t cpu, int64_t memory, const char *wanted)
{
	_cleanup_(buf_done) struct buf got = BUF_INIT(4 * KIB);
	struct pod_shortage shortages[2];
	struct pod_victims victims = {0};
	size_t count = 0, shortage_count = 0;
	const struct cJSON *list[8];
	struct arena a;
	struct str failure = STR("");

	arena_init(&a);
	json_each (pod, rig_json(&a, others))
		list[count++] = pod;
	if (cpu)
		shortages[shortage_count++] = (struct pod_shortage){STR("cpu"), cpu};
	if (memory)
		shortages[shortage_count++] = (struct pod_shortage){STR("memory"), memory};
	if (pod_victims_choose(&a, rig_json(&a, CRITICAL("me", "2000000000", "")), list, count,
		    shortages, shortage_count, &victims, &failure))
		for (size_t i = 0; i < victims.count; i++)
			buf_print(&got, "%s%.*s", i ? " " : "",
				STRF(tree_str(victims.pods[i], "metadata.name")));
	else
		buf_add_str(&got, failure);
	test_context("%s", others);
	EXPECT_STR(buf_str(&got), wanted);
	test_context_end();
	arena_done(&a);
}

TEST(the_lower_class_goes_first)
{
	static const char others[] = "[" POD("guaranteed", LIMITS("1", "1Gi")) "," POD(
		"burstable", REQUESTS("1", "1Gi")) "," POD("nothing", "") "]";

	chooses(others, 500, 0, "burstable");
	chooses(others, 1500, 0, "burstable guaranteed");
}

TEST(whoever_comes_nearest_goes_and_of_equals_the_smaller)
{
	static const char others[] = "[" POD("large", REQUESTS("3", "3Gi")) "," POD(
		"small", REQUESTS("1", "1Gi")) "," POD("middle", REQUESTS("2", "2Gi")) "]";

	chooses(others, 1000, 0, "small");
	chooses(others, 1500, 0, "middle");
	chooses(others, 2500, 0, "large");
	chooses(others, 5000, 0, "large middle");
	chooses(others, 1000, 2048 * (int64_t)MIB, "middle");
}

TEST(not_one_more_goes_than_is_needed)
{
	/* With the guaranteed one gone, which must go, a smaller burstable one will do. */
	chooses("[" POD("guaranteed", LIMITS("2", "1Gi")) "," POD(
			"b1", REQUESTS("1", "1Gi")) "," POD("b2", REQUESTS("500m", "1Gi")) "]",
		2500, 0, "b2 guaranteed");
}

TEST(other_critical_pods_stay_unless_they_matter_less)
{
	chooses("[" CRITICAL("same", "2000000000", REQUESTS("1", "1Gi")) "]", 500, 0,
		"no set of running pods found to reclaim resources: [(res: cpu, q: 500), ]");
	chooses("[" CRITICAL("more", "2000001000", REQUESTS("1", "1Gi")) "]", 500, 1024,
		"no set of running pods found to reclaim resources: [(res: cpu, q: 500), "
		"(res: memory, q: 1024), ]");
	chooses("[" POD("low", REQUESTS("1", "1Gi")) "]", 1200, 0,
		"no set of running pods found to reclaim resources: [(res: cpu, q: 200), ]");
}
