/* Between the files of the cluster. */
#ifndef MAIN_CLUSTER_PARTS_H
#define MAIN_CLUSTER_PARTS_H

#include "cluster.h"
#include "node_tls.h"

#include <kube/arena.h>
#include <kube/work.h>

/* Somebody who calls the API server of this process. */
struct cluster_user {
	struct cluster *cluster;
	struct local_user who;
	const char *groups[3]; /* NULL-terminated */
};

struct cluster_member {
	struct cluster *cluster;
	struct cluster_user user;
	struct member member;
	struct op ended;
};

struct cluster {
	struct env *env;
	struct scope *root;
	const struct cluster_options *options;
	cluster_told_fn *told;
	void *ctx;
	struct arena arena;
	struct api_server *api;
	struct cluster_member members[CLUSTER_PARTS];
	struct op *node_wait; /* for the kubelet's beginning */
	struct tls_config *node_tls;
	struct node_tls node_identity;

	struct work work;
	struct informer *nodes;
	struct informer_handler on_node;
	bool api_serves, begun, node_ready, node_told;
	struct task starting, stopping;
	size_t ending; /* members */
};

/* What a part is made with; it calls the API server as itself. */
struct member *cluster_open_member(struct cluster *c, enum cluster_part part);

/* Those that begin at once. */
void cluster_begin_controllers(struct cluster *c);
void cluster_begin_scheduler(struct cluster *c);
void cluster_begin_proxy(struct cluster *c);
/* Done when the kubelet has begun; pods of before are known again. */
void cluster_begin_node(struct cluster *c, struct op *op);
int cluster_begin_dns(struct cluster *c, struct err *err);
void cluster_begin_addons(struct cluster *c);
/* On a worker thread: the DNS's addresses become the machine's own. */
int cluster_take_dns_addresses(const struct cluster_options *o, struct err *err);

/* Servers of the machine's resolv.conf; how many. */
size_t resolv_conf_servers(struct str text, struct address *servers, size_t max);

#endif
