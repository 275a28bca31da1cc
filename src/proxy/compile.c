/* A Service, port by port and family by family. */
#include "service_maker.h"

#include <netinet/in.h>
#include <stdlib.h>

#define AFFINITY_SECONDS 10800

/* ---- to one of the endpoints ---- */

static void way(struct service_maker *m, enum class_kind kind, bool guarded, const struct ip *ip,
	uint16_t port, const struct endpoints *to)
{
	struct way *w;

	if (!to->count)
		return;
	w = LIST_ADD(m->arena, m->out->ways, m->out->way_count);
	*w = (struct way){.class = {.count = (uint32_t)to->count,
				  .affinity = m->remembers ? m->affinity : 0,
				  .kind = (uint8_t)kind,
				  .node_port = !ip,
				  .here = kind == CLASS_HERE || (m->remembers && to == &m->local),
				  .guarded = guarded,
				  .v6 = m->v6 && m->remembers},
		.v6 = m->v6,
		.protocol = m->number,
		.port = port,
		.places = arena_new(m->arena, to->count * sizeof(struct place)),
		.memory = m->out->memory_count - m->remembers};
	if (ip)
		w->ip = *ip;
	for (size_t i = 0; i < to->count; i++)
		w->places[i] = (struct place){.ip = to->items[i].ip, .port = to->items[i].port};
}

/* ---- addresses ---- */

void service_element(struct service_maker *m, enum table_set set, const struct ip *ip,
	uint16_t port, enum nft_verdict verdict, struct str to)
{
	struct table_element *e = LIST_ADD(m->arena, m->out->elements, m->out->element_count);

	*e = (struct table_element){.set = set + m->v6,
		.element = {.protocol = m->number, .port = port, .verdict = verdict, .chain = to}};
	if (ip)
		e->element.ip = *ip;
}

bool service_of_family(const struct service_maker *m, struct str text, struct ip *ip)
{
	return ip_parse(text, ip) && (ip->len == 16) == m->v6;
}

enum { LED_ALL = 1, LED_HERE = 2 };

static void lead(struct service_maker *m, const struct endpoints *to, uint8_t how)
{
	for (size_t i = 0; i < to->count; i++)
		m->led[to->items[i].nth] |= how;
}

/* Of all the addresses of the port. */
static void memory(struct service_maker *m)
{
	struct memory *memory;

	m->remembers = m->affinity && m->all.count <= MEMORY_PLACES;
	if (!m->remembers)
		return;
	memory = LIST_ADD(m->arena, m->out->memories, m->out->memory_count);
	*memory = (struct memory){.port_name = m->port_name,
		.protocol = m->number,
		.v6 = m->v6,
		.places = arena_new(m->arena, (m->all.count + 1) * sizeof(struct place))};
	for (size_t i = 0; i < m->all.count; i++)
		if (m->led[i])
			memory->places[memory->count++] = (struct place){.ip = m->all.items[i].ip,
				.port = m->all.items[i].port,
				.all = m->led[i] & LED_ALL,
				.here = m->led[i] & LED_HERE};
}

/*
 * By one policy or the other; and whoever serves keeps whom it has, as it does with connections,
 * though new ones go elsewhere.
 */
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
		if (m->led[i] || m->all.items[i].is.serving)
			to[path->endpoint_count++] = m->all.items[i].ip;
}

/* elsewhere: nobody can be reached, but only because the policy says so. */
static void unreachable(struct service_maker *m, const struct ip *ip, uint16_t port, bool elsewhere)
{
	service_element(m, ip ? SET_NO_ENDPOINTS4 : SET_NO_NODE_PORTS4, ip, port,
		elsewhere ? NFT_DROP : NFT_GO_ON, STR(""));
}

static bool comes_from_outside(const struct service_maker *m)
{
	return m->node_port || json_count(json_get(m->spec, STR("externalIPs"))) ||
	       (m->balanced && json_count(json_path(m->service, "status.loadBalancer.ingress")));
}

static void outside_address(
	struct service_maker *m, const struct ip *ip, uint16_t port, bool guarded)
{
	enum class_kind kind = m->outside_local ? CLASS_SHORT : CLASS_OUTSIDE;

	way(m, kind, guarded, ip, port, &m->cluster);
	if (m->outside_local)
		way(m, CLASS_HERE, false, ip, port, &m->local);
	if (m->outside_local ? !m->local.count : !m->cluster.count)
		unreachable(m, ip, port, m->outside_local && m->cluster.count);
	remember_datagrams(m, ip, port);
}

static void outside_addresses(struct service_maker *m)
{
	struct ip ip;

	json_each (item, json_get(m->spec, STR("externalIPs")))
		if (service_of_family(m, json_str(item), &ip))
			outside_address(m, &ip, m->port, false);
	if (m->balanced)
		json_each (item, json_path(m->service, "status.loadBalancer.ingress"))
			if (service_has_balancer_at(m, item, &ip))
				outside_address(m, &ip, m->port, service_guard(m, &ip));
	if (m->node_port)
		outside_address(m, NULL, m->node_port, false);
}

static void inside_address(struct service_maker *m)
{
	const struct endpoints *to = m->inside_local ? &m->local : &m->cluster;

	way(m, CLASS_INSIDE, false, &m->cluster_ip, m->port, to);
	if (!to->count)
		unreachable(m, &m->cluster_ip, m->port, m->cluster.count > 0);
	remember_datagrams(m, &m->cluster_ip, m->port);
}

/* ---- who is where ---- */

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/* In order, each once; how many are left. */
static size_t each_once(struct ip *ips, size_t count)
{
	size_t kept = count > 0;

	if (count)
		qsort(ips, count, sizeof(*ips), by_address);
	for (size_t i = 1; i < count; i++)
		if (!ip_eq(&ips[kept - 1], &ips[i]))
			ips[kept++] = ips[i];
	return kept;
}

static void note_endpoints(struct service_maker *m)
{
	for (size_t i = 0; i < m->all.count; i++)
		if (m->led[i])
			*LIST_ADD(m->arena, m->out->endpoints, m->out->endpoint_count) =
				m->all.items[i].ip;
}

/* ---- what balancers are told ---- */

/* Of the first family: an endpoint that has addresses of both is one endpoint. */
static void note_ready(struct service_maker *m)
{
	if (!m->outside_local || !m->balanced || m->v6 != m->ready_v6)
		return;
	for (size_t i = 0; i < m->all.count; i++)
		if (m->all.items[i].is.local && m->all.items[i].is.ready)
			*LIST_ADD(m->arena, m->ready, m->ready_count) = m->all.items[i].ip;
}

/* ---- one port ---- */

static void compile_port(struct service_maker *m)
{
	bool outside = comes_from_outside(m);

	m->all = endpoints_collect(
		m->arena, m->slices, m->slice_count, m->v6, m->port_name, m->protocol);
	m->cluster = endpoints_of_cluster(m->arena, &m->all);
	m->local = endpoints_of_node(m->arena, &m->all);
	m->led = arena_new(m->arena, (m->all.count + 1) * sizeof(*m->led));
	m->has_firewall = false;
	if (!m->inside_local || outside)
		lead(m, &m->cluster, LED_ALL);
	if (m->inside_local || (outside && m->outside_local))
		lead(m, &m->local, LED_HERE);
	memory(m);
	inside_address(m);
	if (outside)
		outside_addresses(m);
	note_endpoints(m);
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

static uint32_t affinity_of(const struct cJSON *spec)
{
	int64_t seconds = AFFINITY_SECONDS;

	if (!str_eq_text(json_str(json_get(spec, STR("sessionAffinity"))), "ClientIP"))
		return 0;
	json_int(json_path(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"), &seconds);
	return (uint32_t)MIN(MAX(seconds, 1), (int64_t)UINT32_MAX);
}

void compile_service(struct arena *a, const struct proxy_node *node, const struct cJSON *service,
	const struct slice *const *slices, size_t slice_count, struct compiled *out)
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
	if (str_eq_text(type, "ExternalName") || proxy_leaves(service))
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
	/* Each address once, at however many ports it is. */
	out->local_ready = each_once(m.ready, m.ready_count);
	out->endpoint_count = each_once(out->endpoints, out->endpoint_count);
}
