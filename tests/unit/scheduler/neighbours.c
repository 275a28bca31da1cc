/* Who stands near whom: affinity, anti-affinity, spreading. */
#include "world.h"

#include <stdio.h>

#define ZONES                                                                                      \
	"nodes:\n- {name: a, labels: {h: a, z: x}}\n- {name: b, labels: {h: b, z: x}}\n"           \
	"- {name: c, labels: {h: c, z: y}}\n- {name: bare}\n"
#define REQUIRED  "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"
#define TERM(key) "{topologyKey: " key ", labelSelector: {matchLabels: {app: db}}}"
#define NEAR(key) "spec: {affinity: {podAffinity: {" REQUIRED ": [" TERM(key) "]}}}"
#define AWAY(key) "spec: {affinity: {podAntiAffinity: {" REQUIRED ": [" TERM(key) "]}}}"
#define NOWHERE(n, why)                                                                            \
	"0/" #n " nodes are available: " why ". no new claims to deallocate, preemption: 0/" #n    \
	" nodes are available: "

#define WHY_NEAR(n) #n " node(s) didn't match pod affinity rules"
#define WHY_REFUSED "1 node(s) didn't satisfy existing pods anti-affinity rules"
#define NO_HELP(n)  #n " Preemption is not helpful for scheduling."
#define NO_VICTIMS  "1 No preemption victims found for incoming pod."

TEST(pods_want_to_be_near_others)
{
	static const struct world_case cases[] = {
		{"on the same host",
			ZONES "pods:\n- {at: c, labels: {app: db}}\npod: {" NEAR("h") "}", "c"},
		{"in the same zone",
			ZONES "pods:\n- {at: b, labels: {app: db}}\n- {at: b, cpu: 4}\npod: {cpu: "
			      "1, " NEAR("z") "}",
			"a"},
		{"nobody is there", ZONES "pod: {" NEAR("h") "}",
			NOWHERE(4, WHY_NEAR(4)) NO_HELP(4)},
		{"the first of its own kind",
			"nodes:\n- {name: a, labels: {h: a}}\npod: {labels: {app: db}, " NEAR(
				"h") "}",
			"a"},
		{"others in another namespace do not count",
			"nodes:\n- {name: a, labels: {h: a}}\npods:\n- {at: a, namespace: other, "
			"labels: {app: db}}\npod: {" NEAR("h") "}",
			NOWHERE(1, WHY_NEAR(1)) NO_HELP(1)},
		{"unless it is named",
			"nodes:\n- {name: a, labels: {h: a}}\n- {name: b, labels: {h: b}}\npods:\n"
			"- {at: b, namespace: other, labels: {app: db}}\npod: {spec: {affinity: {"
			"podAffinity: {" REQUIRED ": [{topologyKey: h, namespaces: [other], "
			"labelSelector: {}}]}}}}",
			"b"},
		{"a wish",
			ZONES "pods:\n- {at: b, labels: {app: db}}\npod: {spec: {affinity: {"
			      "podAffinity: {" PREFERRED
			      ": [{weight: 100, podAffinityTerm: " TERM("h") "}]}}}}",
			"b"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

TEST(pods_want_to_be_away_from_others)
{
#define TWO "nodes:\n- {name: a, labels: {h: a}}\n- {name: b, labels: {h: b}}\n"
	static const struct world_case cases[] = {
		{"from that one", TWO "pods:\n- {at: a, labels: {app: db}}\npod: {" AWAY("h") "}",
			"b"},
		{"that one wants it",
			TWO "pods:\n- {at: a, " AWAY("h") "}\npod: {labels: {app: db}}", "b"},
		{"and nothing else is left",
			"nodes:\n- {name: a, labels: {h: a}}\npods:\n- {at: a, " AWAY(
				"h") "}\npod: {labels: {app: db}}",
			NOWHERE(1, "1 node(s) didn't satisfy existing pods anti-affinity "
				   "rules") "1 No "
					    "preemption victims found for incoming pod."},
		{"a node without the label is none of them",
			ZONES "pods:\n- {at: a, labels: {app: db}}\n- {at: c, labels: "
			      "{app: db}}\n"
			      "pod: {" AWAY("z") "}",
			"bare"},
		{"who gives way makes room",
			"nodes:\n- {name: a, labels: {h: a}}\npods:\n- {at: a, labels: "
			"{app: db}}\n"
			"pod: {priority: 5, " AWAY("h") "}",
			"0/1 nodes are available: 1 node(s) didn't match pod anti-affinity "
			"rules."},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

#define SPREAD(skew, more)                                                                         \
	"pod: {labels: {app: db}, spec: {topologySpreadConstraints: [{maxSkew: " #skew             \
	", topologyKey: z, labelSelector: {matchLabels: {app: db}}" more "}]}}"
#define HARD ", whenUnsatisfiable: DoNotSchedule"

TEST(pods_are_spread)
{
	static const char in_zones[] =
		"nodes:\n- {name: a, labels: {z: x}}\n- {name: b, labels: {z: y}}\n";
	static const struct {
		const char *name, *pods, *pod, *answer;
	} cases[] = {
		{"to the emptier zone", "pods:\n- {at: a, labels: {app: db}}\n", SPREAD(1, HARD),
			"b"},
		{"the terminating do not count",
			"pods:\n- {at: a, labels: {app: db}, meta: {deletionTimestamp: x}}\n"
			"- {at: b, labels: {app: db}}\n",
			SPREAD(1, HARD), "a"},
		{"others do not count", "pods:\n- {at: a, cpu: 1}\n- {at: b, cpu: 2}\n",
			SPREAD(1, HARD), "a"},
		{"a domain that is missing counts as empty",
			"pods:\n- {at: a, labels: {app: db}}\n- {at: b, labels: {app: db}}\n",
			SPREAD(1, HARD ", minDomains: 3"),
			"0/2 nodes are available: 2 node(s) didn't match pod topology spread "
			"constraints. no new claims to deallocate, preemption: 0/2 nodes are "
			"available: "
			"2 No preemption victims found for incoming pod."},
		{"softly", "pods:\n- {at: a, labels: {app: db}}\n",
			SPREAD(1, ", whenUnsatisfiable: ScheduleAnyway"), "b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char yaml[2048];
		struct world_case one = {.name = cases[i].name, .yaml = yaml};

		snprintf(yaml, sizeof(yaml), "%s%s%s", in_zones, cases[i].pods, cases[i].pod);
		one.answer = cases[i].answer;
		world_cases(&one, 1);
	}
}

TEST(a_node_without_the_label_takes_no_spread_pod)
{
	static const struct world_case one = {"bare", "nodes:\n- {name: a}\n" SPREAD(1, HARD),
		"0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints "
		"(missing required label). no new claims to deallocate, preemption: 0/1 nodes are "
		"available: 1 Preemption is not helpful for scheduling."};

	world_cases(&one, 1);
}

TEST(what_may_help_the_lonely)
{
	struct world w;

	world_init(&w, "nodes:\n- {name: a, labels: {h: a}}\npods:\n- {at: a, labels: {app: db}}\n"
		       "- {at: a, labels: {app: web}}\npod: {" NEAR("h") "}");
	const struct node *n = cluster_node(&w.cluster, STR("a"));
	for (size_t i = 0; i < n->pods.count; i++) {
		const struct pod *other = n->pods.items[i];
		struct happening h = {.kind = HAPPENED_POD_ADD, .pod = other};
		bool is_db = str_eq_text(*labels_get(&other->labels, STR("app")), "db");

		EXPECT_INT(plugin_inter_pod_affinity.hint(&w.cluster, w.pod, &h), is_db);
	}
	world_done(&w);
}
