/*
 * match: labels as pairs, and what is asked of them. Selectors of pods and terms of node affinity
 * are read once, when an object arrives, and asked thousands of times.
 */
#ifndef KUBE_SCHEDULER_MATCH_H
#define KUBE_SCHEDULER_MATCH_H

#include <kube/selector.h>

struct label {
	struct str key, value;
};
struct labels {
	struct label *items;
	size_t count;
};

/* Views into the tree's texts are copied into the arena. */
struct labels labels_from(struct arena *a, const struct cJSON *map);
/* NULL when there is no such label. */
const struct str *labels_get(const struct labels *labels, struct str key);
bool labels_equal(const struct labels *a, const struct labels *b);
bool labels_match(const struct selector *s, const struct labels *labels);

/* ---- what a pod asks of nodes ---- */
struct node_demand {
	struct str key;
	enum selector_op op;
	struct str *values;
	size_t count;
	int64_t number; /* of Gt and Lt */
	bool broken;    /* matches nothing: a number that is none */
};
/* All demands must hold; a term without any matches no node. */
struct node_term {
	struct node_demand *labels, *fields;
	size_t label_count, field_count;
	int64_t weight; /* of preferred ones */
};
struct node_term node_term_from(struct arena *a, const struct cJSON *term);
bool node_term_matches(const struct node_term *t, const struct labels *labels, struct str name);

/* A NodeSelector: one of the terms must match. Also of volumes. */
struct node_selector {
	struct node_term *terms;
	size_t count;
};
struct node_selector node_selector_from(struct arena *a, const struct cJSON *selector);
bool node_selector_matches(
	const struct node_selector *s, const struct labels *labels, struct str name);

/* ---- taints ---- */
enum taint_effect { TAINT_NONE, TAINT_NO_SCHEDULE, TAINT_PREFER_NO_SCHEDULE, TAINT_NO_EXECUTE };
struct taint {
	struct str key, value;
	enum taint_effect effect;
};
struct toleration {
	struct str key, value;
	enum taint_effect effect; /* TAINT_NONE: any */
	bool exists;              /* any value; with an empty key any taint */
	int less_greater;         /* -1: below the number, 1: above it */
};
enum taint_effect taint_effect_from(struct str text);
bool toleration_covers(const struct toleration *t, const struct taint *taint);
bool tolerations_cover(const struct toleration *t, size_t count, const struct taint *taint);

#endif
