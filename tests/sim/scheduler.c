/*
 * The scheduler on virtual time, before an API that refuses, forgets and breaks off: whatever
 * happens, no node ever carries more than it can, and when all is quiet nobody waits who could
 * run. One seed is one run: KUBE_SIM_SEED=n, KUBE_SIM_SEEDS=count.
 */
#include "sim_world.h"

#include <kube/quantity.h>
#include <kube/scheduler.h>

#include <stdio.h>
#include <stdlib.h>

#define SEEDS 200
#define STEPS 60
#define NODES 6

struct cluster_run {
	struct world world;
	struct component_base base;
	struct part *scheduler;
	struct rng *rng;
	int pods, bound, preempted;
};

static void begin(struct cluster_run *r, uint64_t seed)
{
	struct scheduler_options options = {.seed = seed};

	r->base = (struct component_base){.env = r->world.env,
		.client = r->world.client,
		.informers = informers_new(r->world.client, r->world.root),
		.scope = r->world.root};
	r->scheduler = scheduler_new(&r->base, &options);
}

static void end(struct cluster_run *r)
{
	struct told told[2] = {0};

	part_stop(r->scheduler, told_op(&told[0], r->world.root, OP_NO_DEADLINE));
	world_await(&r->world, &told[0]);
	informers_stop(r->base.informers, told_op(&told[1], r->world.root, OP_NO_DEADLINE));
	world_await(&r->world, &told[1]);
	told_done(&told[0]);
	told_done(&told[1]);
	part_free(r->scheduler);
	informers_free(r->base.informers);
}

/* ---- what happens ---- */

static int below(struct cluster_run *r, int n)
{
	return (int)rng_below(r->rng, (uint64_t)n);
}

/* A node of that number is always as large. */
static void put_node(struct cluster_run *r, int number, bool cordoned)
{
	char key[64], text[512];

	snprintf(key, sizeof(key), "nodes//n%d", number);
	snprintf(text, sizeof(text),
		"{\"metadata\":{\"labels\":{\"odd\":\"%d\"}},\"spec\":{\"unschedulable\":%s},"
		"\"status\":{\"allocatable\":{\"cpu\":\"%d\",\"memory\":\"8Gi\",\"pods\":\"%d\"}}}",
		number % 2, cordoned ? "true" : "false", 2 + number, 4 + number);
	fake_put(&r->world.api, key, text);
}

static void put_pod(struct cluster_run *r)
{
	char key[64], text[768], port[64] = "", extra[64] = "";

	snprintf(key, sizeof(key), "pods/a/p%d", r->pods++);
	if (below(r, 4) == 0)
		snprintf(port, sizeof(port), ",\"ports\":[{\"hostPort\":%d}]", 80 + below(r, 2));
	if (below(r, 4) == 0)
		snprintf(extra, sizeof(extra), ",\"nodeSelector\":{\"odd\":\"%d\"}", below(r, 2));
	snprintf(text, sizeof(text),
		"{\"metadata\":{\"labels\":{\"app\":\"x\"}},\"spec\":{\"schedulerName\":"
		"\"default-scheduler\",\"priority\":%d,\"containers\":[{\"name\":\"c\",\"image\":"
		"\"i\",\"resources\":{\"requests\":{\"cpu\":\"%dm\"}}%s}]%s},\"status\":{\"phase\":"
		"\"Pending\"}}",
		below(r, 3) * 10, 300 * (1 + below(r, 8)), port, extra);
	fake_put(&r->world.api, key, text);
}

static struct str random_key(struct cluster_run *r, const char *prefix)
{
	struct str found = STR("");
	uint64_t seen = 0;

	omap_each (it, &r->world.api.objects)
		if (str_starts(it.key, str_from(prefix)) && rng_below(r->rng, ++seen) == 0)
			found = it.key;
	return found;
}

static void finish_pod(struct cluster_run *r)
{
	char key[64];
	struct arena a;
	struct cJSON *tree = NULL;
	struct buf text = BUF_INIT(MIB);
	struct str found = random_key(r, "pods/");

	if (!found.len)
		return;
	arena_init(&a);
	snprintf(key, sizeof(key), "%.*s", STRF(found));
	json_parse(&a, world_text(&r->world, key), NULL, &tree, NULL);
	if (tree_has(tree, "spec.nodeName")) {
		tree_set_str(&a, tree, "status.phase", STR("Succeeded"));
		json_print(&text, tree, JSON_COMPACT);
		fake_put(&r->world.api, key, buf_text(&text));
	}
	buf_done(&text);
	arena_done(&a);
}

static void drop(struct cluster_run *r, const char *prefix)
{
	char key[64];
	struct str found = random_key(r, prefix);

	if (!found.len)
		return;
	snprintf(key, sizeof(key), "%.*s", STRF(found));
	fake_put(&r->world.api, key, NULL);
}

static void refuse_some(struct cluster_run *r)
{
	static const struct {
		int code;
		const char *reason;
	} kinds[] = {
		{500, "InternalError"}, {409, "Conflict"}, {403, "Forbidden"}, {404, "NotFound"}};
	int kind = below(r, ARRAY_LEN(kinds));

	r->world.api.refuse_code = kinds[kind].code;
	r->world.api.refuse_reason = kinds[kind].reason;
	r->world.api.refuse_times = 1 + below(r, 4);
}

static void step(struct cluster_run *r)
{
	switch (below(r, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		put_pod(r);
		return;
	case 5:
		drop(r, "pods/");
		return;
	case 6:
		finish_pod(r);
		return;
	case 7:
		put_node(r, below(r, NODES), below(r, 3) == 0);
		return;
	case 8:
		if (below(r, 3) == 0)
			drop(r, "nodes/");
		return;
	case 9:
		fake_break_watches(&r->world.api);
		return;
	case 10:
		if (below(r, 3) == 0)
			fake_compact(&r->world.api);
		return;
	default:
		refuse_some(r);
		return;
	}
}

/* ---- what must be ---- */

struct load {
	int64_t cpu, ports[2];
	int pods;
};

static void add_load(struct load *l, const struct cJSON *pod, int sign)
{
	const struct cJSON *c = json_at(json_path(pod, "spec.containers"), 0);
	struct quantity q;
	int64_t port = tree_int(json_at(json_get(c, STR("ports")), 0), "hostPort", 0);

	quantity_parse(tree_str(c, "resources.requests.cpu"), &q, NULL);
	l->cpu += sign * quantity_milli(q);
	l->pods += sign;
	if (port)
		l->ports[port - 80] += sign;
}

static bool fits(const struct load *l, int node)
{
	return l->cpu <= 1000 * (2 + node) && l->pods <= 4 + node && l->ports[0] <= 1 &&
	       l->ports[1] <= 1;
}

struct pods {
	struct cJSON *items[STEPS * 2];
	size_t count;
	struct load loads[NODES];
};

static void read_pods(struct cluster_run *r, struct arena *a, struct pods *p)
{
	*p = (struct pods){0};
	omap_each (it, &r->world.api.objects) {
		struct cJSON *tree = NULL;

		if (!str_starts(it.key, STR("pods/")))
			continue;
		json_parse(a, str_from(((struct fake_change *)it.value)->text), NULL, &tree, NULL);
		if (str_eq_text(tree_str(tree, "status.phase"), "Succeeded"))
			continue;
		struct str node = tree_str(tree, "spec.nodeName");
		if (node.len)
			add_load(&p->loads[node.at[1] - '0'], tree, 1);
		if (p->count < ARRAY_LEN(p->items))
			p->items[p->count++] = tree;
	}
}

static void check_loads(struct cluster_run *r)
{
	struct arena a;
	struct pods p;

	arena_init(&a);
	read_pods(r, &a, &p);
	for (int n = 0; n < NODES; n++)
		EXPECT(fits(&p.loads[n], n));
	for (size_t i = 0; i < p.count; i++) {
		struct str node = tree_str(p.items[i], "spec.nodeName");
		struct str odd = tree_str(p.items[i], "spec.nodeSelector.odd");

		EXPECT(!node.len || !odd.len || (node.at[1] & 1) == (odd.at[0] & 1));
	}
	arena_done(&a);
}

/* Nodes that take pods now. */
static bool takes(struct cluster_run *r, int node)
{
	char key[64];

	snprintf(key, sizeof(key), "nodes//n%d", node);
	struct str text = world_text(&r->world, key);
	return text.len && str_find(text, STR("\"unschedulable\":true")) < 0;
}

static bool could_run(struct cluster_run *r, const struct pods *p, const struct cJSON *pod)
{
	struct str odd = tree_str(pod, "spec.nodeSelector.odd");

	for (int n = 0; n < NODES; n++) {
		struct load l = p->loads[n];

		add_load(&l, pod, 1);
		if (takes(r, n) && fits(&l, n) && (!odd.len || (n & 1) == (odd.at[0] & 1)))
			return true;
	}
	return false;
}

/* Room that is promised to somebody who cannot take it yet is not for others. */
static bool promises(const struct pods *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!tree_has(p->items[i], "spec.nodeName") &&
			tree_str(p->items[i], "status.nominatedNodeName").len)
			return true;
	return false;
}

static void check_quiet(struct cluster_run *r)
{
	struct arena a;
	struct pods p;

	arena_init(&a);
	read_pods(r, &a, &p);
	for (size_t i = 0; i < p.count; i++) {
		const struct cJSON *pod = p.items[i];

		if (tree_has(pod, "spec.nodeName")) {
			r->bound++;
			continue;
		}
		EXPECT(promises(&p) || !could_run(r, &p, pod));
		EXPECT_STR(tree_str(json_at(json_path(pod, "status.conditions"), 0), "reason"),
			"Unschedulable");
	}
	omap_each (it, &r->world.api.objects)
		r->preempted += str_find(str_from(((struct fake_change *)it.value)->text),
					STR("\"reason\":\"Preempted\"")) >= 0;
	arena_done(&a);
}

/* ---- runs ---- */

static void run_seed(uint64_t seed, int *bound, int *preempted)
{
	struct cluster_run r = {0};

	test_context("seed %llu", (unsigned long long)seed);
	world_open(&r.world, seed);
	r.rng = sim_rng(r.world.sim);
	for (int n = 0; n < NODES; n += 1 + below(&r, 2))
		put_node(&r, n, false);
	begin(&r, seed);
	for (int i = 0; i < STEPS && !test_failed(); i++) {
		step(&r);
		world_pass(&r.world, (int64_t)rng_below(r.rng, 2 * SEC));
		check_loads(&r);
	}
	r.world.api.refuse_times = 0;
	/* Once past whatever waits longest. */
	world_pass(&r.world, 6 * MINUTE);
	check_loads(&r);
	check_quiet(&r);
	*bound += r.bound;
	*preempted += r.preempted;
	end(&r);
	world_close(&r.world);
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : fallback;
}

TEST(no_node_carries_too_much_and_nobody_waits_in_vain)
{
	uint64_t first = number_from("KUBE_SIM_SEED", 1);
	uint64_t count = getenv("KUBE_SIM_SEED") ? 1 : number_from("KUBE_SIM_SEEDS", SEEDS);
	int bound = 0, preempted = 0;

	for (uint64_t seed = first; seed < first + count && !test_failed(); seed++)
		run_seed(seed, &bound, &preempted);
	test_context_end();
	EXPECT(test_failed() || count < SEEDS || (bound > SEEDS * 3 && preempted > SEEDS / 4));
}

/* A pod that fits, one that does not, one that makes room; each await fails once. */
static void story(struct world *w)
{
	struct cluster_run r = {.world = *w};

	fake_put(&w->api, "nodes//n0",
		"{\"status\":{\"allocatable\":{\"cpu\":\"2\",\"memory\":\"8Gi\",\"pods\":\"9\"}}}");
	fake_put(&w->api, "pods/a/low",
		"{\"spec\":{\"schedulerName\":\"default-scheduler\",\"containers\":[{\"resources\":"
		"{\"requests\":{\"cpu\":\"2\"}}}]}}");
	begin(&r, 7);
	world_pass(w, 5 * SEC);
	fake_put(&w->api, "pods/a/high",
		"{\"spec\":{\"schedulerName\":\"default-scheduler\",\"priority\":5,\"containers\":["
		"{"
		"\"resources\":{\"requests\":{\"cpu\":\"2\"}}}]}}");
	/* Errors back off; after five minutes everybody is tried again. */
	world_pass(w, 6 * MINUTE);
	if (!loop_torture_hit(w->loop)) {
		EXPECT(str_find(world_text(w, "pods/a/high"), STR("\"nodeName\":\"n0\"")) >= 0);
		EXPECT_INT(world_text(w, "pods/a/low").len, 0);
	}
	EXPECT(str_find(world_text(w, "pods/a/high"), STR("\"nodeName\":\"n0\"")) >= 0);
	end(&r);
}

TEST(every_await_may_fail_or_be_cancelled)
{
	world_torture(story);
}

/* Room for one: who does not hear that it is bound must not give its place to another. */
static void narrow_story(struct world *w)
{
	struct cluster_run r = {.world = *w};
	int bound = 0;

	fake_put(&w->api, "nodes//n0",
		"{\"status\":{\"allocatable\":{\"cpu\":\"2\",\"memory\":\"8Gi\",\"pods\":\"9\"}}}");
	for (int i = 0; i < 3; i++)
		fake_put(&w->api, (const char *[]){"pods/a/p", "pods/a/q", "pods/a/r"}[i],
			"{\"spec\":{\"schedulerName\":\"default-scheduler\",\"containers\":[{"
			"\"resources\":{\"requests\":{\"cpu\":\"2\"}}}]}}");
	begin(&r, 7);
	world_pass(w, 6 * MINUTE);
	omap_each (it, &w->api.objects)
		bound += str_find(str_from(((struct fake_change *)it.value)->text),
				 STR("\"nodeName\":\"n0\"")) >= 0;
	EXPECT_INT(bound, 1);
	end(&r);
}

TEST(a_binding_whose_answer_is_lost_keeps_its_room)
{
	world_torture(narrow_story);
}

/* Somebody must bind what the scheduler has chosen; then the pod goes to where the volume is. */
static void bind_claim(struct world *w)
{
	if (str_find(world_text(w, "persistentvolumes//v"), STR("\"claimRef\"")) < 0)
		return;
	fake_put(&w->api, "persistentvolumeclaims/a/c",
		"{\"metadata\":{\"uid\":\"uid-c\",\"annotations\":{"
		"\"pv.kubernetes.io/bind-completed\":\"yes\"}},\"spec\":{\"storageClassName\":"
		"\"w\",\"volumeName\":\"v\"}}");
}

static void volume_story(struct world *w)
{
	struct cluster_run r = {.world = *w};

	fake_put(&w->api, "nodes//n0",
		"{\"metadata\":{\"labels\":{\"h\":\"0\"}},\"status\":{\"allocatable\":{\"cpu\":"
		"\"2\",\"memory\":\"8Gi\",\"pods\":\"9\"}}}");
	fake_put(&w->api, "nodes//n1",
		"{\"metadata\":{\"labels\":{\"h\":\"1\"}},\"status\":{\"allocatable\":{\"cpu\":"
		"\"2\",\"memory\":\"8Gi\",\"pods\":\"9\"}}}");
	fake_put(&w->api, "storageclasses//w",
		"{\"provisioner\":\"kubernetes.io/no-provisioner\",\"volumeBindingMode\":"
		"\"WaitForFirstConsumer\"}");
	fake_put(&w->api, "persistentvolumes//v",
		"{\"spec\":{\"storageClassName\":\"w\",\"capacity\":{\"storage\":\"1Gi\"},"
		"\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{"
		"\"key\":\"h\",\"operator\":\"In\",\"values\":[\"1\"]}]}]}}},\"status\":{"
		"\"phase\":\"Available\"}}");
	fake_put(&w->api, "persistentvolumeclaims/a/c",
		"{\"metadata\":{\"uid\":\"uid-c\"},\"spec\":{\"storageClassName\":\"w\"}}");
	fake_put(&w->api, "pods/a/p",
		"{\"spec\":{\"schedulerName\":\"default-scheduler\",\"containers\":[],\"volumes\":["
		"{"
		"\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]}}");
	begin(&r, 7);
	for (int i = 0; i < 20; i++) {
		world_pass(w, MINUTE);
		bind_claim(w);
	}
	EXPECT(str_find(world_text(w, "pods/a/p"), STR("\"nodeName\":\"n1\"")) >= 0);
	end(&r);
}

TEST(pods_with_volumes_are_bound_whatever_await_fails)
{
	world_torture(volume_story);
}
