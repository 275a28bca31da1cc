/* A Service, port by port and family by family. */
#include "compile_parts.h"

#include <kube/hash.h>
#include <kube/time.h>

#include <netinet/in.h>
#include <stdlib.h>

#define NAME_MAX_READABLE 88 /* the kernel's names end at 127 */
#define AFFINITY_SECONDS  10800
/*
 * Up to so many endpoints are chosen by a rule for each. A map of choices would be a set without a
 * name, and of these the kernel (6.18) walks through all at each that is added: with ten thousand
 * services a table took it half a minute.
 */
#define CHANCES_MAX 32

/* What stands for an endpoint in rules, of whichever policy. */
struct endpoint_names {
	struct str chain, affinity; /* empty: no rule has led there yet */
};

struct service_maker {
	struct arena *arena;
	const struct proxy_node *node;
	const struct cJSON *service, *spec;
	const struct cJSON *const *slices;
	size_t slice_count;
	struct compiled *out;

	struct str namespace, name;
	bool node_type, balanced; /* has node ports; has a load balancer's addresses */
	bool inside_local, outside_local;
	int64_t affinity; /* ns; 0: none */
	struct ip *ready; /* endpoints here that are, of all ports */
	size_t ready_count;
	bool ready_v6; /* of which family */
	/* of the port and family at hand */
	bool v6;
	struct ip cluster_ip;
	struct str port_name, protocol;
	uint8_t number;
	uint16_t port, node_port;
	struct endpoints all, cluster, local;
	struct endpoint_names *names; /* of all */
	struct str svc, loc, ext, fw;
};

/* ---- names ---- */

static struct str chain_name(struct service_maker *m, const char *kind, const struct endpoint *e)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	unsigned char digest[32];

	buf_print(&text, "%.*s/%.*s/%.*s/%u/%.*s", STRF(m->namespace), STRF(m->name),
		STRF(m->protocol), m->port, STRF(m->port_name));
	if (e) {
		buf_add_text(&text, "__");
		ip_print(&text, &e->ip);
		buf_print(&text, "/%u", e->port);
	}
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] >= 'A' && text.at[i] <= 'Z')
			text.at[i] |= 0x20;
		else if (text.at[i] == ':')
			text.at[i] = '.';
	struct str whole = buf_str(&text);
	sha256_of(whole, digest);
	return arena_print(m->arena, "%s%d-%02x%02x%02x%02x%02x-%.*s", kind, m->v6 ? 6 : 4,
		digest[0], digest[1], digest[2], digest[3], digest[4],
		STRF(str_sub(whole, 0, NAME_MAX_READABLE)));
}

static struct chain_maker chain(struct service_maker *m, struct str name)
{
	return (struct chain_maker){.arena = m->arena, .name = name, .v6 = m->v6};
}

/* ---- to one endpoint ---- */

static const struct endpoint_names *endpoint_chain(
	struct service_maker *m, const struct endpoint *e)
{
	struct endpoint_names *names = &m->names[e->nth];
	struct cidr itself = {.ip = e->ip, .bits = (uint8_t)(8 * e->ip.len)};
	struct nft_rule *r;

	if (names->chain.len)
		return names; /* by the other policy */
	names->chain = chain_name(m, "ep", e);
	struct chain_maker c = chain(m, names->chain);
	/* Whoever reaches itself must not see its own address as the other side's. */
	r = chain_rule(&c, true);
	nft_rule_add(r, step_cidr(RULE_SOURCE, &itself, false));
	nft_rule_add(r, step_number(RULE_MARK, PROXY_MARK));
	if (m->affinity) {
		struct nft_set *set = LIST_ADD(m->arena, m->out->sets, m->out->set_count);

		names->affinity = chain_name(m, "aff", e);
		*set = (struct nft_set){.name = names->affinity,
			.key = m->v6 ? NFT_KEY_ADDRESS6 : NFT_KEY_ADDRESS4,
			.timeout = m->affinity};
		nft_rule_add(chain_rule(&c, true), step_named(RULE_REMEMBER, set->name));
	}
	r = chain_rule(&c, true);
	nft_rule_add(r, step_number(RULE_PROTOCOL, m->number));
	nft_rule_add(r, (struct nft_step){.op = RULE_DNAT, .cidr.ip = e->ip, .number = e->port});
	chain_end(&c, m->out);
	return names;
}

/* The last takes what the others have left, each of them one in as many as were left to it. */
static void by_chance(struct chain_maker *c, const struct str *chains, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct nft_rule *r = chain_rule(c, false);

		if (i + 1 < count)
			nft_rule_add(r, step_number(RULE_CHANCE, (uint32_t)(count - i)));
		nft_rule_add(r, step_named(RULE_GOTO, chains[i]));
	}
}

/* To one of them, the one the client came to before if that is wanted. */
static void spread(struct service_maker *m, struct chain_maker *c, const struct endpoints *to)
{
	struct str *chains = arena_alloc(m->arena, (to->count + 1) * sizeof(*chains));

	for (size_t i = 0; i < to->count; i++) {
		const struct endpoint_names *names = endpoint_chain(m, &to->items[i]);

		chains[i] = names->chain;
		if (!m->affinity)
			continue;
		struct nft_rule *r = chain_rule(c, true);
		nft_rule_add(r, step_named(RULE_SOURCE_IN, names->affinity));
		nft_rule_add(r, step_named(RULE_GOTO, names->chain));
	}
	if (to->count <= CHANCES_MAX)
		by_chance(c, chains, to->count);
	else
		nft_rule_add(chain_rule(c, false),
			(struct nft_step){
				.op = RULE_RANDOM, .chains = chains, .chain_count = to->count});
}

/* ---- from inside ---- */

/* Strangers at the cluster's own address: the answer must come back this way. */
static void mark_strangers(struct service_maker *m, struct chain_maker *c)
{
	struct nft_rule *r = chain_rule(c, true);
	size_t count = 0;

	nft_rule_add(r, step_ip(RULE_DESTINATION, &m->cluster_ip));
	for (size_t i = 0; i < m->node->pod_cidr_count && !m->node->masquerade_all; i++) {
		const struct cidr *pods = &m->node->pod_cidrs[i];

		if ((pods->ip.len == 16) != m->v6 || count == NFT_STEPS_MAX - 3)
			continue;
		nft_rule_add(r, step_cidr(RULE_SOURCE, pods, true));
		count++;
	}
	if (count || m->node->masquerade_all)
		nft_rule_add(r, step_number(RULE_MARK, PROXY_MARK));
	else
		c->count--; /* nobody knows who is a stranger */
}

static void policy_chain(struct service_maker *m, struct str name, const struct endpoints *to)
{
	struct chain_maker c = chain(m, name);

	mark_strangers(m, &c);
	spread(m, &c, to);
	chain_end(&c, m->out);
}

/* ---- from outside ---- */

static void outside_chain(struct service_maker *m)
{
	struct chain_maker c = chain(m, m->ext);
	struct nft_rule *r;

	if (!m->outside_local) {
		nft_rule_add(chain_rule(&c, false), step_number(RULE_MARK, PROXY_MARK));
		nft_rule_add(chain_rule(&c, false), step_named(RULE_GOTO, m->svc));
		chain_end(&c, m->out);
		return;
	}
	/* Pods and this machine itself go to any endpoint: for them there is no outside. */
	for (size_t i = 0; i < m->node->pod_cidr_count && m->svc.len; i++) {
		const struct cidr *pods = &m->node->pod_cidrs[i];

		if ((pods->ip.len == 16) != m->v6)
			continue;
		r = chain_rule(&c, true);
		nft_rule_add(r, step_cidr(RULE_SOURCE, pods, false));
		nft_rule_add(r, step_named(RULE_GOTO, m->svc));
	}
	if (m->svc.len) {
		r = chain_rule(&c, false);
		nft_rule_add(r, step_plain(RULE_FROM_LOCAL));
		nft_rule_add(r, step_number(RULE_MARK, PROXY_MARK));
		r = chain_rule(&c, false);
		nft_rule_add(r, step_plain(RULE_FROM_LOCAL));
		nft_rule_add(r, step_named(RULE_GOTO, m->svc));
	}
	if (m->loc.len)
		nft_rule_add(chain_rule(&c, false), step_named(RULE_GOTO, m->loc));
	chain_end(&c, m->out);
}

/* Load balancers' addresses may be for some only. */
static struct str balanced_chain(struct service_maker *m)
{
	const struct cJSON *ranges = json_get(m->spec, STR("loadBalancerSourceRanges"));
	struct cidr range;

	if (!json_count(ranges))
		return m->ext;
	if (m->fw.len)
		return m->fw;
	m->fw = chain_name(m, "fw", NULL);
	struct chain_maker c = chain(m, m->fw);
	json_each (item, ranges) {
		if (!cidr_parse(str_trim(json_str(item)), &range) || (range.ip.len == 16) != m->v6)
			continue;
		struct nft_rule *r = chain_rule(&c, true);
		if (range.bits)
			nft_rule_add(r, step_cidr(RULE_SOURCE, &range, false));
		nft_rule_add(r, step_named(RULE_GOTO, m->ext));
	}
	nft_rule_add(chain_rule(&c, false), step_plain(RULE_DISCARD));
	chain_end(&c, m->out);
	return m->fw;
}

/* ---- what leads to the chains ---- */

static void element(struct service_maker *m, enum table_set set, const struct ip *ip, uint16_t port,
	enum nft_verdict verdict, struct str to)
{
	struct table_element *e = LIST_ADD(m->arena, m->out->elements, m->out->element_count);

	*e = (struct table_element){.set = set + m->v6,
		.element = {.protocol = m->number, .port = port, .verdict = verdict, .chain = to}};
	if (ip)
		e->element.ip = *ip;
}

/* Whoever has a chain may have been chosen, by one policy or the other. */
static void remember_datagrams(struct service_maker *m, const struct ip *ip, uint16_t port)
{
	struct datagram_path *path;
	struct ip *to;

	if (m->number != IPPROTO_UDP)
		return;
	path = LIST_ADD(m->arena, m->out->paths, m->out->path_count);
	to = arena_alloc(m->arena, (m->all.count + 1) * sizeof(*to));
	*path = (struct datagram_path){
		.ip = ip ? *ip : (struct ip){0}, .port = port, .endpoints = to};
	for (size_t i = 0; i < m->all.count; i++)
		if (m->names[i].chain.len)
			to[path->endpoint_count++] = m->all.items[i].ip;
}

/* chain: empty where nothing can be reached. local: only because the policy says so. */
static void address(struct service_maker *m, const struct ip *ip, uint16_t port, struct str chain,
	bool reachable, bool elsewhere)
{
	if (chain.len)
		element(m, ip ? SET_SERVICES4 : SET_NODE_PORTS4, ip, port, NFT_TO_CHAIN, chain);
	if (!reachable)
		element(m, ip ? SET_NO_ENDPOINTS4 : SET_NO_NODE_PORTS4, ip, port,
			elsewhere ? NFT_DROP : NFT_TO_CHAIN,
			elsewhere ? (struct str){0} : STR("reject"));
	remember_datagrams(m, ip, port);
}

static bool of_family(const struct service_maker *m, struct str text, struct ip *ip)
{
	return ip_parse(text, ip) && (ip->len == 16) == m->v6;
}

static bool comes_from_outside(const struct service_maker *m)
{
	return m->node_port || json_count(json_get(m->spec, STR("externalIPs"))) ||
	       (m->balanced && json_count(json_path(m->service, "status.loadBalancer.ingress")));
}

static void outside_addresses(struct service_maker *m)
{
	bool reachable = m->outside_local ? m->local.count > 0 : m->cluster.count > 0;
	bool elsewhere = m->outside_local && m->cluster.count > 0;
	struct ip ip;

	if (m->svc.len || m->loc.len) {
		m->ext = chain_name(m, "ext", NULL);
		outside_chain(m);
	}
	json_each (item, json_get(m->spec, STR("externalIPs")))
		if (of_family(m, json_str(item), &ip))
			address(m, &ip, m->port, m->ext, reachable, elsewhere);
	if (m->balanced)
		json_each (item, json_path(m->service, "status.loadBalancer.ingress"))
			if (of_family(m, json_str(json_get(item, STR("ip"))), &ip) &&
				!str_eq_text(json_str(json_get(item, STR("ipMode"))), "Proxy"))
				address(m, &ip, m->port, m->ext.len ? balanced_chain(m) : m->ext,
					reachable, elsewhere);
	if (m->node_port)
		address(m, NULL, m->node_port, m->ext, reachable, elsewhere);
}

/* ---- what balancers are told ---- */

/* Of the first family: an endpoint that has addresses of both is one endpoint. */
static void note_ready(struct service_maker *m)
{
	if (!m->outside_local || !m->balanced || m->v6 != m->ready_v6)
		return;
	for (size_t i = 0; i < m->all.count; i++)
		if (m->all.items[i].local && m->all.items[i].ready)
			*LIST_ADD(m->arena, m->ready, m->ready_count) = m->all.items[i].ip;
}

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/* Each address once, at however many ports it is. */
static size_t count_ready(struct service_maker *m)
{
	size_t count = m->ready_count > 0;

	if (m->ready_count)
		qsort(m->ready, m->ready_count, sizeof(*m->ready), by_address);
	for (size_t i = 1; i < m->ready_count; i++)
		count += !ip_eq(&m->ready[i - 1], &m->ready[i]);
	return count;
}

/* ---- one port ---- */

static void compile_port(struct service_maker *m)
{
	bool outside = comes_from_outside(m);

	m->all = endpoints_collect(
		m->arena, m->node, m->slices, m->slice_count, m->v6, m->port_name, m->protocol);
	m->cluster = endpoints_of_cluster(m->arena, &m->all);
	m->local = endpoints_of_node(m->arena, &m->all);
	m->names = arena_new(m->arena, (m->all.count + 1) * sizeof(*m->names));
	m->svc = m->loc = m->ext = m->fw = STR("");
	if (m->cluster.count && (!m->inside_local || outside)) {
		m->svc = chain_name(m, "svc", NULL);
		policy_chain(m, m->svc, &m->cluster);
	}
	if (m->local.count && (m->inside_local || (outside && m->outside_local))) {
		m->loc = chain_name(m, "loc", NULL);
		policy_chain(m, m->loc, &m->local);
	}
	address(m, &m->cluster_ip, m->port, m->inside_local ? m->loc : m->svc,
		m->inside_local ? m->local.count > 0 : m->cluster.count > 0,
		m->inside_local && m->cluster.count > 0);
	if (outside)
		outside_addresses(m);
	m->out->no_local_inside |= m->inside_local && !m->local.count && m->cluster.count;
	m->out->no_local_outside |=
		outside && m->outside_local && !m->local.count && m->cluster.count;
	note_ready(m);
}

static void compile_family(struct service_maker *m, const struct ip *cluster_ip)
{
	int64_t number;

	m->v6 = cluster_ip->len == 16;
	m->cluster_ip = *cluster_ip;
	struct table_element *e = LIST_ADD(m->arena, m->out->elements, m->out->element_count);
	*e = (struct table_element){
		.set = SET_CLUSTER_IPS4 + m->v6, .element = {.ip = *cluster_ip}};
	json_each (port, json_get(m->spec, STR("ports"))) {
		if (!json_int(json_get(port, STR("port")), &number))
			continue;
		m->port = (uint16_t)number;
		m->port_name = json_str(json_get(port, STR("name")));
		m->protocol = json_str(json_get(port, STR("protocol")));
		if (!m->protocol.len)
			m->protocol = STR("TCP");
		m->number = str_eq_text(m->protocol, "UDP")    ? IPPROTO_UDP
			    : str_eq_text(m->protocol, "SCTP") ? IPPROTO_SCTP
							       : IPPROTO_TCP;
		m->node_port = 0;
		if (m->node_type && json_int(json_get(port, STR("nodePort")), &number))
			m->node_port = (uint16_t)number;
		compile_port(m);
	}
}

/* ---- one service ---- */

static bool is_local(const struct cJSON *spec, const char *field)
{
	return str_eq_text(json_str(json_get(spec, str_from(field))), "Local");
}

static int64_t affinity_of(const struct cJSON *spec)
{
	int64_t seconds = AFFINITY_SECONDS;

	if (!str_eq_text(json_str(json_get(spec, STR("sessionAffinity"))), "ClientIP"))
		return 0;
	json_int(json_path(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"), &seconds);
	return MAX(seconds, 1) * SEC;
}

void compile_service(struct arena *a, const struct proxy_node *node, const struct cJSON *service,
	const struct cJSON *const *slices, size_t slice_count, struct compiled *out)
{
	const struct cJSON *meta = json_get(service, STR("metadata")),
			   *spec = json_get(service, STR("spec")),
			   *ips = json_get(spec, STR("clusterIPs"));
	struct str type = json_str(json_get(spec, STR("type")));
	int64_t health = 0;
	struct ip ip;
	struct service_maker m = {.arena = a,
		.node = node,
		.service = service,
		.spec = spec,
		.slices = slices,
		.slice_count = slice_count,
		.out = out,
		.namespace = json_str(json_get(meta, STR("namespace"))),
		.name = json_str(json_get(meta, STR("name"))),
		.balanced = str_eq_text(type, "LoadBalancer"),
		.node_type = str_eq_text(type, "NodePort") || str_eq_text(type, "LoadBalancer"),
		.inside_local = is_local(spec, "internalTrafficPolicy"),
		.outside_local = is_local(spec, "externalTrafficPolicy"),
		.affinity = affinity_of(spec)};

	*out = (struct compiled){0};
	m.ready_v6 = ip_parse(json_str(json_get(spec, STR("clusterIP"))), &ip) && ip.len == 16;
	if (str_eq_text(type, "ExternalName") ||
		json_get(json_get(meta, STR("labels")),
			STR("service.kubernetes.io/service-proxy-name")))
		return;
	if (json_count(ips))
		json_each (item, ips) {
			if (ip_parse(json_str(item), &ip))
				compile_family(&m, &ip);
		}
	else if (ip_parse(json_str(json_get(spec, STR("clusterIP"))), &ip))
		compile_family(&m, &ip);
	if (m.outside_local && m.balanced &&
		json_int(json_get(spec, STR("healthCheckNodePort")), &health))
		out->health_port = (uint16_t)health;
	out->local_ready = count_ready(&m);
}
