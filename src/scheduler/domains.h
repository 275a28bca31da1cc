/*
 * domains: numbers by a label of nodes and its value: how many matching pods stand in each zone,
 * on each host. Of one decision: in the cycle's arena.
 */
#ifndef KUBE_SCHEDULER_DOMAINS_H
#define KUBE_SCHEDULER_DOMAINS_H

#include "facts.h"

struct domain {
	struct str value;
	int64_t count;
	bool used;
};
struct domains {
	struct str key; /* the label */
	struct domain *slots;
	size_t count, cap;
};

/* NULL: there is no such value. */
struct domain *domains_find(const struct domains *d, struct str value);
/* Made when it is not there. Values are borrowed. The others move. */
struct domain *domains_at(struct domains *d, struct arena *a, struct str value);
#define domains_each(it, d)                                                                        \
	for (struct domain *it = (d)->slots; it < (d)->slots + (d)->cap; it++)                     \
		if (it->used)

/* By several labels. */
struct domain_sets {
	struct domains *items;
	size_t count;
};
void domain_sets_add(struct domain_sets *s, struct arena *a, struct str key,
	const struct labels *node, int64_t by); /* nothing, when the node has no such label */
int64_t domain_sets_get(const struct domain_sets *s, struct str key, struct str value);
bool domain_sets_empty(const struct domain_sets *s); /* there is nothing but zeros */

#endif
