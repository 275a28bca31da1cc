/*
 * cluster: a complete cluster in this process: the API server, and beside it the parts, each with
 * a client of its own that reaches the API without a wire. Started and stopped in order.
 */
#ifndef MAIN_CLUSTER_H
#define MAIN_CLUSTER_H

#include "member.h"
#include "registry_flags.h"

#include <kube/apiserver.h>
#include <kube/ip.h>

enum cluster_part {
	PART_ADDONS, /* manifests of ours and of the user's */
	PART_CONTROLLERS,
	PART_SCHEDULER,
	PART_PROXY,
	PART_DNS,
	PART_KUBELET,
	CLUSTER_PARTS
};
/* As --disable names them; NULL behind the last. */
extern const char *const cluster_part_names[CLUSTER_PARTS + 1];

struct cluster_options {
	struct api_options *api;
	struct str data_dir, node_name, domain, manifests;
	struct cidr pods[2], services[2]; /* one a family */
	size_t pod_count, service_count;
	struct ip node_ips[2], dns_ips[2]; /* of each family there is */
	size_t node_ip_count, dns_ip_count;
	bool disabled[CLUSTER_PARTS];
	uint16_t kubelet_port;
	const struct kubelet_configuration *kubelet_configuration; /* NULL: defaults */
	struct str pods_log_dir;
	const struct str *node_labels, *node_taints;
	size_t node_label_count, node_taint_count;
	struct registry_setup registries;
};

struct cluster;

enum cluster_event {
	CLUSTER_API_READY,
	CLUSTER_NODE_READY,
	CLUSTER_DNS_READY,
};
typedef void cluster_told_fn(void *ctx, enum cluster_event event);

/*
 * op done when every part has begun. Then, or when it has failed or was cancelled, cluster_stop.
 * What the options point to must stay.
 */
struct cluster *cluster_new(
	struct env *env, const struct cluster_options *options, cluster_told_fn *told, void *ctx);
void cluster_start(struct cluster *c, struct op *op);
/* Pods go on. Never refused. Then only free. */
void cluster_stop(struct cluster *c, struct op *op);
void cluster_free(struct cluster *c);
uint16_t cluster_port(const struct cluster *c);

#endif
