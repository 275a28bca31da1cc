/*
 * kindred: how many pods that a selector matches stand on each node, kept up to date instead of
 * counted anew for each decision. Spreading asks for it, for the same few selectors again and
 * again: the last ones asked for have a column in every node.
 */
#ifndef KUBE_SCHEDULER_KINDRED_H
#define KUBE_SCHEDULER_KINDRED_H

#include "facts.h"

#include <kube/map.h>

enum { KINDRED_MAX = 128 };

struct kindred_column {
	char *key; /* namespace and selector, as text; NULL: is free */
	struct arena arena;
	struct str namespace;
	struct selector selector;
	uint64_t asked; /* when, by the table's clock */
};
/* Of one cluster; its nodes point to it. */
struct kindred {
	struct kindred_column columns[KINDRED_MAX];
	struct map by_key;
	uint64_t clock;
};
void kindred_init(struct kindred *k);
void kindred_done(struct kindred *k);

struct cluster;
struct node;
/* The column of a selector; filled, should it be new. Good until KINDRED_MAX others were asked. */
size_t kindred_ask(
	struct cluster *c, struct arena *a, struct str namespace, const struct selector *s);
/* A pod comes to a node or leaves it. */
void kindred_pod_changed(struct node *n, const struct pod *p, int sign);
static inline bool kindred_alike(
	const struct pod *p, struct str namespace, const struct selector *s)
{
	return !p->terminating && str_eq(p->namespace, namespace) && labels_match(s, &p->labels);
}

/* ---- who belongs together by default ---- */

/* The selectors of services and controllers, read once. */
struct kindred_owners {
	struct arena arena;
	bool fresh;
	struct service_selector {
		struct str namespace;
		struct selector selector;
	} * services;
	size_t service_count;
	struct map owners; /* "Kind/namespace/name" → struct selector */
};
void kindred_owners_init(struct kindred_owners *o);
void kindred_owners_done(struct kindred_owners *o);
/* What selects it: all services that do, and its controller. Empty: nothing does. */
struct selector kindred_selector(struct cluster *c, struct arena *a, const struct pod *p);
/* One of those objects has come, changed or gone. */
void kindred_owner_changed(struct cluster *c, const struct object *old, const struct object *fresh);

#endif
