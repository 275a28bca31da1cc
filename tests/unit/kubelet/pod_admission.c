#include "pod_view_rig.h"

#include "kubelet/eviction.h"
#include "kubelet/pod_admission.h"

static bool admits(const char *spec, const char *wanted)
{
	struct arena a;
	struct str reason = STR(""), message;

	arena_init(&a);
	struct cJSON *pod = json_new(&a, JSON_OBJECT);
	json_set(&a, pod, STR("spec"), rig_json(&a, spec));
	const struct cJSON *others[] = {rig_json(&a,
		"{'spec':{'containers':[{'resources':{'requests':{'cpu':'1','memory':'1Gi'}}}]}}")};
	const struct pod_admission in = {.pod = pod,
		.pressure = (const bool[PRESSURES]){0},
		.others = others,
		.other_count = 1,
		.allocatable = rig_json(&a, "{'cpu':'2','memory':'2Gi','pods':'2'}"),
		.node = rig_json(&a,
			"{'metadata':{'name':'n1','labels':{'zone':'a','size':'8','odd':''}}}")};
	bool good = pod_is_admitted(&a, &in, &reason, &message);
	test_context("%s", spec);
	EXPECT_STR(reason, wanted);
	test_context_end();
	arena_done(&a);
	return good;
}

#define NEEDS(what) "{'containers':[{'resources':{'requests':{" what "}}}]}"
#define TERM(what)                                                                                 \
	"{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{"          \
	"'nodeSelectorTerms':[" what "]}}}}"
#define ZONE(op, values)                                                                           \
	TERM("{'matchExpressions':[{'key':'zone','operator':'" op "','values':[" values "]}]}")
#define SIZE(op, value)                                                                            \
	TERM("{'matchExpressions':[{'key':'size','operator':'" op "','values':['" value "']}]}")

TEST(a_pod_needs_room_beside_the_others)
{
	EXPECT(admits(NEEDS("'cpu':'1','memory':'1Gi'"), ""));
	EXPECT(!admits(NEEDS("'cpu':'1001m'"), "OutOfcpu"));
	EXPECT(!admits(NEEDS("'memory':'1025Mi'"), "OutOfmemory"));
	EXPECT(admits(NEEDS("'example.com/unknown':'1'"), ""));
}

TEST(a_pod_says_which_nodes_it_likes)
{
	EXPECT(admits("{'nodeSelector':{'zone':'a'}}", ""));
	EXPECT(!admits("{'nodeSelector':{'zone':'b'}}", "NodeAffinity"));
	EXPECT(!admits("{'nodeSelector':{'other':''}}", "NodeAffinity"));
	EXPECT(admits("{'nodeSelector':{'odd':''}}", ""));
	EXPECT(admits(ZONE("In", "'b','a'"), ""));
	EXPECT(!admits(ZONE("NotIn", "'b','a'"), "NodeAffinity"));
	EXPECT(admits(ZONE("Exists", ""), ""));
	EXPECT(!admits(ZONE("DoesNotExist", ""), "NodeAffinity"));
	EXPECT(admits(SIZE("Gt", "7"), ""));
	EXPECT(!admits(SIZE("Gt", "8"), "NodeAffinity"));
	EXPECT(admits(SIZE("Lt", "9"), ""));
	EXPECT(!admits(TERM(""), "NodeAffinity"));
	EXPECT(!admits(TERM("{}"), "NodeAffinity"));
	EXPECT(admits(TERM("{},{'matchFields':[{'key':'metadata.name','operator':'In',"
			   "'values':['n1']}]}"),
		""));
}
