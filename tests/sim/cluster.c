/*
 * A whole control plane on virtual time: deployments roll, pause, come back and change their mind
 * in the middle, jobs run and fail, nodes fall silent, return and are drained, whoever leads
 * crashes, the server refuses, the network breaks. What must never happen is held against every
 * change (cluster_ledger.h); left in peace, everything comes to what is wanted (cluster_rest.h).
 * One seed is one run: KUBE_SIM_SEED=n, KUBE_SIM_SEEDS=count. A failed one prints its history.
 */
#include "cluster_rest.h"

#define SEEDS 12
#define STEPS 40

struct run {
	struct cluster_world w;
	struct cluster_nodes nodes;
	struct ledger ledger;
	bool calm; /* nothing but the controllers touches pods and nodes */
	bool bad_network;
	int deployments, jobs, generation;
	int crashes, restarts; /* of all runs */
};

static int draw(struct run *r, int bound)
{
	return (int)cluster_draw(&r->w, (uint64_t)bound);
}

static bool chance(struct run *r, int percent)
{
	return draw(r, 100) < percent;
}

static const char *pick(struct run *r, const char *const *words, size_t count)
{
	return words[draw(r, (int)count)];
}
#define PICK(r, ...)  pick(r, (const char *const[]){__VA_ARGS__}, COUNT_OF(__VA_ARGS__))
#define COUNT_OF(...) (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* ---- time ---- */

static void care(struct run *r)
{
	/* As long as it lasts, and then for a while: whoever was cut off is away for some time. */
	if (r->bad_network)
		r->ledger.trouble = ledger_now(&r->ledger);
	members_care(&r->w);
	nodes_care(&r->nodes);
	ledger_read(&r->ledger);
}

/* In small steps, so that what happens is judged at about the time when it does. */
static void pass(struct run *r, int64_t ns)
{
	int64_t until = loop_in(r->w.api.loop, ns);

	while (loop_now(r->w.api.loop) < until && !test_failed()) {
		api_world_pass(&r->w.api, MIN(200 * MSEC, until - loop_now(r->w.api.loop)));
		care(r);
	}
}

static int ask(struct run *r, enum client_verb verb, const char *resource, const char *name,
	const char *body)
{
	int code = cluster_ask(&r->w, verb, resource, name, "", body);

	ledger_read(&r->ledger);
	return code;
}

/* ---- what is wanted ---- */

static const char *template_text(struct run *r, const char *name, const char *restart)
{
	static char text[800];

	snprintf(text, sizeof(text),
		"{\"metadata\":{\"labels\":{\"app\":\"%s\"},\"annotations\":{\"sim/fate\":\"%s\","
		"\"sim/fails\":\"%d\",\"generation\":\"%d\"}},\"spec\":{\"restartPolicy\":\"%s\","
		"\"terminationGracePeriodSeconds\":%d,\"tolerations\":[%s],\"containers\":[{"
		"\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"250m\"}}}]}"
		"}",
		name, r->calm ? "steady" : PICK(r, "steady", "flaky", "flaky", "never"),
		chance(r, 50) ? 0 : draw(r, 80), r->generation++, restart, draw(r, 20),
		chance(r, 50)
			? "{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\","
			  "\"effect\":\"NoExecute\",\"tolerationSeconds\":10}"
			: "");
	return text;
}

static const char *strategy_text(struct run *r)
{
	static char text[200];

	if (chance(r, 15))
		return "{\"type\":\"Recreate\",\"rollingUpdate\":null}";
	snprintf(text, sizeof(text),
		"{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":%s,"
		"\"maxUnavailable\":%s}}",
		PICK(r, "1", "2", "\"25%\"", "\"50%\"", "\"100%\""),
		PICK(r, "0", "1", "\"25%\"", "\"34%\"", "2"));
	return text;
}

static void make_deployment(struct run *r, int number)
{
	char name[16], text[2000];

	snprintf(name, sizeof(name), "d%d", number);
	snprintf(text, sizeof(text),
		"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"replicas\":%d,\"minReadySeconds\":%d,"
		"\"progressDeadlineSeconds\":%d,\"revisionHistoryLimit\":%d,\"selector\":{"
		"\"matchLabels\":{\"app\":\"%s\"}},\"strategy\":%s,\"template\":%s}}",
		name, 1 + draw(r, 6), draw(r, 5), 30 + draw(r, 600), draw(r, 4), name,
		strategy_text(r), template_text(r, name, "Always"));
	ask(r, CLIENT_CREATE, "deployments.apps", name, text);
}

static void make_service(struct run *r, const char *name)
{
	char text[300];

	snprintf(text, sizeof(text),
		"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"selector\":{\"app\":\"%s\"},\"ports\":"
		"[{\"port\":80}]}}",
		name, name);
	ask(r, CLIENT_CREATE, "services", name, text);
}

static void make_others(struct run *r)
{
	char text[2000];

	if (chance(r, 40)) {
		snprintf(text, sizeof(text),
			"{\"metadata\":{\"name\":\"s\"},\"spec\":{\"replicas\":%d,\"serviceName\":"
			"\"s\",\"selector\":{\"matchLabels\":{\"app\":\"s\"}},\"template\":%s}}",
			1 + draw(r, 3), template_text(r, "s", "Always"));
		ask(r, CLIENT_CREATE, "statefulsets.apps", "s", text);
	}
	if (chance(r, 40)) {
		snprintf(text, sizeof(text),
			"{\"metadata\":{\"name\":\"e\"},\"spec\":{\"selector\":{\"matchLabels\":{"
			"\"app\":\"e\"}},\"template\":%s}}",
			template_text(r, "e", "Always"));
		ask(r, CLIENT_CREATE, "daemonsets.apps", "e", text);
	}
}

static const char *job_rules(struct run *r, bool indexed)
{
	static char text[600];
	const char *action = indexed ? PICK(r, "Ignore", "FailJob", "Count")
				     : PICK(r, "Ignore", "FailJob", "Count");
	char limit[60], policy[300] = "", more[120] = "";

	snprintf(limit, sizeof(limit), ",\"backoffLimit\":%d", draw(r, 4));
	if (indexed && chance(r, 40)) {
		snprintf(limit, sizeof(limit), ",\"backoffLimitPerIndex\":%d", draw(r, 3));
		action = PICK(r, "Ignore", "FailIndex", "Count");
	}
	if (chance(r, 30))
		snprintf(policy, sizeof(policy),
			",\"podFailurePolicy\":{\"rules\":[{\"action\":\"%s\",\"onExitCodes\":{"
			"\"operator\":\"In\",\"values\":[1]}}]}",
			action);
	if (chance(r, 20))
		snprintf(more, sizeof(more), ",\"ttlSecondsAfterFinished\":%d", draw(r, 60));
	else if (chance(r, 20))
		snprintf(more, sizeof(more), ",\"activeDeadlineSeconds\":%d", 20 + draw(r, 200));
	snprintf(text, sizeof(text), "%s%s%s%s", limit, policy, more,
		chance(r, 20) && !policy[0] ? ",\"podReplacementPolicy\":\"Failed\"" : "");
	return text;
}

static void make_job(struct run *r)
{
	char name[16], text[3000], completions[40] = "";
	bool indexed = chance(r, 50);
	int parallel = 1 + draw(r, 4);

	snprintf(name, sizeof(name), "j%d", r->jobs++);
	if (indexed || chance(r, 80))
		snprintf(completions, sizeof(completions), ",\"completions\":%d", 1 + draw(r, 6));
	snprintf(text, sizeof(text),
		"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"parallelism\":%d%s,\"suspend\":%s,"
		"\"completionMode\":\"%s\"%s,\"template\":%s}}",
		name, parallel, completions, chance(r, 15) ? "true" : "false",
		indexed ? "Indexed" : "NonIndexed", job_rules(r, indexed),
		template_text(r, name, "Never"));
	ask(r, CLIENT_CREATE, "jobs.batch", name, text);
}

/* ---- what users do ---- */

static void patch_deployment(struct run *r)
{
	char name[16], text[2000];

	snprintf(name, sizeof(name), "d%d", draw(r, r->deployments));
	switch (draw(r, 8)) {
	case 0:
	case 1:
		snprintf(text, sizeof(text), "{\"spec\":{\"replicas\":%d}}", draw(r, 7));
		break;
	case 2:
		snprintf(text, sizeof(text), "{\"spec\":{\"paused\":%s}}",
			chance(r, 40) ? "true" : "false");
		break;
	case 3: /* back to what was, perhaps */
		snprintf(text, sizeof(text),
			"{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"generation\":"
			"\"%d\"}}}}}",
			draw(r, r->generation));
		break;
	case 4:
		snprintf(text, sizeof(text), "{\"spec\":{\"strategy\":%s}}", strategy_text(r));
		break;
	default:
		snprintf(text, sizeof(text), "{\"spec\":{\"paused\":false,\"template\":%s}}",
			template_text(r, name, "Always"));
	}
	ask(r, CLIENT_PATCH_MERGE, "deployments.apps", name, text);
}

static void patch_job(struct run *r)
{
	char name[16], text[100];

	if (!r->jobs)
		return;
	snprintf(name, sizeof(name), "j%d", draw(r, r->jobs));
	switch (draw(r, 4)) {
	case 0:
		snprintf(text, sizeof(text), "{\"spec\":{\"suspend\":%s}}",
			chance(r, 40) ? "true" : "false");
		break;
	case 1:
	case 2:
		snprintf(text, sizeof(text), "{\"spec\":{\"parallelism\":%d}}", draw(r, 5));
		break;
	default:
		ledger_trouble(&r->ledger);
		ask(r, CLIENT_DELETE, "jobs.batch", name, NULL);
		return;
	}
	ask(r, CLIENT_PATCH_MERGE, "jobs.batch", name, text);
}

static void patch_others(struct run *r)
{
	char text[2000];

	if (chance(r, 30))
		snprintf(text, sizeof(text), "{\"spec\":{\"replicas\":%d}}", draw(r, 4));
	else
		snprintf(text, sizeof(text), "{\"spec\":{\"template\":%s}}",
			template_text(r, "s", "Always"));
	if (chance(r, 50)) {
		ledger_trouble(&r->ledger);
		ask(r, CLIENT_PATCH_MERGE, "statefulsets.apps", "s", text);
		return;
	}
	snprintf(text, sizeof(text), "{\"spec\":{\"template\":%s}}",
		template_text(r, "e", "Always"));
	ask(r, CLIENT_PATCH_MERGE, "daemonsets.apps", "e", text);
}

static void remake_deployment(struct run *r)
{
	char name[16];
	int number = draw(r, r->deployments);

	snprintf(name, sizeof(name), "d%d", number);
	ledger_trouble(&r->ledger);
	ask(r, CLIENT_DELETE, "deployments.apps", name,
		chance(r, 40) ? "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
				"\"propagationPolicy\":\"Foreground\"}"
			      : NULL);
	pass(r, draw(r, 20) * SEC);
	make_deployment(r, number);
}

static struct seen_pod *any_pod(struct run *r)
{
	struct seen_pod *found = NULL;
	int seen = 0;

	ledger_each(p, r->ledger.pods) if (draw(r, ++seen) == 0) found = p;
	return found;
}

static void take_pod(struct run *r)
{
	const struct seen_pod *p = any_pod(r);
	char name[64], text[200];

	if (!p)
		return;
	snprintf(name, sizeof(name), "%s", p->seen.name);
	ledger_trouble(&r->ledger);
	if (chance(r, 50)) {
		snprintf(text, sizeof(text),
			"{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
			"\"name\":\"%s\",\"namespace\":\"default\"}}",
			name);
		cluster_ask(&r->w, CLIENT_CREATE, "pods", name, "eviction", text);
	} else {
		ask(r, CLIENT_DELETE, "pods", name,
			chance(r, 20) ? "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
					"\"gracePeriodSeconds\":0}"
				      : NULL);
	}
}

/* ---- nodes ---- */

static void cordon(struct run *r, const char *name, bool on)
{
	char text[60];

	snprintf(text, sizeof(text), "{\"spec\":{\"unschedulable\":%s}}", on ? "true" : "null");
	ask(r, CLIENT_PATCH_MERGE, "nodes", name, text);
}

/* Cordoned, and all of its pods away. */
static void drain(struct run *r, const char *name)
{
	char pods[40][64];
	int count = 0;

	ledger_trouble(&r->ledger);
	cordon(r, name, true);
	ledger_each(
		p, r->ledger.pods) if (strcmp(p->node, name) == 0 && p->kind != 'D' && count < 40)
		snprintf(pods[count++], sizeof(pods[0]), "%s", p->seen.name);
	for (int i = 0; i < count; i++) {
		char text[200];

		snprintf(text, sizeof(text),
			"{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
			"\"name\":\"%s\",\"namespace\":\"default\"}}",
			pods[i]);
		cluster_ask(&r->w, CLIENT_CREATE, "pods", pods[i], "eviction", text);
	}
}

static void touch_node(struct run *r)
{
	struct node *n = &r->nodes.items[draw(r, NODES)];

	ledger_trouble(&r->ledger);
	switch (draw(r, 5)) {
	case 0:
		drain(r, n->name);
		return;
	case 1:
		cordon(r, n->name, false);
		return;
	default:
		if (!n->up)
			return;
		node_stop(n);
		n->again = loop_in(r->w.api.loop, (1 + draw(r, 400)) * SEC);
		/* Its pods are then lost for good. */
		if (chance(r, 30))
			ask(r, CLIENT_DELETE, "nodes", n->name, NULL);
	}
}

/* ---- what befalls it ---- */

static void crash(struct run *r)
{
	struct member *m = members_leading(&r->w, draw(r, 2));

	if (!m)
		return;
	r->crashes++;
	member_stop(m);
	m->again = loop_in(r->w.api.loop, (1 + draw(r, 60)) * SEC);
}

static void network(struct run *r, bool bad)
{
	const struct sim_faults good = {.delay_max = MSEC};
	const struct sim_faults broken = {
		.delay_max = 100 * MSEC, .loss = 0.02, .reset = 0.005, .refuse = 0.1};

	cluster_note(&r->w, "the network is %s", bad ? "bad" : "good");
	r->bad_network = bad;
	sim_set_faults(r->w.api.sim, bad ? &broken : &good);
}

static void part(struct run *r)
{
	struct member *m = &r->w.members[draw(r, MEMBERS)];

	cluster_note(&r->w, "%s is cut off", m->name);
	sim_part(r->w.api.sim, m->host, r->w.api.host, true);
	pass(r, draw(r, 30) * SEC);
	sim_part(r->w.api.sim, m->host, r->w.api.host, false);
	ledger_trouble(&r->ledger);
}

static void restart_server(struct run *r)
{
	r->restarts++;
	ledger_read(&r->ledger);
	ledger_close_feeds(&r->ledger);
	cluster_restart_server(&r->w, chance(r, 50), draw(r, 30) * SEC);
	if (r->w.api.server)
		ledger_open_feeds(&r->ledger, &r->w);
	ledger_trouble(&r->ledger);
}

static void befall(struct run *r)
{
	ledger_trouble(&r->ledger);
	if (!r->ledger.lenient) {
		r->w.refused_percent = chance(r, 60) ? draw(r, 40) : 0;
		cluster_note(&r->w, "%d %% of writes are refused", r->w.refused_percent);
	} else if (chance(r, 40))
		restart_server(r);
	else if (chance(r, 30))
		part(r);
	else
		network(r, chance(r, 60));
}

static void step(struct run *r)
{
	int what = draw(r, 100);

	if (what < 30)
		patch_deployment(r);
	else if (what < 48)
		make_job(r);
	else if (what < 58)
		patch_job(r);
	else if (what < 64)
		patch_others(r);
	else if (what < 72)
		crash(r);
	else if (what < 80 && !r->calm)
		befall(r);
	else if (what < 83)
		remake_deployment(r);
	else if (what < 90 && !r->calm)
		take_pod(r);
	else if (what < 98 && !r->calm)
		touch_node(r);
}

/* ---- a run ---- */

/* What can be wanted at all: no pause, all nodes, jobs that may go on. */
static void make_peace(struct run *r)
{
	char name[16];

	network(r, false);
	r->w.refused_percent = 0;
	nodes_calm(&r->nodes);
	pass(r, 5 * SEC);
	for (int i = 0; i < NODES; i++)
		cordon(r, r->nodes.items[i].name, false);
	for (int i = 0; i < r->jobs; i++) {
		snprintf(name, sizeof(name), "j%d", i);
		ask(r, CLIENT_PATCH_MERGE, "jobs.batch", name,
			chance(r, 80) ? "{\"spec\":{\"suspend\":false,\"parallelism\":2}}"
				      : "{\"spec\":{\"parallelism\":1}}");
	}
}

/* It counts once it has lasted: what a bad network did may show half a minute later. */
static void come_to_rest(struct run *r)
{
	static char why[4000];
	int still = 0;

	make_peace(r);
	for (int i = 0; i < 400 && still < 4 && !test_failed(); i++) {
		still = cluster_at_rest(&r->w, why, sizeof(why)) ? still + 1 : 0;
		pass(r, 10 * SEC);
	}
	if (!test_failed() && !EXPECT(still))
		printf("%s\n", why);
}

static void run_seed(struct run *r, uint64_t seed)
{
	if (!cluster_open(&r->w, seed))
		return;
	memset(&r->ledger, 0, sizeof(r->ledger));
	r->jobs = r->generation = 0;
	r->bad_network = false;
	r->calm = seed % 3 == 0;
	r->ledger.lenient = seed % 3 == 1;
	ledger_open_feeds(&r->ledger, &r->w);
	r->nodes.peace = false;
	nodes_open(&r->nodes, &r->w);
	pass(r, 5 * SEC);
	r->deployments = 1 + draw(r, 3);
	for (int i = 0; i < r->deployments; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		make_service(r, name);
		make_deployment(r, i);
	}
	make_others(r);
	for (int i = 0; i < STEPS && !test_failed(); i++) {
		step(r);
		pass(r, draw(r, chance(r, 10) ? 120 : 12) * SEC);
	}
	if (!test_failed())
		come_to_rest(r);
	if (test_failed())
		cluster_print_history(&r->w);
	nodes_close(&r->nodes);
	ledger_close_feeds(&r->ledger);
	cluster_close(&r->w);
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : fallback;
}

TEST(nothing_forbidden_ever_happens_and_all_that_is_wanted_in_the_end)
{
	static struct run r;
	uint64_t first = number_from("KUBE_SIM_SEED", 1);
	uint64_t count = getenv("KUBE_SIM_SEED") ? 1 : number_from("KUBE_SIM_SEEDS", SEEDS);
	int made = 0, bound = 0, taken = 0, counted = 0;

	for (uint64_t seed = first; seed < first + count && !test_failed(); seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		run_seed(&r, seed);
		made += r.ledger.made;
		bound += r.ledger.bound;
		taken += r.ledger.taken;
		counted += r.ledger.counted;
	}
	test_context_end();
	printf("%d pods made, %d bound, %d taken away ready, %d accounts, %d crashes, %d "
	       "restarts\n",
		made, bound, taken, counted, r.crashes, r.restarts);
	/* Or it would show nothing. */
	EXPECT(test_failed() || count < SEEDS ||
		(made > 40 * (int)count && bound > 30 * (int)count && taken > 5 * (int)count &&
			counted > 20 * (int)count && r.crashes > (int)count && r.restarts > 0));
}

/* All are on one machine, or keep to one server's time. */
static void set_clocks(struct run *r, int64_t by)
{
	cluster_note(&r->w, "clocks are set by %lld s", (long long)(by / SEC));
	sim_jump_clock(r->w.api.host, by);
	for (int i = 0; i < MEMBERS; i++)
		sim_jump_clock(r->w.members[i].host, by);
	for (int i = 0; i < NODES; i++)
		sim_jump_clock(r->nodes.items[i].host, by);
}

static int pods_of(struct run *r)
{
	int count = 0;

	ledger_each(p, r->ledger.pods) count++;
	return count;
}

/* When the nodes became ready: later, when one was taken for silent meanwhile. */
static void ready_since(struct run *r, struct buf *out)
{
	struct rest rest = {.w = &r->w};

	buf_clear(out);
	arena_init(&rest.a);
	rest_read(&rest, &rest.nodes, "", "nodes");
	rest_each(node, &rest.nodes)
	{
		const struct cJSON *ready =
			condition_find(json_path(node, "status.conditions"), "Ready");

		buf_print(out, "%.*s %.*s, ", STRF(tree_str(ready, "status")),
			STRF(tree_str(ready, "lastTransitionTime")));
	}
	arena_done(&rest.a);
}

#define TAINT(key) "{\"key\":\"" key "\",\"effect\":\"NoExecute\"}"
/* Its pods put up with two taints, for a while. */
#define PATIENT(key)                                                                               \
	"{\"key\":\"" key "\",\"operator\":\"Exists\",\"effect\":\"NoExecute\","                   \
	"\"tolerationSeconds\":3600}"

static void taint_all(struct run *r, const char *taints)
{
	_cleanup_(buf_done) struct buf patch = BUF_INIT(4 * KIB);

	buf_print(&patch, "{\"spec\":{\"taints\":%s}}", taints);
	for (int i = 0; i < NODES; i++)
		ask(r, CLIENT_PATCH_MERGE, "nodes", r->nodes.items[i].name, buf_text(&patch));
}

static void set_clocks_under_load(struct run *r, int64_t by)
{
	_cleanup_(buf_done) struct buf before = BUF_INIT(MIB), after = BUF_INIT(MIB);

	if (!cluster_open(&r->w, 7))
		return;
	memset(&r->ledger, 0, sizeof(r->ledger));
	r->jobs = r->generation = 0;
	r->calm = true;
	ledger_open_feeds(&r->ledger, &r->w);
	r->nodes.peace = true;
	nodes_open(&r->nodes, &r->w);
	pass(r, 5 * SEC);
	r->deployments = 1;
	make_deployment(r, 0);
	ask(r, CLIENT_PATCH_MERGE, "deployments.apps", "d0",
		"{\"spec\":{\"replicas\":4,\"paused\":false,\"minReadySeconds\":0,"
		"\"template\":{\"spec\":{\"tolerations\":[" PATIENT("a") "," PATIENT("b") "]}}}}");
	pass(r, 3 * MINUTE);
	EXPECT_INT(pods_of(r), 4);
	taint_all(r, "[" TAINT("a") "]");
	pass(r, 5 * SEC);
	int made = r->ledger.made;
	ready_since(r, &before);
	EXPECT(before.len > 0);
	set_clocks(r, by);
	/* Their controller looks at them before they could say anything. */
	for (int i = 0; i < NODES; i++)
		ask(r, CLIENT_PATCH_MERGE, "nodes", r->nodes.items[i].name,
			"{\"metadata\":{\"labels\":{\"looked\":\"at\"}}}");
	taint_all(r, "[" TAINT("a") "," TAINT("b") "]");
	pass(r, 10 * MINUTE);
	ready_since(r, &after);
	EXPECT_STR(buf_str(&after), buf_text(&before));
	EXPECT_INT(r->ledger.made, made);
	EXPECT_INT(pods_of(r), 4);
	/* And all still work. */
	taint_all(r, "null");
	ask(r, CLIENT_PATCH_MERGE, "deployments.apps", "d0", "{\"spec\":{\"replicas\":7}}");
	pass(r, MINUTE);
	EXPECT_INT(pods_of(r), 7);
	come_to_rest(r);
	if (test_failed())
		cluster_print_history(&r->w);
	nodes_close(&r->nodes);
	ledger_close_feeds(&r->ledger);
	cluster_close(&r->w);
}

TEST(clocks_that_are_set_cost_no_node_its_pods)
{
	static struct run r;

	set_clocks_under_load(&r, 6 * HOUR);
	set_clocks_under_load(&r, -6 * HOUR);
}
