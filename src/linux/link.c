/* Links: made, found, changed and taken away. */
#include <kube/mem.h>

#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <unistd.h>

#include "route.h"

int route_open(struct route **r, int netns, struct err *err)
{
	struct netlink netlink;
	int code = netlink_open(&netlink, NETLINK_ROUTE, netns, err);

	if (code)
		return code;
	*r = mem_new(sizeof(**r));
	(*r)->netlink = netlink;
	return 0;
}

void route_close(struct route *r)
{
	if (!r)
		return;
	netlink_close(&r->netlink);
	mem_free(r);
}

bool route_has_ipv6(void)
{
	return access("/proc/sys/net/ipv6", F_OK) == 0;
}

/* ---- making ---- */

static void put_mac(struct nlmsghdr *h, const struct route_mac *mac)
{
	static const struct route_mac none;

	if (memcmp(mac, &none, sizeof(none)) != 0)
		mnl_attr_put(h, IFLA_ADDRESS, sizeof(mac->bytes), mac->bytes);
}

/* The other end is a whole message inside the attribute: header and attributes of its own. */
static void put_peer(struct nlmsghdr *h, const struct route_veth *veth)
{
	struct nlattr *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);

	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, veth->peer_name);
	put_mac(h, &veth->peer_mac);
	if (veth->mtu)
		mnl_attr_put_u32(h, IFLA_MTU, veth->mtu);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)veth->peer_netns);
	mnl_attr_nest_end(h, peer);
}

static int set_alias(struct route *r, const char *name, const char *alias, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_SETLINK, 0, sizeof(struct ifinfomsg), &header);

	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_str(h, IFLA_IFALIAS, alias);
	return netlink_call(&r->netlink, h, NULL, NULL, err, "naming link %s", name);
}

int route_add_veth(struct route *r, const struct route_veth *veth, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(
		&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg), &header);

	mnl_attr_put_strz(h, IFLA_IFNAME, veth->name);
	put_mac(h, &veth->mac);
	if (veth->mtu)
		mnl_attr_put_u32(h, IFLA_MTU, veth->mtu);
	struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_str(h, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	put_peer(h, veth);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	int code = netlink_call(&r->netlink, h, NULL, NULL, err, "adding links %s and %s",
		veth->name, veth->peer_name);
	/* The kernel takes no alias of a link that is being made. */
	if (code || !veth->alias)
		return code;
	code = set_alias(r, veth->name, veth->alias, err);
	if (code)
		route_remove_link(r, veth->name, NULL);
	return code;
}

/* What is gone is done. */
static int forgive(int code, struct err *inner, struct err *err)
{
	if (code && code != ERR_NOT_FOUND)
		return err_move(err, inner);
	err_done(inner);
	return 0;
}

int route_remove_link(struct route *r, const char *name, struct err *err)
{
	struct netlink_message m;
	struct err inner = {0};
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_DELLINK, 0, sizeof(struct ifinfomsg), &header);

	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	return forgive(netlink_call(&r->netlink, h, NULL, NULL, &inner, "removing link %s", name),
		&inner, err);
}

static int put_in_group(struct route *r, const char *name, uint32_t group, struct err *err)
{
	struct netlink_message m;
	struct err inner = {0};
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_SETLINK, 0, sizeof(struct ifinfomsg), &header);

	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_u32(h, IFLA_GROUP, group);
	return forgive(netlink_call(&r->netlink, h, NULL, NULL, &inner, "grouping link %s", name),
		&inner, err);
}

int route_remove_links(
	struct route *r, const struct str *names, size_t count, uint32_t group, struct err *err)
{
	struct netlink_message m;
	struct err inner = {0};
	void *header;
	int code = 0;

	if (count == 1)
		return route_remove_link(r, names[0].at, err);
	for (size_t i = 0; !code && i < count; i++)
		code = put_in_group(r, names[i].at, group, err);
	if (code || !count)
		return code;
	struct nlmsghdr *h = netlink_begin(&m, RTM_DELLINK, 0, sizeof(struct ifinfomsg), &header);
	mnl_attr_put_u32(h, IFLA_GROUP, group);
	return forgive(
		netlink_call(&r->netlink, h, NULL, NULL, &inner, "removing %zu links", count),
		&inner, err);
}

/* ---- reading ---- */

static void read_kind(const struct nlattr *info, struct route_link *link)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info)
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			netlink_get_text(a, link->kind, sizeof(link->kind));
	}
}

static bool read_link(const struct nlmsghdr *h, struct route_link *link)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(*i))
		return false;
	*link = (struct route_link){.index = (uint32_t)i->ifi_index, .up = i->ifi_flags & IFF_UP};
	mnl_attr_for_each(a, h, sizeof(*i))
	{
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			netlink_get_text(a, link->name, sizeof(link->name));
			break;
		case IFLA_IFALIAS:
			netlink_get_text(a, link->alias, sizeof(link->alias));
			break;
		case IFLA_MTU:
			link->mtu = mnl_attr_get_u32(a);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == sizeof(link->mac.bytes))
				memcpy(link->mac.bytes, mnl_attr_get_payload(a),
					sizeof(link->mac.bytes));
			break;
		case IFLA_LINKINFO:
			read_kind(a, link);
			break;
		default:
			break;
		}
	}
	return true;
}

static void found_link(void *ctx, const struct nlmsghdr *h)
{
	read_link(h, ctx);
}

int route_find_link(struct route *r, const char *name, struct route_link *link, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_GETLINK, 0, sizeof(struct ifinfomsg), &header);

	*link = (struct route_link){0};
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	return netlink_call(&r->netlink, h, found_link, link, err, "link %s", name);
}

void *route_grow(struct arena *a, void *at, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return at;
	*cap = *cap ? 2 * *cap : 16;
	void *larger = arena_alloc(a, *cap * size);
	if (count)
		memcpy(larger, at, count * size);
	return larger;
}

int route_find_link_number(
	struct route *r, uint32_t index, struct route_link *link, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_GETLINK, 0, sizeof(struct ifinfomsg), &header);

	*link = (struct route_link){0};
	((struct ifinfomsg *)header)->ifi_index = (int)index;
	return netlink_call(&r->netlink, h, found_link, link, err, "link %u", index);
}

struct link_list {
	struct arena *arena;
	struct route_link *links;
	size_t count, cap;
};

static void one_more_link(void *ctx, const struct nlmsghdr *h)
{
	struct link_list *list = ctx;

	list->links =
		route_grow(list->arena, list->links, list->count, &list->cap, sizeof(*list->links));
	list->count += read_link(h, &list->links[list->count]);
}

int route_list_links(
	struct route *r, struct arena *a, struct route_link **links, size_t *count, struct err *err)
{
	struct link_list list = {.arena = a};
	struct netlink_message m;
	int code = ERR_CONFLICT;
	void *header;

	for (int tries = 0; code == ERR_CONFLICT && tries < ROUTE_LIST_TRIES; tries++) {
		struct nlmsghdr *h = netlink_begin(
			&m, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg), &header);

		list.count = 0;
		code = netlink_call(&r->netlink, h, one_more_link, &list, err, "listing links");
	}
	if (code)
		return code;
	if (err)
		err_done(err);
	*links = list.links;
	*count = list.count;
	return 0;
}

/* ---- changing ---- */

static void put_settings(struct nlmsghdr *h, const struct route_link_change *change)
{
	struct nlattr *all = mnl_attr_nest_start(h, IFLA_AF_SPEC);

	if (change->setting_count) {
		struct nlattr *family = mnl_attr_nest_start(h, AF_INET);
		struct nlattr *settings = mnl_attr_nest_start(h, IFLA_INET_CONF);

		for (size_t i = 0; i < change->setting_count; i++)
			mnl_attr_put_u32(
				h, (uint16_t)change->settings[i].which, change->settings[i].value);
		mnl_attr_nest_end(h, settings);
		mnl_attr_nest_end(h, family);
	}
	if (change->no_own_ipv6) {
		struct nlattr *family = mnl_attr_nest_start(h, AF_INET6);

		mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		mnl_attr_nest_end(h, family);
	}
	mnl_attr_nest_end(h, all);
}

int route_change_link(
	struct route *r, uint32_t index, const struct route_link_change *change, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, RTM_SETLINK, 0, sizeof(struct ifinfomsg), &header);
	struct ifinfomsg *i = header;

	i->ifi_index = (int)index;
	if (change->up)
		i->ifi_flags = i->ifi_change = IFF_UP;
	if (change->setting_count || change->no_own_ipv6)
		put_settings(h, change);
	return netlink_call(&r->netlink, h, NULL, NULL, err, "changing link %u", index);
}
