/* What nodes' silence and conditions lead to, which pods leave, and which ranges nodes get. */
#include "plan_rig.h"

#include "controllers/node_health.h"
#include "controllers/node_ranges.h"
#include "controllers/pod_gc.h"
#include "controllers/taint_eviction.h"
#include "controllers/taints.h"

#include <kube/time.h>

#define NOW      (1767225700 * SEC)
#define NOW_TEXT "2026-01-01T00:01:40Z"
#define TAINT(key, effect)                                                                         \
	"{'key':'node.kubernetes.io/" key "','effect':'" effect "','timeAdded':'" NOW_TEXT "'}"
#define OLD_TAINT(key, effect) "{'key':'node.kubernetes.io/" key "','effect':'" effect "'}"

static enum node_answer go(void *ctx)
{
	(void)ctx;
	return NODE_GO;
}

static enum node_answer wait(void *ctx)
{
	(void)ctx;
	return NODE_WAIT;
}

struct node_row {
	const char *spec, *conditions;
	bool waits, all_down;
	int64_t silent; /* s */
	const char *plan;
};

static void check_row(const struct node_row *row)
{
	struct plan_rig r;

	plan_rig_start(&r);
	struct cJSON *node = plan_rig_tree(
		&r, arena_print(&r.arena,
			    "{'metadata':{'name':'a','uid':'u','resourceVersion':'7',"
			    "'creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{%s},'status':{"
			    "'conditions':[%s]}}",
			    row->spec, row->conditions)
			    .at);
	struct cJSON *pod = plan_rig_tree(&r,
		"{'metadata':{'name':'p','namespace':'n','uid':'v','resourceVersion':'8'},"
		"'status':{'conditions':[{'type':'Ready','status':'True'}]}}");
	const struct node_view v = {
		.nodes = resource_find(STR(""), STR("v1"), STR("nodes")),
		.pods_resource = resource_find(STR(""), STR("v1"), STR("pods")),
		.node = node,
		.pods = &pod,
		.pod_count = 1,
		.now = NOW,
		.heard = NOW - row->silent * SEC,
		.grace = 50 * SEC,
		.startup = 60 * SEC,
		.all_zones_are_down = row->all_down,
		.may_evict = row->waits ? wait : go,
	};
	node_health_plan(&v, &r.plan);
	EXPECT_STR(plan_rig_text(&r), row->plan);
	plan_rig_stop(&r);
}

#define META "'metadata':{'uid':'u','resourceVersion':'7'}"
#define UNKNOWN(type)                                                                              \
	"{'type':'" type "','status':'Unknown','lastHeartbeatTime':'2026-01-01T00:00:00Z',"        \
	"'lastTransitionTime':'" NOW_TEXT                                                          \
	"','reason':'NodeStatusNeverUpdated','message':'Kubelet never posted node status.'}"

TEST(nodes_are_tainted_by_what_they_say_and_do_not_say)
{
	static const struct node_row table[] = {
		{"", "{'type':'Ready','status':'True'}", false, false, 10, "again in 40000 ms\n"},
		{"", "{'type':'Ready','status':'False'}", false, false, 0,
			"patch nodes a {" META
			",'spec':{'taints':[" TAINT("not-ready", "NoSchedule") "," TAINT(
				"not-ready", "NoExecute") "]}}\nagain in 50000 ms\n"},
		{"", "{'type':'Ready','status':'False'}", true, false, 0,
			"patch nodes a {" META ",'spec':{'taints':[" TAINT(
				"not-ready", "NoSchedule") "]}}\nagain in 50000 ms\n"},
		/* Where all are down nobody loses pods, and what was said before is taken back. */
		{"'taints':[" OLD_TAINT("not-ready", "NoSchedule") "," OLD_TAINT(
			 "not-ready", "NoExecute") "]",
			"{'type':'Ready','status':'False'}", false, true, 0,
			"patch nodes a {" META ",'spec':{'taints':[" OLD_TAINT(
				"not-ready", "NoSchedule") "]}}\nagain in 50000 ms\n"},
		/* One reason becomes another without waiting for the zone. */
		{"'taints':[" OLD_TAINT("unreachable", "NoSchedule") "," OLD_TAINT(
			 "unreachable", "NoExecute") ",{'key':'mine','effect':'NoExecute'}]",
			"{'type':'Ready','status':'False'}", true, false, 0,
			"patch nodes a {" META
			",'spec':{'taints':[{'key':'mine','effect':'NoExecute'}," TAINT(
				"not-ready", "NoSchedule") "," TAINT("not-ready",
				"NoExecute") "]}}\nagain in 50000 ms\n"},
		{"'unschedulable':true,'taints':[" OLD_TAINT("not-ready", "NoSchedule") "]",
			"{'type':'Ready','status':'True'},{'type':'DiskPressure','status':'True'}",
			false, false, 0,
			"patch nodes a {" META
			",'spec':{'taints':[" TAINT("disk-pressure", "NoSchedule") "," TAINT(
				"unschedulable", "NoSchedule") "]}}\nagain in 50000 ms\n"},
		{"'taints':[" OLD_TAINT("not-ready", "NoExecute") "]",
			"{'type':'Ready','status':'True'}", false, false, 0,
			"patch nodes a {" META ",'spec':{'taints':null}}\nagain in 50000 ms\n"},
		{"",
			"{'type':'Ready','status':'True'},{'type':'MemoryPressure','status':"
			"'Unknown'},{'type':'DiskPressure','status':'Unknown'},{'type':"
			"'PIDPressure','status':'Unknown'}",
			false, false, 50,
			"patch status nodes a {" META
			",'status':{'conditions':[{'type':'Ready','status':'Unknown',"
			"'lastTransitionTime':'" NOW_TEXT
			"','reason':'NodeStatusUnknown','message':'Kubelet stopped posting node "
			"status.'},{'type':'MemoryPressure','status':'Unknown'},{'type':"
			"'DiskPressure','status':'Unknown'},{'type':'PIDPressure','status':"
			"'Unknown'}]}}\nevent Normal NodeNotReady Node a status is now: "
			"NodeNotReady\n"},
		{"", "", false, false, 59, "again in 1000 ms\n"},
		{"", "", false, false, 60,
			"patch status nodes a {" META
			",'status':{'conditions':[" UNKNOWN("Ready") "," UNKNOWN(
				"MemoryPressure") "," UNKNOWN("DiskPressure") "," UNKNOWN("PIDPress"
											  "ure") "]"
												 "}"
												 "}"
												 "\n"},
		/* Its pods are not ready when nobody says so any more. */
		{"'taints':[" OLD_TAINT("unreachable", "NoSchedule") "," OLD_TAINT(
			 "unreachable", "NoExecute") "]",
			"{'type':'Ready','status':'Unknown'}", false, false, 0,
			"event Warning NodeNotReady Node is not ready\n"
			"patch status pods p {'metadata':{'uid':'v','resourceVersion':'8'},"
			"'status':{'conditions':[{'type':'Ready','status':'False',"
			"'lastTransitionTime':'" NOW_TEXT "'}]}}\nagain in 50000 ms\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		test_context("row %zu", i);
		check_row(&table[i]);
	}
	test_context_end();
}

TEST(zones_slow_down_when_many_nodes_are_not_ready)
{
	EXPECT_INT(zone_state_of(0, 1), ZONE_DOWN);
	EXPECT_INT(zone_state_of(1, 2), ZONE_NORMAL);
	EXPECT_INT(zone_state_of(2, 3), ZONE_PARTLY_DOWN);
	EXPECT_INT(zone_state_of(9, 11), ZONE_PARTLY_DOWN);
	EXPECT_INT(zone_state_of(10, 11), ZONE_NORMAL);
	EXPECT_INT(zone_pace(ZONE_UNKNOWN, 5), 0);
	EXPECT_INT(zone_pace(ZONE_NORMAL, 5), 10 * SEC);
	EXPECT_INT(zone_pace(ZONE_PARTLY_DOWN, 50), 0);
	EXPECT_INT(zone_pace(ZONE_PARTLY_DOWN, 51), 100 * SEC);
}

TEST(pods_stay_as_long_as_they_tolerate_every_taint)
{
	static const struct {
		const char *taints, *tolerations;
		int64_t stay; /* s */
	} table[] = {
		{"[{'key':'k','effect':'NoSchedule'}]", "[]", -1},
		{"[{'key':'k','effect':'NoExecute'}]", "[]", 0},
		{"[{'key':'k','effect':'NoExecute'}]", "[{'operator':'Exists'}]", -1},
		{"[{'key':'k','value':'v','effect':'NoExecute'}]", "[{'key':'k'}]", 0},
		{"[{'key':'k','value':'v','effect':'NoExecute'}]",
			"[{'key':'k','value':'v','effect':'NoSchedule'}]", 0},
		{"[{'key':'k','value':'v','effect':'NoExecute'}]",
			"[{'key':'k','value':'v','tolerationSeconds':300}]", 300},
		{"[{'key':'k','effect':'NoExecute'},{'key':'l','effect':'NoExecute'}]",
			"[{'key':'k','operator':'Exists'},{'key':'l','operator':'Exists',"
			"'tolerationSeconds':5}]",
			5},
		{"[{'key':'k','effect':'NoExecute'}]",
			"[{'key':'k','operator':'Exists','tolerationSeconds':-3}]", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		int64_t stay = taints_stay(plan_rig_tree(&r, table[i].taints),
			plan_rig_tree(&r, table[i].tolerations));
		EXPECT_INT(stay, table[i].stay < 0 ? -1 : table[i].stay * SEC);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(a_pod_is_told_before_it_is_evicted)
{
	struct plan_rig r;

	plan_rig_start(&r);
	struct taint_eviction e = {.pods = resource_find(STR(""), STR("v1"), STR("pods")),
		.pod = plan_rig_tree(&r,
			"{'metadata':{'name':'p','namespace':'n','uid':'u','resourceVersion':'7',"
			"'generation':2}}"),
		.now = NOW,
		.left = 3 * SEC};
	taint_eviction_plan(&e, &r.plan);
	EXPECT_STR(plan_rig_text(&r), "again in 3000 ms\n");
	e.left = 0;
	taint_eviction_plan(&e, &r.plan);
	EXPECT_STR(plan_rig_text(&r),
		"event Normal TaintManagerEviction Marking for deletion Pod n/p\n"
		"patch status pods p {" META
		",'status':{'conditions':[{'type':'DisruptionTarget','observedGeneration':2,"
		"'status':'True','lastTransitionTime':'" NOW_TEXT
		"','reason':'DeletionByTaintManager','message':"
		"'Taint manager: deleting due to NoExecute taint'}]}}\n"
		"delete pods p\n");
	plan_rig_stop(&r);
}

#define DELETED "'deletionTimestamp':'2026-01-01T00:00:00Z'"

TEST(pods_that_nobody_will_finish_are_found)
{
	static const struct {
		const char *pod, *node;
		enum pod_fate fate;
	} table[] = {
		{"{'spec':{'nodeName':'a'}}", NULL, POD_NODE_GONE},
		{"{'spec':{'nodeName':'a'}}", "{}", POD_KEPT},
		{"{}", NULL, POD_KEPT},
		{"{'metadata':{" DELETED "}}", NULL, POD_NEVER_BOUND},
		{"{'metadata':{" DELETED "},'spec':{'nodeName':'a'}}",
			"{'spec':{'taints':[" OLD_TAINT("out-of-service", "NoExecute") "]}}",
			POD_NODE_OUT},
		{"{'metadata':{" DELETED "},'spec':{'nodeName':'a'}}",
			"{'spec':{'taints':[" OLD_TAINT("out-of-service", "PreferNoSchedule") "]}}",
			POD_NODE_OUT},
		{"{'metadata':{" DELETED "},'spec':{'nodeName':'a'}}",
			"{'spec':{'taints':[" OLD_TAINT(
				"out-of-service", "NoExecute") "]},'status':{'conditions':[{'type':"
							       "'Ready','status':'True'}]}}",
			POD_KEPT},
		{"{'spec':{'nodeName':'a'}}",
			"{'spec':{'taints':[" OLD_TAINT("out-of-service", "NoExecute") "]}}",
			POD_KEPT},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		EXPECT_INT(pod_fate(plan_rig_tree(&r, table[i].pod),
				   table[i].node ? plan_rig_tree(&r, table[i].node) : NULL),
			table[i].fate);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(the_node_is_looked_for_once_more_before_its_pods_go)
{
	struct plan_rig r;

	plan_rig_start(&r);
	const struct pod_end e = {.pods = resource_find(STR(""), STR("v1"), STR("pods")),
		.nodes = resource_find(STR(""), STR("v1"), STR("nodes")),
		.pod = plan_rig_tree(&r,
			"{'metadata':{'name':'p','namespace':'n','uid':'u','resourceVersion':'7'},"
			"'spec':{'nodeName':'gone'},'status':{'phase':'Running'}}"),
		.fate = POD_NODE_GONE,
		.now = NOW};
	pod_end_plan(&e, &r.plan);
	EXPECT_STR(plan_rig_text(&r),
		"absent nodes gone\npatch status pods p {" META
		",'status':{'phase':'Failed','conditions':[{'type':'DisruptionTarget','status':"
		"'True','lastTransitionTime':'" NOW_TEXT
		"','reason':'DeletionByPodGC','message':'PodGC: node no longer exists'}]}}\n"
		"delete pods p\n");
	plan_rig_stop(&r);
}

/* ---- ranges ---- */

static struct cidr network(const char *text)
{
	struct cidr c = {0};

	EXPECT(cidr_parse(str_from(text), &c));
	return c;
}

static void expect_next(struct node_ranges *r, const char *wanted)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct cidr c;

	if (!node_ranges_next(r, &c))
		buf_add_text(&text, "none");
	else
		cidr_print(&text, &c);
	EXPECT_STR(buf_str(&text), wanted);
}

TEST(ranges_are_given_one_after_the_other_and_once)
{
	struct node_ranges r;
	struct err err = {0};
	struct cidr c = network("10.0.1.0/24");

	REQUIRE_OK(node_ranges_init(&r, network("10.0.0.0/22"), 0, &err), &err);
	EXPECT(node_ranges_take(&r, &c));
	expect_next(&r, "10.0.0.0/24");
	expect_next(&r, "10.0.2.0/24");
	EXPECT(node_ranges_free(&r, &c));
	expect_next(&r, "10.0.3.0/24");
	expect_next(&r, "10.0.1.0/24");
	expect_next(&r, "none");
	c = network("10.1.0.0/24");
	EXPECT(!node_ranges_free(&r, &c));
	c = network("fd00::/64");
	EXPECT(!node_ranges_free(&r, &c));
	c = network("10.0.2.0/23"); /* two of them */
	EXPECT(node_ranges_free(&r, &c));
	EXPECT_INT(r.used, 2);
	c = network("10.0.2.128/28"); /* a part of one takes it */
	EXPECT(node_ranges_take(&r, &c));
	EXPECT(node_ranges_take(&r, &c));
	EXPECT_INT(r.used, 3);
	c = network("10.0.0.0/8");
	EXPECT(node_ranges_free(&r, &c));
	EXPECT_INT(r.used, 0);
	node_ranges_done(&r);
}

TEST(ranges_of_the_other_family)
{
	struct node_ranges r;
	struct err err = {0};

	REQUIRE_OK(node_ranges_init(&r, network("fd00:10:20::/56"), 0, &err), &err);
	expect_next(&r, "fd00:10:20::/64");
	expect_next(&r, "fd00:10:20:1::/64");
	node_ranges_done(&r);
	EXPECT(node_ranges_init(&r, network("fd00::/32"), 64, &err) != 0);
	err_done(&err);
	EXPECT(node_ranges_init(&r, network("10.0.0.0/24"), 16, &err) != 0);
	err_done(&err);
}
