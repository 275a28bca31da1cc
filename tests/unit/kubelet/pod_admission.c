#include "pod_view_rig.h"

#include "kubelet/eviction.h"
#include "kubelet/pod_admission.h"

static bool admits(const char *spec, const char *wanted)
{
	struct arena a;
	struct str reason = STR(""), message;
	struct pod_victims victims;

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
	bool good = pod_is_admitted(&a, &in, &victims, &reason, &message);
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

static bool admits_beside(const char *other, const char *pod, const char *node, const char *wanted)
{
	struct arena a;
	struct str reason = STR(""), message;
	struct pod_victims victims;

	arena_init(&a);
	const struct cJSON *others[] = {rig_json(&a, other)};
	const struct pod_admission in = {.pod = rig_json(&a, pod),
		.pressure = (const bool[PRESSURES]){0},
		.others = others,
		.other_count = 1,
		.allocatable = rig_json(&a, "{'pods':'2'}"),
		.node = rig_json(&a, node)};
	bool good = pod_is_admitted(&a, &in, &victims, &reason, &message);
	test_context("%s", pod);
	EXPECT_STR(reason, wanted);
	test_context_end();
	arena_done(&a);
	return good;
}

#define PORTS(what)      "{'spec':{'containers':[{'ports':[" what "]}]}}"
#define SIDECAR          "{'spec':{'initContainers':[{'restartPolicy':'Always','ports':[{'hostPort':80}]}]}}"
#define AT_THE_BEGINNING "{'spec':{'initContainers':[{'ports':[{'hostPort':80}]}]}}"

TEST(a_port_of_the_host_is_for_one_pod)
{
	static const struct {
		const char *has, *wants, *reason;
	} cases[] = {
		{PORTS("{'hostPort':80}"), PORTS("{'hostPort':80}"), "NodePorts"},
		{PORTS("{'hostPort':80}"), PORTS("{'hostPort':81}"), ""},
		{PORTS("{'containerPort':80}"), PORTS("{'containerPort':80}"), ""},
		{PORTS("{'hostPort':80}"), PORTS("{'hostPort':80,'protocol':'UDP'}"), ""},
		{PORTS("{'hostPort':80}"), PORTS("{'hostPort':80,'protocol':'TCP'}"), "NodePorts"},
		{PORTS("{'hostPort':80,'hostIP':'1.2.3.4'}"), PORTS("{'hostPort':80}"),
			"NodePorts"},
		{PORTS("{'hostPort':80,'hostIP':'0.0.0.0'}"),
			PORTS("{'hostPort':80,'hostIP':'1.2.3.4'}"), "NodePorts"},
		{PORTS("{'hostPort':80,'hostIP':'1.2.3.4'}"),
			PORTS("{'hostPort':80,'hostIP':'1.2.3.5'}"), ""},
		{SIDECAR, PORTS("{'hostPort':80}"), "NodePorts"},
		{PORTS("{'hostPort':80}"), SIDECAR, "NodePorts"},
		{AT_THE_BEGINNING, PORTS("{'hostPort':80}"), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		admits_beside(cases[i].has, cases[i].wants, "{}", cases[i].reason);
}

#define TAINTED                                                                                    \
	"{'spec':{'taints':[{'key':'k','value':'v','effect':'NoExecute'},"                         \
	"{'key':'l','effect':'NoSchedule'}]}}"
#define BEARS(what) "{'spec':{'tolerations':[" what "]}}"

TEST(who_would_be_sent_away_does_not_come)
{
	admits_beside(
		"{}", "{'spec':{}}", "{'spec':{'taints':[{'key':'l','effect':'NoSchedule'}]}}", "");
	admits_beside("{}", "{'spec':{}}", TAINTED, "TaintToleration");
	admits_beside("{}", BEARS("{'operator':'Exists'}"), TAINTED, "");
	admits_beside("{}", BEARS("{'key':'k','value':'v'}"), TAINTED, "");
	admits_beside("{}", BEARS("{'key':'k','value':'w'}"), TAINTED, "TaintToleration");
	admits_beside(
		"{}", BEARS("{'key':'k','operator':'Exists','effect':'NoExecute'}"), TAINTED, "");
	admits_beside("{}", BEARS("{'key':'k','operator':'Exists','effect':'NoSchedule'}"), TAINTED,
		"TaintToleration");
	admits_beside("{}",
		"{'metadata':{'annotations':{'kubernetes.io/config.source':'file'}},'spec':{}}",
		TAINTED, "");
}

TEST(pods_are_for_this_system)
{
	admits_beside("{}", "{'spec':{'os':{'name':'linux'}}}", "{}", "");
	admits_beside("{}", "{'spec':{'os':{'name':'windows'}}}", "{}", "PodOSNotSupported");
	admits_beside("{}", "{'metadata':{'labels':{'kubernetes.io/os':'windows'}},'spec':{}}",
		"{}", "PodOSSelectorNodeLabelDoesNotMatch");
	admits_beside("{}",
		"{'spec':{'securityContext':{'sysctls':[{'name':'vm.x','value':'1'}]}}}", "{}",
		"SysctlForbidden");
}

#define PROFILE(type) "'securityContext':{'appArmorProfile':{'type':'" type "'}}"

TEST(profiles_are_only_where_they_are_enforced)
{
	EXPECT(!admits("{" PROFILE("RuntimeDefault") "}", "AppArmor"));
	EXPECT(!admits("{'initContainers':[{" PROFILE("Localhost") "}]}", "AppArmor"));
	EXPECT(!admits("{'containers':[{},{" PROFILE("RuntimeDefault") "}]}", "AppArmor"));
	EXPECT(admits("{'containers':[{" PROFILE("Unconfined") "}]}", ""));
	admits_beside(
		"{}", "{'spec':{" PROFILE("Localhost") "},'status':{'phase':'Running'}}", "{}", "");
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
