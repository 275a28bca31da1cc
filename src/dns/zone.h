/* The names of a cluster: what is asked, looked up in copies of Services and EndpointSlices. Pure.
 */
#ifndef KUBE_DNS_ZONE_H
#define KUBE_DNS_ZONE_H

#include <kube/dns_message.h>
#include <kube/json.h>
#include <kube/list.h>
#include <kube/map.h>

struct zone_port {
	struct str name, protocol; /* "http"; "tcp", in lower case */
	uint16_t number;
};

/* Addresses that are ready, under one name: of a Service itself, or of one endpoint. */
struct zone_endpoint {
	struct str name; /* hostname, or the address with dashes */
	struct ip ip;
};

/* One EndpointSlice. */
struct zone_slice {
	struct link in_service;
	struct arena arena;
	struct zone_endpoint *endpoints;
	size_t endpoint_count;
	struct zone_port *ports;
	size_t port_count;
	struct zone_service *service;
};

struct zone_service {
	struct arena arena; /* of what comes from the Service */
	bool there;         /* slices may come before it, and stay behind it */
	bool headless;
	struct str name, namespace; /* heap */
	struct str external;
	struct ip ips[2];
	size_t ip_count;
	struct zone_port *ports;
	size_t port_count;
	struct list slices;
};

struct zone {
	struct str domain; /* lower case */
	uint32_t ttl;
	struct map services;   /* "namespace/name" → struct zone_service */
	struct map slices;     /* "namespace/name" → struct zone_slice */
	struct map namespaces; /* name → anything */
	struct map names_of;   /* address as text → struct list of zone_reverse */
};

void zone_init(struct zone *z, struct str domain, uint32_t ttl);
void zone_done(struct zone *z);
void zone_put_service(struct zone *z, const struct cJSON *service);
void zone_drop_service(struct zone *z, struct str namespace, struct str name);
void zone_put_slice(struct zone *z, const struct cJSON *slice);
void zone_drop_slice(struct zone *z, struct str namespace, struct str name);
void zone_put_namespace(struct zone *z, struct str name);
void zone_drop_namespace(struct zone *z, struct str name);

struct zone_service *zone_service(const struct zone *z, struct str namespace, struct str name);
/* Each name under which that address is known, the domain left out; ends with NULL text. */
typedef void zone_name_fn(void *ctx, struct str name);
void zone_names_of(const struct zone *z, const struct ip *ip, zone_name_fn *each, void *ctx);

/* ---- answers ---- */
enum zone_answer {
	ZONE_ANSWERED,
	ZONE_ELSEWHERE, /* not a name of ours: nothing was written */
	ZONE_FOLLOW,    /* a CNAME was written; the answers of *follow belong behind it */
};
/* Writes records into w, which has begun; *rcode goes with them. */
enum zone_answer zone_resolve(const struct zone *z, const struct dns_question *q,
	struct dns_writer *w, enum dns_rcode *rcode, struct str *follow);

#endif
