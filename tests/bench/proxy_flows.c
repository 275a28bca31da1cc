/*
 * What the first packet of a connection costs in the rules of services: datagrams, each from a
 * socket of its own, to a socket of the same machine, by an address that rules know and by one that
 * they do not. Alone in a network namespace.
 */
#include "netns_test.h"

#include "proxy/ruleset.h"

#include <kube/json.h>
#include <kube/mem.h>
#include <kube/proxy.h>
#include <kube/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLOWS = 4000, ROUNDS = 25 };

static struct cidr pods;
static struct proxy_node node;

static void serve(struct ruleset *r, struct nft_batch *b, int service, int endpoints, bool sticky)
{
	struct arena *a = b->arena;
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct cJSON *spec = NULL, *slice = NULL;
	struct compiled *fresh = arena_new(a, sizeof(*fresh));

	buf_add_text(&text, "{\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"\",\"port\":8080,"
			    "\"protocol\":\"UDP\"}],\"endpoints\":[");
	for (int i = 0; i < endpoints; i++)
		buf_print(&text, "%s{\"addresses\":[\"10.64.0.%d\"]}", i ? "," : "", i + 1);
	buf_add_text(&text, "]}");
	EXPECT_INT(json_parse(a, buf_str(&text), NULL, &slice, NULL), 0);
	EXPECT_INT(json_parse(a,
			   arena_print(a,
				   "{\"metadata\":{\"namespace\":\"n\",\"name\":\"s%d\"},\"spec\":{"
				   "\"clusterIPs\":[\"10.43.%d.%d\"],\"ports\":[{\"port\":80,"
				   "\"protocol\":\"UDP\"}]%s}}",
				   service, service / 250, service % 250 + 1,
				   sticky ? ",\"sessionAffinity\":\"ClientIP\"" : ""),
			   NULL, &spec, NULL),
		0);
	const struct slice *slices[] = {slice_read(a, &node, slice)};
	compile_service(a, &node, spec, slices, 1, fresh);
	ruleset_change(r, b, arena_print(a, "n/s%d", service), fresh);
}

static int64_t send_flows(const int *sockets, const char *to, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, to, &at.sin_addr);
	int64_t start = clock_mono();
	for (int i = 0; i < FLOWS; i++)
		sendto(sockets[i], "x", 1, 0, (struct sockaddr *)&at, sizeof(at));
	return clock_mono() - start;
}

/* The best of some rounds, which others disturbed least: each of new sockets, so new flows. */
static void measure(const char *what, const char *to, uint16_t port)
{
	int64_t best = INT64_MAX;
	int *sockets = mem_new(FLOWS * sizeof(*sockets));
	char text[256];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < FLOWS; i++)
			sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		netns_test_shell(-1, text, sizeof(text), "conntrack -F 2>/dev/null");
		int64_t took = send_flows(sockets, to, port);
		best = MIN(best, took);
		for (int i = 0; i < FLOWS; i++)
			close(sockets[i]);
	}
	mem_free(sockets);
	printf("proxy_flow_%s %.2f us\n", what, (double)best / FLOWS / USEC);
}

static void flows(void)
{
	static const struct rlimit many = {FLOWS + 100, FLOWS + 100};
	const struct base_options everywhere = {.node = &node};
	char text[256];
	struct ruleset r;
	struct arena a;
	struct err err = {0};

	setrlimit(RLIMIT_NOFILE, &many);
	cidr_parse(STR("10.64.0.0/10"), &pods);
	node = (struct proxy_node){.name = STR("here"), .pod_cidrs = &pods, .pod_cidr_count = 1};
	netns_test_shell(-1, text, sizeof(text),
		"ip link set lo up && ip route add local 10.64.0.0/16 dev lo && ip address add "
		"10.64.0.200/32 dev lo && ip route add 10.43.0.0/16 dev lo src 10.64.0.200");
	int server = netns_test_socket(-1, SOCK_DGRAM, "0.0.0.0", 8080);
	arena_init(&a);
	struct nft_batch b = {.table = PROXY_TABLE, .arena = &a};
	ruleset_init(&r);
	ruleset_restart(&r, &b, &everywhere);
	for (int i = 0; i < 1000; i++)
		serve(&r, &b, i, i == 0 ? 1 : i == 1 ? 3 : i == 2 ? 30 : i == 3 ? 3 : 2, i == 3);
	ruleset_settle(&r, &b);
	EXPECT_OK(nft_send(&b, &err), &err);
	measure("past", "10.64.0.1", 8080);
	measure("to_1", "10.43.0.1", 80);
	measure("to_3", "10.43.0.2", 80);
	measure("to_30", "10.43.0.3", 80);
	measure("to_3_sticky", "10.43.0.4", 80);
	close(server);
	ruleset_done(&r);
	arena_done(&a);
}

TEST(bench_proxy_flows)
{
	netns_test_run(flows);
}
