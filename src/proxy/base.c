/*
 * The frame of the table. Addresses of services are translated before routing, for what comes in
 * and for what this machine sends; what has nowhere to go is refused by filters, which see it
 * because nothing has translated it.
 */
#include "compile_parts.h"

#include <kube/hash.h>

#define CLIENTS_MAX 1048576 /* remembered at a time, of a family */

/* Connections whose first packet is on its way through the machine. */
#define PRIORITIES_MAX     65536
#define PRIORITIES_SECONDS 10

#define BOTH(set, text, key, value)                                                                \
	[set##4] = {STR_INIT(text "4"), key, value, 0},                                            \
	[set##6] = {STR_INIT(text "6"), key, value, 0}
#define EACH(set, text, key, value)                                                                \
	[set##4] = {STR_INIT(text "4"), key##4, value, 0},                                         \
	[set##6] = {STR_INIT(text "6"), key##6, value, 0}
#define PLACES(set, text, key4, key6)                                                              \
	[set##4] = {STR_INIT(text "4"), key4, NFT_PLACES4, 0},                                     \
	[set##6] = {STR_INIT(text "6"), key6, NFT_PLACES6, 0}
#define CLIENTS(set, text)                                                                         \
	[set##4] = {STR_INIT(text "4"), NFT_KEY_CLIENT4, NFT_NUMBERS, CLIENTS_MAX},                \
	[set##6] = {STR_INIT(text "6"), NFT_KEY_CLIENT6, NFT_NUMBERS, CLIENTS_MAX}

const struct nft_set table_sets[TABLE_SETS] = {
	PLACES(SET_ENDPOINTS, "endpoints", NFT_KEY_CHOICE4, NFT_KEY_CHOICE6),
	PLACES(SET_NODE_ENDPOINTS, "node-endpoints", NFT_KEY_PORT_CHOICE, NFT_KEY_PORT_CHOICE),
	EACH(SET_SERVICES, "services", NFT_KEY_SERVICE, NFT_NUMBERS),
	EACH(SET_HAIRPIN, "hairpin", NFT_KEY_PAIR, NFT_NO_VALUE),
	BOTH(SET_NODE_PORTS, "node-ports", NFT_KEY_PORT, NFT_NUMBERS),
	EACH(SET_CHOICES, "choices", NFT_KEY_CHOICE, NFT_NUMBERS),
	BOTH(SET_NODE_CHOICES, "node-choices", NFT_KEY_PORT_CHOICE, NFT_NUMBERS),
	PLACES(SET_REMEMBERED, "remembered", NFT_KEY_PROTOCOL_NUMBER, NFT_KEY_PROTOCOL_NUMBER),
	PLACES(SET_HERE_REMEMBERED, "here-remembered", NFT_KEY_PROTOCOL_NUMBER,
		NFT_KEY_PROTOCOL_NUMBER),
	EACH(SET_MEMORIES, "memories", NFT_KEY_SERVICE, NFT_NUMBERS),
	BOTH(SET_NODE_MEMORIES, "node-memories", NFT_KEY_PORT, NFT_NUMBERS),
	EACH(SET_HERE, "here", NFT_KEY_SERVICE, NFT_NUMBERS),
	BOTH(SET_NODE_HERE, "node-here", NFT_KEY_PORT, NFT_NUMBERS),
	EACH(SET_NO_ENDPOINTS, "no-endpoints", NFT_KEY_SERVICE, NFT_VERDICTS),
	BOTH(SET_NO_NODE_PORTS, "no-node-ports", NFT_KEY_PORT, NFT_VERDICTS),
	EACH(SET_CLUSTER_IPS, "cluster-ips", NFT_KEY_ADDRESS, NFT_NO_VALUE),
	EACH(SET_NODE_IPS, "node-ips", NFT_KEY_ADDRESS, NFT_NO_VALUE),
	EACH(SET_FIREWALLS, "firewalls", NFT_KEY_SERVICE, NFT_VERDICTS),
	CLIENTS(SET_CLIENTS, "clients"),
	CLIENTS(SET_HERE_CLIENTS, "here-clients"),
	[SET_PRIORITIES] = {STR_INIT("priorities"), NFT_KEY_CONNECTION, NFT_NUMBERS,
		PRIORITIES_MAX},
	[SET_CLASSES] = {STR_INIT("classes"), NFT_KEY_NUMBER, NFT_VERDICTS, 0},
	[SET_HERE_CLASSES] = {STR_INIT("here-classes"), NFT_KEY_NUMBER, NFT_VERDICTS, 0},
};

struct str table_form(struct arena *a)
{
	uint32_t h = 0;

	for (size_t i = 0; i < TABLE_SETS; i++) {
		const struct nft_set *s = &table_sets[i];

		h = hash_fnv32a(arena_print(a, "%x %.*s %d %d %u", h, STRF(s->name), (int)s->key,
			(int)s->value, s->size));
	}
	return arena_print(a, "form-%08x", h);
}

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

/* What a lookup is followed by. */
typedef void ending_fn(struct nft_rule *r, enum table_set set);

static void by_class(struct nft_rule *r, enum table_set set)
{
	nft_rule_add(r, step_set(RULE_NUMBER_OF, set));
	nft_rule_add(r, step_set(RULE_VERDICT_OF, SET_CLASSES));
}

static void by_class_here(struct nft_rule *r, enum table_set set)
{
	nft_rule_add(r, step_set(RULE_NUMBER_OF, set));
	nft_rule_add(r, step_set(RULE_VERDICT_OF, SET_HERE_CLASSES));
}

/* Verdicts that go on come to the refusal. */
static void refuse(struct nft_rule *r, enum table_set set)
{
	nft_rule_add(r, step_set(RULE_VERDICT_OF, set));
	nft_rule_add(r, step_plain(RULE_REJECT));
}

static void by_verdict(struct nft_rule *r, enum table_set set)
{
	nft_rule_add(r, step_set(RULE_VERDICT_OF, set));
}

static void look_up(struct chain_maker *c, enum table_set set, ending_fn *ending)
{
	for (int v6 = 0; v6 < 2; v6++) {
		c->v6 = v6;
		ending(chain_rule(c, true), set + v6);
	}
}

/*
 * Never at loopback: who comes from there could not be answered from elsewhere without telling the
 * kernel to route such addresses.
 */
static void node_ports_of(struct chain_maker *c, bool v6, enum table_set set, ending_fn *ending,
	const struct base_options *o)
{
	static const struct cidr loopback[] = {{.ip = {.len = 4, .bytes = {127}}, .bits = 8},
		{.ip = {.len = 16, .bytes = {[15] = 1}}, .bits = 128}};
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
		ending(r, set + v6);
	}
	if (o->nodeport_address_count)
		return;
	r = chain_rule(c, true);
	nft_rule_add(r, step_set(RULE_IN, SET_NODE_IPS4 + v6));
	ending(r, set + v6);
}

static void node_ports(
	struct chain_maker *c, enum table_set set, ending_fn *ending, const struct base_options *o)
{
	for (int v6 = 0; v6 < 2; v6++)
		node_ports_of(c, v6, set, ending, o);
}

/*
 * Whoever sent it may have given it a priority (SO_PRIORITY, or by its type of service): it is put
 * aside while our numbers are there instead, and forgotten if it is no service's.
 */
static void keep_priority(struct chain_maker *c, enum nft_op op)
{
	struct nft_rule *r = chain_rule(c, false);
	struct nft_step s = step_set(op, SET_PRIORITIES);

	s.number = op == RULE_REMEMBER ? PRIORITIES_SECONDS : 0;
	nft_rule_add(r, step_plain(RULE_PRIORITIZED));
	nft_rule_add(r, s);
}

static void services(struct arena *a, const struct base_options *o, struct compiled *out)
{
	struct chain_maker c = {.arena = a, .name = STR("services")};

	keep_priority(&c, RULE_REMEMBER);
	look_up(&c, SET_SERVICES4, by_class);
	node_ports(&c, SET_NODE_PORTS4, by_class, o);
	keep_priority(&c, RULE_FORGET);
	chain_end(&c, out);
}

/* ---- where classes go on ---- */

/* Strangers at the cluster's own addresses: the answer must come back this way. */
static void mark_strangers(struct chain_maker *c, const struct proxy_node *node)
{
	struct nft_rule *r = chain_rule(c, true);
	size_t count = 0;

	for (size_t i = 0; i < node->pod_cidr_count && !node->masquerade_all; i++) {
		const struct cidr *pods = &node->pod_cidrs[i];

		if ((pods->ip.len == 16) != c->v6 || count == NFT_STEPS_MAX - 2)
			continue;
		nft_rule_add(r, step_cidr(RULE_SOURCE, pods, true));
		count++;
	}
	if (count || node->masquerade_all)
		nft_rule_add(r, step_number(RULE_MARK, PROXY_MARK));
	else
		c->count--; /* nobody knows who is a stranger */
}

static void class_ends(struct arena *a, const struct base_options *o, struct compiled *out)
{
	struct chain_maker strangers = {.arena = a, .name = STR("strangers")},
			   firewall = {.arena = a, .name = STR("firewall")},
			   here = {.arena = a, .name = STR("here")},
			   node_here = {.arena = a, .name = STR("node-here")};

	for (int v6 = 0; v6 < 2 && o->node; v6++) {
		strangers.v6 = v6;
		mark_strangers(&strangers, o->node);
	}
	chain_end(&strangers, out);
	look_up(&firewall, SET_FIREWALLS4, by_verdict);
	chain_end(&firewall, out);
	look_up(&here, SET_HERE4, by_class_here);
	chain_end(&here, out);
	look_up(&node_here, SET_NODE_HERE4, by_class_here);
	chain_end(&node_here, out);
}

/* ---- what is refused ---- */

static void refusals(struct arena *a, const struct base_options *o, struct compiled *out)
{
	struct chain_maker none = {.arena = a, .name = STR("no-endpoints")};

	look_up(&none, SET_NO_ENDPOINTS4, refuse);
	node_ports(&none, SET_NO_NODE_PORTS4, refuse, o);
	chain_end(&none, out);

	/* A port that the service does not have. */
	struct chain_maker ips = {.arena = a, .name = STR("unknown-ports")};
	for (int v6 = 0; v6 < 2; v6++) {
		ips.v6 = v6;
		struct nft_rule *r = chain_rule(&ips, true);
		nft_rule_add(r, step_set(RULE_IN, SET_CLUSTER_IPS4 + v6));
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

/* Numbers of ours are not to be seen outside, but what was there before them. */
static void priority_chain(struct arena *a, struct compiled *out)
{
	struct chain_maker c = {.arena = a, .name = STR("own-priority")};
	struct nft_rule *r = chain_rule(&c, false);

	nft_rule_add(r, step_set(RULE_NUMBER_OF, SET_PRIORITIES));
	nft_rule_add(r, step_set(RULE_FORGET, SET_PRIORITIES));
	nft_rule_add(r, step_plain(RULE_RETURN));
	nft_rule_add(chain_rule(&c, false), step_number(RULE_NUMBER, 0));
	chain_end(&c, out);
}

/* Whoever has reached itself must not see its own address as the other side's. */
static void translated_chain(struct arena *a, struct compiled *out)
{
	struct chain_maker c = {.arena = a, .name = STR("translated")};
	struct nft_rule *r = chain_rule(&c, false);

	nft_rule_add(r, step_plain(RULE_NUMBERED));
	nft_rule_add(r, step_named(RULE_JUMP, STR("own-priority")));
	for (int v6 = 0; v6 < 2; v6++) {
		c.v6 = v6;
		r = chain_rule(&c, true);
		nft_rule_add(r, step_set(RULE_IN, SET_HAIRPIN4 + v6));
		nft_rule_add(r, step_number(RULE_MARK, PROXY_MARK));
	}
	chain_end(&c, out);
}

static void last(struct arena *a, struct compiled *out, const struct nft_hook *postrouting)
{
	struct chain_maker c = {.arena = a, .name = STR("nat-postrouting"), .hook = postrouting};
	struct nft_rule *r = chain_rule(&c, false);

	nft_rule_add(r, step_plain(RULE_TRANSLATED));
	nft_rule_add(r, step_named(RULE_JUMP, STR("translated")));
	r = chain_rule(&c, false);
	nft_rule_add(r, step_number(RULE_MARKED, PROXY_MARK));
	nft_rule_add(r, step_number(RULE_UNMARK, PROXY_MARK));
	nft_rule_add(r, step_plain(RULE_MASQUERADE));
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

	priority_chain(a, out);
	translated_chain(a, out);
	last(a, out, &postrouting);
}

void compile_base(struct arena *a, const struct base_options *o, struct compiled *out)
{
	struct chain_maker form = {.arena = a, .name = table_form(a)};

	*out = (struct compiled){0};
	chain_end(&form, out);
	refusals(a, o, out);
	services(a, o, out);
	class_ends(a, o, out);
	hooks(a, out);
}

void compile_node(struct arena *a, const struct ip *ips, size_t count, struct compiled *out)
{
	*out = (struct compiled){0};
	for (size_t i = 0; i < count; i++)
		*LIST_ADD(a, out->elements, out->element_count) = (struct table_element){
			.set = SET_NODE_IPS4 + (ips[i].len == 16), .element = {.ip = ips[i]}};
}
