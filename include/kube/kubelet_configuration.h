/*
 * kubelet_configuration: a node's configuration as upstream's KubeletConfiguration says it
 * (kubelet.config.k8s.io/v1beta1). Pure: text in, numbers out.
 */
#ifndef KUBE_KUBELET_CONFIGURATION_H
#define KUBE_KUBELET_CONFIGURATION_H

#include <kube/ip.h>
#include <kube/json.h>

/* What a node can run short of. */
enum eviction_signal {
	SIGNAL_MEMORY,
	SIGNAL_NODEFS,
	SIGNAL_NODEFS_INODES,
	SIGNAL_IMAGEFS,
	SIGNAL_IMAGEFS_INODES,
	SIGNAL_PIDS,
	SIGNALS
};

/* "100Mi" or "10%" of what there is. */
struct eviction_amount {
	int64_t quantity;
	double share; /* > 0: instead of the quantity */
	bool binary;  /* it is to be printed as bytes are */
};

struct eviction_threshold {
	enum eviction_signal signal;
	struct eviction_amount amount;
	struct eviction_amount reclaim; /* so much more is freed once it is met */
	int64_t grace;                  /* ns that it has to be met before pods go; 0: none */
};

/* At the machine's end pods from this priority on have so long. */
struct shutdown_group {
	int64_t priority, grace; /* grace: ns */
};

/* Who may use an image that is here without showing what it was pulled with. */
enum image_check {
	IMAGES_PRELOADED_ARE, /* everybody's, if the kubelet has not pulled them */
	IMAGES_ARE_EVERYBODYS,
	IMAGES_LISTED_ARE, /* if it has not pulled them and they are named */
	IMAGES_ARE_ASKED_FOR,
};

/* Who asks the node's server. */
struct caller_rules {
	bool may_all;   /* whoever is known may do all there is */
	bool anonymous; /* who shows nothing is known, too: as system:anonymous */
	bool no_tokens; /* tokens say nothing */
	int64_t token_kept, allowed_kept, denied_kept; /* ns: how long answers hold */
};

struct kubelet_configuration {
	struct str static_pod_path, resolv_conf, cgroup_root, cluster_domain;
	struct str provider_id, pod_logs_dir;
	struct str tls_cert_file, tls_key_file, client_ca_file;
	struct str tls_min_version;   /* "VersionTLS12"; empty: as low as we go */
	const struct str *tls_suites; /* of TLS 1.2; none: all */
	size_t tls_suite_count;
	const struct str *cluster_dns;
	size_t cluster_dns_count;
	const struct str *taints; /* "key=value:Effect" */
	size_t taint_count;
	const struct shutdown_group
		*shutdown_groups; /* the least important first; none: no grace */
	size_t shutdown_group_count;
	const struct str *unsafe_sysctls; /* that pods may set, names or beginnings with "*" */
	size_t unsafe_sysctl_count;
	enum image_check image_check;
	const struct str *trusted_images; /* of IMAGES_LISTED_ARE: names, or beginnings with "*" */
	size_t trusted_image_count;
	bool register_node;
	bool system_logs;          /* /logs shows /var/log */
	bool rotate_certificates;  /* and that of its client, before it ends */
	bool server_tls_bootstrap; /* the cluster signs the certificate of the node's server */
	bool seccomp_default;      /* who says nothing has the runtime's profile, else none */
	bool cpu_quota;            /* limits of processors are kept */
	bool has_server;           /* that pods can be looked into through */
	bool has_debugging;        /* and not only at */
	struct caller_rules callers;
	bool fail_swap_on;                   /* it does not begin on a machine that swaps, */
	bool fail_cgroup_v1;                 /* nor on one without cgroups v2, */
	bool protect_kernel;                 /* nor where the kernel is not set as it should be */
	struct ip address, health_address;   /* of the servers */
	int64_t health_port, read_only_port; /* 0: there is none */
	bool single_oom_kill;   /* out of memory one process ends, not its container (cgroups v2) */
	bool serialize_pulls;   /* images are pulled one after another */
	int64_t parallel_pulls; /* at most; 0: as many as are wanted */
	int64_t users_of_a_pod; /* ids, where a pod has users of its own */
	int64_t port, max_pods, pod_pids_limit; /* pod_pids_limit < 1: none */
	int64_t oom_score;                      /* of its own process, if it is said */
	int64_t pods_per_core;                  /* 0: only max_pods counts */
	int64_t images_told;                    /* in the node's status; -1: all */
	int64_t cpu_period;                     /* ns: of limits of processors */
	int64_t restart_most;                   /* ns: between two starts of what fails */
	int64_t status_update, status_report;   /* ns */
	int64_t lease_seconds;
	int64_t image_high, image_low;        /* per cent */
	int64_t image_min_age, image_max_age; /* ns; max 0: images do not grow too old */
	int64_t log_max_size, log_max_files;  /* size < 0: logs are not rotated */
	int64_t log_interval;                 /* ns */
	int64_t pressure_transition;          /* ns */
	int64_t eviction_max_grace;           /* seconds, for soft thresholds */
	int64_t volume_stats_period;          /* ns; < 0: volumes are not measured */
	struct eviction_threshold thresholds[2 * SIGNALS];
	size_t threshold_count;
	const struct cJSON *system_reserved, *kube_reserved; /* resource → quantity */
	const struct cJSON *tree; /* all of it, with defaults, as /configz shows it */
	const struct str *idle;   /* fields that were said otherwise than by default, and in vain */
	size_t idle_count;
};

/*
 * YAML or JSON over upstream's defaults; empty text: these alone. Texts and trees are in the arena.
 * ERR_SYNTAX names unknown fields and wrong types, ERR_INVALID values that make no sense.
 */
int kubelet_configuration_read(
	struct arena *a, struct str text, struct kubelet_configuration *c, struct err *err);
/* The same of several texts: what a later one says replaces what an earlier one says. */
int kubelet_configuration_read_all(struct arena *a, const struct str *texts, size_t count,
	struct kubelet_configuration *c, struct err *err);

/* How much that is when there is so much. */
int64_t eviction_quantity(const struct eviction_amount *amount, int64_t capacity);
/* "memory.available" */
const char *eviction_signal_name(enum eviction_signal signal);

#endif
