/*
 * The frame of the table. Addresses of services are translated before routing, for what comes in
 * and for what this machine sends; what has nowhere to go is refused by filters, which see it
 * because nothing has translated it.
 */
#include "compile_parts.h"

const struct nft_set table_sets[TABLE_SETS] = {
	[SET_SERVICES4] = {STR_INIT("services4"), NFT_KEY_SERVICE4, true, 0},
	[SET_SERVICES6] = {STR_INIT("services6"), NFT_KEY_SERVICE6, true, 0},
	[SET_NODE_PORTS4] = {STR_INIT("node-ports4"), NFT_KEY_PORT, true, 0},
	[SET_NODE_PORTS6] = {STR_INIT("node-ports6"), NFT_KEY_PORT, true, 0},
	[SET_NO_ENDPOINTS4] = {STR_INIT("no-endpoints4"), NFT_KEY_SERVICE4, true, 0},
	[SET_NO_ENDPOINTS6] = {STR_INIT("no-endpoints6"), NFT_KEY_SERVICE6, true, 0},
	[SET_NO_NODE_PORTS4] = {STR_INIT("no-node-ports4"), NFT_KEY_PORT, true, 0},
	[SET_NO_NODE_PORTS6] = {STR_INIT("no-node-ports6"), NFT_KEY_PORT, true, 0},
	[SET_CLUSTER_IPS4] = {STR_INIT("cluster-ips4"), NFT_KEY_ADDRESS4, false, 0},
	[SET_CLUSTER_IPS6] = {STR_INIT("cluster-ips6"), NFT_KEY_ADDRESS6, false, 0},
	[SET_NODE_IPS4] = {STR_INIT("node-ips4"), NFT_KEY_ADDRESS4, false, 0},
	[SET_NODE_IPS6] = {STR_INIT("node-ips6"), NFT_KEY_ADDRESS6, false, 0},
};

void *list_room(struct arena *a, void *items, size_t count, size_t size)
{
	void *larger;

	if (count & (count - 1))
		return items;
	larger = arena_alloc(a, MAX(2 * count, (size_t)1) * size);
	return count ? memcpy(larger, items, count * size) : larger;
}

struct nft_rule *chain_rule(struct chain_maker *c, bool family)
{
	struct nft_rule *r = LIST_ADD(c->arena, c->rules, c->count);

	*r = (struct nft_rule){0};
	if (family)
		nft_rule_add(r, step_plain(c->v6 ? RULE_IS_V6 : RULE_IS_V4));
	return r;
}

void chain_end(struct chain_maker *c, struct compiled *out)
{
	*LIST_ADD(c->arena, out->chains, out->chain_count) = (struct nft_chain){
		.name = c->name, .hook = c->hook, .rules = c->rules, .rule_count = c->count};
}

/* ---- where services begin ---- */

static void look_up(struct chain_maker *c, bool v6, enum nft_op op, enum table_set set)
{
	c->v6 = v6;
	nft_rule_add(chain_rule(c, true), step_named(op, table_sets[set + v6].name));
}

/*
 * Never at loopback: who comes from there could not be answered from elsewhere without telling the
 * kernel to route such addresses.
 */
static void node_ports(
	struct chain_maker *c, bool v6, enum table_set set, const struct base_options *o)
{
	static const struct cidr loopback[] = {{.ip = {.len = 4, .bytes = {127}}, .bits = 8},
		{.ip = {.len = 16, .bytes = {[15] = 1}}, .bits = 128}};
	struct nft_step map = step_named(RULE_PORT_MAP, table_sets[set + v6].name);
	struct nft_rule *r;

	c->v6 = v6;
	for (size_t i = 0; i < o->nodeport_address_count; i++) {
		const struct cidr *to = &o->nodeport_addresses[i];

		if ((to->ip.len == 16) != v6)
			continue;
		r = chain_rule(c, true);
		nft_rule_add(r, step_plain(RULE_TO_LOCAL));
		if (to->bits)
			nft_rule_add(r, step_cidr(RULE_DESTINATION, to, false));
		nft_rule_add(r, step_cidr(RULE_DESTINATION, &loopback[v6], true));
		nft_rule_add(r, map);
	}
	if (o->nodeport_address_count)
		return;
	r = chain_rule(c, true);
	nft_rule_add(r, step_named(RULE_DESTINATION_IN, table_sets[SET_NODE_IPS4 + v6].name));
	nft_rule_add(r, map);
}

static void services(struct arena *a, const struct base_options *o, struct compiled *out)
{
	struct chain_maker c = {.arena = a, .name = STR("services")};

	for (int v6 = 0; v6 < 2; v6++)
		look_up(&c, v6, RULE_SERVICE_MAP, SET_SERVICES4);
	for (int v6 = 0; v6 < 2; v6++)
		node_ports(&c, v6, SET_NODE_PORTS4, o);
	chain_end(&c, out);
}

/* ---- what is refused ---- */

static void refusals(struct arena *a, const struct base_options *o, struct compiled *out)
{
	struct chain_maker reject = {.arena = a, .name = STR("reject")};

	nft_rule_add(chain_rule(&reject, false), step_plain(RULE_REJECT));
	chain_end(&reject, out);

	struct chain_maker none = {.arena = a, .name = STR("no-endpoints")};
	for (int v6 = 0; v6 < 2; v6++)
		look_up(&none, v6, RULE_SERVICE_MAP, SET_NO_ENDPOINTS4);
	for (int v6 = 0; v6 < 2; v6++)
		node_ports(&none, v6, SET_NO_NODE_PORTS4, o);
	chain_end(&none, out);

	/* A port that the service does not have. */
	struct chain_maker ips = {.arena = a, .name = STR("unknown-ports")};
	for (int v6 = 0; v6 < 2; v6++) {
		ips.v6 = v6;
		struct nft_rule *r = chain_rule(&ips, true);
		nft_rule_add(
			r, step_named(RULE_DESTINATION_IN, table_sets[SET_CLUSTER_IPS4 + v6].name));
		nft_rule_add(r, step_plain(RULE_REJECT));
	}
	chain_end(&ips, out);
}

/* ---- the hooks ---- */

static void hook(struct arena *a, struct compiled *out, const char *name, const struct nft_hook *h,
	const char *const *jumps, bool only_new)
{
	struct chain_maker c = {.arena = a, .name = str_from(name), .hook = h};

	for (size_t i = 0; jumps[i]; i++) {
		struct nft_rule *r = chain_rule(&c, false);

		if (only_new)
			nft_rule_add(r, step_plain(RULE_IS_NEW));
		nft_rule_add(r, step_named(RULE_JUMP, str_from(jumps[i])));
	}
	chain_end(&c, out);
}

static void hooks(struct arena *a, struct compiled *out)
{
	static const struct nft_hook prerouting = {"nat", NFT_PREROUTING, -100},
				     output = {"nat", NFT_OUTPUT, -100},
				     postrouting = {"nat", NFT_POSTROUTING, 100},
				     input = {"filter", NFT_INPUT, -110},
				     forward = {"filter", NFT_FORWARD, -110},
				     sent = {"filter", NFT_OUTPUT, -110},
				     translated = {"filter", NFT_OUTPUT, -90};
	static const char *const to_services[] = {"services", NULL},
				 *const to_none[] = {"no-endpoints", NULL},
				 *const to_both[] = {"no-endpoints", "unknown-ports", NULL},
				 *const to_unknown[] = {"unknown-ports", NULL};

	hook(a, out, "nat-prerouting", &prerouting, to_services, false);
	hook(a, out, "nat-output", &output, to_services, false);
	hook(a, out, "filter-input", &input, to_none, true);
	hook(a, out, "filter-forward", &forward, to_both, true);
	hook(a, out, "filter-output", &sent, to_none, true);
	hook(a, out, "filter-output-translated", &translated, to_unknown, true);

	struct chain_maker c = {.arena = a, .name = STR("nat-postrouting"), .hook = &postrouting};
	struct nft_rule *r = chain_rule(&c, false);
	nft_rule_add(r, step_number(RULE_MARKED, PROXY_MARK));
	nft_rule_add(r, step_number(RULE_UNMARK, PROXY_MARK));
	nft_rule_add(r, step_plain(RULE_MASQUERADE));
	chain_end(&c, out);
}

void compile_base(struct arena *a, const struct base_options *o, struct compiled *out)
{
	*out = (struct compiled){0};
	refusals(a, o, out);
	services(a, o, out);
	hooks(a, out);
	out->sets = arena_copy(a, table_sets, sizeof(table_sets));
	out->set_count = TABLE_SETS;
}

void compile_node(struct arena *a, const struct ip *ips, size_t count, struct compiled *out)
{
	*out = (struct compiled){0};
	for (size_t i = 0; i < count; i++)
		*LIST_ADD(a, out->elements, out->element_count) = (struct table_element){
			.set = SET_NODE_IPS4 + (ips[i].len == 16), .element = {.ip = ips[i]}};
}
