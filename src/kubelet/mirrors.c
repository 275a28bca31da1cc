#include "node_agent.h"
#include "pod_worker.h"
#include "static_pods.h"

#include <kube/api_codec.h>
#include <kube/informer.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define TIMEOUT   (10 * SEC)
#define TRY_AGAIN (2 * SEC)

/* One request at a time; after each it looks again. */
struct mirrors {
	struct kubelet *k;
	struct op op;
	struct client_request request;
	bool asking;
};

static const struct resource *pods(void)
{
	return resource_find(STR(""), STR("v1"), STR("pods"));
}

/* Cut short when there is news. */
static void waited(struct op *op, struct err *err)
{
	(void)err;
	mirrors_look(CONTAINER_OF(op, struct mirrors, op));
}

static void answered(struct op *op, struct err *err)
{
	struct mirrors *m = CONTAINER_OF(op, struct mirrors, op);
	bool again = err->code != ERR_CANCELLED;

	if (err->code && again && err->code != ERR_NOT_FOUND && err->code != ERR_ALREADY_EXISTS)
		log_warning(err, "a mirror of a static pod cannot be written");
	client_request_done(&m->request);
	m->asking = false;
	if (!again || scope_closing(&m->k->scope))
		return;
	/* What was done comes back by the informer; what was not is tried again. */
	op_init(&m->op, &m->k->scope, waited, OP_NO_DEADLINE);
	timer_wait(&m->op, loop_in(kubelet_loop(m->k), TRY_AGAIN));
}

static void ask(
	struct mirrors *m, enum client_verb verb, const struct cJSON *pod, const struct cJSON *body)
{
	struct str name = verb == CLIENT_CREATE ? STR("") : tree_str(pod, "metadata.name");

	client_request_init(&m->request, verb, pods(), tree_str(pod, "metadata.namespace"), name);
	m->request.body = json_copy(&m->request.arena, body);
	m->asking = true;
	op_init(&m->op, &m->k->scope, answered, loop_in(kubelet_loop(m->k), TIMEOUT));
	client_send(m->k->base.client, &m->op, &m->request);
}

static void take_away(struct mirrors *m, struct arena *a, const struct cJSON *mirror)
{
	struct cJSON *options = json_new(a, JSON_OBJECT);

	tree_set_int(a, options, "gracePeriodSeconds", 0);
	tree_set_str(a, options, "preconditions.uid", tree_str(mirror, "metadata.uid"));
	ask(m, CLIENT_DELETE, mirror, options);
}

static struct pod_worker *worker_of(struct mirrors *m, const struct cJSON *mirror)
{
	map_each (it, &m->k->workers) {
		const struct cJSON *pod = pod_worker_pod(it.value);

		if (pod_is_static(pod) && !pod_is_mirror(pod) &&
			str_eq(tree_str(pod, "metadata.name"), tree_str(mirror, "metadata.name")) &&
			str_eq(tree_str(pod, "metadata.namespace"),
				tree_str(mirror, "metadata.namespace")))
			return it.value;
	}
	return NULL;
}

/* Is it the picture of this very version of the pod? */
static bool is_true(const struct pod_worker *w, const struct cJSON *mirror)
{
	struct str hash = json_str(json_get(
		json_path(mirror, "metadata.annotations"), STR("kubernetes.io/config.mirror")));

	return w && !pod_is_deleted(mirror) && str_eq(hash, static_pod_hash(w->state->pod));
}

/* false: a request is under way now. */
static bool look_at_mirrors(struct mirrors *m, struct arena *a)
{
	informer_each(it, informer_all(m->k->pods))
	{
		struct cJSON *pod = object_lean_tree(a, it.object);

		if (!pod_is_mirror(pod))
			continue;
		struct pod_worker *w = worker_of(m, pod);
		if (!is_true(w, pod)) {
			take_away(m, a, pod);
			return false;
		}
		pod_worker_bind(w, pod, it.object->revision);
	}
	return true;
}

static void look_at_pods(struct mirrors *m, struct arena *a)
{
	const struct cJSON *node = node_agent_node(m->k->node, a);

	map_each (it, &m->k->workers) {
		struct pod_worker *w = it.value;
		const struct cJSON *pod = pod_worker_pod(w);

		if (!node || !pod_is_static(pod) || w->gone ||
			informer_get(m->k->pods, tree_str(pod, "metadata.namespace"),
				tree_str(pod, "metadata.name")))
			continue;
		pod_worker_bind(w, NULL, 0);
		ask(m, CLIENT_CREATE, pod, mirror_make(a, pod, node));
		return;
	}
	/* Without a node there is nobody to own it yet. */
	if (!node) {
		op_init(&m->op, &m->k->scope, waited, OP_NO_DEADLINE);
		timer_wait(&m->op, loop_in(kubelet_loop(m->k), TRY_AGAIN / 10));
	}
}

void mirrors_look(struct mirrors *m)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (m->asking || !m->k->settled || !m->k->options.manifests.len ||
		scope_closing(&m->k->scope))
		return;
	if (op_active(&m->op)) {
		op_cancel(&m->op);
		return;
	}
	if (look_at_mirrors(m, &a))
		look_at_pods(m, &a);
}

struct mirrors *mirrors_new(struct kubelet *k)
{
	struct mirrors *m = mem_new(sizeof(*m));

	m->k = k;
	return m;
}

void mirrors_free(struct mirrors *m)
{
	mem_free(m);
}
