/* Listing and deleting connections by ctnetlink. */
#include <kube/conntrack.h>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "netlink.h"

/* Of the requests to delete what was chosen; 100 bytes each. */
#define DOOMED_MAX (64 * MIB)
/* A bit of CTA_FILTER_ORIG_FLAGS; the kernel's headers for programs do not name it. */
#define FILTER_PROTOCOL (1U << 3)

struct sweep {
	uint8_t protocol;
	conntrack_choose_fn *choose;
	void *ctx;
	struct buf doomed; /* requests, one behind the other */
};

/* ---- reading ---- */

/* Attributes of one level by their type. */
static void read_attributes(const struct nlattr *nest, const struct nlattr **at, size_t count)
{
	const struct nlattr *a;

	memset(at, 0, count * sizeof(*at));
	if (!nest)
		return;
	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) < count)
			at[mnl_attr_get_type(a)] = a;
	}
}

static uint16_t read_port(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) == 2 ? ntohs(mnl_attr_get_u16(a)) : 0;
}

static bool read_side(const struct nlattr *nest, struct conntrack_side *side, uint8_t *protocol)
{
	const struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1],
		*proto[CTA_PROTO_MAX + 1];

	read_attributes(nest, tuple, ARRAY_LEN(tuple));
	read_attributes(tuple[CTA_TUPLE_IP], ip, ARRAY_LEN(ip));
	read_attributes(tuple[CTA_TUPLE_PROTO], proto, ARRAY_LEN(proto));
	side->source = netlink_get_ip(ip[ip[CTA_IP_V4_SRC] ? CTA_IP_V4_SRC : CTA_IP_V6_SRC]);
	side->destination = netlink_get_ip(ip[ip[CTA_IP_V4_DST] ? CTA_IP_V4_DST : CTA_IP_V6_DST]);
	side->source_port = read_port(proto[CTA_PROTO_SRC_PORT]);
	side->destination_port = read_port(proto[CTA_PROTO_DST_PORT]);
	if (!proto[CTA_PROTO_NUM] || mnl_attr_get_payload_len(proto[CTA_PROTO_NUM]) != 1)
		return false;
	*protocol = mnl_attr_get_u8(proto[CTA_PROTO_NUM]);
	return side->source.len && side->destination.len;
}

/* By its first side and its number: another flow that has come to the same place stays. */
static void doom(struct sweep *s, const struct nlmsghdr *h, const struct nlattr *first,
	const struct nlattr *id)
{
	const struct nfgenmsg *found = mnl_nlmsg_get_payload(h);
	struct netlink_message m;
	struct nfgenmsg *g;
	void *header;
	struct nlmsghdr *request = netlink_begin(
		&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, sizeof(*g), &header);

	g = header;
	g->nfgen_family = found->nfgen_family;
	g->version = NFNETLINK_V0;
	mnl_attr_put(request, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(first),
		mnl_attr_get_payload(first));
	if (id)
		mnl_attr_put(
			request, CTA_ID, mnl_attr_get_payload_len(id), mnl_attr_get_payload(id));
	buf_add(&s->doomed, request, NLMSG_ALIGN(request->nlmsg_len));
}

static void read_flow(void *ctx, const struct nlmsghdr *h)
{
	const struct nlattr *at[CTA_MAX + 1] = {NULL}, *a;
	struct conntrack_flow flow = {0};
	struct sweep *s = ctx;
	uint8_t answered;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) <= CTA_MAX)
			at[mnl_attr_get_type(a)] = a;
	}
	/* Those in zones are other programs'. */
	if (at[CTA_ZONE] || !read_side(at[CTA_TUPLE_ORIG], &flow.first, &flow.protocol) ||
		!read_side(at[CTA_TUPLE_REPLY], &flow.answer, &answered))
		return;
	if (flow.protocol == s->protocol && s->choose(s->ctx, &flow))
		doom(s, h, at[CTA_TUPLE_ORIG], at[CTA_ID]);
}

/* ---- asking ---- */

/* The kernel leaves other protocols out; one that does not know how lists them all. */
static void put_filter(struct nlmsghdr *h, uint8_t protocol)
{
	struct nlattr *nest = mnl_attr_nest_start(h, CTA_FILTER);

	mnl_attr_put_u32(h, CTA_FILTER_ORIG_FLAGS, FILTER_PROTOCOL);
	mnl_attr_put_u32(h, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(h, nest);
	nest = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
	struct nlattr *inner = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, protocol);
	mnl_attr_nest_end(h, inner);
	mnl_attr_nest_end(h, nest);
}

static int list_family(struct netlink *n, struct sweep *s, uint8_t family, struct err *err)
{
	struct netlink_message m;
	void *header;
	struct nlmsghdr *h = netlink_begin(&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
		NLM_F_DUMP, sizeof(struct nfgenmsg), &header);

	((struct nfgenmsg *)header)->nfgen_family = family;
	((struct nfgenmsg *)header)->version = NFNETLINK_V0;
	put_filter(h, s->protocol);
	return netlink_call(n, h, read_flow, s, err, "listing connections");
}

static int delete_doomed(struct netlink *n, struct sweep *s, size_t *count, struct err *err)
{
	for (size_t at = 0; at < s->doomed.len;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(s->doomed.at + at);
		struct err inner = {0};

		at += NLMSG_ALIGN(h->nlmsg_len);
		int code = netlink_call(n, h, NULL, NULL, &inner, "deleting a connection");
		if (code && code != ERR_NOT_FOUND)
			return err_move(err, &inner);
		err_done(&inner);
		*count += !code;
	}
	return 0;
}

int conntrack_delete(
	uint8_t protocol, conntrack_choose_fn *choose, void *ctx, size_t *count, struct err *err)
{
	struct sweep s = {
		.protocol = protocol, .choose = choose, .ctx = ctx, .doomed = BUF_INIT(DOOMED_MAX)};
	struct netlink n;

	*count = 0;
	int code = netlink_open(&n, NETLINK_NETFILTER, -1, err);
	if (code)
		return code;
	code = list_family(&n, &s, AF_INET, err);
	if (!code)
		code = list_family(&n, &s, AF_INET6, err);
	if (!code && buf_over(&s.doomed))
		code = err_set(err, ERR_TOO_LARGE, "too many connections to delete at once");
	if (!code)
		code = delete_doomed(&n, &s, count, err);
	buf_done(&s.doomed);
	netlink_close(&n);
	return code;
}
