/*
 * One of the garbage collector's workers: takes keys, each of them one object, asks what became of
 * its owners, and does what gc_rules.h decides. All of them work on one struct gc_work, which is
 * the controller's (gc.c). On the loop's thread.
 */
#ifndef KUBE_CONTROLLERS_GC_COLLECTOR_H
#define KUBE_CONTROLLERS_GC_COLLECTOR_H

#include "gc_graph.h"

#include <kube/task.h>

struct gc_work {
	const struct controllers_world *world;
	struct scope scope;
	struct gc_graph *graph;
	struct workqueue *queue;
	struct event_recorder *recorder;
	struct map absent; /* "namespace/uid" of owners that are known to be gone */
};
/* What the graph tells, and workers find out; ctx is the work. */
gc_look_fn gc_work_look;
gc_lost_fn gc_work_lost;
bool gc_work_has_lost(
	const struct gc_work *work, struct arena *a, struct str namespace, struct str uid);

struct collector {
	struct task task;
	struct op op;
	struct gc_work *work;
	struct str key; /* "<group>/<plural> <uid> <namespace>/<name>" */
	const struct resource *resource;
	struct str uid, namespace, name;
	struct arena arena;
	struct client_request request;
	bool asking;
	struct cJSON *item;
	const struct cJSON *ref; /* the owner asked about */
	enum gc_owner *owners;
	size_t owner;
	struct gc_action action;
	struct gc_dependent *dependents; /* to be let go */
	size_t dependent_count, dependent;
};
/* In the work's scope, until the queue stops. */
void collector_start(struct collector *c, struct gc_work *work);
void collector_done(struct collector *c);

#endif
