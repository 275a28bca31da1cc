/* A pod that the system cannot do without comes to a node that is full. */
#include "kubelet_rig.h"

#include "kubelet/pod_preemption.h"

static struct fake_program programs[] = {{.name = "app", .here = true, .ends = 3 * SEC}};

static void pod(struct kubelet_rig *r, const char *name, const char *more, const char *cpu)
{
	char *spec = mem_print("%s'containers':[{'name':'c','image':'app','resources':{"
			       "'requests':{'cpu':'%s'}}}]",
		more, cpu);

	rig_pod(r, name, spec);
	mem_free(spec);
}

static const struct cJSON *disruption(struct kubelet_rig *r, const char *name)
{
	json_each (c, json_path(rig_get(r, name), "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), "DisruptionTarget"))
			return c;
	return NULL;
}

#define CRITICAL "'priorityClassName':'system-node-critical',"

TEST(a_critical_pod_takes_the_room_of_others)
{
	struct kubelet_rig r;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	pod(&r, "large", "", "3");
	pod(&r, "small", "", "500m");
	rig_pass(&r, SEC);
	pod(&r, "critical", CRITICAL, "1");
	rig_pass(&r, SEC);
	/* Not before the other has left. */
	EXPECT_STR(rig_status(&r, "critical", "phase"), "Pending");
	EXPECT_INT(rig_events(&r, "small", "Preempting", PREEMPTED), 1);
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "critical", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "large", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "small", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "small", "reason"), "Preempting");
	EXPECT_STR(rig_status(&r, "small", "message"), PREEMPTED);
	EXPECT_STR(tree_str(disruption(&r, "small"), "reason"), "TerminationByKubelet");
	EXPECT_STR(tree_str(disruption(&r, "small"), "message"), PREEMPTED_BECAUSE);
	kubelet_rig_close(&r);
}

TEST(what_cannot_be_had_is_said)
{
	struct kubelet_rig r;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	pod(&r, "first", CRITICAL, "3");
	rig_pass(&r, SEC);
	pod(&r, "second", CRITICAL, "2");
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "first", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "second", "reason"), "UnexpectedAdmissionError");
	EXPECT_STR(rig_status(&r, "second", "message"),
		"Pod was rejected: Unexpected error while attempting to recover from admission "
		"failure: preemption: error finding a set of pods to preempt: no set of running "
		"pods found to reclaim resources: [(res: cpu, q: 1000), ]");
	kubelet_rig_close(&r);
}

/* What is in the way is not always room. */
TEST(a_critical_pod_of_another_node_takes_nobodys_place)
{
	struct kubelet_rig r;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	pod(&r, "first", "", "3");
	rig_pass(&r, SEC);
	pod(&r, "second", CRITICAL "'nodeSelector':{'disk':'ssd'},", "2");
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "first", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "second", "reason"), "NodeAffinity");
	kubelet_rig_close(&r);
}
