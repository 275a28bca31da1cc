/*
 * A node whose clock is set while pods run: what waits goes on waiting for no longer than it
 * would have, and what runs is left alone. Either way, by hours.
 */
#include "kubelet_rig.h"

static struct fake_program programs[] = {
	{.name = "app", .here = true, .exec_out = "sick", .exec_takes = 500 * MSEC},
	{.name = "crash", .here = true, .runs = 3 * SEC, .code = 1},
};
static struct fake_program fresh[ARRAY_LEN(programs)];
static const int64_t jumps[] = {-6 * HOUR, 6 * HOUR};

static void open_rig(struct kubelet_rig *r)
{
	memcpy(fresh, programs, sizeof(fresh));
	kubelet_rig_open(r, fresh, ARRAY_LEN(fresh));
}

static int64_t restarts(struct kubelet_rig *r, const char *pod)
{
	return tree_int(rig_container(r, pod, "app"), "restartCount", -1);
}

TEST(what_runs_is_left_alone_when_the_clock_is_set)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct kubelet_rig r;

		open_rig(&r);
		rig_pod(&r, "p",
			"'containers':[{'name':'app','image':'app','livenessProbe':{'exec':{"
			"'command':['check']},'periodSeconds':2}}]");
		rig_pass(&r, 20 * SEC);
		sim_jump_clock(r.w.host, jumps[i]);
		rig_pass(&r, 5 * MINUTE);
		EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
		EXPECT(rig_condition(&r, "p", "Ready"));
		EXPECT_INT(restarts(&r, "p"), 0);
		EXPECT_INT(r.runtime.started, 1);
		kubelet_rig_close(&r);
	}
}

TEST(probes_go_on_when_the_clock_is_set)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct kubelet_rig r;

		open_rig(&r);
		rig_pod(&r, "p",
			"'containers':[{'name':'app','image':'app','livenessProbe':{'exec':{"
			"'command':['check']},'periodSeconds':2,'initialDelaySeconds':3}}]");
		rig_pass(&r, 20 * SEC);
		/* The answer to one comes after the jump. */
		for (int seen = r.runtime.execs; r.runtime.execs == seen;)
			rig_pass(&r, 10 * MSEC);
		sim_jump_clock(r.w.host, jumps[i]);
		rig_pass(&r, 10 * SEC);
		EXPECT_INT(restarts(&r, "p"), 0);
		fresh[0].exec_code = 1;
		rig_pass(&r, 20 * SEC);
		EXPECT(restarts(&r, "p") >= 1);
		fresh[0].exec_code = 0;
		/* The container that was started before is met by a new kubelet. */
		sim_jump_clock(r.w.host, jumps[i]);
		kubelet_rig_stop(&r);
		kubelet_rig_start(&r);
		rig_pass(&r, 10 * SEC);
		int64_t before = restarts(&r, "p");
		fresh[0].exec_code = 1;
		rig_pass(&r, 20 * SEC);
		EXPECT(restarts(&r, "p") > before);
		kubelet_rig_close(&r);
	}
}

TEST(a_container_that_fails_is_started_again_when_the_clock_was_set)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct kubelet_rig r;

		open_rig(&r);
		rig_pod(&r, "p", "'containers':[{'name':'app','image':'crash'}]");
		rig_pass(&r, 90 * SEC);
		int64_t before = restarts(&r, "p");
		EXPECT(before >= 2);
		sim_jump_clock(r.w.host, jumps[i]);
		rig_pass(&r, 11 * MINUTE);
		EXPECT(restarts(&r, "p") >= before + 2);
		EXPECT_INT(restarts(&r, "p"), r.runtime.started - 1);
		kubelet_rig_close(&r);
	}
}

TEST(what_could_not_be_made_is_tried_again_when_the_clock_was_set)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct kubelet_rig r;

		open_rig(&r);
		fresh[0].create_error = "no room";
		rig_pod(&r, "p", "'containers':[{'name':'app','image':'app'}]");
		rig_pass(&r, 5 * SEC);
		EXPECT_STR(rig_status(&r, "p", "phase"), "Pending");
		sim_jump_clock(r.w.host, jumps[i]);
		fresh[0].create_error = NULL;
		rig_pass(&r, 30 * SEC);
		EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
		kubelet_rig_close(&r);
	}
}

TEST(a_sandbox_that_fails_is_made_again_when_the_clock_was_set)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct kubelet_rig r;

		open_rig(&r);
		r.runtime.fail_times = 1;
		r.runtime.fail_code = ERR_IO;
		rig_pod(&r, "p", "'containers':[{'name':'app','image':'app'}]");
		rig_pass(&r, 2 * SEC);
		EXPECT_STR(rig_status(&r, "p", "phase"), "Pending");
		sim_jump_clock(r.w.host, jumps[i]);
		rig_pass(&r, 30 * SEC);
		EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
		kubelet_rig_close(&r);
	}
}

TEST(a_new_sandbox_is_the_newest_though_the_clock_was_set_back)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", "'containers':[{'name':'app','image':'app'}]");
	rig_pass(&r, 10 * SEC);
	sim_jump_clock(r.w.host, -6 * HOUR);
	fake_runtime_crash(&r.runtime, r.runtime.sandboxes[0]->s.id);
	rig_pass(&r, 5 * MINUTE);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT(rig_condition(&r, "p", "Ready"));
	EXPECT_INT(r.runtime.started, 2);
	kubelet_rig_close(&r);
}

TEST(a_pod_ends_in_its_time_when_the_clock_is_set)
{
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct kubelet_rig r;

		open_rig(&r);
		fresh[0].ends = -1;
		rig_pod(&r, "p", "'containers':[{'name':'app','image':'app'}]");
		rig_pass(&r, 10 * SEC);
		rig_delete(&r, "p", 20);
		rig_pass(&r, 5 * SEC);
		sim_jump_clock(r.w.host, jumps[i]);
		rig_pass(&r, MINUTE);
		EXPECT(!rig_get(&r, "p"));
		kubelet_rig_close(&r);
	}
}
