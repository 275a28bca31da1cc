/*
 * From a pod to what the runtime is told: sandboxes and containers. Pure.
 */
#ifndef KUBE_KUBELET_CONTAINER_CONFIG_H
#define KUBE_KUBELET_CONTAINER_CONFIG_H

#include "environment.h"
#include "pod_view.h"

#include <kube/kubelet_configuration.h>

struct sandbox_input {
	const struct cJSON *pod;
	uint32_t attempt;
	uint32_t user_count;           /* of a pod that has users of its own */
	struct str log_root;           /* "/var/log/pods" */
	struct str hostname;           /* the node's */
	struct str dns_domain;         /* "cluster.local" */
	const struct str *dns_servers; /* of the cluster */
	size_t dns_server_count;
	/* The node's own resolver: for dnsPolicy Default and host networks. */
	const struct str *node_servers, *node_searches, *node_options;
	size_t node_server_count, node_search_count, node_option_count;
};
/* What the pod calls itself; domain empty: none. */
void pod_host_name(struct arena *a, const struct cJSON *pod, struct str node, struct str zone,
	struct str *hostname, struct str *domain);

/*
 * What annotations allow the pod to receive and send (kubernetes.io/ingress-bandwidth and
 * egress-bandwidth, bits a second). Fails in the words of those who make sandboxes.
 */
int pod_bandwidth(const struct cJSON *pod, struct runtime_bandwidth *out, struct err *err);

/* Fails where the pod's name is more than the kernel takes, and as pod_bandwidth does. */
int sandbox_config_make(struct arena *a, const struct sandbox_input *in, struct sandbox_config *out,
	struct err *err);

struct container_input {
	const struct cJSON *pod, *container;
	uint32_t attempt;
	const struct image *image;
	const struct environment *env;
	const struct node_facts *node;
	const struct runtime_mount *mounts;
	size_t mount_count;
	struct str termination_path;  /* on the host */
	const int64_t *volume_groups; /* of volumes: for fsGroup */
	size_t volume_group_count;
	struct str pid_target; /* of an ephemeral container: the id of its target */
	const struct kubelet_configuration *configuration;
};
/* ERR_INVALID: CreateContainerConfigError, in upstream's words. */
int container_config_make(struct arena *a, const struct container_input *in,
	struct container_config *out, struct err *err);

/* "/kubepods/burstable/podUID" below `root`; what the pod as a whole may use. */
struct str pod_cgroup(struct arena *a, const struct cJSON *pod);
/* Of processors and memory. */
void container_limits_make(const struct kubelet_configuration *c, const struct cJSON *container,
	struct container_limits *out);
void pod_limits(const struct kubelet_configuration *c, const struct cJSON *pod,
	struct container_limits *out);
/* "NAMESPACE_NAME_UID", and the file of one container in it. */
struct str pod_log_name(struct arena *a, const struct cJSON *pod);

#endif
