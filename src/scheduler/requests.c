/*
 * What a pod needs of its node: the larger of what its containers take side by side and what the
 * init containers take in turns, beside the sidecars that have been started before; what the pod
 * says for itself instead; and what its runtime takes.
 */
#include "facts_read.h"

#include <kube/api_codec.h>
#include <kube/pods.h>

/* Scores count those who ask for nothing as small, not as weightless. */
#define LITTLE_CPU    100
#define LITTLE_MEMORY (200 * (int64_t)MIB)

static const struct cJSON *status_of(const struct cJSON *pod, struct str container, bool init)
{
	const struct cJSON *list =
		json_path(pod, init ? "status.initContainerStatuses" : "status.containerStatuses");

	json_each (status, list)
		if (str_eq(tree_str(status, "name"), container))
			return status;
	return NULL;
}

/* No node will ever do what was asked for. */
static bool resize_is_hopeless(const struct cJSON *pod)
{
	json_each (condition, json_path(pod, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "PodResizePending"))
			return str_eq_text(tree_str(condition, "reason"), "Infeasible");
	return false;
}

static void read_container(struct amounts *to, const struct cJSON *pod,
	const struct cJSON *container, bool init, bool little)
{
	const struct cJSON *list = json_path(container, "resources.requests");
	const struct cJSON *status = status_of(pod, tree_str(container, "name"), init);
	struct amounts running = {0};

	/* A resize that is not done yet: until then the larger counts. */
	if (!json_get(status, STR("resources")) || !resize_is_hopeless(pod))
		sched_amounts_read(to, list);
	sched_amounts_read(&running, json_get(status, STR("allocatedResources")));
	sched_amounts_raise(to, &running);
	sched_amounts_read(&running, json_path(status, "resources.requests"));
	sched_amounts_raise(to, &running);
	sched_amounts_done(&running);
	if (little && !json_get(list, STR("cpu")))
		to->cpu = LITTLE_CPU;
	if (little && !json_get(list, STR("memory")))
		to->memory = LITTLE_MEMORY;
}

static void add_inits(
	struct amounts *sum, const struct cJSON *pod, const struct cJSON *spec, bool little)
{
	struct amounts sidecars = {0}, first = {0};

	json_each (container, json_get(spec, STR("initContainers"))) {
		struct amounts now = {0};

		read_container(&now, pod, container, true, little);
		if (str_eq_text(tree_str(container, "restartPolicy"), "Always")) {
			sched_amounts_add(sum, &now, 1);
			sched_amounts_add(&sidecars, &now, 1);
			sched_amounts_raise(&first, &sidecars);
		} else {
			sched_amounts_add(&now, &sidecars, 1);
			sched_amounts_raise(&first, &now);
		}
		sched_amounts_done(&now);
	}
	sched_amounts_raise(sum, &first);
	sched_amounts_done(&sidecars);
	sched_amounts_done(&first);
}

void pod_requests_read(struct amounts *sum, const struct cJSON *pod, bool little)
{
	const struct cJSON *spec = json_get(pod, STR("spec"));
	struct amounts overhead = {0};
	struct quantity q;

	json_each (container, json_get(spec, STR("containers"))) {
		struct amounts one = {0};

		read_container(&one, pod, container, false, little);
		sched_amounts_add(sum, &one, 1);
		sched_amounts_done(&one);
	}
	add_inits(sum, pod, spec, little);
	json_each (item, json_path(spec, "resources.requests"))
		if (resource_name_is_pod_level(json_key(item)) &&
			!quantity_parse(json_str(item), &q, NULL))
			sched_amounts_set(sum, json_key(item), &q);
	sched_amounts_read(&overhead, json_get(spec, STR("overhead")));
	sched_amounts_add(sum, &overhead, 1);
	sched_amounts_done(&overhead);
}
