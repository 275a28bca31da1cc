/* Two namespaces and a cable between them: links, addresses, routes and neighbours. */
#include "netns_test.h"

#include <kube/netns.h>
#include <kube/route.h>

#include <errno.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct cidr cidr(const char *text)
{
	struct cidr c = {0};

	EXPECT(cidr_parse(str_from(text), &c));
	return c;
}

static struct ip ip(const char *text)
{
	struct ip ip = {0};

	EXPECT(ip_parse(str_from(text), &ip));
	return ip;
}

struct two {
	struct route *here, *there;
	int other;
	struct route_link near, far;
};

static const struct route_veth cable = {.name = "near",
	.alias = "a sandbox",
	.peer_name = "far",
	.mac = {{0x0a, 0x58, 1, 2, 3, 4}},
	.peer_mac = {{0x0a, 0x58, 4, 3, 2, 1}},
	.mtu = 1400};

static bool connect_two(struct two *t)
{
	static const struct route_link_change up = {.up = true};
	struct route_veth veth = cable;
	struct err err = {0};

	*t = (struct two){.other = netns_test_new()};
	veth.peer_netns = t->other;
	return EXPECT_OK(route_open(&t->here, -1, &err), &err) &&
	       EXPECT_OK(route_open(&t->there, t->other, &err), &err) &&
	       EXPECT_OK(route_add_veth(t->here, &veth, &err), &err) &&
	       EXPECT_OK(route_find_link(t->here, "near", &t->near, &err), &err) &&
	       EXPECT_OK(route_find_link(t->there, "far", &t->far, &err), &err) &&
	       EXPECT_OK(route_change_link(t->here, t->near.index, &up, &err), &err) &&
	       EXPECT_OK(route_change_link(t->there, t->far.index, &up, &err), &err);
}

static void leave_two(struct two *t)
{
	EXPECT_INT(route_remove_link(t->here, "near", NULL), 0);
	route_close(t->here);
	route_close(t->there);
	close(t->other);
}

static void links_are_found_as_made(void)
{
	_cleanup_(arena_done) struct arena a;
	struct route_link *links, gone;
	struct err err = {0};
	struct two t;
	size_t count;

	arena_init(&a);
	REQUIRE(connect_two(&t));
	EXPECT_TEXT(t.near.name, "near");
	EXPECT_TEXT(t.near.kind, "veth");
	EXPECT_TEXT(t.near.alias, "a sandbox");
	EXPECT_INT(t.near.mtu, 1400);
	EXPECT(memcmp(&t.near.mac, &cable.mac, sizeof(cable.mac)) == 0);
	EXPECT_TEXT(t.far.alias, "");
	EXPECT_INT(t.far.mtu, 1400);
	EXPECT(memcmp(&t.far.mac, &cable.peer_mac, sizeof(cable.mac)) == 0);
	REQUIRE_OK(route_list_links(t.here, &a, &links, &count, &err), &err);
	EXPECT_INT(count, 2);
	EXPECT_TEXT(links[0].name, "lo");
	EXPECT(!links[0].up);
	EXPECT(links[1].up);

	struct route_veth again = cable;
	again.peer_netns = t.other;
	EXPECT_INT(route_add_veth(t.here, &again, &err), ERR_ALREADY_EXISTS);
	EXPECT_TEXT(err_text(&err), "adding links near and far: file exists");
	EXPECT_OK(route_remove_link(t.here, "near", &err), &err);
	EXPECT_OK(route_remove_link(t.here, "near", &err), &err);
	EXPECT_INT(route_find_link(t.there, "far", &gone, &err), ERR_NOT_FOUND);
	err_done(&err);
	leave_two(&t);
}

TEST(links_are_found_as_they_were_made_and_go_with_their_other_end)
{
	netns_test_run(links_are_found_as_made);
}

static void packets_go(const char *here, const char *there)
{
	struct route_entry to = {.to = cidr(there)}, back = {.to = cidr(here)};
	struct err err = {0};
	struct two t;

	REQUIRE(connect_two(&t));
	to.link = t.near.index;
	back.link = t.far.index;
	EXPECT_OK(route_add_address(t.here, t.near.index, &back.to, &err), &err);
	EXPECT_OK(route_add_address(t.there, t.far.index, &to.to, &err), &err);
	EXPECT_OK(route_add_address(t.there, t.far.index, &to.to, &err), &err);
	EXPECT_OK(route_add(t.here, &to, &err), &err);
	EXPECT_OK(route_add(t.there, &back, &err), &err);
	EXPECT_INT(route_add(t.here, &to, &err), ERR_ALREADY_EXISTS);
	err_done(&err);
	EXPECT_OK(route_replace(t.here, &to, &err), &err);
	EXPECT_OK(
		route_set_neighbour(t.here, t.near.index, &to.to.ip, &cable.peer_mac, &err), &err);
	EXPECT_OK(route_set_neighbour(t.there, t.far.index, &back.to.ip, &cable.mac, &err), &err);

	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct address seen;
	uint32_t way;
	ip_print(&text, &to.to.ip);
	EXPECT_OK(route_find_way(t.here, &to.to.ip, &way, &err), &err);
	EXPECT_INT(way, t.near.index);
	int server = netns_test_socket(t.other, SOCK_STREAM, buf_text(&text), 80);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, buf_text(&text), 80, server, &seen), 0);
	EXPECT(ip_eq(&seen.ip, &back.to.ip));
	close(server);

	EXPECT_OK(route_remove(t.here, &to, &err), &err);
	EXPECT_OK(route_remove(t.here, &to, &err), &err);
	EXPECT_INT(route_find_way(t.here, &to.to.ip, &way, &err), ERR_UNREACHABLE);
	err_done(&err);
	leave_two(&t);
}

static void both_families(void)
{
	packets_go("10.0.0.1/32", "10.0.0.2/32");
	packets_go("fd00::1/128", "fd00::2/128");
}

TEST(packets_go_where_routes_say)
{
	netns_test_run(both_families);
}

/* Through a link without an address: the sender is the node's own, not that of a service. */
static void sender_is(const char *service, const char *own, const char *there)
{
	struct route_entry to = {.to = cidr(there)}, back = {.to = cidr(own)};
	struct cidr held = cidr(service);
	struct err err = {0};
	struct address seen;
	struct two t;

	REQUIRE(connect_two(&t));
	to.link = t.near.index;
	back.link = t.far.index;
	netns_test_shell(-1, (char[16]){0}, 16, "ip link set lo up");
	EXPECT_OK(route_add_service_address(t.here, 1, &held, &err), &err);
	EXPECT_OK(route_add_address(t.here, 1, &back.to, &err), &err);
	EXPECT_OK(route_add_address(t.there, t.far.index, &to.to, &err), &err);
	EXPECT_OK(route_add(t.here, &to, &err), &err);
	EXPECT_OK(route_add(t.there, &back, &err), &err);
	EXPECT_OK(
		route_set_neighbour(t.here, t.near.index, &to.to.ip, &cable.peer_mac, &err), &err);
	EXPECT_OK(route_set_neighbour(t.there, t.far.index, &back.to.ip, &cable.mac, &err), &err);

	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	ip_print(&text, &to.to.ip);
	int server = netns_test_socket(t.other, SOCK_STREAM, buf_text(&text), 80);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, buf_text(&text), 80, server, &seen), 0);
	EXPECT(ip_eq(&seen.ip, &back.to.ip));
	close(server);
	buf_clear(&text);
	ip_print(&text, &held.ip);
	server = netns_test_socket(-1, SOCK_STREAM, buf_text(&text), 80);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, buf_text(&text), 80, server, NULL), 0);
	close(server);
	leave_two(&t);
}

static void senders(void)
{
	sender_is("10.0.0.9/32", "10.0.0.1/32", "10.0.0.2/32");
	/* The nearest to where it goes would be chosen. */
	sender_is("fd00::3/128", "fd00::1/128", "fd00::2/128");
}

TEST(addresses_of_services_are_no_senders)
{
	netns_test_run(senders);
}

static void default_and_unreachable(void)
{
	_cleanup_(arena_done) struct arena a;
	struct route_entry gateway = {.to = cidr("169.254.1.1/32")},
			   usual = {.to = cidr("0.0.0.0/0"), .by = ip("169.254.1.1")},
			   nowhere = {.to = cidr("10.42.0.0/24"),
				   .unreachable = true,
				   .metric = 1024,
				   .made_by = 107};
	struct route_entry *entries;
	struct cidr self = cidr("10.0.0.1/32"), *addresses;
	struct err err = {0};
	struct two t;
	size_t count;

	arena_init(&a);
	REQUIRE(connect_two(&t));
	gateway.link = usual.link = t.near.index;
	EXPECT_OK(route_add_address(t.here, t.near.index, &self, &err), &err);
	EXPECT_OK(route_add(t.here, &gateway, &err), &err);
	EXPECT_OK(route_add(t.here, &usual, &err), &err);
	EXPECT_OK(route_add(t.here, &nowhere, &err), &err);
	REQUIRE_OK(route_list(t.here, 107, &a, &entries, &count, &err), &err);
	REQUIRE(count == 1);
	EXPECT(entries[0].unreachable && entries[0].metric == 1024);
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, "10.42.0.9", 80, -1, NULL), EHOSTUNREACH);
	REQUIRE_OK(route_list(t.here, 0, &a, &entries, &count, &err), &err);
	REQUIRE(count >= 3); /* and those of IPv6 that come by themselves */
	EXPECT(ip_eq(&entries[0].by, &usual.by) && entries[0].to.bits == 0);
	EXPECT(ip_eq(&entries[1].to.ip, &nowhere.to.ip) && entries[1].to.bits == 24);
	REQUIRE_OK(route_list_addresses(t.here, t.near.index, &a, &addresses, &count, &err), &err);
	REQUIRE(count >= 1);
	EXPECT(ip_eq(&addresses[0].ip, &self.ip) && addresses[0].bits == 32);
	leave_two(&t);
}

TEST(gateways_and_unreachable_networks)
{
	netns_test_run(default_and_unreachable);
}

static void settings(void)
{
	const struct route_setting wanted[] = {
		{IPV4_DEVCONF_PROXY_ARP, 1}, {IPV4_DEVCONF_RP_FILTER, 1}};
	struct route_link_change change = {
		.no_own_ipv6 = true, .settings = wanted, .setting_count = ARRAY_LEN(wanted)};
	struct err err = {0};
	char value[16];
	struct two t;

	REQUIRE(connect_two(&t));
	EXPECT_OK(route_change_link(t.here, t.near.index, &change, &err), &err);
	EXPECT_OK(netns_get("ipv4/conf/near/proxy_arp", value, sizeof(value), &err), &err);
	EXPECT_TEXT(value, "1");
	EXPECT_OK(netns_get("ipv4/conf/near/rp_filter", value, sizeof(value), &err), &err);
	EXPECT_TEXT(value, "1");
	EXPECT_OK(netns_get("ipv6/conf/near/addr_gen_mode", value, sizeof(value), &err), &err);
	EXPECT_TEXT(value, "1");
	EXPECT_OK(netns_set("ipv4/ip_forward", "1", &err), &err);
	EXPECT_OK(netns_get("ipv4/ip_forward", value, sizeof(value), &err), &err);
	EXPECT_TEXT(value, "1");
	EXPECT_INT(netns_get("ipv4/conf/far/proxy_arp", value, sizeof(value), &err), ERR_NOT_FOUND);
	err_done(&err);

	struct netns_visit visit;
	REQUIRE_OK(netns_enter(&visit, t.other, &err), &err);
	EXPECT_OK(netns_get("ipv4/conf/far/proxy_arp", value, sizeof(value), &err), &err);
	EXPECT_TEXT(value, "0");
	EXPECT_INT(
		netns_get("ipv4/conf/near/proxy_arp", value, sizeof(value), &err), ERR_NOT_FOUND);
	err_done(&err);
	netns_leave(&visit);
	EXPECT_OK(netns_get("ipv4/ip_forward", value, sizeof(value), &err), &err);
	EXPECT_TEXT(value, "1");
	leave_two(&t);
}

TEST(settings_are_of_the_namespace_one_is_in)
{
	netns_test_run(settings);
}

static void not_a_namespace(void)
{
	struct err err = {0};
	struct route *r;
	int fd = netns_open("/proc/self/ns/uts", &err);

	EXPECT(fd >= 0);
	EXPECT(route_open(&r, fd, &err) < 0);
	EXPECT(strstr(err_text(&err), "entering a network namespace") != NULL);
	close(fd);
	EXPECT_INT(netns_open("/proc/self/ns/nothing", &err), ERR_NOT_FOUND);
	err_done(&err);
}

TEST(what_is_no_network_namespace_is_not_entered)
{
	netns_test_run(not_a_namespace);
}
