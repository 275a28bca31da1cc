/* Connections of UDP are listed and deleted; those of others stay. */
#include "netns_test.h"

#include <kube/conntrack.h>
#include <kube/nft.h>
#include <kube/route.h>

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TABLE "kube-test"

/* 10.43.0.9:53 and [fd43::9]:53 are answered by port 5353 of this machine. */
static void make_service(void)
{
	static const struct nft_hook output = {"nat", NFT_OUTPUT, -100};
	_cleanup_(arena_done) struct arena a;
	struct nft_batch b = {.table = TABLE, .arena = &a};
	struct nft_rule rules[4] = {0};
	struct nft_chain chain = {
		.name = STR("out"), .hook = &output, .rules = rules, .rule_count = 4};
	static const char *const to[] = {"10.43.0.9/32", "fd43::9/128"};
	static const char *const by[] = {"10.0.0.1", "fd00::1"};
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	struct err err = {0};

	arena_init(&a);
	for (int i = 0; i < 4; i++) {
		struct nft_step match = {.op = RULE_DESTINATION},
				dnat = {.op = RULE_DNAT, .number = 5353};

		EXPECT(cidr_parse(str_from(to[i / 2]), &match.cidr));
		EXPECT(ip_parse(str_from(by[i / 2]), &dnat.cidr.ip));
		nft_rule_add(&rules[i], match);
		nft_rule_add(&rules[i],
			(struct nft_step){.op = RULE_PROTOCOL, .number = protocols[i % 2]});
		nft_rule_add(&rules[i], dnat);
	}
	nft_batch_add(&b, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(&b, (struct nft_change){.kind = NFT_ADD_CHAIN, .chain = &chain});
	nft_batch_add(&b, (struct nft_change){.kind = NFT_ADD_RULES, .chain = &chain});
	EXPECT_OK(nft_send(&b, &err), &err);
}

/* The machine has addresses, and a way out for what is virtual. */
static void open_network(void)
{
	static const struct route_link_change up = {.up = true};
	const struct route_veth cable = {
		.name = "out", .peer_name = "world", .peer_netns = netns_test_new()};
	static const char *const own[] = {"10.0.0.1/32", "fd00::1/128"};
	static const char *const virtual[] = {"10.43.0.0/16", "fd43::/64"};
	struct route_link link;
	struct route *r, *world;
	struct err err = {0};

	REQUIRE_OK(route_open(&r, -1, &err), &err);
	EXPECT_OK(route_change_link(r, 1, &up, &err), &err);
	EXPECT_OK(route_add_veth(r, &cable, &err), &err);
	REQUIRE_OK(route_open(&world, cable.peer_netns, &err), &err);
	EXPECT_OK(route_find_link(world, "world", &link, &err), &err);
	EXPECT_OK(route_change_link(world, link.index, &up, &err), &err);
	route_close(world); /* the descriptor keeps it alive */
	EXPECT_OK(route_find_link(r, "out", &link, &err), &err);
	EXPECT_OK(route_change_link(r, link.index, &up, &err), &err);
	for (int i = 0; i < 2; i++) {
		struct route_entry way = {.link = link.index};
		struct cidr address;

		EXPECT(cidr_parse(str_from(own[i]), &address));
		EXPECT_OK(route_add_address(r, 1, &address, &err), &err);
		EXPECT(cidr_parse(str_from(virtual[i]), &way.to));
		EXPECT_OK(route_add(r, &way, &err), &err);
	}
	route_close(r);
}

struct seen {
	struct conntrack_flow flows[16];
	size_t count;
	const char *doomed; /* the virtual address whose flows go; NULL: none */
};

static bool choose(void *ctx, const struct conntrack_flow *flow)
{
	struct seen *s = ctx;
	struct ip doomed = {0};

	if (s->count < ARRAY_LEN(s->flows))
		s->flows[s->count++] = *flow;
	return s->doomed && ip_parse(str_from(s->doomed), &doomed) &&
	       ip_eq(&flow->first.destination, &doomed) && flow->first.destination_port == 53;
}

static size_t sweep(uint8_t protocol, struct seen *s)
{
	struct err err = {0};
	size_t count = 99;

	s->count = 0;
	EXPECT_OK(conntrack_delete(protocol, choose, s, &count, &err), &err);
	return count;
}

static void of_one_service(void)
{
	struct seen s = {0};

	open_network();
	make_service();
	int server4 = netns_test_socket(-1, SOCK_DGRAM, "10.0.0.1", 5353),
	    server6 = netns_test_socket(-1, SOCK_DGRAM, "fd00::1", 5353),
	    stream = netns_test_socket(-1, SOCK_STREAM, "10.0.0.1", 5353);
	struct address seen;
	EXPECT_INT(netns_test_echo(-1, SOCK_DGRAM, "10.43.0.9", 53, server4, &seen), 0);
	EXPECT_INT(netns_test_echo(-1, SOCK_DGRAM, "fd43::9", 53, server6, NULL), 0);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, "10.43.0.9", 53, stream, NULL), 0);

	EXPECT_INT(sweep(IPPROTO_UDP, &s), 0);
	REQUIRE(s.count == 2);
	EXPECT_INT(s.flows[0].protocol, IPPROTO_UDP);
	EXPECT_INT(s.flows[0].first.destination_port, 53);
	EXPECT_INT(s.flows[0].first.source_port, seen.port);
	EXPECT_INT(s.flows[0].answer.source_port, 5353);
	EXPECT_INT(s.flows[0].answer.source.bytes[3], 1);
	EXPECT_INT(s.flows[1].first.destination.len, 16);
	EXPECT_INT(s.flows[1].answer.source.bytes[15], 1);

	s.doomed = "10.43.0.9";
	EXPECT_INT(sweep(IPPROTO_UDP, &s), 1);
	EXPECT_INT(sweep(IPPROTO_UDP, &s), 0);
	EXPECT_INT(s.count, 1);
	s.doomed = "fd43::9";
	EXPECT_INT(sweep(IPPROTO_UDP, &s), 1);
	EXPECT_INT(sweep(IPPROTO_UDP, &s), 0);
	EXPECT_INT(s.count, 0);
	s.doomed = NULL;
	EXPECT_INT(sweep(IPPROTO_TCP, &s), 0);
	EXPECT_INT(s.count, 1);
	close(server4);
	close(server6);
	close(stream);
}

TEST(flows_of_one_service_are_deleted_and_others_stay)
{
	netns_test_run(of_one_service);
}

static void many(void)
{
	struct seen s = {.doomed = "10.43.0.9"};

	open_network();
	make_service();
	int server = netns_test_socket(-1, SOCK_DGRAM, "10.0.0.1", 5353);
	for (int i = 0; i < 1000; i++)
		EXPECT_INT(netns_test_echo(-1, SOCK_DGRAM, "10.43.0.9", 53, server, NULL), 0);
	/* Some had a port that another had had before. */
	EXPECT(sweep(IPPROTO_UDP, &s) > 900);
	EXPECT_INT(sweep(IPPROTO_UDP, &s), 0);
	EXPECT_INT(s.count, 0);
	close(server);
}

TEST(a_thousand_flows_are_deleted)
{
	netns_test_run(many);
}
