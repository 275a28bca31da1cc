/* What the serving certificate is for: the names and addresses of the server and its machine. */
#include "pki_own.h"

#include <kube/mem.h>

static void add_dns(struct serving_names *n, struct str name)
{
	for (size_t i = 0; i < n->dns_count; i++)
		if (str_eq_nocase(n->dns[i], name))
			return;
	if (name.len && n->dns_count < SERVING_NAMES_MAX)
		n->dns[n->dns_count++] = name;
}

static void add_ip(struct serving_names *n, struct ip ip)
{
	if (!ip.len || ip_is_unspecified(&ip))
		return;
	for (size_t i = 0; i < n->ip_count; i++)
		if (ip_eq(&n->ips[i], &ip))
			return;
	if (n->ip_count < SERVING_NAMES_MAX)
		n->ips[n->ip_count++] = ip;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->len == 4 ? ip->bytes[0] == 169 && ip->bytes[1] == 254
			    : ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Link-local addresses come and go, and nobody names a server by them. */
static void add_machine(struct env *env, struct serving_names *n)
{
	struct addresses own;

	net_own_addresses(env, &own);
	for (size_t i = 0; i < own.count; i++)
		if (!is_link_local(&own.items[i]))
			add_ip(n, own.items[i]);
	mem_free(own.items);
}

struct ip cidr_first(const struct cidr *c)
{
	struct ip ip = c->ip;

	for (unsigned bit = c->bits; bit < ip.len * 8u; bit++)
		ip.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	ip.bytes[ip.len - 1] |= 1;
	return ip;
}

void serving_names_find(struct api_server *s, struct serving_names *n)
{
	const struct api_options *o = s->options;
	struct ip named;

	add_dns(n, STR("kubernetes"));
	add_dns(n, STR("kubernetes.default"));
	add_dns(n, STR("kubernetes.default.svc"));
	add_dns(n, STR("kubernetes.default.svc.cluster.local"));
	add_dns(n, STR("localhost"));
	add_dns(n, str_from(s->env->host));
	if (ip_parse(o->external_hostname, &named))
		add_ip(n, named);
	else
		add_dns(n, o->external_hostname);
	for (size_t i = 0; i < o->service_cidr_count; i++)
		add_ip(n, cidr_first(&o->services[i]));
	add_ip(n, o->bind);
	add_ip(n, o->advertise);
	add_ip(n, ip_v4(127, 0, 0, 1));
	add_ip(n, (struct ip){.len = 16, .bytes[15] = 1});
	add_machine(s->env, n);
}

bool serving_names_covered(const struct cert *cert, const struct serving_names *n)
{
	const struct cert_info *info = cert_info(cert);

	for (size_t i = 0; i < n->dns_count; i++) {
		bool found = false;

		for (size_t k = 0; k < info->dns_count && !found; k++)
			found = str_eq_nocase(info->dns[k], n->dns[i]);
		if (!found)
			return false;
	}
	for (size_t i = 0; i < n->ip_count; i++) {
		bool found = false;

		for (size_t k = 0; k < info->ip_count && !found; k++)
			found = ip_eq(&info->ips[k], &n->ips[i]);
		if (!found)
			return false;
	}
	return true;
}
