#include "nft_expr.h"

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/rtnetlink.h>

#define REG     NFT_REG_1
#define REG2    NFT_REG_2
#define PART(n) (NFT_REG32_00 + (n)) /* of a concatenation, four bytes each */

#define CT_STATE_NEW 8
#define LOOPBACK     1 /* its index, in every network namespace */

static struct nftnl_expr *add(struct expr_maker *m, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	nftnl_rule_add_expr(m->rule, e);
	return e;
}

/* ---- loading ---- */

static void load_payload(
	struct expr_maker *m, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct nftnl_expr *e = add(m, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void load_source(struct expr_maker *m, bool v6, uint32_t reg)
{
	load_payload(m, NFT_PAYLOAD_NETWORK_HEADER, v6 ? 8 : 12, v6 ? 16 : 4, reg);
}

static void load_destination(struct expr_maker *m, bool v6, uint32_t reg)
{
	load_payload(m, NFT_PAYLOAD_NETWORK_HEADER, v6 ? 24 : 16, v6 ? 16 : 4, reg);
}

static void load_meta(struct expr_maker *m, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = add(m, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void load_value(struct expr_maker *m, uint32_t reg, const void *value, uint32_t len)
{
	struct nftnl_expr *e = add(m, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, reg);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, value, len);
}

/* ---- working and comparing ---- */

static void mask(struct expr_maker *m, const void *bits, const void *flip, uint32_t len)
{
	struct nftnl_expr *e = add(m, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, flip, len);
}

static void compare(struct expr_maker *m, bool differs, const void *value, uint32_t len)
{
	struct nftnl_expr *e = add(m, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, differs ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, len);
}

static void compare_u8(struct expr_maker *m, uint8_t value)
{
	compare(m, false, &value, 1);
}

static void compare_u32(struct expr_maker *m, bool differs, uint32_t value)
{
	compare(m, differs, &value, 4);
}

static void compare_cidr(struct expr_maker *m, const struct nft_step *s)
{
	static const uint8_t zeros[16];
	uint8_t bits[16] = {0}, wanted[16];
	uint32_t len = s->cidr.ip.len;

	for (uint32_t i = 0; i < s->cidr.bits; i++)
		bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (uint32_t i = 0; i < len; i++)
		wanted[i] = s->cidr.ip.bytes[i] & bits[i];
	if (s->cidr.bits < 8 * len)
		mask(m, bits, zeros, len);
	compare(m, s->not_, wanted, len);
}

/* As nft does by itself: an address is one only in a packet of its family. */
static void check_family(struct expr_maker *m, bool v6)
{
	if (m->checked)
		return;
	m->checked = true;
	load_meta(m, NFT_META_NFPROTO, REG);
	compare_u8(m, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

static void check_address(struct expr_maker *m, const struct nft_step *s)
{
	bool v6 = s->cidr.ip.len == 16;

	check_family(m, v6);
	if (s->op == RULE_SOURCE)
		load_source(m, v6, REG);
	else
		load_destination(m, v6, REG);
	compare_cidr(m, s);
}

static void check_mark(struct expr_maker *m, const struct nft_step *s)
{
	static const uint32_t none;

	load_meta(m, NFT_META_MARK, REG);
	mask(m, &s->number, &none, 4);
	compare_u32(m, !s->not_, 0);
}

static void check_new(struct expr_maker *m)
{
	static const uint32_t none, bit = CT_STATE_NEW;
	struct nftnl_expr *e = add(m, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, REG);
	mask(m, &bit, &none, 4);
	compare_u32(m, true, 0);
}

static void check_local(struct expr_maker *m, const struct nft_step *s)
{
	struct nftnl_expr *e = add(m, "fib");

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS,
		s->op == RULE_FROM_LOCAL ? NFTA_FIB_F_SADDR : NFTA_FIB_F_DADDR);
	compare_u32(m, s->not_, RTN_LOCAL);
}

/* The kernel compares as many bytes of a name as it is given. */
static void check_links(struct expr_maker *m, const struct nft_step *s)
{
	load_meta(m, NFT_META_IIFNAME, REG);
	compare(m, false, s->name.at, (uint32_t)s->name.len);
}

static void check_way_back(struct expr_maker *m)
{
	struct nftnl_expr *e = add(m, "fib");

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
	nftnl_expr_set_u32(
		e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
	compare_u32(m, false, 0);
}

/* ---- sets ---- */

static struct nftnl_expr *look_up(struct expr_maker *m, uint32_t reg, struct str set)
{
	struct nftnl_expr *e = add(m, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, reg);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, arena_str(m->arena, set).at);
	return e;
}

static void look_up_verdict(struct expr_maker *m, struct str map)
{
	nftnl_expr_set_u32(look_up(m, PART(0), map), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

static void service_map(struct expr_maker *m, const struct nft_step *s)
{
	uint32_t at = m->v6 ? 4 : 1;

	check_family(m, m->v6);
	load_destination(m, m->v6, PART(0));
	load_meta(m, NFT_META_L4PROTO, PART(at));
	load_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, PART(at + 1));
	look_up_verdict(m, s->name);
}

static void port_map(struct expr_maker *m, const struct nft_step *s)
{
	load_meta(m, NFT_META_L4PROTO, PART(0));
	load_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, PART(1));
	look_up_verdict(m, s->name);
}

static void pair_in(struct expr_maker *m, const struct nft_step *s)
{
	check_family(m, m->v6);
	load_source(m, m->v6, PART(0));
	load_destination(m, m->v6, PART(m->v6 ? 4 : 1));
	look_up(m, PART(0), s->name);
}

static void remember(struct expr_maker *m, const struct nft_step *s)
{
	check_family(m, m->v6);
	load_source(m, m->v6, REG);
	struct nftnl_expr *e = add(m, "dynset");
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, REG);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, arena_str(m->arena, s->name).at);
}

static void load_random(struct expr_maker *m, uint32_t below)
{
	struct nftnl_expr *e = add(m, "numgen");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, below);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
}

static void random_choice(struct expr_maker *m, const struct nft_step *s)
{
	load_random(m, (uint32_t)s->chain_count);
	struct nftnl_expr *e = add(m, "lookup");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, "__map%d");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SET_ID, m->choices);
}

/* ---- what is done ---- */

static void verdict(struct expr_maker *m, int32_t code, struct str chain)
{
	struct nftnl_expr *e = add(m, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	if (chain.len)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, arena_str(m->arena, chain).at);
}

static void set_mark(struct expr_maker *m, uint32_t bits, bool on)
{
	uint32_t keep = ~bits, flip = on ? bits : 0;

	load_meta(m, NFT_META_MARK, REG);
	mask(m, &keep, &flip, 4);
	struct nftnl_expr *e = add(m, "meta");
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, REG);
}

static void reject(struct expr_maker *m)
{
	struct nftnl_expr *e = add(m, "reject");

	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, NFT_REJECT_ICMPX_PORT_UNREACH);
}

static void dnat(struct expr_maker *m, const struct nft_step *s)
{
	uint16_t port = htons((uint16_t)s->number);

	load_value(m, REG, s->cidr.ip.bytes, s->cidr.ip.len);
	load_value(m, REG2, &port, 2);
	struct nftnl_expr *e = add(m, "nat");
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(
		e, NFTNL_EXPR_NAT_FAMILY, s->cidr.ip.len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, REG2);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

static void masquerade(struct expr_maker *m)
{
	struct nftnl_expr *e = add(m, "masq");

	nftnl_expr_set_u32(e, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void expr_add(struct expr_maker *m, const struct nft_step *s)
{
	static const struct str none;

	switch (s->op) {
	case RULE_IS_V4:
	case RULE_IS_V6:
		check_family(m, s->op == RULE_IS_V6);
		break;
	case RULE_SOURCE:
	case RULE_DESTINATION:
		check_address(m, s);
		break;
	case RULE_SOURCE_IN:
	case RULE_DESTINATION_IN:
		check_family(m, m->v6);
		if (s->op == RULE_SOURCE_IN)
			load_source(m, m->v6, REG);
		else
			load_destination(m, m->v6, REG);
		look_up(m, REG, s->name);
		break;
	case RULE_PAIR_IN:
		pair_in(m, s);
		break;
	case RULE_TO_LOCAL:
	case RULE_FROM_LOCAL:
		check_local(m, s);
		break;
	case RULE_PROTOCOL:
		load_meta(m, NFT_META_L4PROTO, REG);
		compare_u8(m, (uint8_t)s->number);
		break;
	case RULE_MARKED:
		check_mark(m, s);
		break;
	case RULE_IS_NEW:
		check_new(m);
		break;
	case RULE_BY_LOOPBACK:
		load_meta(m, NFT_META_IIF, REG);
		compare_u32(m, s->not_, LOOPBACK);
		break;
	case RULE_BY_LINKS:
		check_links(m, s);
		break;
	case RULE_NO_WAY_BACK:
		check_way_back(m);
		break;
	case RULE_SERVICE_MAP:
		service_map(m, s);
		break;
	case RULE_PORT_MAP:
		port_map(m, s);
		break;
	case RULE_MARK:
	case RULE_UNMARK:
		set_mark(m, s->number, s->op == RULE_MARK);
		break;
	case RULE_REMEMBER:
		remember(m, s);
		break;
	case RULE_CHANCE:
		load_random(m, s->number);
		compare_u32(m, false, 0);
		break;
	case RULE_RANDOM:
		random_choice(m, s);
		break;
	case RULE_JUMP:
		verdict(m, NFT_JUMP, s->name);
		break;
	case RULE_GOTO:
		verdict(m, NFT_GOTO, s->name);
		break;
	case RULE_RETURN:
		verdict(m, NFT_RETURN, none);
		break;
	case RULE_ACCEPT:
		verdict(m, NF_ACCEPT, none);
		break;
	case RULE_DISCARD:
		verdict(m, NF_DROP, none);
		break;
	case RULE_REJECT:
		reject(m);
		break;
	case RULE_DNAT:
		dnat(m, s);
		break;
	case RULE_MASQUERADE:
		masquerade(m);
		break;
	}
}
