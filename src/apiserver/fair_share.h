/*
 * fair_share: how the server's seats are shared out between priority levels: what each has needed
 * lately, and who lends to whom. Pure.
 */
#ifndef KUBE_APISERVER_FAIR_SHARE_H
#define KUBE_APISERVER_FAIR_SHARE_H

#include <kube/defs.h>

/* A number over time. */
struct fair_demand {
	int64_t since; /* of the last change */
	double now, most, time, sum, squares;
};
struct fair_needs { /* read from it, period by period */
	double most, average, deviation, smooth;
};

void fair_demand_set(struct fair_demand *d, double value, int64_t now);
/* Ends a period; the next begins. */
void fair_needs_update(struct fair_needs *n, struct fair_demand *d, int64_t now);

struct fair_claim {
	double least, most, target; /* least <= most, least <= target */
	double share;               /* the outcome */
};
/*
 * Shares that sum up to `total`, each between its bounds, in proportion to the targets where these
 * allow. Returns the proportion; negative: there are no such shares.
 */
double fair_share_out(double total, struct fair_claim *claims, size_t count);

#endif
