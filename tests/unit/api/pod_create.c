/* New pods: what the server adds and drops, and what it refuses. */
#include "pod_cases.h"

static struct cJSON *prepared(const char *spec, const char *rest)
{
	struct change c = change_of(pod(spec, rest), NULL);

	c.resource->strategy->prepare_create(&c);
	return c.object;
}

static const char *faults(const char *spec, const char *rest)
{
	struct change c = change_of(pod(spec, rest), NULL);
	struct field_errors errors = {.arena = &a};

	c.resource->strategy->validate(&c, &errors);
	return arena_str(&a, field_errors_text(&a, &errors)).at;
}

TEST(what_is_behind_closed_gates_is_dropped)
{
	struct cJSON *p;

	arena_init(&a);
	p = parse("{'spec':{'containers':[{'name':'c','image':'i','lifecycle':{'stopSignal':"
		  "'SIGINT'}},{'name':'d','image':'i','lifecycle':{'stopSignal':'SIGINT','preStop':"
		  "{'exec':{'command':['x']}}}}],'volumes':[{'name':'v','projected':{'sources':["
		  "{'clusterTrustBundle':{'path':'p'}},{'secret':{'name':'s'}}]}}]}}");
	struct change c = change_of(p, NULL);
	c.resource->strategy->prepare_create(&c);
	EXPECT(!json_path(c.object, "spec.containers.0.lifecycle"));
	EXPECT_TEXT(print(json_path(c.object, "spec.containers.1.lifecycle")),
		"{'preStop':{'exec':{'command':['x']}}}");
	EXPECT_TEXT(print(json_path(c.object, "spec.volumes.0.projected.sources")),
		"[{},{'secret':{'name':'s'}}]");
	arena_done(&a);
}

TEST(what_stood_there_before_a_gate_was_closed_stays)
{
	const char *text = "{'containers':[{'name':'c','image':'i','lifecycle':{'stopSignal':"
			   "'SIGINT'}}]}";

	arena_init(&a);
	struct cJSON *old = parse(arena_print(&a, "{'spec':%s}", text).at);
	struct change c = change_of(parse(arena_print(&a, "{'spec':%s}", text).at), old);
	c.resource->strategy->prepare_update(&c);
	EXPECT_TEXT(print(json_path(c.object, "spec.containers.0.lifecycle")),
		"{'stopSignal':'SIGINT'}");
	arena_done(&a);
}

TEST(label_keys_become_requirements)
{
	arena_init(&a);
	struct cJSON *p = prepared(",'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z',"
				   "'whenUnsatisfiable':'DoNotSchedule','labelSelector':{},"
				   "'matchLabelKeys':['h','absent']},{'maxSkew':1,'topologyKey':"
				   "'z','whenUnsatisfiable':'DoNotSchedule','matchLabelKeys':"
				   "['h']}]",
		",'metadata':{'labels':{'h':'1'}}");
	EXPECT_TEXT(print(json_path(p, "spec.topologySpreadConstraints.0.labelSelector")),
		"{'matchExpressions':[{'key':'h','operator':'In','values':['1']}]}");
	EXPECT(!json_path(p, "spec.topologySpreadConstraints.1.labelSelector"));
	arena_done(&a);
}

TEST(a_gated_pod_says_why_it_waits)
{
	arena_init(&a);
	struct cJSON *p = prepared(",'schedulingGates':[{'name':'g'}]", "");
	EXPECT(pod_has_condition(p, "PodScheduled", "False"));
	EXPECT_STR(tree_str(p, "status.conditions.0.reason"), "SchedulingGated");
	EXPECT(!json_path(prepared("", ""), "status.conditions"));
	arena_done(&a);
}

TEST(profiles_in_annotations_become_members)
{
	arena_init(&a);
	struct cJSON *p = prepared("", ",'metadata':{'annotations':{"
				       "'container.apparmor.security.beta.kubernetes.io/c':"
				       "'localhost/mine'}}");
	EXPECT_TEXT(print(json_path(p, "spec.containers.0.securityContext.appArmorProfile")),
		"{'type':'Localhost','localhostProfile':'mine'}");
	EXPECT_TEXT(faults("", ",'metadata':{'annotations':{"
			       "'container.apparmor.security.beta.kubernetes.io/d':'odd'}}"),
		"[metadata.annotations[container.apparmor.security.beta.kubernetes.io/d]: Invalid "
		"value: \"d\": container not found, "
		"metadata.annotations[container.apparmor.security.beta.kubernetes.io/d]: Invalid "
		"value: \"odd\": invalid AppArmor profile name: \"odd\"]");
	EXPECT_TEXT(faults(",'securityContext':{'appArmorProfile':{'type':'Unconfined'}}",
			    ",'metadata':{'annotations':{"
			    "'container.apparmor.security.beta.kubernetes.io/c':"
			    "'runtime/default'}}"),
		"spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type "
		"in annotation and field must match");
	arena_done(&a);
}

TEST(mirrors_have_a_node_and_costs_are_numbers)
{
	static const char *const bad[] = {"+1", "01", "-0", "", "2147483648", "x"};

	arena_init(&a);
	EXPECT_TEXT(faults("", ",'metadata':{'annotations':{'kubernetes.io/config.mirror':'h'}}"),
		"metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"h\": must set "
		"spec.nodeName if mirror pod annotation is set");
	EXPECT_TEXT(faults("", ",'metadata':{'annotations':{"
			       "'controller.kubernetes.io/pod-deletion-cost':'-5'}}"),
		"");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_context("cost %s", bad[i]);
		const char *meta = arena_print(&a,
			",'metadata':{'annotations':{"
			"'controller.kubernetes.io/pod-deletion-cost':'%s'}}",
			bad[i])
					   .at;
		EXPECT(strstr(faults("", meta), "must be a 32bit integer"));
	}
	test_context_end();
	arena_done(&a);
}

TEST(restart_rules_are_checked)
{
	arena_init(&a);
	struct change c = change_of(parse("{'spec':{'containers':[{'name':'c','image':'i',"
					  "'restartPolicy':'Never','restartPolicyRules':["
					  "{'action':'Nothing','exitCodes':{'operator':'Is',"
					  "'values':[1]}},{'action':'RestartAllContainers'}]}]}}"),
		NULL);
	struct field_errors errors = {.arena = &a};
	c.resource->strategy->validate(&c, &errors);
	EXPECT_STR(field_errors_text(&a, &errors),
		"[spec.containers[0].restartPolicyRules[0].action: Unsupported value: \"Nothing\": "
		"supported values: \"Restart\", \"RestartAllContainers\", "
		"spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "
		"\"Is\": supported values: \"In\", \"NotIn\", "
		"spec.containers[0].restartPolicyRules[1].exitCodes: Required value: must be "
		"specified]");
	arena_done(&a);
}

TEST(amounts_are_rounded_up_to_thousandths)
{
	arena_init(&a);
	struct change c =
		change_of(parse("{'spec':{'containers':[{'name':'c','image':'i',"
				"'resources':{'requests':{'cpu':'100u','memory':'1'}}}]}}"),
			NULL);
	EXPECT_TEXT(print(json_path(c.object, "spec.containers.0.resources.requests")),
		"{'cpu':'1m','memory':'1'}");
	arena_done(&a);
}

TEST(huge_pages_come_whole)
{
	arena_init(&a);
	struct change c = change_of(parse("{'spec':{'containers':[{'name':'c','image':'i',"
					  "'resources':{'requests':{'cpu':'1'},'limits':{"
					  "'hugepages-2Mi':'3Mi'}}}]}}"),
		NULL);
	struct field_errors errors = {.arena = &a};
	c.resource->strategy->validate(&c, &errors);
	EXPECT_STR(field_errors_text(&a, &errors),
		"[spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi "
		"is not positive integer multiple of hugepages-2Mi, "
		"spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi "
		"is not positive integer multiple of hugepages-2Mi]");
	arena_done(&a);
}

TEST(containers_agree_with_their_pod_on_host_processes)
{
	arena_init(&a);
	struct change c =
		change_of(parse("{'spec':{'hostNetwork':true,'securityContext':{'windowsOptions':{"
				"'hostProcess':true}},'containers':[{'name':'c','image':'i',"
				"'securityContext':{'windowsOptions':{'hostProcess':false}}},"
				"{'name':'d','image':'i'}]}}"),
			NULL);
	struct field_errors errors = {.arena = &a};
	c.resource->strategy->validate(&c, &errors);
	EXPECT_STR(field_errors_text(&a, &errors),
		"[spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: "
		"false: pod hostProcess value must be identical if both are specified, was true, "
		"spec: Invalid value: \"\": If pod contains any hostProcess containers then all "
		"containers must be HostProcess containers]");
	arena_done(&a);
}
