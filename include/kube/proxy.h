/*
 * proxy: Services' addresses lead to their endpoints, through one table of nftables. What a
 * service needs is compiled by itself (a pure function); what has changed goes to the kernel as
 * one batch.
 */
#ifndef KUBE_PROXY_H
#define KUBE_PROXY_H

#include <kube/component.h>

#define PROXY_TABLE        "kube-proxy" /* of family inet */
#define PROXY_HEALTHZ_PORT 10256
#define PROXY_METRICS_PORT 10249

struct proxy_options {
	struct str node_name;
	const struct cidr *pod_cidrs; /* of the cluster; who is in there is no stranger */
	size_t pod_cidr_count;
	/* Where node ports are; empty: at the Node's addresses ("primary"). Never at loopback. */
	const struct cidr *nodeport_addresses;
	size_t nodeport_address_count;
	struct address healthz, metrics; /* port 0: is not served */
	int64_t min_sync;                /* between two batches; 0: 20 ms */
	bool masquerade_all;
	bool print_only; /* nothing goes to the kernel */
};

/* `base->client` as system:kube-proxy. */
struct part *proxy_new(const struct component_base *base, const struct proxy_options *options);
/* Where it tells how it is and what it counts, with the ports that were taken; for tests. */
struct address proxy_healthz_address(const struct part *proxy);
struct address proxy_metrics_address(const struct part *proxy);
/* What the informers know is in the kernel. */
bool proxy_synced(const struct part *proxy);
/* All rules for what the informers know now, as `nft -f` reads them: --dry-run. */
void proxy_print(struct part *proxy, struct buf *out);
/* Takes the table away: for an end that is meant to leave nothing. Blocks. */
int proxy_clean_up(struct err *err);

#endif
