/* Pods that get more or less while they run. */
#include "kubelet_rig.h"

static struct fake_program programs[] = {{.name = "app", .here = true, .ends = 100 * MSEC}};

#define MIB_OF(n) ((n) * (int64_t)MIB)

static void open_rig(struct kubelet_rig *r)
{
	kubelet_rig_open(r, programs, 1);
	rig_pass(r, SEC);
}

/* resources: of the only container, single quotes. */
static void pod(struct kubelet_rig *r, const char *name, const char *policy, const char *resources)
{
	char *spec = mem_print(
		"'containers':[{'name':'c','image':'app',%s'resources':{%s}}]", policy, resources);

	rig_pod(r, name, spec);
	mem_free(spec);
	rig_pass(r, SEC);
	EXPECT_STR(rig_status(r, name, "phase"), "Running");
}

static void resize(struct kubelet_rig *r, const char *name, const char *resources)
{
	char *body =
		mem_print("{'spec':{'containers':[{'name':'c','resources':{%s}}]}}", resources);

	EXPECT_INT(rig_ask(r, CLIENT_PATCH_STRATEGIC, "pods", name, "resize", body, NULL), 0);
	mem_free(body);
	rig_pass(r, SEC);
}

static const struct cJSON *condition(struct kubelet_rig *r, const char *name, const char *type)
{
	json_each (c, json_path(rig_get(r, name), "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), type))
			return c;
	return NULL;
}

static struct str has(struct kubelet_rig *r, const char *name, const char *path)
{
	return tree_str(rig_container(r, name, "c"), path);
}

#define REQUESTS(cpu) "'requests':{'cpu':'" cpu "'}"
#define BOTH(cpu, memory)                                                                          \
	"'requests':{'cpu':'" cpu "','memory':'" memory "'},'limits':{'cpu':'" cpu                 \
	"','memory':'" memory "'}"

TEST(a_running_container_gets_what_its_pod_is_resized_to)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "p", "", BOTH("1", "64Mi"));
	resize(&r, "p", BOTH("1500m", "128Mi"));
	const struct fake_container *c = fake_container(&r.runtime, STR("c"));
	EXPECT_INT(c->limits.memory, MIB_OF(128));
	EXPECT_INT(c->limits.cpu_quota, 150000);
	EXPECT_INT(c->limits.cpu_shares, 1536);
	EXPECT_INT(r.runtime.started, 1);
	EXPECT_STR(has(&r, "p", "resources.limits.cpu"), "1500m");
	EXPECT_STR(has(&r, "p", "allocatedResources.memory"), "128Mi");
	EXPECT_INT(tree_int(rig_container(&r, "p", "c"), "restartCount", -1), 0);
	EXPECT(!condition(&r, "p", "PodResizeInProgress"));
	EXPECT(!condition(&r, "p", "PodResizePending"));
	EXPECT_INT(rig_events(&r, "p", "ResizeStarted",
			   "Pod resize started: {\"containers\":[{\"name\":\"c\",\"resources\":{"
			   "\"limits\":{\"cpu\":\"1500m\",\"memory\":\"128Mi\"},\"requests\":{"
			   "\"cpu\":\"1500m\",\"memory\":\"128Mi\"}}}],\"generation\":2}"),
		1);
	EXPECT_INT(rig_events(&r, "p", "ResizeCompleted", "\"generation\":2}"), 1);
	EXPECT_INT(tree_int(rig_get(&r, "p"), "status.observedGeneration", 0), 2);
	/* And less. */
	resize(&r, "p", BOTH("500m", "32Mi"));
	EXPECT_INT(fake_container(&r.runtime, STR("c"))->limits.memory, MIB_OF(32));
	EXPECT_STR(has(&r, "p", "resources.limits.memory"), "32Mi");
	EXPECT_INT(rig_events(&r, "p", "ResizeCompleted", NULL), 2);
	kubelet_rig_close(&r);
}

TEST(a_container_that_wants_a_restart_for_it_is_restarted)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "p",
		"'resizePolicy':[{'resourceName':'memory','restartPolicy':'RestartContainer'},"
		"{'resourceName':'cpu','restartPolicy':'NotRequired'}],",
		BOTH("1", "64Mi"));
	resize(&r, "p", BOTH("2", "64Mi"));
	EXPECT_INT(r.runtime.started, 1);
	EXPECT_STR(has(&r, "p", "resources.limits.cpu"), "2");
	resize(&r, "p", BOTH("2", "128Mi"));
	rig_pass(&r, 2 * SEC);
	EXPECT_INT(r.runtime.started, 2);
	EXPECT_INT(rig_events(&r, "p", "Killing", "Container c resize requires restart"), 1);
	EXPECT_INT(tree_int(rig_container(&r, "p", "c"), "restartCount", -1), 1);
	EXPECT_INT(fake_container(&r.runtime, STR("c"))->config.limits.memory, MIB_OF(128));
	EXPECT_STR(has(&r, "p", "resources.limits.memory"), "128Mi");
	EXPECT(!condition(&r, "p", "PodResizeInProgress"));
	kubelet_rig_close(&r);
}

TEST(who_finds_no_room_waits_until_somebody_leaves)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "other", "", REQUESTS("2"));
	pod(&r, "p", "", REQUESTS("1"));
	resize(&r, "p", REQUESTS("3"));
	const struct cJSON *c = condition(&r, "p", "PodResizePending");
	EXPECT_STR(tree_str(c, "reason"), "Deferred");
	EXPECT_STR(tree_str(c, "message"),
		"Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: "
		"4000");
	EXPECT_INT(tree_int(c, "observedGeneration", 0), 2);
	EXPECT_STR(has(&r, "p", "allocatedResources.cpu"), "1");
	EXPECT_STR(has(&r, "p", "resources.requests.cpu"), "1");
	EXPECT_INT(rig_events(&r, "p", "ResizeDeferred", "Pod resize Deferred: {"), 1);
	rig_delete(&r, "other", 0);
	rig_pass(&r, 5 * SEC);
	EXPECT(!condition(&r, "p", "PodResizePending"));
	EXPECT_STR(has(&r, "p", "resources.requests.cpu"), "3");
	EXPECT_INT(fake_container(&r.runtime, STR("c"))->limits.cpu_shares, 3072);
	kubelet_rig_close(&r);
}

TEST(the_most_important_of_those_who_wait_goes_first)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "other", "", REQUESTS("2"));
	pod(&r, "less", "", REQUESTS("500m"));
	rig_pod(&r, "more",
		"'priorityClassName':'system-cluster-critical','containers':[{'name':'c','image':"
		"'app','resources':{" REQUESTS("500m") "}}]");
	rig_pass(&r, SEC);
	resize(&r, "less", REQUESTS("2500m"));
	resize(&r, "more", REQUESTS("2500m"));
	EXPECT_STR(tree_str(condition(&r, "less", "PodResizePending"), "reason"), "Deferred");
	EXPECT_STR(tree_str(condition(&r, "more", "PodResizePending"), "reason"), "Deferred");
	rig_delete(&r, "other", 0);
	rig_pass(&r, 5 * SEC);
	/* There is room for one of them, and less has waited longer. */
	EXPECT_STR(tree_str(condition(&r, "less", "PodResizePending"), "reason"), "Deferred");
	EXPECT(!condition(&r, "more", "PodResizePending"));
	kubelet_rig_close(&r);
}

TEST(what_was_begun_is_gone_on_with_by_another_kubelet)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "p", "", BOTH("1", "64Mi"));
	/* Nobody hears of it until there is another kubelet. */
	kubelet_rig_stop(&r);
	resize(&r, "p", BOTH("2", "64Mi"));
	kubelet_rig_start(&r);
	rig_pass(&r, 3 * SEC);
	EXPECT_INT(fake_container(&r.runtime, STR("c"))->limits.cpu_quota, 200000);
	EXPECT_STR(has(&r, "p", "resources.limits.cpu"), "2");
	EXPECT_INT(r.runtime.started, 1);
	/* It knows what has been done, and does it no more. */
	int updated = r.runtime.updated;
	kubelet_rig_stop(&r);
	kubelet_rig_start(&r);
	rig_pass(&r, 3 * SEC);
	EXPECT_INT(r.runtime.updated, updated);
	EXPECT_STR(has(&r, "p", "resources.limits.cpu"), "2");
	EXPECT_INT(rig_events(&r, "p", "ResizeCompleted", NULL), 1);
	kubelet_rig_close(&r);
}

TEST(less_memory_than_is_used_is_not_given)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "p", "", BOTH("1", "64Mi"));
	resize(&r, "p", BOTH("1", "8"));
	const struct cJSON *c = condition(&r, "p", "PodResizeInProgress");
	EXPECT_STR(tree_str(c, "reason"), "Error");
	EXPECT_STR(tree_str(c, "message"),
		"cannot decrease memory limits: [attempting to set pod memory limit (8) below "
		"current usage (9), attempting to set container \"c\" memory limit (8) below "
		"current usage (9)]");
	EXPECT_INT(rig_events(&r, "p", "ResizeError", "\"error\":\"cannot decrease"), 1);
	EXPECT_STR(has(&r, "p", "resources.limits.memory"), "64Mi");
	EXPECT_STR(has(&r, "p", "allocatedResources.memory"), "8");
	EXPECT_INT(r.runtime.updated, 0);
	/* A wish that can be met ends it. */
	resize(&r, "p", BOTH("1", "16Mi"));
	rig_pass(&r, 3 * SEC);
	EXPECT(!condition(&r, "p", "PodResizeInProgress"));
	EXPECT_STR(has(&r, "p", "resources.limits.memory"), "16Mi");
	kubelet_rig_close(&r);
}

TEST(a_failure_of_the_runtime_is_told_and_tried_again)
{
	struct kubelet_rig r;

	open_rig(&r);
	pod(&r, "p", "", BOTH("1", "64Mi"));
	r.runtime.fail_times = 1;
	r.runtime.fail_code = ERR_INTERNAL;
	resize(&r, "p", BOTH("2", "64Mi"));
	rig_pass(&r, 3 * SEC);
	EXPECT_INT(rig_events(&r, "p", "ResizeError", "the runtime is told to fail"), 1);
	EXPECT_STR(has(&r, "p", "resources.limits.cpu"), "2");
	EXPECT(!condition(&r, "p", "PodResizeInProgress"));
	kubelet_rig_close(&r);
}

TEST(sidecars_are_resized_too)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'initContainers':[{'name':'side','image':'app','restartPolicy':'Always',"
		"'resources':{'requests':{'cpu':'100m'}}}],"
		"'containers':[{'name':'c','image':'app'}]");
	rig_pass(&r, 2 * SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_STRATEGIC, "pods", "p", "resize",
			   "{'spec':{'initContainers':[{'name':'side','resources':{'requests':{"
			   "'cpu':'200m'}}}]}}",
			   NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT_INT(fake_container(&r.runtime, STR("side"))->limits.cpu_shares, 204);
	EXPECT_STR(tree_str(rig_container(&r, "p", "side"), "resources.requests.cpu"), "200m");
	kubelet_rig_close(&r);
}

TEST(what_a_pod_has_as_a_whole_is_resized)
{
	struct kubelet_rig r;

	open_rig(&r);
	rig_pod(&r, "p",
		"'resources':{'requests':{'cpu':'1'},'limits':{'cpu':'2'}},"
		"'containers':[{'name':'c','image':'app'}]");
	rig_pass(&r, 2 * SEC);
	EXPECT_STR(rig_status(&r, "p", "resources.limits.cpu"), "2");
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_STRATEGIC, "pods", "p", "resize",
			   "{'spec':{'resources':{'requests':{'cpu':'2'},'limits':{'cpu':'3'}}}}",
			   NULL),
		0);
	rig_pass(&r, SEC);
	EXPECT_STR(rig_status(&r, "p", "allocatedResources.cpu"), "2");
	EXPECT_STR(rig_status(&r, "p", "resources.limits.cpu"), "3");
	EXPECT(!condition(&r, "p", "PodResizeInProgress"));
	EXPECT_INT(rig_events(&r, "p", "ResizeCompleted", NULL), 1);
	EXPECT_INT(r.runtime.started, 1);
	kubelet_rig_close(&r);
}
