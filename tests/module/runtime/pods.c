#include "runtime_rig.h"

TEST(a_pod_runs_to_its_end_and_leaves_nothing)
{
	struct rig g;
	rig_open(&g);
	struct rig_count before = rig_count();
	struct runtime_sandbox_run run = rig_sandbox("web");
	struct str id = rig_run(&g, &run);
	REQUIRE(id.len == 64);
	const struct sandbox *s = rig_get_sandbox(&g, id);
	REQUIRE(s);
	EXPECT_INT(s->state, SANDBOX_READY);
	EXPECT_INT(s->ip_count, 1);
	struct runtime_container_create c = rig_container(id,
		RIG_SHELL("echo hello from $(hostname); echo to stderr >&2; id -u; pwd; echo $FROM;"
			  "cat /etc/hostname; exit 3"));
	REQUIRE(rig_begin(&g, &c) == 0);
	const struct container *end = rig_end_of(&g, c.id);
	REQUIRE(end);
	EXPECT_INT(end->exit_code, 3);
	EXPECT_INT(end->uid, 0);
	EXPECT_STR(end->reason, "Error");
	EXPECT_STR(rig_log("/run/logs/main/0.log"), "hello from web\nto stderr\n0\n/\nimage\nweb");
	rig_remove_container(&g, c.id);
	EXPECT(!rig_get(&g, c.id));
	rig_stop_sandbox(&g, id);
	EXPECT_INT(rig_get_sandbox(&g, id)->state, SANDBOX_NOT_READY);
	rig_remove_sandbox(&g, id);
	EXPECT_INT(g.attached, 1);
	EXPECT_INT(g.detached, 1);
	rig_expect_same(&before);
	rig_close(&g);
}
