#include "pod_view_rig.h"

#define APP "{'containers':[{'name':'app','image':'i'}],'restartPolicy':'%s'}"

static void print_actions(const struct pod_actions *actions, struct buf *out)
{
	static const char *const names[] = {
		"kill", "stop-sandbox", "run-sandbox", "start", "remove", "remove-sandbox"};

	for (size_t i = 0; i < actions->count; i++) {
		const struct pod_action *a = &actions->items[i];

		buf_print(out, "%s%s", out->len ? "; " : "", names[a->kind]);
		if (a->id.len)
			buf_print(out, " %.*s", STRF(a->id));
		if (a->kind == POD_START_CONTAINER)
			buf_print(
				out, " %.*s#%u", STRF(tree_str(a->container, "name")), a->attempt);
		if (a->kind == POD_RUN_SANDBOX)
			buf_print(out, " #%u", a->attempt);
		if (a->kind == POD_KILL_CONTAINER)
			buf_print(out, " %llds '%.*s'", (long long)(a->grace / SEC),
				STRF(a->message));
	}
	for (size_t i = 0; i < actions->wait_count; i++)
		buf_print(out, "%swait %.*s", out->len ? "; " : "", STRF(actions->waits[i].name));
	if (actions->finished)
		buf_print(
			out, "%s%s", out->len ? "; " : "", actions->failed ? "failed" : "finished");
}

static struct pod_actions expect_(
	struct view_rig *r, const char *file, int line, const char *wanted)
{
	struct pod_actions actions;
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	podsync(&r->arena, &r->view, &actions);
	print_actions(&actions, &out);
	test_expect_str(file, line, "actions", buf_str(&out), str_from(wanted));
	return actions;
}
#define EXPECT_ACTIONS(r, wanted) expect_(r, __FILE__, __LINE__, wanted)

static void open_app(struct view_rig *r, const char *policy)
{
	char spec[128];

	snprintf(spec, sizeof(spec), APP, policy);
	rig_open(r, spec);
}

TEST(a_new_pod_gets_a_sandbox_and_then_its_containers)
{
	struct view_rig r;

	rig_open(&r, "{'containers':[{'name':'a','image':'i'},{'name':'b','image':'i'}]}");
	EXPECT_ACTIONS(&r, "run-sandbox #0");
	rig_sandbox(&r, SANDBOX_READY);
	EXPECT_ACTIONS(&r, "start a#0; start b#0");
	rig_run(&r, "a#0 running");
	EXPECT_ACTIONS(&r, "start b#0");
	rig_run(&r, "b#0 running");
	EXPECT_ACTIONS(&r, "");
	rig_close(&r);
}

TEST(restart_policies_decide_who_comes_back)
{
	static const struct {
		const char *policy, *container, *wanted;
	} rows[] = {
		{"Always", "app#0 exited 0", "start app#1"},
		{"Always", "app#0 exited 1", "start app#1"},
		{"OnFailure", "app#0 exited 0", "finished"},
		{"OnFailure", "app#0 exited 1", "start app#1"},
		{"Never", "app#0 exited 0", "finished"},
		{"Never", "app#3 exited 1", "finished"},
		{"Never", "app#0 created", "start app#1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct view_rig r;

		test_context("%s %s", rows[i].policy, rows[i].container);
		open_app(&r, rows[i].policy);
		rig_sandbox(&r, SANDBOX_READY);
		rig_run(&r, rows[i].container);
		EXPECT_ACTIONS(&r, rows[i].wanted);
		rig_close(&r);
	}
	test_context_end();
}

TEST(restart_rules_of_a_container_come_before_policies)
{
	struct view_rig r;

	rig_open(&r,
		"{'restartPolicy':'Never','containers':[{'name':'a','image':'i',"
		"'restartPolicy':'Never','restartPolicyRules':[{'action':'Restart','exitCodes':"
		"{'operator':'In','values':[42]}}]}]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "a#0 exited 42");
	EXPECT_ACTIONS(&r, "start a#1");
	rig_run(&r, "a#1 exited 43");
	EXPECT_ACTIONS(&r, "finished");
	rig_close(&r);
}

#define ALL(code)                                                                                  \
	"'restartPolicyRules':[{'action':'RestartAllContainers','exitCodes':{'operator':'In',"     \
	"'values':[" code "]}}]"
/* Init containers i and s (a sidecar), main ones a and b; whoever of i, s and a leaves with 42
 * takes the pod with him. */
#define WHOLE                                                                                      \
	"{'restartPolicy':'Never','initContainers':["                                              \
	"{'name':'i','image':'i','restartPolicy':'Never'," ALL(                                    \
		"42") "},"                                                                         \
		      "{'name':'s','image':'i','restartPolicy':'Always'," ALL(                     \
			      "42") "}],"                                                          \
				    "'containers':["                                               \
				    "{'name':'a','image':'i','restartPolicy':'Never'," ALL(        \
					    "42") ",'lifecycle':{'preStop':"                       \
						  "{'sleep':{'seconds':9}}}},{'name':'b','image':" \
						  "'i'}],"                                         \
						  "'ephemeralContainers':[{'name':'e','image':'i'" \
						  "}]}"

TEST(one_that_leaves_so_takes_the_whole_pod_with_him)
{
	static const struct {
		const char *what, *seen[7], *wanted;
	} rows[] = {
		{"a main one leaves: all that run are killed at once",
			{"i#0 exited 0", "s#0 running", "a#0 exited 42", "b#0 running"},
			"kill b-0 0s 'Container b restarts with all of its pod'; "
			"kill s-0 0s 'Container s restarts with all of its pod'"},
		{"a sidecar leaves: those of the API's people, too",
			{"i#0 exited 0", "s#0 exited 42", "a#0 running", "b#0 exited 0",
				"e#0 running"},
			"kill e-0 0s 'Container e restarts with all of its pod'; "
			"kill a-0 0s 'Container a restarts with all of its pod'"},
		{"an init container leaves: it is the last to be removed",
			{"i#0 exited 1", "i#1 exited 42", "e#0 exited 0"}, "remove i-0"},
		{"nothing runs any more: what ended goes, those who ask for it stay",
			{"i#0 exited 0", "s#0 exited 137", "a#0 exited 42", "b#0 exited 0"},
			"remove b-0; remove s-0; remove i-0"},
		{"what was only made goes, too", {"i#0 created", "a#0 exited 42"}, "remove i-0"},
		{"they go last", {"s#0 exited 42", "a#0 exited 42", "e#0 exited 137"},
			"remove a-0; remove s-0"},
		{"one of them is left: it goes on", {"a#0 exited 42"}, "remove a-0"},
		{"none is: the pod begins anew", {"e#0 exited 137"}, "start i#0"},
		{"another code is another matter",
			{"i#0 exited 0", "s#0 running", "a#0 exited 41", "b#0 running",
				"e#0 running"},
			""},
		{"so is one of earlier",
			{"i#0 exited 0", "s#0 exited 42", "s#1 running", "a#0 running",
				"b#0 running", "e#0 running"},
			""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct view_rig r;

		test_context("%s", rows[i].what);
		rig_open(&r, WHOLE);
		rig_sandbox(&r, SANDBOX_READY);
		for (size_t k = 0; k < ARRAY_LEN(rows[i].seen) && rows[i].seen[k]; k++)
			rig_run(&r, rows[i].seen[k]);
		EXPECT_ACTIONS(&r, rows[i].wanted);
		rig_close(&r);
	}
	test_context_end();
}

TEST(a_pod_that_is_deleted_does_not_begin_anew)
{
	struct view_rig r;

	rig_open(&r, WHOLE);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "a#0 exited 42");
	EXPECT(pod_restarts_all(&r.view));
	tree_set_str(&r.arena, (struct cJSON *)r.view.pod, "metadata.deletionTimestamp",
		STR("2027-01-15T08:00:00Z"));
	EXPECT(!pod_restarts_all(&r.view));
	rig_close(&r);
}

TEST(who_begins_anew_counts_on_and_waits_if_it_was_him_who_left)
{
	struct view_rig r;

	rig_open(&r, WHOLE);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "e#0 exited 137");
	json_set(&r.arena, (struct cJSON *)r.view.pod, STR("status"),
		rig_json(&r.arena, "{'initContainerStatuses':[{'name':'i','restartCount':3,"
				   "'containerID':'kube://i-3','state':{'terminated':{}}}]}"));
	EXPECT_ACTIONS(&r, "start i#4");
	rig_note(&r, "i")->next = 6; /* the API has not heard of it yet */
	EXPECT_ACTIONS(&r, "start i#6");
	rig_note(&r, "i")->ended = RIG_NOW - 3 * SEC;
	EXPECT_ACTIONS(&r, "start i#6");
	rig_note(&r, "i")->restart =
		(struct back_off){.delay = 10 * SEC, .updated = RIG_NOW - 20 * SEC};
	EXPECT_ACTIONS(&r, "wait i");
	rig_note(&r, "i")->ended = RIG_NOW - 10 * SEC;
	EXPECT_ACTIONS(&r, "start i#6");
	rig_close(&r);
}

TEST(who_fails_often_waits_longer_each_time)
{
	struct back_off b = {0};
	int64_t now = RIG_NOW;
	static const int delays[] = {10, 20, 40, 80, 160, 300, 300};

	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		EXPECT_INT(back_off_until(&b, now - 301 * SEC, now), 0);
		back_off_next(&b, now, now, BACK_OFF_MOST);
		EXPECT_INT(b.delay / SEC, delays[i]);
		EXPECT_INT(back_off_until(&b, now + SEC, now + 2 * SEC), now + SEC + b.delay);
		now += b.delay + 2 * SEC;
	}
	/* Ten good minutes, and all is forgotten. */
	EXPECT_INT(back_off_until(&b, now + 700 * SEC, now + 701 * SEC), 0);
	back_off_next(&b, now + 700 * SEC, now + 700 * SEC, BACK_OFF_MOST);
	EXPECT_INT(b.delay / SEC, 10);
}

TEST(who_fails_waits_no_longer_than_the_node_allows)
{
	struct back_off b = {0};
	int64_t now = RIG_NOW;

	back_off_next(&b, now, now, 3 * SEC);
	EXPECT_INT(b.delay, 3 * SEC);
	back_off_next(&b, now, now, 3 * SEC);
	EXPECT_INT(b.delay, 3 * SEC);
	back_off_next(&b, now, now, BACK_OFF_MOST);
	EXPECT_INT(b.delay, 6 * SEC);
}

TEST(a_crashing_container_waits_in_upstreams_words)
{
	struct view_rig r;

	open_app(&r, "Always");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#1 exited 1 @3");
	rig_note(&r, "app")->restart = (struct back_off){20 * SEC, RIG_NOW - 60 * SEC};
	struct pod_actions actions = EXPECT_ACTIONS(&r, "wait app");
	EXPECT_STR(actions.waits[0].message,
		"back-off 20s restarting failed container=app pod=p_n(u)");
	EXPECT_INT(actions.wake, RIG_NOW + 17 * SEC);
	r.view.now += 17 * SEC;
	EXPECT_ACTIONS(&r, "start app#2");
	rig_close(&r);
}

#define INIT                                                                                       \
	"{'restartPolicy':'%s','initContainers':[{'name':'i1','image':'i'},{'name':'i2','image':"  \
	"'i'}],'containers':[{'name':'app','image':'i'}]}"

TEST(init_containers_run_one_by_one)
{
	struct view_rig r;
	char spec[256];

	snprintf(spec, sizeof(spec), INIT, "Always");
	rig_open(&r, spec);
	rig_sandbox(&r, SANDBOX_READY);
	EXPECT_ACTIONS(&r, "start i1#0");
	rig_run(&r, "i1#0 running");
	EXPECT_ACTIONS(&r, "");
	r.containers[0].state = CONTAINER_EXITED;
	EXPECT_ACTIONS(&r, "start i2#0");
	rig_run(&r, "i2#0 exited 1");
	EXPECT_ACTIONS(&r, "start i2#1");
	rig_run(&r, "i2#1 exited 0");
	EXPECT_ACTIONS(&r, "start app#0");
	rig_run(&r, "app#0 running");
	EXPECT_ACTIONS(&r, "");
	/* The runtime forgets the first ones: nothing runs again. */
	r.list[0] = &r.containers[3];
	r.view.container_count = 1;
	EXPECT_ACTIONS(&r, "");
	r.containers[3].state = CONTAINER_EXITED;
	EXPECT_ACTIONS(&r, "start app#1");
	rig_close(&r);
}

TEST(a_failed_init_container_ends_a_pod_that_never_restarts)
{
	struct view_rig r;
	char spec[256];

	snprintf(spec, sizeof(spec), INIT, "Never");
	rig_open(&r, spec);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "i1#0 exited 1");
	EXPECT_ACTIONS(&r, "failed");
	rig_close(&r);
}

TEST(a_new_sandbox_runs_the_init_containers_again)
{
	struct view_rig r;
	char spec[256];

	snprintf(spec, sizeof(spec), INIT, "Always");
	rig_open(&r, spec);
	rig_sandbox(&r, SANDBOX_NOT_READY);
	rig_run(&r, "i1#0 exited 0");
	rig_run(&r, "i2#0 exited 0");
	rig_run(&r, "app#0 exited 137");
	EXPECT_ACTIONS(&r, "run-sandbox #1");
	rig_sandbox(&r, SANDBOX_READY);
	r.sandbox.id = STR("box2");
	EXPECT_ACTIONS(&r, "start i1#1");
	rig_close(&r);
}

#define SIDECAR                                                                                    \
	"{'restartPolicy':'Never','initContainers':[{'name':'side','image':'i','restartPolicy':"   \
	"'Always','startupProbe':{'exec':{}}},{'name':'i2','image':'i'}],'containers':[{'name':"   \
	"'app','image':'i'}]}"

TEST(sidecars_start_before_the_rest_and_stay)
{
	struct view_rig r;

	rig_open(&r, SIDECAR);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "side#0 running");
	EXPECT_ACTIONS(&r, "");
	rig_verdict(&r, "side", PROBE_STARTUP, VERDICT_SUCCESS);
	EXPECT_ACTIONS(&r, "start i2#0");
	rig_run(&r, "i2#0 exited 0");
	EXPECT_ACTIONS(&r, "start app#0");
	rig_run(&r, "app#0 running");
	EXPECT_ACTIONS(&r, "");
	r.containers[0].state = CONTAINER_EXITED;
	EXPECT_ACTIONS(&r, "start side#1");
	/* When the main ones have ended, it is not started again. */
	r.containers[2].state = CONTAINER_EXITED;
	EXPECT_ACTIONS(&r, "finished");
	rig_close(&r);
}

TEST(failed_probes_kill_with_the_grace_of_the_probe)
{
	struct view_rig r;

	rig_open(&r, "{'terminationGracePeriodSeconds':30,'containers':[{'name':'a','image':'i',"
		     "'livenessProbe':{'terminationGracePeriodSeconds':5},'startupProbe':{}}]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "a#0 running");
	rig_verdict(&r, "a", PROBE_LIVENESS, VERDICT_FAILURE);
	EXPECT_ACTIONS(&r, "kill a-0 5s 'Container a failed liveness probe, will be restarted'");
	rig_verdict(&r, "a", PROBE_LIVENESS, VERDICT_NONE);
	rig_verdict(&r, "a", PROBE_STARTUP, VERDICT_FAILURE);
	EXPECT_ACTIONS(&r, "kill a-0 30s 'Container a failed startup probe, will be restarted'");
	tree_set_str(&r.arena, json_path(r.view.pod, "spec.containers.0"), "image", STR("other"));
	EXPECT_ACTIONS(&r, "kill a-0 30s 'Container a definition changed, will be restarted'");
	rig_close(&r);
}

TEST(ephemeral_containers_start_once)
{
	struct view_rig r;

	rig_open(&r, "{'containers':[{'name':'app','image':'i'}],'ephemeralContainers':[{'name':"
		     "'e','image':'i'}]}");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#0 running");
	EXPECT_ACTIONS(&r, "start e#0");
	rig_run(&r, "e#0 exited 1");
	EXPECT_ACTIONS(&r, "");
	rig_close(&r);
}

static void expect_end(struct view_rig *r, int64_t grace, int64_t since, const char *wanted)
{
	struct pod_actions actions;
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct pod_ending ending = {grace, since};

	podsync_end(&r->arena, &r->view, &ending, &actions);
	print_actions(&actions, &out);
	EXPECT_STR(buf_str(&out), wanted);
}

TEST(a_pod_ends_with_its_sidecars_last)
{
	struct view_rig r;

	rig_open(&r, SIDECAR);
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "side#0 running");
	rig_run(&r, "app#0 running");
	expect_end(&r, 30 * SEC, RIG_NOW, "kill app-0 30s 'Stopping container app'");
	expect_end(&r, 0, RIG_NOW, "kill app-0 0s 'Stopping container app'");
	r.containers[1].state = CONTAINER_EXITED;
	expect_end(&r, 30 * SEC, RIG_NOW - 20 * SEC, "kill side-0 10s 'Stopping container side'");
	expect_end(&r, 30 * SEC, RIG_NOW - 40 * SEC, "kill side-0 2s 'Stopping container side'");
	r.containers[0].state = CONTAINER_EXITED;
	expect_end(&r, 30 * SEC, RIG_NOW, "stop-sandbox box");
	r.sandbox.state = SANDBOX_NOT_READY;
	expect_end(&r, 30 * SEC, RIG_NOW, "finished");
	rig_close(&r);
}

TEST(one_dead_container_of_each_name_is_kept_behind_the_newest)
{
	struct view_rig r;
	struct pod_actions actions = {0};
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	open_app(&r, "Always");
	rig_sandbox(&r, SANDBOX_READY);
	rig_run(&r, "app#0 exited 1");
	rig_run(&r, "app#1 exited 1");
	rig_run(&r, "app#2 running");
	podsync_collect(&r.arena, &r.view, &actions);
	print_actions(&actions, &out);
	EXPECT_STR(buf_str(&out), "remove app-0");
	rig_close(&r);
}

TEST(a_sandbox_that_did_not_live_is_not_followed_at_once)
{
	struct view_rig r;

	open_app(&r, "Always");
	rig_sandbox(&r, SANDBOX_NOT_READY);
	r.sandbox.created = RIG_NOW - 4 * SEC;
	struct pod_actions actions = EXPECT_ACTIONS(&r, "");
	EXPECT_INT(actions.wake, RIG_NOW + 6 * SEC);
	r.sandbox.created = RIG_NOW - 10 * SEC;
	EXPECT_ACTIONS(&r, "run-sandbox #1");
	rig_close(&r);
}
