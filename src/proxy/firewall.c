/* Who may come to a load balancer's address. */
#include "service_maker.h"

#include <kube/hash.h>

#define NAME_MAX_READABLE 88 /* the kernel's names end at 127 */

static struct str firewall_name(struct service_maker *m)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	unsigned char digest[32];

	buf_print(&text, "%.*s/%.*s/%.*s/%u/%.*s", STRF(m->namespace), STRF(m->name),
		STRF(m->protocol), m->port, STRF(m->port_name));
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] >= 'A' && text.at[i] <= 'Z')
			text.at[i] |= 0x20;
	struct str whole = buf_str(&text);
	sha256_of(whole, digest);
	return arena_print(m->arena, "fw%d-%02x%02x%02x%02x%02x-%.*s", m->v6 ? 6 : 4, digest[0],
		digest[1], digest[2], digest[3], digest[4],
		STRF(str_sub(whole, 0, NAME_MAX_READABLE)));
}

bool service_has_balancer_at(
	const struct service_maker *m, const struct cJSON *ingress, struct ip *ip)
{
	return service_of_family(m, json_str(json_get(ingress, STR("ip"))), ip) &&
	       !str_eq_text(json_str(json_get(ingress, STR("ipMode"))), "Proxy");
}

static bool range_of_family(
	const struct service_maker *m, const struct cJSON *item, struct cidr *range)
{
	return cidr_parse(str_trim(json_str(item)), range) && (range->ip.len == 16) == m->v6;
}

static void let_in(struct chain_maker *c, const struct cidr *from)
{
	struct nft_rule *r = chain_rule(c, true);

	if (from->bits)
		nft_rule_add(r, step_cidr(RULE_SOURCE, from, false));
	nft_rule_add(r, step_plain(RULE_RETURN));
}

static bool node_is_in(const struct service_maker *m, const struct cidr *range)
{
	for (size_t i = 0; i < m->node->ip_count; i++)
		if (cidr_has(range, &m->node->ips[i]))
			return true;
	return false;
}

/*
 * Load balancers' addresses may be for some only. Where they are the node's own, too, it comes to
 * them as one of them.
 */
static void firewall_chain(struct service_maker *m, struct str name)
{
	struct chain_maker c = {.arena = m->arena, .name = name, .v6 = m->v6};
	struct cidr from;
	bool node = false;

	json_each (item, json_get(m->spec, STR("loadBalancerSourceRanges")))
		if (range_of_family(m, item, &from)) {
			let_in(&c, &from);
			node |= node_is_in(m, &from);
		}
	if (node)
		json_each (item, json_path(m->service, "status.loadBalancer.ingress"))
			if (service_has_balancer_at(m, item, &from.ip)) {
				from.bits = (uint8_t)(8 * from.ip.len);
				let_in(&c, &from);
			}
	nft_rule_add(chain_rule(&c, false), step_plain(RULE_DISCARD));
	chain_end(&c, m->out);
}

/* Ranges of the other family say nothing of this one. */
static bool has_ranges(const struct service_maker *m)
{
	struct cidr range;

	json_each (item, json_get(m->spec, STR("loadBalancerSourceRanges")))
		if (range_of_family(m, item, &range))
			return true;
	return false;
}

bool service_guard(struct service_maker *m, const struct ip *ip)
{
	struct str name;

	if (!has_ranges(m) || !m->cluster.count)
		return false;
	name = firewall_name(m);
	if (!m->has_firewall)
		firewall_chain(m, name);
	m->has_firewall = true;
	service_element(m, SET_FIREWALLS4, ip, m->port, NFT_TO_CHAIN, name);
	return true;
}
