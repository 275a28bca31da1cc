/* Batches of nftables, and how they read in its own language. */
#include "nft_key.h"

#include <kube/nft.h>

#include <netinet/in.h>

void nft_rule_add(struct nft_rule *r, struct nft_step step)
{
	assert(r->count < NFT_STEPS_MAX);
	r->steps[r->count++] = step;
}

struct nft_step nft_look_up(enum nft_op op, const struct nft_set *set)
{
	return (struct nft_step){.op = op, .name = set->name, .key = set->key};
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

const struct nft_key_form nft_key_forms[NFT_KEYS] = {
	[NFT_KEY_SERVICE4] = {false, 3, {OF_DESTINATION, OF_PROTOCOL, OF_PORT}},
	[NFT_KEY_SERVICE6] = {true, 3, {OF_DESTINATION, OF_PROTOCOL, OF_PORT}},
	[NFT_KEY_PORT] = {false, 2, {OF_PROTOCOL, OF_PORT}},
	[NFT_KEY_ADDRESS4] = {false, 1, {OF_DESTINATION}},
	[NFT_KEY_ADDRESS6] = {true, 1, {OF_DESTINATION}},
	[NFT_KEY_PAIR4] = {false, 2, {OF_SOURCE, OF_DESTINATION}},
	[NFT_KEY_PAIR6] = {true, 2, {OF_SOURCE, OF_DESTINATION}},
	[NFT_KEY_CHOICE4] = {false, 4, {OF_DESTINATION, OF_PROTOCOL, OF_PORT, OF_NUMBER}},
	[NFT_KEY_CHOICE6] = {true, 4, {OF_DESTINATION, OF_PROTOCOL, OF_PORT, OF_NUMBER}},
	[NFT_KEY_PORT_CHOICE] = {false, 3, {OF_PROTOCOL, OF_PORT, OF_NUMBER}},
	[NFT_KEY_CLIENT4] = {false, 2, {OF_SOURCE, OF_NUMBER}},
	[NFT_KEY_CLIENT6] = {true, 2, {OF_SOURCE, OF_NUMBER}},
	[NFT_KEY_NUMBER] = {false, 1, {OF_NUMBER}},
	[NFT_KEY_PROTOCOL_NUMBER] = {false, 2, {OF_PROTOCOL, OF_NUMBER}},
	[NFT_KEY_CONNECTION] = {false, 1, {OF_CONNECTION}},
};

bool nft_key_is_second(const struct nft_key_form *form, size_t part)
{
	return part && form->parts[part] == OF_DESTINATION;
}

static const char *type_name(enum nft_part part, bool v6)
{
	switch (part) {
	case OF_PROTOCOL:
		return "inet_proto";
	case OF_PORT:
		return "inet_service";
	case OF_NUMBER:
		return "classid";
	default:
		return v6 ? "ipv6_addr" : "ipv4_addr";
	}
}

static void print_type(struct buf *out, const struct nft_key_form *form)
{
	for (size_t i = 0; i < form->count; i++)
		buf_print(out, "%s%s", i ? " . " : "", type_name(form->parts[i], form->v6));
}

static const char *const value_types[] = {
	[NFT_NO_VALUE] = "",
	[NFT_VERDICTS] = " : verdict",
	[NFT_NUMBERS] = " : classid",
	[NFT_PLACES4] = " : ipv4_addr . inet_service",
	[NFT_PLACES6] = " : ipv6_addr . inet_service",
};

/* As nft writes what it takes for the handle of a class. */
static void print_number(struct buf *out, uint32_t number)
{
	if (number)
		buf_print(out, "%x:%x", number >> 16, number & 0xffff);
	else
		buf_add_text(out, "none");
}

static const char *protocol_name(uint32_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "sctp";
}

static const char *family_of(const struct ip *ip)
{
	return ip->len == 4 ? "ip" : "ip6";
}

static void print_part(
	struct buf *out, const struct nft_key_form *form, size_t i, const struct nft_element *e)
{
	switch (form->parts[i]) {
	case OF_PROTOCOL:
		buf_add_text(out, protocol_name(e->protocol));
		break;
	case OF_PORT:
		buf_print(out, "%u", e->port);
		break;
	case OF_NUMBER:
		print_number(out, e->number);
		break;
	case OF_CONNECTION:
		buf_print(out, "%u", e->number);
		break;
	default:
		ip_print(out, nft_key_is_second(form, i) ? &e->other : &e->ip);
		break;
	}
}

static void print_value(struct buf *out, enum nft_value value, const struct nft_element *e)
{
	switch (value) {
	case NFT_NO_VALUE:
		break;
	case NFT_VERDICTS:
		if (e->verdict == NFT_TO_CHAIN)
			buf_print(out, " : goto %.*s", STRF(e->chain));
		else
			buf_add_text(out, e->verdict == NFT_DROP ? " : drop" : " : continue");
		break;
	case NFT_NUMBERS:
		buf_add_text(out, " : ");
		print_number(out, e->value);
		break;
	case NFT_PLACES4:
	case NFT_PLACES6:
		buf_add_text(out, " : ");
		ip_print(out, &e->other);
		buf_print(out, " . %u", e->other_port);
		break;
	}
}

static void print_element(const struct nft_set *set, const struct nft_element *e, struct buf *out)
{
	const struct nft_key_form *form = &nft_key_forms[set->key];

	for (size_t i = 0; i < form->count; i++) {
		buf_add_text(out, i ? " . " : "");
		print_part(out, form, i, e);
	}
	print_value(out, set->value, e);
}

/* What of a packet is looked up; `bits`: of its number. */
static void print_key(struct buf *out, enum nft_key_type key, uint32_t bits)
{
	const struct nft_key_form *form = &nft_key_forms[key];
	const char *ip = form->v6 ? "ip6" : "ip";

	for (size_t i = 0; i < form->count; i++) {
		buf_add_text(out, i ? " . " : "");
		switch (form->parts[i]) {
		case OF_SOURCE:
			buf_print(out, "%s saddr", ip);
			break;
		case OF_DESTINATION:
			buf_print(out, "%s daddr", ip);
			break;
		case OF_PROTOCOL:
			buf_add_text(out, "meta l4proto");
			break;
		case OF_PORT:
			buf_add_text(out, "th dport");
			break;
		case OF_NUMBER:
			buf_add_text(out, "meta priority");
			if (bits) {
				buf_add_text(out, " & ");
				print_number(out, bits);
			}
			break;
		case OF_CONNECTION:
			buf_add_text(out, "ct id");
			break;
		}
	}
}

static void print_look_up(
	struct buf *out, const char *before, const struct nft_step *s, const char *behind)
{
	buf_add_text(out, before);
	print_key(out, s->key, 0);
	buf_print(out, "%s @%.*s", behind, STRF(s->name));
}

static void print_keep(struct buf *out, const char *verb, const struct nft_step *s)
{
	buf_print(out, "%s @%.*s { ", verb, STRF(s->name));
	print_key(out, s->key, s->base);
	if (s->number)
		buf_print(out, " timeout %us", s->number);
	buf_add_text(out, " : meta priority }");
}

static void print_cidr(struct buf *out, const char *what, const struct nft_step *s)
{
	buf_print(out, "%s %s %s", family_of(&s->cidr.ip), what, s->not_ ? "!= " : "");
	cidr_print(out, &s->cidr);
}

static void print_dnat(struct buf *out, const struct nft_step *s)
{
	bool v6 = s->cidr.ip.len == 16;

	buf_print(out, "dnat %s to %s", family_of(&s->cidr.ip), v6 ? "[" : "");
	ip_print(out, &s->cidr.ip);
	buf_print(out, "%s:%u", v6 ? "]" : "", s->number);
}

static void print_numbered(struct buf *out)
{
	buf_add_text(out, "meta priority & ");
	print_number(out, ~NFT_NUMBER_BITS);
	buf_add_text(out, " == ");
	print_number(out, NFT_NUMBER);
}

static void print_random(struct buf *out, const struct nft_step *s)
{
	buf_print(out, "meta priority set numgen random mod %u offset %u", s->number, s->base);
}

/* The rule's first step says its family. */
static void print_step(struct buf *out, const struct nft_step *s, bool v6)
{
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
	case RULE_IN:
		print_look_up(out, "", s, "");
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
	case RULE_NUMBERED:
		print_numbered(out);
		break;
	case RULE_PRIORITIZED:
		buf_add_text(out, "meta priority != none");
		break;
	case RULE_IS_NEW:
		buf_add_text(out, "ct state new");
		break;
	case RULE_TRANSLATED:
		buf_add_text(out, "ct status dnat");
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
	case RULE_VERDICT_OF:
		print_look_up(out, "", s, " vmap");
		break;
	case RULE_NUMBER_OF:
		print_look_up(out, "meta priority set ", s, " map");
		break;
	case RULE_NUMBER_RANDOM:
		print_random(out, s);
		break;
	case RULE_NUMBER:
		buf_add_text(out, "meta priority set ");
		print_number(out, s->number);
		break;
	case RULE_NUMBER_BITS:
		buf_add_text(out, "meta priority set meta priority & ");
		print_number(out, s->number);
		break;
	case RULE_DNAT_OF:
		print_look_up(out, v6 ? "dnat ip6 to " : "dnat ip to ", s, " map");
		break;
	case RULE_REMEMBER:
		print_keep(out, "update", s);
		break;
	case RULE_FORGET:
		print_keep(out, "delete", s);
		break;
	case RULE_MARK:
		buf_print(out, "meta mark set meta mark | %#x", s->number);
		break;
	case RULE_UNMARK:
		buf_print(out, "meta mark set meta mark & %#x", ~s->number);
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
	buf_print(out, "add %s inet %s %.*s { ", set->value ? "map" : "set", b->table,
		STRF(set->name));
	if (set->key == NFT_KEY_CONNECTION) { /* its type has no name */
		assert(set->value == NFT_NUMBERS);
		buf_add_text(out, "typeof ct id : meta priority;");
	} else {
		buf_add_text(out, "type ");
		print_type(out, &nft_key_forms[set->key]);
		buf_print(out, "%s;", value_types[set->value]);
	}
	if (set->size)
		buf_print(out, " size %u; flags dynamic,timeout;", set->size);
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
		case NFT_FLUSH_TABLE:
			buf_print(out, "flush table inet %s\n", b->table);
			break;
		case NFT_ADD_SET:
			print_set(b, c->set, out);
			break;
		case NFT_FLUSH_SET:
		case NFT_DELETE_SET:
			buf_print(out, "%s %s inet %s %.*s\n",
				c->kind == NFT_FLUSH_SET ? "flush" : "delete",
				c->set->value ? "map" : "set", b->table, STRF(c->set->name));
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
