/* A node that runs short of something: what is unused goes, then pods, one after the other. */
#include "kubelet_rig.h"

#define MI (int64_t) MIB

static struct fake_program programs[] = {
	{.name = "small", .here = true, .ends = 100 * MSEC, .memory = 10 * MI, .disk = 20 * MI},
	{.name = "large", .here = true, .ends = 100 * MSEC, .memory = 300 * MI, .disk = 5 * MI},
	{.name = "once", .here = true, .runs = 2 * SEC},
	{.name = "unused", .here = true},
};
static struct fake_program fresh[ARRAY_LEN(programs)];
static struct machine_free left;

static const struct machine_free enough = {
	.memory = 4096 * MI, .disk = 90 * 1024 * MI, .inodes = 900000, .processes = 30000};

static void open_rig(struct kubelet_rig *r)
{
	memcpy(fresh, programs, sizeof(fresh));
	left = enough;
	kubelet_rig_open(r, fresh, ARRAY_LEN(fresh));
	kubelet_rig_stop(r);
	r->options.machine_free = &left;
	kubelet_rig_start(r);
	rig_pass(r, 11 * SEC);
}

static void pod(struct kubelet_rig *r, const char *name, const char *image)
{
	char *spec = mem_print("'containers':[{'name':'c','image':'%s'}]", image);

	rig_pod(r, name, spec);
	mem_free(spec);
}

static const struct cJSON *condition(
	struct kubelet_rig *r, const char *kind, const char *name, const char *type)
{
	struct cJSON *o = NULL;

	EXPECT_INT(rig_ask(r, CLIENT_GET, kind, name, NULL, NULL, &o), 0);
	json_each (c, json_path(o, "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), type))
			return c;
	return NULL;
}

static struct str node_condition(struct kubelet_rig *r, const char *type)
{
	return tree_str(condition(r, "nodes", RIG_NODE, type), "status");
}

/* Until somebody has been told. */
static void wait_for(struct kubelet_rig *r, const char *about, const char *reason)
{
	int64_t end = loop_now(r->w.loop) + 12 * SEC;

	while (!rig_events(r, about, reason, NULL) && loop_now(r->w.loop) < end)
		rig_pass(r, 100 * MSEC);
}

TEST(a_node_short_of_memory_evicts_whoever_uses_most)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "a", "small");
	pod(&r, "b", "large");
	rig_pass(&r, SEC);
	EXPECT_STR(node_condition(&r, "MemoryPressure"), "False");
	left.memory = 60 * MI;
	wait_for(&r, "b", "Evicted");
	left.memory = 400 * MI;
	rig_pass(&r, 12 * SEC);
	EXPECT_STR(rig_status(&r, "b", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "b", "reason"), "Evicted");
	EXPECT_STR(rig_status(&r, "b", "message"),
		"The node was low on resource: memory. Threshold quantity: 100Mi, available: "
		"60Mi. Container c was using 300Mi, request is 0, has larger consumption of "
		"memory. ");
	EXPECT_STR(tree_str(condition(&r, "pods", "b", "DisruptionTarget"), "reason"),
		"TerminationByKubelet");
	EXPECT_STR(rig_status(&r, "a", "phase"), "Running");
	EXPECT_INT(rig_events(&r, "b", "Evicted", "The node was low on resource: memory."), 1);
	EXPECT_INT(rig_events(&r, RIG_NODE, "EvictionThresholdMet", "Attempting to reclaim memory"),
		1);
	EXPECT_STR(node_condition(&r, "MemoryPressure"), "True");
	pod(&r, "c", "small");
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "c", "reason"), "Evicted");
	EXPECT_STR(rig_status(&r, "c", "message"),
		"Pod was rejected: The node had condition: [MemoryPressure]. ");
	rig_pass(&r, 6 * MINUTE);
	EXPECT_STR(node_condition(&r, "MemoryPressure"), "False");
	EXPECT_STR(rig_status(&r, "a", "phase"), "Running");
	pod(&r, "d", "small");
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "d", "phase"), "Running");
	kubelet_rig_close(&r);
}

TEST(what_is_unused_goes_before_any_pod)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "o", "'restartPolicy':'Never','containers':[{'name':'c','image':'once'}]");
	pod(&r, "a", "small");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "o", "phase"), "Succeeded");
	EXPECT_INT(r.runtime.container_count, 2);
	left.disk = 9 * 1024 * MI;
	wait_for(&r, RIG_NODE, "EvictionThresholdMet");
	/* The images are removed: that is enough. */
	left.disk = 50 * 1024 * MI;
	rig_pass(&r, 20 * SEC);
	EXPECT_INT(r.runtime.container_count, 1);
	EXPECT(!fresh[3].here);
	EXPECT(fresh[0].here);
	EXPECT_STR(rig_status(&r, "o", "phase"), "Succeeded");
	EXPECT_STR(tree_str(rig_container(&r, "o", "c"), "state.terminated.reason"), "Completed");
	EXPECT_STR(rig_status(&r, "a", "phase"), "Running");
	EXPECT_STR(node_condition(&r, "DiskPressure"), "True");
	kubelet_rig_close(&r);
}

TEST(pods_go_one_after_the_other_until_there_is_room)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "a", "small");
	pod(&r, "b", "large");
	rig_pod(&r, "k",
		"'priorityClassName':'system-node-critical','priority':2000001000,"
		"'containers':[{'name':'c','image':'large'}]");
	rig_pass(&r, SEC);
	left.inodes = 10;
	wait_for(&r, NULL, "Evicted");
	rig_pass(&r, 100 * MSEC);
	EXPECT_INT(
		(rig_status(&r, "a", "phase").len == 6) + (rig_status(&r, "b", "phase").len == 6),
		1);
	rig_pass(&r, MINUTE);
	EXPECT_STR(rig_status(&r, "a", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "b", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "k", "phase"), "Running");
	kubelet_rig_close(&r);
}

TEST(a_container_that_writes_more_than_it_may_costs_its_pod)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "w",
		"'containers':[{'name':'c','image':'small','resources':{'limits':{"
		"'ephemeral-storage':'15Mi'}}},{'name':'d','image':'large','resources':{'limits':{"
		"'ephemeral-storage':'100Mi'}}}]");
	rig_pod(&r, "v",
		"'containers':[{'name':'c','image':'small','resources':{'limits':{"
		"'ephemeral-storage':'25Mi'}}}]");
	rig_pass(&r, 15 * SEC);
	EXPECT_STR(rig_status(&r, "w", "reason"), "Evicted");
	EXPECT_STR(rig_status(&r, "w", "message"),
		"Container c exceeded its local ephemeral storage limit \"15Mi\". ");
	EXPECT(!condition(&r, "pods", "w", "DisruptionTarget"));
	EXPECT_STR(rig_status(&r, "v", "phase"), "Running");
	EXPECT_STR(node_condition(&r, "DiskPressure"), "False");
	kubelet_rig_close(&r);
}

TEST(the_kubelet_may_end_at_every_moment_of_an_eviction)
{
	for (int ms = 0; ms < 1400 && !test_failed(); ms += 40) {
		struct kubelet_rig r;

		test_context("after %d ms", ms);
		open_rig(&r);
		rig_pod(&r, "o",
			"'restartPolicy':'Never','containers':[{'name':'c','image':'once'}]");
		pod(&r, "a", "small");
		rig_pass(&r, 5 * SEC);
		left.disk = 9 * 1024 * MI;
		wait_for(&r, RIG_NODE, "EvictionThresholdMet");
		rig_pass(&r, ms * MSEC);
		kubelet_rig_stop(&r);
		left = enough;
		rig_pass(&r, 100 * MSEC);
		kubelet_rig_start(&r);
		rig_pass(&r, 20 * SEC);
		struct str phase = rig_status(&r, "a", "phase");
		EXPECT(str_eq(phase, STR("Running")) || str_eq(phase, STR("Failed")));
		EXPECT_STR(rig_status(&r, "o", "phase"), "Succeeded");
		EXPECT_STR(tree_str(rig_container(&r, "o", "c"), "state.terminated.reason"),
			"Completed");
		EXPECT_STR(node_condition(&r, "DiskPressure"), "False");
		kubelet_rig_close(&r);
	}
	test_context_end();
}
