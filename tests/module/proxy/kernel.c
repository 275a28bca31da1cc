/*
 * What changes one by one have made of the table in the kernel is what a fresh start puts there:
 * services at random, in a network namespace of the test.
 */
#include "name_list.h"
#include "test.h"

#include "proxy/ruleset.h"

#include <kube/json.h>
#include <kube/random.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS    150
#define SERVICES 6

struct world {
	struct arena arena;
	struct rng rng;
	struct proxy_node node;
	struct ruleset ruleset;
	char *specs[SERVICES], *slices[SERVICES];
};

static uint64_t draw(struct world *w, uint64_t bound)
{
	return rng_below(&w->rng, bound);
}

static void make_service(struct world *w, int i, struct buf *spec)
{
	static const char *const types[] = {"ClusterIP", "NodePort", "LoadBalancer"};
	static const char *const policies[] = {"Cluster", "Local"};

	buf_print(spec,
		"{\"metadata\":{\"namespace\":\"n\",\"name\":\"s%d\"},\"spec\":{\"type\":\"%s\","
		"\"clusterIPs\":[\"10.43.0.%d\"%s],\"internalTrafficPolicy\":\"%s\","
		"\"externalTrafficPolicy\":\"%s\",\"ports\":[",
		i, types[draw(w, 3)], i + 1, draw(w, 2) ? ",\"fd43::1\"" : "", policies[draw(w, 2)],
		policies[draw(w, 2)]);
	for (uint64_t n = 0, count = 1 + draw(w, 2); n < count; n++)
		buf_print(spec,
			"%s{\"name\":\"p%d\",\"port\":%d,\"protocol\":\"%s\",\"nodePort\":%d}",
			n ? "," : "", (int)n, 80 + (int)n, draw(w, 2) ? "TCP" : "UDP",
			30000 + (int)draw(w, 4));
	buf_add_text(spec, "]");
	if (draw(w, 2))
		buf_print(spec, ",\"externalIPs\":[\"192.0.2.%d\"]", (int)draw(w, 3));
	if (draw(w, 3) == 0)
		buf_print(spec,
			",\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":"
			"{\"timeoutSeconds\":%d}}",
			60 * (1 + (int)draw(w, 2)));
	if (draw(w, 3) == 0)
		buf_add_text(spec, ",\"loadBalancerSourceRanges\":[\"198.51.100.0/24\"]");
	buf_print(spec, "},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.3.%d\"}]}}}",
		(int)draw(w, 2));
}

static void make_slice(struct world *w, struct buf *out)
{
	buf_add_text(out, "{\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"p0\",\"port\":8080,"
			  "\"protocol\":\"TCP\"},{\"name\":\"p1\",\"port\":53,\"protocol\":\"UDP\"}"
			  "],\"endpoints\":[");
	for (uint64_t n = 0, count = draw(w, 5); n < count; n++)
		buf_print(out,
			"%s{\"addresses\":[\"10.42.0.%d\"],\"nodeName\":\"%s\",\"conditions\":{"
			"\"ready\":%s}}",
			n ? "," : "", (int)draw(w, 6), draw(w, 2) ? "here" : "there",
			draw(w, 4) ? "true" : "false");
	buf_add_text(out, "]}");
}

static struct cJSON *parse(struct world *w, const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(&w->arena, str_from(text), NULL, &tree, NULL), 0);
	return tree;
}

static void change(struct world *w, struct ruleset *r, struct nft_batch *b, int i)
{
	struct str key = arena_print(&w->arena, "n/s%d", i);
	struct compiled *fresh = arena_new(&w->arena, sizeof(*fresh));

	if (w->specs[i]) {
		const struct slice *slices[] = {
			slice_read(&w->arena, &w->node, parse(w, w->slices[i]))};

		compile_service(&w->arena, &w->node, parse(w, w->specs[i]), slices, 1, fresh);
	}
	ruleset_change(r, b, key, w->specs[i] ? fresh : NULL);
}

/* What is contested goes to the first who asks: until nothing is given back any more. */
static void settle(struct world *w, struct nft_batch *b)
{
	for (int round = 0; w->ruleset.let_go && round < SERVICES; round++) {
		w->ruleset.let_go = w->ruleset.contested = false;
		for (int i = 0; i < SERVICES; i++)
			change(w, &w->ruleset, b, i);
	}
}

static void send_batch(struct nft_batch *b)
{
	struct err err = {0};

	if (!EXPECT_OK(nft_send(b, &err), &err)) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

		nft_print(b, &text);
		printf("%s", buf_text(&text));
	}
}

/*
 * Sorted: in which order chains and elements came is not told apart. Nor is which of the choices an
 * endpoint has: they follow as a list of their own.
 */
static void list_table(struct buf *out)
{
	FILE *pipe = popen("t=$(nft -n -s list table inet " PROXY_TABLE ");"
			   " echo \"$t\" | tr '{},' '\\n' | sed -E"
			   " 's/^[ \t]+//; s/ \\. 60[08]0:[0-9a-f]+ :/ . CHOICE :/' | sort;"
			   " echo \"$t\" | grep -o '60[08]0:[0-9a-f]*' | sort",
		"re");
	char chunk[4096];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), pipe)) > 0)
		buf_add(out, chunk, n);
	pclose(pipe);
}

/* over: what stands there, instead of a table that is new. */
static void restart(struct world *w, struct ruleset *r, bool over)
{
	const struct base_options everywhere = {.node = &w->node};
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &w->arena};
	struct name_list chains = {.arena = &w->arena};
	struct err err = {0};

	ruleset_init(r);
	if (over)
		EXPECT_OK(nft_each_chain(PROXY_TABLE, name_list_add, &chains, &err), &err);
	ruleset_restart_over(r, &b, &everywhere, chains.items, chains.count);
	for (int i = 0; i < SERVICES; i++)
		change(w, r, &b, i);
	ruleset_settle(r, &b);
	send_batch(&b);
}

static void step(struct world *w)
{
	struct buf spec = BUF_INIT(16 * KIB), slice = BUF_INIT(16 * KIB);
	int i = (int)draw(w, SERVICES);
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &w->arena};

	if (draw(w, 5)) {
		make_service(w, i, &spec);
		make_slice(w, &slice);
		w->specs[i] = arena_text(&w->arena, buf_text(&spec));
		w->slices[i] = arena_text(&w->arena, buf_text(&slice));
	} else {
		w->specs[i] = NULL;
	}
	change(w, &w->ruleset, &b, i);
	settle(w, &b);
	ruleset_settle(&w->ruleset, &b);
	send_batch(&b);
	buf_done(&spec);
	buf_done(&slice);
}

static void run(void)
{
	struct world w = {.node = {.name = STR_INIT("here")}};
	struct cidr pods;

	arena_init(&w.arena);
	rng_init(&w.rng, 7);
	cidr_parse(STR("10.42.0.0/16"), &pods);
	w.node.pod_cidrs = &pods;
	w.node.pod_cidr_count = 1;
	restart(&w, &w.ruleset, false);
	for (int n = 0; n < STEPS && !test_failed(); n++) {
		step(&w);
		if (n % 10)
			continue;
		struct buf grown = BUF_INIT(MIB), fresh = BUF_INIT(MIB);
		bool contested = w.ruleset.contested;
		list_table(&grown);
		ruleset_done(&w.ruleset);
		restart(&w, &w.ruleset, n % 20);
		list_table(&fresh);
		EXPECT(grown.len > 500);
		if (!contested) /* else it depends on who came first */
			EXPECT_STR(buf_str(&grown), buf_text(&fresh));
		buf_done(&grown);
		buf_done(&fresh);
	}
	for (int i = 0; i < SERVICES; i++)
		w.specs[i] = NULL;
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &w.arena};
	for (int i = 0; i < SERVICES; i++)
		change(&w, &w.ruleset, &b, i);
	ruleset_settle(&w.ruleset, &b);
	send_batch(&b);
	ruleset_done(&w.ruleset);
	arena_done(&w.arena);
}

TEST(changes_and_a_fresh_start_give_the_same_table)
{
	int status = 1;
	pid_t child = fork();

	if (child == 0) {
		if (unshare(CLONE_NEWNET))
			_exit(77);
		run();
		fflush(NULL);
		_exit(test_failed() ? 1 : 0);
	}
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	EXPECT_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}
