#include "cable.h"

#include <kube/netns.h>

#include <linux/ip.h>
#include <stdio.h>
#include <unistd.h>

#define LOOPBACK 1
#define INSIDE   "eth0"
/* The group of links that are about to go: "kube". */
#define DOOMED   0x6b756265
#define ID_CHARS (ROUTE_NAME_MAX - sizeof(CABLE_PREFIX))

/*
 * The gateways pods know. They are nobody's address on the node: pods are told for ever that the
 * node's end of their cable has them, so that nobody needs to ask.
 */
static const struct ip gateway4 = {.len = 4, .bytes = {169, 254, 1, 1}};
static const struct ip gateway6 = {.len = 16, .bytes = {0xfe, 0x80, [15] = 1}};
static const struct route_mac gateway_mac = {{0x0a, 0x58, 169, 254, 1, 1}};

#define MTU_USUAL 1500u
/* IPv6 asks for at least so much. */
#define MTU_LEAST 1280u
#define MTU_MOST  65535u

void cable_name(struct str sandbox, char name[ROUTE_NAME_MAX])
{
	snprintf(name, ROUTE_NAME_MAX, CABLE_PREFIX "%.*s", (int)MIN(sandbox.len, ID_CHARS),
		sandbox.at);
}

/* ---- one pod ---- */

struct wiring {
	const struct cable *cable;
	struct route *node, *pod;
	struct route_link near, far;
	char name[ROUTE_NAME_MAX];
};

/* From its first address; the two bits that make it our own choice are in the first byte. */
static struct route_mac mac_of(const struct cable *c)
{
	struct route_mac mac = {{0x0a, 0x58}};

	if (c->ip_count)
		memcpy(mac.bytes + 2, c->ips[0].bytes + c->ips[0].len - 4, 4);
	return mac;
}

static bool has_family(const struct cable *c, uint8_t len)
{
	for (size_t i = 0; i < c->ip_count; i++)
		if (c->ips[i].len == len)
			return true;
	return false;
}

static struct cidr alone(const struct ip *ip)
{
	return (struct cidr){.ip = *ip, .bits = (uint8_t)(8 * ip->len)};
}

/* What leaves the node decides; a node without a way out has only its pods. */
static uint32_t mtu_of_way_out(struct route *node)
{
	static const struct ip outside[] = {{.len = 4, .bytes = {192, 0, 2, 1}},
		{.len = 16, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}}};
	struct route_link link;
	uint32_t index;

	for (size_t i = 0; i < ARRAY_LEN(outside); i++)
		if (route_find_way(node, &outside[i], &index, NULL) == 0 &&
			route_find_link_number(node, index, &link, NULL) == 0)
			return MIN(MAX(link.mtu, MTU_LEAST), MTU_MOST);
	return MTU_USUAL;
}

/*
 * A cable that was found is good when both ends are where they belong. One that lost an end, or
 * was being made when somebody was killed, is made anew.
 */
static int find_cable(struct wiring *w, bool *found, struct err *err)
{
	struct err inner = {0};

	*found = false;
	int code = route_find_link(w->node, w->name, &w->near, &inner);
	if (code == ERR_NOT_FOUND) {
		err_done(&inner);
		return 0;
	}
	if (code)
		return err_move(err, &inner);
	if (w->near.alias[0] && strcmp(w->near.alias, w->cable->sandbox) != 0)
		return err_set(
			err, ERR_CONFLICT, "link %s belongs to sandbox %s", w->name, w->near.alias);
	code = route_find_link(w->pod, INSIDE, &w->far, &inner);
	if (!code && w->near.alias[0]) {
		*found = true;
		return 0;
	}
	if (code && code != ERR_NOT_FOUND)
		return err_move(err, &inner);
	err_done(&inner);
	return route_remove_link(w->node, w->name, err);
}

static int make_cable(struct wiring *w, int netns, struct err *err)
{
	const struct cable *c = w->cable;
	struct route_veth veth = {.name = w->name,
		.alias = c->sandbox,
		.peer_name = INSIDE,
		.mac = gateway_mac,
		.peer_mac = mac_of(c),
		.peer_netns = netns,
		.mtu = c->mtu ? c->mtu : mtu_of_way_out(w->node)};
	int code = route_add_veth(w->node, &veth, err);

	if (!code)
		code = route_find_link(w->node, w->name, &w->near, err);
	return code ? code : route_find_link(w->pod, INSIDE, &w->far, err);
}

/* Strictly: a pod sends from its own address, or not at all. */
static const struct route_setting node_settings[] = {
	{IPV4_DEVCONF_RP_FILTER, 1},
	/* Answers to whoever came by 127.0.0.1; rules.c guards the rest. */
	{IPV4_DEVCONF_ROUTE_LOCALNET, 1},
	/* Should a pod have forgotten its gateway. */
	{IPV4_DEVCONF_PROXY_ARP, 1},
	{IPV4_DEVCONF_FORWARDING, 1},
	{IPV4_DEVCONF_SEND_REDIRECTS, 0},
};

/*
 * Both ends, before anything that needs the cable: what is set up while the other end is down
 * counts as dead until the kernel gets round to noticing that it is not.
 */
static int switch_on(struct wiring *w, struct err *err)
{
	static const struct route_link_change loopback = {.up = true};
	const struct route_link_change inside = {.up = true, .no_own_ipv6 = route_has_ipv6()},
				       outside = {.up = true,
					       .no_own_ipv6 = inside.no_own_ipv6,
					       .settings = node_settings,
					       .setting_count = ARRAY_LEN(node_settings)};
	int code = route_change_link(w->pod, LOOPBACK, &loopback, err);

	if (!code)
		code = route_change_link(w->pod, w->far.index, &inside, err);
	return code ? code : route_change_link(w->node, w->near.index, &outside, err);
}

static int set_up_node(struct wiring *w, struct err *err)
{
	const struct cable *c = w->cable;
	struct cidr own6 = {.ip = gateway6, .bits = 64};
	int code = 0;

	if (has_family(c, 16))
		code = route_add_address(w->node, w->near.index, &own6, err);
	for (size_t i = 0; !code && i < c->ip_count; i++) {
		struct route_entry to = {.to = alone(&c->ips[i]),
			.link = w->near.index,
			.made_by = CABLE_ROUTE_PROTOCOL};

		code = route_set_neighbour(w->node, w->near.index, &c->ips[i], &w->far.mac, err);
		if (!code)
			code = route_replace(w->node, &to, err);
	}
	return code;
}

/* fe80:: and the MAC as the kernel would make it, but at once. */
static struct cidr own_ipv6(const struct route_mac *mac)
{
	const uint8_t *m = mac->bytes;

	return (struct cidr){.bits = 64,
		.ip = {.len = 16,
			.bytes = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4],
				m[5]}}};
}

static int give_way_out(struct wiring *w, const struct ip *gateway, struct err *err)
{
	struct route_entry directly = {.to = alone(gateway), .link = w->far.index},
			   usual = {.to = {.ip = {.len = gateway->len}},
				   .by = *gateway,
				   .link = w->far.index};
	int code = route_set_neighbour(w->pod, w->far.index, gateway, &gateway_mac, err);

	if (!code && gateway->len == 4)
		code = route_replace(w->pod, &directly, err);
	return code ? code : route_replace(w->pod, &usual, err);
}

static int set_up_pod(struct wiring *w, struct err *err)
{
	const struct cable *c = w->cable;
	int code = 0;

	if (has_family(c, 16)) {
		struct cidr own = own_ipv6(&w->far.mac);

		code = route_add_address(w->pod, w->far.index, &own, err);
	}
	for (size_t i = 0; !code && i < c->ip_count; i++) {
		struct cidr address = alone(&c->ips[i]);

		code = route_add_address(w->pod, w->far.index, &address, err);
	}
	if (!code && has_family(c, 4))
		code = give_way_out(w, &gateway4, err);
	if (!code && has_family(c, 16))
		code = give_way_out(w, &gateway6, err);
	return code;
}

/*
 * What reaches the pod is limited where it leaves the node's end, what comes from it where it
 * leaves its own: a pod that may change its links may lift that one.
 */
static int limit_rates(struct wiring *w, struct err *err)
{
	const struct runtime_bandwidth *b = &w->cable->bandwidth;
	int code = 0;

	if (b->ingress)
		code = route_limit_rate(w->node, w->near.index, (uint64_t)b->ingress / 8, err);
	if (!code && b->egress)
		code = route_limit_rate(w->pod, w->far.index, (uint64_t)b->egress / 8, err);
	return code;
}

static int wire(struct wiring *w, int netns, struct err *err)
{
	bool found;
	int code = find_cable(w, &found, err);

	if (!code && !found)
		code = make_cable(w, netns, err);
	if (!code)
		code = switch_on(w, err);
	if (!code)
		code = limit_rates(w, err);
	/* The pod first: what comes in finds somebody at home. */
	if (!code)
		code = set_up_pod(w, err);
	if (!code)
		code = set_up_node(w, err);
	if (code && !found)
		route_remove_link(w->node, w->name, NULL);
	return code;
}

int cable_connect(const struct cable *c, struct err *err)
{
	struct wiring w = {.cable = c};
	int netns = netns_open(c->netns, err);

	if (netns < 0)
		return netns;
	cable_name(str_from(c->sandbox), w.name);
	int code = route_open(&w.node, -1, err);
	if (!code)
		code = route_open(&w.pod, netns, err);
	if (!code)
		code = wire(&w, netns, err);
	route_close(w.node);
	route_close(w.pod);
	close(netns);
	return code;
}

/* ---- its end ---- */

static int find_end(struct route *node, struct str sandbox, struct arena *a, struct str *name,
	bool *found, struct err *err)
{
	char text[ROUTE_NAME_MAX];
	struct err inner = {0};
	struct route_link link;

	cable_name(sandbox, text);
	int code = route_find_link(node, text, &link, &inner);
	if (code && code != ERR_NOT_FOUND)
		return err_move(err, &inner);
	err_done(&inner);
	/* Not one that has gone, nor another sandbox's. */
	*found = !code && (!link.alias[0] || str_eq_text(sandbox, link.alias));
	if (*found)
		*name = arena_str(a, str_from(text));
	return 0;
}

int cable_cut(const struct str *sandboxes, size_t count, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct route *node;
	size_t ends = 0;

	arena_init(&a);
	struct str *names = arena_new(&a, (count + 1) * sizeof(*names));
	int code = route_open(&node, -1, err);
	if (code)
		return code;
	for (size_t i = 0; !code && i < count; i++) {
		bool found;

		code = find_end(node, sandboxes[i], &a, &names[ends], &found, err);
		ends += !code && found;
	}
	if (!code)
		code = route_remove_links(node, names, ends, DOOMED, err);
	route_close(node);
	return code;
}

/* Could this be the node's end of a cable? */
static bool is_ours(const struct route_link *link)
{
	size_t prefix = strlen(CABLE_PREFIX);

	return strcmp(link->kind, "veth") == 0 && strncmp(link->name, CABLE_PREFIX, prefix) == 0 &&
	       strlen(link->name) == prefix + ID_CHARS &&
	       strspn(link->name + prefix, "0123456789abcdef") == ID_CHARS;
}

int cable_list(struct arena *a, struct str **names, size_t *count, struct err *err)
{
	struct route_link *links;
	struct route *node;
	size_t link_count;
	int code = route_open(&node, -1, err);

	if (code)
		return code;
	code = route_list_links(node, a, &links, &link_count, err);
	route_close(node);
	if (code)
		return code;
	*names = arena_new(a, (link_count + 1) * sizeof(**names));
	*count = 0;
	for (size_t i = 0; i < link_count; i++)
		if (is_ours(&links[i]))
			(*names)[(*count)++] = arena_str(a, str_from(links[i].name));
	return 0;
}

int cable_cut_names(const struct str *names, size_t count, struct err *err)
{
	struct route *node;
	int code = route_open(&node, -1, err);

	if (code)
		return code;
	code = route_remove_links(node, names, count, DOOMED, err);
	route_close(node);
	return code;
}
