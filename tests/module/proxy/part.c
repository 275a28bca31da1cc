/*
 * The proxy as a whole, against an API and the kernel, in a network namespace of the test: what it
 * does about services and nodes that change, and what it tells of itself.
 */
#include "api_rig.h"
#include "netns_test.h"

#include <kube/http_client.h>
#include <kube/proxy.h>
#include <kube/work.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define NODE_IP "192.0.2.10"

struct world {
	struct api_rig r;
	struct component_base base;
	struct http_client *http;
	struct part *proxy;
	char text[256 * KIB]; /* of the last answer or listing */
	struct str weight;
};

static void send_object(struct world *w, enum client_verb verb, const char *group,
	const char *resource, const char *namespace, const char *text)
{
	struct client_request q;
	struct cJSON *tree = api_rig_json(&w->r.arena, text);

	client_request_init(&q, verb, resource_find(str_from(group), STR("v1"), str_from(resource)),
		str_from(namespace),
		verb == CLIENT_CREATE ? STR("") : json_str(json_path(tree, "metadata.name")));
	if (verb != CLIENT_DELETE)
		q.body = tree;
	EXPECT_OK(api_rig_send(&w->r, &q), NULL);
	client_request_done(&q);
}

static void send_node(struct world *w, enum client_verb verb, const char *taints)
{
	send_object(w, verb, "", "nodes", "",
		arena_print(&w->r.arena,
			"{\"metadata\":{\"name\":\"here\"},\"spec\":{\"taints\":[%s]},\"status\":{"
			"\"addresses\":[{\"type\":\"Hostname\",\"address\":\"here\"},"
			"{\"type\":\"InternalIP\",\"address\":\"" NODE_IP "\"}]}}",
			taints)
			.at);
}

/* GET: the status, the body in w->text; 0: nobody answers. */
static int get(struct world *w, const char *url)
{
	struct told told = {0}, read = {0};
	struct buf body = BUF_INIT(sizeof(w->text) - 1);
	struct http_call call;
	int status = 0;

	http_call_init(&call, w->http, STR("GET"), str_from(url));
	http_call_start(&call, told_op(&told, w->r.t.root, loop_in(w->r.t.loop, 5 * SEC)));
	loop_test_run_until(&w->r.t, &told.done);
	if (!told.err.code) {
		http_call_read_all(
			&call, told_op(&read, w->r.t.root, OP_NO_DEADLINE), &body, body.max);
		loop_test_run_until(&w->r.t, &read.done);
		status = call.status;
		w->weight = arena_str(&w->r.arena,
			http_headers_get(&call.response, STR("X-Load-Balancing-Endpoint-Weight")));
	}
	strcpy(w->text, buf_text(&body));
	http_call_done(&call);
	buf_done(&body);
	told_done(&told);
	told_done(&read);
	return status;
}

static bool said(struct world *w, const char *text)
{
	bool is = strstr(w->text, text) != NULL;

	if (!is)
		printf("  not said: %s\n%s\n", text, w->text);
	return is;
}

static void begin_api(struct world *w)
{
	static const struct http_client_options plain = {.no_http2 = true};

	netns_test_shell(-1, w->text, sizeof(w->text),
		"ip link set lo up && for ip in " NODE_IP
		" 192.0.2.11 10.42.0.5 10.42.0.6 10.42.0.7;"
		" do ip address add $ip/32 dev lo; done && ip link add away type veth peer name "
		"far && "
		"ip link set away up && ip link set far up && ip route add 10.96.0.0/16 dev away "
		"src " NODE_IP);
	REQUIRE(api_rig_open(&w->r, API_RIG_LOCAL));
	w->http = http_client_new(w->r.t.env, w->r.t.root, &plain);
	w->base = (struct component_base){.env = w->r.t.env,
		.client = w->r.client,
		.informers = informers_new(w->r.client, w->r.t.root),
		.scope = w->r.t.root};
	send_node(w, CLIENT_CREATE, "");
}

static void begin_proxy(struct world *w)
{
	struct proxy_options options = {.node_name = STR("here"),
		.min_sync = 1, /* the next sync would begin while the kernel has the last one */
		.healthz = address_of(ip_v4(127, 0, 0, 1), PROXY_HEALTHZ_PORT),
		.metrics = address_of(ip_v4(127, 0, 0, 1), PROXY_METRICS_PORT)};

	w->proxy = proxy_new(&w->base, &options);
}

static void end(struct world *w)
{
	struct told told[3] = {0};

	part_stop(w->proxy, told_op(&told[0], w->r.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w->r.t, &told[0].done);
	part_free(w->proxy);
	informers_stop(w->base.informers, told_op(&told[1], w->r.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w->r.t, &told[1].done);
	informers_free(w->base.informers);
	http_client_stop(w->http, told_op(&told[2], w->r.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w->r.t, &told[2].done);
	http_client_free(w->http);
	api_rig_close(&w->r);
}

static void in_world(void (*test)(struct world *w))
{
	static struct world w;

	begin_api(&w);
	begin_proxy(&w);
	API_RIG_AWAIT(&w.r, proxy_synced(w.proxy));
	test(&w);
	end(&w);
}

/* ---- how it is ---- */

#define HEALTHZ "http://127.0.0.1:10256"
#define METRICS "http://127.0.0.1:10249"

static void health(struct world *w)
{
	EXPECT_INT(get(w, HEALTHZ "/healthz"), 200);
	EXPECT(said(w, "\"lastUpdated\": \"2") && said(w, "\"nodeEligible\": true}"));
	EXPECT_INT(get(w, HEALTHZ "/livez"), 200);
	EXPECT(!strstr(w->text, "nodeEligible"));
	send_node(w, CLIENT_UPDATE,
		"{\"key\":\"ToBeDeletedByClusterAutoscaler\",\"effect\":\"NoSchedule\"}");
	API_RIG_AWAIT(&w->r, get(w, HEALTHZ "/healthz") == 503);
	EXPECT(said(w, "\"nodeEligible\": false}"));
	EXPECT_INT(get(w, HEALTHZ "/livez"), 200);
	send_node(w, CLIENT_UPDATE, "{\"key\":\"other\",\"effect\":\"NoSchedule\"}");
	API_RIG_AWAIT(&w->r, get(w, HEALTHZ "/healthz") == 200);
	send_object(w, CLIENT_DELETE, "", "nodes", "", "{\"metadata\":{\"name\":\"here\"}}");
	API_RIG_AWAIT(&w->r, get(w, HEALTHZ "/healthz") == 503);
	EXPECT_INT(get(w, HEALTHZ "/other"), 404);
	EXPECT_INT(get(w, METRICS "/metrics"), 200);
	EXPECT(said(w, "\nkubeproxy_proxy_livez_total{code=\"200\"} 2\n"));
	EXPECT(!strstr(w->text, "kubeproxy_proxy_healthz_total{code=\"503\"} 0\n"));
}

static void health_in_world(void)
{
	in_world(health);
}

TEST(a_node_that_leaves_is_not_healthy)
{
	netns_test_run(health_in_world);
}

/* ---- services ---- */

#define BALANCED(port)                                                                             \
	"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":"      \
	"\"10.96.0.9\",\"externalTrafficPolicy\":\"Local\",\"healthCheckNodePort\":" port          \
	",\"ports\":[{\"name\":\"http\",\"port\":80,\"nodePort\":30080},{\"name\":\"more\","       \
	"\"port\":81,\"nodePort\":30081}]}}"
#define SLICE(here, ready)                                                                         \
	"{\"metadata\":{\"name\":\"web-1\",\"labels\":{\"kubernetes.io/service-name\":\"web\"},"   \
	"\"annotations\":{\"endpoints.kubernetes.io/last-change-trigger-time\":"                   \
	"\"2026-01-02T03:04:05Z\"}},\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\","       \
	"\"port\":8080},{\"name\":\"more\",\"port\":8081}],\"endpoints\":["                        \
	"{\"addresses\":[\"10.42.0.5\"],\"nodeName\":\"" here                                      \
	"\",\"conditions\":{\"ready\":" ready                                                      \
	"}},{\"addresses\":[\"10.42.0.6\"],\"nodeName\":\"" here "\"},"                            \
	"{\"addresses\":[\"10.42.1.7\"],\"nodeName\":\"there\"}]}"
#define ASK_HEALTH "http://" NODE_IP ":30999/"

static void balancers(struct world *w)
{
	send_object(w, CLIENT_CREATE, "", "services", "default", BALANCED("30999"));
	send_object(w, CLIENT_CREATE, "discovery.k8s.io", "endpointslices", "default",
		SLICE("here", "true"));
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 200);
	EXPECT_STR(w->weight, "2"); /* at two ports, but two addresses */
	EXPECT_STR(str_from(w->text),
		"{\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n\t\t\"name\": "
		"\"web\"\n\t},\n"
		"\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}");
	send_object(w, CLIENT_UPDATE, "discovery.k8s.io", "endpointslices", "default",
		SLICE("here", "false"));
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 200 && str_eq_text(w->weight, "1"));
	send_object(w, CLIENT_UPDATE, "discovery.k8s.io", "endpointslices", "default",
		SLICE("elsewhere", "true"));
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 503);
	EXPECT_STR(w->weight, "0");
	EXPECT_INT(get(w, METRICS "/metrics"), 200);
	EXPECT(said(w, "\nkubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family=\"IPv4\","
		       "traffic_policy=\"external\"} 1\n"));
	EXPECT(said(w, "\nkubeproxy_network_programming_duration_seconds_count{ip_family=\"IPv4\"} "
		       "1\n"));
	send_object(
		w, CLIENT_DELETE, "", "services", "default", "{\"metadata\":{\"name\":\"web\"}}");
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 0);
}

static void balancers_in_world(void)
{
	in_world(balancers);
}

TEST(balancers_are_told_how_many_endpoints_are_here)
{
	netns_test_run(balancers_in_world);
}

static void rules(struct world *w)
{
	send_object(w, CLIENT_CREATE, "", "services", "default", BALANCED("30999"));
	send_object(w, CLIENT_CREATE, "discovery.k8s.io", "endpointslices", "default",
		SLICE("here", "true"));
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 200 && proxy_synced(w->proxy));
	netns_test_shell(-1, w->text, sizeof(w->text), "nft -n list table inet kube-proxy");
	EXPECT(said(w, "elements = { " NODE_IP " }"));
	EXPECT(said(w, "10.96.0.9 . 6 . 80 . 6000:0 : 10.42.0."));
	EXPECT(said(w, "ip daddr @node-ips4"));
	EXPECT_INT(get(w, METRICS "/metrics"), 200);
	EXPECT(said(w, "\nkubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="
		       "\"IPv6\"} 1\n"));
	EXPECT(said(w, "\nkubeproxy_sync_proxy_rules_service_changes_pending 0\n"));
	EXPECT(said(w, "\nkubeproxy_sync_proxy_rules_endpoint_changes_pending 0\n"));
	EXPECT_INT(get(w, METRICS "/proxyMode"), 200);
	EXPECT_STR(str_from(w->text), "nftables");
	EXPECT_INT(get(w, METRICS "/configz"), 200);
	EXPECT(said(w, "\"HealthzBindAddress\":\"127.0.0.1:10256\"") &&
		said(w, "\"NodePortAddresses\":[\"primary\"]"));
	/* somebody flushes: all of it comes back with the next change */
	netns_test_shell(-1, w->text, sizeof(w->text), "nft flush ruleset");
	send_object(w, CLIENT_UPDATE, "discovery.k8s.io", "endpointslices", "default",
		SLICE("here", "false"));
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 200 && str_eq_text(w->weight, "1"));
	netns_test_shell(-1, w->text, sizeof(w->text), "nft -n list table inet kube-proxy");
	EXPECT(said(w, "elements = { " NODE_IP " }"));
	EXPECT(said(w, "10.96.0.9 . 6 . 80 . 6000:0 : 10.42.0."));
	EXPECT_INT(get(w, METRICS "/metrics"), 200);
	EXPECT(said(w, "\nkubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="
		       "\"IPv4\"} 1\n"));
}

static void rules_in_world(void)
{
	in_world(rules);
}

TEST(what_the_api_says_is_in_the_kernel)
{
	netns_test_run(rules_in_world);
}

/* ---- started again ---- */

static void start_again(struct world *w)
{
	struct told told = {0};

	part_stop(w->proxy, told_op(&told, w->r.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w->r.t, &told.done);
	part_free(w->proxy);
	begin_proxy(w);
	API_RIG_AWAIT(&w->r, proxy_synced(w->proxy));
	netns_test_shell(-1, w->text, sizeof(w->text), "nft -n list table inet kube-proxy");
}

/* A table that another release has made, in another form, is not built upon. */
static void again(struct world *w)
{
	send_object(w, CLIENT_CREATE, "", "services", "default", BALANCED("30999"));
	send_object(w, CLIENT_CREATE, "discovery.k8s.io", "endpointslices", "default",
		SLICE("here", "true"));
	API_RIG_AWAIT(&w->r, get(w, ASK_HEALTH) == 200 && proxy_synced(w->proxy));
	netns_test_shell(-1, w->text, sizeof(w->text),
		"nft add element inet kube-proxy clients4 "
		"'{ 192.0.2.77 . 6000:4000 timeout 1h : 6000:4001 }'");
	start_again(w);
	EXPECT(said(w, "192.0.2.77 . "));
	EXPECT(said(w, "10.96.0.9 . 6 . 80 . 6000:0 : 10.42.0."));
	netns_test_shell(-1, w->text, sizeof(w->text),
		"nft delete chain inet kube-proxy $(nft list chains inet | sed -n "
		"'s/.*chain \\(form-[^ ]*\\) .*/\\1/p')");
	start_again(w);
	EXPECT(!strstr(w->text, "192.0.2.77 . "));
	EXPECT(said(w, "10.96.0.9 . 6 . 80 . 6000:0 : 10.42.0."));
}

static void again_in_world(void)
{
	in_world(again);
}

TEST(who_is_remembered_is_so_when_the_proxy_is_started_again)
{
	netns_test_run(again_in_world);
}

/* ---- one batch after the other ---- */

/* Holds up whoever wants to tell the kernel something, as a busy machine would. */
struct blocker {
	struct work work;
	struct told told;
};
static sem_t blocked;

static void block(struct work *work)
{
	(void)work;
	while (sem_wait(&blocked))
		;
}

static void send_small_service(struct world *w, const char *name, int last)
{
	send_object(w, CLIENT_CREATE, "", "services", "default",
		arena_print(&w->r.arena,
			"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"clusterIP\":"
			"\"10.96.0.%d\",\"ports\":[{\"port\":80}]}}",
			name, last)
			.at);
}

/*
 * A batch for all that is there is under way from the beginning; what marks services then, before
 * and behind it, waits.
 */
static void batches_in_world(void)
{
	static struct world w;
	struct blocker blockers[8] = {0};

	begin_api(&w);
	for (int i = 0; i < 3; i++)
		send_small_service(&w, arena_print(&w.r.arena, "early-%d", i).at, 20 + i);
	sem_init(&blocked, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(blockers); i++)
		work_start(&blockers[i].work,
			told_op(&blockers[i].told, w.r.t.root, OP_NO_DEADLINE), WORK_NETLINK,
			block);
	begin_proxy(&w);
	for (int i = 0; i < 200; i++)
		api_rig_tick(&w.r);
	EXPECT(!proxy_synced(w.proxy));
	send_small_service(&w, "late", 30);
	for (int i = 0; i < 200; i++)
		api_rig_tick(&w.r);
	for (size_t i = 0; i < ARRAY_LEN(blockers); i++)
		sem_post(&blocked);
	for (size_t i = 0; i < ARRAY_LEN(blockers); i++)
		loop_test_run_until(&w.r.t, &blockers[i].told.done);
	API_RIG_AWAIT(&w.r, proxy_synced(w.proxy));
	netns_test_shell(-1, w.text, sizeof(w.text), "nft -n list table inet kube-proxy");
	for (int i = 0; i < 3; i++)
		EXPECT(said(&w, arena_print(&w.r.arena, "10.96.0.%d . 6 . 80", 20 + i).at));
	EXPECT(said(&w, "10.96.0.30 . 6 . 80"));
	end(&w);
	sem_destroy(&blocked);
}

TEST(a_batch_waits_for_the_one_under_way)
{
	netns_test_run(batches_in_world);
}

/* ---- packets ---- */

/* One service of one port, and its endpoints at 8080 of 10.42.0.5 and on, as many as said. */
static void send_service(struct world *w, enum client_verb verb, const char *protocol,
	const char *more, const char *endpoints)
{
	struct arena *a = &w->r.arena;

	send_object(w, verb, "", "services", "default",
		arena_print(a,
			"{\"metadata\":{\"name\":\"echo\"},\"spec\":{\"type\":\"NodePort\","
			"\"clusterIP\":\"10.96.0.9\",%s\"ports\":[{\"port\":80,\"nodePort\":"
			"30080,\"protocol\":\"%s\"}]}}",
			more, protocol)
			.at);
	send_object(w, verb, "discovery.k8s.io", "endpointslices", "default",
		arena_print(a,
			"{\"metadata\":{\"name\":\"echo-1\",\"labels\":{\"kubernetes.io/"
			"service-name"
			"\":\"echo\"}},\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"\",\"port\":"
			"8080,\"protocol\":\"%s\"}],\"endpoints\":[%s]}",
			protocol, endpoints)
			.at);
	for (int i = 0; i < 50; i++) /* until the informers have heard of it */
		api_rig_tick(&w->r);
	API_RIG_AWAIT(&w->r, proxy_synced(w->proxy));
}

#define AT(address)   "{\"addresses\":[\"" address "\"]}"
#define ALL_ENDPOINTS AT("10.42.0.5") "," AT("10.42.0.6") "," AT("10.42.0.7")

static const char *const places[] = {"10.42.0.5", "10.42.0.6", "10.42.0.7"};

/* Which of the servers a new connection comes to: 0…2; -1: none. */
static int choose(const int *servers, const char *to, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval patience = {.tv_sec = 5};
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), chosen = -1;

	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	EXPECT_INT(inet_pton(AF_INET, to, &at.sin_addr), 1);
	if (connect(client, (struct sockaddr *)&at, sizeof(at)) == 0)
		for (int i = 0; i < 3; i++) {
			int fd = accept4(servers[i], NULL, NULL, SOCK_CLOEXEC);

			if (fd < 0)
				continue;
			chosen = i;
			close(fd);
		}
	close(client);
	return chosen;
}

/* Of so many connections, how many servers had one. */
static int spread_over(const int *servers, int connections)
{
	int counts[3] = {0};

	for (int i = 0; i < connections; i++) {
		int chosen = choose(servers, "10.96.0.9", 80);

		if (!EXPECT(chosen >= 0))
			return 0;
		counts[chosen]++;
	}
	return (counts[0] > 0) + (counts[1] > 0) + (counts[2] > 0);
}

static void connections(struct world *w)
{
	int servers[3];

	for (int i = 0; i < 3; i++)
		servers[i] = netns_test_socket(-1, SOCK_STREAM, places[i], 8080);
	send_service(w, CLIENT_CREATE, "TCP", "", ALL_ENDPOINTS);
	EXPECT_INT(spread_over(servers, 60), 3);
	EXPECT(choose(servers, NODE_IP, 30080) >= 0);
	EXPECT_INT(choose(servers, "127.0.0.1", 30080), -1);
	EXPECT_INT(choose(servers, "192.0.2.11", 30080), -1); /* this machine's, not the Node's */
	send_service(w, CLIENT_UPDATE, "TCP", "\"sessionAffinity\":\"ClientIP\",", ALL_ENDPOINTS);
	EXPECT_INT(spread_over(servers, 16), 1);
	send_service(w, CLIENT_UPDATE, "TCP", "\"sessionAffinity\":\"None\",", ALL_ENDPOINTS);
	EXPECT_INT(spread_over(servers, 60), 3);
	send_service(w, CLIENT_UPDATE, "TCP", "", AT("10.42.0.6"));
	EXPECT_INT(choose(servers, "10.96.0.9", 80), 1);
	send_service(w, CLIENT_UPDATE, "TCP", "", "");
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, "10.96.0.9", 80, -1, NULL), ECONNREFUSED);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, "10.96.0.9", 81, -1, NULL), ECONNREFUSED);
	for (int i = 0; i < 3; i++)
		close(servers[i]);
}

static void connections_in_world(void)
{
	in_world(connections);
}

TEST(connections_come_to_the_endpoints_of_now)
{
	netns_test_run(connections_in_world);
}

/* Says something; where is it heard? -1: nowhere. */
static int heard_at(int client, const int *servers)
{
	char said[8];

	if (send(client, "echo", 4, MSG_NOSIGNAL) != 4)
		return -1;
	for (int i = 0; i < 3; i++)
		if (recv(servers[i], said, sizeof(said), MSG_DONTWAIT) == 4)
			return i;
	return -1;
}

static void datagrams(struct world *w)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
	int servers[3], client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < 3; i++)
		servers[i] = netns_test_socket(-1, SOCK_DGRAM, places[i], 8080);
	send_service(w, CLIENT_CREATE, "UDP", "", AT("10.42.0.5"));
	inet_pton(AF_INET, "10.96.0.9", &at.sin_addr);
	EXPECT_INT(connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
	EXPECT_INT(heard_at(client, servers), 0);
	send_service(w, CLIENT_UPDATE, "UDP", "", AT("10.42.0.6")); /* the same socket goes on */
	EXPECT_INT(heard_at(client, servers), 1);
	send_service(w, CLIENT_UPDATE, "UDP", "", AT("10.42.0.6") "," AT("10.42.0.7"));
	for (int i = 0; i < 20; i++) /* who is still there keeps its clients */
		EXPECT_INT(heard_at(client, servers), 1);
	EXPECT_INT(get(w, METRICS "/metrics"), 200);
	EXPECT(said(w, "\nkubeproxy_conntrack_reconciler_deleted_entries_total{ip_family=\"IPv4\"} "
		       "1\n"));
	for (int i = 0; i < 3; i++)
		close(servers[i]);
	close(client);
}

static void datagrams_in_world(void)
{
	in_world(datagrams);
}

TEST(datagrams_follow_when_their_endpoint_goes)
{
	netns_test_run(datagrams_in_world);
}

/* ---- SCTP, by its packets alone: the kernel may have none of its own ---- */

static uint32_t sctp_checksum(const unsigned char *at, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void put_checksum(unsigned char packet[32])
{
	memset(packet + 8, 0, 4);
	uint32_t sum = sctp_checksum(packet, 32);
	for (int i = 0; i < 4; i++)
		packet[8 + i] = (unsigned char)(sum >> 8 * i);
}

/* The first packet of an association. */
static void make_init(unsigned char packet[32], uint16_t from, uint16_t to)
{
	static const unsigned char init[20] = {1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1};

	memset(packet, 0, 32);
	packet[0] = (unsigned char)(from >> 8);
	packet[1] = (unsigned char)from;
	packet[2] = (unsigned char)(to >> 8);
	packet[3] = (unsigned char)to;
	memcpy(packet + 12, init, sizeof(init));
	put_checksum(packet);
}

/* That packet, whole, at port 8080; a masquerade may have changed where it comes from. */
static bool is_init(const unsigned char seen[32])
{
	unsigned char wanted[32];

	make_init(wanted, (uint16_t)(seen[0] << 8 | seen[1]), 8080);
	return memcmp(seen, wanted, 32) == 0;
}

static int sctp_socket(const char *address)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);

	EXPECT(fd >= 0);
	EXPECT_INT(inet_pton(AF_INET, address, &at.sin_addr), 1);
	EXPECT_INT(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Which of the places a new association comes to, at port 8080 and whole; -1: none. */
static int associate(const int *servers, int client, const char *to, uint16_t port)
{
	static uint16_t from = 20000;
	struct sockaddr_in at = {.sin_family = AF_INET};
	unsigned char packet[32], seen[256];
	int chosen = -1;

	make_init(packet, ++from, port);
	EXPECT_INT(inet_pton(AF_INET, to, &at.sin_addr), 1);
	if (sendto(client, packet, sizeof(packet), 0, (struct sockaddr *)&at, sizeof(at)) !=
		(ssize_t)sizeof(packet))
		return -1;
	for (int i = 0; i < 3; i++)
		while (recv(servers[i], seen, sizeof(seen), MSG_DONTWAIT) == 20 + 32)
			chosen = is_init(seen + 20) ? i : chosen;
	return chosen;
}

static void associations(struct world *w)
{
	int servers[3], client = sctp_socket(NODE_IP), counts[3] = {0};

	for (int i = 0; i < 3; i++)
		servers[i] = sctp_socket(places[i]);
	send_service(w, CLIENT_CREATE, "SCTP", "", ALL_ENDPOINTS);
	for (int i = 0; i < 60; i++) {
		int chosen = associate(servers, client, "10.96.0.9", 80);

		if (EXPECT(chosen >= 0))
			counts[chosen]++;
	}
	EXPECT(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
	EXPECT(associate(servers, client, NODE_IP, 30080) >= 0);
	EXPECT_INT(associate(servers, client, "10.96.0.9", 81), -1);
	send_service(w, CLIENT_UPDATE, "SCTP", "", AT("10.42.0.6"));
	for (int i = 0; i < 10; i++)
		EXPECT_INT(associate(servers, client, "10.96.0.9", 80), 1);
	send_service(w, CLIENT_UPDATE, "SCTP", "", "");
	EXPECT_INT(associate(servers, client, "10.96.0.9", 80), -1);
	for (int i = 0; i < 3; i++)
		close(servers[i]);
	close(client);
}

static void associations_in_world(void)
{
	in_world(associations);
}

TEST(associations_come_to_the_endpoints_of_now)
{
	netns_test_run(associations_in_world);
}
