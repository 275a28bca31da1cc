/*
 * What is told over HTTP of the proxy: whether it and its node are well (/healthz, /livez), what it
 * counts (/metrics, /proxyMode, /configz), and, at a port for each service that wants it, whether
 * the service has endpoints here: balancers ask that before they send anybody.
 */
#ifndef KUBE_PROXY_HEALTH_H
#define KUBE_PROXY_HEALTH_H

#include "metrics.h"

#include <kube/component.h>
#include <kube/http.h>

/* ---- is it well? ---- */
struct proxy_health {
	int64_t pending_since; /* loop time of the oldest change that is not in the rules; 0: none
				*/
	bool synced;           /* at least once */
	bool node_leaving;     /* is being deleted, or is to be by the autoscaler */
	int64_t updated;       /* wall clock of the last sync */
};
/* Changes wait for less than a minute. Before the first sync it is well, too: it starts. */
bool proxy_health_good(const struct proxy_health *h, int64_t now);

/* ---- of the proxy ---- */
struct status_server;
struct status_options {
	struct address healthz, metrics; /* port 0: not at all */
	const struct proxy_health *health;
	struct proxy_metrics *counted;
	struct str config; /* JSON, for /configz */
};
/*
 * Where it cannot listen is logged: the rules are more important. What options point to stays. Ends
 * with the scope; then free.
 */
struct status_server *status_server_new(
	const struct component_base *base, struct scope *scope, const struct status_options *o);
void status_server_free(struct status_server *s); /* NULL is fine */
/* Where it listens; port 0: nowhere. For tests. */
struct address status_server_healthz(const struct status_server *s);
struct address status_server_metrics(const struct status_server *s);

/* ---- of services ---- */
/* Ends with the scope; then free. */
struct service_ports;
struct service_ports *service_ports_new(const struct component_base *base, struct scope *scope,
	const struct proxy_health *health, struct event_recorder *recorder, struct str node_name);
/* Where they listen, from now on; none: at every address. */
void service_ports_set_addresses(struct service_ports *p, const struct ip *ips, size_t count);
/* port 0: it wants none any more. endpoints: of it, on this node. */
void service_ports_set(struct service_ports *p, struct str namespace, struct str name,
	uint16_t port, size_t endpoints);
void service_ports_free(struct service_ports *p); /* NULL is fine */

#endif
