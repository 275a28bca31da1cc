/* Inside podnet/: the state of a pod network. All of it is the loop's. */
#ifndef PODNET_NETWORK_H
#define PODNET_NETWORK_H

#include <kube/map.h>
#include <kube/pod_network.h>
#include <kube/task.h>
#include <kube/work.h>

#include "addresses.h"
#include "records.h"
#include "rules.h"

/* A sandbox that has addresses: what the records say. */
struct pod {
	char *id;
	struct ip ips[2];
	size_t ip_count;
	struct runtime_port *ports;
	size_t port_count;
	uint64_t order; /* of two with the same host port the later has it */
	bool recorded;  /* its addresses are on disk */
	bool busy;      /* somebody is connecting or disconnecting it */
	bool leaving;   /* its host ports are closed */
};

/* The one who sends rules: the newest wish, one at a time. */
struct rules_sender {
	struct op op;
	struct work work;
	struct arena arena;
	struct rules_input input;
	struct nft_batch batch;
	struct nft_link link;
	struct buf ports, sweep; /* host ports of UDP, as uint16_t: changed since, being swept */
	struct list waiting, served;
	bool sending, again;
	bool sent;  /* the kernel has had some */
	bool stale; /* the last could not be sent */
	/* looks whether the table is still there */
	struct op check;
	struct work check_work;
	bool missing;
};
struct rules_wait {
	struct link in_sender;
	struct op *op;
};

/* The one who cuts cables: all that wait at once, for the kernel takes as long as for one. */
struct cutter {
	struct op op;
	struct work work;
	struct arena arena;
	struct str *sandboxes;
	struct ip *ips;
	size_t count, ip_count;
	struct list waiting, served;
	bool cutting;
};
struct cut_wait {
	struct link in_cutter;
	struct op *op;
	struct str sandbox;
	const struct ip *ips;
	size_t ip_count;
	bool served;
};

struct pod_network {
	struct runtime_network runtime;
	struct env *env;
	struct scope scope;
	char *directory;
	struct cidr cluster_cidrs[2];
	size_t cluster_cidr_count;
	uint32_t mtu;
	int64_t check_every;
	struct address_range ranges[2];
	size_t range_count;
	struct ip last[2]; /* given out before the start */
	size_t last_count;
	struct map pods;  /* id → struct pod */
	struct map taken; /* an address's bytes → struct pod */
	uint64_t order;
	bool prepared;     /* forwarding, routes and rules stand */
	struct err failed; /* why they do not */
	struct rules_sender sender;
	struct cutter cutter;
};

/*
 * What a caller awaits: a task in the network's own scope, so that what it began is undone also
 * when the caller's is closing. The first member of its struct, which it frees.
 */
struct job {
	struct task task;
	struct op inner, *outer;
	struct pod_network *network;
	void (*forget)(struct job *job);
};
/* ---- job.c ---- */
void job_start(struct job *job, struct pod_network *n, struct op *op, const struct task_kind *kind,
	void (*forget)(struct job *job));
void job_end(struct job *job, struct err *err); /* of the task: well, or with the error */

/* ---- pods.c ---- */
struct pod *pod_find(const struct pod_network *n, struct str id);
/* With addresses of its own, or (count > 0) those. */
int pod_new(struct pod_network *n, struct str id, const struct ip *ips, size_t count,
	struct pod **pod, struct err *err);
void pod_set_ports(struct pod *pod, const struct runtime_ports *ports);
void pod_forget(struct pod_network *n, struct pod *pod);
/* In the order of the node's CIDRs: the first is the pod's usual one. */
void pod_ips(const struct pod_network *n, const struct pod *pod, struct ip ips[2], size_t *count);
void pods_read(struct pod_network *n, const struct records *all);

/* ---- sender.c ---- */
void rules_sender_init(struct pod_network *n);
void rules_sender_done(struct pod_network *n);
/* Done when the kernel has the rules of now. */
void rules_send(struct pod_network *n, struct op *op, struct rules_wait *wait);
/* The same without anybody who waits. */
void rules_touch(struct pod_network *n);
/* The host ports of this pod have changed. */
void rules_note_ports(struct pod_network *n, const struct pod *pod);
/* From now on a table that somebody has flushed is sent again, and one that was refused. */
void rules_watch(struct pod_network *n);

/* ---- cutter.c ---- */
void cutter_init(struct pod_network *n);
void cutter_done(struct pod_network *n);
/* Done when the cable is cut and its addresses are free on disk. *wait stays until then. */
void cutter_cut(struct pod_network *n, struct op *op, struct cut_wait *wait);

/* ---- cidrs.c ---- */
/* Addresses come from these from now on. */
int cidrs_take(struct pod_network *n, const struct cidr *cidrs, size_t count, struct err *err);

/* ---- attach.c, detach.c ---- */
void network_attach(struct runtime_network *r, struct op *op, const struct sandbox *sandbox,
	struct ip ips[2], size_t *ip_count);
void network_detach(struct runtime_network *r, struct op *op, const struct sandbox *sandbox);

#endif
