/* How often, and how long until next time. Pure: time is an argument. */
#ifndef KUBE_CLIENT_RATE_H
#define KUBE_CLIENT_RATE_H

#include <kube/env.h>

/* A bucket of `burst` tokens, refilled at qps a second. */
struct rate {
	double qps;
	double burst;
	double tokens;
	int64_t at;
};
void rate_init(struct rate *r, double qps, int burst, int64_t now);
/* Takes a token, ahead of time if need be: how long to wait for it. qps 0: never any wait. */
int64_t rate_reserve(struct rate *r, int64_t now);
/* Takes one if there is one. */
bool rate_try(struct rate *r, int64_t now);

/*
 * A delay that doubles and is at most doubled again by chance; one that was not needed for
 * `reset` begins anew. Zeroed but for its numbers.
 */
struct backoff {
	int64_t base, max, reset;
	int64_t next, last;
};
int64_t backoff_next(struct backoff *b, struct env *env);

/* ns, or up to (1 + factor) times as much. */
int64_t jitter(struct env *env, int64_t ns, double factor);

#endif
