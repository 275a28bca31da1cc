/* What the files of fair share. */
#ifndef KUBE_APISERVER_FAIR_PRIVATE_H
#define KUBE_APISERVER_FAIR_PRIVATE_H

#include "fair.h"
#include "fair_queues.h"
#include "fair_ratio.h"
#include "fair_share.h"

#include <kube/map.h>

#define FAIR_PERIOD   (10 * SEC) /* after which seats are shared out anew */
#define REFUSALS_KEPT 33

/* How many were refused lately, second by second, and when to come again. */
struct fair_refusals {
	struct {
		int64_t second, count;
	} kept[REFUSALS_KEPT];
	int64_t retry, raised; /* seconds; 0: as 1 */
};

/* What a PriorityLevelConfiguration says. */
struct fair_level_spec {
	struct str name, uid;
	bool exempt;
	int64_t shares, lendable, borrowing; /* the latter per cent; -1: as much as there is */
	struct fair_shape shape;
};

struct fair_level {
	struct link in_all;
	char *name, *uid;
	bool exempt, wanted; /* not wanted: it is gone when it is empty */
	int64_t shares, lendable, borrowing;
	int64_t nominal, least, most, current; /* seats */
	int64_t widest;                        /* how many one request may be thought to take */
	struct fair_queues queues;
	struct fair_demand demand;
	struct fair_needs needs;
	double target;
	struct fair_refusals refusals;
	/* of the seats it has those taken; of its seats and places in queues those of requests;
	 * what it could use of the seats it has */
	struct fair_ratio seats_taken, executing, waiting, demanded;
};

struct fair {
	struct api_server *server;
	struct flow_schemas *schemas;
	struct list levels; /* in the order in which they came */
	int64_t seats, nominal_sum, shared_out;
	double proportion;
	struct op timer;          /* while somebody waits */
	struct map watchers;      /* "group/plural/namespace/name" → int64_t */
	int64_t reading, writing; /* without levels */
};

struct fair_ticket {
	struct api_request *request;
	struct fair_level *level; /* NULL: without */
	struct fair_waiter waiter;
	bool parked, seated, counted;
	int64_t arrived, waited;
	struct str schema_uid, level_uid, labels;
	struct str schema, flow; /* names */
	struct flow_numbers numbers;
	int64_t *watcher; /* it is one of these */
	struct str watched;
};

/* ---- fair.c ---- */
/* Whoever has a seat now goes on. */
void fair_dispatch(struct fair *f, struct fair_level *l);
void fair_dispatch_all(struct fair *f);

/* ---- fair_levels.c ---- */
/* The levels there are from now on; those that are not named go when they are empty. */
void fair_levels_set(struct fair *f, const struct fair_level_spec *specs, size_t count);
void fair_levels_free(struct fair *f);
struct fair_level *fair_level_find(struct fair *f, struct str name);
/* Tells what the level needs now. */
void fair_level_note(struct fair *f, struct fair_level *l);
/* Shares the seats out anew when it is time; true: it was. */
bool fair_levels_adjust(struct fair *f);
int64_t fair_refuse_for(struct fair_refusals *r, int64_t second); /* seconds to stay away */

/* ---- fair_metrics.c ---- */
/* For how long it was how busy. */
void fair_level_observe(struct fair *f, struct fair_level *l);

/* ---- fair_width.c ---- */
struct fair_work fair_estimate(struct fair *f, struct api_request *r, int64_t widest);
void fair_watch_count(struct fair *f, struct fair_ticket *t);
void fair_watch_uncount(struct fair *f, struct fair_ticket *t);

#endif
