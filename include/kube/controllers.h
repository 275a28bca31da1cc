/*
 * controllers: the control loops of a cluster, one part each. `kube controllers` runs them with
 * leader election, `kube server` without.
 */
#ifndef KUBE_CONTROLLERS_H
#define KUBE_CONTROLLERS_H

#include <kube/component.h>
#include <kube/flags.h>

/* For whom certificates are signed. */
enum controllers_signer {
	SIGNER_KUBELET_SERVING,
	SIGNER_KUBELET_CLIENT,
	SIGNER_API_CLIENT,
	SIGNER_LEGACY,
	CONTROLLERS_SIGNERS
};

struct controllers_options {
	struct str controllers; /* --controllers: "*,-podgc-controller"; empty: "*" */
	struct str root_ca;     /* PEM for kube-root-ca.crt; empty: that publisher is off */
	struct str cluster_cidr, service_cidr; /* "10.42.0.0/16,fd00::/56" */
	bool allocate_node_cidrs;
	int node_mask_v4, node_mask_v6;           /* 0: 24, 64 */
	int64_t node_grace, pod_eviction_timeout; /* 0: 50 s, 5 min */
	int terminated_pod_threshold;             /* 0: 12500 */
	struct str signing_cert, signing_key;     /* PEM: CSRs are signed; empty: that is off */
	struct {
		struct str cert, key; /* in their place, for one of them */
	} signers[CONTROLLERS_SIGNERS];
	struct str account_key;     /* PEM: tokens in Secrets are signed; empty: that is off */
	int64_t signing_duration;   /* the longest life they give; 0: a year */
	int64_t legacy_tokens_kept; /* unused, after which such tokens go; 0: a year */
};

/* Every word of --controllers known? ERR_USAGE. */
int controllers_check(const struct controllers_options *options, struct err *err);
/* Upstream's names, in the order of their start; NULL behind the last. */
const char *controllers_name(size_t index, bool *off_by_default);

/*
 * `base->client` as system:kube-controller-manager; with identities each controller writes as its
 * service account.
 */
struct part *controllers_new(
	const struct component_base *base, const struct controllers_options *options); /* copied */

#endif
