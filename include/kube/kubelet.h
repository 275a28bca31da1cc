/*
 * kubelet: makes the pods of one node run, and tells the API how they fare. Its client is
 * system:node:NAME.
 */
#ifndef KUBE_KUBELET_H
#define KUBE_KUBELET_H

#include <kube/component.h>
#include <kube/ip.h>
#include <kube/runtime.h>

struct kubelet_configuration;
struct machine;
struct machine_free;
struct tls_config;

struct kubelet_options {
	struct str node_name;
	struct str hostname;       /* empty: the node's name */
	struct str root_dir;       /* "/var/lib/kube/kubelet": volumes, termination messages */
	struct str log_dir;        /* "/var/log/pods" */
	struct str image_dir;      /* on whose disk images are; empty: root_dir's */
	struct str manifests;      /* a directory of static pods; empty: none */
	struct str cgroup_root;    /* what stands before "/kubepods"; "-": no cgroups at all */
	struct str resolv_conf;    /* the node's own, for pods that want it */
	const struct ip *node_ips; /* the first is the primary one */
	size_t node_ip_count;
	const struct str *dns_servers; /* the cluster's */
	size_t dns_server_count;
	struct str dns_domain;
	const struct str *node_labels; /* "key=value", at registration */
	size_t node_label_count;
	const struct str *node_taints; /* "key=value:NoSchedule" */
	size_t node_taint_count;
	int max_pods;       /* 0: the configuration's */
	struct str version; /* "v1.36.0" */
	/* Of the node's server (a reference is taken); NULL: there is none. */
	struct tls_config *tls;
	/*
	 * Makes another before the certificate of `tls` ends: a reference for the caller, and when
	 * that one ends. NULL: nobody does.
	 */
	int (*renew_tls)(void *ctx, struct tls_config **tls, int64_t *until, struct err *err);
	/*
	 * Serves with this one (PEM), that the cluster has signed: with it the configuration's
	 * serverTLSBootstrap is followed, and `tls` may be NULL.
	 */
	int (*serve_tls)(void *ctx, struct str certificate, struct str key, struct tls_config **tls,
		struct err *err);
	void *tls_ctx;
	int64_t tls_until; /* wall: when the certificate of `tls` ends; 0: nobody knows */
	/*
	 * With the configuration's rotateCertificates: what the client shows at the beginning (PEM;
	 * empty: no certificate), and the file that what follows is kept in, with its key (empty:
	 * nothing follows).
	 */
	struct str client_certificate, client_certificate_file;
	/* The socket of the bus on which the machine's end is announced; empty: nowhere. */
	struct str system_bus;
	uint16_t port; /* where the node's server listens; 0: none is told of */
	/* Can pods with a network of their own be connected? NULL: always. If not, `why` is set. */
	bool (*network_ready)(void *ctx, struct err *why);
	void *ctx;
	const struct machine *machine; /* NULL: this one; what a test says does not change */
	const struct machine_free *machine_free; /* of that machine; NULL: all of it */
	bool no_register;                        /* the Node object is somebody else's */
	/* Of a node's status when nothing changes; 0: the configuration's. */
	int64_t status_frequency;
	/* What options do not say; it outlives the part. NULL: the defaults. */
	const struct kubelet_configuration *configuration;
};

/*
 * All else that options point to is copied. The runtime must outlive the part. What is said both
 * here and in the configuration is as it is said here.
 */
struct part *kubelet_new(const struct component_base *base, struct runtime *runtime,
	const struct kubelet_options *options);

/* The machine's end is near, or was called off: as the system bus would say it. */
void kubelet_prepare_for_shutdown(struct part *kubelet, bool near);

#endif
