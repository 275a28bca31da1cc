/* Services and slices in, the text of the table's changes out. */
#include "test.h"

#include "proxy/ruleset.h"

#include <kube/json.h>

#include <stdio.h>

struct given {
	struct arena arena;
	struct proxy_node node;
	struct cidr pods[2];
	struct ruleset ruleset;
	struct nft_batch batch;
	struct buf text;
	char classes[64][2][48]; /* numbers and names, as they were told */
	size_t class_count;
};

static void given_init(struct given *g)
{
	*g = (struct given){0};
	arena_init(&g->arena);
	EXPECT(cidr_parse(STR("10.42.0.0/16"), &g->pods[0]));
	EXPECT(cidr_parse(STR("fd42::/48"), &g->pods[1]));
	g->node = (struct proxy_node){.name = STR("here"),
		.zone = STR("west"),
		.pod_cidrs = g->pods,
		.pod_cidr_count = 2};
	ruleset_init(&g->ruleset);
	g->ruleset.node = g->node;
	g->batch = (struct nft_batch){.table = "t", .arena = &g->arena};
	buf_init(&g->text, 8 * MIB);
}

static void given_done(struct given *g)
{
	ruleset_done(&g->ruleset);
	buf_done(&g->text);
	arena_done(&g->arena);
}

static struct cJSON *json(struct given *g, struct str text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	EXPECT_OK(json_parse(&g->arena, text, NULL, &tree, &err), &err);
	return tree;
}

/* Names say what they are made of behind a digest, which is left out. */
static void leave_digests_out(struct buf *text)
{
	for (size_t i = 1; i + 13 < text->len; i++)
		if ((text->at[i] == '4' || text->at[i] == '6') && text->at[i + 1] == '-' &&
			text->at[i + 12] == '-' && text->at[i - 1] >= 'a') {
			memmove(&text->at[i + 1], &text->at[i + 12], text->len - i - 12);
			text->len -= 11;
		}
}

static void learn_classes(struct given *g)
{
	for (const char *at = buf_text(&g->text); (at = strstr(at, "classes { ")); at++)
		if (sscanf(at, "classes { %47s : goto %47s }", g->classes[g->class_count][0],
			    g->classes[g->class_count][1]) == 2 &&
			g->class_count + 1 < ARRAY_LEN(g->classes))
			g->class_count++;
}

/* Numbers of classes are digests, too: for them their names. */
static void name_classes(struct given *g)
{
	struct buf out = BUF_INIT(8 * MIB);

	learn_classes(g);
	for (const char *at = buf_text(&g->text); *at;) {
		const char *name = NULL;
		size_t len = 1;

		for (size_t i = 0; i < g->class_count && !name; i++)
			if (strncmp(at, g->classes[i][0], strlen(g->classes[i][0])) == 0) {
				name = g->classes[i][1];
				len = strlen(g->classes[i][0]);
			}
		if (name)
			buf_add_text(&out, name);
		else
			buf_add_char(&out, *at);
		at += len;
	}
	buf_done(&g->text);
	g->text = out;
}

static void print_batch(struct given *g)
{
	buf_clear(&g->text);
	ruleset_settle(&g->ruleset, &g->batch);
	nft_print(&g->batch, &g->text);
	leave_digests_out(&g->text);
	name_classes(g);
}

static size_t count_of(struct given *g, const char *text)
{
	size_t count = 0;

	for (const char *at = buf_text(&g->text); (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

static const char *many_endpoints(struct given *g, int count)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	for (int i = 0; i < count; i++)
		buf_print(&text, "%s{\"addresses\":[\"10.42.1.%d\"]}", i ? "," : "", i + 1);
	return arena_text(&g->arena, buf_text(&text));
}

/* spec and slices: what stands in them; NULL spec: the service is gone. */
static void compile(struct given *g, const char *name, const char *spec, const char *endpoints)
{
	const struct slice *slices[1];
	struct compiled fresh;
	struct str key = arena_print(&g->arena, "shop/%s", name);

	if (spec) {
		slices[0] = slice_read(&g->arena, &g->node,
			json(g, arena_print(&g->arena,
					"{\"addressType\":\"%s\",\"ports\":[{\"name\":\"http\","
					"\"port\":"
					"8080}],\"endpoints\":[%s]}",
					strchr(endpoints, ':') && strstr(endpoints, "fd42")
						? "IPv6"
						: "IPv4",
					endpoints)));
		compile_service(&g->arena, &g->node,
			json(g, arena_print(&g->arena,
					"{\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\"},"
					"\"spec\":{\"ports\":[{\"name\":\"http\",\"port\":80,"
					"\"nodePort\":30080}],%s}",
					name, spec)),
			slices, 1, &fresh);
	}
	ruleset_change(&g->ruleset, &g->batch, key, spec ? &fresh : NULL);
}

static void change(struct given *g, const char *name, const char *spec, const char *endpoints)
{
	g->batch.count = 0;
	compile(g, name, spec, endpoints);
	print_batch(g);
}

static bool says(struct given *g, const char *line)
{
	bool said = strstr(buf_text(&g->text), line) != NULL;

	if (!said)
		printf("  not said: %s\n%s", line, buf_text(&g->text));
	return said;
}

static bool says_nothing_of(struct given *g, const char *line)
{
	return strstr(buf_text(&g->text), line) == NULL;
}

#define INSIDE "\"clusterIPs\":[\"10.43.0.9\"]}"
#define TWO                                                                                        \
	"{\"addresses\":[\"10.42.0.6\"]},{\"addresses\":[\"10.42.0.5\"],\"nodeName\":\"here\"},"   \
	"{\"addresses\":[\"10.42.0.7\"],\"conditions\":{\"ready\":false}}"

#define ENDING(address, node)                                                                      \
	"{\"addresses\":[\"" address "\"],\"nodeName\":\"" node                                    \
	"\",\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}}"
#define READY(address, node) "{\"addresses\":[\"" address "\"],\"nodeName\":\"" node "\"}"

TEST(a_service_leads_to_its_ready_endpoints)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE, TWO);
	EXPECT(says(&g, "add element inet t services4 { 10.43.0.9 . tcp . 80 : inside-2 }\n"));
	EXPECT(says(&g,
		"add element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 . "
		"8080, 10.43.0.9 . tcp . 80 . 6000:1 : 10.42.0.6 . 8080 }\n"));
	EXPECT(says(&g, "add rule inet t inside-2 jump strangers\n"
			"add rule inet t inside-2 goto to-2\n"));
	EXPECT(says(&g,
		"add rule inet t to-2 meta priority set numgen random mod 2 offset "
		"1610612736\n"
		"add rule inet t to-2 meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . "
		"th dport . meta priority map @endpoints4\n"));
	EXPECT(says(&g, "add element inet t hairpin4 { 10.42.0.5 . 10.42.0.5 }"));
	EXPECT(says_nothing_of(&g, "10.42.0.7"));
	EXPECT(says_nothing_of(&g, "30080")); /* its type has none */
	EXPECT(says(&g, "add element inet t cluster-ips4 { 10.43.0.9 }"));
	given_done(&g);
}

TEST(only_what_differs_is_changed)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE, TWO);
	change(&g, "web", INSIDE, TWO);
	EXPECT_STR(buf_str(&g.text), "");
	change(&g, "web", INSIDE, "{\"addresses\":[\"10.42.0.6\"]}");
	EXPECT(says(&g, "delete element inet t services4 { 10.43.0.9 . tcp . 80 : inside-2 }\n"
			"add element inet t services4 { 10.43.0.9 . tcp . 80 : inside-1 }\n"));
	EXPECT(says(&g, "delete chain inet t to-2\n"));
	EXPECT(says(&g, "delete element inet t hairpin4 { 10.42.0.5 . 10.42.0.5 }\n"));
	EXPECT(says_nothing_of(&g, "cluster-ips4"));
	change(&g, "web", NULL, NULL);
	EXPECT(says(&g, "delete element inet t services4 { 10.43.0.9 . tcp . 80 : inside-1 }"));
	EXPECT(says(&g,
		"delete element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.6 "
		". 8080 }"));
	EXPECT(says(&g, "delete chain inet t inside-1\n"));
	given_done(&g);
}

/* Nothing that jumps: the kernel would walk through the table. */
TEST(one_endpoint_for_another_is_a_few_elements)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE,
		READY("10.42.0.5", "a") "," READY("10.42.0.6", "b") "," READY("10.42.0.7", "c"));
	change(&g, "web", INSIDE,
		READY("10.42.0.6", "b") "," READY("10.42.0.7", "c") "," READY("10.42.0.8", "d"));
	EXPECT_STR(buf_str(&g.text), "delete element inet t endpoints4 { 10.43.0.9 . tcp . 80 . "
				     "6000:0 : 10.42.0.5 . 8080 }\n"
				     "add element inet t endpoints4 { 10.43.0.9 . tcp . 80 . "
				     "6000:0 : 10.42.0.8 . 8080 }\n"
				     "delete element inet t hairpin4 { 10.42.0.5 . 10.42.0.5 }\n"
				     "add element inet t hairpin4 { 10.42.0.8 . 10.42.0.8 }\n");
	given_done(&g);
}

/* The last takes the place of the one that goes. */
TEST(choices_have_no_gaps)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE, many_endpoints(&g, 40));
	change(&g, "web", INSIDE, many_endpoints(&g, 39));
	EXPECT(says(&g, "delete element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:27 : "
			"10.42.1.40 . 8080 }\n"));
	EXPECT_INT(count_of(&g, " endpoints4 "), 1);
	change(&g, "web", INSIDE, strchr(many_endpoints(&g, 39), ',') + 1); /* the first goes */
	EXPECT(says(&g,
		"delete element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.1.1 "
		". 8080, 10.43.0.9 . tcp . 80 . 6000:26 : 10.42.1.39 . 8080 }\n"
		"add element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.1.39 . "
		"8080 }\n"));
	EXPECT(says(&g, "10.43.0.9 . tcp . 80 : inside-38 }"));
	EXPECT(says(&g, "numgen random mod 38 offset"));
	given_done(&g);
}

TEST(who_is_chosen_by_two_services_may_come_to_itself_until_both_have_let_go)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE, READY("10.42.0.5", "a"));
	change(&g, "api", "\"clusterIPs\":[\"10.43.0.10\"]}", READY("10.42.0.5", "a"));
	EXPECT(says_nothing_of(&g, "hairpin"));
	EXPECT(says_nothing_of(&g, "chain")); /* classes are shared, too */
	change(&g, "web", NULL, NULL);
	EXPECT(says_nothing_of(&g, "hairpin"));
	EXPECT(says_nothing_of(&g, "chain"));
	change(&g, "api", NULL, NULL);
	EXPECT(says(&g, "delete element inet t hairpin4 { 10.42.0.5 . 10.42.0.5 }"));
	EXPECT(says(&g, "delete chain inet t to-1\n"));
	given_done(&g);
}

TEST(where_nobody_is_connections_are_refused)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE, "");
	EXPECT(says(&g, "no-endpoints4 { 10.43.0.9 . tcp . 80 : continue }"));
	EXPECT(says_nothing_of(&g, " services4 {"));
	change(&g, "web", INSIDE,
		"{\"addresses\":[\"10.42.0.6\"],\"conditions\":{\"ready\":false,\"serving\":true,"
		"\"terminating\":true}}");
	EXPECT(says(&g, "delete element inet t no-endpoints4 { 10.43.0.9 . tcp . 80"));
	EXPECT(says(&g, "6000:0 : 10.42.0.6 . 8080"));
	given_done(&g);
}

TEST(node_ports_and_outer_addresses_are_masqueraded)
{
	struct given g;

	given_init(&g);
	change(&g, "web",
		"\"type\":\"NodePort\",\"externalIPs\":[\"192.0.2.1\",\"2001:db8::1\"]," INSIDE,
		TWO);
	EXPECT(says(&g, "node-ports4 { tcp . 30080 : node-outside-2 }"));
	EXPECT(says(&g, "node-endpoints4 { tcp . 30080 . 6000:0 : 10.42.0.5 . 8080, tcp . 30080 . "
			"6000:1 : 10.42.0.6 . 8080 }"));
	EXPECT(says(&g, "services4 { 192.0.2.1 . tcp . 80 : outside-2 }"));
	EXPECT(says(&g, "add rule inet t outside-2 meta mark set meta mark | 0x4000\n"
			"add rule inet t outside-2 goto to-2\n"));
	EXPECT(says(&g, "add rule inet t node-outside-2 goto node-to-2\n"));
	EXPECT_INT(count_of(&g, "add chain inet t to-2\n"), 1);
	EXPECT(says_nothing_of(&g, "2001:db8"));
	given_done(&g);
}

TEST(a_local_policy_keeps_traffic_on_the_node)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\"," INSIDE, TWO);
	EXPECT(says(&g, "node-ports4 { tcp . 30080 : node-short-2 }"));
	EXPECT(says(&g,
		"add rule inet t node-short-2 meta nfproto ipv4 ip saddr 10.42.0.0/16 goto "
		"node-to-2\n"
		"add rule inet t node-short-2 meta nfproto ipv6 ip6 saddr fd42::/48 goto "
		"node-to-2\n"
		"add rule inet t node-short-2 fib saddr type local meta mark set meta mark | "
		"0x4000 goto node-to-2\n"
		"add rule inet t node-short-2 goto node-here\n"));
	EXPECT(says(&g, "add element inet t node-here4 { tcp . 30080 : node-here-1 }\n"));
	EXPECT(says(&g, "add element inet t here-classes { node-here-1 : goto node-here-1 }\n"));
	EXPECT(says(&g, "node-endpoints4 { tcp . 30080 . 6080:0 : 10.42.0.5 . 8080 }\n"));
	EXPECT(says(&g, "add rule inet t node-here-1 meta priority set 6080:0\n"));
	change(&g, "web", "\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\"," INSIDE,
		"{\"addresses\":[\"10.42.0.6\"]}");
	EXPECT(says(&g, "no-node-ports4 { tcp . 30080 : drop }"));
	EXPECT(says(&g, "delete element inet t node-here4 { tcp . 30080 : node-here-1 }\n"));
	change(&g, "web", "\"internalTrafficPolicy\":\"Local\"," INSIDE,
		"{\"addresses\":[\"10.42.0.6\"]}");
	EXPECT(says(&g, "no-endpoints4 { 10.43.0.9 . tcp . 80 : drop }"));
	given_done(&g);
}

#define STICKY(seconds)                                                                            \
	"\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":{"               \
	"\"timeoutSeconds\":" seconds "}},"

TEST(clients_come_back_to_the_same_endpoint)
{
	struct given g;

	given_init(&g);
	change(&g, "web", STICKY("60") INSIDE, TWO);
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-2-60s }"));
	EXPECT(says(&g, "add rule inet t to-2-60s meta nfproto ipv4 meta priority set ip daddr . "
			"meta l4proto . th dport map @memories4\n"
			"add rule inet t to-2-60s meta nfproto ipv4 meta priority set ip saddr . "
			"meta priority map @clients4 jump known-60s\n"
			"add rule inet t to-2-60s meta priority set meta priority & ffff:c000\n"
			"add rule inet t to-2-60s meta nfproto ipv4 meta priority set ip saddr . "
			"meta priority map @here-clients4 jump known-60s\n"));
	EXPECT(says(&g,
		"add rule inet t to-2-60s meta nfproto ipv4 meta priority set ip daddr . meta "
		"l4proto . th dport . meta priority map @choices4\n"
		"add rule inet t to-2-60s meta nfproto ipv4 update @clients4 { ip saddr . meta "
		"priority & ffff:c000 timeout 60s : meta priority }\n"
		"add rule inet t to-2-60s meta nfproto ipv4 dnat ip to meta l4proto . meta "
		"priority map @remembered4\n"));
	EXPECT(says(&g, "add rule inet t known-60s meta nfproto ipv4 delete @clients4 {"));
	/* a choice is a number, the number an endpoint */
	EXPECT(says(&g, "choices4 { 10.43.0.9 . tcp . 80 . 6000:0 : "));
	EXPECT(says(&g, " remembered4 { tcp . "));
	EXPECT_INT(count_of(&g, " : 10.42.0.5 . 8080"), 1);
	EXPECT(says_nothing_of(&g, "6000:0 : 10.42.0.5"));
	EXPECT(says_nothing_of(&g, "here-remembered4"));
	change(&g, "web", STICKY("90") INSIDE, TWO);
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-2-90s }"));
	EXPECT(says(&g, "timeout 90s"));
	EXPECT(says(&g, "delete chain inet t known-60s\n"));
	EXPECT(says_nothing_of(&g, "choices4 {"));
	given_done(&g);
}

/* nft 1.0.6 could not read what remembers clients of IPv6. */
TEST(clients_are_remembered_by_rules_of_their_family)
{
	struct given g;

	given_init(&g);
	change(&g, "web", STICKY("60") INSIDE, TWO);
	EXPECT(says_nothing_of(&g, "@clients6"));
	change(&g, "six", STICKY("60") "\"clusterIPs\":[\"fd43::9\"]}",
		"{\"addresses\":[\"fd42::5\"]}");
	EXPECT(says(&g, "services6 { fd43::9 . tcp . 80 : inside-1-60s-v6 }"));
	EXPECT(says(&g, "update @clients6 { ip6 saddr . meta priority & "));
	EXPECT(says(&g, "jump known-60s-v6\n"));
	EXPECT(says_nothing_of(&g, "@clients4"));
	given_done(&g);
}

/* What stands behind `text` up to `end`. */
static struct str behind(struct given *g, const char *text, const char *end)
{
	const char *at = strstr(buf_text(&g->text), text);

	if (!EXPECT(at))
		return STR("?");
	at += strlen(text);
	return arena_str(&g->arena, str_make(at, (size_t)(strstr(at, end) - at)));
}

/* A memory of the port, not one of each address; and of each endpoint one number in it. */
TEST(clients_are_remembered_once_for_all_addresses_of_a_port)
{
	struct given g;

	given_init(&g);
	change(&g, "web",
		STICKY("60") "\"type\":\"NodePort\",\"externalIPs\":[\"192.0.2.1\"]," INSIDE, TWO);
	struct str number = behind(&g, " memories4 { 10.43.0.9 . tcp . 80 : ", " }");
	EXPECT(str_eq(behind(&g, " memories4 { 192.0.2.1 . tcp . 80 : ", " }"), number));
	EXPECT(str_eq(behind(&g, " node-memories4 { tcp . 30080 : ", " }"), number));
	struct str first = behind(&g, " choices4 { 10.43.0.9 . tcp . 80 . 6000:0 : ", ",");
	EXPECT(str_eq(behind(&g, " choices4 { 192.0.2.1 . tcp . 80 . 6000:0 : ", ","), first));
	EXPECT(str_eq(behind(&g, " node-choices4 { tcp . 30080 . 6000:0 : ", ","), first));
	EXPECT_INT(count_of(&g, " : 10.42.0.5 . 8080"), 1);
	EXPECT_INT(count_of(&g, " : 10.42.0.6 . 8080"), 1);
	/* another service's are others */
	change(&g, "api", STICKY("60") "\"clusterIPs\":[\"10.43.0.10\"]}", TWO);
	EXPECT(!str_eq(behind(&g, " memories4 { 10.43.0.10 . tcp . 80 : ", " }"), number));
	/* an address less, nothing else */
	change(&g, "web", STICKY("60") "\"type\":\"NodePort\"," INSIDE, TWO);
	EXPECT(says(&g, "delete element inet t memories4 { 192.0.2.1 . tcp . 80 : "));
	EXPECT(says_nothing_of(&g, "remembered4"));
	EXPECT(says_nothing_of(&g, "10.43.0.9"));
	change(&g, "web", NULL, NULL);
	EXPECT_INT(count_of(&g, " : 10.42.0.5 . 8080"), 1);
	EXPECT(says(&g, "delete element inet t memories4 { 10.43.0.9 . tcp . 80 : "));
	given_done(&g);
}

/* Where the way leads to the node's own, only these count. */
TEST(clients_are_remembered_as_far_as_policies_offer_their_endpoint)
{
	struct given g;

	given_init(&g);
	change(&g, "web",
		STICKY("60") "\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\"," INSIDE,
		TWO);
	struct str here = behind(&g, " here-remembered4 { tcp . ", " : 10.42.0.5 . 8080 }");
	EXPECT(says(&g,
		arena_print(&g.arena, " remembered4 { tcp . %.*s : 10.42.0.5 . 8080, ", STRF(here))
			.at));
	EXPECT(says(&g,
		arena_print(&g.arena, "node-choices4 { tcp . 30080 . 6080:0 : %.*s }", STRF(here))
			.at));
	EXPECT(says(&g, "add rule inet t node-here-1-60s meta nfproto ipv4 meta priority set ip "
			"saddr . meta priority map @here-clients4 jump known-here-60s\n"));
	EXPECT(says(&g, "add rule inet t node-here-1-60s meta nfproto ipv4 meta priority set ip "
			"saddr . meta priority map @clients4 jump known-here-60s\n"));
	EXPECT(says(&g, "add rule inet t known-here-60s meta nfproto ipv4 dnat ip to meta l4proto "
			". meta priority map @here-remembered4\n"));
	EXPECT(says(&g, "add rule inet t to-2-60s meta nfproto ipv4 dnat ip to meta l4proto . "
			"meta priority map @remembered4\n"));
	/* inside */
	change(&g, "web",
		STICKY("60") "\"type\":\"NodePort\",\"internalTrafficPolicy\":\"Local\"," INSIDE,
		TWO);
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-here-1-60s }"));
	EXPECT(says(&g, "add rule inet t inside-here-1-60s goto here-1-60s\n"));
	EXPECT(says(&g, " choices4 { 10.43.0.9 . tcp . 80 . 6080:0 : "));
	EXPECT(says_nothing_of(&g, "remembered4 {")); /* who offers whom is as it was */
	given_done(&g);
}

/* Its number is that of nobody who stays. */
TEST(newcomers_are_remembered_by_numbers_of_their_own)
{
	struct given g;

	given_init(&g);
	change(&g, "web", STICKY("60") INSIDE, many_endpoints(&g, 200));
	EXPECT_INT(count_of(&g, " : 10.42.1."), 200);
	change(&g, "web", STICKY("60") INSIDE, strchr(many_endpoints(&g, 200), ',') + 1);
	EXPECT(says(&g, "delete element inet t remembered4 { tcp . "));
	EXPECT_INT(count_of(&g, " : 10.42.1."), 1); /* the first, and nobody else */
	change(&g, "web", STICKY("60") INSIDE, many_endpoints(&g, 200));
	EXPECT_INT(count_of(&g, " : 10.42.1."), 1);
	given_done(&g);
}

/* Numbers have an end: then clients come to anybody. */
TEST(of_too_many_endpoints_nobody_is_remembered)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct given g;

	given_init(&g);
	for (unsigned i = 0; i <= MEMORY_PLACES; i++)
		buf_print(&text, "%s{\"addresses\":[\"10.42.%u.%u\"]}", i ? "," : "", i / 256,
			i % 256);
	change(&g, "web", STICKY("60") INSIDE, buf_text(&text));
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-16385 }"));
	given_done(&g);
}

/* So have those of ports; who comes when one has been given back is remembered again. */
TEST(of_too_many_ports_some_remember_nobody)
{
	const uint32_t memories = (NFT_NUMBER_BITS >> MEMORY_PLACE_BITS) + 1;
	struct given g;

	given_init(&g);
	for (uint32_t i = 0; i < memories; i++) {
		arena_reset(&g.arena);
		g.batch = (struct nft_batch){.table = "t", .arena = &g.arena};
		compile(&g, arena_print(&g.arena, "web%u", i).at,
			arena_print(&g.arena, STICKY("60") "\"clusterIPs\":[\"10.%u.%u.%u\"]}",
				i >> 16, i >> 8 & 255, i & 255)
				.at,
			TWO);
	}
	change(&g, "one", STICKY("60") INSIDE, TWO);
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-2 }"));
	EXPECT(says_nothing_of(&g, "memories4 {"));
	EXPECT(says_nothing_of(&g, "remembered4 {"));
	change(&g, "web7", NULL, NULL);
	change(&g, "one", STICKY("60") INSIDE, TWO);
	EXPECT(says(&g, "memories4 { 10.43.0.9 . tcp . 80 : "));
	given_done(&g);
}

/* Who stays keeps its number, whatever it is drawn by. */
TEST(clients_stay_while_others_come_and_go)
{
	struct given g;
	char stays[128];

	given_init(&g);
	change(&g, "web", STICKY("60") INSIDE, TWO);
	const char *end = strstr(buf_text(&g.text), " : 10.42.0.6 . 8080"), *at = end;
	REQUIRE(end);
	while (at[-1] != ' ')
		at--;
	snprintf(stays, sizeof(stays), "%.*s", (int)(end - at), at);
	change(&g, "web", STICKY("60") INSIDE, READY("10.42.0.6", "b"));
	EXPECT_INT(count_of(&g, " : 10.42.0.5 . 8080"), 1); /* goes */
	EXPECT(says_nothing_of(&g, "10.42.0.6 . 8080"));
	EXPECT(says(&g, arena_print(&g.arena,
				"add element inet t choices4 { 10.43.0.9 . tcp . 80 . "
				"6000:0 : %s }",
				stays)
				.at));
	given_done(&g);
}

TEST(a_load_balancer_may_be_for_some_only)
{
	struct given g;

	given_init(&g);
	change(&g, "web",
		"\"type\":\"LoadBalancer\",\"loadBalancerSourceRanges\":[\"198.51.100.0/"
		"24\"]," INSIDE
		",\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.9\"},{\"ip\":"
		"\"192.0.2.10\",\"ipMode\":\"Proxy\"}]}}",
		TWO);
	EXPECT(says(&g, "services4 { 192.0.2.9 . tcp . 80 : guarded-outside-2 }"));
	EXPECT(says(&g, "firewalls4 { 192.0.2.9 . tcp . 80 : goto fw4-shop/web/tcp/80/http }"));
	EXPECT(says(&g, "add rule inet t guarded-outside-2 jump firewall\n"));
	EXPECT(says(&g, "add rule inet t fw4-shop/web/tcp/80/http meta nfproto ipv4 ip saddr "
			"198.51.100.0/24 return\n"
			"add rule inet t fw4-shop/web/tcp/80/http drop\n"));
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-2 }")); /* for all */
	EXPECT(says_nothing_of(&g, "192.0.2.10"));
	given_done(&g);
}

/* Ranges say who of their family may come. */
TEST(ranges_of_one_family_say_nothing_of_the_other)
{
	struct given g;

	given_init(&g);
	change(&g, "web",
		"\"type\":\"LoadBalancer\",\"loadBalancerSourceRanges\":[\"198.51.100.0/24\"],"
		"\"clusterIPs\":[\"fd43::9\"]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
		"\"2001:db8::9\"}]}}",
		"{\"addresses\":[\"fd42::5\"]}");
	EXPECT(says(&g, "services6 { 2001:db8::9 . tcp . 80 : outside-1 }"));
	EXPECT(says_nothing_of(&g, "firewalls6 {"));
	given_done(&g);
}

/* A node that has the balancer's address itself comes to it as that address. */
TEST(a_node_in_the_ranges_may_come_as_the_balancer)
{
	static const struct ip outside[] = {{.len = 4, .bytes = {198, 51, 101, 7}}},
			       inside[] = {{.len = 4, .bytes = {198, 51, 100, 7}}};
	static const char balanced[] =
		"\"type\":\"LoadBalancer\",\"loadBalancerSourceRanges\":[\"198.51.100.0/"
		"24\"]," INSIDE
		",\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.9\"},{\"ip\":"
		"\"192.0.2.8\"}]}}";
	struct given g;

	given_init(&g);
	g.node.ips = outside;
	g.node.ip_count = 1;
	change(&g, "web", balanced, TWO);
	EXPECT(says_nothing_of(&g, "saddr 192.0.2."));
	g.node.ips = inside;
	change(&g, "web", balanced, TWO);
	EXPECT(says(&g, "add rule inet t fw4-shop/web/tcp/80/http meta nfproto ipv4 ip saddr "
			"198.51.100.0/24 return\n"
			"add rule inet t fw4-shop/web/tcp/80/http meta nfproto ipv4 ip saddr "
			"192.0.2.9/32 return\n"
			"add rule inet t fw4-shop/web/tcp/80/http meta nfproto ipv4 ip saddr "
			"192.0.2.8/32 return\n"
			"add rule inet t fw4-shop/web/tcp/80/http drop\n"));
	given_done(&g);
}

TEST(services_of_the_other_family)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"clusterIPs\":[\"fd43::9\"]}", "{\"addresses\":[\"fd42::5\"]}");
	EXPECT(says(&g, "services6 { fd43::9 . tcp . 80 : inside-1 }"));
	EXPECT(says(&g, "endpoints6 { fd43::9 . tcp . 80 . 6000:0 : fd42::5 . 8080 }"));
	EXPECT(says(&g, "dnat ip6 to ip6 daddr . meta l4proto . th dport . meta priority map "
			"@endpoints6"));
	given_done(&g);
}

TEST(what_needs_no_rules_has_none)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"]}", TWO);
	EXPECT_STR(buf_str(&g.text), "");
	change(&g, "far", "\"type\":\"ExternalName\",\"externalName\":\"example.com\"}", TWO);
	EXPECT_STR(buf_str(&g.text), "");
	given_done(&g);
}

/* What becomes of a service, and of its one slice, with these labels. */
static struct compiled labelled(struct given *g, const char *labels, const char *of_slice)
{
	const struct slice *slice = slice_read(&g->arena, &g->node,
		json(g, arena_print(&g->arena,
				"{\"metadata\":{\"labels\":{%s}},\"addressType\":\"IPv4\","
				"\"ports\":[{\"port\":8080}],\"endpoints\":[" TWO "]}",
				of_slice)));
	struct compiled fresh;

	compile_service(&g->arena, &g->node,
		json(g, arena_print(&g->arena,
				"{\"metadata\":{\"name\":\"web\",\"labels\":{%s}},\"spec\":{"
				"\"ports\":"
				"[{\"port\":80}],\"clusterIP\":\"10.43.0.9\"," INSIDE "}",
				labels)),
		&slice, 1, &fresh);
	return fresh;
}

TEST(what_is_somebody_elses_by_its_label_is_left_alone)
{
	static const char *const labels[] = {"\"service.kubernetes.io/headless\":\"\"",
		"\"service.kubernetes.io/service-proxy-name\":\"other\""};
	struct given g;

	given_init(&g);
	struct compiled plain = labelled(&g, "", "");
	EXPECT(plain.way_count > 0);
	EXPECT_INT(plain.endpoint_count, 2);
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct compiled service = labelled(&g, labels[i], "");
		struct compiled slice = labelled(&g, "", labels[i]);

		EXPECT_INT(service.way_count, 0);
		EXPECT_INT(slice.endpoint_count, 0);
	}
	given_done(&g);
}

TEST(an_address_that_two_want_goes_to_the_other_when_it_is_free)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"externalIPs\":[\"192.0.2.1\"]," INSIDE, TWO);
	change(&g, "api", "\"externalIPs\":[\"192.0.2.1\"],\"clusterIPs\":[\"10.43.0.10\"]}", TWO);
	EXPECT(says_nothing_of(&g, "192.0.2.1"));
	EXPECT(g.ruleset.contested && !g.ruleset.let_go);
	change(&g, "web", NULL, NULL);
	EXPECT(g.ruleset.let_go);
	change(&g, "api", "\"externalIPs\":[\"192.0.2.1\"],\"clusterIPs\":[\"10.43.0.10\"]}", TWO);
	EXPECT(says(&g, "services4 { 192.0.2.1 . tcp . 80 : outside-2 }"));
	given_done(&g);
}

/* Nothing of it: neither who is here nor that there is nobody. */
TEST(an_address_belongs_to_one_service_only)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"externalIPs\":[\"192.0.2.1\"]," INSIDE, TWO);
	change(&g, "api",
		"\"externalIPs\":[\"192.0.2.1\"],\"externalTrafficPolicy\":\"Local\","
		"\"clusterIPs\":[\"10.43.0.10\"]}",
		TWO);
	EXPECT(says_nothing_of(&g, "192.0.2.1"));
	change(&g, "api", "\"externalIPs\":[\"192.0.2.1\"],\"clusterIPs\":[\"10.43.0.10\"]}", "");
	EXPECT(says(&g, "no-endpoints4 { 10.43.0.10 . tcp . 80 : continue }"));
	EXPECT(says_nothing_of(&g, "192.0.2.1"));
	/* and once for a service that says it twice */
	change(&g, "web",
		"\"type\":\"LoadBalancer\",\"externalIPs\":[\"192.0.2.1\"],"
		"\"loadBalancerSourceRanges\":[\"198.51.100.0/24\"]," INSIDE
		",\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}}",
		TWO);
	EXPECT(says_nothing_of(&g, " services4 { 192.0.2.1"));
	given_done(&g);
}

TEST(the_nearest_endpoints_when_all_say_for_whom_they_are)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE,
		"{\"addresses\":[\"10.42.0.6\"],\"hints\":{\"forZones\":[{\"name\":\"east\"}]}},"
		"{\"addresses\":[\"10.42.0.5\"],\"hints\":{\"forZones\":[{\"name\":\"west\"}]}}");
	EXPECT(says_nothing_of(&g, "10.42.0.6"));
	EXPECT(says(&g, "10.42.0.5"));
	change(&g, "web", INSIDE,
		"{\"addresses\":[\"10.42.0.6\"]},"
		"{\"addresses\":[\"10.42.0.5\"],\"hints\":{\"forZones\":[{\"name\":\"west\"}]}}");
	EXPECT(says(&g, " : 10.42.0.6 . 8080 }"));
	given_done(&g);
}

/* The node's own that are ending serve what comes from outside, though others elsewhere are ready.
 */
TEST(who_is_ending_serves_until_somebody_is_ready)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\"," INSIDE,
		ENDING("10.42.0.5", "here") "," READY("10.42.0.6", "there"));
	EXPECT(says(&g, "node-endpoints4 { tcp . 30080 . 6080:0 : 10.42.0.5 . 8080 }\n"));
	EXPECT(says(&g, "node-endpoints4 { tcp . 30080 . 6000:0 : 10.42.0.6 . 8080 }\n"));
	EXPECT(says(&g, " endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.6 . 8080 }\n"));
	change(&g, "web", INSIDE,
		ENDING("10.42.0.5", "here") ",{\"addresses\":[\"10.42.0.7\"],\"conditions\":{"
					    "\"ready\":false,\"serving\":false,"
					    "\"terminating\":true}}");
	EXPECT(says(&g, "add element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 "
			". 8080 }\n"));
	EXPECT(says_nothing_of(&g, "10.42.0.7"));
	given_done(&g);
}

/* Whoever does not say whether it serves does, ready or not. */
TEST(who_is_ending_serves_unless_it_says_that_it_does_not)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE,
		"{\"addresses\":[\"10.42.0.5\"],\"conditions\":{\"ready\":false,\"terminating\":"
		"true}}");
	EXPECT(says(&g, " endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 . 8080 }\n"));
	given_done(&g);
}

TEST(what_stays_inside_goes_to_the_node_s_own)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"internalTrafficPolicy\":\"Local\"," INSIDE, TWO);
	EXPECT(says(&g, "services4 { 10.43.0.9 . tcp . 80 : inside-1 }"));
	EXPECT(says(&g, " endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 . 8080 }\n"));
	EXPECT(says_nothing_of(&g, "10.42.0.6"));
	change(&g, "web", "\"internalTrafficPolicy\":\"Local\"," INSIDE,
		ENDING("10.42.0.5", "here"));
	EXPECT_STR(buf_str(&g.text), ""); /* it still serves */
	given_done(&g);
}

TEST(the_node_s_own_come_before_those_of_its_zone)
{
	struct given g;

	given_init(&g);
	change(&g, "web", INSIDE,
		"{\"addresses\":[\"10.42.0.5\"],\"hints\":{\"forZones\":[{\"name\":\"west\"}],"
		"\"forNodes\":[{\"name\":\"here\"}]}},"
		"{\"addresses\":[\"10.42.0.6\"],\"hints\":{\"forZones\":[{\"name\":\"west\"}],"
		"\"forNodes\":[{\"name\":\"there\"}]}}");
	EXPECT(says(&g, " : 10.42.0.5 . 8080 }"));
	EXPECT(says_nothing_of(&g, "10.42.0.6"));
	/* nobody is for this node: its zone's */
	change(&g, "web", INSIDE,
		"{\"addresses\":[\"10.42.0.5\"],\"hints\":{\"forZones\":[{\"name\":\"east\"}],"
		"\"forNodes\":[{\"name\":\"far\"}]}},"
		"{\"addresses\":[\"10.42.0.6\"],\"hints\":{\"forZones\":[{\"name\":\"west\"}],"
		"\"forNodes\":[{\"name\":\"there\"}]}}");
	EXPECT(says(&g, " : 10.42.0.6 . 8080 }"));
	EXPECT(says(&g,
		"delete element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 . "
		"8080 }"));
	given_done(&g);
}

TEST(affinity_lasts_three_hours_unless_said)
{
	struct given g;

	given_init(&g);
	change(&g, "web", "\"sessionAffinity\":\"ClientIP\"," INSIDE, TWO);
	EXPECT(says(&g, "timeout 10800s"));
	change(&g, "web", "\"sessionAffinity\":\"None\"," INSIDE, TWO);
	EXPECT(says(&g, "delete element inet t choices4 {"));
	EXPECT(says(&g,
		"add element inet t endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 . "
		"8080, "));
	EXPECT_INT(count_of(&g, " : 10.42.0.5 . 8080"), 2); /* its number goes */
	EXPECT(says(&g, "delete element inet t memories4 { 10.43.0.9 . tcp . 80 : "));
	EXPECT(says(&g, "delete chain inet t known-10800s\n"));
	given_done(&g);
}

TEST(a_service_of_both_families_has_elements_of_each)
{
	struct given g;

	given_init(&g);
	change(&g, "web",
		"\"type\":\"NodePort\",\"externalIPs\":[\"2001:db8::1\"],\"clusterIPs\":[\"10.43.0."
		"9\",\"fd43::9\"]}",
		"{\"addresses\":[\"fd42::5\"]}");
	EXPECT(says(&g, "services6 { fd43::9 . tcp . 80 : inside-1 }"));
	EXPECT(says(&g, "services6 { 2001:db8::1 . tcp . 80 : outside-1 }"));
	EXPECT(says(&g, "node-ports6 { tcp . 30080 : node-outside-1 }"));
	EXPECT(says(&g, "node-endpoints6 { tcp . 30080 . 6000:0 : fd42::5 . 8080 }"));
	EXPECT(says(&g, "hairpin6 { fd42::5 . fd42::5 }"));
	EXPECT(says(&g, "no-endpoints4 { 10.43.0.9 . tcp . 80 : continue }"));
	EXPECT(says(&g, "no-node-ports4 { tcp . 30080 : continue }"));
	given_done(&g);
}

/* One port number of three protocols, and an endpoint for each. */
TEST(protocols_are_told_apart)
{
	struct given g;
	const char
		*spec = "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{"
			"\"type\":\"NodePort\",\"clusterIPs\":[\"10.43.0.9\"],\"ports\":["
			"{\"name\":\"t\",\"port\":80,\"nodePort\":30080},"
			"{\"name\":\"u\",\"port\":80,\"nodePort\":30080,\"protocol\":\"UDP\"},"
			"{\"name\":\"s\",\"port\":80,\"nodePort\":30080,\"protocol\":\"SCTP\"}]}}",
		*slice = "{\"addressType\":\"IPv4\",\"ports\":["
			 "{\"name\":\"t\",\"port\":8081},"
			 "{\"name\":\"u\",\"port\":8082,\"protocol\":\"UDP\"},"
			 "{\"name\":\"s\",\"port\":8083,\"protocol\":\"SCTP\"}],"
			 "\"endpoints\":[{\"addresses\":[\"10.42.0.5\"]}]}";
	struct compiled fresh;

	given_init(&g);
	const struct slice *slices[] = {slice_read(&g.arena, &g.node, json(&g, str_from(slice)))};
	compile_service(&g.arena, &g.node, json(&g, str_from(spec)), slices, 1, &fresh);
	ruleset_change(&g.ruleset, &g.batch, STR("shop/web"), &fresh);
	print_batch(&g);
	EXPECT(says(&g, "services4 { 10.43.0.9 . udp . 80 : inside-1 }"));
	EXPECT(says(&g, "node-ports4 { sctp . 30080 : node-outside-1 }"));
	EXPECT(says(&g, " endpoints4 { 10.43.0.9 . tcp . 80 . 6000:0 : 10.42.0.5 . 8081 }"));
	EXPECT(says(&g, " endpoints4 { 10.43.0.9 . udp . 80 . 6000:0 : 10.42.0.5 . 8082 }"));
	EXPECT(says(&g, " endpoints4 { 10.43.0.9 . sctp . 80 . 6000:0 : 10.42.0.5 . 8083 }"));
	EXPECT(says(&g, "node-endpoints4 { sctp . 30080 . 6000:0 : 10.42.0.5 . 8083 }"));
	given_done(&g);
}

/* ---- what the kernel remembers of datagrams ---- */

static void datagrams(struct given *g, const char *more, const char *endpoints)
{
	const struct slice *slices[] = {slice_read(&g->arena, &g->node,
		json(g, arena_print(&g->arena,
				"{\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"d\",\"port\":53,"
				"\"protocol\":\"UDP\"}],\"endpoints\":[%s]}",
				endpoints)))};
	struct compiled *fresh = arena_alloc(&g->arena, sizeof(*fresh));

	ruleset_forget_paths(&g->ruleset);
	compile_service(&g->arena, &g->node,
		json(g, arena_print(&g->arena,
				"{\"metadata\":{\"name\":\"dns\",\"namespace\":\"shop\"},\"spec\":"
				"{%s\"clusterIPs\":[\"10.43.0.9\"],\"ports\":[{\"name\":\"d\","
				"\"port\":53,\"nodePort\":30053,\"protocol\":\"UDP\"}]}}",
				more)),
		slices, 1, fresh);
	ruleset_change(&g->ruleset, &g->batch, STR("shop/dns"), fresh);
}

static bool is_forgotten(struct given *g, const char *to, uint16_t port, const char *chosen)
{
	struct ip destination, by;

	ip_parse(str_from(to), &destination);
	ip_parse(str_from(chosen), &by);
	return ruleset_leads_elsewhere(&g->ruleset, &destination, port, &by);
}

TEST(datagrams_to_who_has_gone_are_forgotten)
{
	struct given g;

	given_init(&g);
	datagrams(&g, "\"type\":\"NodePort\",", TWO);
	EXPECT(!is_forgotten(&g, "10.43.0.9", 53, "10.42.0.5"));
	EXPECT(!is_forgotten(&g, "10.43.0.9", 53, "10.42.0.6"));
	EXPECT(is_forgotten(&g, "10.43.0.9", 53, "10.42.0.8"));
	EXPECT(is_forgotten(&g, "10.43.0.9", 53, "10.43.0.9")); /* from before there were rules */
	EXPECT(!is_forgotten(&g, "10.43.0.9", 54, "10.42.0.8"));
	EXPECT(!is_forgotten(&g, "10.43.0.8", 53, "10.42.0.8"));
	EXPECT(is_forgotten(&g, "192.0.2.1", 30053, "10.42.0.8"));
	EXPECT(!is_forgotten(&g, "192.0.2.1", 30053, "10.42.0.6"));
	datagrams(&g, "", READY("10.42.0.6", "there")); /* no node port any more */
	EXPECT(is_forgotten(&g, "192.0.2.1", 30053, "10.42.0.6"));
	EXPECT(is_forgotten(&g, "10.43.0.9", 53, "10.42.0.5"));
	ruleset_forget_paths(&g.ruleset);
	ruleset_change(&g.ruleset, &g.batch, STR("shop/dns"), NULL);
	EXPECT(is_forgotten(&g, "10.43.0.9", 53, "10.42.0.6"));
	given_done(&g);
}

/* Hints leave the node's own out of the cluster's choice; a local policy still leads there. */
TEST(datagrams_that_a_local_policy_leads_are_kept)
{
	struct given g;

	given_init(&g);
	datagrams(&g, "\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\",",
		"{\"addresses\":[\"10.42.0.5\"],\"nodeName\":\"here\",\"hints\":{\"forZones\":[{"
		"\"name\":\"east\"}]}},{\"addresses\":[\"10.42.0.6\"],\"hints\":{\"forZones\":[{"
		"\"name\":\"west\"}]}}");
	EXPECT(!is_forgotten(&g, "192.0.2.1", 30053, "10.42.0.5"));
	EXPECT(!is_forgotten(&g, "10.43.0.9", 53, "10.42.0.6"));
	given_done(&g);
}

/* As connections do: whoever serves while it ends keeps whom it has, though new ones go to others.
 */
TEST(datagrams_to_who_still_serves_are_kept)
{
	struct given g;

	given_init(&g);
	datagrams(&g, "\"type\":\"NodePort\",",
		ENDING("10.42.0.5", "here") "," READY("10.42.0.6", "there"));
	EXPECT(!is_forgotten(&g, "10.43.0.9", 53, "10.42.0.5"));
	EXPECT(!is_forgotten(&g, "192.0.2.1", 30053, "10.42.0.5"));
	datagrams(&g, "\"type\":\"NodePort\",",
		READY("10.42.0.6", "there") ",{\"addresses\":[\"10.42.0.5\"],\"conditions\":{"
					    "\"ready\":false,\"serving\":false}}");
	EXPECT(is_forgotten(&g, "10.43.0.9", 53, "10.42.0.5"));
	/* nor do policies end what has begun */
	datagrams(&g, "\"internalTrafficPolicy\":\"Local\",",
		READY("10.42.0.5", "here") "," READY("10.42.0.6", "there"));
	EXPECT(!is_forgotten(&g, "10.43.0.9", 53, "10.42.0.6"));
	given_done(&g);
}

/* ---- the frame ---- */

static void print_base(struct given *g, const char *only)
{
	struct base_options o = {.node = &g->node, .nodeport_addresses = g->pods};

	if (only)
		EXPECT(cidr_parse(str_from(only), &g->pods[0]));
	o.nodeport_address_count = only != NULL;
	g->batch.count = 0;
	buf_clear(&g->text);
	ruleset_restart(&g->ruleset, &g->batch, &o);
	nft_print(&g->batch, &g->text);
}

TEST(node_ports_are_at_the_addresses_of_the_node)
{
	const struct ip ips[] = {ip_v4(192, 0, 2, 10)};
	struct compiled node;
	struct given g;

	given_init(&g);
	print_base(&g, NULL);
	EXPECT(says(&g,
		"add rule inet t services meta nfproto ipv4 ip daddr @node-ips4 meta priority set "
		"meta l4proto . th dport map @node-ports4 meta priority vmap @classes\n"));
	EXPECT(says(&g, "add rule inet t no-endpoints meta nfproto ipv6 ip6 daddr @node-ips6 meta "
			"l4proto . th dport vmap @no-node-ports6 reject\n"));
	EXPECT(says_nothing_of(&g, "fib daddr type local"));
	g.batch.count = 0;
	buf_clear(&g.text);
	compile_node(&g.arena, ips, 1, &node);
	ruleset_change(&g.ruleset, &g.batch, STR("the node"), &node);
	nft_print(&g.batch, &g.text);
	EXPECT_STR(buf_str(&g.text), "add element inet t node-ips4 { 192.0.2.10 }\n");
	given_done(&g);
}

TEST(node_ports_are_where_they_are_wanted_but_never_at_loopback)
{
	struct given g;

	given_init(&g);
	print_base(&g, "0.0.0.0/0");
	EXPECT(says(&g,
		"add rule inet t services meta nfproto ipv4 fib daddr type local ip daddr != "
		"127.0.0.0/8 meta priority set meta l4proto . th dport map @node-ports4 meta "
		"priority vmap @classes\n"));
	EXPECT(says(&g,
		"add rule inet t no-endpoints meta nfproto ipv4 fib daddr type local ip "
		"daddr != 127.0.0.0/8 meta l4proto . th dport vmap @no-node-ports4 reject\n"));
	EXPECT(says_nothing_of(&g, "map @node-ports6"));
	print_base(&g, "192.0.2.0/24");
	EXPECT(says(&g, "fib daddr type local ip daddr 192.0.2.0/24 ip daddr != 127.0.0.0/8"));
	given_done(&g);
}

/* Our numbers stand where it was; nobody is to see them. */
TEST(what_priority_a_packet_had_is_put_aside_and_back)
{
	struct given g;

	given_init(&g);
	print_base(&g, NULL);
	EXPECT(says(&g, "add map inet t priorities { typeof ct id : meta priority; size 65536; "
			"flags dynamic,timeout; }\n"));
	EXPECT(says(&g, "add rule inet t services meta priority != none update @priorities { ct "
			"id timeout 10s : meta priority }\n"
			"add rule inet t services meta nfproto ipv4 meta priority set ip daddr"));
	EXPECT(says(&g, "add rule inet t services meta priority != none delete @priorities { ct "
			"id : meta priority }\n"));
	EXPECT(says(&g,
		"add rule inet t own-priority meta priority set ct id map @priorities delete "
		"@priorities { ct id : meta priority } return\n"
		"add rule inet t own-priority meta priority set none\n"));
	EXPECT(says(&g, "add rule inet t translated meta priority & f000:0 == 6000:0 jump "
			"own-priority\n"));
	given_done(&g);
}

TEST(strangers_at_cluster_addresses_are_masqueraded)
{
	struct given g;

	given_init(&g);
	print_base(&g, NULL);
	EXPECT(says(&g,
		"add rule inet t strangers meta nfproto ipv4 ip saddr != 10.42.0.0/16 meta "
		"mark set meta mark | 0x4000\n"
		"add rule inet t strangers meta nfproto ipv6 ip6 saddr != fd42::/48 meta mark "
		"set meta mark | 0x4000\n"));
	g.node.pod_cidr_count = 0; /* nobody knows who is one */
	print_base(&g, NULL);
	EXPECT(says_nothing_of(&g, "add rule inet t strangers"));
	g.node.masquerade_all = true;
	print_base(&g, NULL);
	EXPECT(says(&g, "add rule inet t strangers meta nfproto ipv4 meta mark set meta mark | "
			"0x4000\n"));
	given_done(&g);
}
