/* Pods on a node, from the API to a runtime in memory and back, on virtual time. */
#include "kubelet_rig.h"

#define APP "'containers':[{'name':'app','image':'app'}]"

static struct fake_program programs[] = {
	{.name = "app", .here = true, .ends = 100 * MSEC},
	{.name = "sleeper", .here = true, .ends = -1},
	{.name = "once", .here = true, .runs = 2 * SEC},
	{.name = "fails", .here = true, .runs = SEC, .code = 3},
	{.name = "far", .pull = 3 * SEC, .ends = 0},
	{.name = "nowhere", .pull = 100 * MSEC, .pull_error = "manifest unknown"},
	{.name = "odd", .here = true, .create_error = "no such device"},
	{.name = "broken", .here = true, .start_error = "exec: \"x\": not found"},
};
static struct fake_program fresh[ARRAY_LEN(programs)];

static void open_rig(struct kubelet_rig *r)
{
	memcpy(fresh, programs, sizeof(fresh));
	kubelet_rig_open(r, fresh, ARRAY_LEN(fresh));
}

TEST(a_pod_runs_and_is_deleted)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", APP);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "p", "hostIP"), "192.168.7.1");
	EXPECT(str_starts(rig_status(&r, "p", "podIP"), STR("10.42.")));
	EXPECT(rig_condition(&r, "p", "Ready"));
	EXPECT(rig_condition(&r, "p", "PodReadyToStartContainers"));
	EXPECT_INT(rig_events(&r, "p", "Started", "Container started"), 1);
	rig_delete(&r, "p", -1);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "(gone)");
	rig_pass(&r, SEC);
	EXPECT_INT(r.runtime.container_count, 0);
	EXPECT_INT(r.runtime.sandbox_count, 0);
	EXPECT_INT(rig_events(&r, "p", "Killing", "Stopping container app"), 1);
	kubelet_rig_close(&r);
}
