#include "pod_view_rig.h"

#include "kubelet/pod_status.h"

#define APP "{'restartPolicy':'Always','containers':[{'name':'app','image':'i'}]}"

static struct cJSON *make_from(struct view_rig *r, const struct cJSON *old, bool terminal)
{
	const struct ip host = ip_v4(192, 168, 0, 9);
	struct pod_status_input in = {.view = &r->view,
		.old = old,
		.host_ips = &host,
		.host_ip_count = 1,
		.runtime = "kube",
		.terminal = terminal};

	return pod_status_make(&r->arena, &in);
}

static struct cJSON *make(struct view_rig *r)
{
	return make_from(r, NULL, false);
}

/* "True", or "False Reason: message". */
static struct str condition(struct view_rig *r, const struct cJSON *status, const char *type)
{
	json_each (c, json_get(status, STR("conditions"))) {
		struct str state = tree_str(c, "status"), reason = tree_str(c, "reason");

		if (str_eq_text(tree_str(c, "type"), type))
			return reason.len ? arena_print(&r->arena, "%.*s %.*s: %.*s", STRF(state),
						    STRF(reason), STRF(tree_str(c, "message")))
					  : state;
	}
	return STR("");
}

TEST(a_pod_that_is_being_made_is_pending)
{
	struct view_rig r;

	rig_open(&r, APP);
	struct cJSON *s = make(&r);
	EXPECT_STR(tree_str(s, "phase"), "Pending");
	EXPECT_STR(tree_str(s, "containerStatuses.0.state.waiting.reason"), "ContainerCreating");
	EXPECT_STR(condition(&r, s, "PodReadyToStartContainers"), "False");
	EXPECT_STR(condition(&r, s, "Initialized"), "True");
	EXPECT_STR(condition(&r, s, "Ready"),
		"False ContainersNotReady: containers with unready status: [app]");
	EXPECT_STR(tree_str(s, "hostIP"), "192.168.0.9");
	EXPECT(!tree_has(s, "podIP"));
	rig_close(&r);
}

TEST(a_running_pod_is_ready_and_has_its_address)
{
	struct view_rig r;

	rig_open(&r, APP);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#2 running");
	struct cJSON *s = make(&r);
	EXPECT_STR(tree_str(s, "phase"), "Running");
	EXPECT_STR(condition(&r, s, "Ready"), "True");
	EXPECT_STR(tree_str(s, "podIPs.0.ip"), "10.1.0.2");
	EXPECT_INT(tree_int(s, "containerStatuses.0.restartCount", -1), 2);
	EXPECT_STR(tree_str(s, "containerStatuses.0.containerID"), "kube://app-2");
	EXPECT(tree_true(s, "containerStatuses.0.started"));
	rig_close(&r);
}

#define ALL                                                                                        \
	"'restartPolicyRules':[{'action':'RestartAllContainers','exitCodes':{'operator':'In',"     \
	"'values':[42]}}]"

TEST(a_pod_that_begins_anew_tells_so_and_counts)
{
	static const char removed[] =
		"The container is removed because RestartAllContainers in place";
	struct view_rig r;

	rig_open(&r, "{'restartPolicy':'Never','initContainers':[{'name':'i','image':'i'}],"
		     "'containers':[{'name':'a','image':'i','restartPolicy':'Never'," ALL
		     "},{'name':'b','image':'i'}]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "i#0 exited 0");
	rig_run(&r, "a#0 running");
	rig_run(&r, "b#0 exited 1");
	struct cJSON *s = make(&r);
	EXPECT_STR(condition(&r, s, "AllContainersRestarting"), "False");
	r.containers[1].state = CONTAINER_EXITED;
	r.containers[1].exit_code = 42;
	s = make_from(&r, s, false);
	EXPECT_STR(tree_str(s, "phase"), "Running");
	EXPECT_STR(condition(&r, s, "AllContainersRestarting"),
		"True RestartAllContainersStarted: container exited with restart policy rule");
	EXPECT_STR(condition(&r, s, "Initialized"), "True");

	/* Others go first, then who asked for it. */
	r.view.container_count = 1;
	r.list[0] = &r.containers[1];
	s = make_from(&r, s, false);
	EXPECT_STR(tree_str(s, "phase"), "Running");
	EXPECT_STR(tree_str(s, "initContainerStatuses.0.state.waiting.reason"),
		"RestartingAllContainers");
	EXPECT_STR(tree_str(s, "initContainerStatuses.0.lastState.terminated.message"), removed);
	EXPECT_INT(tree_int(s, "initContainerStatuses.0.restartCount", 0), 1);
	EXPECT_INT(tree_int(s, "containerStatuses.0.state.terminated.exitCode", 0), 42);
	EXPECT_INT(tree_int(s, "containerStatuses.1.restartCount", 0), 1);
	r.view.container_count = 0;
	s = make_from(&r, s, false);
	EXPECT_STR(tree_str(s, "phase"), "Running");
	EXPECT_STR(condition(&r, s, "AllContainersRestarting"), "False");
	EXPECT_STR(condition(&r, s, "Initialized"), "True");
	EXPECT_INT(tree_int(s, "initContainerStatuses.0.restartCount", 0), 1);
	EXPECT_INT(tree_int(s, "containerStatuses.0.restartCount", 0), 1);
	EXPECT_INT(tree_int(s, "containerStatuses.0.lastState.terminated.exitCode", 0), 137);
	EXPECT_STR(tree_str(s, "containerStatuses.0.lastState.terminated.reason"),
		"RestartingAllContainers");

	/* And as it was before, but for the count. */
	rig_run(&r, "i#1 running");
	s = make_from(&r, make_from(&r, s, false), false);
	EXPECT_STR(tree_str(s, "phase"), "Running");
	EXPECT_STR(tree_str(s, "initContainerStatuses.0.lastState.terminated.reason"),
		"RestartingAllContainers");
	EXPECT_INT(tree_int(s, "initContainerStatuses.0.restartCount", 0), 1);
	EXPECT_STR(tree_str(s, "containerStatuses.1.state.waiting.reason"), "PodInitializing");
	EXPECT_INT(tree_int(s, "containerStatuses.1.restartCount", 0), 1);
	rig_close(&r);
}

TEST(who_cannot_begin_anew_says_nothing_of_it)
{
	struct view_rig r;

	rig_open(&r, APP);
	EXPECT_STR(condition(&r, make(&r), "AllContainersRestarting"), "");
	rig_close(&r);
}

TEST(a_crashing_container_shows_why_it_waits_and_how_it_ended)
{
	struct view_rig r;

	rig_open(&r, APP);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#1 exited 3");
	struct cJSON *s = make(&r);
	EXPECT_STR(tree_str(s, "containerStatuses.0.state.terminated.reason"), "Error");
	rig_note(&r, "app")->reason = STR("CrashLoopBackOff");
	rig_note(&r, "app")->message = STR("back-off");
	s = make(&r);
	EXPECT_STR(tree_str(s, "phase"), "Running");
	EXPECT_STR(tree_str(s, "containerStatuses.0.state.waiting.reason"), "CrashLoopBackOff");
	EXPECT_INT(tree_int(s, "containerStatuses.0.lastState.terminated.exitCode", 0), 3);
	EXPECT_INT(tree_int(s, "containerStatuses.0.restartCount", 0), 1);
	rig_close(&r);
}

TEST(probes_decide_over_started_and_ready)
{
	struct view_rig r;

	rig_open(&r, "{'containers':[{'name':'a','image':'i','readinessProbe':{},'startupProbe':{}}"
		     "]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "a#0 running");
	EXPECT(!tree_true(make(&r), "containerStatuses.0.started"));
	rig_verdict(&r, "a", PROBE_STARTUP, VERDICT_SUCCESS);
	EXPECT(tree_true(make(&r), "containerStatuses.0.started"));
	EXPECT(!tree_true(make(&r), "containerStatuses.0.ready"));
	rig_verdict(&r, "a", PROBE_READINESS, VERDICT_SUCCESS);
	EXPECT(tree_true(make(&r), "containerStatuses.0.ready"));
	rig_verdict(&r, "a", PROBE_READINESS, VERDICT_FAILURE);
	EXPECT_STR(tree_str(make(&r), "phase"), "Running");
	EXPECT(!tree_true(make(&r), "containerStatuses.0.ready"));
	rig_close(&r);
}

#define INIT                                                                                       \
	"{'restartPolicy':'%s','initContainers':[{'name':'i1','image':'i'},{'name':'i2','image':"  \
	"'i'}],'containers':[{'name':'app','image':'i'}]}"

TEST(initialization_is_told_step_by_step)
{
	struct view_rig r;
	char spec[256];

	snprintf(spec, sizeof(spec), INIT, "Always");
	rig_open(&r, spec);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "i1#0 exited 1");
	struct cJSON *s = make(&r);
	EXPECT_STR(tree_str(s, "phase"), "Pending");
	EXPECT_STR(condition(&r, s, "Initialized"),
		"False ContainersNotInitialized: containers with incomplete status: [i1 i2]");
	EXPECT_STR(tree_str(s, "containerStatuses.0.state.waiting.reason"), "PodInitializing");
	EXPECT_STR(tree_str(s, "initContainerStatuses.1.state.waiting.reason"), "PodInitializing");
	rig_run(&r, "i1#1 exited 0");
	s = make(&r);
	EXPECT_STR(condition(&r, s, "Initialized"),
		"False ContainersNotInitialized: containers with incomplete status: [i2]");
	/* It has done its work: forgotten by the runtime, it stands as it was. */
	r.view.container_count = 0;
	s = make_from(&r, s, false);
	EXPECT(tree_true(s, "initContainerStatuses.0.ready"));
	EXPECT_INT(tree_int(s, "initContainerStatuses.0.restartCount", 0), 1);
	rig_close(&r);
}

TEST(failed_initialization_fails_a_pod_that_never_restarts)
{
	struct view_rig r;
	char spec[256];

	snprintf(spec, sizeof(spec), INIT, "Never");
	rig_open(&r, spec);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "i1#0 exited 0");
	rig_run(&r, "i2#0 exited 1");
	struct cJSON *s = make(&r);
	EXPECT_STR(tree_str(s, "phase"), "Failed");
	EXPECT_STR(condition(&r, s, "Ready"), "False PodFailed: ");
	EXPECT_STR(condition(&r, s, "Initialized"),
		"False ContainersNotInitialized: containers with incomplete status: [i2]");
	rig_close(&r);
}

TEST(ends_become_phases)
{
	static const struct {
		const char *policy, *container, *phase;
	} rows[] = {
		{"Always", "app#0 exited 0", "Running"},
		{"OnFailure", "app#0 exited 0", "Succeeded"},
		{"OnFailure", "app#0 exited 1", "Running"},
		{"Never", "app#0 exited 0", "Succeeded"},
		{"Never", "app#0 exited 9", "Failed"},
		{"Never", "app#0 created", "Pending"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct view_rig r;
		char spec[128];

		test_context("%s %s", rows[i].policy, rows[i].container);
		snprintf(spec, sizeof(spec),
			"{'restartPolicy':'%s','containers':[{'name':'app','image':'i'}]}",
			rows[i].policy);
		rig_open(&r, spec);
		rig_sandbox(&r, SANDBOX_READY);
		rig_run(&r, rows[i].container);
		EXPECT_STR(tree_str(make(&r), "phase"), rows[i].phase);
		rig_close(&r);
	}
	test_context_end();
}

TEST(a_deleted_pod_that_ran_well_has_succeeded_and_one_that_never_began_has_failed)
{
	struct view_rig r;

	rig_open(&r, APP);
	rig_sandbox(&r, SANDBOX_NOT_READY);
	rig_run(&r, "app#0 exited 0");
	struct cJSON *s = make_from(&r, NULL, true);
	EXPECT_STR(tree_str(s, "phase"), "Succeeded");
	EXPECT_STR(condition(&r, s, "Ready"), "False PodCompleted: ");
	r.view.container_count = 0;
	EXPECT_STR(tree_str(make_from(&r, NULL, true), "phase"), "Failed");
	rig_close(&r);
}

/* Upstream's runtimes do not tell it, and kubectl shows it beside the code. */
TEST(a_signal_is_in_the_code_alone)
{
	struct view_rig r;

	rig_open(&r, APP);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#0 exited 137");
	((struct container *)r.list[0])->signal = 9;
	struct cJSON *s = make(&r);
	EXPECT_INT(tree_int(s, "containerStatuses.0.state.terminated.exitCode", 0), 137);
	EXPECT(!tree_has(s, "containerStatuses.0.state.terminated.signal"));
	rig_close(&r);
}

TEST(a_pod_that_has_ended_keeps_its_address)
{
	struct view_rig r;

	rig_open(&r, "{'restartPolicy':'Never','containers':[{'name':'app','image':'i'}]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#0 exited 0");
	struct cJSON *first = make(&r);
	r.view.sandbox_count = 0;
	struct cJSON *second = make_from(&r, first, false);
	EXPECT_STR(tree_str(second, "phase"), "Succeeded");
	EXPECT_STR(tree_str(second, "podIP"), "10.1.0.2");
	EXPECT_STR(tree_str(second, "podIPs.0.ip"), "10.1.0.2");
	rig_close(&r);
}

TEST(times_of_transition_stay_until_the_status_changes)
{
	struct view_rig r;

	rig_open(&r, APP);
	rig_sandbox(&r, SANDBOX_READY);
	struct cJSON *first = make(&r);
	r.view.now += HOUR;
	struct cJSON *second = make_from(&r, first, false);
	EXPECT(!pod_status_patch(&r.arena, STR("u"), first, second));
	rig_run(&r, "app#0 running");
	struct cJSON *third = make_from(&r, second, false);
	struct cJSON *patch = pod_status_patch(&r.arena, STR("u"), second, third);
	EXPECT_STR(tree_str(patch, "metadata.uid"), "u");
	/* Only what has changed: Ready and ContainersReady. */
	EXPECT_INT(json_count(json_path(patch, "status.conditions")), 2);
	EXPECT(!tree_has(patch, "status.startTime"));
	EXPECT_STR(tree_str(patch, "status.phase"), "Running");
	rig_close(&r);
}

TEST(conditions_of_others_are_kept_and_gates_are_asked)
{
	struct view_rig r;

	rig_open(&r, "{'readinessGates':[{'conditionType':'lb'}],'containers':[{'name':'app',"
		     "'image':'i'}]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#0 running");
	EXPECT_STR(condition(&r, make(&r), "Ready"),
		"False ReadinessGatesNotReady: corresponding condition of pod readiness gate "
		"\"lb\" does not exist.");
	tree_set(&r.arena, (struct cJSON *)r.view.pod, "status.conditions",
		rig_json(&r.arena, "[{'type':'lb','status':'True'}]"));
	struct cJSON *s = make(&r);
	EXPECT_STR(condition(&r, s, "Ready"), "True");
	EXPECT_STR(condition(&r, s, "lb"), "True");
	rig_close(&r);
}
