/* Which chains packets run into, whoever made them, and which a table has. */
#include <netinet/in.h> /* before what the kernel has of it */

#include "netlink.h"

#include <kube/nft.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

struct looking {
	nft_base_fn *each;
	const char *table;
	nft_chain_fn *each_of_table; /* of family inet */
	void *ctx;
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "other";
	}
}

static void read_hook(const struct nlattr *hook, struct nft_base *base)
{
	struct nlattr *a;

	mnl_attr_for_each_nested(a, hook) if (mnl_attr_get_type(a) == NFTA_HOOK_HOOKNUM &&
					      mnl_attr_get_payload_len(a) == 4) base->place =
		ntohl(mnl_attr_get_u32(a));
}

static void see_chain(void *ctx, const struct nlmsghdr *h)
{
	const struct looking *l = ctx;
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	struct nft_base base = {.place = UINT32_MAX};
	struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*g))
		return;
	base.family = family_name(g->nfgen_family);
	mnl_attr_for_each(a, h, sizeof(*g))
	{
		switch (mnl_attr_get_type(a)) {
		case NFTA_CHAIN_TABLE:
			netlink_get_text(a, base.table, sizeof(base.table));
			break;
		case NFTA_CHAIN_NAME:
			netlink_get_text(a, base.chain, sizeof(base.chain));
			break;
		case NFTA_CHAIN_HOOK:
			read_hook(a, &base);
			break;
		case NFTA_CHAIN_POLICY:
			base.drops = mnl_attr_get_payload_len(a) == 4 &&
				     ntohl(mnl_attr_get_u32(a)) == NF_DROP;
			break;
		}
	}
	if (l->each && base.place != UINT32_MAX)
		l->each(l->ctx, &base);
	if (l->table && g->nfgen_family == NFPROTO_INET && strcmp(base.table, l->table) == 0)
		l->each_of_table(l->ctx, str_from(base.chain));
}

static int look(struct looking *l, struct err *err)
{
	struct netlink_message m;
	struct netlink n;
	void *header;
	int code = netlink_open(&n, NETLINK_NETFILTER, -1, err);

	if (code)
		return code;
	struct nlmsghdr *h = netlink_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN,
		NLM_F_DUMP, sizeof(struct nfgenmsg), &header);
	((struct nfgenmsg *)header)->nfgen_family = NFPROTO_UNSPEC;
	((struct nfgenmsg *)header)->version = NFNETLINK_V0;
	code = netlink_call(&n, h, see_chain, l, err, "listing chains");
	netlink_close(&n);
	return code;
}

int nft_each_base(nft_base_fn *each, void *ctx, struct err *err)
{
	struct looking l = {.each = each, .ctx = ctx};

	return look(&l, err);
}

int nft_each_chain(const char *table, nft_chain_fn *each, void *ctx, struct err *err)
{
	struct looking l = {.table = table, .each_of_table = each, .ctx = ctx};

	return look(&l, err);
}
