/* Batches of nftables, and how they read in its own language. */
#include <kube/nft.h>
#include <kube/time.h>

#include <netinet/in.h>

void nft_rule_add(struct nft_rule *r, struct nft_step step)
{
	assert(r->count < NFT_STEPS_MAX);
	r->steps[r->count++] = step;
}

void nft_batch_add(struct nft_batch *b, struct nft_change change)
{
	if (b->count == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 32;
		struct nft_change *changes = arena_alloc(b->arena, cap * sizeof(*changes));

		if (b->count)
			memcpy(changes, b->changes, b->count * sizeof(*changes));
		b->changes = changes;
		b->cap = cap;
	}
	b->changes[b->count++] = change;
}

/* ---- printing ---- */

static const char *const key_types[] = {
	[NFT_KEY_SERVICE4] = "ipv4_addr . inet_proto . inet_service",
	[NFT_KEY_SERVICE6] = "ipv6_addr . inet_proto . inet_service",
	[NFT_KEY_PORT] = "inet_proto . inet_service",
	[NFT_KEY_ADDRESS4] = "ipv4_addr",
	[NFT_KEY_ADDRESS6] = "ipv6_addr",
	[NFT_KEY_PAIR4] = "ipv4_addr . ipv4_addr",
	[NFT_KEY_PAIR6] = "ipv6_addr . ipv6_addr",
};

static const char *protocol_name(uint32_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "sctp";
}

static const char *family_of(const struct ip *ip)
{
	return ip->len == 4 ? "ip" : "ip6";
}

static void print_element(const struct nft_set *set, const struct nft_element *e, struct buf *out)
{
	if (set->key != NFT_KEY_PORT)
		ip_print(out, &e->ip);
	switch (set->key) {
	case NFT_KEY_SERVICE4:
	case NFT_KEY_SERVICE6:
		buf_print(out, " . %s . %u", protocol_name(e->protocol), e->port);
		break;
	case NFT_KEY_PORT:
		buf_print(out, "%s . %u", protocol_name(e->protocol), e->port);
		break;
	case NFT_KEY_PAIR4:
	case NFT_KEY_PAIR6:
		buf_add_text(out, " . ");
		ip_print(out, &e->other);
		break;
	default:
		break;
	}
	if (e->verdict == NFT_TO_CHAIN)
		buf_print(out, " : goto %.*s", STRF(e->chain));
	else if (e->verdict == NFT_DROP)
		buf_add_text(out, " : drop");
}

static void print_cidr(struct buf *out, const char *what, const struct nft_step *s)
{
	buf_print(out, "%s %s %s", family_of(&s->cidr.ip), what, s->not_ ? "!= " : "");
	cidr_print(out, &s->cidr);
}

static void print_random(struct buf *out, const struct nft_step *s)
{
	buf_print(out, "numgen random mod %zu vmap { ", s->chain_count);
	for (size_t i = 0; i < s->chain_count; i++)
		buf_print(out, "%s%zu : goto %.*s", i ? ", " : "", i, STRF(s->chains[i]));
	buf_add_text(out, " }");
}

static void print_dnat(struct buf *out, const struct nft_step *s)
{
	bool v6 = s->cidr.ip.len == 16;

	buf_print(out, "dnat %s to %s", family_of(&s->cidr.ip), v6 ? "[" : "");
	ip_print(out, &s->cidr.ip);
	buf_print(out, "%s:%u", v6 ? "]" : "", s->number);
}

static void print_map(struct buf *out, const struct nft_step *s, bool v6)
{
	if (s->op == RULE_SERVICE_MAP)
		buf_print(out, "%s daddr . meta l4proto . th dport vmap @%.*s", v6 ? "ip6" : "ip",
			STRF(s->name));
	else
		buf_print(out, "meta l4proto . th dport vmap @%.*s", STRF(s->name));
}

/* Conditions on addresses in sets do not say their family: the rule's first step does. */
static void print_step(struct buf *out, const struct nft_step *s, bool v6)
{
	const char *ip = v6 ? "ip6" : "ip";

	switch (s->op) {
	case RULE_IS_V4:
		buf_add_text(out, "meta nfproto ipv4");
		break;
	case RULE_IS_V6:
		buf_add_text(out, "meta nfproto ipv6");
		break;
	case RULE_SOURCE:
		print_cidr(out, "saddr", s);
		break;
	case RULE_DESTINATION:
		print_cidr(out, "daddr", s);
		break;
	case RULE_SOURCE_IN:
	case RULE_DESTINATION_IN:
		buf_print(out, "%s %s @%.*s", ip, s->op == RULE_SOURCE_IN ? "saddr" : "daddr",
			STRF(s->name));
		break;
	case RULE_PAIR_IN:
		buf_print(out, "%s saddr . %s daddr @%.*s", ip, ip, STRF(s->name));
		break;
	case RULE_TO_LOCAL:
	case RULE_FROM_LOCAL:
		buf_print(out, "fib %s type %slocal", s->op == RULE_TO_LOCAL ? "daddr" : "saddr",
			s->not_ ? "!= " : "");
		break;
	case RULE_PROTOCOL:
		buf_print(out, "meta l4proto %s", protocol_name(s->number));
		break;
	case RULE_MARKED:
		buf_print(out, "meta mark & %#x %s", s->number, s->not_ ? "== 0" : "!= 0");
		break;
	case RULE_IS_NEW:
		buf_add_text(out, "ct state new");
		break;
	case RULE_BY_LOOPBACK:
		buf_print(out, "iif %slo", s->not_ ? "!= " : "");
		break;
	case RULE_BY_LINKS:
		buf_print(out, "iifname \"%.*s*\"", STRF(s->name));
		break;
	case RULE_NO_WAY_BACK:
		buf_add_text(out, "fib saddr . iif oif missing");
		break;
	case RULE_CHANCE:
		buf_print(out, "numgen random mod %u 0", s->number);
		break;
	case RULE_SERVICE_MAP:
	case RULE_PORT_MAP:
		print_map(out, s, v6);
		break;
	case RULE_MARK:
		buf_print(out, "meta mark set meta mark | %#x", s->number);
		break;
	case RULE_UNMARK:
		buf_print(out, "meta mark set meta mark & %#x", ~s->number);
		break;
	case RULE_REMEMBER:
		buf_print(out, "update @%.*s { %s saddr }", STRF(s->name), ip);
		break;
	case RULE_RANDOM:
		print_random(out, s);
		break;
	case RULE_JUMP:
		buf_print(out, "jump %.*s", STRF(s->name));
		break;
	case RULE_GOTO:
		buf_print(out, "goto %.*s", STRF(s->name));
		break;
	case RULE_RETURN:
		buf_add_text(out, "return");
		break;
	case RULE_ACCEPT:
		buf_add_text(out, "accept");
		break;
	case RULE_DISCARD:
		buf_add_text(out, "drop");
		break;
	case RULE_REJECT:
		buf_add_text(out, "reject");
		break;
	case RULE_DNAT:
		print_dnat(out, s);
		break;
	case RULE_MASQUERADE:
		buf_add_text(out, "masquerade fully-random");
		break;
	}
}

static void print_rules(const struct nft_batch *b, const struct nft_chain *chain, struct buf *out)
{
	for (size_t i = 0; i < chain->rule_count; i++) {
		const struct nft_rule *r = &chain->rules[i];
		bool v6 = r->count && r->steps[0].op == RULE_IS_V6;

		buf_print(out, "add rule inet %s %.*s", b->table, STRF(chain->name));
		for (size_t k = 0; k < r->count; k++) {
			buf_add_char(out, ' ');
			print_step(out, &r->steps[k], v6);
		}
		buf_add_char(out, '\n');
	}
}

static void print_set(const struct nft_batch *b, const struct nft_set *set, struct buf *out)
{
	buf_print(out, "add %s inet %s %.*s { type %s%s;", set->verdicts ? "map" : "set", b->table,
		STRF(set->name), key_types[set->key], set->verdicts ? " : verdict" : "");
	if (set->timeout)
		buf_print(out, " flags dynamic,timeout; timeout %llds;",
			(long long)(set->timeout / SEC));
	buf_add_text(out, " }\n");
}

static void print_elements(
	const struct nft_batch *b, const struct nft_change *c, const char *verb, struct buf *out)
{
	if (!c->element_count)
		return;
	buf_print(out, "%s element inet %s %.*s {", verb, b->table, STRF(c->set->name));
	for (size_t i = 0; i < c->element_count; i++) {
		buf_add_text(out, i ? ", " : " ");
		print_element(c->set, &c->elements[i], out);
	}
	buf_add_text(out, " }\n");
}

static const char *place_name(enum nft_place place)
{
	static const char *const names[] = {
		"prerouting", "input", "forward", "output", "postrouting"};

	return names[place];
}

static void print_chain(const struct nft_batch *b, const struct nft_chain *c, struct buf *out)
{
	buf_print(out, "add chain inet %s %.*s", b->table, STRF(c->name));
	if (c->hook)
		buf_print(out, " { type %s hook %s priority %d; }", c->hook->type,
			place_name(c->hook->place), c->hook->priority);
	buf_add_char(out, '\n');
}

void nft_print(const struct nft_batch *b, struct buf *out)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct nft_change *c = &b->changes[i];

		switch (c->kind) {
		case NFT_ADD_TABLE:
			buf_print(out, "add table inet %s\n", b->table);
			break;
		case NFT_DELETE_TABLE:
			buf_print(out, "delete table inet %s\n", b->table);
			break;
		case NFT_ADD_SET:
			print_set(b, c->set, out);
			break;
		case NFT_DELETE_SET:
			buf_print(out, "delete %s inet %s %.*s\n", c->set->verdicts ? "map" : "set",
				b->table, STRF(c->set->name));
			break;
		case NFT_ADD_CHAIN:
			print_chain(b, c->chain, out);
			break;
		case NFT_FLUSH_CHAIN:
			buf_print(
				out, "flush chain inet %s %.*s\n", b->table, STRF(c->chain->name));
			break;
		case NFT_ADD_RULES:
			print_rules(b, c->chain, out);
			break;
		case NFT_DELETE_CHAIN:
			buf_print(
				out, "delete chain inet %s %.*s\n", b->table, STRF(c->chain->name));
			break;
		case NFT_ADD_ELEMENTS:
			print_elements(b, c, "add", out);
			break;
		case NFT_DELETE_ELEMENTS:
			print_elements(b, c, "delete", out);
			break;
		}
	}
}
