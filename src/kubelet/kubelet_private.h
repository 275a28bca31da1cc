/* The kubelet's own: what its files share. All of it on the loop's thread. */
#ifndef KUBE_KUBELET_PRIVATE_H
#define KUBE_KUBELET_PRIVATE_H

#include "environment.h"
#include "eviction.h"
#include "pod_view.h"
#include "resolver.h"
#include "volumes.h"

#include <kube/kubelet.h>
#include <kube/kubelet_configuration.h>
#include <kube/map.h>
#include <kube/scope.h>

struct pod_worker;
struct object_watches;
struct http_client;
struct node_agent;
struct image_collector;
struct pull_queue;
struct pull_records;
struct volume_stats;
struct eviction_manager;
struct serving_certificate;
struct own_certificates;
struct node_shutdown;
struct log_rotation;
struct static_pods;
struct mirrors;
struct kubelet_server;
struct cgroups;
struct pod_victims;

struct kubelet {
	struct part part; /* first */
	struct component_base base;
	struct runtime *runtime;
	struct kubelet_options options;
	struct kubelet_configuration configuration;
	struct arena arena;
	struct scope scope; /* of everything in flight */
	struct op closed, recorder_op, watches_op, knocker_op;
	struct op *stopping;
	struct event_recorder *recorder;
	struct informer *pods, *services;
	struct informer_handler on_pod;
	struct runtime_listener on_runtime;
	struct object_watches *objects;
	struct map workers; /* by uid */
	struct node_agent *node;
	struct static_pods *statics; /* NULL: there is no directory */
	struct mirrors *mirrors;
	struct image_collector *collector;
	struct pull_queue *pulls;
	struct pull_records *pulled;
	struct volume_stats *room; /* NULL: volumes are not measured */
	struct eviction_manager *evictions;
	bool pressure[PRESSURES];      /* what the node is short of */
	struct log_rotation *rotation; /* NULL: logs are not rotated */
	struct node_facts facts;
	struct resolver resolver; /* the node's own, as it was at the beginning */
	struct volumes_host volumes;
	struct volumes_orphans orphans;
	struct op orphans_op;
	struct cgroups *cgroups;       /* NULL: none are used */
	struct kubelet_server *server; /* NULL: there is none */
	/* Over plain HTTP; NULL: there is none. */
	struct kubelet_server *health_server, *figures_server;
	struct op server_ops[3];
	struct serving_certificate *certificate; /* NULL: it stays as it is */
	struct own_certificates *own;            /* that the cluster signs */
	struct node_shutdown *shutdown;          /* NULL: pods get no grace at the machine's end */
	bool shutting_down;                      /* the machine */
	struct http_client *knocker;             /* asks containers: probes and hooks */
	int64_t began;                           /* wall */
	struct op synced;
	bool serving; /* the API's pods of this node are known */
	bool settled; /* and those of the manifests: what is more is an orphan */
};

static inline struct loop *kubelet_loop(const struct kubelet *k)
{
	return k->scope.loop;
}

/* One state of a pod, shared by who works with it. */
struct pod_state {
	uint32_t refs;
	struct object *object; /* NULL: of an orphan */
	struct arena arena;
	struct cJSON *desired; /* as the API has it */
	struct cJSON *pod;     /* with what it was allocated of it: what everybody goes by */
};
struct pod_state *pod_state_new(struct object *object);
struct pod_state *pod_state_ref(struct pod_state *s);
void pod_state_unref(struct pod_state *s); /* NULL is fine */

/* About a pod, or one of its containers. type: "Normal" or "Warning". */
void kubelet_event(struct kubelet *k, const struct cJSON *pod, const struct cJSON *container,
	const char *type, const char *reason, struct str message);

/* Services of the pod's namespace and the API's own, into the arena. */
const struct cJSON *const *kubelet_services(
	struct kubelet *k, struct arena *a, struct str namespace, size_t *count);

/* Why pods cannot have a network now, as upstream says it; empty: they can. */
struct str kubelet_network_fault(const struct kubelet *k, struct arena *a);

/* May the pod run here, beside the others (once the victims have gone)? false: why, in the arena.
 */
bool kubelet_admits(struct kubelet *k, struct arena *a, const struct cJSON *pod,
	struct pod_victims *victims, struct str *reason, struct str *message);

/* May it have what it asks for now? Else why not, in the arena. */
enum resize_answer { RESIZE_FITS, RESIZE_LATER, RESIZE_NEVER };
enum resize_answer kubelet_resizes(
	struct kubelet *k, struct arena *a, const struct pod_worker *w, struct str *message);

/* All who may have pods here may have been heard by now. */
void kubelet_settle(struct kubelet *k);

struct env *kubelet_env(const struct kubelet *k);

#endif
