/* Between the files of the part. */
#ifndef KUBE_PROXY_PRIVATE_H
#define KUBE_PROXY_PRIVATE_H

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
};

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
	bool restart;           /* all of the table anew */
};

struct proxy {
	struct part part; /* first */
	struct component_base base;
	struct arena arena; /* of the options */
	struct proxy_node node;
	struct base_options table;
	int64_t min_sync, retry_in;

	struct scope scope;
	struct informer *services, *slices, *nodes;
	struct informer_handler on_service, on_slice, on_node;
	struct op synced, turn, sent, check, checked, closed, *stopping;
	bool known, serving, print_only; /* known: the first lists have come */

	struct map dirty; /* "namespace/name": is to be compiled */
	struct ruleset ruleset;
	bool reload, collecting, sending, failing;
	struct sync sync;
	struct work sender, checker;
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
