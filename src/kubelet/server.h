/*
 * The kubelet's HTTPS server: what happens inside of pods (logs, exec, attach, port-forward), and
 * what the node says of itself (pods, statistics, metrics). Whoever asks shows a certificate of
 * the cluster's or a token that the API knows, and may do what the API says of the subresources of
 * its Node.
 */
#ifndef KUBE_KUBELET_SERVER_SERVER_H
#define KUBE_KUBELET_SERVER_SERVER_H

#include <kube/client.h>
#include <kube/http.h>
#include <kube/json.h>
#include <kube/kubelet_configuration.h>
#include <kube/runtime.h>

struct kubelet_server;
struct volume_figures;

/* What the server asks the kubelet. */
struct kubelet_server_pods {
	/* Every pod of this node as it is to be seen now, with its newest status; in the arena. */
	size_t (*list)(void *ctx, struct arena *a, const struct cJSON *const **pods);
	/* How much room the volumes of a pod have and take; NULL: nobody knows. */
	struct volume_figures (*volumes)(void *ctx, struct str uid);
	void *ctx;
};

/* Each with those below it. */
enum served {
	SERVED_ALL,     /* what goes on in pods */
	SERVED_FIGURES, /* which pods there are, statistics, metrics */
	SERVED_HEALTH,
};

struct kubelet_server_options {
	struct client
		*client; /* asks the API who may what; NULL: certificates only, they may all */
	struct runtime *runtime;
	struct kubelet_server_pods pods;
	/* Asks for client certificates; NULL: it comes later, and until then nobody is served. */
	struct tls_config *tls;
	/* Lines of /metrics/probes; NULL: none. */
	void (*print_probes)(void *ctx, struct buf *out);
	/* Lines of /metrics that only the kubelet knows; NULL: none. */
	void (*print_own)(void *ctx, struct buf *out);
	void *metrics_ctx;
	const struct cJSON *configuration; /* what /configz shows; outlives the server */
	struct str node_name;
	struct str root_dir, image_dir; /* whose disks are told of; empty: none */
	struct str log_top;             /* of the node's logs; empty: they are not shown */
	struct str cgroup_root;         /* of the node's own figures; empty: the machine's */
	struct caller_rules callers;    /* 0: as by default, or for as long */
	enum served served;
	bool unasked; /* plain HTTP, and nobody is asked who he is: not for SERVED_ALL */
	struct address at;
	int64_t started; /* wall ns: of the kubelet */
};

/* Listens at once. Texts are copied; the rest outlives it. */
int kubelet_server_new(struct env *env, struct scope *scope,
	const struct kubelet_server_options *options, struct kubelet_server **server,
	struct err *err);
uint16_t kubelet_server_port(const struct kubelet_server *s);
void kubelet_server_set_tls(struct kubelet_server *s, struct tls_config *tls);
/* Never refused. Then only free. */
void kubelet_server_stop(struct kubelet_server *s, struct op *op, int64_t grace);
void kubelet_server_free(struct kubelet_server *s);

#endif
