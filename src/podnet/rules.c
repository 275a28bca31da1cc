/*
 *	prerouting, output	to an address of this node → hostports4 . hostports6 . hostports
 *	                	→ the port's own chain: dnat to the pod
 *	postrouting		masquerade: a pod to its own host port, the node by 127.0.0.1,
 *	           		a pod to what is outside the cluster
 *	guard			nobody but the node itself talks to 127.0.0.0/8; pods borrow no
 *	     			addresses
 */
#include "rules.h"

#include <kube/pod_network.h>

#include <netinet/in.h>

#include "cable.h"

/* Services come first: they have the usual -100. */
static const struct nft_hook prerouting = {"nat", NFT_PREROUTING, -99};
static const struct nft_hook output = {"nat", NFT_OUTPUT, -99};
static const struct nft_hook postrouting = {"nat", NFT_POSTROUTING, 100};
/* Before connections are looked up: what pods send, as they send it. */
static const struct nft_hook guard = {"filter", NFT_PREROUTING, -300};

static const struct nft_set hostports4 = {
	.name = STR_INIT("hostports4"), .key = NFT_KEY_SERVICE4, .value = NFT_VERDICTS};
static const struct nft_set hostports6 = {
	.name = STR_INIT("hostports6"), .key = NFT_KEY_SERVICE6, .value = NFT_VERDICTS};
static const struct nft_set hostports = {
	.name = STR_INIT("hostports"), .key = NFT_KEY_PORT, .value = NFT_VERDICTS};
static const struct nft_set own4 = {.name = STR_INIT("own4"), .key = NFT_KEY_PAIR4};
static const struct nft_set own6 = {.name = STR_INIT("own6"), .key = NFT_KEY_PAIR6};

static const struct cidr loopback4 = {.ip = {.len = 4, .bytes = {127}}, .bits = 8};
static const struct cidr loopback6 = {.ip = {.len = 16, .bytes = {[15] = 1}}, .bits = 128};
static const struct cidr multicast4 = {.ip = {.len = 4, .bytes = {224}}, .bits = 4};
static const struct cidr multicast6 = {.ip = {.len = 16, .bytes = {0xff}}, .bits = 8};

struct compiling {
	const struct rules_input *in;
	struct nft_batch *b;
	struct nft_element *of_port, *of_address4, *of_address6, *own_of_4, *own_of_6;
	size_t port_count, address4_count, address6_count, own4_count, own6_count;
};

/* ---- rules ---- */

struct rule_list {
	struct nft_rule *at;
	size_t count, max;
};

static struct rule_list new_rules(struct compiling *c, size_t max)
{
	return (struct rule_list){
		.at = arena_new(c->b->arena, max * sizeof(struct nft_rule)), .max = max};
}

static struct nft_rule *begin_rule(struct rule_list *l)
{
	assert(l->count < l->max);
	return &l->at[l->count++];
}

static void step(struct nft_rule *r, enum nft_op op)
{
	nft_rule_add(r, (struct nft_step){.op = op});
}

static void step_name(struct nft_rule *r, enum nft_op op, struct str name)
{
	nft_rule_add(r, (struct nft_step){.op = op, .name = name});
}

static void step_cidr(struct nft_rule *r, enum nft_op op, const struct cidr *cidr, bool not_)
{
	nft_rule_add(r, (struct nft_step){.op = op, .cidr = *cidr, .not_ = not_});
}

static void is_family(struct nft_rule *r, uint8_t len)
{
	step(r, len == 4 ? RULE_IS_V4 : RULE_IS_V6);
}

static void add_chain(struct compiling *c, struct str name, const struct nft_hook *hook,
	const struct rule_list *rules)
{
	struct nft_chain *chain = arena_new(c->b->arena, sizeof(*chain));

	*chain = (struct nft_chain){
		.name = name, .hook = hook, .rules = rules->at, .rule_count = rules->count};
	nft_batch_add(c->b, (struct nft_change){.kind = NFT_ADD_CHAIN, .chain = chain});
	nft_batch_add(c->b, (struct nft_change){.kind = NFT_ADD_RULES, .chain = chain});
}

/* ---- host ports ---- */

static bool same_place(const struct runtime_port *a, const struct runtime_port *b)
{
	return a->protocol == b->protocol && a->host_port == b->host_port &&
	       (a->host_ip.len ? ip_eq(&a->host_ip, &b->host_ip) : !b->host_ip.len);
}

static bool unspecified(const struct runtime_port *p)
{
	return !p->host_ip.len || ip_is_unspecified(&p->host_ip);
}

static bool has_it_already(const struct rules_input *in, size_t pod, size_t port)
{
	const struct runtime_port *wanted = &in->pods[pod].ports.items[port];

	for (size_t i = 0; i <= pod; i++)
		for (size_t k = 0; k < (i == pod ? port : in->pods[i].ports.count); k++) {
			struct runtime_port other = in->pods[i].ports.items[k], this = *wanted;

			if (unspecified(&other))
				other.host_ip.len = 0;
			if (unspecified(&this))
				this.host_ip.len = 0;
			if (same_place(&other, &this))
				return true;
		}
	return false;
}

/* 0.0.0.0 means the node's addresses of IPv4; none at all means all. */
static bool takes_family(const struct runtime_port *p, uint8_t len)
{
	return p->host_port && (!p->host_ip.len || p->host_ip.len == len);
}

static void add_target(struct compiling *c, struct str chain, const struct rules_pod *pod,
	const struct runtime_port *port)
{
	struct rule_list rules = new_rules(c, 2);

	for (size_t i = 0; i < pod->ip_count; i++) {
		if (!takes_family(port, pod->ips[i].len))
			continue;
		struct nft_rule *r = begin_rule(&rules);

		is_family(r, pod->ips[i].len);
		nft_rule_add(r, (struct nft_step){.op = RULE_PROTOCOL, .number = port->protocol});
		nft_rule_add(r, (struct nft_step){.op = RULE_DNAT,
					.cidr = {.ip = pod->ips[i]},
					.number = port->container_port});
	}
	add_chain(c, chain, NULL, &rules);
}

static void add_port(struct compiling *c, size_t pod, size_t port)
{
	const struct runtime_port *p = &c->in->pods[pod].ports.items[port];
	struct nft_element e = {.ip = p->host_ip,
		.protocol = p->protocol,
		.port = p->host_port,
		.verdict = NFT_TO_CHAIN};

	if (!p->host_port || has_it_already(c->in, pod, port))
		return;
	e.chain = arena_print(c->b->arena, "%s-%u-%zu",
		p->protocol == IPPROTO_TCP   ? "tcp"
		: p->protocol == IPPROTO_UDP ? "udp"
					     : "sctp",
		p->host_port, c->port_count + c->address4_count + c->address6_count);
	add_target(c, e.chain, &c->in->pods[pod], p);
	if (unspecified(p))
		c->of_port[c->port_count++] = e;
	else if (p->host_ip.len == 4)
		c->of_address4[c->address4_count++] = e;
	else
		c->of_address6[c->address6_count++] = e;
}

static void add_own(struct compiling *c, const struct rules_pod *pod)
{
	for (size_t i = 0; i < pod->ip_count && pod->ports.count; i++) {
		struct nft_element e = {.ip = pod->ips[i], .other = pod->ips[i]};

		if (e.ip.len == 4)
			c->own_of_4[c->own4_count++] = e;
		else
			c->own_of_6[c->own6_count++] = e;
	}
}

static void add_elements(struct compiling *c, const struct nft_set *set,
	const struct nft_element *elements, size_t count)
{
	if (count)
		nft_batch_add(c->b, (struct nft_change){.kind = NFT_ADD_ELEMENTS,
					    .set = set,
					    .elements = elements,
					    .element_count = count});
}

/* ---- the chains packets go through ---- */

static struct rule_list to_host_ports(struct compiling *c)
{
	struct rule_list l = new_rules(c, 4);
	struct nft_rule *r = begin_rule(&l);

	/* Nothing can answer from ::1 to another machine, and a pod is one. */
	step_cidr(r, RULE_DESTINATION, &loopback6, false);
	step(r, RULE_RETURN);
	r = begin_rule(&l);
	step(r, RULE_IS_V4);
	nft_rule_add(r, nft_look_up(RULE_VERDICT_OF, &hostports4));
	r = begin_rule(&l);
	step(r, RULE_IS_V6);
	nft_rule_add(r, nft_look_up(RULE_VERDICT_OF, &hostports6));
	r = begin_rule(&l);
	step(r, RULE_TO_LOCAL);
	nft_rule_add(r, nft_look_up(RULE_VERDICT_OF, &hostports));
	return l;
}

static const struct cidr *cluster_of(const struct rules_input *in, uint8_t len)
{
	for (size_t i = 0; i < in->cluster_cidr_count; i++)
		if (in->cluster_cidrs[i].ip.len == len)
			return &in->cluster_cidrs[i];
	return NULL;
}

/* Who leaves the cluster does it by the node's address; groups are nobody's address. */
static void masquerade_leaving(struct compiling *c, struct rule_list *l, const struct cidr *pods)
{
	bool v4 = pods->ip.len == 4;
	const struct cidr *cluster = cluster_of(c->in, pods->ip.len);
	struct nft_rule *r = begin_rule(l);

	step_cidr(r, RULE_SOURCE, pods, false);
	step_cidr(r, RULE_DESTINATION, v4 ? &multicast4 : &multicast6, true);
	step_cidr(r, RULE_DESTINATION, cluster ? cluster : pods, true);
	step(r, RULE_MASQUERADE);
}

static struct rule_list leaving(struct compiling *c)
{
	struct rule_list l = new_rules(c, 2 + 2 * 2);
	struct nft_rule *r = begin_rule(&l);

	step(r, RULE_IS_V4);
	nft_rule_add(r, nft_look_up(RULE_IN, &own4));
	step(r, RULE_MASQUERADE);
	r = begin_rule(&l);
	step(r, RULE_IS_V6);
	nft_rule_add(r, nft_look_up(RULE_IN, &own6));
	step(r, RULE_MASQUERADE);
	for (size_t i = 0; i < c->in->pod_cidr_count; i++) {
		const struct cidr *pods = &c->in->pod_cidrs[i];

		if (pods->ip.len == 4) {
			r = begin_rule(&l);
			step_cidr(r, RULE_SOURCE, &loopback4, false);
			step_cidr(r, RULE_DESTINATION, pods, false);
			step(r, RULE_MASQUERADE);
		}
		masquerade_leaving(c, &l, pods);
	}
	return l;
}

/*
 * Answers to 127.0.0.1 are let through by the links of pods: questions must not be. And pods send
 * from their own addresses: of IPv4 the kernel sees to it by itself (rp_filter).
 */
static struct rule_list guarding(struct compiling *c)
{
	struct rule_list l = new_rules(c, 2);
	struct nft_rule *r = begin_rule(&l);

	nft_rule_add(r, (struct nft_step){.op = RULE_BY_LOOPBACK, .not_ = true});
	step_cidr(r, RULE_DESTINATION, &loopback4, false);
	step(r, RULE_DISCARD);
	for (size_t i = 0; i < c->in->pod_cidr_count; i++) {
		if (c->in->pod_cidrs[i].ip.len == 4)
			continue;
		r = begin_rule(&l);
		step(r, RULE_IS_V6);
		step_name(r, RULE_BY_LINKS, STR(CABLE_PREFIX));
		step(r, RULE_NO_WAY_BACK);
		step(r, RULE_DISCARD);
	}
	return l;
}

void rules_compile(const struct rules_input *in, struct nft_batch *b)
{
	static const struct nft_set *const sets[] = {
		&hostports4, &hostports6, &hostports, &own4, &own6};
	struct compiling c = {.in = in, .b = b};
	size_t ports = 0;

	for (size_t i = 0; i < in->pod_count; i++)
		ports += in->pods[i].ports.count;
	c.of_port = arena_new(b->arena, ports * sizeof(*c.of_port));
	c.of_address4 = arena_new(b->arena, ports * sizeof(*c.of_port));
	c.of_address6 = arena_new(b->arena, ports * sizeof(*c.of_port));
	c.own_of_4 = arena_new(b->arena, in->pod_count * sizeof(*c.of_port));
	c.own_of_6 = arena_new(b->arena, in->pod_count * sizeof(*c.of_port));

	/* The first makes sure that there is one to delete. */
	nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(b, (struct nft_change){.kind = NFT_DELETE_TABLE});
	nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_TABLE});
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_SET, .set = sets[i]});
	for (size_t i = 0; i < in->pod_count; i++) {
		for (size_t k = 0; k < in->pods[i].ports.count; k++)
			add_port(&c, i, k);
		add_own(&c, &in->pods[i]);
	}
	add_elements(&c, &hostports, c.of_port, c.port_count);
	add_elements(&c, &hostports4, c.of_address4, c.address4_count);
	add_elements(&c, &hostports6, c.of_address6, c.address6_count);
	add_elements(&c, &own4, c.own_of_4, c.own4_count);
	add_elements(&c, &own6, c.own_of_6, c.own6_count);

	struct rule_list in_rules = to_host_ports(&c), out_rules = leaving(&c),
			 guard_rules = guarding(&c);
	add_chain(&c, STR("prerouting"), &prerouting, &in_rules);
	add_chain(&c, STR("output"), &output, &in_rules);
	add_chain(&c, STR("postrouting"), &postrouting, &out_rules);
	add_chain(&c, STR("guard"), &guard, &guard_rules);
}

const struct rules_pod *rules_find(const struct rules_input *in, uint8_t protocol,
	const struct ip *to, uint16_t port, const struct runtime_port **found)
{
	const struct rules_pod *any = NULL;

	for (size_t i = 0; i < in->pod_count; i++)
		for (size_t k = 0; k < in->pods[i].ports.count; k++) {
			const struct runtime_port *p = &in->pods[i].ports.items[k];

			if (p->protocol != protocol || p->host_port != port)
				continue;
			if (!unspecified(p) && ip_eq(&p->host_ip, to)) {
				*found = p;
				return &in->pods[i];
			}
			if (!any && unspecified(p) && takes_family(p, to->len)) {
				*found = p;
				any = &in->pods[i];
			}
		}
	return any;
}
