/* Upstream's FlowSchemas and priority levels. */
#include "first_objects.h"

#define EVERYTHING                                                                                 \
	"\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"],"       \
	"\"clusterScope\":true,\"namespaces\":[\"*\"]}],"                                          \
	"\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]"
#define GROUP(name) "{\"kind\":\"Group\",\"group\":{\"name\":\"" name "\"}}"
#define USER(name)  "{\"kind\":\"User\",\"user\":{\"name\":\"" name "\"}}"
#define KUBE_SYSTEM                                                                                \
	"{\"kind\":\"ServiceAccount\",\"serviceAccount\":{\"namespace\":\"kube-system\","          \
	"\"name\":\"*\"}}"
#define EVERYBODY GROUP("system:unauthenticated") "," GROUP("system:authenticated")

static const struct {
	const char *name, *level;
	int precedence;
	const char *by, *subjects, *rules;
} schemas[] = {
	{"exempt", "exempt", 1, NULL, GROUP("system:masters"), EVERYTHING},
	{"probes", "exempt", 2, NULL, EVERYBODY,
		"\"nonResourceRules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/healthz\","
		"\"/readyz\",\"/livez\"]}]"},
	{"system-leader-election", "leader-election", 100, "ByUser",
		USER("system:kube-controller-manager") "," USER(
			"system:kube-scheduler") "," KUBE_SYSTEM,
		"\"resourceRules\":[{\"verbs\":[\"get\",\"create\",\"update\"],\"apiGroups\":["
		"\"coordination.k8s.io\"],\"resources\":[\"leases\"],\"namespaces\":[\"*\"]}]"},
	{"system-node-high", "node-high", 400, "ByUser", GROUP("system:nodes"),
		"\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"\"],\"resources\":["
		"\"nodes\",\"nodes/status\"],\"clusterScope\":true,\"namespaces\":[\"*\"]},"
		"{\"verbs\":[\"*\"],\"apiGroups\":[\"coordination.k8s.io\"],\"resources\":["
		"\"leases\"],\"namespaces\":[\"*\"]}]"},
	{"system-nodes", "system", 500, "ByUser", GROUP("system:nodes"), EVERYTHING},
	{"kube-controller-manager", "workload-high", 800, "ByNamespace",
		USER("system:kube-controller-manager"), EVERYTHING},
	{"kube-scheduler", "workload-high", 800, "ByNamespace", USER("system:kube-scheduler"),
		EVERYTHING},
	{"kube-system-service-accounts", "workload-high", 900, "ByNamespace", KUBE_SYSTEM,
		EVERYTHING},
	{"service-accounts", "workload-low", 9000, "ByUser", GROUP("system:serviceaccounts"),
		EVERYTHING},
	{"global-default", "global-default", 9900, "ByUser", EVERYBODY, EVERYTHING},
	{"catch-all", "catch-all", 10000, "ByUser", EVERYBODY, EVERYTHING},
};

static const struct {
	const char *name;
	int shares, lendable, queues, hand, length; /* no queues: refuses */
} levels[] = {
	{"system", 30, 33, 64, 6, 50},
	{"node-high", 40, 25, 64, 6, 50},
	{"leader-election", 10, 0, 16, 4, 50},
	{"workload-high", 40, 50, 128, 6, 50},
	{"workload-low", 100, 90, 128, 6, 50},
	{"global-default", 20, 50, 128, 6, 50},
	{"catch-all", 5, 0, 0, 0, 0},
};

#define KEPT "\"annotations\":{\"apf.kubernetes.io/autoupdate-spec\":\"true\"}"

struct str first_flow_schema(struct arena *a, size_t i, struct str now)
{
	if (i >= ARRAY_LEN(schemas))
		return STR("");
	struct str by = schemas[i].by ? arena_print(a, "\"distinguisherMethod\":{\"type\":\"%s\"},",
						schemas[i].by)
				      : STR("");
	return arena_print(a,
		"{\"metadata\":{\"name\":\"%s\"," KEPT "},\"spec\":{"
		"\"priorityLevelConfiguration\":{\"name\":\"%s\"},\"matchingPrecedence\":%d,"
		"%.*s\"rules\":[{\"subjects\":[%s],%s}]},\"status\":{\"conditions\":[{"
		"\"type\":\"Dangling\",\"status\":\"False\",\"lastTransitionTime\":\"%.*s\","
		"\"reason\":\"Found\",\"message\":\"This FlowSchema references the "
		"PriorityLevelConfiguration object named \\\"%s\\\" and it exists\"}]}}",
		schemas[i].name, schemas[i].level, schemas[i].precedence, STRF(by),
		schemas[i].subjects, schemas[i].rules, STRF(now), schemas[i].level);
}

struct str first_priority_level(struct arena *a, size_t i)
{
	struct str response;

	if (i == ARRAY_LEN(levels))
		return STR("{\"metadata\":{\"name\":\"exempt\"," KEPT
			   "},\"spec\":{\"type\":\"Exempt\",\"exempt\":{"
			   "\"nominalConcurrencyShares\":0,\"lendablePercent\":0}}}");
	if (i > ARRAY_LEN(levels))
		return STR("");
	response =
		levels[i].queues
			? arena_print(a,
				  "{\"type\":\"Queue\",\"queuing\":{\"queues\":%d,\"handSize\":%d,"
				  "\"queueLengthLimit\":%d}}",
				  levels[i].queues, levels[i].hand, levels[i].length)
			: STR("{\"type\":\"Reject\"}");
	return arena_print(a,
		"{\"metadata\":{\"name\":\"%s\"," KEPT
		"},\"spec\":{\"type\":\"Limited\",\"limited\":{"
		"\"nominalConcurrencyShares\":%d,\"limitResponse\":%.*s,\"lendablePercent\":%d}}}",
		levels[i].name, levels[i].shares, STRF(response), levels[i].lendable);
}
