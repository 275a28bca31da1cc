/*
 * shell: what stands around the decisions: watching, writing, telling. Private to the scheduler.
 */
#ifndef KUBE_SCHEDULER_SHELL_H
#define KUBE_SCHEDULER_SHELL_H

#include "queue.h"

#include <kube/scheduler.h>
#include <kube/task.h>

/* ---- chores: single writes, some at a time, in the order in which they came ---- */
struct chores {
	struct client *client;
	struct scope *scope;
	struct list waiting;
	size_t running, most, count;
};

struct chore;
/* Told when it is over; the chore is freed behind it. */
typedef void chore_over_fn(struct chore *c, const struct err *err);
struct chore {
	struct link in_chores;
	struct chores *chores;
	struct arena arena; /* for what the request points to */
	struct client_request request;
	struct op op;
	chore_over_fn *over; /* may be NULL */
	void *ctx;
};
struct chore *chore_new(struct chores *chores, enum client_verb verb,
	const struct resource *resource, struct str namespace, struct str name);
/* Takes it. The request's body is to be set. */
void chore_start(struct chore *c);
void chore_drop(struct chore *c); /* not started after all */
/* The scope is closing: those that have not begun are dropped, their over is called. */
void chores_drop(struct chores *chores);

/* ---- events ---- */
struct announcer {
	struct env *env;
	struct chores chores;
	struct map recent; /* what has been told, by what makes it the same → struct told_before */
	int64_t last_name;
};
void announcer_init(struct announcer *a, const struct component_base *base, struct scope *scope);
void announcer_done(struct announcer *a);
void announce(struct announcer *a, const struct pod *about, const struct pod *related,
	const char *type, const char *reason, const char *action, struct str note);

/* ---- the whole ---- */
struct scheduler;
struct watched {
	struct informer_handler handler;
	struct informer *informer;
	struct scheduler *scheduler;
	enum shelf shelf;
	uint32_t happening;
};

struct scheduler {
	struct part part;
	struct component_base base;
	struct arena arena; /* names, configuration */
	struct scope scope;
	struct cluster cluster;
	struct queue queue;
	struct profile profiles[PROFILES_MAX];
	size_t profile_count;
	struct watched pods, nodes, shelves[SHELF_COUNT];
	struct op syncing, turn, timer;
	int64_t timer_at;
	bool synced, turning;
	struct arena cycle_arena;
	struct list gifts; /* given, not bound yet */
	size_t gift_count;
	struct chores chores;
	struct announcer announcer;
	struct task stopping;
};

int64_t scheduler_now(const struct scheduler *s);
const struct profile *scheduler_profile(const struct scheduler *s, struct str name);
/* There may be something to be tried. */
void scheduler_kick(struct scheduler *s);
void scheduler_happened(struct scheduler *s, const struct happening *h);

void watches_start(struct scheduler *s);
void watches_end(struct scheduler *s);

/* Gives the pod its node: reserves, writes, binds, tells. The decision has a node. */
void binding_start(
	struct scheduler *s, struct cycle *c, struct queued *e, const struct decision *d);
/* Something that a gift waits for may have come. */
void bindings_look(struct scheduler *s);
/* There is no room, or something went wrong. */
void failure_handle(struct scheduler *s, struct queued *e, const struct decision *d);
/* The pod's PodScheduled condition. nominate: status.nominatedNodeName becomes `node`. */
void failure_write(struct scheduler *s, const struct pod *p, const char *reason, struct str message,
	bool nominate, struct str node);

#endif
