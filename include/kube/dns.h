/*
 * dns: the cluster's DNS, as Services and EndpointSlices say it; other names are asked of the
 * servers outside.
 */
#ifndef KUBE_DNS_H
#define KUBE_DNS_H

#include <kube/component.h>

struct dns_options {
	struct str domain;            /* empty: "cluster.local" */
	const struct address *listen; /* UDP and TCP at each */
	size_t listen_count;
	const struct address *upstreams; /* none: other names are refused */
	size_t upstream_count;
	uint32_t ttl; /* 0: 5 s */
};

/* Serves at once; what is not known yet is SERVFAIL. ERR_ADDRESS and the like. */
int dns_new(const struct component_base *base, const struct dns_options *options,
	struct part **part, struct err *err);
/* The addresses it listens at, with the ports that were taken. */
struct address dns_listening(const struct part *part, size_t i);

#endif
