#include "world.h"

#define FITLESS(n)                                                                                 \
	" no new claims to deallocate, preemption: 0/" #n " nodes are available: " #n              \
	" Preemption is not helpful for scheduling."
#define NO_VICTIMS                                                                                 \
	" no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption "      \
	"victims found for incoming pod."

TEST(a_pod_goes_where_there_is_room)
{
	static const struct world_case cases[] = {
		{"no nodes", "pod: {cpu: 1}", "no nodes available to schedule pods"},
		{"room", "nodes:\n- {name: a}\npod: {cpu: 4}", "a"},
		{"too big", "nodes:\n- {name: a}\npod: {cpu: 5}",
			"0/1 nodes are available: 1 Insufficient cpu." FITLESS(1)},
		{"taken by equals",
			"nodes:\n- {name: a}\npods:\n- {at: a, cpu: 3500m}\npod: {cpu: 1}",
			"0/1 nodes are available: 1 Insufficient cpu." NO_VICTIMS},
		{"both", "nodes:\n- {name: a}\npod: {cpu: 5, memory: 9Gi}",
			"0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient "
			"memory." FITLESS(1)},
		{"two nodes", "nodes:\n- {name: a}\n- {name: b, cpu: 1}\npod: {cpu: 2}", "a"},
		{"reasons are sorted by their lines",
			"nodes:\n- {name: a}\n- {name: b, unschedulable: true}\npod: {cpu: 5}",
			"0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were "
			"unschedulable." FITLESS(2)},
		{"a full house", "nodes:\n- {name: a, room: 1}\npods:\n- {at: a}\npod: {}",
			"0/1 nodes are available: 1 Too many pods." NO_VICTIMS},
		{"extended",
			"nodes:\n- {name: a, more: {x.io/gpu: '1'}}\npods:\n"
			"- {at: a, more: {x.io/gpu: '1'}}\npod: {more: {x.io/gpu: '1'}}",
			"0/1 nodes are available: 1 Insufficient x.io/gpu." NO_VICTIMS},
		{"a sidecar counts beside, an init container instead",
			"nodes:\n- {name: a}\npod: {cpu: 2, spec: {initContainers: ["
			"{name: s, restartPolicy: Always, resources: {requests: {cpu: 1}}},"
			"{name: i, resources: {requests: {cpu: 3}}}]}}",
			"a"},
		{"an init container beside a sidecar before it",
			"nodes:\n- {name: a}\npod: {cpu: 2, spec: {initContainers: ["
			"{name: s, restartPolicy: Always, resources: {requests: {cpu: '1'}}},"
			"{name: i, resources: {requests: {cpu: '3500m'}}}]}}",
			"0/1 nodes are available: 1 Insufficient cpu." FITLESS(1)},
		{"of a resize that is put off, what is asked for",
			"nodes:\n- {name: a}\npods:\n- {at: a, cpu: 2, status: {containerStatuses: "
			"["
			"{name: c, resources: {requests: {cpu: '1'}}}], conditions: ["
			"{type: PodResizePending, status: 'True', reason: Deferred}]}}\npod: {cpu: "
			"3}",
			"0/1 nodes are available: 1 Insufficient cpu." NO_VICTIMS},
		{"of one that can never be, what runs",
			"nodes:\n- {name: a}\npods:\n- {at: a, cpu: 100, status: "
			"{containerStatuses: ["
			"{name: c, resources: {requests: {cpu: '1'}}}], conditions: ["
			"{type: PodResizePending, status: 'True', reason: Infeasible}]}}\npod: "
			"{cpu: 3}",
			"a"},
		{"overhead", "nodes:\n- {name: a}\npod: {cpu: 4, spec: {overhead: {cpu: 10m}}}",
			"0/1 nodes are available: 1 Insufficient cpu." FITLESS(1)},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

TEST(taints_and_cordons_keep_pods_away)
{
#define TAINTED "nodes:\n- {name: a, taints: [{key: k, value: v, effect: NoSchedule}]}\n"
	static const char away[] =
		"0/1 nodes are available: 1 node(s) had untolerated taint(s)." FITLESS(1);
	static const struct world_case cases[] = {
		{"tainted", TAINTED "pod: {}", away},
		{"tolerated", TAINTED "pod: {spec: {tolerations: [{key: k, value: v}]}}", "a"},
		{"any value", TAINTED "pod: {spec: {tolerations: [{key: k, operator: Exists}]}}",
			"a"},
		{"anything", TAINTED "pod: {spec: {tolerations: [{operator: Exists}]}}", "a"},
		{"another value", TAINTED "pod: {spec: {tolerations: [{key: k, value: w}]}}", away},
		{"another effect",
			TAINTED
			"pod: {spec: {tolerations: [{key: k, value: v, effect: NoExecute}]}}",
			away},
		{"only asked for",
			"nodes:\n- {name: a, taints: [{key: k, effect: PreferNoSchedule}]}\npod: "
			"{}",
			"a"},
		{"avoided when there is another",
			"nodes:\n- {name: a, taints: [{key: k, effect: PreferNoSchedule}]}\n"
			"- {name: b}\npod: {}",
			"b"},
		{"cordoned and tolerated",
			"nodes:\n- {name: a, unschedulable: true}\npod: {spec: {tolerations: ["
			"{key: node.kubernetes.io/unschedulable, operator: Exists}]}}",
			"a"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

#define REQUIRED  "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

TEST(pods_choose_nodes_by_labels)
{
#define LABELLED "nodes:\n- {name: a, labels: {d: '9'}}\n- {name: b, labels: {d: '11'}}\n"
#define AFFINITY(terms)                                                                            \
	"pod: {spec: {affinity: {nodeAffinity: {" REQUIRED ": {nodeSelectorTerms: [" terms "]}}}}" \
	"}"
	static const struct world_case cases[] = {
		{"selector", LABELLED "pod: {spec: {nodeSelector: {d: '11'}}}", "b"},
		{"nowhere", LABELLED "pod: {spec: {nodeSelector: {d: '12'}}}",
			"0/2 nodes are available: 2 node(s) didn't match Pod's node "
			"affinity/selector." FITLESS(2)},
		{"Gt",
			LABELLED AFFINITY(
				"{matchExpressions: [{key: d, operator: Gt, values: ['9']}]}"),
			"b"},
		{"NotIn",
			LABELLED AFFINITY(
				"{matchExpressions: [{key: d, operator: NotIn, values: ['11']}]}"),
			"a"},
		{"one of the terms",
			LABELLED AFFINITY(
				"{}, {matchExpressions: [{key: x, operator: Exists}]},"
				"{matchExpressions: [{key: d, operator: In, values: ['9']}]}"),
			"a"},
		{"by name",
			LABELLED AFFINITY("{matchFields: [{key: metadata.name, operator: In, "
					  "values: [b]}]}"),
			"b"},
		{"a name that nobody has",
			LABELLED AFFINITY(
				"{matchFields: [{key: metadata.name, operator: In, values: [z]}]}"),
			"0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) "
			"[NodeAffinity]." FITLESS(2)},
		{"wishes",
			LABELLED
			"pod: {spec: {affinity: {nodeAffinity: {" PREFERRED ": ["
			"{weight: 5, preference: {matchExpressions: [{key: d, operator: In,"
			" values: ['9']}]}}]}}}}",
			"a"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

TEST(host_ports_are_had_once)
{
#define HELD "nodes:\n- {name: a}\npods:\n- {at: a, ports: [{hostPort: 80, hostIP: 10.0.0.1}]}\n"
	static const char taken[] =
		"0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
		"ports." NO_VICTIMS;
	static const struct world_case cases[] = {
		{"the same", HELD "pod: {ports: [{hostPort: 80, hostIP: 10.0.0.1}]}", taken},
		{"all addresses", HELD "pod: {ports: [{hostPort: 80}]}", taken},
		{"another address", HELD "pod: {ports: [{hostPort: 80, hostIP: 10.0.0.2}]}", "a"},
		{"another protocol", HELD "pod: {ports: [{hostPort: 80, protocol: UDP}]}", "a"},
		{"another port", HELD "pod: {ports: [{hostPort: 81}]}", "a"},
		{"not of the host", HELD "pod: {ports: [{containerPort: 80}]}", "a"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

TEST(nominated_pods_keep_their_room)
{
	static const struct world_case cases[] = {
		{"of the important",
			"nodes:\n- {name: a}\npods:\n- {nominated: a, cpu: 3, priority: 5}\n"
			"pod: {cpu: 2}",
			"0/1 nodes are available: 1 Insufficient cpu." NO_VICTIMS},
		{"not of the less important",
			"nodes:\n- {name: a}\npods:\n- {nominated: a, cpu: 3, priority: 5}\n"
			"pod: {cpu: 2, priority: 6}",
			"a"},
		{"the own one first",
			"nodes:\n- {name: a}\n- {name: b}\npods:\n- {at: a, cpu: 2}\n"
			"pod: {cpu: 1, nominated: a}",
			"a"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}
