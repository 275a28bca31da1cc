/*
 * queue: pods that have no node yet. Active ones are taken in the order of the profile; those
 * that found no node wait until something happens that might help them, and no longer than five
 * minutes; who comes back too soon sits out a backoff that doubles each time. When nobody else
 * is to be tried, those in backoff are tried early. Gated pods wait until they are let in.
 *
 * Pure: time is an argument. Pods are known by uid.
 */
#ifndef KUBE_SCHEDULER_QUEUE_H
#define KUBE_SCHEDULER_QUEUE_H

#include "framework.h"

#include <kube/list.h>

enum queue_place {
	QUEUE_ACTIVE,
	QUEUE_BACKOFF,
	QUEUE_WAITING, /* for something to happen */
	QUEUE_GATED,
	QUEUE_TAKEN, /* being tried, or bound */
};

struct queued {
	struct pod *pod;
	const struct profile *profile;
	enum queue_place place;
	size_t index; /* in its heap */
	struct link in_waiting;
	int64_t since;          /* when it came into its place, monotonic */
	int64_t first;          /* when it came at all */
	int64_t until;          /* of backoff */
	int rejections, errors; /* in a row */
	uint32_t rejected_by;   /* bits of the profile's plugins */
	uint32_t events;        /* that may help */
	bool any_event;         /* any of them does */
	bool preempting;        /* its victims are being asked to go */
	bool happened;          /* meanwhile something that may help has */
	bool error_backoff;     /* not to be tried early */
};

struct queue_options {
	int64_t min_backoff, max_backoff; /* 0: 1 s, 10 s */
};
struct queue_heap {
	struct queued **items;
	size_t count, cap;
};
struct queue {
	struct queue_options options;
	struct map all; /* uid → struct queued */
	struct queue_heap active, backoff;
	struct list waiters;
	size_t waiting, gated;
	int64_t flushed; /* when it was looked for who has waited too long */
};

void queue_init(struct queue *q, const struct queue_options *options);
void queue_done(struct queue *q);
/* A new pod, or a new state of one that is there. Takes a reference of its own. */
void queue_set(struct queue *q, const struct cluster *c, const struct profile *profile,
	struct pod *p, int64_t now);
void queue_remove(struct queue *q, struct str uid);
struct queued *queue_find(const struct queue *q, struct str uid);
/* The next to be tried; NULL: nobody. It stays known, as taken. */
struct queued *queue_take(struct queue *q, int64_t now);
/* Nobody had room for it. by: who said so; 0 with any: whatever happens may help. */
void queue_rejected(struct queue *q, struct queued *e, uint32_t by, bool any, int64_t now);
/* Something went wrong: it is tried again, after a backoff. */
void queue_failed(struct queue *q, struct queued *e, int64_t now);
/* Its victims have gone, or could not be asked to. */
void queue_preempted(struct queue *q, struct queued *e, bool failed, int64_t now);
/* Moves those whom it may help. */
void queue_happened(
	struct queue *q, const struct cluster *c, const struct happening *h, int64_t now);
/* Moves who has waited for more than five minutes; looks twice a minute. */
void queue_flush(struct queue *q, int64_t now);
/* When a backoff ends or a flush is due; INT64_MAX: never. */
int64_t queue_next(const struct queue *q);

#endif
