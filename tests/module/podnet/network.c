/* Pods, their node and the world talk to each other. */
#include "loop_pods.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void seen_is(const struct address *seen, const char *wanted)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	ip_print(&text, &seen->ip);
	EXPECT_STR(buf_str(&text), wanted);
}

/* From `client` to a server at `ip` in `server`, which sees `seen`. */
static void reaches(int client, int server, const char *ip, const char *seen)
{
	struct address who = {0};
	int fd = netns_test_socket(server, SOCK_STREAM, ip, 80);

	if (EXPECT_INT(netns_test_echo(client, SOCK_STREAM, ip, 80, fd, &who), 0))
		seen_is(&who, seen);
	else
		test_fail(__FILE__, __LINE__, "%s at %s", seen, ip);
	close(fd);
}

static void all_directions(void)
{
	struct node_pod a, b;
	struct err err = {0};
	struct node n;

	node_pod_make(&a, 1);
	node_pod_make(&b, 2);
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	REQUIRE_OK(node_attach(&n, &b, &err), &err);
	REQUIRE(a.ip_count == 2 && b.ip_count == 2);
	EXPECT_TEXT(a.text[0], "10.42.0.2");
	EXPECT_TEXT(a.text[1], "fd42::2");
	EXPECT_TEXT(b.text[0], "10.42.0.3");
	EXPECT_TEXT(b.text[1], "fd42::3");
	for (int i = 0; i < 2; i++) {
		reaches(a.netns, b.netns, b.text[i], a.text[i]);
		reaches(b.netns, a.netns, a.text[i], b.text[i]);
		reaches(a.netns, a.netns, a.text[i], a.text[i]);
		reaches(a.netns, -1, i ? NODE_OWN6 : NODE_OWN4, a.text[i]);
		reaches(-1, a.netns, a.text[i], i ? NODE_OWN6 : NODE_OWN4);
		/* The world knows no way to pods: it sees the node. */
		reaches(a.netns, n.world, i ? NODE_WORLD6 : NODE_WORLD4, i ? NODE_OWN6 : NODE_OWN4);
		/* What no pod has is nowhere. */
		EXPECT_INT(netns_test_echo(
				   -1, SOCK_STREAM, i ? "fd42::99" : "10.42.0.99", 80, -1, NULL),
			EHOSTUNREACH);
	}
	reaches(a.netns, a.netns, "127.0.0.1", "127.0.0.1");
	EXPECT_OK(node_detach(&n, &a, &err), &err);
	EXPECT_OK(node_detach(&n, &a, &err), &err);
	EXPECT_INT(netns_test_echo(b.netns, SOCK_STREAM, a.text[0], 80, -1, NULL), EHOSTUNREACH);
	EXPECT_INT(pod_network_count(n.network), 2);
	node_end(&n);
	node_pod_end(&a);
	node_pod_end(&b);
}

TEST(pods_reach_each_other_the_node_and_the_world)
{
	netns_test_run(all_directions);
}

static void inside(void)
{
	struct node_pod p;
	struct err err = {0};
	char out[2048];
	struct node n;

	node_pod_make(&p, 0xabc);
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &p, &err), &err);
	netns_test_shell(p.netns, out, sizeof(out), "ip -4 route");
	EXPECT_TEXT(out, "default via 169.254.1.1 dev eth0 proto static \n"
			 "169.254.1.1 dev eth0 proto static scope link \n");
	netns_test_shell(p.netns, out, sizeof(out), "ip -6 route show default");
	EXPECT_TEXT(out, "default via fe80::1 dev eth0 proto static metric 1024 pref medium\n");
	/* As large as what leaves the node may be; nothing tentative. */
	netns_test_shell(p.netns, out, sizeof(out),
		"ip -o link show eth0 | sed 's/.*mtu \\([0-9]*\\).*/\\1/'");
	EXPECT_TEXT(out, "1450\n");
	netns_test_shell(p.netns, out, sizeof(out), "ip -6 addr show dev eth0 tentative");
	EXPECT_TEXT(out, "");
	netns_test_shell(p.netns, out, sizeof(out), "ip -o addr show dev eth0 | awk '{print $4}'");
	EXPECT_TEXT(out, "10.42.0.2/32\nfd42::2/128\nfe80::858:aff:fe2a:2/64\n");
	netns_test_shell(-1, out, sizeof(out),
		"ip -o link show kube00000abc000 | grep -o 'alias .*' | cut -c1-30");
	EXPECT_TEXT(out, "alias 00000abc0000000000000000\n");
	node_end(&n);
	node_pod_end(&p);
}

TEST(a_pod_finds_its_addresses_routes_and_mtu)
{
	netns_test_run(inside);
}

/* ---- host ports ---- */

/* The client's words for the port of the node arrive in the pod. */
static void port_reaches(
	int client, int type, const char *to, uint16_t port, const struct node_pod *p, int family)
{
	int fd = netns_test_socket(p->netns, type, p->text[family], 80);
	int failed = netns_test_echo(client, type, to, port, fd, NULL);

	if (!EXPECT_INT(failed, 0))
		test_fail(__FILE__, __LINE__, "%s port %u", to, port);
	close(fd);
}

static const struct runtime_port tcp_and_udp[] = {
	{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80},
	{.protocol = IPPROTO_UDP, .host_port = 8080, .container_port = 80},
};

static void host_ports(void)
{
	struct node_pod p, other;
	struct err err = {0};
	struct node n;

	node_pod_make(&p, 1);
	node_pod_make(&other, 2);
	p.sandbox.ports = (struct runtime_ports){tcp_and_udp, 2};
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &other, &err), &err);
	EXPECT_INT(netns_test_echo(n.world, SOCK_STREAM, NODE_OWN4, 8080, -1, NULL), ECONNREFUSED);
	REQUIRE_OK(node_attach(&n, &p, &err), &err);
	const int clients[] = {n.world, -1, other.netns, p.netns};
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		test_context("client %zu", i);
		port_reaches(clients[i], SOCK_STREAM, NODE_OWN4, 8080, &p, 0);
		port_reaches(clients[i], SOCK_STREAM, NODE_OWN6, 8080, &p, 1);
		port_reaches(clients[i], SOCK_DGRAM, NODE_OWN4, 8080, &p, 0);
		port_reaches(clients[i], SOCK_DGRAM, NODE_OWN6, 8080, &p, 1);
	}
	test_context_end();
	port_reaches(-1, SOCK_STREAM, "127.0.0.1", 8080, &p, 0);
	port_reaches(-1, SOCK_DGRAM, "127.0.0.1", 8080, &p, 0);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, "::1", 8080, -1, NULL), ECONNREFUSED);

	REQUIRE_OK(node_detach(&n, &p, &err), &err);
	EXPECT_INT(netns_test_echo(n.world, SOCK_STREAM, NODE_OWN4, 8080, -1, NULL), ECONNREFUSED);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, "127.0.0.1", 8080, -1, NULL), ECONNREFUSED);
	node_end(&n);
	node_pod_end(&p);
	node_pod_end(&other);
}

TEST(host_ports_are_reached_from_the_world_the_node_other_pods_and_the_pod_itself)
{
	netns_test_run(host_ports);
}

static void host_addresses(void)
{
	struct runtime_port ports[] = {
		{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80},
		{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80},
		{.protocol = IPPROTO_UDP, .host_port = 8080, .container_port = 80}};
	struct node_pod p[3];
	struct err err = {0};
	struct node n;

	EXPECT(ip_parse(STR("127.0.0.1"), &ports[0].host_ip));
	EXPECT(ip_parse(STR(NODE_OWN4), &ports[1].host_ip));
	EXPECT(ip_parse(STR(NODE_OWN4), &ports[2].host_ip));
	for (int i = 0; i < 3; i++) {
		node_pod_make(&p[i], i);
		p[i].sandbox.ports = (struct runtime_ports){&ports[i], 1};
	}
	node_begin(&n);
	for (int i = 0; i < 3; i++)
		REQUIRE_OK(node_attach(&n, &p[i], &err), &err);
	port_reaches(-1, SOCK_STREAM, "127.0.0.1", 8080, &p[0], 0);
	port_reaches(n.world, SOCK_STREAM, NODE_OWN4, 8080, &p[1], 0);
	port_reaches(-1, SOCK_STREAM, NODE_OWN4, 8080, &p[1], 0);
	port_reaches(n.world, SOCK_DGRAM, NODE_OWN4, 8080, &p[2], 0);
	EXPECT_INT(netns_test_echo(n.world, SOCK_STREAM, NODE_OWN6, 8080, -1, NULL), ECONNREFUSED);
	node_end(&n);
	for (int i = 0; i < 3; i++)
		node_pod_end(&p[i]);
}

TEST(one_port_of_two_addresses_and_two_protocols_goes_to_three_pods)
{
	netns_test_run(host_addresses);
}

/* A client that goes on sending from the same port must find the new pod. */
static void udp_follows(void)
{
	struct node_pod a, b;
	struct err err = {0};
	struct node n;
	char heard[8];

	node_pod_make(&a, 1);
	node_pod_make(&b, 2);
	a.sandbox.ports = b.sandbox.ports = (struct runtime_ports){&tcp_and_udp[1], 1};
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(8080)};
	memcpy(&to.sin_addr, (uint8_t[]){192, 168, 7, 2}, 4);
	int client = netns_test_socket(n.world, SOCK_DGRAM, NODE_WORLD4, 5000),
	    first = netns_test_socket(a.netns, SOCK_DGRAM, a.text[0], 80);
	EXPECT_INT(sendto(client, "echo", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	EXPECT_INT(recv(first, heard, sizeof(heard), 0), 4);
	REQUIRE_OK(node_detach(&n, &a, &err), &err);
	REQUIRE_OK(node_attach(&n, &b, &err), &err);
	int second = netns_test_socket(b.netns, SOCK_DGRAM, b.text[0], 80);
	EXPECT_INT(sendto(client, "echo", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	EXPECT_INT(recv(second, heard, sizeof(heard), 0), 4);
	close(client);
	close(first);
	close(second);
	node_end(&n);
	node_pod_end(&a);
	node_pod_end(&b);
}

TEST(udp_goes_to_the_new_pod_of_a_host_port)
{
	netns_test_run(udp_follows);
}

/* ---- how much they may send ---- */

static void limited(void)
{
	struct node_pod a, b;
	struct err err = {0};
	char out[512];
	struct node n;

	node_pod_make(&a, 1);
	node_pod_make(&b, 2);
	a.sandbox.bandwidth =
		(struct runtime_bandwidth){.ingress = 8 * 1000 * 1000, .egress = 80000000000};
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	REQUIRE_OK(node_attach(&n, &b, &err), &err);
	netns_test_shell(-1, out, sizeof(out), "tc qdisc show | grep -c ' tbf '");
	EXPECT_TEXT(out, "1\n");
	netns_test_shell(-1, out, sizeof(out), "tc qdisc show | grep -o 'tbf .*rate 8Mbit'");
	EXPECT(strstr(out, "root") != NULL);
	netns_test_shell(
		a.netns, out, sizeof(out), "tc qdisc show dev eth0 | grep -o 'rate [^ ]*'");
	EXPECT_TEXT(out, "rate 80Gbit\n");
	netns_test_shell(b.netns, out, sizeof(out), "tc qdisc show dev eth0 | grep -c tbf || true");
	EXPECT_TEXT(out, "0\n");
	reaches(a.netns, b.netns, b.text[0], a.text[0]);
	/* Found again after a restart, it keeps its limits. */
	a.sandbox.bandwidth = (struct runtime_bandwidth){0};
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	netns_test_shell(-1, out, sizeof(out), "tc qdisc show | grep -c ' tbf '");
	EXPECT_TEXT(out, "1\n");
	node_end(&n);
	node_pod_end(&a);
	node_pod_end(&b);
}

TEST(a_pod_receives_and_sends_no_more_than_it_may)
{
	netns_test_run(limited);
}

/* ---- what pods may not ---- */

static void guarded(void)
{
	struct node_pod p;
	struct err err = {0};
	char out[256];
	struct node n;

	node_pod_make(&p, 1);
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &p, &err), &err);
	int server = netns_test_socket(-1, SOCK_DGRAM, "127.0.0.1", 53),
	    any = netns_test_socket(-1, SOCK_DGRAM, "0.0.0.0", 54);
	/* A pod with privileges sends to the node's 127.0.0.1 by its gateway. */
	netns_test_shell(p.netns, out, sizeof(out),
		"ip addr del 127.0.0.1/8 dev lo && ip route del table local 127.0.0.0/8 "
		"2>/dev/null; "
		"ip route add 127.0.0.1 via 169.254.1.1 dev eth0 src 10.42.0.2 && "
		"ip addr add 10.42.0.77/32 dev eth0 && echo 1 "
		">/proc/sys/net/ipv4/conf/eth0/route_localnet");
	netns_test_echo(p.netns, SOCK_DGRAM, "127.0.0.1", 53, -1, NULL);
	char heard[8];
	EXPECT_INT(recv(server, heard, sizeof(heard), 0), -1);
	/* And from an address that is not its own. */
	int fake = netns_test_socket(p.netns, SOCK_DGRAM, "10.42.0.77", 1000);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(54)};
	memcpy(&to.sin_addr, (uint8_t[]){192, 168, 7, 2}, 4);
	sendto(fake, "echo", 4, 0, (struct sockaddr *)&to, sizeof(to));
	EXPECT_INT(recv(any, heard, sizeof(heard), 0), -1);
	/* Nor of IPv6, while it may from its own. */
	int six = netns_test_socket(-1, SOCK_DGRAM, "::", 55);
	EXPECT_INT(netns_test_echo(p.netns, SOCK_DGRAM, NODE_OWN6, 55, six, NULL), 0);
	netns_test_shell(p.netns, out, sizeof(out), "ip addr add fd42::77/128 dev eth0 nodad");
	/* An address may be bound to as soon as the kernel has got round to it. */
	for (int i = 0; i < 50; i++)
		netns_test_shell(p.netns, out, sizeof(out), "ip -6 route get fd42::77 | cut -c1-5");
	EXPECT_TEXT(out, "local\n");
	int fake6 = netns_test_socket(p.netns, SOCK_DGRAM, "fd42::77", 1000);
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(55)};
	EXPECT(inet_pton(AF_INET6, NODE_OWN6, &to6.sin6_addr) == 1);
	sendto(fake6, "echo", 4, 0, (struct sockaddr *)&to6, sizeof(to6));
	EXPECT_INT(recv(six, heard, sizeof(heard), 0), -1);
	close(fake6);
	close(six);
	close(fake);
	close(server);
	close(any);
	node_end(&n);
	node_pod_end(&p);
}

TEST(pods_neither_reach_the_loopback_of_the_node_nor_borrow_addresses)
{
	netns_test_run(guarded);
}
