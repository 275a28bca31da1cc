/* Which pods nobody will ever come back to. */
#include "disruption_target.h"
#include "pod_gc.h"
#include "taints.h"
#include "workload.h"

static bool is_ready(const struct cJSON *node)
{
	const struct cJSON *ready = condition_find(json_path(node, "status.conditions"), "Ready");

	return ready && str_eq_text(tree_str(ready, "status"), "True");
}

static bool is_out_of_service(const struct cJSON *node)
{
	json_each (taint, json_path(node, "spec.taints"))
		if (str_eq_text(tree_str(taint, "key"), TAINT_OUT))
			return true;
	return false;
}

enum pod_fate pod_fate(const struct cJSON *pod, const struct cJSON *node)
{
	bool bound = tree_str(pod, "spec.nodeName").len;

	if (bound && !node)
		return POD_NODE_GONE;
	if (!is_being_deleted(pod))
		return POD_KEPT;
	if (!bound)
		return POD_NEVER_BOUND;
	return !is_ready(node) && is_out_of_service(node) ? POD_NODE_OUT : POD_KEPT;
}

void pod_end_plan(const struct pod_end *e, struct plan *p)
{
	struct cJSON *options = json_new(p->arena, JSON_OBJECT);
	bool orphan = e->fate == POD_NODE_GONE;

	if (orphan)
		plan_absent(p, e->nodes, STR(""), tree_str(e->pod, "spec.nodeName"));
	/* What watches it learns that it has come to nothing. */
	if (!pod_is_finished(e->pod))
		plan_disruption(p, e->pods, e->pod, "Failed", orphan ? "DeletionByPodGC" : NULL,
			"PodGC: node no longer exists", e->now);
	tree_set_int(p->arena, options, "gracePeriodSeconds", 0);
	plan_delete(p, e->pods, tree_str(e->pod, "metadata.namespace"),
		tree_str(e->pod, "metadata.name"), tree_str(e->pod, "metadata.uid"), options);
}

int finished_pod_order(const void *left, const void *right)
{
	const struct finished_pod *a = left, *b = right;

	if (a->evicted != b->evicted)
		return a->evicted ? -1 : 1;
	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return str_cmp(a->key, b->key);
}
