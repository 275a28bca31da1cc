/* The machine's end: pods go group by group before it. */
#include "kubelet_rig.h"

#include <kube/kubelet_configuration.h>

static struct fake_program programs[] = {{.name = "quick", .here = true, .ends = SEC},
	{.name = "slow", .here = true, .ends = 20 * SEC},
	{.name = "deaf", .here = true, .ends = -1},
	{.name = "job", .here = true, .runs = 500 * MSEC}};

struct machine_end {
	struct kubelet_rig r;
	struct arena arena;
	struct kubelet_configuration configuration;
};

#define TERMINATED "Pod was terminated in response to imminent node shutdown."

static void open_rig(struct machine_end *m, const char *how)
{
	char *text = mem_print("apiVersion: kubelet.config.k8s.io/v1beta1\n"
			       "kind: KubeletConfiguration\n%s",
		how);

	arena_init(&m->arena);
	EXPECT_INT(
		kubelet_configuration_read(&m->arena, str_from(text), &m->configuration, NULL), 0);
	mem_free(text);
	kubelet_rig_open(&m->r, programs, ARRAY_LEN(programs));
	kubelet_rig_stop(&m->r);
	m->r.options.configuration = &m->configuration;
	kubelet_rig_start(&m->r);
	rig_pass(&m->r, SEC);
}

static void close_rig(struct machine_end *m)
{
	kubelet_rig_close(&m->r);
	arena_done(&m->arena);
}

static void pod(struct machine_end *m, const char *name, const char *image, const char *more)
{
	char *spec = mem_print("%s'containers':[{'name':'%s','image':'%s'}]", more, name, image);

	rig_pod(&m->r, name, spec);
	mem_free(spec);
}

static bool runs(struct machine_end *m, const char *name)
{
	const struct fake_container *c = fake_container(&m->r.runtime, str_from(name));

	return c && c->c.state == CONTAINER_RUNNING;
}

static const struct cJSON *ready(struct machine_end *m)
{
	struct cJSON *node = NULL;

	rig_ask(&m->r, CLIENT_GET, "nodes", RIG_NODE, NULL, NULL, &node);
	json_each (c, json_path(node, "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), "Ready"))
			return c;
	return NULL;
}

#define CRITICAL "'priorityClassName':'system-node-critical',"

TEST(critical_pods_go_last_and_all_are_told_why)
{
	struct machine_end m;

	open_rig(&m, "shutdownGracePeriod: 30s\nshutdownGracePeriodCriticalPods: 10s\n");
	pod(&m, "web", "quick", "");
	pod(&m, "job", "job", "'restartPolicy':'Never',");
	pod(&m, "dns", "quick", CRITICAL);
	rig_pass(&m.r, 2 * SEC);
	EXPECT_STR(rig_status(&m.r, "job", "phase"), "Succeeded");
	kubelet_prepare_for_shutdown(m.r.kubelet, true);
	rig_pass(&m.r, 500 * MSEC);
	EXPECT_STR(tree_str(ready(&m), "status"), "False");
	EXPECT_STR(tree_str(ready(&m), "reason"), "KubeletNotReady");
	EXPECT_STR(tree_str(ready(&m), "message"), "node is shutting down");
	EXPECT(runs(&m, "web") && runs(&m, "dns"));
	rig_pass(&m.r, 1200 * MSEC);
	/* The first group is over long before its time: the next one begins. */
	EXPECT(!runs(&m, "web"));
	EXPECT_STR(rig_status(&m.r, "web", "phase"), "Failed");
	EXPECT_STR(rig_status(&m.r, "web", "reason"), "Terminated");
	EXPECT_STR(rig_status(&m.r, "web", "message"), TERMINATED);
	EXPECT(rig_condition(&m.r, "web", "DisruptionTarget"));
	EXPECT_STR(rig_status(&m.r, "job", "phase"), "Succeeded");
	rig_pass(&m.r, 3 * SEC);
	EXPECT(!runs(&m, "dns"));
	EXPECT_STR(rig_status(&m.r, "dns", "reason"), "Terminated");
	EXPECT_INT(rig_events(&m.r, RIG_NODE, "NodeShutdown",
			   "Shutdown manager detected shutdown event"),
		1);
	/* Nobody comes any more. */
	pod(&m, "late", "quick", "");
	rig_pass(&m.r, SEC);
	EXPECT_STR(rig_status(&m.r, "late", "reason"), "NodeShutdown");
	EXPECT_STR(rig_status(&m.r, "late", "message"),
		"Pod was rejected: Pod was rejected as the node is shutting down.");
	/* It was called off: pods may come again. */
	kubelet_prepare_for_shutdown(m.r.kubelet, false);
	rig_pass(&m.r, SEC);
	EXPECT_STR(tree_str(ready(&m), "status"), "True");
	pod(&m, "again", "quick", "");
	rig_pass(&m.r, SEC);
	EXPECT(runs(&m, "again"));
	close_rig(&m);
}

TEST(no_group_has_more_than_its_time)
{
	struct machine_end m;

	open_rig(&m, "shutdownGracePeriodByPodPriority: [{priority: 0, "
		     "shutdownGracePeriodSeconds: 5}, {priority: 2000000000, "
		     "shutdownGracePeriodSeconds: 8}]\n");
	pod(&m, "slow", "slow", "'terminationGracePeriodSeconds':60,");
	pod(&m, "deaf", "deaf", CRITICAL "'terminationGracePeriodSeconds':60,");
	rig_pass(&m.r, SEC);
	kubelet_prepare_for_shutdown(m.r.kubelet, true);
	rig_pass(&m.r, 4500 * MSEC);
	EXPECT(runs(&m, "slow") && runs(&m, "deaf"));
	rig_pass(&m.r, 1500 * MSEC);
	EXPECT(!runs(&m, "slow"));
	EXPECT(runs(&m, "deaf"));
	rig_pass(&m.r, 6 * SEC);
	EXPECT(runs(&m, "deaf"));
	rig_pass(&m.r, 3 * SEC);
	EXPECT(!runs(&m, "deaf"));
	close_rig(&m);
}

TEST(without_a_grace_nothing_happens)
{
	struct machine_end m;

	open_rig(&m, "");
	pod(&m, "web", "quick", "");
	rig_pass(&m.r, SEC);
	kubelet_prepare_for_shutdown(m.r.kubelet, true);
	rig_pass(&m.r, 5 * SEC);
	EXPECT(runs(&m, "web"));
	EXPECT_STR(tree_str(ready(&m), "status"), "True");
	close_rig(&m);
}
