/* What each part of the cluster is given. */
#include "cluster_parts.h"

#include "addons.h"

#include <kube/controllers.h>
#include <kube/dns.h>
#include <kube/proxy.h>
#include <kube/route.h>
#include <kube/scheduler.h>

#define DNS_PORT      53
#define SERVERS_MAX   3 /* as resolvers read it */
#define LOOPBACK_LINK 1

static struct str cidr_text(struct arena *a, const struct cidr *list, size_t count)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);

	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&text, ',');
		cidr_print(&text, &list[i]);
	}
	return arena_str(a, buf_str(&text));
}

/* A file of the cluster's authorities; empty when there is none. */
static struct str pki_file(struct cluster *c, const char *name)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	disk_read_file(c->env->disk,
		arena_print(&c->arena, "%.*s/pki/%s", STRF(c->options->data_dir), name).at, &text,
		NULL);
	return arena_str(&c->arena, buf_str(&text));
}

void cluster_begin_controllers(struct cluster *c)
{
	const struct cluster_options *o = c->options;
	struct member *m = cluster_open_member(c, PART_CONTROLLERS);
	const struct controllers_options options = {.root_ca = pki_file(c, "ca.crt"),
		.cluster_cidr = cidr_text(&c->arena, o->pods, o->pod_count),
		.service_cidr = cidr_text(&c->arena, o->services, o->service_count),
		.allocate_node_cidrs = true,
		.signing_cert = pki_file(c, "client-ca.crt"),
		.signing_key = pki_file(c, "client-ca.key"),
		.account_key = pki_file(c, "sa.key")};

	m->part = controllers_new(&m->base, &options);
}

void cluster_begin_scheduler(struct cluster *c)
{
	struct member *m = cluster_open_member(c, PART_SCHEDULER);
	const struct scheduler_options options = {0};

	m->part = scheduler_new(&m->base, &options);
}

void cluster_begin_proxy(struct cluster *c)
{
	const struct cluster_options *o = c->options;
	struct member *m = cluster_open_member(c, PART_PROXY);
	const struct proxy_options options = {.node_name = o->node_name,
		.pod_cidrs = o->pods,
		.pod_cidr_count = o->pod_count,
		.healthz = address_of(ip_v4(0, 0, 0, 0), PROXY_HEALTHZ_PORT),
		.metrics = address_of(ip_v4(127, 0, 0, 1), PROXY_METRICS_PORT)};

	m->part = proxy_new(&m->base, &options);
}

/* ---- DNS ---- */

int cluster_take_dns_addresses(const struct cluster_options *o, struct err *err)
{
	struct route *r;
	int code = route_open(&r, -1, err);

	for (size_t i = 0; i < o->dns_ip_count && !code; i++) {
		const struct cidr whole = {
			.ip = o->dns_ips[i], .bits = (uint8_t)(8 * o->dns_ips[i].len)};

		/* The node itself sends from its own: probes come from there, not from DNS. */
		code = route_add_service_address(r, LOOPBACK_LINK, &whole, err);
	}
	route_close(r);
	return code;
}

static bool is_ours(const struct cluster_options *o, const struct ip *ip)
{
	for (size_t i = 0; i < o->dns_ip_count; i++)
		if (ip_eq(&o->dns_ips[i], ip))
			return true;
	return false;
}

size_t resolv_conf_servers(struct str text, struct address *servers, size_t max)
{
	struct str line, word;
	size_t count = 0;
	struct ip ip;

	while (count < max && str_next(&text, '\n', &line)) {
		line = str_trim(line);
		if (!str_starts(line, STR("nameserver")))
			continue;
		word = str_trim(str_skip(line, 10));
		if (word.len < line.len - 10 && ip_parse(word, &ip))
			servers[count++] = address_of(ip, DNS_PORT);
	}
	return count;
}

int cluster_begin_dns(struct cluster *c, struct err *err)
{
	const struct cluster_options *o = c->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct address listen[2], read[SERVERS_MAX], servers[SERVERS_MAX];
	size_t count, kept = 0;

	for (size_t i = 0; i < o->dns_ip_count; i++)
		listen[i] = address_of(o->dns_ips[i], DNS_PORT);
	disk_read_file(c->env->disk, "/etc/resolv.conf", &text, NULL);
	count = resolv_conf_servers(buf_str(&text), read, ARRAY_LEN(read));
	for (size_t i = 0; i < count; i++) /* asking ourselves would never end */
		if (!is_ours(o, &read[i].ip))
			servers[kept++] = read[i];
	struct member *m = cluster_open_member(c, PART_DNS);
	const struct dns_options options = {.domain = o->domain,
		.listen = listen,
		.listen_count = o->dns_ip_count,
		.upstreams = servers,
		.upstream_count = kept};
	return dns_new(&m->base, &options, &m->part, err);
}

/* ---- what is there from the start ---- */

/*
 * What upstream's policy gives to system:kube-dns is of a time before slices; a DNS server brings
 * the rest itself.
 */
#define DNS_ROLE                                                                                   \
	"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n"                                        \
	"  name: kube-dns\n  namespace: kube-system\n---\n"                                        \
	"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n"                 \
	"  name: system:dns\nrules:\n"                                                             \
	"- {apiGroups: [\"\"], resources: [namespaces, services], verbs: [list, watch]}\n"         \
	"- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}\n"   \
	"---\n"                                                                                    \
	"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n"          \
	"  name: system:dns\n"                                                                     \
	"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:dns'}\n"  \
	"subjects:\n"                                                                              \
	"- {kind: ServiceAccount, name: kube-dns, namespace: kube-system}\n---\n"

/* The DNS answers in every node's own process: no rules are to lead elsewhere. */
static struct str dns_service(struct cluster *c)
{
	const struct cluster_options *o = c->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

	if (o->disabled[PART_DNS])
		return STR("");
	buf_add_text(&text, DNS_ROLE "apiVersion: v1\nkind: Service\nmetadata:\n  name: kube-dns\n"
				     "  namespace: kube-system\n  labels:\n    k8s-app: kube-dns\n"
				     "    kubernetes.io/cluster-service: \"true\"\n"
				     "    kubernetes.io/name: KubeDNS\n"
				     "    service.kubernetes.io/service-proxy-name: kube-dns\n"
				     "spec:\n  ports:\n"
				     "  - {name: dns, port: 53, protocol: UDP}\n"
				     "  - {name: dns-tcp, port: 53, protocol: TCP}\n  clusterIP: ");
	ip_print(&text, &o->dns_ips[0]);
	buf_print(&text, "\n  ipFamilyPolicy: %s\n  clusterIPs: [",
		o->dns_ip_count > 1 ? "PreferDualStack" : "SingleStack");
	for (size_t i = 0; i < o->dns_ip_count; i++) {
		buf_add_text(&text, i ? ", \"" : "\"");
		ip_print(&text, &o->dns_ips[i]);
		buf_add_text(&text, "\"");
	}
	buf_add_text(&text, "]\n");
	return arena_str(&c->arena, buf_str(&text));
}

void cluster_begin_addons(struct cluster *c)
{
	struct member *m = cluster_open_member(c, PART_ADDONS);

	m->part = addons_new(&m->base, dns_service(c), c->options->manifests);
}
