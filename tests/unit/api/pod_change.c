/* Changes of pods: what may change through the pod, its status and its parts. */
#include "pod_cases.h"

static const char *faults_of(change_check_fn *check, struct change *c)
{
	struct field_errors errors = {.arena = &a};

	check(c, &errors);
	return arena_str(&a, field_errors_text(&a, &errors)).at;
}

static const char *updated(const char *old_spec, const char *spec)
{
	struct change before = change_of(pod(old_spec, ""), NULL);
	struct change c = change_of(pod(spec, ""), before.object);

	return faults_of(c.resource->strategy->validate_update, &c);
}

static const char *status_updated(const char *spec, const char *old_status, const char *status)
{
	struct change before =
		change_of(pod(spec, arena_print(&a, ",'status':%s", old_status).at), NULL);
	struct change c =
		change_of(pod(spec, arena_print(&a, ",'status':%s", status).at), before.object);

	return faults_of(c.resource->strategy->validate_status, &c);
}

static const char *resized(const char *old_rest, const char *spec)
{
	const struct strategy *s = resource_find(STR(""), STR("v1"), STR("pods"))->strategy;
	struct change before =
		change_of(pod(",'resources':{'requests':{'cpu':'1'}}", old_rest), NULL);
	struct change c = change_of(pod(spec, ""), before.object);

	for (const struct part_strategy *p = s->parts; p->name; p++)
		if (!strcmp(p->name, "resize")) {
			p->prepare(&c);
			return faults_of(p->validate, &c);
		}
	return "no such part";
}

#define TERMS(t)                                                                                   \
	",'schedulingGates':[{'name':'g'}],'affinity':{'nodeAffinity':{"                           \
	"'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[" t "]}}}"
#define EXISTS(key) "{'key':'" key "','operator':'Exists'}"
#define TERMS_AT                                                                                   \
	"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."               \
	"nodeSelectorTerms"

TEST(a_pod_at_a_gate_is_narrowed_and_never_widened)
{
	arena_init(&a);
	EXPECT_TEXT(updated(TERMS("{'matchExpressions':[" EXISTS("a") "]}"),
			    TERMS("{'matchExpressions':[" EXISTS("a") "," EXISTS("b") "]}")),
		"");
	EXPECT_TEXT(updated(TERMS("{'matchExpressions':[" EXISTS("a") "]}"),
			    TERMS("{'matchExpressions':[" EXISTS("b") "]}")),
		TERMS_AT "[0]: Invalid value: {\"MatchExpressions\":[{\"Key\":\"b\",\"Operator\":"
			 "\"Exists\",\"Values\":null}],\"MatchFields\":null}: only additions are "
			 "allowed (no mutations or deletions)");
	EXPECT(strstr(updated(TERMS("{'matchExpressions':[" EXISTS("a") "]}"),
			      TERMS("{'matchExpressions':[" EXISTS("a") "]},{}")),
		"no additions/deletions to non-empty NodeSelectorTerms list are allowed"));
	EXPECT_TEXT(updated(",'schedulingGates':[{'name':'g'}],'nodeSelector':{'a':'b'}",
			    ",'schedulingGates':[{'name':'g'}],'nodeSelector':{'a':'c'}"),
		"spec.nodeSelector: Invalid value: {\"a\":\"c\"}: only additions to "
		"spec.nodeSelector are allowed (no mutations or deletions)");
	arena_done(&a);
}

TEST(a_refused_change_is_shown_as_upstream_holds_it)
{
	arena_init(&a);
	EXPECT(strstr(updated("", ",'hostPID':true,'securityContext':{}"),
		"\n@@ -45,7 +45,7 @@\n  \"NodeName\": \"\",\n  \"SecurityContext\": {\n"
		"   \"HostNetwork\": false,\n-  \"HostPID\": false,\n+  \"HostPID\": true,\n"
		"   \"HostIPC\": false,\n   \"ShareProcessNamespace\": null,\n"
		"   \"HostUsers\": null,\n"));
	arena_done(&a);
}

TEST(annotations_with_meaning_stay_as_they_are)
{
	struct change before, c;

	arena_init(&a);
	before = change_of(pod(",'nodeName':'n'", ",'metadata':{'annotations':{"
						  "'kubernetes.io/config.mirror':'h'}}"),
		NULL);
	c = change_of(pod(",'nodeName':'n'", ""), before.object);
	EXPECT_TEXT(faults_of(c.resource->strategy->validate_update, &c),
		"metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or "
		"update mirror pod annotation");
	arena_done(&a);
}

#define ENDED(code)                                                                                \
	"{'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':" code "}}}]}"
#define RUNS "{'containerStatuses':[{'name':'c','state':{'running':{}}}]}"

TEST(what_ended_for_good_does_not_run_again)
{
	static const char never[] = "status.containerStatuses[0].state: Forbidden: may not be "
				    "transitioned to non-terminated state";

	arena_init(&a);
	EXPECT_TEXT(status_updated(",'restartPolicy':'Never'", ENDED("1"), RUNS), never);
	EXPECT_TEXT(status_updated(",'restartPolicy':'OnFailure'", ENDED("1"), RUNS), "");
	EXPECT_TEXT(status_updated(",'restartPolicy':'OnFailure'", ENDED("0"), RUNS), never);
	EXPECT_TEXT(status_updated("", ENDED("0"), RUNS), "");
	EXPECT_TEXT(status_updated(",'restartPolicy':'Never','initContainers':[{'name':'i',"
				   "'restartPolicyRules':[{'action':'RestartAllContainers'}]}]",
			    ENDED("1"), RUNS),
		"");
	arena_done(&a);
}

TEST(addresses_are_one_of_each_family)
{
	arena_init(&a);
	EXPECT_TEXT(
		status_updated("", "{}", "{'podIPs':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}]}"), "");
	EXPECT(strstr(status_updated("", "{}", "{'podIPs':[{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}]}"),
		"may specify no more than one IP for each IP family"));
	EXPECT_TEXT(status_updated("", "{}", "{'hostIPs':[{'ip':'10.0.0.1'}]}"),
		"status.hostIPs[0].ip: Invalid value: \"10.0.0.1\": must be equal to `hostIP`");
	arena_done(&a);
}

TEST(the_single_address_decides)
{
	arena_init(&a);
	struct change c = change_of(
		pod("", ",'status':{'podIP':'10.0.0.1','podIPs':[{'ip':'10.0.0.2'}]}"), NULL);
	EXPECT_TEXT(print(json_path(c.object, "status.podIPs")), "[{'ip':'10.0.0.1'}]");
	c = change_of(pod("", ",'status':{'podIPs':[{'ip':'10.0.0.2'}]}"), NULL);
	EXPECT_STR(tree_str(c.object, "status.podIP"), "10.0.0.2");
	arena_done(&a);
}

TEST(resizing_changes_amounts_alone)
{
	arena_init(&a);
	EXPECT_TEXT(resized(",'status':{'qosClass':'Burstable'}",
			    ",'resources':{'requests':{'cpu':'2'}},'hostNetwork':true"),
		"");
	EXPECT_TEXT(resized(",'metadata':{'annotations':{'kubernetes.io/config.mirror':'h'}}", ""),
		"[]: Forbidden: static pods cannot be resized");
	EXPECT_TEXT(resized(",'status':{'qosClass':'Burstable','containerStatuses':[{'name':'c',"
			    "'state':{'running':{}}}]}",
			    ",'resources':{'requests':{'cpu':'2'}}"),
		"spec: Forbidden: Pod running on node without support for resize");
	arena_done(&a);
}
