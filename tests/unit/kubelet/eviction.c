/* Who has to go, as a table: thresholds, levels and pods in, one decision out. */
#include "pod_view_rig.h"

#include "kubelet/eviction.h"

#include <kube/mem.h>

#define HEAD "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
#define MI   (int64_t) MIB

struct rig {
	struct arena a;
	struct kubelet_configuration c;
	struct eviction_memory memory;
	struct signal_level levels[SIGNALS];
	int64_t now;
};

static void open_rig(struct rig *r, const char *text)
{
	struct err err = {0};

	*r = (struct rig){0};
	arena_init(&r->a);
	EXPECT_OK(kubelet_configuration_read(&r->a, str_from(text), &r->c, &err), &err);
	for (int i = 0; i < SIGNALS; i++)
		r->levels[i] = (struct signal_level){1000 * MI, 1000 * MI, true};
}

/* The resource that something is done about after so long with so much memory; "": nothing. */
static const char *look(struct rig *r, int64_t later, int64_t memory)
{
	r->now += later;
	r->levels[SIGNAL_MEMORY].available = memory;
	const struct eviction_threshold *t = eviction_look(&r->memory, &r->c, r->levels, r->now);
	return t ? eviction_resource(t->signal) : "";
}

#define EXPECT_LOOK(r, later, memory, wanted) EXPECT_STR(str_from(look(r, later, memory)), wanted)

TEST(a_hard_threshold_acts_at_once_and_its_condition_stays_for_a_while)
{
	struct rig r;

	open_rig(&r, "");
	EXPECT_LOOK(&r, 0, 100 * MI, "");
	EXPECT(!r.memory.pressure[PRESSURE_MEMORY]);
	EXPECT_LOOK(&r, SEC, 100 * MI - 1, "memory");
	EXPECT(r.memory.pressure[PRESSURE_MEMORY]);
	EXPECT(!r.memory.pressure[PRESSURE_DISK]);
	EXPECT_LOOK(&r, SEC, 100 * MI, "");
	EXPECT(r.memory.pressure[PRESSURE_MEMORY]);
	EXPECT_LOOK(&r, 5 * MINUTE - 2 * SEC, 100 * MI, "");
	EXPECT(r.memory.pressure[PRESSURE_MEMORY]);
	EXPECT_LOOK(&r, 2 * SEC, 100 * MI, "");
	EXPECT(!r.memory.pressure[PRESSURE_MEMORY]);
	arena_done(&r.a);
}

TEST(a_soft_threshold_acts_when_its_grace_is_over)
{
	struct rig r;

	open_rig(&r, HEAD "evictionSoft: {memory.available: 200Mi}\n"
			  "evictionSoftGracePeriod: {memory.available: 1m}\n"
			  "evictionMaxPodGracePeriod: 20\n");
	EXPECT_LOOK(&r, 0, 150 * MI, "");
	EXPECT(r.memory.pressure[PRESSURE_MEMORY]);
	EXPECT_LOOK(&r, 59 * SEC, 150 * MI, "");
	EXPECT_LOOK(&r, 0, 200 * MI, ""); /* it begins again */
	EXPECT_LOOK(&r, SEC, 150 * MI, "");
	EXPECT_LOOK(&r, 59 * SEC, 150 * MI, "");
	EXPECT_LOOK(&r, SEC, 150 * MI, "memory");
	const struct eviction_threshold *t = eviction_look(&r.memory, &r.c, r.levels, r.now);
	EXPECT_INT(eviction_grace(
			   &r.c, t, rig_json(&r.a, "{'spec':{'terminationGracePeriodSeconds':9}}")),
		9);
	EXPECT_INT(eviction_grace(&r.c, t, rig_json(&r.a, "{}")), 20);
	arena_done(&r.a);
}

TEST(more_is_freed_than_the_threshold_asks_for)
{
	struct rig r;

	open_rig(&r, HEAD "evictionMinimumReclaim: {memory.available: 50Mi}\n");
	EXPECT_LOOK(&r, 0, 120 * MI, "");
	EXPECT_LOOK(&r, 0, 90 * MI, "memory");
	EXPECT_LOOK(&r, 0, 120 * MI, "memory");
	EXPECT(!eviction_is_resolved(&r.c, r.levels));
	EXPECT_LOOK(&r, 0, 150 * MI, "");
	EXPECT(eviction_is_resolved(&r.c, r.levels));
	EXPECT_LOOK(&r, 0, 120 * MI, "");
	arena_done(&r.a);
}

TEST(memory_comes_first_and_what_is_not_known_is_not_short)
{
	struct rig r;

	open_rig(&r, HEAD "evictionHard: {pid.available: 5%, nodefs.available: 10%, "
			  "memory.available: 10%}\n");
	r.levels[SIGNAL_NODEFS].available = 99 * MI;
	EXPECT_LOOK(&r, 0, 500 * MI, "ephemeral-storage");
	EXPECT_LOOK(&r, 0, 99 * MI, "memory");
	r.levels[SIGNAL_NODEFS] = (struct signal_level){0};
	EXPECT_LOOK(&r, 0, 500 * MI, "");
	r.levels[SIGNAL_PIDS].available = 1;
	EXPECT_LOOK(&r, 0, 500 * MI, "pids");
	EXPECT(r.memory.pressure[PRESSURE_PIDS]);
	arena_done(&r.a);
}

/* ---- who goes ---- */

/* "uid priority used requested" a line, in MiB of everything; used -1: nobody knows. */
static void expect_rank(enum eviction_signal signal, const char *text, const char *wanted)
{
	struct str rest = str_from(text), line;
	_cleanup_(buf_done) struct buf order = BUF_INIT(KIB);
	struct pod_level pods[16];
	size_t count = 0;
	struct arena a;

	arena_init(&a);
	while (str_next(&rest, '\n', &line)) {
		char uid[16];
		int priority, used, asked;

		EXPECT_INT(sscanf(arena_str(&a, line).at, "%15s %d %d %d", uid, &priority, &used,
				   &asked),
			4);
		struct str spec = arena_print(&a,
			"{'metadata':{'uid':'%s'},'spec':{'priority':%d,'containers':[{"
			"'resources':{'requests':{'memory':'%dMi','ephemeral-storage':'%dMi'}}}]}}",
			uid, priority, asked, asked);
		pods[count++] = (struct pod_level){.pod = rig_json(&a, spec.at),
			.known = used >= 0,
			.memory = used * MI,
			.disk = used * MI,
			.processes = used};
	}
	eviction_rank(pods, count, signal);
	for (size_t i = 0; i < count; i++)
		buf_print(&order, "%s%.*s", i ? " " : "",
			STRF(tree_str(pods[i].pod, "metadata.uid")));
	EXPECT_STR(buf_str(&order), wanted);
	arena_done(&a);
}

TEST(who_uses_more_than_it_asked_for_goes_first)
{
	static const char pods[] = "a 0 100 200\n"
				   "b 0 150 100\n"
				   "c 0 300 100\n"
				   "d 5 900 100\n"
				   "e 0 190 200\n"
				   "f 9 -1 0";

	/* Unknown; then beyond its request: by priority, by how far; then the others. */
	expect_rank(SIGNAL_MEMORY, pods, "f c b d e a");
	expect_rank(SIGNAL_NODEFS, pods, "f c b d e a");
	/* Of processes nobody asks for any. */
	expect_rank(SIGNAL_PIDS, pods, "f c e b a d");
}

TEST(critical_pods_are_those_of_files_and_of_system_priority)
{
	static const struct {
		const char *pod;
		bool critical;
	} cases[] = {
		{"{'spec':{}}", false},
		{"{'spec':{'priority':1999999999}}", false},
		{"{'spec':{'priority':2000000000}}", true},
		{"{'metadata':{'annotations':{'kubernetes.io/config.source':'file'}},'spec':{}}",
			true},
		{"{'metadata':{'annotations':{'kubernetes.io/config.mirror':'x'}},'spec':{}}",
			true},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		EXPECT_INT(pod_is_critical(rig_json(&a, cases[i].pod)), cases[i].critical);
	arena_done(&a);
}

TEST(a_message_says_what_was_short_and_who_used_more_than_it_asked_for)
{
	struct rig r;

	open_rig(&r, HEAD "evictionHard: {memory.available: 10%, nodefs.inodesFree: 5%}\n");
	struct container_level used[] = {
		{STR("big"), 300 * MI, 0}, {STR("small"), 10 * MI, 0}, {STR("none"), 5 * MI, 0}};
	const struct pod_level pod = {.known = true,
		.pod = rig_json(&r.a,
			"{'spec':{'containers':["
			"{'name':'big','resources':{'requests':{'memory':'100Mi'}}},"
			"{'name':'small','resources':{'requests':{'memory':'100Mi'}}},"
			"{'name':'none'}]}}"),
		.containers = used,
		.container_count = 3};
	r.levels[SIGNAL_MEMORY].available = 50 * MI;
	EXPECT_STR(eviction_message(&r.a, &r.c.thresholds[0], r.levels, &pod),
		"The node was low on resource: memory. Threshold quantity: 100Mi, available: "
		"50Mi. Container big was using 300Mi, request is 100Mi, has larger consumption "
		"of memory. Container none was using 5Mi, request is 0, has larger consumption "
		"of memory. ");
	r.levels[SIGNAL_NODEFS_INODES] = (struct signal_level){40, 1000, true};
	EXPECT_STR(eviction_message(&r.a, &r.c.thresholds[1], r.levels, &pod),
		"The node was low on resource: inodes. Threshold quantity: 50, available: 40. ");
	arena_done(&r.a);
}

/* ---- limits of the pod's own ---- */

TEST(a_pod_that_uses_more_of_the_disk_than_it_may_has_to_go)
{
	static const struct {
		const char *spec, *why;
		int64_t volume, container, all;
	} cases[] = {
		{"{'volumes':[{'name':'v','emptyDir':{'sizeLimit':'10Mi'}}]}",
			"Usage of EmptyDir volume \"v\" exceeds the limit \"10Mi\". ", 11, 0, 11},
		{"{'volumes':[{'name':'v','emptyDir':{'sizeLimit':'10Mi'}}]}", "", 10, 0, 10},
		{"{'volumes':[{'name':'v','emptyDir':{'sizeLimit':'0'}}]}", "", 10, 0, 10},
		{"{'volumes':[{'name':'v','emptyDir':{}}]}", "", 999, 0, 999},
		{"{'containers':[{'name':'c','resources':{'limits':{'ephemeral-storage':'1Gi'}}},"
		 "{'name':'d','resources':{'limits':{'ephemeral-storage':'1Gi'}}}]}",
			"Pod ephemeral local storage usage exceeds the total limit of containers "
			"2Gi. ",
			0, 1000, 2049},
		{"{'containers':[{'name':'c','resources':{'limits':{'ephemeral-storage':'20Mi'}}},"
		 "{'name':'d','resources':{'limits':{'ephemeral-storage':'20Mi'}}}]}",
			"Container c exceeded its local ephemeral storage limit \"20Mi\". ", 0, 21,
			21},
		{"{'priority':2000000000,'volumes':[{'name':'v','emptyDir':{'sizeLimit':'1Mi'}}]}",
			"", 11, 0, 11},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cJSON *pod = json_new(&a, JSON_OBJECT);
		const struct volume_level volume = {STR("v"), cases[i].volume * MI, true};
		const struct container_level container = {STR("c"), 0, cases[i].container * MI};
		const struct pod_level level = {.pod = pod,
			.known = true,
			.volumes = &volume,
			.volume_count = 1,
			.containers = &container,
			.container_count = 1,
			.disk = cases[i].all * MI};

		json_set(&a, pod, STR("spec"), rig_json(&a, cases[i].spec));
		test_context("%s", cases[i].spec);
		EXPECT_STR(eviction_excess(&a, &level), cases[i].why);
		test_context_end();
	}
	arena_done(&a);
}

/* ---- who may come ---- */

TEST(a_node_that_is_short_of_something_takes_few)
{
	static const char best_effort[] = "{'spec':{'containers':[{'name':'c'}]}}";
	static const char burstable[] =
		"{'spec':{'containers':[{'name':'c','resources':{'requests':{'cpu':'1'}}}]}}";
	static const char tolerant[] =
		"{'spec':{'containers':[{'name':'c'}],'tolerations':[{'operator':'Exists','key':"
		"'node.kubernetes.io/memory-pressure'}]}}";
	static const char critical[] =
		"{'spec':{'priority':2000001000,'containers':[{'name':'c'}]}}";
	static const struct {
		bool memory, disk, pids;
		const char *pod, *message;
	} cases[] = {
		{false, false, false, best_effort, ""},
		{true, false, false, best_effort, "The node had condition: [MemoryPressure]. "},
		{true, false, false, burstable, ""},
		{true, false, false, tolerant, ""},
		{true, true, false, burstable,
			"The node had condition: [MemoryPressure DiskPressure]. "},
		{false, true, false, tolerant, "The node had condition: [DiskPressure]. "},
		{false, false, true, burstable, "The node had condition: [PIDPressure]. "},
		{true, true, true, critical, ""},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const bool pressure[PRESSURES] = {cases[i].memory, cases[i].disk, cases[i].pids};
		struct str message = STR("");
		bool good = eviction_admits(&a, pressure, rig_json(&a, cases[i].pod), &message);

		EXPECT_STR(message, cases[i].message);
		EXPECT_INT(good, !message.len);
	}
	arena_done(&a);
}
