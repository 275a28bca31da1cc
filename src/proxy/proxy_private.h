/* Between the files of the part. */
#ifndef KUBE_PROXY_PRIVATE_H
#define KUBE_PROXY_PRIVATE_H

#include "health.h"
#include "known_slices.h"
#include "ruleset.h"

#include <kube/object.h>
#include <kube/proxy.h>
#include <kube/work.h>

/* A service that is to be compiled, with what is known of it; references are the loop's. */
struct wanted {
	struct str key;
	struct object *service; /* NULL: it is gone */
	struct object **slices;
	size_t slice_count;
	uint16_t health_port; /* these two: by the worker */
	size_t local_ready;
};

#define NODE_IPS_MAX 2   /* one of each family */
#define TRIGGERS_MAX 256 /* changes whose way to the kernel is timed, in one sync */

/*
 * What is on its way to the kernel. While it is being sent a worker has it, and the ruleset; else
 * the loop.
 */
struct sync {
	struct arena arena;
	struct nft_batch batch;
	struct wanted *wanted;
	size_t count;
	struct proxy_node node; /* as it was when it began */
	struct ip ips[NODE_IPS_MAX];
	size_t ip_count;
	bool restart;     /* all of the table anew */
	bool afresh;      /* whatever stands there */
	bool ips_changed; /* or only where node ports are */
	/* for the metrics */
	int64_t began, *triggers;
	size_t trigger_count, services, endpoints;
	size_t flows;       /* forgotten */
	int64_t forgetting; /* time it took, by the worker; 0: there was nothing to look for */
};

struct proxy {
	struct part part; /* first */
	struct component_base base;
	struct arena arena; /* of the options */
	struct proxy_node node;
	struct ip ips[NODE_IPS_MAX]; /* of the node, where node ports are if nothing else is said */
	size_t ip_count;
	struct base_options table;
	int64_t min_sync, retry_in;
	int64_t not_before; /* loop time: the next sync */

	struct scope scope;
	struct informer *services, *slices, *nodes;
	struct informer_handler on_service, on_slice, on_node;
	struct op synced, turn, sent, check, checked, closed, *stopping;
	bool known, serving, print_only; /* known: the first lists have come */

	struct map dirty; /* "namespace/name": is to be compiled */
	struct ruleset ruleset;
	struct known_slices known_slices; /* the worker's, as the ruleset */
	bool reload, ips_changed, collecting, sending, failing;
	struct sync sync;
	struct work sender, checker;
	struct nft_link link; /* the sender's */

	/* what is told of it */
	struct proxy_health health;
	struct proxy_metrics metrics;
	int64_t triggers[TRIGGERS_MAX]; /* wall clock: when what is dirty began to change */
	size_t trigger_count;
	struct event_recorder *recorder;
	struct service_ports *ports;
	struct status_server *status;
};

/* ---- sync.c ---- */
void proxy_mark(struct proxy *p, struct str namespace, struct str name);
void proxy_mark_all(struct proxy *p);
void proxy_wake(struct proxy *p, int64_t in);
/* Looks every few seconds whether the table is still there. */
void proxy_watch_table(struct proxy *p);
/* Gives back what has been collected and not sent. */
void proxy_sync_done(struct proxy *p);

#endif
