/* Addresses, routes and neighbours. */
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <time.h>

#include "route.h"

/* ---- addresses ---- */

/* Where would a packet to it go? */
static struct nlmsghdr *begin_question(struct netlink_message *m, const struct ip *to)
{
	void *header;
	struct nlmsghdr *h = netlink_begin(m, RTM_GETROUTE, 0, sizeof(struct rtmsg), &header);
	struct rtmsg *route = header;

	route->rtm_family = route_family(to);
	route->rtm_dst_len = (uint8_t)(8 * to->len);
	netlink_put_ip(h, RTA_DST, to);
	return h;
}

/*
 * The kernel gives an address of IPv6 its way in later, by a worker of its own; until then what is
 * sent there has no route. It takes a millisecond, and more on a machine that has much to do.
 */
#define WAY_IN_TRIES 5000
#define WAY_IN_PAUSE 200000 /* ns */

static void found_type(void *ctx, const struct nlmsghdr *h)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(h);
	uint8_t *type = ctx;

	if (h->nlmsg_type == RTM_NEWROUTE)
		*type = route->rtm_type;
}

static int await_way_in(struct route *r, const struct ip *ip, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = WAY_IN_PAUSE};

	for (int tries = 0; tries < WAY_IN_TRIES; tries++) {
		struct netlink_message m;
		struct err inner = {0};
		uint8_t type = 0;
		struct nlmsghdr *h = begin_question(&m, ip);
		int code = netlink_call(
			&r->netlink, h, found_type, &type, &inner, "asking for a way in");

		err_done(&inner);
		if (!code && type == RTN_LOCAL)
			return 0;
		nanosleep(&pause, NULL);
	}
	return err_set(err, ERR_TIMEOUT, "an address of IPv6 does not become usable");
}

/* IPv4 leaves out what means something only to the machine itself, IPv6 what is no longer
 * preferred. */
static void keep_from_senders(struct nlmsghdr *h, struct ifaddrmsg *a)
{
	const struct ifa_cacheinfo life = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};

	if (a->ifa_family == AF_INET)
		a->ifa_scope = RT_SCOPE_HOST;
	else
		mnl_attr_put(h, IFA_CACHEINFO, sizeof(life), &life);
}

static int add_address(
	struct route *r, uint32_t index, const struct cidr *address, bool sends, struct err *err)
{
	struct netlink_message m;
	struct err inner = {0};
	void *header;
	struct nlmsghdr *h = netlink_begin(
		&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifaddrmsg), &header);
	struct ifaddrmsg *a = header;

	a->ifa_family = route_family(&address->ip);
	a->ifa_prefixlen = address->bits;
	a->ifa_index = index;
	if (address->ip.len == 16)
		a->ifa_flags = IFA_F_NODAD;
	netlink_put_ip(h, IFA_LOCAL, &address->ip);
	netlink_put_ip(h, IFA_ADDRESS, &address->ip);
	if (!sends)
		keep_from_senders(h, a);
	int code = netlink_call(
		&r->netlink, h, NULL, NULL, &inner, "adding an address to link %u", index);
	if (code && code != ERR_ALREADY_EXISTS)
		return err_move(err, &inner);
	err_done(&inner);
	bool everywhere = address->ip.len == 16 && address->ip.bytes[0] != 0xfe;
	return everywhere ? await_way_in(r, &address->ip, err) : 0;
}

int route_add_address(struct route *r, uint32_t index, const struct cidr *address, struct err *err)
{
	return add_address(r, index, address, true, err);
}

int route_add_service_address(
	struct route *r, uint32_t index, const struct cidr *address, struct err *err)
{
	return add_address(r, index, address, false, err);
}

int route_remove_address(
	struct route *r, uint32_t index, const struct cidr *address, struct err *err)
{
	struct netlink_message m;
	struct err inner = {0};
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_DELADDR, 0, sizeof(struct ifaddrmsg), &header);
	struct ifaddrmsg *a = header;

	a->ifa_family = route_family(&address->ip);
	a->ifa_prefixlen = address->bits;
	a->ifa_index = index;
	netlink_put_ip(h, IFA_LOCAL, &address->ip);
	int code = netlink_call(
		&r->netlink, h, NULL, NULL, &inner, "removing an address from link %u", index);
	/* EADDRNOTAVAIL: it is not there. */
	if (code && code != ERR_ADDRESS && code != ERR_NOT_FOUND)
		return err_move(err, &inner);
	err_done(&inner);
	return 0;
}

struct address_list {
	struct arena *arena;
	uint32_t index;
	struct cidr *at;
	size_t count, cap;
};

static void one_more_address(void *ctx, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *a = mnl_nlmsg_get_payload(h);
	struct address_list *list = ctx;
	struct ip local = {0}, whole = {0};
	const struct nlattr *attr;

	/* Not every kernel leaves out what belongs to other links. */
	if (h->nlmsg_type != RTM_NEWADDR || (list->index && a->ifa_index != list->index))
		return;
	mnl_attr_for_each(attr, h, sizeof(*a))
	{
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = netlink_get_ip(attr);
		else if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			whole = netlink_get_ip(attr);
	}
	list->at = route_grow(list->arena, list->at, list->count, &list->cap, sizeof(*list->at));
	list->at[list->count++] =
		(struct cidr){.ip = local.len ? local : whole, .bits = a->ifa_prefixlen};
}

int route_list_addresses(struct route *r, uint32_t index, struct arena *a, struct cidr **addresses,
	size_t *count, struct err *err)
{
	struct address_list list = {.arena = a, .index = index};
	struct netlink_message m;
	int code = ERR_CONFLICT;
	void *header;

	for (int tries = 0; code == ERR_CONFLICT && tries < ROUTE_LIST_TRIES; tries++) {
		struct nlmsghdr *h = netlink_begin(
			&m, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg), &header);

		((struct ifaddrmsg *)header)->ifa_index = index;
		list.count = 0;
		code = netlink_call(&r->netlink, h, one_more_address, &list, err,
			"listing the addresses of link %u", index);
	}
	if (code)
		return code;
	if (err)
		err_done(err);
	*addresses = list.at;
	*count = list.count;
	return 0;
}

/* ---- routes ---- */

static struct nlmsghdr *begin_route(
	struct netlink_message *m, uint16_t type, uint16_t flags, const struct route_entry *entry)
{
	void *header;
	struct nlmsghdr *h = netlink_begin(m, type, flags, sizeof(struct rtmsg), &header);
	struct rtmsg *route = header;

	route->rtm_family = route_family(&entry->to.ip);
	route->rtm_dst_len = entry->to.bits;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = entry->made_by ? entry->made_by : RTPROT_STATIC;
	route->rtm_type = entry->unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
	/* IPv4: what is reached directly is on the link. IPv6 knows no such difference. */
	route->rtm_scope = route->rtm_family == AF_INET && !entry->by.len && !entry->unreachable
				   ? RT_SCOPE_LINK
				   : RT_SCOPE_UNIVERSE;
	if (entry->to.bits)
		netlink_put_ip(h, RTA_DST, &entry->to.ip);
	if (entry->by.len)
		netlink_put_ip(h, RTA_GATEWAY, &entry->by);
	if (entry->link)
		mnl_attr_put_u32(h, RTA_OIF, entry->link);
	if (entry->metric)
		mnl_attr_put_u32(h, RTA_PRIORITY, entry->metric);
	return h;
}

static int send_route(struct route *r, struct nlmsghdr *h, const char *what,
	const struct route_entry *entry, struct err *err)
{
	_cleanup_(buf_done) struct buf to = BUF_INIT(64);

	cidr_print(&to, &entry->to);
	return netlink_call(
		&r->netlink, h, NULL, NULL, err, "%s the route to %s", what, buf_text(&to));
}

int route_add(struct route *r, const struct route_entry *entry, struct err *err)
{
	struct netlink_message m;

	return send_route(r, begin_route(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, entry),
		"adding", entry, err);
}

int route_replace(struct route *r, const struct route_entry *entry, struct err *err)
{
	struct netlink_message m;

	return send_route(r, begin_route(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, entry),
		"setting", entry, err);
}

int route_remove(struct route *r, const struct route_entry *entry, struct err *err)
{
	struct netlink_message m;
	struct err inner = {0};
	int code =
		send_route(r, begin_route(&m, RTM_DELROUTE, 0, entry), "removing", entry, &inner);

	if (code && code != ERR_NOT_FOUND)
		return err_move(err, &inner);
	err_done(&inner);
	return 0;
}

static bool read_route(const struct nlmsghdr *h, struct route_entry *entry)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWROUTE || route->rtm_table != RT_TABLE_MAIN)
		return false;
	*entry = (struct route_entry){.made_by = route->rtm_protocol,
		.unreachable = route->rtm_type == RTN_UNREACHABLE,
		.to = {.ip = {.len = route->rtm_family == AF_INET ? 4 : 16},
			.bits = route->rtm_dst_len}};
	mnl_attr_for_each(a, h, sizeof(*route))
	{
		switch (mnl_attr_get_type(a)) {
		case RTA_DST:
			entry->to.ip = netlink_get_ip(a);
			break;
		case RTA_GATEWAY:
			entry->by = netlink_get_ip(a);
			break;
		case RTA_OIF:
			entry->link = mnl_attr_get_u32(a);
			break;
		case RTA_PRIORITY:
			entry->metric = mnl_attr_get_u32(a);
			break;
		default:
			break;
		}
	}
	return true;
}

struct route_list {
	struct arena *arena;
	uint8_t made_by;
	struct route_entry *at;
	size_t count, cap;
};

static void one_more_route(void *ctx, const struct nlmsghdr *h)
{
	struct route_list *list = ctx;
	struct route_entry entry;

	if (!read_route(h, &entry) || (list->made_by && entry.made_by != list->made_by))
		return;
	list->at = route_grow(list->arena, list->at, list->count, &list->cap, sizeof(*list->at));
	list->at[list->count++] = entry;
}

int route_list(struct route *r, uint8_t made_by, struct arena *a, struct route_entry **entries,
	size_t *count, struct err *err)
{
	struct route_list list = {.arena = a, .made_by = made_by};
	struct netlink_message m;
	int code = ERR_CONFLICT;
	void *header;

	for (int tries = 0; code == ERR_CONFLICT && tries < ROUTE_LIST_TRIES; tries++) {
		struct nlmsghdr *h =
			netlink_begin(&m, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg), &header);

		list.count = 0;
		code = netlink_call(&r->netlink, h, one_more_route, &list, err, "listing routes");
	}
	if (code)
		return code;
	if (err)
		err_done(err);
	*entries = list.at;
	*count = list.count;
	return 0;
}

static void found_way(void *ctx, const struct nlmsghdr *h)
{
	struct route_entry entry;
	uint32_t *link = ctx;

	if (read_route(h, &entry))
		*link = entry.link;
}

int route_find_way(struct route *r, const struct ip *to, uint32_t *link, struct err *err)
{
	struct netlink_message m;
	struct nlmsghdr *h = begin_question(&m, to);

	*link = 0;
	int code = netlink_call(&r->netlink, h, found_way, link, err, "asking for a route");
	if (!code && !*link)
		return err_set(err, ERR_UNREACHABLE, "there is no route");
	return code;
}

/* ---- neighbours ---- */

int route_set_neighbour(struct route *r, uint32_t index, const struct ip *ip,
	const struct route_mac *mac, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(
		&m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ndmsg), &header);
	struct ndmsg *neighbour = header;

	neighbour->ndm_family = route_family(ip);
	neighbour->ndm_ifindex = (int)index;
	neighbour->ndm_state = NUD_PERMANENT;
	netlink_put_ip(h, NDA_DST, ip);
	mnl_attr_put(h, NDA_LLADDR, sizeof(mac->bytes), mac->bytes);
	return netlink_call(
		&r->netlink, h, NULL, NULL, err, "setting a neighbour of link %u", index);
}
