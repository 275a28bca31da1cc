/*
 * fair_queues: one priority level's seats, and the queues of those who wait for them, by upstream's
 * rules: a flow is dealt a hand of queues and waits in the shortest; the queue goes next whose
 * oldest request would be done first if each queue were served at the same pace. Pure: whoever
 * calls says what time it is.
 */
#ifndef KUBE_APISERVER_FAIR_QUEUES_H
#define KUBE_APISERVER_FAIR_QUEUES_H

#include <kube/defs.h>
#include <kube/list.h>

/* Seats times time, in units of 10 ns: upstream's, to the digit. */
typedef int64_t seat_time;

struct fair_work {
	int64_t seats;       /* while it runs */
	int64_t final_seats; /* afterwards, for `latency`: its watchers are told */
	int64_t latency;
};

struct fair_queue;
struct fair_waiter { /* embedded by whoever waits; zeroed */
	struct link in_queue;
	struct fair_queue *queue; /* NULL: it has waited in none */
	struct fair_work work;
	seat_time arrived;
	int64_t started;
	bool waits;
};

struct fair_shape {
	int64_t queues; /* 0: who finds no seat is refused; -1: nobody is */
	int64_t hand, length;
};

struct fair_queue {
	struct list waiters; /* oldest first */
	size_t index;
	int64_t count, executing, seats; /* count: who wait */
	int64_t first_seats, most_seats; /* of those who wait */
	seat_time next, work;            /* when it is served next; what waits here */
};

struct fair_queues {
	struct fair_shape shape;
	int64_t limit; /* seats */
	struct fair_queue **items;
	size_t count; /* more than the shape's while some are being emptied */
	size_t robin, enqueued;
	seat_time progress; /* of a queue that is always served */
	int64_t looked;     /* when */
	int64_t waiting, waiting_seats, executing, seats;
	int64_t blocked; /* how often the next one asked for more seats than are free */
};

enum fair_verdict { FAIR_SEATED, FAIR_WAITS, FAIR_FULL, FAIR_LIMITED };

void fair_queues_init(struct fair_queues *q, int64_t now);
void fair_queues_done(struct fair_queues *q); /* nobody waits, nobody runs */
/* Who waits already goes on waiting; then whoever may goes (fair_queues_next). */
void fair_queues_change(
	struct fair_queues *q, const struct fair_shape *shape, int64_t limit, int64_t now);

/* FAIR_WAITS: ask fair_queues_next, it may be its turn at once. */
enum fair_verdict fair_queues_start(
	struct fair_queues *q, struct fair_waiter *w, uint64_t flow, int64_t now);
/* The next one who has a seat now; NULL: nobody. */
struct fair_waiter *fair_queues_next(struct fair_queues *q, int64_t now);
void fair_queues_leave(struct fair_queues *q, struct fair_waiter *w, int64_t now); /* unseated */
/* It has been answered, and keeps its seats… */
void fair_queues_finish(struct fair_queues *q, struct fair_waiter *w, int64_t now);
/* …until they are given back. */
void fair_queues_release(struct fair_queues *q, struct fair_waiter *w, int64_t now);

int64_t fair_work_seats(const struct fair_work *w); /* the most it takes at a time */
/* Which queues a flow may wait in: `hand` of `queues`. */
void fair_deal(uint64_t flow, int64_t queues, int64_t hand, size_t *cards);

#define FAIR_HAND_MAX 15

#endif
