/*
 * What becomes of an event before it is written: repetitions are counted, those that are alike
 * combined, too many held back. No I/O; time is an argument. client-go's rules and numbers.
 */
#ifndef KUBE_CLIENT_EVENT_CORRELATE_H
#define KUBE_CLIENT_EVENT_CORRELATE_H

#include "rate.h"

#include <kube/events.h>
#include <kube/map.h>

struct event {
	struct event_about about;
	struct str component, host;
	struct str type, reason, message;
	int64_t at; /* wall clock */
};

/* The newest 4096 of something by key. */
struct recent {
	struct map map;
	struct list order; /* the longest unused first */
};

struct correlator {
	struct recent rates, groups, counts;
};

struct correlated {
	bool held_back;
	bool again; /* `name` exists: count is one more */
	int64_t count;
	int64_t first;      /* wall clock */
	struct str name;    /* empty, or of the event to be patched; borrowed until the next call */
	struct str message; /* in the arena */
	struct str key;     /* under which it is counted; in the arena */
};

void correlator_init(struct correlator *c);
void correlator_done(struct correlator *c);
/* `now` is monotonic. */
void correlate(struct correlator *c, struct arena *a, const struct event *e, int64_t now,
	struct correlated *out);
/* It was written under that name. */
void correlator_written(struct correlator *c, const struct correlated *written, struct str name);

#endif
