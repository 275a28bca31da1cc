/*
 * Packets through the rules of services: a node with two pods, and somebody outside, each in a
 * network namespace. Who is reached, and whom it sees.
 */
#include "netns_test.h"

#include "proxy/ruleset.h"

#include <kube/json.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PODS 2

struct world {
	struct arena arena;
	struct cidr pods[2];
	struct proxy_node node;
	struct ruleset ruleset;
	int outside, pod[PODS];          /* namespaces */
	int server[PODS], server6[PODS]; /* at port 8080 of each */
	char text[16 * KIB];
	struct str chains[100]; /* of the table, as it stands */
	size_t chain_count;
};

/* ---- the world ---- */

static void shell(struct world *w, int netns, const char *command)
{
	netns_test_shell(netns, w->text, sizeof(w->text), command);
}

static int neighbour(struct world *w, const char *name, const char *ip, const char *ip6,
	const char *ours, const char *ours6)
{
	int netns = netns_test_new();

	shell(w, -1,
		arena_print(&w->arena,
			"ip link add %s type veth peer name eth0 netns /proc/%d/fd/%d && "
			"ip link set %s up && ip address add %s peer %s dev %s && "
			"ip address add %s peer %s dev %s nodad",
			name, getpid(), netns, name, ours, ip, name, ours6, ip6, name)
			.at);
	shell(w, netns,
		arena_print(&w->arena,
			"ip link set lo up && ip link set eth0 up && "
			"ip address add %s peer %s dev eth0 && "
			"ip address add %s peer %s dev eth0 nodad && "
			"ip route add default via %s && ip -6 route add default via %s dev eth0 "
			"onlink",
			ip, ours, ip6, ours6, ours, ours6)
			.at);
	return netns;
}

static void begin(struct world *w)
{
	static const struct ip ips[] = {{.len = 4, .bytes = {192, 0, 2, 10}}};
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &w->arena};
	struct compiled *node;
	struct err err = {0};

	*w = (struct world){0};
	arena_init(&w->arena);
	EXPECT(cidr_parse(STR("10.42.0.0/16"), &w->pods[0]));
	EXPECT(cidr_parse(STR("fd42::/48"), &w->pods[1]));
	w->node = (struct proxy_node){
		.name = STR_INIT("here"), .pod_cidrs = w->pods, .pod_cidr_count = 2};
	const struct base_options o = {.node = &w->node};
	shell(w, -1,
		"ip link set lo up && echo 1 > /proc/sys/net/ipv4/ip_forward && "
		"echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
	w->outside =
		neighbour(w, "world", "192.0.2.20", "2001:db8::20", "192.0.2.10", "2001:db8::10");
	shell(w, -1, "ip route add 10.43.0.0/16 dev world src 192.0.2.10");
	w->pod[0] = neighbour(w, "pod0", "10.42.0.5", "fd42::5", "10.42.0.1", "fd42::1");
	w->pod[1] = neighbour(w, "pod1", "10.42.0.6", "fd42::6", "10.42.0.1", "fd42::1");
	for (int i = 0; i < PODS; i++) {
		w->server[i] = netns_test_socket(w->pod[i], SOCK_STREAM, "0.0.0.0", 8080);
		w->server6[i] =
			netns_test_socket(w->pod[i], SOCK_STREAM, i ? "fd42::6" : "fd42::5", 8080);
	}
	ruleset_init(&w->ruleset);
	ruleset_restart(&w->ruleset, &b, &o);
	node = arena_new(&w->arena, sizeof(*node));
	compile_node(&w->arena, ips, 1, node);
	ruleset_change(&w->ruleset, &b, STR("the node"), node);
	EXPECT_OK(nft_send(&b, &err), &err);
}

static void end(struct world *w)
{
	for (int i = 0; i < PODS; i++) {
		close(w->server[i]);
		close(w->server6[i]);
		close(w->pod[i]);
	}
	close(w->outside);
	ruleset_done(&w->ruleset);
	arena_done(&w->arena);
}

static struct cJSON *parse(struct world *w, const char *text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	EXPECT_OK(json_parse(&w->arena, str_from(text), NULL, &tree, &err), &err);
	return tree;
}

#define POD0   "{\"addresses\":[\"10.42.0.5\"],\"nodeName\":\"here\"}"
#define POD1   "{\"addresses\":[\"10.42.0.6\"],\"nodeName\":\"there\"}"
#define POD0V6 "{\"addresses\":[\"fd42::5\"],\"nodeName\":\"here\"}"
#define POD1V6 "{\"addresses\":[\"fd42::6\"],\"nodeName\":\"there\"}"

/* The one service: port 80, node port 30080, and more of its spec. */
static void serve(struct world *w, const char *spec, const char *endpoints, const char *endpoints6)
{
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &w->arena};
	struct compiled *fresh = arena_new(&w->arena, sizeof(*fresh));
	struct err err = {0};
	const struct slice *slices[2];
	static const char slice[] =
		"{\"addressType\":\"%s\",\"ports\":[{\"name\":\"\",\"port\":8080"
		"}],\"endpoints\":[%s]}";

	slices[0] = slice_read(
		&w->arena, &w->node, parse(w, arena_print(&w->arena, slice, "IPv4", endpoints).at));
	slices[1] = slice_read(&w->arena, &w->node,
		parse(w, arena_print(&w->arena, slice, "IPv6", endpoints6).at));
	compile_service(&w->arena, &w->node,
		parse(w, arena_print(&w->arena,
				 "{\"metadata\":{\"name\":\"web\",\"namespace\":\"n\"},\"spec\":{"
				 "\"clusterIPs\":[\"10.43.0.9\",\"fd43::9\"],\"ports\":[{\"port\":"
				 "80,"
				 "\"nodePort\":30080}]%s",
				 spec)
				 .at),
		slices, 2, fresh);
	ruleset_change(&w->ruleset, &b, STR("n/web"), fresh);
	ruleset_settle(&w->ruleset, &b);
	EXPECT_OK(nft_send(&b, &err), &err);
}

/* ---- who is reached ---- */

static struct str accepted(struct world *w, int server)
{
	struct sockaddr_storage from = {0};
	socklen_t len = sizeof(from);
	char text[INET6_ADDRSTRLEN] = "";
	int fd = accept4(server, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);

	if (fd < 0)
		return STR("");
	close(fd);
	if (from.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&from)->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&from)->sin6_addr, text, sizeof(text));
	return arena_str(&w->arena, str_from(text));
}

/* The connection's own end of a client in that namespace (-1: the node); -1: nobody answers. */
static int dial_with(int netns, const char *to, uint16_t port, int priority)
{
	/* netns_test_socket binds: an unbound one comes from the namespace by the same way */
	bool v6 = strchr(to, ':') != NULL;
	int client = netns_test_client(netns, v6 ? AF_INET6 : AF_INET);
	/* a lost packet is sent again after a second */
	struct timeval patience = {.tv_sec = 1, .tv_usec = 500000};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(client, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	inet_pton(v6 ? AF_INET6 : AF_INET, to, v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr);
	if (connect(client, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
		    v6 ? sizeof(in6) : sizeof(in))) {
		close(client);
		return -1;
	}
	return client;
}

static int dial(int netns, const char *to, uint16_t port)
{
	return dial_with(netns, to, port, 0);
}

/* A busy machine lets the last packet of a connection's beginning wait. */
static void wait_for_one(const int *servers)
{
	struct pollfd polled[PODS];

	for (int i = 0; i < PODS; i++)
		polled[i] = (struct pollfd){.fd = servers[i], .events = POLLIN};
	poll(polled, PODS, 5000);
}

/* Which pod a new connection comes to, and whom it sees; -1: none. */
static int reach(struct world *w, int netns, const char *to, uint16_t port, struct str *seen)
{
	int client = dial(netns, to, port), chosen = -1;

	if (client < 0)
		return -1;
	const int *servers = strchr(to, ':') ? w->server6 : w->server;
	wait_for_one(servers);
	for (int i = 0; i < PODS; i++) {
		struct str by = accepted(w, servers[i]);

		if (!by.len)
			continue;
		chosen = i;
		*seen = by;
	}
	close(client);
	return chosen;
}

/* Of 24 connections: as a set of bits, who was reached; all of them were seen as the same. */
static int reached(struct world *w, int netns, const char *to, uint16_t port, const char *as)
{
	int bits = 0;
	struct str seen = STR("");

	for (int i = 0; i < 24; i++) {
		int chosen = reach(w, netns, to, port, &seen);

		if (!EXPECT(chosen >= 0))
			return -1;
		if (as)
			EXPECT_STR(seen, as);
		bits |= 1 << chosen;
	}
	return bits;
}

/* ---- inside ---- */

static void inside(void)
{
	static struct world w;
	struct str seen = STR("");

	begin(&w);
	serve(&w, "}}", POD0 "," POD1, POD0V6 "," POD1V6);
	EXPECT_INT(reached(&w, -1, "10.43.0.9", 80, "10.42.0.1"), 3);
	EXPECT_INT(reached(&w, w.outside, "10.43.0.9", 80, "10.42.0.1"), 3); /* a stranger */
	EXPECT_INT(reached(&w, w.outside, "fd43::9", 80, "fd42::1"), 3);
	serve(&w, "}}", POD1, POD1V6);
	EXPECT_INT(reached(&w, w.pod[0], "10.43.0.9", 80, "10.42.0.5"), 2);
	EXPECT_INT(reached(&w, w.pod[0], "fd43::9", 80, "fd42::5"), 2);
	/* who comes to itself sees somebody else */
	EXPECT_INT(reached(&w, w.pod[1], "10.43.0.9", 80, "10.42.0.1"), 2);
	EXPECT_INT(reached(&w, w.pod[1], "fd43::9", 80, "fd42::1"), 2);
	/* the node's own only */
	serve(&w, ",\"internalTrafficPolicy\":\"Local\"}}", POD0 "," POD1, POD1V6);
	EXPECT_INT(reached(&w, w.pod[1], "10.43.0.9", 80, "10.42.0.6"), 1);
	EXPECT_INT(reach(&w, w.pod[0], "fd43::9", 80, &seen), -1);
	end(&w);
}

TEST(who_is_inside_is_seen_as_itself)
{
	netns_test_run(inside);
}

/* ---- outside ---- */

static void outside(void)
{
	static struct world w;
	struct str seen = STR("");

	begin(&w);
	serve(&w, ",\"type\":\"NodePort\",\"externalIPs\":[\"192.0.3.1\"]}}", POD0 "," POD1, "");
	EXPECT_INT(reached(&w, w.outside, "192.0.2.10", 30080, "10.42.0.1"), 3);
	EXPECT_INT(reached(&w, w.outside, "192.0.3.1", 80, "10.42.0.1"), 3);
	EXPECT_INT(reach(&w, w.outside, "192.0.3.1", 30080, &seen), -1);
	/* with a policy: the node's own, who see who comes; pods and the node go to all */
	serve(&w,
		",\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\",\"externalIPs\":["
		"\"192.0.3.1\"]}}",
		POD0 "," POD1, "");
	EXPECT_INT(reached(&w, w.outside, "192.0.2.10", 30080, "192.0.2.20"), 1);
	EXPECT_INT(reached(&w, w.outside, "192.0.3.1", 80, "192.0.2.20"), 1);
	EXPECT_INT(reached(&w, w.pod[1], "192.0.3.1", 80, NULL), 3);
	EXPECT_INT(reached(&w, -1, "192.0.2.10", 30080, "10.42.0.1"), 3);
	/* nobody here: dropped, not refused, and pods still find the others */
	serve(&w, ",\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Local\"}}", POD1, "");
	EXPECT_INT(reach(&w, w.outside, "192.0.2.10", 30080, &seen), -1);
	EXPECT_INT(reached(&w, w.pod[0], "192.0.2.10", 30080, "10.42.0.5"), 2);
	end(&w);
}

TEST(who_comes_from_outside_goes_where_the_policy_says)
{
	netns_test_run(outside);
}

static void balancer(void)
{
	static struct world w;
	struct str seen = STR("");
	static const char spec[] =
		",\"type\":\"LoadBalancer\",\"loadBalancerSourceRanges\":[\"%s\"]},\"status\":{"
		"\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.3.2\"}]}}}";

	begin(&w);
	serve(&w, arena_print(&w.arena, spec, "192.0.2.16/28").at, POD0 "," POD1, "");
	EXPECT_INT(reached(&w, w.outside, "192.0.3.2", 80, "10.42.0.1"), 3);
	EXPECT_INT(reach(&w, w.pod[0], "192.0.3.2", 80, &seen), -1);
	EXPECT_INT(reached(&w, w.pod[0], "10.43.0.9", 80, NULL), 3); /* it is not about this */
	serve(&w, arena_print(&w.arena, spec, "192.0.2.32/28").at, POD0 "," POD1, "");
	EXPECT_INT(reach(&w, w.outside, "192.0.3.2", 80, &seen), -1);
	end(&w);
}

TEST(a_balancer_lets_in_who_may_come)
{
	netns_test_run(balancer);
}

/* ---- affinity ---- */

#define STICKY                                                                                     \
	",\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{"      \
	"\"clientIP\":{\"timeoutSeconds\":%d}}}}"

static void forget_clients(struct world *w)
{
	shell(w, -1,
		"for m in clients4 clients6 here-clients4 here-clients6; do "
		"nft flush map inet " PROXY_TABLE " $m 2>/dev/null; done");
}

static void stay_with_one(struct world *w, const char *to, uint16_t port)
{
	static const char *const pods[] = {POD0, POD1}, *const pods6[] = {POD0V6, POD1V6};
	const char *spec = arena_print(&w->arena, STICKY, 3600).at;
	bool both[PODS] = {false};

	for (int round = 0; round < 12; round++) {
		struct str seen;

		serve(w, spec, POD0 "," POD1, POD0V6 "," POD1V6);
		int first = reach(w, w->outside, to, port, &seen), bits = 1 << first;
		if (!EXPECT(first >= 0))
			return;
		both[first] = true;
		EXPECT_INT(reached(w, w->outside, to, port, NULL), bits);
		/* the other goes and comes: nothing to the client */
		serve(w, spec, pods[first], pods6[first]);
		EXPECT_INT(reached(w, w->outside, to, port, NULL), bits);
		serve(w, spec, POD0 "," POD1, POD0V6 "," POD1V6);
		EXPECT_INT(reached(w, w->outside, to, port, NULL), bits);
		/* its own goes: the other takes it, and keeps it */
		serve(w, spec, pods[!first], pods6[!first]);
		EXPECT_INT(reached(w, w->outside, to, port, NULL), 3 & ~bits);
		serve(w, spec, POD0 "," POD1, POD0V6 "," POD1V6);
		EXPECT_INT(reached(w, w->outside, to, port, NULL), 3 & ~bits);
		forget_clients(w);
	}
	EXPECT(both[0] && both[1]);
}

/* Numbers that rules have given a packet are not to be seen when it leaves. */
static void affinity(void)
{
	static struct world w;

	begin(&w);
	shell(&w, -1,
		"nft add table inet late && nft add chain inet late out '{ type filter hook "
		"postrouting priority 300; }' && nft add rule inet late out ct status dnat counter "
		"meta priority '&' 0xf0000000 == 0x60000000 counter");
	stay_with_one(&w, "10.43.0.9", 80);
	stay_with_one(&w, "fd43::9", 80);
	stay_with_one(&w, "192.0.2.10", 30080);
	shell(&w, -1, "nft list chain inet late out");
	EXPECT(!strstr(w.text, "status dnat counter packets 0 "));
	if (!EXPECT(strstr(w.text, "counter packets 0 bytes 0\n")))
		printf("%s", w.text);
	end(&w);
}

TEST(clients_stay_with_their_endpoint)
{
	netns_test_run(affinity);
}

struct way_in {
	const char *to;
	uint16_t port;
};

/* By whichever of the addresses a client comes. */
static void all_ways(void)
{
	static struct world w;
	static const struct way_in ways[] = {{"10.43.0.9", 80}, {"192.0.2.10", 30080},
		{"192.0.3.1", 80}, {"192.0.3.2", 80}, {"fd43::9", 80}, {"2001:db8:3::1", 80}};
	bool both[PODS] = {false};

	begin(&w);
	serve(&w,
		",\"type\":\"LoadBalancer\",\"sessionAffinity\":\"ClientIP\",\"externalIPs\":["
		"\"192.0.3.1\",\"2001:db8:3::1\"]},\"status\":{\"loadBalancer\":{\"ingress\":["
		"{\"ip\":\"192.0.3.2\"}]}}}",
		POD0 "," POD1, POD0V6 "," POD1V6);
	for (int round = 0; round < 24; round++) {
		const struct way_in *first = &ways[round % (int)ARRAY_LEN(ways)];
		struct str seen;
		int chosen = reach(&w, w.outside, first->to, first->port, &seen);

		if (!EXPECT(chosen >= 0))
			break;
		both[chosen] = true;
		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			if (!strchr(ways[i].to, ':') == !strchr(first->to, ':'))
				EXPECT_INT(reach(&w, w.outside, ways[i].to, ways[i].port, &seen),
					chosen);
		forget_clients(&w);
	}
	EXPECT(both[0] && both[1]);
	end(&w);
}

TEST(clients_stay_with_their_endpoint_whichever_address_they_come_to)
{
	netns_test_run(all_ways);
}

/* Milliseconds that the one client is still remembered for. */
static int64_t remembered_for(struct world *w)
{
	int minutes = 0, seconds = 0, rest = 0;

	shell(w, -1, "nft list map inet " PROXY_TABLE " clients4");
	const char *at = strstr(w->text, "expires ");
	if (!EXPECT(at))
		return 0;
	if (sscanf(at, "expires %dm%ds%dms", &minutes, &seconds, &rest) < 2)
		printf("%s", w->text);
	return (60 * minutes + seconds) * 1000 + rest;
}

/* Each new connection begins the time anew, by whichever way. */
static void renewed(void)
{
	static struct world w;
	struct str seen;

	begin(&w);
	serve(&w, arena_print(&w.arena, STICKY, 1000).at, POD0 "," POD1, "");
	EXPECT(reach(&w, w.outside, "10.43.0.9", 80, &seen) >= 0);
	usleep(100000);
	int64_t before = remembered_for(&w);
	EXPECT(reach(&w, w.outside, "192.0.2.10", 30080, &seen) >= 0);
	EXPECT(remembered_for(&w) > before);
	end(&w);
}

TEST(each_connection_is_remembered_as_long_as_the_first)
{
	netns_test_run(renewed);
}

/*
 * Some ways lead to all, some to the node's own (pod 0). Whoever has come to somebody stays there
 * where the way leads there, and otherwise stays with whom such a way has given it.
 */
static void stay_by_policy(struct world *w, int client, const struct way_in *all,
	const struct way_in *here, bool here_first)
{
	struct str seen;
	int chosen;

	forget_clients(w);
	if (here_first) {
		EXPECT_INT(reach(w, client, here->to, here->port, &seen), 0);
		EXPECT_INT(reached(w, client, all->to, all->port, NULL), 1);
		EXPECT_INT(reached(w, client, here->to, here->port, NULL), 1);
		return;
	}
	chosen = reach(w, client, all->to, all->port, &seen);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(reach(w, client, here->to, here->port, &seen), 0);
		EXPECT_INT(reach(w, client, all->to, all->port, &seen), chosen);
	}
}

static void policies(void)
{
	static struct world w;
	static const struct way_in inside = {"10.43.0.9", 80}, outside = {"192.0.2.10", 30080};

	begin(&w);
	for (int i = 0; i < 16; i++) {
		serve(&w,
			",\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\","
			"\"externalTrafficPolicy\":\"Local\"}}",
			POD0 "," POD1, "");
		stay_by_policy(&w, w.outside, &inside, &outside, i % 2);
		serve(&w,
			",\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\","
			"\"internalTrafficPolicy\":\"Local\"}}",
			POD0 "," POD1, "");
		stay_by_policy(&w, w.pod[1], &outside, &inside, i % 2);
	}
	end(&w);
}

TEST(clients_stay_with_their_endpoint_as_far_as_policies_let_them)
{
	netns_test_run(policies);
}

/* Nobody that one way leads to is led to by the other: each gives its own, and keeps to it. */
static void apart(void)
{
	static struct world w;
	struct str seen;

	begin(&w);
	serve(&w,
		",\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\","
		"\"externalTrafficPolicy\":\"Local\"}}",
		"{\"addresses\":[\"10.42.0.5\"],\"nodeName\":\"here\",\"conditions\":{\"ready\":"
		"false,\"serving\":true,\"terminating\":true}}," POD1,
		"");
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(reach(&w, w.outside, "10.43.0.9", 80, &seen), 1);
		EXPECT_INT(reach(&w, w.outside, "192.0.2.10", 30080, &seen), 0);
	}
	shell(&w, -1, "nft list map inet " PROXY_TABLE " clients4");
	EXPECT(strstr(w.text, "192.0.2.20 . "));
	shell(&w, -1, "nft list map inet " PROXY_TABLE " here-clients4");
	EXPECT(strstr(w.text, "192.0.2.20 . "));
	end(&w);
}

TEST(clients_are_remembered_for_each_policy)
{
	netns_test_run(apart);
}

/* The proxy begins anew, as when it is started again. */
static void note_chain(void *ctx, struct str name)
{
	struct world *w = ctx;

	if (EXPECT(w->chain_count < ARRAY_LEN(w->chains)))
		w->chains[w->chain_count++] = arena_str(&w->arena, name);
}

static void begin_anew(struct world *w)
{
	const struct base_options o = {.node = &w->node};
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &w->arena};
	struct err err = {0};

	w->chain_count = 0;
	EXPECT_OK(nft_each_chain(PROXY_TABLE, note_chain, w, &err), &err);
	ruleset_restart_over(&w->ruleset, &b, &o, w->chains, w->chain_count);
	EXPECT_OK(nft_send(&b, &err), &err);
}

static void kept(void)
{
	static struct world w;
	const char *spec;
	struct str seen;

	begin(&w);
	spec = arena_print(&w.arena, STICKY, 3600).at;
	for (int round = 0; round < 8; round++) {
		serve(&w, spec, POD0 "," POD1, POD0V6 "," POD1V6);
		int chosen = reach(&w, w.outside, "10.43.0.9", 80, &seen),
		    chosen6 = reach(&w, w.outside, "fd43::9", 80, &seen);
		begin_anew(&w);
		serve(&w, spec, POD0 "," POD1, POD0V6 "," POD1V6);
		EXPECT_INT(reach(&w, w.outside, "10.43.0.9", 80, &seen), chosen);
		EXPECT_INT(reach(&w, w.outside, "fd43::9", 80, &seen), chosen6);
		forget_clients(&w);
	}
	end(&w);
}

TEST(clients_are_remembered_while_the_proxy_begins_anew)
{
	netns_test_run(kept);
}

/* Who is remembered no more goes to all of them again. */
static void by_chance_again(void)
{
	static struct world w;
	static const struct way_in ways[] = {{"10.43.0.9", 80}, {"192.0.2.10", 30080}};

	begin(&w);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		serve(&w, arena_print(&w.arena, STICKY, 3600).at, POD0 "," POD1, "");
		int bits = reached(&w, w.outside, ways[i].to, ways[i].port, NULL);
		EXPECT(bits == 1 || bits == 2);
		serve(&w, ",\"type\":\"NodePort\",\"sessionAffinity\":\"None\"}}", POD0 "," POD1,
			"");
		EXPECT_INT(reached(&w, w.outside, ways[i].to, ways[i].port, NULL), 3);
	}
	end(&w);
}

TEST(without_affinity_clients_come_to_all)
{
	netns_test_run(by_chance_again);
}

static void forgotten(void)
{
	static struct world w;
	int bits = 0;

	begin(&w);
	serve(&w, arena_print(&w.arena, STICKY, 1).at, POD0 "," POD1, "");
	for (int i = 0; i < 8 && bits != 3; i++) {
		struct str seen;

		bits |= 1 << reach(&w, w.outside, "10.43.0.9", 80, &seen);
		usleep(1200000);
	}
	EXPECT_INT(bits, 3); /* once in 128 runs by chance it is not */
	end(&w);
}

TEST(clients_are_forgotten_after_a_while)
{
	netns_test_run(forgotten);
}

/* ---- priorities ---- */

/* First packets that left with that priority. */
static int left_with(struct world *w, int priority)
{
	int count = -1;

	shell(w, -1,
		arena_print(&w->arena, "nft list chain inet late out | grep 'priority %s '",
			priority ? arena_print(&w->arena, "0:%x", priority).at : "none")
			.at);
	const char *at = strstr(w->text, "counter packets ");
	if (at)
		sscanf(at, "counter packets %d", &count);
	return count;
}

static void send_with(struct world *w, const char *to, uint16_t port, int priority)
{
	int before = left_with(w, priority), client = dial_with(-1, to, port, priority);

	EXPECT(client >= 0);
	EXPECT_INT(left_with(w, priority), before + 1);
	close(client);
	shell(w, -1, "nft list map inet " PROXY_TABLE " priorities");
	EXPECT(strstr(w->text, "map priorities {") && !strstr(w->text, "elements"));
}

static void priorities(void)
{
	static struct world w;
	static const char *const specs[] = {",\"type\":\"NodePort\"}}",
		",\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\"}}"};

	begin(&w);
	shell(&w, -1, "ip -6 route add fd43::/48 dev world src 2001:db8::10");
	shell(&w, -1,
		"nft add table inet late && nft add chain inet late out '{ type filter hook "
		"postrouting priority 300; }' && for p in none 0:5 0:6; do "
		"nft add rule inet late out ct state new tcp flags syn meta priority $p counter; "
		"done");
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		serve(&w, specs[i], POD0 "," POD1, POD0V6 "," POD1V6);
		for (int round = 0; round < 2; round++) { /* also who is known already */
			send_with(&w, "10.43.0.9", 80, 5);
			send_with(&w, "10.43.0.9", 80, 0);
			send_with(&w, "fd43::9", 80, 6);
			send_with(&w, "192.0.2.10", 30080, 6);
		}
	}
	send_with(&w, "10.42.0.5", 8080, 5); /* to no service */
	end(&w);
}

TEST(the_first_packet_has_the_priority_its_sender_gave_it)
{
	netns_test_run(priorities);
}

/* ---- by chance ---- */

/* Three servers at one pod; 600 connections, 200 each: off by 60 once in a hundred million. */
static void even(void)
{
	static struct world w;
	static const char three[] =
		POD0 "," POD1 ",{\"addresses\":[\"10.42.0.1\"],\"nodeName\":\"here\"}";
	int counts[3] = {0};

	begin(&w);
	int third = netns_test_socket(-1, SOCK_STREAM, "10.42.0.1", 8080);
	serve(&w, "}}", three, "");
	for (int n = 0; n < 600; n++) {
		int client = dial(w.outside, "10.43.0.9", 80);

		EXPECT(client >= 0);
		for (int i = 0; i < 3; i++)
			counts[i] += accepted(&w, i < 2 ? w.server[i] : third).len > 0;
		close(client);
	}
	for (int i = 0; i < 3; i++)
		EXPECT(counts[i] > 140 && counts[i] < 260);
	close(third);
	end(&w);
}

TEST(endpoints_are_chosen_as_often)
{
	netns_test_run(even);
}
