/* Stateful sets, daemons, budgets and roles made of others: objects in, plans out. */
#include "plan_rig.h"

#include "controllers/budget.h"
#include "controllers/daemons.h"
#include "controllers/role_aggregation.h"
#include "controllers/stateful.h"

#include <kube/time.h>

#define NOW      (1767225700 * SEC)
#define UID      "'uid':'11111111-1111-1111-1111-111111111111'"
#define SELECTOR "'selector':{'matchLabels':{'a':'1'}}"
#define TEMPLATE "'template':{'metadata':{'labels':{'a':'1'}},'spec':{'containers':[]}}"
#define OWNER(kind)                                                                                \
	"'ownerReferences':[{'apiVersion':'apps/v1','kind':'" kind                                 \
	"','name':'s','controller':true," UID "}]"
#define READY "'phase':'Running','conditions':[{'type':'Ready','status':'True'}]"

static bool nobody(void *ctx, struct str namespace, struct str name)
{
	(void)ctx;
	(void)namespace;
	(void)name;
	return false;
}

static const struct resource *resource(const char *group, const char *version, const char *plural)
{
	return resource_find(str_from(group), str_from(version), str_from(plural));
}

/* What is made and removed; statuses and events are left out. */
static struct str made(struct plan_rig *r)
{
	buf_clear(&r->text);
	for (size_t i = 0; i < r->plan.count; i++) {
		const struct plan_step *s = &r->plan.steps[i];

		if (s->verb == PLAN_CREATE || s->verb == PLAN_DELETE)
			plan_rig_step(r, s);
	}
	r->plan = (struct plan){.arena = &r->arena};
	return buf_str(&r->text);
}

/* ---- stateful sets ---- */

static struct cJSON *no_claim(void *ctx, struct arena *a, struct str namespace, struct str name)
{
	(void)ctx;
	(void)a;
	(void)namespace;
	(void)name;
	return NULL;
}

static struct cJSON *named_pod(struct plan_rig *r, const char *kind, const char *name,
	const char *revision, const char *status)
{
	return plan_rig_tree(
		r, arena_print(&r->arena,
			   "{'metadata':{'name':'%s','namespace':'n','uid':'%s','labels':{'a':'1',"
			   "'controller-revision-hash':'%s'},'ownerReferences':[{'apiVersion':"
			   "'apps/v1','kind':'%s','name':'s','controller':true," UID
			   "}]},'status':{%s}}",
			   name, name, revision, kind, status)
			   .at);
}

static struct stateful_view stateful_world(void)
{
	return (struct stateful_view){.sets = resource("apps", "v1", "statefulsets"),
		.pods_resource = resource("", "v1", "pods"),
		.revisions_resource = resource("apps", "v1", "controllerrevisions"),
		.claims_resource = resource("", "v1", "persistentvolumeclaims"),
		.is_taken = nobody,
		.find_claim = no_claim};
}

struct stateful_row {
	const char *spec;
	const char *pods[3][3]; /* name, revision, status */
	const char *plan;
};

static void check_stateful(const struct stateful_row *row)
{
	struct plan_rig r;

	plan_rig_start(&r);
	struct stateful_view v = stateful_world();
	v.set = plan_rig_tree(
		&r, arena_print(&r.arena,
			    "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'s',"
			    "'namespace':'n'," UID "},'spec':{" SELECTOR "," TEMPLATE
			    ",%s},'status':{'currentRevision':'s-old'}}",
			    row->spec)
			    .at);
	trees_add(&r.arena, &v.revisions,
		plan_rig_tree(&r, "{'metadata':{'name':'s-old','labels':{'a':'1'}," OWNER(
					  "StatefulSet") "},'revision':1,'data':{'spec':{"
							 "'template':{'$patch':'replace'}}}}"));
	trees_add(&r.arena, &v.revisions,
		plan_rig_tree(&r,
			"{'metadata':{'name':'s-new','labels':{'a':'1'}," OWNER(
				"StatefulSet") "},'revision':2,'data':{'spec':{'template':{'"
					       "metadata':{'labels':{'a':'1'}}"
					       ",'spec':{'containers':[]},'$patch':'replace'}}}}"));
	for (size_t i = 0; i < 3 && row->pods[i][0]; i++)
		trees_add(&r.arena, &v.pods,
			named_pod(&r, "StatefulSet", row->pods[i][0], row->pods[i][1],
				row->pods[i][2]));
	stateful_plan(&v, NOW, &r.plan);
	EXPECT_STR(made(&r), row->plan);
	plan_rig_stop(&r);
}

#define CLAIM "'volumeClaimTemplates':[{'metadata':{'name':'data'},'spec':{}}]"

TEST(stateful_pods_come_and_go_in_order)
{
	static const struct stateful_row table[] = {
		{"'replicas':3", {{NULL}}, "create pods s-0\n"},
		{"'replicas':3,'podManagementPolicy':'Parallel'", {{NULL}},
			"create pods s-0\ncreate pods s-1\ncreate pods s-2\n"},
		{"'replicas':2,'ordinals':{'start':5}", {{NULL}}, "create pods s-5\n"},
		{"'replicas':1," CLAIM, {{NULL}},
			"create persistentvolumeclaims data-s-0\ncreate pods s-0\n"},
		{"'replicas':2", {{"s-0", "s-new", "'phase':'Pending'"}}, ""},
		{"'replicas':2", {{"s-0", "s-new", READY}}, "create pods s-1\n"},
		{"'replicas':2", {{"s-0", "s-new", "'phase':'Failed'"}}, "delete pods s-0\n"},
		{"'replicas':1",
			{{"s-0", "s-new", READY}, {"s-1", "s-new", READY}, {"s-2", "s-new", READY}},
			"delete pods s-2\n"},
		/* The highest has to be well before the next goes, unless it is itself what ails.
		 */
		{"'replicas':1",
			{{"s-0", "s-new", READY}, {"s-1", "s-new", "'phase':'Pending'"},
				{"s-2", "s-new", READY}},
			"delete pods s-2\n"},
		/* An update begins at the end and goes on when that one is ready. */
		{"'replicas':2", {{"s-0", "s-old", READY}, {"s-1", "s-old", READY}},
			"delete pods s-1\n"},
		{"'replicas':2", {{"s-0", "s-old", READY}, {"s-1", "s-new", "'phase':'Pending'"}},
			""},
		{"'replicas':2", {{"s-0", "s-old", READY}, {"s-1", "s-new", READY}},
			"delete pods s-0\n"},
		{"'replicas':2,'updateStrategy':{'rollingUpdate':{'partition':1}}",
			{{"s-0", "s-old", READY}, {"s-1", "s-new", READY}}, ""},
		{"'replicas':2,'updateStrategy':{'type':'OnDelete'}",
			{{"s-0", "s-old", READY}, {"s-1", "s-old", READY}}, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		test_context("row %zu", i);
		check_stateful(&table[i]);
	}
	test_context_end();
}

/* Owners that are to leave their own behind: first the history is nobody's, then the pods. */
TEST(a_stateful_set_whose_history_was_let_go_writes_nothing)
{
	struct plan_rig r;

	plan_rig_start(&r);
	struct stateful_view v = stateful_world();
	v.set = plan_rig_tree(&r,
		"{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'s','namespace':"
		"'n','deletionTimestamp':'2026-01-01T00:00:00Z','finalizers':['orphan']," UID
		"},'spec':{" SELECTOR "," TEMPLATE
		",'replicas':1},'status':{'currentRevision':'s-new','replicas':1}}");
	trees_add(&r.arena, &v.revisions,
		plan_rig_tree(&r,
			"{'metadata':{'name':'s-new','labels':{'a':'1'}},'revision':2,'data':{"
			"'spec':{'template':{'metadata':{'labels':{'a':'1'}},'spec':{"
			"'containers':[]},'$patch':'replace'}}}}"));
	trees_add(&r.arena, &v.pods, named_pod(&r, "StatefulSet", "s-0", "s-new", READY));
	stateful_plan(&v, NOW, &r.plan);
	EXPECT_INT(r.plan.count, 0);
	plan_rig_stop(&r);
}

/* ---- daemons ---- */

static int64_t no_wait(void *ctx, struct str node, int64_t now)
{
	(void)ctx;
	(void)node;
	(void)now;
	return 0;
}

struct daemons_row {
	const char *spec;
	const char *nodes[2];   /* more of the spec of nodes a and b */
	const char *pods[3][3]; /* node, hash, status; named p0, p1, … */
	const char *plan;
};

static void check_daemons(const struct daemons_row *row)
{
	struct plan_rig r;

	plan_rig_start(&r);
	struct daemons_view v = {.sets = resource("apps", "v1", "daemonsets"),
		.pods_resource = resource("", "v1", "pods"),
		.revisions_resource = resource("apps", "v1", "controllerrevisions"),
		.is_taken = nobody,
		.hold_back = no_wait};
	v.set = plan_rig_tree(
		&r, arena_print(&r.arena,
			    "{'apiVersion':'apps/v1','kind':'DaemonSet','metadata':{'name':'s',"
			    "'namespace':'n'," UID "},'spec':{" SELECTOR "," TEMPLATE
			    ",'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{%s}}}}",
			    row->spec)
			    .at);
	trees_add(&r.arena, &v.revisions,
		plan_rig_tree(&r,
			"{'metadata':{'name':'s-new','labels':{'a':'1','controller-revision-hash':"
			"'new'}," OWNER("DaemonSet") "},'revision':1,'data':{'spec':{'template':{"
						     "'metadata':{'labels':{'a':'1'}},'spec':{'"
						     "containers':[]},'$patch':"
						     "'replace'}}}}"));
	for (int i = 0; i < 2 && row->nodes[i]; i++)
		trees_add(&r.arena, &v.nodes,
			plan_rig_tree(
				&r, arena_print(&r.arena, "{'metadata':{'name':'%c'},'spec':{%s}}",
					    'a' + i, row->nodes[i])
					    .at));
	for (int i = 0; i < 3 && row->pods[i][0]; i++) {
		struct cJSON *pod = named_pod(&r, "DaemonSet", arena_print(&r.arena, "p%d", i).at,
			row->pods[i][1], row->pods[i][2]);

		tree_set_str(&r.arena, pod, "spec.nodeName", str_from(row->pods[i][0]));
		trees_add(&r.arena, &v.pods, pod);
	}
	daemons_plan(&v, NOW, &r.plan);
	EXPECT_STR(made(&r), row->plan);
	plan_rig_stop(&r);
}

TEST(daemons_are_where_they_fit_and_are_replaced_within_limits)
{
	static const struct daemons_row table[] = {
		{"'maxUnavailable':1", {"", ""}, {{NULL}}, "create pods\ncreate pods\n"},
		{"'maxUnavailable':1", {"'taints':[{'key':'k','effect':'NoSchedule'}]"}, {{NULL}},
			""},
		{"'maxUnavailable':1",
			{"'taints':[{'key':'node.kubernetes.io/not-ready','effect':'NoExecute'}]"},
			{{NULL}}, "create pods\n"},
		{"'maxUnavailable':1", {"'taints':[{'key':'k','effect':'NoSchedule'}]"},
			{{"a", "new", READY}}, ""},
		{"'maxUnavailable':1", {"'taints':[{'key':'k','effect':'NoExecute'}]"},
			{{"a", "new", READY}}, "delete pods p0\n"},
		{"'maxUnavailable':1", {""}, {{"a", "new", READY}, {"a", "new", READY}},
			"delete pods p1\n"},
		{"'maxUnavailable':1", {""}, {{"a", "new", "'phase':'Failed'"}},
			"delete pods p0\n"},
		{"'maxUnavailable':1", {"", ""}, {{"a", "old", READY}, {"b", "old", READY}},
			"delete pods p0\n"},
		{"'maxUnavailable':1", {"", ""},
			{{"a", "new", "'phase':'Pending'"}, {"b", "old", READY}}, ""},
		/* What does not serve anyway may go at once. */
		{"'maxUnavailable':1", {"", ""},
			{{"a", "old", "'phase':'Pending'"}, {"b", "old", READY}},
			"delete pods p0\n"},
		{"'maxSurge':1,'maxUnavailable':0", {"", ""},
			{{"a", "old", READY}, {"b", "old", READY}}, "create pods\n"},
		{"'maxSurge':1,'maxUnavailable':0", {"", ""},
			{{"a", "old", READY}, {"a", "new", "'phase':'Pending'"},
				{"b", "old", READY}},
			""},
		{"'maxSurge':1,'maxUnavailable':0", {""},
			{{"a", "old", READY}, {"a", "new", READY}}, "delete pods p0\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		test_context("row %zu", i);
		check_daemons(&table[i]);
	}
	test_context_end();
}

/* ---- budgets ---- */

static bool four(void *ctx, struct arena *a, const struct cJSON *pod, struct str *uid,
	int64_t *scale, struct str *why)
{
	(void)ctx;
	(void)a;
	(void)pod;
	(void)why;
	*uid = STR("u");
	*scale = 4;
	return true;
}

TEST(budgets_allow_what_is_above_the_wanted)
{
	static const struct {
		const char *spec;
		int64_t desired, expected, allowed;
	} table[] = {
		{"'minAvailable':2", 2, 3, 1},
		{"'minAvailable':3", 3, 3, 0},
		{"'minAvailable':'50%'", 2, 4, 1},
		{"'maxUnavailable':1", 3, 4, 0},
		{"'maxUnavailable':'30%'", 2, 4, 1},
		{"'maxUnavailable':9", 0, 4, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct budget_view v = {.budgets = resource("policy", "v1", "poddisruptionbudgets"),
			.scale_of = four};
		v.budget = plan_rig_tree(
			&r, arena_print(&r.arena,
				    "{'metadata':{'name':'b','namespace':'n'},'spec':{" SELECTOR
				    ",%s}}",
				    table[i].spec)
				    .at);
		for (int k = 0; k < 3; k++)
			trees_add(&r.arena, &v.pods,
				named_pod(&r, "ReplicaSet", arena_print(&r.arena, "p%d", k).at, "x",
					READY));
		budget_plan(&v, NOW, &r.plan);
		REQUIRE(r.plan.count == 1);
		const struct cJSON *status = json_path(r.plan.steps[0].body, "status");
		EXPECT_INT(tree_int(status, "currentHealthy", -1), 3);
		EXPECT_INT(tree_int(status, "desiredHealthy", -1), table[i].desired);
		EXPECT_INT(tree_int(status, "expectedPods", -1), table[i].expected);
		EXPECT_INT(tree_int(status, "disruptionsAllowed", -1), table[i].allowed);
		plan_rig_stop(&r);
	}
	test_context_end();
}

/* ---- roles ---- */

TEST(a_role_made_of_others_has_each_rule_once)
{
	struct plan_rig r;
	struct trees all = {0};

	plan_rig_start(&r);
	struct cJSON *role = plan_rig_tree(&r,
		"{'metadata':{'name':'sum','labels':{'g':'1'}},'aggregationRule':{"
		"'clusterRoleSelectors':[{'matchLabels':{'g':'1'}}]},'rules':[{'verbs':['x']}]}");
	trees_add(&r.arena, &all,
		plan_rig_tree(&r, "{'metadata':{'name':'a','labels':{'g':'1'}},'rules':[{'verbs':['"
				  "get']}]}"));
	trees_add(&r.arena, &all,
		plan_rig_tree(&r,
			"{'metadata':{'name':'b','labels':{'g':'1'}},'rules':[{'verbs':['get']},"
			"{'verbs':['list']}]}"));
	trees_add(&r.arena, &all,
		plan_rig_tree(&r, "{'metadata':{'name':'c'},'rules':[{'verbs':['no']}]}"));
	trees_add(&r.arena, &all, role);
	plan_rig_json(&r, role_rules(&r.arena, role, &all));
	EXPECT_STR(buf_str(&r.text), "[{'verbs':['get']},{'verbs':['list']}]");
	tree_set(&r.arena, role, "rules", role_rules(&r.arena, role, &all));
	EXPECT(!role_rules(&r.arena, role, &all));
	plan_rig_stop(&r);
}
