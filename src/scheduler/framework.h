/*
 * framework: a scheduler is a table of plugins, each a table of functions for the points of
 * upstream's framework. What decides is pure: it reads the cluster and the pod, and keeps what it
 * has found out for one decision in the cycle's arena.
 *
 *	queue    pre_enqueue, less, hint
 *	decide   pre_filter → filter (each node) → post_filter, or pre_score → score → normalize
 *	give     reserve → permit → pre_bind → bind → post_bind, or unreserve
 */
#ifndef KUBE_SCHEDULER_FRAMEWORK_H
#define KUBE_SCHEDULER_FRAMEWORK_H

#include "cluster.h"

#define SCORE_MAX    100
#define PLUGINS_MAX  32
#define PRIORITY_MAX INT32_MAX

enum verdict_code {
	VERDICT_OK,
	VERDICT_SKIP,
	VERDICT_WAIT,         /* of pre_bind_done: not yet */
	VERDICT_REJECTED,     /* fewer pods on the node might change it */
	VERDICT_UNRESOLVABLE, /* they would not */
	VERDICT_FAILED,       /* nothing is known */
};
struct verdict {
	enum verdict_code code;
	uint32_t count;
	const struct str *reasons; /* constants, or in the cycle's arena */
};
#define VERDICT_FINE ((struct verdict){.code = VERDICT_OK})
static inline bool verdict_rejects(struct verdict v)
{
	return v.code == VERDICT_REJECTED || v.code == VERDICT_UNRESOLVABLE;
}

/* ---- what happens in a cluster, and may help a pod that found no node ---- */
enum happening_kind {
	HAPPENED_NODE_ADD = 1 << 0,
	HAPPENED_NODE_ALLOCATABLE = 1 << 1,
	HAPPENED_NODE_LABELS = 1 << 2,
	HAPPENED_NODE_TAINTS = 1 << 3, /* and spec.unschedulable */
	HAPPENED_POD_ADD = 1 << 4,     /* of pods on nodes, as the next three */
	HAPPENED_POD_LABELS = 1 << 5,
	HAPPENED_POD_SCALE_DOWN = 1 << 6,
	HAPPENED_POD_DELETE = 1 << 7,
	HAPPENED_SELF = 1 << 8, /* the waiting pod was changed */
	HAPPENED_CLAIM = 1 << 9,
	HAPPENED_VOLUME = 1 << 10,
	HAPPENED_CLASS = 1 << 11,
	HAPPENED_CSI_NODE = 1 << 12,
	HAPPENED_NAMESPACE = 1 << 13,
	HAPPENED_NODE_DELETE = 1 << 14,
};
#define HAPPENED_NODE                                                                              \
	(HAPPENED_NODE_ADD | HAPPENED_NODE_ALLOCATABLE | HAPPENED_NODE_LABELS |                    \
		HAPPENED_NODE_TAINTS)
#define HAPPENED_ANY 0xffffffffu
struct happening {
	uint32_t kind;                   /* several at once are possible */
	const struct pod *old_pod, *pod; /* of pods; NULL on either side */
	const struct node_facts *old_node, *node;
	struct str key; /* of claims and volumes */
};

/* ---- plugins ---- */
struct cycle;
struct decision;
struct gift;

struct plugin {
	const char *name;
	int64_t weight; /* unless a profile says otherwise */

	struct verdict (*pre_enqueue)(const struct pod *p);
	/* < 0: a goes first. */
	int (*less)(const struct pod *a, int64_t a_since, const struct pod *b, int64_t b_since);
	uint32_t events; /* that may undo its rejection */
	/* Would it? NULL: always. */
	bool (*hint)(const struct cluster *c, const struct pod *p, const struct happening *h);

	/* May narrow cycle->only. SKIP: its filter need not be asked. */
	struct verdict (*pre_filter)(struct cycle *c, void **state);
	struct verdict (*filter)(struct cycle *c, void *state, const struct node *n);
	/* A pod is thought onto a node (1) or away from it (-1). */
	void (*pod_changed)(
		struct cycle *c, void *state, const struct node *n, const struct pod *p, int sign);
	/* No node was found. OK: a way out is in the decision. */
	struct verdict (*post_filter)(struct cycle *c, void *state, struct decision *d);

	/* SKIP: all nodes are the same to it. */
	struct verdict (*pre_score)(
		struct cycle *c, void **state, struct node *const *nodes, size_t count);
	int64_t (*score)(struct cycle *c, void *state, const struct node *n);
	void (*normalize)(struct cycle *c, void *state, struct node *const *nodes, int64_t *scores,
		size_t count);

	/* Takes what the node gives, in the cluster; and gives it back. */
	struct verdict (*reserve)(struct cycle *c, void *state, struct gift *g);
	void (*unreserve)(struct cluster *c, const struct gift *g);
	struct verdict (*permit)(struct cycle *c, const struct gift *g);
	/* What is to be written before the binding goes into the gift; is it effective yet? */
	void (*pre_bind)(struct cluster *c, struct gift *g);
	struct verdict (*pre_bind_done)(struct cluster *c, const struct gift *g, struct arena *a);
	/* The body of the binding. The first who has one binds. */
	struct cJSON *(*bind)(const struct gift *g, struct arena *a);
	void (*post_bind)(struct cluster *c, const struct gift *g);
};

enum { PROFILES_MAX = 8 };

struct profile_plugin {
	const struct plugin *plugin;
	int64_t weight;
	bool queue, filters, scores, post_filters, binds; /* the points it is asked at */
};
struct profile {
	struct str name; /* schedulerName */
	int percent_scored;
	struct profile_plugin plugins[PLUGINS_MAX];
	size_t count;
	bool no_default_spreading;
};
/* The default plugins in upstream's order. The name is borrowed. */
void profile_init(struct profile *p, struct str name);
/* NULL: there is none of that name. */
const struct plugin *plugin_find(struct str name);
extern const struct plugin *const default_plugins[];
extern const size_t default_plugin_count;

/* ---- one decision ---- */
struct judged { /* of one node */
	struct verdict verdict;
	uint32_t plugin; /* which in the profile */
};

struct cycle {
	struct cluster *cluster;
	const struct profile *profile;
	const struct pod *pod;
	struct arena *arena; /* the caller's, reset by it */
	void *states[PLUGINS_MAX];
	uint32_t skipped; /* bits: filters that need not be asked */
	/* Only these nodes (cycle_only): upstream's PreFilterResult. */
	bool limited;
	struct str *only;
	size_t only_count;
	struct str only_by;
	struct judged *judged; /* by the node's index; code OK: was not looked at */
	struct judged absent;  /* what stands for those outside of `only` */
};
/* Narrows the nodes down to those that are named. */
void cycle_only(struct cycle *c, const char *plugin, const struct str *names, size_t count);
struct verdict cycle_reject(struct cycle *c, enum verdict_code code, const char *format, ...)
	KUBE_PRINTF(3, 4);
/* For constants. */
#define VERDICT_OF(kind, text)                                                                     \
	({                                                                                         \
		static const struct str verdict_reason_ = STR_INIT(text);                          \
		(struct verdict){.code = (kind), .count = 1, .reasons = &verdict_reason_};         \
	})
/* All filters over a node, with the pods nominated for it. by: who rejected it. */
struct verdict cycle_filter_node(struct cycle *c, struct node *n, uint32_t *by);
void cycle_pod_changed(struct cycle *c, const struct node *n, const struct pod *p, int sign);
/* "0/3 nodes are available: 1 Insufficient cpu, …." over the verdicts given. */
struct str cycle_explain(struct cycle *c, const struct judged *judged, size_t nodes,
	struct verdict absent, size_t absent_count);
/* The reasons of one verdict, with commas between them. */
struct str cycle_join_reasons(struct cycle *c, struct verdict v);
/*
 * The message of a decision for which no node was found, plugins' ways out asked. first: who ended
 * the cycle before any node was looked at.
 */
void cycle_explain_none(struct cycle *c, struct decision *d, struct verdict first);
/* To 0…SCORE_MAX by the largest; reverse: the smallest is best. */
void scores_normalize(int64_t *scores, size_t count, bool reverse);

struct decision {
	struct node *node; /* NULL: none */
	struct str message;
	bool failed;          /* an error, not a rejection */
	uint32_t rejected_by; /* bits of the profile's plugins */
	bool no_nodes;
	size_t evaluated, feasible;
	/* preemption */
	bool nominate;        /* the nomination is to be `nominated`, empty: none */
	struct str nominated; /* in the arena */
	struct pod **victims; /* borrowed from the cluster */
	size_t victim_count;
};
/* Pure but for the search's place and the ties' dice in the cluster. */
void schedule(struct cycle *c, struct decision *d);

/* A pod and the node it is given, until it is bound. */
struct gift {
	struct pod *pod;
	char *node;
	const struct profile *profile;
	struct arena arena;
	struct write *writes; /* before the binding, in order */
	size_t write_count;
	bool waits;    /* then pre_bind_done is asked */
	void *volumes; /* VolumeBinding's */
};
struct write {
	const struct resource *resource;
	struct str namespace, name;
	struct cJSON *body; /* the whole object, at the version it was read */
};
/* Asks reserve and permit; a rejection has been given back already. */
struct verdict gift_reserve(struct cycle *c, struct gift *g);
void gift_unreserve(struct cluster *c, const struct gift *g);

#endif
