/* Where a pod's volumes can be had. */
#include "world.h"

#define NODES "nodes:\n- {name: a, labels: {h: a}}\n- {name: b, labels: {h: b}}\n"
#define POD   "pod: {spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}}"
#define TWICE                                                                                      \
	"pod: {spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: c}}, {name: w, "      \
	"persistentVolumeClaim: {claimName: d}}]}}"
#define WAITS                                                                                      \
	"classes:\n- {name: w, provisioner: p.io/x, volumeBindingMode: WaitForFirstConsumer}\n"
#define LOCAL                                                                                      \
	"classes:\n- {name: w, provisioner: kubernetes.io/no-provisioner, volumeBindingMode: "     \
	"WaitForFirstConsumer}\n"
#define CLAIM(name, size, more)                                                                    \
	"- {name: " name ", spec: {storageClassName: w, accessModes: [ReadWriteOnce], resources: " \
	"{requests: {storage: " size "}}" more "}}\n"
#define VOLUME(name, size, host)                                                                   \
	"- {name: " name ", spec: {storageClassName: w, accessModes: [ReadWriteOnce], capacity: "  \
	"{storage: " size "}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: ["  \
	"{key: h, operator: In, values: [" host "]}]}]}}}, status: {phase: Available}}\n"
#define BOUND                                                                                      \
	"claims:\n- {name: c, metadata: {annotations: {pv.kubernetes.io/bind-completed: 'yes'}}, " \
	"spec: {volumeName: v}}\n"
#define SAID(why) "0/2 nodes are available: " why
/* Upstream's DynamicResources has nothing to look at when somebody before it has refused. */
#define ENDS ". not found"
#define HELPLESS                                                                                   \
	". no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not " \
	"helpful for scheduling."

TEST(pods_go_where_their_volumes_are)
{
	static const struct world_case cases[] = {
		{"no claim", NODES POD, SAID("persistentvolumeclaim \"c\" not found") ENDS},
		{"nobody binds it", NODES "claims:\n" CLAIM("c", "1Gi", "") POD,
			SAID("pod has unbound immediate PersistentVolumeClaims") ENDS},
		{"it goes",
			NODES
			"claims:\n- {name: c, metadata: {deletionTimestamp: x}, spec: {}}\n" POD,
			SAID("persistentvolumeclaim \"c\" is being deleted") ENDS},
		{"bound on b", NODES BOUND "volumes:\n" VOLUME("v", "1Gi", "b") POD, "b"},
		{"bound nowhere", NODES BOUND "volumes:\n" VOLUME("v", "1Gi", "z") POD,
			SAID("2 node(s) didn't match PersistentVolume's node affinity") HELPLESS},
		{"bound to nothing", NODES BOUND POD,
			SAID("2 node(s) unavailable due to one or more pvc(s) bound to "
			     "non-existent pv(s)") HELPLESS},
		{"none is there", NODES LOCAL "claims:\n" CLAIM("c", "1Gi", "") POD,
			SAID("2 node(s) didn't find available persistent volumes to bind")
				HELPLESS},
		{"one is there",
			NODES LOCAL
			"claims:\n" CLAIM("c", "1Gi", "") "volumes:\n" VOLUME("v", "2Gi", "b") POD,
			"b"},
		{"too small",
			NODES LOCAL
			"claims:\n" CLAIM("c", "3Gi", "") "volumes:\n" VOLUME("v", "2Gi", "b") POD,
			SAID("2 node(s) didn't find available persistent volumes to bind")
				HELPLESS},
		{"one for two",
			NODES LOCAL "claims:\n" CLAIM("c", "1Gi", "")
				CLAIM("d", "1Gi", "") "volumes:\n" VOLUME("v", "1Gi", "a")
					VOLUME("w", "1Gi", "b") VOLUME("x", "1Gi", "b") TWICE,
			"b"},
		{"made for b",
			NODES WAITS
			"claims:\n- {name: c, metadata: {annotations: {"
			"volume.kubernetes.io/selected-node: b}}, spec: {storageClassName: "
			"w}}\n" POD,
			"b"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

static bool give(struct world *w, struct gift *g)
{
	world_decide(w);
	*g = (struct gift){.pod = w->pod, .profile = &w->profile};
	arena_init(&g->arena);
	if (!w->decision.node)
		return false;
	g->node = mem_copy_text(w->decision.node->name);
	return gift_reserve(&w->cycle, g).code == VERDICT_OK;
}

static void take_back(struct world *w, struct gift *g)
{
	gift_unreserve(&w->cluster, g);
	arena_done(&g->arena);
	mem_free(g->node);
}

TEST(a_volume_is_promised_once)
{
	struct gift g, other;
	struct world w;

	world_init(&w, NODES LOCAL
		"claims:\n" CLAIM("c", "1Gi", "") "volumes:\n" VOLUME("v", "1Gi", "a") POD);
	REQUIRE(give(&w, &g));
	EXPECT(g.waits);
	REQUIRE(g.write_count == 1);
	EXPECT_STR(g.writes[0].name, "v");
	EXPECT_STR(tree_str(g.writes[0].body, "spec.claimRef.name"), "c");
	EXPECT(plugin_volume_binding.pre_bind_done(&w.cluster, &g, &w.arena).code == VERDICT_WAIT);
	/* Another claim cannot have it. */
	struct cJSON *list = NULL;
	yaml_read(&w.arena,
		STR("[{name: c, spec: {storageClassName: w, accessModes: [ReadWriteOnce],"
		    "resources: {requests: {storage: 1Gi}}}}]"),
		NULL, &list, NULL);
	json_set(&w.arena, json_at(list, 0), STR("name"), json_new_str(&w.arena, STR("d")));
	world_shelve(&w, SHELF_CLAIMS, list, true);
	w.pod->claims[0].name = STR("d");
	EXPECT(!give(&w, &other));
	take_back(&w, &other);
	/* Once it is taken back it can. */
	take_back(&w, &g);
	EXPECT(give(&w, &other));
	take_back(&w, &other);
	world_done(&w);
}

TEST(a_volume_is_asked_for_where_the_pod_goes)
{
	struct gift g;
	struct world w;

	world_init(&w, NODES WAITS "claims:\n" CLAIM("c", "1Gi", "") POD);
	REQUIRE(give(&w, &g));
	REQUIRE(g.write_count == 1);
	const struct cJSON *notes = json_path(g.writes[0].body, "metadata.annotations");
	EXPECT_STR(json_str(json_get(notes, STR("volume.kubernetes.io/selected-node"))), g.node);
	take_back(&w, &g);
	world_done(&w);
}

TEST(zones_of_volumes_and_claims_for_one)
{
	static const struct world_case cases[] = {
		{"another zone",
			"nodes:\n- {name: a, labels: {topology.kubernetes.io/zone: east}}\n"
			"- {name: b, labels: {topology.kubernetes.io/zone: west}}\n" BOUND
			"volumes:\n- {name: v, metadata: {labels: {topology.kubernetes.io/zone: "
			"north__west}}, spec: {}}\n" POD,
			"b"},
		{"had by another pod",
			"nodes:\n- {name: a}\npods:\n- {at: a, spec: {volumes: [{"
			"persistentVolumeClaim: {claimName: c}}]}}\n"
			"claims:\n- {name: c, metadata: {annotations: {"
			"pv.kubernetes.io/bind-completed: 'yes'}}, spec: {volumeName: v, "
			"accessModes: "
			"[ReadWriteOncePod]}}\nvolumes:\n- {name: v, spec: {}}\n" POD,
			"0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with "
			"the "
			"same name and ReadWriteOncePod access mode. no new claims to deallocate, "
			"preemption: 0/1 nodes are available: 1 No preemption victims found for "
			"incoming pod."},
	};

	world_cases(cases, ARRAY_LEN(cases));
}

#define CSI_VOLUME(number)                                                                         \
	"- {name: v" #number ", spec: {csi: {driver: p.io/x, volumeHandle: h" #number "}}}\n"
#define CSI_CLAIM(name, number)                                                                    \
	"- {name: " name ", metadata: {annotations: {pv.kubernetes.io/bind-completed: 'yes'}}, "   \
	"spec: {volumeName: v" #number "}}\n"
#define USES(claim) "spec: {volumes: [{persistentVolumeClaim: {claimName: " claim "}}]}"
#define LIMITED(count)                                                                             \
	"nodes:\n- {name: a}\ndrivers:\n- {name: a, spec: {drivers: [{name: p.io/x, "              \
	"allocatable: {count: " #count "}}]}}\nclaims:\n" CSI_CLAIM("c", 1)                        \
		CSI_CLAIM("d", 2) "volumes:\n" CSI_VOLUME(1) CSI_VOLUME(2)

TEST(drivers_attach_only_so_many)
{
	static const struct world_case cases[] = {
		{"room", LIMITED(2) "pods:\n- {at: a, " USES("d") "}\npod: {" USES("c") "}", "a"},
		{"none", LIMITED(1) "pods:\n- {at: a, " USES("d") "}\npod: {" USES("c") "}",
			"0/1 nodes are available: 1 node(s) exceed max volume count. no new claims "
			"to "
			"deallocate, preemption: 0/1 nodes are available: 1 No preemption victims "
			"found for incoming pod."},
		{"the same one", LIMITED(1) "pods:\n- {at: a, " USES("c") "}\npod: {" USES("c") "}",
			"a"},
	};

	world_cases(cases, ARRAY_LEN(cases));
}
