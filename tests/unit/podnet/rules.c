#include "podnet/rules.h"

#include "test.h"

#include <kube/pod_network.h>

#include <netinet/in.h>

static struct ip ip_of(const char *text)
{
	struct ip ip = {0};

	EXPECT(ip_parse(str_from(text), &ip));
	return ip;
}

static void compile(const struct rules_input *in, struct arena *a, struct buf *out)
{
	struct nft_batch b = {.table = POD_NETWORK_TABLE, .arena = a};

	rules_compile(in, &b);
	nft_print(&b, out);
}

static struct rules_input two_families(void)
{
	struct rules_input in = {.pod_cidr_count = 2, .cluster_cidr_count = 2};

	EXPECT(cidr_parse(STR("10.42.3.0/24"), &in.pod_cidrs[0]));
	EXPECT(cidr_parse(STR("fd42:0:0:3::/64"), &in.pod_cidrs[1]));
	EXPECT(cidr_parse(STR("10.42.0.0/16"), &in.cluster_cidrs[0]));
	EXPECT(cidr_parse(STR("fd42::/48"), &in.cluster_cidrs[1]));
	return in;
}

#define T "inet kube-pods "
static const char without_pods[] =
	"add table inet kube-pods\n"
	"delete table inet kube-pods\n"
	"add table inet kube-pods\n"
	"add map " T "hostports4 { type ipv4_addr . inet_proto . inet_service : verdict; }\n"
	"add map " T "hostports6 { type ipv6_addr . inet_proto . inet_service : verdict; }\n"
	"add map " T "hostports { type inet_proto . inet_service : verdict; }\n"
	"add set " T "own4 { type ipv4_addr . ipv4_addr; }\n"
	"add set " T "own6 { type ipv6_addr . ipv6_addr; }\n"
	"add chain " T "prerouting { type nat hook prerouting priority -99; }\n"
	"add rule " T "prerouting ip6 daddr ::1/128 return\n"
	"add rule " T "prerouting meta nfproto ipv4 ip daddr . meta l4proto . th dport vmap "
	"@hostports4\n"
	"add rule " T "prerouting meta nfproto ipv6 ip6 daddr . meta l4proto . th dport vmap "
	"@hostports6\n"
	"add rule " T "prerouting fib daddr type local meta l4proto . th dport vmap @hostports\n"
	"add chain " T "output { type nat hook output priority -99; }\n"
	"add rule " T "output ip6 daddr ::1/128 return\n"
	"add rule " T "output meta nfproto ipv4 ip daddr . meta l4proto . th dport vmap "
	"@hostports4\n"
	"add rule " T "output meta nfproto ipv6 ip6 daddr . meta l4proto . th dport vmap "
	"@hostports6\n"
	"add rule " T "output fib daddr type local meta l4proto . th dport vmap @hostports\n"
	"add chain " T "postrouting { type nat hook postrouting priority 100; }\n"
	"add rule " T "postrouting meta nfproto ipv4 ip saddr . ip daddr @own4 masquerade "
	"fully-random\n"
	"add rule " T "postrouting meta nfproto ipv6 ip6 saddr . ip6 daddr @own6 masquerade "
	"fully-random\n"
	"add rule " T "postrouting ip saddr 127.0.0.0/8 ip daddr 10.42.3.0/24 masquerade "
	"fully-random\n"
	"add rule " T "postrouting ip saddr 10.42.3.0/24 ip daddr != 224.0.0.0/4 ip daddr != "
	"10.42.0.0/16 masquerade fully-random\n"
	"add rule " T "postrouting ip6 saddr fd42:0:0:3::/64 ip6 daddr != ff00::/8 ip6 daddr != "
	"fd42::/48 masquerade fully-random\n"
	"add chain " T "guard { type filter hook prerouting priority -300; }\n"
	"add rule " T "guard iif != lo ip daddr 127.0.0.0/8 drop\n"
	"add rule " T
	"guard meta nfproto ipv6 iifname \"kube*\" fib saddr . iif oif missing drop\n";

TEST(a_node_without_host_ports_masquerades_and_guards)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	_cleanup_(arena_done) struct arena a;
	struct rules_input in = two_families();

	arena_init(&a);
	compile(&in, &a, &out);
	EXPECT_STR(buf_str(&out), without_pods);
}

static bool has(struct buf *out, const char *line)
{
	return EXPECT(str_find(buf_str(out), str_from(line)) >= 0);
}

static bool lacks(struct buf *out, const char *line)
{
	return EXPECT(str_find(buf_str(out), str_from(line)) < 0);
}

static struct rules_pod pod_of(
	const char *ip4, const char *ip6, const struct runtime_port *ports, size_t count)
{
	struct rules_pod p = {.ips = {ip_of(ip4), ip_of(ip6)}, .ip_count = 2};

	p.ports = (struct runtime_ports){ports, count};
	return p;
}

TEST(host_ports_go_to_their_pod_in_each_family)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	_cleanup_(arena_done) struct arena a;
	const struct runtime_port ports[] = {
		{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80},
		{.protocol = IPPROTO_UDP,
			.host_port = 53,
			.container_port = 5353,
			.host_ip = ip_of("192.168.7.2")},
		{.protocol = IPPROTO_SCTP,
			.host_port = 9,
			.container_port = 99,
			.host_ip = ip_of("fd07::2")},
		{.protocol = IPPROTO_TCP,
			.host_port = 81,
			.container_port = 81,
			.host_ip = ip_of("0.0.0.0")},
		{.protocol = IPPROTO_TCP, .container_port = 82}};
	struct rules_pod pod = pod_of("10.42.3.4", "fd42:0:0:3::4", ports, ARRAY_LEN(ports));
	struct rules_input in = two_families();

	in.pods = &pod;
	in.pod_count = 1;
	arena_init(&a);
	compile(&in, &a, &out);
	has(&out, "add rule " T "tcp-8080-0 meta nfproto ipv4 meta l4proto tcp dnat ip to "
		  "10.42.3.4:80\n");
	has(&out, "add rule " T "tcp-8080-0 meta nfproto ipv6 meta l4proto tcp dnat ip6 to "
		  "[fd42:0:0:3::4]:80\n");
	has(&out, "add rule " T "udp-53-1 meta nfproto ipv4 meta l4proto udp dnat ip to "
		  "10.42.3.4:5353\n");
	lacks(&out, "udp-53-1 meta nfproto ipv6");
	has(&out, "add rule " T "sctp-9-2 meta nfproto ipv6 meta l4proto sctp dnat ip6 to "
		  "[fd42:0:0:3::4]:99\n");
	lacks(&out, "sctp-9-2 meta nfproto ipv4");
	has(&out, "192.168.7.2 . udp . 53 : goto udp-53-1");
	has(&out, "fd07::2 . sctp . 9 : goto sctp-9-2");
	has(&out, "tcp . 8080 : goto tcp-8080-0");
	has(&out, "tcp . 81 : goto tcp-81-3");
	lacks(&out, "tcp-81-3 meta nfproto ipv6");
	lacks(&out, "82");
	has(&out, "own4 { 10.42.3.4 . 10.42.3.4 }");
	has(&out, "own6 { fd42:0:0:3::4 . fd42:0:0:3::4 }");
}

TEST(of_two_pods_with_one_port_the_first_has_it)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	_cleanup_(arena_done) struct arena a;
	const struct runtime_port any = {.protocol = IPPROTO_TCP,
					  .host_port = 8080,
					  .container_port = 80},
				  zeros = {.protocol = IPPROTO_TCP,
					  .host_port = 8080,
					  .container_port = 80,
					  .host_ip = ip_of("0.0.0.0")},
				  own = {.protocol = IPPROTO_TCP,
					  .host_port = 8080,
					  .container_port = 80,
					  .host_ip = ip_of("127.0.0.1")};
	struct rules_pod pods[] = {pod_of("10.42.3.4", "fd42::4", &any, 1),
		pod_of("10.42.3.5", "fd42::5", &zeros, 1), pod_of("10.42.3.6", "fd42::6", &own, 1)};
	struct rules_input in = two_families();
	const struct runtime_port *found;
	struct ip there = ip_of("127.0.0.1"), elsewhere = ip_of("192.168.7.2"),
		  six = ip_of("fd07::2");

	in.pods = pods;
	in.pod_count = 3;
	arena_init(&a);
	compile(&in, &a, &out);
	has(&out, "dnat ip to 10.42.3.4:80");
	lacks(&out, "dnat ip to 10.42.3.5:80");
	has(&out, "dnat ip to 10.42.3.6:80");
	EXPECT(rules_find(&in, IPPROTO_TCP, &there, 8080, &found) == &pods[2]);
	EXPECT(rules_find(&in, IPPROTO_TCP, &elsewhere, 8080, &found) == &pods[0]);
	EXPECT(rules_find(&in, IPPROTO_TCP, &six, 8080, &found) == &pods[0]);
	EXPECT(!rules_find(&in, IPPROTO_UDP, &elsewhere, 8080, &found));
	EXPECT(!rules_find(&in, IPPROTO_TCP, &elsewhere, 8081, &found));
}

TEST(a_cluster_without_cidrs_is_the_node)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	_cleanup_(arena_done) struct arena a;
	struct rules_input in = two_families();

	in.cluster_cidr_count = 0;
	in.pod_cidr_count = 1;
	arena_init(&a);
	compile(&in, &a, &out);
	has(&out, "ip saddr 10.42.3.0/24 ip daddr != 224.0.0.0/4 ip daddr != 10.42.3.0/24 "
		  "masquerade");
	lacks(&out, "ip6 saddr fd42");
}
