/* Pods on a node, from the API to a runtime in memory and back, on virtual time. */
#include "kubelet_rig.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define APP "'containers':[{'name':'app','image':'app'}]"

static struct fake_program programs[] = {
	{.name = "app", .here = true, .ends = 100 * MSEC},
	{.name = "sleeper", .here = true, .ends = -1},
	{.name = "once", .here = true, .runs = 2 * SEC},
	{.name = "fails", .here = true, .runs = SEC, .code = 3},
	{.name = "far", .pull = 3 * SEC, .ends = 0},
	{.name = "nowhere", .pull = 100 * MSEC, .pull_error = "manifest unknown"},
	{.name = "odd", .here = true, .create_error = "no such device"},
	{.name = "reg.example/private", .password = "good"},
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
	json_each (condition, json_path(rig_get(&r, "p"), "status.conditions"))
		EXPECT_STR(tree_str(condition, "reason"), "");
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

TEST(what_leaves_comes_back_later_each_time)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", "'containers':[{'name':'app','image':'fails'}]");
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(tree_str(rig_container(&r, "p", "app"), "state.waiting.reason"),
		"CrashLoopBackOff");
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 0), 1);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT(str_starts(tree_str(rig_container(&r, "p", "app"), "state.waiting.message"),
		STR("back-off 10s restarting failed container=app pod=p_default(")));
	rig_pass(&r, 60 * SEC);
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 0), 3);
	rig_pass(&r, HOUR);
	/* 10, 20, 40, 80, 160, then 300 s each. */
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 0), 17);
	EXPECT(rig_events(&r, "p", "BackOff", "Back-off restarting failed container app in pod p") >
		3);
	/* Only the newest that has ended is kept. */
	EXPECT_INT(r.runtime.container_count, 1);
	kubelet_rig_close(&r);
}

TEST(images_of_volumes_are_pulled_before_a_container_starts)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "good",
		"'containers':[{'name':'c','image':'app','volumeMounts':[{'name':'v','mountPath':"
		"'/v'},{'name':'v','mountPath':'/w'}]}],"
		"'volumes':[{'name':'v','image':{'reference':'far','pullPolicy':'Always'}}]");
	rig_pod(&r, "bad",
		"'containers':[{'name':'c','image':'app','volumeMounts':[{'name':'v','mountPath':"
		"'/v'}]}],'volumes':[{'name':'v','image':{'reference':'nowhere'}}]");
	rig_pass(&r, 2 * SEC);
	EXPECT_INT(rig_events(&r, "good", "Pulling", "Pulling image \"far\""), 1);
	EXPECT_STR(rig_status(&r, "good", "phase"), "Pending");
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(rig_status(&r, "good", "phase"), "Running");
	EXPECT_INT(rig_events(&r, "good", "Pulling", "Pulling image \"far\""), 1);
	EXPECT_STR(rig_status(&r, "bad", "phase"), "Pending");
	EXPECT_INT(rig_events(&r, "bad", "Failed",
			   "Failed to pull image \"nowhere\": manifest unknown") > 0,
		1);
	EXPECT_STR(tree_str(rig_container(&r, "bad", "c"), "state.waiting.reason"),
		"ImagePullBackOff");
	kubelet_rig_close(&r);
}

TEST(jobs_end_by_themselves)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "good", "'restartPolicy':'Never','containers':[{'name':'a','image':'once'}]");
	rig_pod(&r, "bad",
		"'restartPolicy':'Never','containers':[{'name':'a','image':'fails'},"
		"{'name':'b','image':'once'}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "good", "phase"), "Succeeded");
	EXPECT_STR(
		tree_str(rig_container(&r, "good", "a"), "state.terminated.reason"), "Completed");
	EXPECT_STR(rig_status(&r, "bad", "phase"), "Failed");
	EXPECT_INT(tree_int(rig_container(&r, "bad", "a"), "state.terminated.exitCode", 0), 3);
	for (size_t i = 0; i < r.runtime.sandbox_count; i++)
		EXPECT_INT(r.runtime.sandboxes[i]->s.state, SANDBOX_NOT_READY);
	rig_delete(&r, "good", -1);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "good", "phase"), "(gone)");
	kubelet_rig_close(&r);
}

TEST(init_containers_go_first_and_sidecars_last)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'initContainers':[{'name':'i1','image':'once'},{'name':'side','image':'app',"
		"'restartPolicy':'Always'},{'name':'i2','image':'once'}],"
		"'containers':[{'name':'app','image':'app'}]");
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Pending");
	EXPECT_STR(
		tree_str(rig_container(&r, "p", "app"), "state.waiting.reason"), "PodInitializing");
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	rig_pass(&r, 2 * SEC);
	EXPECT_INT(fake_runtime_running(&r.runtime), 2); /* side, i2 */
	EXPECT(!rig_condition(&r, "p", "Initialized"));
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT(rig_condition(&r, "p", "Initialized"));
	EXPECT(rig_condition(&r, "p", "Ready"));
	rig_delete(&r, "p", -1);
	rig_pass(&r, 2 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "(gone)");
	kubelet_rig_close(&r);
}

TEST(a_failed_init_container_fails_the_pod)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'restartPolicy':'Never','initContainers':[{'name':'i','image':'fails'}],"
		"'containers':[{'name':'app','image':'app'}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Failed");
	EXPECT_INT(r.runtime.started, 1);
	kubelet_rig_close(&r);
}

TEST(images_are_pulled_and_waited_for)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "lost", "'containers':[{'name':'a','image':'nowhere'}]");
	rig_pass(&r, 50 * MSEC);
	rig_pod(&r, "far", "'containers':[{'name':'a','image':'far'}]");
	rig_pod(&r, "never",
		"'containers':[{'name':'a','image':'nowhere','imagePullPolicy':'Never'}]");
	rig_pass(&r, 500 * MSEC);
	EXPECT_STR(tree_str(rig_container(&r, "far", "a"), "state.waiting.reason"),
		"ContainerCreating");
	EXPECT_STR(
		tree_str(rig_container(&r, "lost", "a"), "state.waiting.reason"), "ErrImagePull");
	EXPECT_STR(tree_str(rig_container(&r, "never", "a"), "state.waiting.reason"),
		"ErrImageNeverPull");
	rig_pass(&r, 4 * SEC);
	EXPECT_STR(rig_status(&r, "far", "phase"), "Running");
	EXPECT_STR(tree_str(rig_container(&r, "lost", "a"), "state.waiting.reason"),
		"ImagePullBackOff");
	EXPECT_STR(tree_str(rig_container(&r, "lost", "a"), "state.waiting.message"),
		"Back-off pulling image \"nowhere\": ErrImagePull: manifest unknown");
	EXPECT_INT(rig_events(&r, "far", "Pulling", "Pulling image \"far\""), 1);
	EXPECT_INT(
		rig_events(&r, "far", "Pulled", "Successfully pulled image \"far\" in 3s (3"), 1);
	fresh[5].pull_error = NULL;
	rig_pass(&r, 30 * SEC);
	EXPECT_STR(rig_status(&r, "lost", "phase"), "Running");
	kubelet_rig_close(&r);
}

TEST(what_cannot_be_made_says_why)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "odd", "'containers':[{'name':'a','image':'odd'}]");
	rig_pod(&r, "broken", "'containers':[{'name':'a','image':'broken'}]");
	rig_pod(&r, "unset",
		"'containers':[{'name':'a','image':'app','env':[{'name':'X','valueFrom':"
		"{'configMapKeyRef':{'name':'cm','key':'k'}}}]}]");
	rig_pass(&r, SEC);
	EXPECT_STR(tree_str(rig_container(&r, "odd", "a"), "state.waiting.reason"),
		"CreateContainerError");
	EXPECT_STR(tree_str(rig_container(&r, "broken", "a"), "state.waiting.reason"),
		"RunContainerError");
	EXPECT_STR(tree_str(rig_container(&r, "unset", "a"), "state.waiting.reason"),
		"CreateContainerConfigError");
	EXPECT_STR(tree_str(rig_container(&r, "unset", "a"), "state.waiting.message"),
		"configmap \"cm\" not found");
	EXPECT_INT(rig_ask(&r, CLIENT_CREATE, "configmaps", NULL, NULL,
			   "{'metadata':{'name':'cm'},'data':{'k':'v'}}", NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "unset", "phase"), "Running");
	rig_delete(&r, "odd", 0);
	rig_delete(&r, "broken", 5);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "odd", "phase"), "(gone)");
	EXPECT_STR(rig_status(&r, "broken", "phase"), "(gone)");
	kubelet_rig_close(&r);
}

TEST(what_is_changed_of_a_pod_that_cannot_be_made_is_tried_at_once)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pass(&r, SEC);
	rig_pod(&r, "p",
		"'volumes':[{'name':'e','emptyDir':{}}],'containers':[{'name':'app','image':'app',"
		"'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':"
		"'metadata.annotations[\\u0027sub\\u0027]'}}}],"
		"'volumeMounts':[{'name':'e','mountPath':'/e','subPathExpr':'$(A)/x'}]}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(tree_str(rig_container(&r, "p", "app"), "state.waiting.message"),
		"error SubPath `/x` must not be an absolute path");
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_MERGE, "pods", "p", NULL,
			   "{'metadata':{'annotations':{'sub':'..'}}}", NULL),
		0);
	rig_pass(&r, 100 * MSEC);
	EXPECT_STR(tree_str(rig_container(&r, "p", "app"), "state.waiting.message"),
		"unable to provision SubPath `../x`: must not contain '..'");
	kubelet_rig_close(&r);
}

TEST(a_name_that_is_too_long_for_the_kernel_makes_no_sandbox)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pass(&r, SEC);
	rig_pod(&r, "a-pod-with-quite-a-long-name-to-begin-with",
		"'subdomain':'sub','setHostnameAsFQDN':true," APP);
	rig_pod(&r, "short", "'subdomain':'sub','setHostnameAsFQDN':true," APP);
	rig_pass(&r, 2 * SEC);
	EXPECT_STR(rig_status(&r, "short", "phase"), "Running");
	EXPECT_STR(
		rig_status(&r, "a-pod-with-quite-a-long-name-to-begin-with", "phase"), "Pending");
	EXPECT(rig_events(&r, "a-pod-with-quite-a-long-name-to-begin-with",
		       "FailedCreatePodSandBox",
		       "failed to construct FQDN from pod hostname and cluster domain, FQDN "
		       "a-pod-with-quite-a-long-name-to-begin-with.sub.default.svc.cluster.local "
		       "is "
		       "too long (64 characters is the max, 72 characters requested)") > 0);
	kubelet_rig_close(&r);
}

TEST(who_may_not_be_root_is_told_who_says_so)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "image",
		"'securityContext':{'runAsNonRoot':true},'containers':[{'name':'a','image':'app'}"
		"]");
	rig_pod(&r, "said",
		"'securityContext':{'runAsNonRoot':true,'runAsUser':0},"
		"'containers':[{'name':'a','image':'app'}]");
	rig_pod(&r, "other",
		"'securityContext':{'runAsNonRoot':true,'runAsUser':5},"
		"'containers':[{'name':'a','image':'app'}]");
	rig_pass(&r, SEC);
	EXPECT(str_starts(tree_str(rig_container(&r, "image", "a"), "state.waiting.message"),
		STR("container has runAsNonRoot and image will run as root (pod: \"image_")));
	EXPECT(str_starts(tree_str(rig_container(&r, "said", "a"), "state.waiting.message"),
		STR("container's runAsUser breaks non-root policy (pod: \"said_")));
	EXPECT_STR(rig_status(&r, "other", "phase"), "Running");
	kubelet_rig_close(&r);
}

TEST(what_never_ran_began_at_the_beginning_of_time)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", "'restartPolicy':'Never','containers':[{'name':'a','image':'broken'}]");
	rig_pass(&r, SEC);
	EXPECT_STR(tree_str(rig_container(&r, "p", "a"), "state.terminated.startedAt"),
		"1970-01-01T00:00:00Z");
	kubelet_rig_close(&r);
}

TEST(grace_is_given_and_can_be_taken_back)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", "'containers':[{'name':'a','image':'sleeper'}]");
	rig_pass(&r, SEC);
	rig_delete(&r, "p", 20);
	rig_pass(&r, 10 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	rig_delete(&r, "p", 1);
	rig_pass(&r, 4 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "(gone)");
	rig_pod(&r, "q", "'containers':[{'name':'a','image':'sleeper'}]");
	rig_pass(&r, SEC);
	rig_delete(&r, "q", 20);
	rig_pass(&r, 19 * SEC);
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(rig_status(&r, "q", "phase"), "(gone)");
	kubelet_rig_close(&r);
}

TEST(a_deadline_ends_the_pod)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", "'activeDeadlineSeconds':5," APP);
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	rig_pass(&r, 4 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "p", "reason"), "DeadlineExceeded");
	EXPECT_INT(fake_runtime_running(&r.runtime), 0);
	kubelet_rig_close(&r);
}

TEST(a_new_kubelet_goes_on_with_what_runs)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "stays", APP);
	rig_pod(&r, "goes", APP);
	rig_pass(&r, SEC);
	kubelet_rig_stop(&r);
	EXPECT_INT(fake_runtime_running(&r.runtime), 2);
	rig_delete(&r, "goes", 0);
	rig_pass(&r, MINUTE);
	kubelet_rig_start(&r);
	rig_pass(&r, MINUTE);
	EXPECT_STR(rig_status(&r, "stays", "phase"), "Running");
	EXPECT_INT(tree_int(rig_container(&r, "stays", "app"), "restartCount", 9), 0);
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	EXPECT_INT(r.runtime.sandbox_count, 1);
	EXPECT_INT(r.runtime.started, 2);
	kubelet_rig_close(&r);
}

TEST(a_sandbox_that_died_is_replaced)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", APP);
	rig_pass(&r, SEC);
	fake_runtime_crash(&r.runtime, r.runtime.sandboxes[0]->s.id);
	rig_pass(&r, 20 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT(rig_condition(&r, "p", "Ready"));
	EXPECT_INT(tree_int(rig_container(&r, "p", "app"), "restartCount", 0), 1);
	EXPECT_INT(rig_events(&r, "p", "SandboxChanged", NULL), 1);
	kubelet_rig_close(&r);
}

TEST(ephemeral_containers_join_what_runs)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p", APP);
	rig_pass(&r, SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_STRATEGIC, "pods", "p", "ephemeralcontainers",
			   "{'spec':{'ephemeralContainers':[{'name':'debug','image':'once',"
			   "'targetContainerName':'app'}]}}",
			   NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT(tree_has(rig_container(&r, "p", "debug"), "state.running"));
	rig_pass(&r, 5 * SEC);
	EXPECT(tree_has(rig_container(&r, "p", "debug"), "state.terminated"));
	EXPECT(rig_condition(&r, "p", "Ready"));
	kubelet_rig_close(&r);
}

static const struct runtime_mount *mount_of(
	struct kubelet_rig *r, const char *container, const char *path)
{
	struct fake_container *f = fake_container(&r->runtime, str_from(container));

	for (size_t i = 0; f && i < f->config.mount_count; i++)
		if (str_eq_text(f->config.mounts[i].container_path, path))
			return &f->config.mounts[i];
	return NULL;
}

static struct str file_text(struct kubelet_rig *r, struct str path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	FILE *f = fopen(arena_str(&r->arena, path).at, "re");
	int c;

	while (f && (c = fgetc(f)) != EOF)
		buf_add_char(&text, (char)c);
	if (f)
		fclose(f);
	return arena_str(&r->arena, buf_str(&text));
}

TEST(volumes_are_there_before_containers)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'volumes':[{'name':'v','configMap':{'name':'cm'}}],'containers':[{'name':'app',"
		"'image':'app','volumeMounts':[{'name':'v','mountPath':'/etc/v'}]}]");
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Pending");
	EXPECT_STR(tree_str(rig_container(&r, "p", "app"), "state.waiting.reason"),
		"ContainerCreating");
	EXPECT(rig_events(&r, "p", "FailedMount",
		       "MountVolume.SetUp failed for volume \"v\" : configmap \"cm\" not found") >=
		1);
	EXPECT_INT(r.runtime.sandbox_count, 0);
	EXPECT_INT(rig_ask(&r, CLIENT_CREATE, "configmaps", NULL, NULL,
			   "{'metadata':{'name':'cm'},'data':{'k':'one'}}", NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	struct str path = mount_of(&r, "app", "/etc/v")->host_path;
	EXPECT_STR(file_text(&r, arena_print(&r.arena, "%.*s/k", STRF(path))), "one");
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_MERGE, "configmaps", "cm", NULL, "{'data':{'k':'two'}}",
			   NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT_STR(file_text(&r, arena_print(&r.arena, "%.*s/k", STRF(path))), "two");
	rig_delete(&r, "p", -1);
	rig_pass(&r, 2 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "(gone)");
	/* Nothing of it is left. */
	char command[160];
	snprintf(command, sizeof(command), "[ -z \"$(find %s -type f)\" ]", r.root);
	EXPECT_INT(system(command), 0);
	kubelet_rig_close(&r);
}

TEST(containers_have_hosts_and_a_place_for_last_words)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'hostname':'web','subdomain':'sub','hostAliases':[{'ip':'1.2.3.4','hostnames':"
		"['a','b']}]," APP);
	rig_pass(&r, SEC);
	const struct runtime_mount *hosts = mount_of(&r, "app", "/etc/hosts");
	const struct runtime_mount *words = mount_of(&r, "app", "/dev/termination-log");
	EXPECT(hosts && words);
	struct str text = file_text(&r, hosts->host_path);
	EXPECT(str_starts(text, STR("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")));
	EXPECT(str_ends(text, STR("\tweb.sub.default.svc.cluster.local\tweb\n\n# Entries added by "
				  "HostAliases.\n1.2.3.4\ta\tb\n")));
	EXPECT_STR(file_text(&r, words->host_path), "");
	kubelet_rig_close(&r);
}

TEST(hooks_run_after_the_start_and_before_the_end)
{
	struct kubelet_rig r;

	open_rig(&r);
	fresh[0].exec_takes = SEC;
	rig_pod(&r, "p",
		"'containers':[{'name':'app','image':'app','lifecycle':{'postStart':{'exec':"
		"{'command':['begin']}},'preStop':{'exec':{'command':['end']}}}}]");
	rig_pass(&r, 500 * MSEC);
	EXPECT_STR(str_from(r.runtime.last_exec), "begin");
	rig_pass(&r, SEC);
	EXPECT(rig_condition(&r, "p", "Ready"));
	rig_delete(&r, "p", -1);
	rig_pass(&r, 500 * MSEC);
	EXPECT_STR(str_from(r.runtime.last_exec), "end");
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	rig_pass(&r, 2 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "(gone)");
	/* A hook that fails ends its container. */
	fresh[0].exec_takes = 0;
	fresh[0].exec_code = 7;
	rig_pod(&r, "q",
		"'containers':[{'name':'app','image':'app','lifecycle':{'postStart':{'exec':"
		"{'command':['begin']}}}}]");
	rig_pass(&r, SEC);
	EXPECT(rig_events(&r, "q", "FailedPostStartHook", "PostStartHook failed") >= 1);
	EXPECT(rig_events(&r, "q", "Killing", "FailedPostStartHook") >= 1);
	kubelet_rig_close(&r);
}

TEST(pull_secrets_are_tried_one_after_the_other)
{
	struct kubelet_rig r;

	open_rig(&r);
	/* {"auths":{"reg.example":{"username":"u1","password":"bad"}}} and u2, good */
	EXPECT_INT(
		rig_ask(&r, CLIENT_CREATE, "secrets", NULL, NULL,
			"{'metadata':{'name':'s1'},'type':'kubernetes.io/dockerconfigjson',"
			"'stringData':{'.dockerconfigjson':'{\\\"auths\\\":{\\\"reg.example\\\":{"
			"\\\"username\\\":\\\"u1\\\",\\\"password\\\":\\\"bad\\\"}}}'}}",
			NULL),
		0);
	EXPECT_INT(
		rig_ask(&r, CLIENT_CREATE, "secrets", NULL, NULL,
			"{'metadata':{'name':'s2'},'type':'kubernetes.io/dockerconfigjson',"
			"'stringData':{'.dockerconfigjson':'{\\\"auths\\\":{\\\"reg.example\\\":{"
			"\\\"username\\\":\\\"u2\\\",\\\"password\\\":\\\"good\\\"}}}'}}",
			NULL),
		0);
	rig_pod(&r, "p",
		"'imagePullSecrets':[{'name':'s1'},{'name':'s2'},{'name':'s3'}],'containers':[{"
		"'name':'a','image':'reg.example/private'}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT_INT(r.runtime.pulled, 2);
	EXPECT_INT(rig_events(&r, "p", "FailedToRetrieveImagePullSecret",
			   "Unable to retrieve some image pull secrets (s3); attempting to pull "
			   "the image may not succeed."),
		1);
	rig_pod(&r, "q", "'containers':[{'name':'a','image':'Bad:Name:x'}]");
	rig_pass(&r, SEC);
	EXPECT_STR(
		tree_str(rig_container(&r, "q", "a"), "state.waiting.reason"), "InvalidImageName");
	EXPECT_INT(rig_events(&r, "q", "InspectFailed",
			   "couldn't parse image name \"Bad:Name:x\": invalid reference format"),
		1);
	kubelet_rig_close(&r);
}

TEST(a_node_refuses_what_it_has_no_room_for)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pass(&r, SEC);
	rig_pod(&r, "large",
		"'containers':[{'name':'a','image':'app','resources':{'requests':{'cpu':'3'}}}]");
	rig_pass(&r, SEC);
	rig_pod(&r, "more",
		"'containers':[{'name':'a','image':'app','resources':{'requests':{'cpu':'1500m'}}"
		"}]");
	rig_pod(&r, "elsewhere", "'nodeSelector':{'disk':'ssd'}," APP);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "large", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "more", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "more", "reason"), "OutOfcpu");
	EXPECT_STR(rig_status(&r, "more", "message"),
		"Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: "
		"3000, capacity: 4000");
	/* Nothing of it has been here: whoever lists it sees why, and no container that waits. */
	EXPECT(!json_path(rig_get(&r, "more"), "status.containerStatuses"));
	EXPECT(!json_path(rig_get(&r, "more"), "status.hostIP"));
	EXPECT_INT(json_count(json_path(rig_get(&r, "more"), "status.conditions")), 0);
	EXPECT(rig_status(&r, "more", "startTime").len > 0);
	EXPECT_STR(rig_status(&r, "elsewhere", "reason"), "NodeAffinity");
	EXPECT_INT(r.runtime.started, 1);
	/* Another kubelet does not think better of it. */
	kubelet_rig_stop(&r);
	rig_delete(&r, "large", 0);
	kubelet_rig_start(&r);
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "more", "reason"), "OutOfcpu");
	EXPECT(!json_path(rig_get(&r, "more"), "status.containerStatuses"));
	EXPECT_INT(fake_runtime_running(&r.runtime), 0);
	kubelet_rig_close(&r);
}

TEST(what_runs_already_comes_before_what_a_new_kubelet_is_given)
{
	static const char three[] =
		"'containers':[{'name':'a','image':'app','resources':{'requests':"
		"{'cpu':'3'}}}]";
	struct kubelet_rig r;

	open_rig(&r);
	rig_pass(&r, SEC);
	rig_pod(&r, "old", three);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "old", "phase"), "Running");
	kubelet_rig_stop(&r);
	/* It is heard of first, by its name. */
	rig_pod(&r, "fresh", three);
	kubelet_rig_start(&r);
	rig_pass(&r, 3 * SEC);
	EXPECT_STR(rig_status(&r, "old", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "fresh", "reason"), "OutOfcpu");
	kubelet_rig_close(&r);
}

TEST(the_room_of_a_pod_is_free_when_it_is_told_to_have_ended)
{
	static const char three[] =
		"'restartPolicy':'Never','volumes':[{'name':'e','emptyDir':{}}],"
		"'containers':[{'name':'a','image':'once','resources':{"
		"'requests':{'cpu':'3'}}}]";
	struct kubelet_rig r;

	EXPECT(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	open_rig(&r);
	rig_pass(&r, SEC);
	rig_pod(&r, "first", three);
	rig_pass(&r, SEC);
	/* Its volume cannot be taken away yet. */
	struct str uid = tree_str(rig_get(&r, "first"), "metadata.uid");
	char *inside = mem_print(
		"%s/pods/%.*s/volumes/kubernetes.io~empty-dir/e/inside", r.root, STRF(uid));
	EXPECT_INT(mkdir(inside, 0755), 0);
	EXPECT_INT(mount(r.root, inside, NULL, MS_BIND, NULL), 0);
	rig_pass(&r, 2 * SEC);
	EXPECT_STR(rig_status(&r, "first", "phase"), "Succeeded");
	rig_pod(&r, "second", three);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "second", "phase"), "Running");
	EXPECT_INT(umount2(inside, MNT_DETACH), 0);
	mem_free(inside);
	/* Nor is what has ended in the way of another kubelet. */
	rig_pass(&r, 3 * SEC);
	kubelet_rig_stop(&r);
	rig_pod(&r, "third", three);
	kubelet_rig_start(&r);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "second", "phase"), "Succeeded");
	EXPECT_STR(rig_status(&r, "third", "phase"), "Running");
	kubelet_rig_close(&r);
}

TEST(a_port_of_the_node_can_be_had_once)
{
	struct kubelet_rig r;

#define ON_PORT(ip)                                                                                \
	"'containers':[{'name':'a','image':'app','ports':[{'containerPort':80,'hostPort':8080,"    \
	"'hostIP':'" ip "'}]}]"
	open_rig(&r);
	rig_pass(&r, SEC);
	rig_pod(&r, "one", ON_PORT("127.0.0.1"));
	rig_pass(&r, SEC);
	rig_pod(&r, "beside", ON_PORT("192.168.7.1"));
	rig_pod(&r, "same", ON_PORT("127.0.0.1"));
	rig_pod(&r, "every", ON_PORT(""));
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "one", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "beside", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "same", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "same", "reason"), "NodePorts");
	EXPECT_STR(rig_status(&r, "same", "message"),
		"Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for "
		"the requested pod ports");
	EXPECT_STR(rig_status(&r, "every", "reason"), "NodePorts");
	EXPECT_INT(rig_events(&r, "same", "NodePorts", NULL), 1);
	/* Whoever has it goes: it is free for others. */
	rig_delete(&r, "one", 0);
	rig_pass(&r, SEC);
	rig_pod(&r, "next", ON_PORT("127.0.0.1"));
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "next", "phase"), "Running");
	kubelet_rig_close(&r);
}

TEST(an_end_that_was_decided_is_told_when_nothing_runs_any_more)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'activeDeadlineSeconds':2,'terminationGracePeriodSeconds':10,"
		"'containers':[{'name':'app','image':'sleeper'}]");
	rig_pass(&r, 5 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Running");
	EXPECT_STR(rig_status(&r, "p", "reason"), "");
	EXPECT(!rig_condition(&r, "p", "Ready"));
	rig_pass(&r, 10 * SEC);
	EXPECT_STR(rig_status(&r, "p", "phase"), "Failed");
	EXPECT_STR(rig_status(&r, "p", "reason"), "DeadlineExceeded");
	kubelet_rig_close(&r);
}
