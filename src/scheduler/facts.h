/*
 * facts: what the scheduler needs to know of a pod or a node, read once from its object. Immutable
 * and counted; everything else in this folder works on these, never on trees.
 */
#ifndef KUBE_SCHEDULER_FACTS_H
#define KUBE_SCHEDULER_FACTS_H

#include "amounts.h"
#include "match.h"

#include <kube/object.h>

/* ---- pods ---- */
struct host_port {
	struct str protocol, ip; /* ip empty: all of them */
	int port;
};

/* A term of affinity or anti-affinity to other pods. */
struct pod_term {
	struct selector selector, namespace_selector;
	bool by_namespace_selector;
	struct str *namespaces;
	size_t namespace_count;
	struct str topology;
	int64_t weight;
};
struct pod_terms {
	struct pod_term *items;
	size_t count;
};

struct spread {
	int64_t max_skew, min_domains; /* 0: 1 */
	struct str topology;
	struct selector selector;
	bool soft;            /* ScheduleAnyway */
	bool ignore_affinity; /* nodeAffinityPolicy: Ignore */
	bool honor_taints;    /* nodeTaintsPolicy: Honor */
};

struct claim_use {
	struct str name; /* of the PersistentVolumeClaim */
	bool ephemeral;  /* made for this pod: it must own the claim */
};

struct pod {
	uint32_t refs;
	struct arena arena;
	struct object *object; /* may be NULL in tests */
	struct str key, namespace, name, uid;
	struct str node_name, nominated, scheduler_name;
	struct labels labels;
	int64_t created, started; /* wall ns; started 0: not yet */
	int32_t priority;
	bool never_preempts, finished, terminating, preempted;
	/* what it needs */
	struct amounts requests;
	int64_t nonzero_cpu, nonzero_memory; /* a little for those who ask for nothing */
	bool best_effort;
	struct host_port *ports;
	size_t port_count;
	struct toleration *tolerations;
	size_t toleration_count;
	struct labels node_labels; /* spec.nodeSelector */
	bool node_required;        /* there is a required node affinity */
	struct node_selector node_terms;
	struct node_term *node_wishes;
	size_t node_wish_count;
	struct pod_terms affinity, anti_affinity, affinity_wishes, anti_affinity_wishes;
	struct spread *spreads;
	size_t spread_count;
	struct claim_use *claims;
	size_t claim_count;
	bool device_claims;
	struct str *images; /* normal names of its containers' images */
	size_t image_count, container_count;
	size_t gate_count;
	struct str owner_kind, owner_name, owner_uid; /* the controller */
};

/* One reference. The object's reference is taken too. */
struct pod *pod_facts_from(struct object *o);
struct pod *pod_facts_from_tree(const struct cJSON *tree); /* tests, benchmarks */
struct pod *pod_facts_ref(struct pod *p);
void pod_facts_unref(struct pod *p); /* NULL is fine */
bool pod_tolerates(const struct pod *p, const struct taint *taint);
/* Does its nodeSelector and required affinity accept a node? */
bool pod_accepts_node(const struct pod *p, const struct labels *labels, struct str name);

/* ---- nodes ---- */
struct node_image {
	struct str name;
	int64_t size;
};
struct node_facts {
	uint32_t refs;
	struct arena arena;
	struct str name, zone; /* zone: "region:zone" or empty */
	struct labels labels;
	struct taint *taints;
	size_t taint_count;
	bool unschedulable;
	bool tainted; /* by one that keeps pods away */
	bool avoided; /* by PreferNoSchedule */
	struct amounts allocatable;
	int64_t max_pods;
	struct node_image *images;
	size_t image_count;
};
struct node_facts *node_facts_from(struct object *o);
struct node_facts *node_facts_from_tree(const struct cJSON *tree);
void node_facts_unref(struct node_facts *n); /* NULL is fine */
/* "docker.io/…" is not added: only a missing tag is. */
struct str image_name_normal(struct arena *a, struct str name);

#endif
