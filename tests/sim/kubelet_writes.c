/* What a kubelet tells the API of its pods gets there, and is said once. */
#include "kubelet_rig.h"

static struct fake_program programs[] = {{.name = "app", .here = true, .ends = 100 * MSEC}};

#define APP "'containers':[{'name':'app','image':'app'}]"

TEST(a_status_gets_there_however_many_others_write)
{
	struct kubelet_rig r;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	r.conflicts = 6;
	rig_pod(&r, "p", APP);
	rig_pass(&r, MINUTE);
	EXPECT_INT(r.conflicts, 0);
	EXPECT(rig_condition(&r, "p", "Ready"));
	kubelet_rig_close(&r);
}

TEST(a_pod_that_somebody_holds_is_asked_to_go_once)
{
	struct kubelet_rig r;

	kubelet_rig_open(&r, programs, 1);
	EXPECT_INT(
		rig_ask(&r, CLIENT_CREATE, "pods", NULL, NULL,
			"{'metadata':{'name':'p','finalizers':['example.com/hold']},'spec':{"
			"'nodeName':'" RIG_NODE "','automountServiceAccountToken':false," APP "}}",
			NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT(rig_condition(&r, "p", "Ready"));
	rig_delete(&r, "p", 1);
	rig_pass(&r, MINUTE);
	/* It has ended, and stays. */
	EXPECT_STR(rig_status(&r, "p", "phase"), "Failed");
	EXPECT_INT(fake_runtime_running(&r.runtime), 0);
	EXPECT(r.deletes <= 2);
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_MERGE, "pods", "p", NULL,
			   "{'metadata':{'finalizers':null}}", NULL),
		0);
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "(gone)");
	EXPECT_INT(r.runtime.container_count, 0);
	kubelet_rig_close(&r);
}
