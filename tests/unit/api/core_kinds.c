/* Nodes, limits, quotas, events, endpoints and the small kinds: what stands beyond first sight. */
#include "change_rig.h"

#include <kube/quantity.h>

#define NODES  "/v1/nodes"
#define LIMITS "/v1/limitranges"
#define QUOTAS "/v1/resourcequotas"

TEST(one_range_of_a_node_stands_for_several)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(rig_created(NODES, "{\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\"]}}")),
		       STR("\"podCIDR\":\"10.0.0.0/24\"")) > 0);
	EXPECT(str_find(str_from(rig_created(NODES, "{\"spec\":{\"podCIDR\":\"10.2.0.0/24\","
						    "\"podCIDRs\":[\"10.0.0.0/24\"]}}")),
		       STR("\"podCIDRs\":[\"10.2.0.0/24\"]")) > 0);
	EXPECT_TEXT(
		rig_create(NODES, "{\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\",\"10.1.0.0/24\"]}}"),
		"spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.1.0.0/24\"]: may specify no "
		"more than one CIDR for each IP family");
	arena_done(&rig_arena);
}

TEST(a_node_keeps_what_others_rely_on)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(NODES, "{\"spec\":{\"externalID\":\"a\"}}",
			    "{\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"h\"},"
			    "{\"type\":\"Hostname\",\"address\":\"h\"}]}}"),
		"[status.addresses[1]: Duplicate value: {\"Type\":\"Hostname\",\"Address\":\"h\"}, "
		"spec.externalID: Forbidden: may not be updated]");
	EXPECT_TEXT(rig_warnings(NODES, "{\"spec\":{\"externalID\":\"a\"}}"),
		"spec.externalID: this field is deprecated, and is unused by Kubernetes\n");
	arena_done(&rig_arena);
}

TEST(limits_of_pods_have_no_defaults)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_create(LIMITS, "{\"spec\":{\"limits\":[{\"type\":\"Pod\",\"min\":{\"cpu\":"
				   "\"2\"},\"default\":{\"cpu\":\"1\"},\"defaultRequest\":{\"cpu\":"
				   "\"1\"}}]}}"),
		"[spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod', "
		"spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is "
		"'Pod']");
	EXPECT_TEXT(rig_create(LIMITS, "{\"spec\":{\"limits\":[{\"type\":\"Foo\"},{\"type\":"
				       "\"example.com/foo\"}]}}"),
		"spec.limits[0].type: Invalid value: \"Foo\": must be a standard limit type or "
		"fully qualified");
	arena_done(&rig_arena);
}

TEST(quotas_under_scopes_count_what_the_scope_has)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(QUOTAS, "{\"spec\":{\"hard\":{\"persistentvolumeclaims\":\"1\","
				       "\"example.com/x\":\"1\"},\"scopes\":["
				       "\"VolumeAttributesClass\"]}}"),
		"");
	EXPECT_TEXT(rig_create(QUOTAS, "{\"spec\":{\"hard\":{\"pods\":\"1\"},\"scopes\":["
				       "\"VolumeAttributesClass\",\"Foo\"]}}"),
		"[spec.scopes: Invalid value: [\"VolumeAttributesClass\",\"Foo\"]: unsupported "
		"scope applied to resource, spec.scopes: Invalid value: "
		"[\"VolumeAttributesClass\",\"Foo\"]: unsupported scope]");
	EXPECT_TEXT(rig_create(QUOTAS, "{\"spec\":{\"hard\":{\"secrets\":\"1\"},\"scopeSelector\":{"
				       "\"matchExpressions\":[{\"scopeName\":\"PriorityClass\","
				       "\"operator\":\"DoesNotExist\"}]}}}"),
		"spec.scopeSelector.matchExpressions: Invalid value: {\"MatchExpressions\":[{"
		"\"ScopeName\":\"PriorityClass\",\"Operator\":\"DoesNotExist\",\"Values\":null}]}: "
		"unsupported scope applied to resource");
	arena_done(&rig_arena);
}

TEST(the_same_scopes_in_another_order_are_no_change)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(QUOTAS, "{\"spec\":{\"scopes\":[\"BestEffort\",\"Terminating\"]}}",
			    "{\"spec\":{\"scopes\":[\"Terminating\",\"BestEffort\"]}}"),
		"");
	arena_done(&rig_arena);
}

TEST(events_of_the_cluster_are_met_in_two_namespaces)
{
#define DATED                                                                                      \
	"\"eventTime\":\"2024-01-02T03:04:05.000000Z\",\"reportingComponent\":\"c\","              \
	"\"reportingInstance\":\"i\",\"action\":\"a\",\"reason\":\"r\"}"
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_create("/v1/events", "{\"metadata\":{\"namespace\":\"kube-system\"}," DATED),
		"");
	EXPECT_TEXT(rig_create("/v1/events", "{\"metadata\":{\"namespace\":\"n\"}," DATED),
		"involvedObject.namespace: Invalid value: \"\": does not match event.namespace");
	EXPECT_TEXT(rig_create("/v1/events", "{\"metadata\":{\"namespace\":\"default\"}}"), "");
	arena_done(&rig_arena);
}

TEST(events_change_by_their_view_as_it_allows)
{
#define EVENT(more)                                                                                \
	"{\"metadata\":{\"namespace\":\"n\",\"resourceVersion\":\"1\"},\"involvedObject\":{"       \
	"\"namespace\":\"n\"},\"type\":\"Normal\"," more DATED

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update("/v1/events", EVENT(""), EVENT("\"message\":\"m\",")), "");
	EXPECT_TEXT(rig_update("events.k8s.io/v1/events", EVENT(""),
			    EVENT("\"source\":{\"component\":\"x\"},\"series\":{\"count\":1},")),
		"[series.count: Invalid value: \"\": should be at least 2, "
		"series.lastObservedTime: Required value, source: Invalid value: "
		"{\"Component\":\"x\",\"Host\":\"\"}: field is immutable]");
	arena_done(&rig_arena);
}

TEST(events_are_read_by_their_other_names)
{
	const struct resource *core = resource_find(STR(""), STR("v1"), STR("events"));
	const struct resource *view = resource_find(STR("events.k8s.io"), STR("v1"), STR("events"));
	struct cJSON *there = NULL, *back = NULL;

	arena_init(&rig_arena);
	struct cJSON *event = rig_change("/v1/events",
		"{\"message\":\"m\",\"count\":3,\"source\":{\"host\":\"h\"},\"involvedObject\":{"
		"\"name\":\"p\"},\"firstTimestamp\":\"2024-01-02T03:04:05Z\"}",
		NULL)
				      .object;
	EXPECT_INT(resource_convert(&rig_arena, core, view, event, &there, NULL), 0);
	EXPECT_STR(tree_str(there, "note"), "m");
	EXPECT_STR(tree_str(there, "regarding.name"), "p");
	EXPECT_STR(tree_str(there, "deprecatedSource.host"), "h");
	EXPECT_INT(tree_int(there, "deprecatedCount", 0), 3);
	EXPECT_INT(resource_convert(&rig_arena, view, core, there, &back, NULL), 0);
	tree_drop(back, "kind");
	tree_drop(back, "apiVersion");
	EXPECT(json_equal(back, api_canonical(&rig_arena, core->schema, event)));
	arena_done(&rig_arena);
}

TEST(addresses_written_loosely_are_still_looked_through)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create("/v1/endpoints", "{\"subsets\":[{\"notReadyAddresses\":[{\"ip\":"
						"\"127.000.0.1\",\"nodeName\":\"A\"}]}]}"),
		"[subsets[0].notReadyAddresses[0].ip: Invalid value: \"127.000.0.1\": must not "
		"have "
		"leading 0s, subsets[0].notReadyAddresses[0].nodeName: Invalid value: \"A\": a "
		"lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
		"'-' or '.', and must start and end with an alphanumeric character (e.g. "
		"'example.com', regex used for validation is "
		"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), "
		"subsets[0].notReadyAddresses[0].ip: Invalid value: \"127.000.0.1\": may not be in "
		"the loopback range (127.0.0.0/8, ::1/128)]");
	arena_done(&rig_arena);
}

TEST(system_priorities_are_what_they_are)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create("scheduling.k8s.io/v1/priorityclasses",
			    "{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":5}"),
		"metadata.name: Forbidden: priority class names with 'system-' prefix are reserved "
		"for system use only. error: value of system-node-critical PriorityClass must be "
		"2000001000");
	EXPECT_TEXT(rig_create("scheduling.k8s.io/v1/priorityclasses",
			    "{\"metadata\":{\"name\":\"system-cluster-critical\"},\"value\":"
			    "2000000000}"),
		"");
	arena_done(&rig_arena);
}

TEST(runtime_classes_repeat_no_toleration)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create("node.k8s.io/v1/runtimeclasses",
			    "{\"handler\":\"h\",\"overhead\":{\"podFixed\":{\"hugepages-2Mi\":"
			    "\"2Mi\"}},"
			    "\"scheduling\":{\"nodeSelector\":{\"a\":\"b\"}}}"),
		"overhead: Forbidden: HugePages require cpu or memory");
	EXPECT(str_find(
		       str_from(rig_create("node.k8s.io/v1/runtimeclasses",
			       "{\"handler\":\"h\",\"scheduling\":{\"tolerations\":[{\"key\":\"k\","
			       "\"operator\":\"Exists\"},{\"key\":\"k\",\"operator\":\"Exists\"}]}"
			       "}")),
		       STR("scheduling.tolerations[1]: Duplicate value")) == 0);
	arena_done(&rig_arena);
}

TEST(services_are_told_what_is_ignored)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_warnings("/v1/services",
			"{\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"None\",\"clusterIPs\":["
			"\"None\"],\"sessionAffinity\":\"ClientIP\",\"loadBalancerIP\":"
			"\"2001:DB8::1\",\"loadBalancerSourceRanges\":[\"2001:DB8::/32\"]}}"),
		"spec.loadBalancerIP is ignored for headless services\n"
		"spec.SessionAffinity is ignored for headless services\n"
		"spec.loadBalancerIP: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical "
		"format (\"2001:db8::1\")\n"
		"spec.loadBalancerSourceRanges[0]: IPv6 CIDR value \"2001:DB8::/32\" should be in "
		"RFC 5952 canonical format (\"2001:db8::/32\")\n");
	arena_done(&rig_arena);
}

TEST(slices_of_v1_turn_a_known_host_into_a_node_name)
{
#define SLICE(more)                                                                                \
	"{\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]," more             \
	"\"deprecatedTopology\":{\"kubernetes.io/hostname\":\"h\"}}]}"
	struct change c;

	arena_init(&rig_arena);
	c = rig_change("discovery.k8s.io/v1/endpointslices", SLICE("\"zone\":\"z\","), SLICE(""));
	c.resource->strategy->prepare_update(&c);
	EXPECT_STR(tree_str(c.object, "endpoints.0.nodeName"), "h");
	EXPECT(!tree_has(c.object, "endpoints.0.deprecatedTopology"));
	c = rig_change("discovery.k8s.io/v1/endpointslices", SLICE(""), SLICE(""));
	c.resource->strategy->prepare_update(&c);
	EXPECT(tree_has(c.object, "endpoints.0.deprecatedTopology"));
	arena_done(&rig_arena);
}

TEST(quantities_keep_their_text_where_only_its_dress_differs)
{
	static const char *const texts[][2] = {{"0005", "0005"}, {"1e0", "1e0"}, {"+5", "+5"},
		{"5000", "5k"}, {"0", "0"}, {"1000m", "1"}};

	arena_init(&rig_arena);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str out;

		EXPECT_INT(quantity_canonical(&rig_arena, str_from(texts[i][0]), &out, NULL), 0);
		EXPECT_STR(out, texts[i][1]);
	}
	arena_done(&rig_arena);
}

TEST(candidates_for_a_lease_run_nothing_newer_than_themselves)
{
#define CANDIDATE(versions)                                                                        \
	"{\"spec\":{\"leaseName\":\"l\",\"strategy\":\"OldestEmulationVersion\"," versions "}}"
	const char *kind = "coordination.k8s.io/v1beta1/leasecandidates";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(kind, CANDIDATE("\"binaryVersion\":\"1.36.0\",\"emulationVersion\":"
					       "\"1.35.9\"")),
		"");
	EXPECT_TEXT(rig_create(kind, CANDIDATE("\"binaryVersion\":\"1.36.0-rc.1\","
					       "\"emulationVersion\":\"1.36.0\"")),
		"spec.binaryVersion: Invalid value: \"1.36.0-rc.1\": must be greater than or equal "
		"to emulationVersion");
	EXPECT_TEXT(rig_create(kind, CANDIDATE("\"binaryVersion\":\"1.036.0\"")),
		"spec.binaryVersion: Invalid value: \"1.036.0\": must be a valid semantic version");
	EXPECT_TEXT(rig_create(kind, "{}"),
		"[spec.leaseName: Required value, spec.binaryVersion: Required value, "
		"spec.strategy: Required value]");
	arena_done(&rig_arena);
}
