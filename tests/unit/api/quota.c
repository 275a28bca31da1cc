/* What objects cost, and which quotas take them in. */
#include "test.h"

#include <kube/quota.h>

#include <stdio.h>

static struct arena arena;

static struct cJSON *tree(const char *json)
{
	struct cJSON *root = NULL;

	EXPECT_INT(json_parse(&arena, str_from(json), NULL, &root, NULL), 0);
	return root;
}

static const struct resource *resource(const char *group, const char *plural)
{
	return resource_find(str_from(group), STR("v1"), str_from(plural));
}

static struct str usage(const char *group, const char *plural, const char *json)
{
	return amounts_print(&arena, quota_usage(&arena, resource(group, plural), tree(json), 0));
}

TEST(a_pod_costs_what_its_containers_ask_for)
{
	arena_init(&arena);
	EXPECT_STR(usage("", "pods",
			   "{\"spec\":{\"overhead\":{\"cpu\":\"10m\"},\"containers\":["
			   "{\"resources\":{\"requests\":{\"cpu\":\"100m\",\"acme.com/gpu\":\"1\"},"
			   "\"limits\":{\"memory\":\"1Gi\"}}},"
			   "{\"resources\":{\"requests\":{\"cpu\":\"200m\"}}}],"
			   "\"initContainers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]}}"),
		"count/pods=1,cpu=1010m,limits.memory=1Gi,pods=1,requests.acme.com/gpu=1,"
		"requests.cpu=1010m");
	EXPECT_STR(usage("", "pods", "{\"status\":{\"phase\":\"Succeeded\"}}"), "count/pods=1");
	arena_done(&arena);
}

#define RESIZED(reason)                                                                            \
	"{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"4\","   \
	"\"memory\":\"1Gi\"},\"limits\":{\"memory\":\"1Gi\"}}}]},\"status\":{\"conditions\":[{"    \
	"\"type\":\"PodResizePending\",\"reason\":\"" reason "\"}],\"containerStatuses\":[{"       \
	"\"name\":\"c\",\"allocatedResources\":{\"cpu\":\"1\",\"memory\":\"2Gi\"},\"resources\":{" \
	"\"requests\":{\"cpu\":\"2\",\"memory\":\"1Gi\"},\"limits\":{\"memory\":\"3Gi\"}}}]}}"

TEST(a_pod_that_is_resized_costs_the_more_of_what_it_wants_and_has)
{
	arena_init(&arena);
	EXPECT_STR(usage("", "pods", RESIZED("Deferred")),
		"count/pods=1,cpu=4,limits.memory=3Gi,memory=2Gi,pods=1,requests.cpu=4,"
		"requests.memory=2Gi");
	EXPECT_STR(usage("", "pods", RESIZED("Infeasible")),
		"count/pods=1,cpu=2,limits.memory=3Gi,memory=2Gi,pods=1,requests.cpu=2,"
		"requests.memory=2Gi");
	arena_done(&arena);
}

TEST(what_a_pod_says_for_itself_is_what_it_costs)
{
	const char *pod = "{\"spec\":{\"resources\":{\"requests\":{\"cpu\":\"3\"},\"limits\":{"
			  "\"memory\":\"1Gi\"}},\"overhead\":{\"cpu\":\"100m\"},\"containers\":["
			  "{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"1\","
			  "\"memory\":\"1Mi\"}}},{\"name\":\"b\"}]}}";

	arena_init(&arena);
	EXPECT_STR(usage("", "pods", pod),
		"count/pods=1,cpu=3100m,limits.memory=1Gi,memory=1Mi,pods=1,requests.cpu=3100m,"
		"requests.memory=1Mi");
	EXPECT_STR(quota_unsaid(&arena, tree(pod),
			   tree("{\"cpu\":\"9\",\"limits.cpu\":\"9\",\"memory\":\"9\"}")),
		"");
	arena_done(&arena);
}

TEST(services_and_claims_cost_by_their_kind)
{
	arena_init(&arena);
	EXPECT_STR(
		usage("", "services", "{\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{},{}]}}"),
		"count/services=1,services=1,services.loadbalancers=1,services.nodeports=2");
	EXPECT_STR(usage("", "services",
			   "{\"spec\":{\"type\":\"LoadBalancer\","
			   "\"allocateLoadBalancerNodePorts\":false,"
			   "\"ports\":[{\"nodePort\":30000},{}]}}"),
		"count/services=1,services=1,services.loadbalancers=1,services.nodeports=1");
	EXPECT_STR(usage("", "persistentvolumeclaims",
			   "{\"spec\":{\"storageClassName\":\"gold\",\"resources\":{\"requests\":{"
			   "\"storage\":\"1Gi\"}}}}"),
		"count/persistentvolumeclaims=1,"
		"gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,"
		"gold.storageclass.storage.k8s.io/requests.storage=1Gi,persistentvolumeclaims=1,"
		"requests.storage=1Gi");
	EXPECT_STR(usage("apps", "deployments", "{}"), "count/deployments.apps=1");
	arena_done(&arena);
}

TEST(names_of_quotas_concern_their_kinds)
{
	EXPECT(quota_concerns(resource("", "pods"), STR("requests.acme.com/gpu")));
	EXPECT(quota_concerns(resource("", "pods"), STR("count/pods")));
	EXPECT(!quota_concerns(resource("", "pods"), STR("requests.storage")));
	EXPECT(quota_concerns(resource("", "configmaps"), STR("configmaps")));
	EXPECT(!quota_concerns(resource("", "configmaps"), STR("secrets")));
	EXPECT(quota_concerns(resource("apps", "deployments"), STR("count/deployments.apps")));
	EXPECT(!quota_concerns(resource("apps", "deployments"), STR("count/deployments")));
}

static bool in_scope(const char *pod, const char *spec)
{
	return quota_in_scope(resource("", "pods"), tree(pod), tree(spec));
}

TEST(scopes_take_pods_in)
{
	static const char selector[] =
		"{\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":"
		"\"PriorityClass\",\"operator\":\"%s\",\"values\":[\"a\"]}]}}";
	char in[200], not_in[200];

	arena_init(&arena);
	snprintf(in, sizeof(in), selector, "In");
	snprintf(not_in, sizeof(not_in), selector, "NotIn");
	EXPECT(in_scope("{}", "{}"));
	EXPECT(in_scope("{}", "{\"scopes\":[\"NotTerminating\"]}"));
	EXPECT(!in_scope("{}", "{\"scopes\":[\"Terminating\"]}"));
	EXPECT(in_scope(
		"{\"spec\":{\"activeDeadlineSeconds\":1}}", "{\"scopes\":[\"Terminating\"]}"));
	EXPECT(in_scope(
		"{\"status\":{\"qosClass\":\"BestEffort\"}}", "{\"scopes\":[\"BestEffort\"]}"));
	EXPECT(!in_scope(
		"{\"status\":{\"qosClass\":\"Burstable\"}}", "{\"scopes\":[\"BestEffort\"]}"));
	EXPECT(in_scope("{\"spec\":{\"priorityClassName\":\"a\"}}", in));
	EXPECT(!in_scope("{\"spec\":{\"priorityClassName\":\"a\"}}", not_in));
	EXPECT(in_scope("{}", not_in));
	EXPECT(in_scope("{\"spec\":{\"affinity\":{\"podAffinity\":{"
			"\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"namespaces\":["
			"\"x\"]}]}}}}",
		"{\"scopes\":[\"CrossNamespacePodAffinity\"]}"));
	EXPECT(!in_scope("{}", "{\"scopes\":[\"CrossNamespacePodAffinity\"]}"));
	EXPECT(!quota_in_scope(
		resource("", "configmaps"), tree("{}"), tree("{\"scopes\":[\"BestEffort\"]}")));
	arena_done(&arena);
}

TEST(containers_that_say_nothing_are_named)
{
	const struct cJSON *pod;

	arena_init(&arena);
	pod = tree("{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\",\"resources\":{"
		   "\"requests\":{\"cpu\":\"1\"}}}],\"initContainers\":[{\"name\":\"i\"}]}}");
	EXPECT_STR(quota_unsaid(&arena, pod, tree("{\"requests.cpu\":\"1\",\"memory\":\"1\"}")),
		"memory for: a,b,i; requests.cpu for: a,i");
	EXPECT_STR(quota_unsaid(&arena, pod, tree("{\"pods\":\"1\"}")), "");
	arena_done(&arena);
}

TEST(amounts_are_added_and_what_is_left_is_never_less_than_nothing)
{
	arena_init(&arena);
	EXPECT_STR(amounts_print(&arena, amounts_add(&arena, tree("{\"m\":\"0\",\"c\":\"100m\"}"),
						 tree("{\"m\":\"1Gi\",\"c\":\"1\"}"))),
		"c=1100m,m=1Gi");
	EXPECT_STR(amounts_print(&arena, amounts_rest(&arena, tree("{\"a\":\"2\",\"b\":\"1\"}"),
						 tree("{\"a\":\"1\",\"b\":\"5\"}"))),
		"a=1");
	arena_done(&arena);
}
