/* A question about a name of ours → records. The shape of names is the one of Kubernetes' DNS. */
#include "zone.h"

#include <kube/mem.h>

#define LABELS_MAX 8

struct asking {
	const struct zone *zone;
	const struct dns_question *q;
	struct dns_writer *w;
	struct str labels[LABELS_MAX]; /* of the name below the domain, first label first */
	size_t count;
	size_t answers;
	bool exists; /* the name does, whatever the type */
};

static bool wants(const struct asking *k, uint16_t type)
{
	return k->q->type == type || k->q->type == DNS_ANY;
}

static bool wants_address(const struct asking *k, const struct ip *ip)
{
	return wants(k, ip->len == 4 ? DNS_A : DNS_AAAA);
}

static struct str in_domain(struct asking *k, struct str name)
{
	return arena_print(k->w->arena, "%.*s.%.*s", STRF(name), STRF(k->zone->domain));
}

static void add_address(struct asking *k, const struct ip *ip)
{
	k->exists = true;
	if (!wants_address(k, ip))
		return;
	dns_add_address(k->w, DNS_ANSWER, k->q->name, k->zone->ttl, ip);
	k->answers++;
}

/* ---- services ---- */

static bool port_fits(const struct zone_port *p, struct str port, struct str protocol)
{
	return (!port.len || str_eq(port, p->name)) &&
	       (!protocol.len || str_eq(protocol, p->protocol));
}

static bool any_port_fits(
	const struct zone_port *ports, size_t count, struct str port, struct str protocol)
{
	if (!port.len && !protocol.len)
		return true;
	for (size_t i = 0; i < count; i++)
		if (port_fits(&ports[i], port, protocol))
			return true;
	return false;
}

/* A service record's target comes twice: as a name, and its address beside it. */
struct targets {
	struct {
		struct str name;
		const struct ip *ip;
		uint16_t port;
	} * items;
	size_t count, cap;
};

static void add_targets(struct asking *k, struct targets *t, struct str name, const struct ip *ip,
	const struct zone_port *ports, size_t port_count, struct str port, struct str protocol)
{
	for (size_t i = 0; i < port_count; i++) {
		if (!port_fits(&ports[i], port, protocol))
			continue;
		k->exists = true;
		if (t->count == t->cap) {
			t->cap = t->cap ? 2 * t->cap : 16;
			t->items = mem_resize(t->items, t->cap * sizeof(*t->items));
		}
		t->items[t->count].name = name;
		t->items[t->count].ip = ip;
		t->items[t->count++].port = ports[i].number;
	}
}

static void write_targets(struct asking *k, const struct targets *t)
{
	uint16_t weight = (uint16_t)MAX(t->count ? 100 / t->count : 0, (size_t)1);

	for (size_t i = 0; i < t->count; i++)
		dns_add_srv(k->w, DNS_ANSWER, k->q->name, k->zone->ttl, 0, weight, t->items[i].port,
			t->items[i].name);
	k->answers += t->count;
	for (size_t i = 0; i < t->count; i++)
		if (i == 0 || t->items[i].ip != t->items[i - 1].ip)
			dns_add_address(k->w, DNS_ADDITIONAL, t->items[i].name, k->zone->ttl,
				t->items[i].ip);
}

static void of_endpoints(struct asking *k, const struct zone_service *s, struct targets *t,
	struct str endpoint, struct str port, struct str protocol)
{
	list_each (link, &s->slices) {
		const struct zone_slice *slice = CONTAINER_OF(link, struct zone_slice, in_service);

		for (size_t i = 0; i < slice->endpoint_count; i++) {
			const struct zone_endpoint *e = &slice->endpoints[i];

			if (endpoint.len && !str_eq(endpoint, e->name))
				continue;
			if (!any_port_fits(slice->ports, slice->port_count, port, protocol))
				continue;
			add_address(k, &e->ip);
			if (wants(k, DNS_SRV))
				add_targets(k, t,
					in_domain(k, arena_print(k->w->arena, "%.*s.%.*s.%.*s.svc",
							     STRF(e->name), STRF(s->name),
							     STRF(s->namespace))),
					&e->ip, slice->ports, slice->port_count, port, protocol);
		}
	}
}

static void of_address(struct asking *k, const struct zone_service *s, struct targets *t,
	struct str port, struct str protocol)
{
	struct str name =
		arena_print(k->w->arena, "%.*s.%.*s.svc", STRF(s->name), STRF(s->namespace));

	if (!any_port_fits(s->ports, s->port_count, port, protocol))
		return;
	for (size_t i = 0; i < s->ip_count; i++) {
		add_address(k, &s->ips[i]);
		if (wants(k, DNS_SRV))
			add_targets(k, t, in_domain(k, name), &s->ips[i], s->ports, s->port_count,
				port, protocol);
	}
}

static enum zone_answer of_service(struct asking *k, const struct zone_service *s,
	struct str endpoint, struct str port, struct str protocol, struct str *follow)
{
	struct targets t = {0};

	if (s->external.len) {
		if (endpoint.len || port.len)
			return ZONE_ANSWERED;
		k->exists = true;
		if (!wants(k, DNS_A) && !wants(k, DNS_AAAA) && !wants(k, DNS_CNAME))
			return ZONE_ANSWERED;
		dns_add_name(k->w, DNS_ANSWER, k->q->name, DNS_CNAME, k->zone->ttl, s->external);
		k->answers++;
		*follow = s->external;
		return k->q->type == DNS_CNAME ? ZONE_ANSWERED : ZONE_FOLLOW;
	}
	if (s->headless || endpoint.len)
		of_endpoints(k, s, &t, endpoint, port, protocol);
	else
		of_address(k, s, &t, port, protocol);
	write_targets(k, &t);
	mem_free(t.items);
	return ZONE_ANSWERED;
}

/* "[endpoint.|_port._proto.]name.namespace.svc" */
static enum zone_answer of_svc(struct asking *k, struct str *follow)
{
	struct str none = {0}, endpoint = none, port = none, protocol = none;
	size_t n = k->count - 1; /* labels before "svc" */

	if (n == 0 || (n == 1 && map_has(&k->zone->namespaces, k->labels[0]))) {
		k->exists = true;
		return ZONE_ANSWERED;
	}
	if (n == 1 || n > 4)
		return ZONE_ANSWERED;
	if (n == 3)
		endpoint = k->labels[0];
	if (n == 4) {
		if (!str_starts(k->labels[0], STR("_")) || !str_starts(k->labels[1], STR("_")))
			return ZONE_ANSWERED;
		port = str_skip(k->labels[0], 1);
		protocol = str_skip(k->labels[1], 1);
	}
	const struct zone_service *s = zone_service(k->zone, k->labels[n - 1], k->labels[n - 2]);
	return s ? of_service(k, s, endpoint, port, protocol, follow) : ZONE_ANSWERED;
}

/* ---- pods: the address stands in the name ---- */

static bool parse_dashed(struct str name, struct ip *ip)
{
	char text[64];

	if (name.len >= sizeof(text))
		return false;
	for (int separator = 0; separator < 2; separator++) {
		for (size_t i = 0; i < name.len; i++)
			text[i] = name.at[i] != '-' ? name.at[i] : separator ? ':' : '.';
		if (ip_parse(str_make(text, name.len), ip))
			return true;
	}
	return false;
}

static void of_pod(struct asking *k)
{
	struct ip ip;
	bool known = k->count >= 2 && map_has(&k->zone->namespaces, k->labels[k->count - 2]);

	if (k->count == 1 || (k->count == 2 && known))
		k->exists = true;
	else if (k->count == 3 && known && parse_dashed(k->labels[0], &ip))
		add_address(k, &ip);
}

/* ---- the domain itself ---- */

static struct dns_soa soa_of(struct asking *k)
{
	return (struct dns_soa){.primary = in_domain(k, STR("ns.dns")),
		.contact = in_domain(k, STR("hostmaster")),
		.serial = 1,
		.refresh = 7200,
		.retry = 1800,
		.expire = 86400,
		.minimum = k->zone->ttl};
}

static void of_domain(struct asking *k)
{
	struct dns_soa soa = soa_of(k);

	k->exists = true;
	if (wants(k, DNS_SOA)) {
		dns_add_soa(k->w, DNS_ANSWER, k->zone->domain, k->zone->ttl, &soa);
		k->answers++;
	}
	if (wants(k, DNS_NS)) {
		dns_add_name(k->w, DNS_ANSWER, k->zone->domain, DNS_NS, k->zone->ttl, soa.primary);
		k->answers++;
	}
}

static void of_dns_itself(struct asking *k)
{
	const struct zone_service *s = zone_service(k->zone, STR("kube-system"), STR("kube-dns"));

	k->exists = true;
	for (size_t i = 0; s && i < s->ip_count; i++)
		add_address(k, &s->ips[i]);
}

static enum zone_answer of_name(struct asking *k, struct str *follow)
{
	struct str last = k->count ? k->labels[k->count - 1] : STR("");

	if (k->count == 0) {
		of_domain(k);
	} else if (str_eq_text(last, "svc")) {
		return of_svc(k, follow);
	} else if (str_eq_text(last, "pod")) {
		of_pod(k);
	} else if (k->count == 1 && str_eq_text(last, "dns-version")) {
		k->exists = true;
		if (wants(k, DNS_TXT)) {
			dns_add_txt(k->w, DNS_ANSWER, k->q->name, k->zone->ttl, STR("1.1.0"));
			k->answers++;
		}
	} else if (k->count == 2 && str_eq_text(last, "dns") && str_eq_text(k->labels[0], "ns")) {
		of_dns_itself(k);
	}
	return ZONE_ANSWERED;
}

/* ---- addresses backwards ---- */

static bool nibbles(struct str name, struct ip *ip)
{
	struct str label;

	ip->len = 16;
	for (int i = 31; i >= 0; i--) {
		if (!str_next(&name, '.', &label) || label.len != 1)
			return false;
		char c = label.at[0];
		int value = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;
		if (value < 0)
			return false;
		uint8_t *byte = &ip->bytes[i / 2];
		*byte = (uint8_t)(i % 2 ? value : (*byte & 15) | value << 4);
	}
	return !name.len;
}

static bool reverse_address(struct str name, struct ip *ip)
{
	struct str v4 = STR(".in-addr.arpa"), v6 = STR(".ip6.arpa"), label;
	uint64_t number;

	if (str_ends(name, v6))
		return nibbles(str_make(name.at, name.len - v6.len), ip);
	if (!str_ends(name, v4))
		return false;
	name = str_make(name.at, name.len - v4.len);
	ip->len = 4;
	for (int i = 3; i >= 0; i--) {
		if (!str_next(&name, '.', &label) || !str_to_u64(label, &number) || number > 255)
			return false;
		ip->bytes[i] = (uint8_t)number;
	}
	return !name.len;
}

static void add_name(void *ctx, struct str name)
{
	struct asking *k = ctx;

	dns_add_name(k->w, DNS_ANSWER, k->q->name, DNS_PTR, k->zone->ttl, in_domain(k, name));
	k->answers++;
}

/* ---- all of it ---- */

static bool split(struct asking *k)
{
	struct str name = k->q->lower, domain = k->zone->domain, label;

	if (str_eq(name, domain))
		return true;
	if (!str_ends(name, domain) || name.len < domain.len + 2 ||
		name.at[name.len - domain.len - 1] != '.')
		return false;
	name = str_make(name.at, name.len - domain.len - 1);
	while (str_next(&name, '.', &label)) {
		if (k->count == LABELS_MAX) /* no name of ours is that long: none fits */
			return true;
		k->labels[k->count++] = label;
	}
	return true;
}

enum zone_answer zone_resolve(const struct zone *z, const struct dns_question *q,
	struct dns_writer *w, enum dns_rcode *rcode, struct str *follow)
{
	struct asking k = {.zone = z, .q = q, .w = w};
	enum zone_answer result;
	struct ip ip = {0};

	*rcode = DNS_NOERROR;
	if (reverse_address(q->lower, &ip)) {
		if (wants(&k, DNS_PTR))
			zone_names_of(z, &ip, add_name, &k);
		return k.answers ? ZONE_ANSWERED : ZONE_ELSEWHERE;
	}
	if (!split(&k))
		return ZONE_ELSEWHERE;
	result = of_name(&k, follow);
	if (!k.exists)
		*rcode = DNS_NXDOMAIN;
	if (!k.answers) {
		struct dns_soa soa = soa_of(&k);

		dns_add_soa(w, DNS_AUTHORITY, z->domain, z->ttl, &soa);
	}
	return result;
}
