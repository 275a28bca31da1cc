/* What is to happen to a Job, from the Job and its pods. */
#include "plan_rig.h"

#include "controllers/job.h"

#include <kube/time.h>

#define NOW_TEXT "2026-01-01T00:00:10Z"
#define UID      "'uid':'11111111-1111-1111-1111-111111111111'"
#define STARTED  "'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{}"
#define SELECTOR "'selector':{'matchLabels':{'j':'1'}}"
#define TEMPLATE                                                                                   \
	"'template':{'metadata':{'labels':{'j':'1'}},'spec':{'restartPolicy':'Never',"             \
	"'containers':[{'name':'c','image':'i'}]}}"

struct job_rig {
	struct plan_rig plan;
	struct job_view view;
	int64_t now;
	int pods;
};

static void start(struct job_rig *r, const char *spec, const char *status)
{
	plan_rig_start(&r->plan);
	struct arena *a = &r->plan.arena;
	struct str text = arena_print(a,
		"{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'j','namespace':'n'," UID
		"},'spec':{" SELECTOR "," TEMPLATE ",%s},'status':{%s}}",
		spec, status);

	r->pods = 0;
	r->view = (struct job_view){
		.jobs = resource_find(STR("batch"), STR("v1"), STR("jobs")),
		.pods_resource = resource_find(STR(""), STR("v1"), STR("pods")),
		.job = plan_rig_tree(&r->plan, text.at),
	};
	r->now = 1767225610 * SEC;
}

static void stop(struct job_rig *r)
{
	plan_rig_stop(&r->plan);
}

/* Pods p0, p1, …; `index` -1: none. They bear the finalizer unless `more` names others. */
static void pod(struct job_rig *r, int index, const char *more, const char *status)
{
	struct arena *a = &r->plan.arena;
	struct str notes = {0};

	if (index >= 0)
		notes = arena_print(a, "'annotations':{'" JOB_INDEX "':'%d'},", index);
	struct str text = arena_print(a,
		"{'metadata':{'name':'p%d','namespace':'n','uid':'u%d','labels':{'j':'1'},"
		"'creationTimestamp':'2026-01-01T00:00:00Z',%.*s%s"
		"'ownerReferences':[{'apiVersion':'batch/v1','kind':'Job','name':'j','controller':"
		"true," UID "}]},'spec':{'nodeName':'a'},'status':{%s}}",
		r->pods, r->pods, STRF(notes), *more ? more : "'finalizers':['" JOB_FINALIZER "'],",
		status);
	r->pods++;
	trees_add(a, &r->view.pods, plan_rig_tree(&r->plan, text.at));
}

static struct str decide(struct job_rig *r)
{
	job_plan(&r->view, r->now, &r->plan.plan);
	return plan_rig_text(&r->plan);
}

#define UNTRACK(name, uid)                                                                         \
	"patch pods " name " {'metadata':{'uid':'" uid                                             \
	"','$deleteFromPrimitiveList/finalizers':['" JOB_FINALIZER "']}}\n"

TEST(pods_are_made_up_to_parallelism)
{
	struct job_rig r;

	start(&r, "'completions':3,'parallelism':2,'backoffLimit':6", "");
	EXPECT_STR(decide(&r),
		"create pods\nevent Normal SuccessfulCreate Created pod: \n"
		"create pods\nevent Normal SuccessfulCreate Created pod: \n"
		"status jobs j {'startTime':'" NOW_TEXT
		"','uncountedTerminatedPods':{},'active':2,'ready':0,'terminating':0}\n");
	stop(&r);
}

TEST(a_pod_is_first_said_to_be_counted_then_let_go_then_counted)
{
	struct job_rig r;

	start(&r, "'completions':1,'parallelism':1,'backoffLimit':6",
		STARTED ",'active':1,'ready':0,'terminating':0");
	pod(&r, -1, "", "'phase':'Succeeded'");
	EXPECT_STR(decide(&r),
		"status jobs j {'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{"
		"'succeeded':['u0']},'active':0,'ready':0,'terminating':0,'conditions':[{'type':"
		"'SuccessCriteriaMet','status':'True','lastProbeTime':'" NOW_TEXT
		"','lastTransitionTime':'" NOW_TEXT "','reason':'CompletionsReached','message':"
		"'Reached expected number of succeeded pods'}]}\n" UNTRACK("p0", "u0"));
	stop(&r);

	start(&r, "'completions':1,'parallelism':1,'backoffLimit':6",
		"'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{'succeeded':['u0']},"
		"'active':0,'ready':0,'terminating':0,'conditions':[{'type':'SuccessCriteriaMet',"
		"'status':'True','reason':'R','message':'M'}]");
	pod(&r, -1, "'finalizers':[],", "'phase':'Succeeded'");
	EXPECT_STR(decide(&r),
		"status jobs j {'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{},"
		"'active':0,'ready':0,'terminating':0,'conditions':[{'type':'SuccessCriteriaMet',"
		"'status':'True','reason':'R','message':'M'},{'type':'Complete','status':'True',"
		"'lastProbeTime':'" NOW_TEXT "','lastTransitionTime':'" NOW_TEXT
		"','reason':'R','message':'M'}],'succeeded':1,'completionTime':'" NOW_TEXT "'}\n"
		"event Normal Completed Job completed\n");
	stop(&r);
}

TEST(what_is_being_counted_is_not_counted_twice)
{
	struct job_rig r;

	start(&r, "'completions':2,'parallelism':1,'backoffLimit':6",
		"'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{'succeeded':['u0']},"
		"'active':1,'ready':0,'terminating':0");
	pod(&r, -1, "", "'phase':'Succeeded'");
	pod(&r, -1, "", "'phase':'Running'");
	EXPECT_STR(decide(&r), UNTRACK("p0", "u0"));
	stop(&r);
}

TEST(failures_hold_the_next_pod_back)
{
	static const struct {
		int64_t failures, last, wait;
	} table[] = {{0, 0, 0}, {1, 0, 10}, {2, 0, 20}, {3, 5, 45}, {7, 0, 600}, {90, 0, 600},
		{1, -30, 0}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		EXPECT_INT(job_backoff(table[i].failures, table[i].last * SEC, 0),
			table[i].wait * SEC);
	struct job_rig r;
	start(&r, "'completions':1,'parallelism':1,'backoffLimit':6",
		STARTED ",'active':0,'failed':0,'ready':0,'terminating':0");
	pod(&r, -1, "",
		"'phase':'Failed','containerStatuses':[{'state':{'terminated':{'exitCode':1,"
		"'finishedAt':'2026-01-01T00:00:08Z'}}}]");
	EXPECT_STR(decide(&r),
		"status jobs j {'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{"
		"'failed':['u0']},'active':0,'failed':0,'ready':0,'terminating':0}\n" UNTRACK(
			"p0", "u0") "again in 8000 ms\n");
	stop(&r);
}

TEST(too_many_failures_end_the_job_and_its_pods)
{
	struct job_rig r;

	start(&r, "'completions':2,'parallelism':2,'backoffLimit':0",
		STARTED ",'active':2,'ready':0,'terminating':0");
	pod(&r, -1, "", "'phase':'Failed'");
	pod(&r, -1, "", "'phase':'Running'");
	EXPECT_STR(decide(&r),
		"delete pods p1\nevent Normal SuccessfulDelete Deleted pod: \n"
		"status jobs j {'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{"
		"'failed':['u0','u1']},'active':0,'ready':0,'terminating':1,'conditions':[{'type':"
		"'FailureTarget','status':'True','lastProbeTime':'" NOW_TEXT
		"','lastTransitionTime':'" NOW_TEXT "','reason':'BackoffLimitExceeded','message':"
		"'Job has reached the specified backoff limit'}]}\n" UNTRACK("p0", "u0")
			UNTRACK("p1", "u1"));
	stop(&r);
}

TEST(a_suspended_job_loses_its_pods_and_its_start)
{
	struct job_rig r;

	start(&r, "'completions':1,'parallelism':1,'backoffLimit':6,'suspend':true",
		STARTED ",'active':1,'ready':0,'terminating':0");
	pod(&r, -1, "", "'phase':'Running'");
	EXPECT_STR(decide(&r),
		UNTRACK("p0",
			"u0") "delete pods p0\nevent Normal SuccessfulDelete Deleted pod: \n"
			      "event Normal Suspended Job suspended\n"
			      "status jobs j "
			      "{'uncountedTerminatedPods':{},'active':0,'ready':0,'terminating':1,"
			      "'conditions':[{'type':'Suspended','status':'True','lastProbeTime':"
			      "'" NOW_TEXT "','lastTransitionTime':'" NOW_TEXT
			      "','reason':'JobSuspended','message':'Job suspended'}]}\n");
	stop(&r);
}

/* It lost its start with the suspension, and nothing that is over may be without. */
TEST(a_suspended_job_that_ends_has_a_start)
{
	struct job_rig r;

	start(&r, "'completions':1,'parallelism':1,'backoffLimit':0,'suspend':true",
		"'uncountedTerminatedPods':{},'failed':1,'active':0,'ready':0,'terminating':0,"
		"'conditions':[{'type':'FailureTarget','status':'True','reason':"
		"'BackoffLimitExceeded','message':'m'}]");
	struct str text = decide(&r);
	EXPECT(str_find(text, STR("'type':'Failed'")) >= 0);
	EXPECT(str_find(text, STR("'startTime':'" NOW_TEXT "'")) >= 0);
	stop(&r);
}

TEST(indexed_pods_fill_the_lowest_free_indexes)
{
	struct job_rig r;

	start(&r, "'completions':5,'parallelism':2,'backoffLimit':6,'completionMode':'Indexed'",
		STARTED ",'active':2,'ready':0,'terminating':0");
	pod(&r, 1, "", "'phase':'Running'");
	pod(&r, 0, "", "'phase':'Succeeded'");
	job_plan(&r.view, r.now, &r.plan.plan);
	REQUIRE(r.plan.plan.count > 0);
	const struct cJSON *made = r.plan.plan.steps[0].body;
	EXPECT_STR(tree_str(made, "metadata.generateName"), "j-2-");
	EXPECT_STR(tree_str(made, "spec.hostname"), "j-2");
	EXPECT_STR(
		json_str(json_get(json_path(made, "metadata.annotations"), STR(JOB_INDEX))), "2");
	EXPECT_STR(plan_rig_text(&r.plan),
		"create pods\nevent Normal SuccessfulCreate Created pod: \n"
		"status jobs j {'startTime':'2026-01-01T00:00:00Z','uncountedTerminatedPods':{},"
		"'active':2,'ready':0,'terminating':0,'succeeded':1,'completedIndexes':'0'}"
		"\n" UNTRACK("p1", "u1"));
	stop(&r);
}

TEST(of_two_pods_with_one_index_one_goes)
{
	struct job_rig r;

	start(&r, "'completions':2,'parallelism':2,'backoffLimit':6,'completionMode':'Indexed'",
		STARTED ",'active':2,'ready':0,'terminating':0,'completedIndexes':''");
	pod(&r, 0, "", "'phase':'Running','conditions':[{'type':'Ready','status':'True'}]");
	pod(&r, 0, "", "'phase':'Pending'");
	job_plan(&r.view, r.now, &r.plan.plan);
	REQUIRE(r.plan.plan.count >= 2);
	EXPECT_INT(r.plan.plan.steps[1].verb, PLAN_DELETE);
	EXPECT_STR(r.plan.plan.steps[1].name, "p1");
	stop(&r);
}

TEST(policies_choose_by_exit_code_and_condition)
{
	static const struct {
		const char *rules, *status;
		enum job_action action;
		const char *message;
	} table[] = {
		{"{'action':'FailJob','onExitCodes':{'operator':'In','values':[42]}}",
			"'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':42}}}]",
			JOB_FAIL,
			"Container c for pod n/p failed with exit code 42 matching FailJob rule at "
			"index 0"},
		{"{'action':'FailJob','onExitCodes':{'operator':'NotIn','values':[42]}}",
			"'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':0}}}]",
			JOB_COUNT, ""},
		{"{'action':'Count','onExitCodes':{'containerName':'d','operator':'In','values':"
		 "[1]}},{'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget','status':"
		 "'True'}]}",
			"'conditions':[{'type':'DisruptionTarget','status':'True'}],"
			"'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':1}}}]",
			JOB_IGNORE, ""},
		{"{'action':'FailIndex','onExitCodes':{'operator':'In','values':[7]}}",
			"'initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':7}}"
			"}]",
			JOB_FAIL_INDEX, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;
		struct str message = {0};

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct cJSON *job = plan_rig_tree(
			&r, arena_print(&r.arena, "{'spec':{'podFailurePolicy':{'rules':[%s]}}}",
				    table[i].rules)
				    .at);
		struct cJSON *failed = plan_rig_tree(
			&r, arena_print(&r.arena,
				    "{'metadata':{'namespace':'n','name':'p'},'status':{'phase':"
				    "'Failed',%s}}",
				    table[i].status)
				    .at);
		EXPECT_INT(job_policy_action(&r.arena, job, failed, &message), table[i].action);
		EXPECT_STR(message, table[i].message);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(success_policies_ask_for_indexes_or_a_number_of_them)
{
	static const struct {
		const char *rule, *succeeded;
		bool met;
	} table[] = {
		{"'succeededIndexes':'0,2'", "0,1", false},
		{"'succeededIndexes':'0,2'", "0-2", true},
		{"'succeededCount':2", "3", false},
		{"'succeededCount':2", "3,4", true},
		{"'succeededIndexes':'0-3','succeededCount':2", "3-5", false},
		{"'succeededIndexes':'0-3','succeededCount':2", "2,3", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;
		struct indexes done;
		struct str message;

		test_context("row %zu", i);
		plan_rig_start(&r);
		indexes_parse(&r.arena, &done, str_from(table[i].succeeded), 6);
		struct cJSON *job = plan_rig_tree(
			&r, arena_print(&r.arena, "{'spec':{'successPolicy':{'rules':[{%s}]}}}",
				    table[i].rule)
				    .at);
		EXPECT_INT(job_success_met(&r.arena, job, 6, &done, &message), table[i].met);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(indexes_are_written_as_ranges)
{
	static const struct {
		const char *in, *out;
		int64_t total;
	} table[] = {{"", "", 0}, {"3", "3", 1}, {"1,0", "0,1", 2}, {"0-2,2-4,9", "0-4,9", 6},
		{"x,7-20,-1", "7-9", 3}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct arena a;
		struct indexes x;

		arena_init(&a);
		indexes_parse(&a, &x, str_from(table[i].in), 10);
		EXPECT_STR(indexes_print(&a, &x), table[i].out);
		EXPECT_INT(indexes_total(&x), table[i].total);
		arena_done(&a);
	}
}
