#include "nft_expr.h"
#include "nft_key.h"

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

static void load_connection(struct expr_maker *m, uint32_t what, uint32_t reg)
{
	struct nftnl_expr *e = add(m, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, what);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
}

static void load_value(struct expr_maker *m, uint32_t reg, const void *value, uint32_t len)
{
	struct nftnl_expr *e = add(m, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, reg);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, value, len);
}

/* ---- working and comparing ---- */

static void mask_in(
	struct expr_maker *m, uint32_t reg, const void *bits, const void *flip, uint32_t len)
{
	struct nftnl_expr *e = add(m, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, flip, len);
}

static void mask(struct expr_maker *m, const void *bits, const void *flip, uint32_t len)
{
	mask_in(m, REG, bits, flip, len);
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

static void check_connection(struct expr_maker *m, uint32_t what, uint32_t bit)
{
	static const uint32_t none;

	load_connection(m, what, REG);
	mask(m, &bit, &none, 4);
	compare_u32(m, true, 0);
}

static void check_numbered(struct expr_maker *m)
{
	static const uint32_t none, bits = ~NFT_NUMBER_BITS;

	load_meta(m, NFT_META_PRIORITY, REG);
	mask(m, &bits, &none, 4);
	compare_u32(m, false, NFT_NUMBER);
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

/* Into registers from the first on; where they end. Of its number only `bits`, if any. */
static uint32_t load_key(struct expr_maker *m, enum nft_key_type key, uint32_t number_bits)
{
	static const uint32_t none;
	const struct nft_key_form *form = &nft_key_forms[key];
	uint32_t at = 0, words = form->v6 ? 4 : 1;

	for (size_t i = 0; i < form->count; i++)
		switch (form->parts[i]) {
		case OF_SOURCE:
		case OF_DESTINATION:
			check_family(m, form->v6);
			if (form->parts[i] == OF_SOURCE)
				load_source(m, form->v6, PART(at));
			else
				load_destination(m, form->v6, PART(at));
			at += words;
			break;
		case OF_PROTOCOL:
			load_meta(m, NFT_META_L4PROTO, PART(at++));
			break;
		case OF_PORT:
			load_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, PART(at++));
			break;
		case OF_NUMBER:
			load_meta(m, NFT_META_PRIORITY, PART(at));
			if (number_bits)
				mask_in(m, PART(at), &number_bits, &none, 4);
			at++;
			break;
		case OF_CONNECTION:
			load_connection(m, NFT_CT_ID, PART(at++));
			break;
		}
	return at;
}

static struct nftnl_expr *look_up(struct expr_maker *m, const struct nft_step *s)
{
	load_key(m, s->key, 0);
	struct nftnl_expr *e = add(m, "lookup");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, PART(0));
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, arena_str(m->arena, s->name).at);
	return e;
}

static void look_up_value(struct expr_maker *m, const struct nft_step *s, uint32_t reg)
{
	nftnl_expr_set_u32(look_up(m, s), NFTNL_EXPR_LOOKUP_DREG, reg);
}

static void keep(struct expr_maker *m, const struct nft_step *s)
{
	uint32_t at = load_key(m, s->key, s->base);

	load_meta(m, NFT_META_PRIORITY, PART(at));
	struct nftnl_expr *e = add(m, "dynset");
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP,
		s->op == RULE_REMEMBER ? NFT_DYNSET_OP_UPDATE : NFT_DYNSET_OP_DELETE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, PART(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_DATA, PART(at));
	if (s->number)
		nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, 1000 * (uint64_t)s->number);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, arena_str(m->arena, s->name).at);
}

/* ---- numbers ---- */

static void set_number(struct expr_maker *m)
{
	struct nftnl_expr *e = add(m, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_PRIORITY);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, REG);
}

static void number_bits(struct expr_maker *m, const struct nft_step *s)
{
	static const uint32_t none;

	load_meta(m, NFT_META_PRIORITY, REG);
	mask(m, &s->number, &none, 4);
	set_number(m);
}

static void random_number(struct expr_maker *m, const struct nft_step *s)
{
	struct nftnl_expr *e = add(m, "numgen");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, s->number);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_OFFSET, s->base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
	set_number(m);
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

static void dnat(struct expr_maker *m, bool v6, uint32_t ip, uint32_t port)
{
	struct nftnl_expr *e = add(m, "nat");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, ip);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, port);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

static void dnat_to(struct expr_maker *m, const struct nft_step *s)
{
	uint16_t port = htons((uint16_t)s->number);

	load_value(m, REG, s->cidr.ip.bytes, s->cidr.ip.len);
	load_value(m, REG2, &port, 2);
	dnat(m, s->cidr.ip.len == 16, REG, REG2);
}

static void dnat_of(struct expr_maker *m, const struct nft_step *s)
{
	look_up_value(m, s, PART(0));
	dnat(m, m->v6, PART(0), PART(m->v6 ? 4 : 1));
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
	case RULE_IN:
		look_up(m, s);
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
	case RULE_NUMBERED:
		check_numbered(m);
		break;
	case RULE_PRIORITIZED:
		load_meta(m, NFT_META_PRIORITY, REG);
		compare_u32(m, true, 0);
		break;
	case RULE_IS_NEW:
		check_connection(m, NFT_CT_STATE, CT_STATE_NEW);
		break;
	case RULE_TRANSLATED:
		check_connection(m, NFT_CT_STATUS, IPS_DST_NAT);
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
	case RULE_VERDICT_OF:
		look_up_value(m, s, NFT_REG_VERDICT);
		break;
	case RULE_NUMBER_OF:
		look_up_value(m, s, REG);
		set_number(m);
		break;
	case RULE_NUMBER_RANDOM:
		random_number(m, s);
		break;
	case RULE_NUMBER:
		load_value(m, REG, &s->number, 4);
		set_number(m);
		break;
	case RULE_NUMBER_BITS:
		number_bits(m, s);
		break;
	case RULE_DNAT_OF:
		dnat_of(m, s);
		break;
	case RULE_REMEMBER:
	case RULE_FORGET:
		keep(m, s);
		break;
	case RULE_MARK:
	case RULE_UNMARK:
		set_mark(m, s->number, s->op == RULE_MARK);
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
		dnat_to(m, s);
		break;
	case RULE_MASQUERADE:
		masquerade(m);
		break;
	}
}
