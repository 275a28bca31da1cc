/*
 * A pod that is being resized counts as what it asks for or what it has, whichever is more; of a
 * resize that no node will ever do, only what it has. What a pod says for itself stands in the
 * place of what its containers say.
 */
#include "quota_pod.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/quantity.h>

/* Each amount becomes the larger one. */
static void raise(struct arena *a, struct cJSON *to, const struct cJSON *amounts)
{
	json_each (amount, amounts) {
		const struct cJSON *standing = json_get(to, json_key(amount));
		struct quantity one, other;

		if (quantity_parse(json_str(amount), &one, NULL))
			continue;
		if (!standing || quantity_parse(json_str(standing), &other, NULL) ||
			quantity_cmp(one, other) > 0)
			json_set(a, to, json_key(amount), json_copy(a, amount));
	}
}

static bool resize_is_hopeless(const struct cJSON *pod)
{
	json_each (condition, json_path(pod, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "PodResizePending"))
			return str_eq_text(tree_str(condition, "reason"), "Infeasible");
	return false;
}

static const struct cJSON *status_of(const struct cJSON *statuses, struct str container)
{
	json_each (status, statuses)
		if (str_eq(tree_str(status, "name"), container))
			return status;
	return NULL;
}

static struct cJSON *container_amounts(struct arena *a, const struct cJSON *pod,
	const struct cJSON *container, const struct cJSON *status, const char *which)
{
	const struct cJSON *has = json_get(status, STR("resources"));
	struct cJSON *amounts = json_new(a, JSON_OBJECT);

	if (!has || !resize_is_hopeless(pod))
		raise(a, amounts, json_get(json_get(container, STR("resources")), str_from(which)));
	if (!has)
		return amounts;
	raise(a, amounts, json_get(has, str_from(which)));
	if (str_eq_text(str_from(which), "requests"))
		raise(a, amounts, json_get(status, STR("allocatedResources")));
	return amounts;
}

static struct cJSON *containers(
	struct arena *a, const struct cJSON *pod, bool init, const char *which)
{
	const struct cJSON *statuses =
		json_path(pod, init ? "status.initContainerStatuses" : "status.containerStatuses");
	struct cJSON *list = json_new(a, JSON_ARRAY);

	json_each (container, json_path(pod, init ? "spec.initContainers" : "spec.containers")) {
		struct str again = tree_str(container, "restartPolicy");
		bool resizable = !init || str_eq_text(again, "Always");
		struct cJSON *one = json_new(a, JSON_OBJECT), *resources;

		resources = json_new(a, JSON_OBJECT);
		json_set(a, resources, str_from(which),
			container_amounts(a, pod, container,
				resizable ? status_of(statuses, tree_str(container, "name")) : NULL,
				which));
		json_set(a, one, STR("resources"), resources);
		if (again.len)
			json_set(a, one, STR("restartPolicy"), json_new_str(a, again));
		json_append(list, one);
	}
	return list;
}

struct cJSON *quota_pod_amounts(struct arena *a, const struct cJSON *pod, const char *which)
{
	bool requests = str_eq_text(str_from(which), "requests");
	const struct cJSON *own = json_path(pod, "spec.resources");
	struct cJSON *spec = json_new(a, JSON_OBJECT);

	json_set(a, spec, STR("containers"), containers(a, pod, false, which));
	json_set(a, spec, STR("initContainers"), containers(a, pod, true, which));
	if (own)
		json_set(a, spec, STR("resources"), json_copy(a, own));
	return pod_sum(a, spec, requests ? "resources.requests" : "resources.limits");
}

bool quota_pod_has_own(const struct cJSON *pod)
{
	json_each (list, json_path(pod, "spec.resources"))
		json_each (amount, list)
			if (resource_name_is_pod_level(json_key(amount)))
				return true;
	return false;
}
