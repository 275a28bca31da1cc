/* The resize subresource: what containers have of cpu and memory, and nothing else. */
#include "pod_update.h"

static const struct cJSON *by_name(const struct cJSON *list, struct str name)
{
	json_each (item, list)
		if (str_eq(tree_str(item, "name"), name))
			return item;
	return NULL;
}

static void take_resources(struct change *c, struct cJSON *whole, const char *name)
{
	struct cJSON *target = json_get(json_get(whole, STR("spec")), str_from(name));

	json_each (container, json_get(json_get(c->object, STR("spec")), str_from(name))) {
		struct cJSON *into =
			(struct cJSON *)(uintptr_t)by_name(target, tree_str(container, "name"));
		const struct cJSON *resources = json_get(container, STR("resources"));
		const struct cJSON *policy = json_get(container, STR("resizePolicy"));

		if (!into)
			continue;
		tree_set(c->arena, into, "resources",
			resources ? json_copy(c->arena, resources) : NULL);
		tree_set(c->arena, into, "resizePolicy",
			policy ? json_copy(c->arena, policy) : NULL);
	}
}

/* Only resources and how they are resized come from the client. */
void pod_prepare_resize(struct change *c)
{
	struct cJSON *whole = json_copy(c->arena, c->old);
	const struct cJSON *managed = json_path(c->object, "metadata.managedFields");
	const struct cJSON *own = json_path(c->object, "spec.resources");

	take_resources(c, whole, "containers");
	take_resources(c, whole, "initContainers");
	tree_set(c->arena, whole, "spec.resources", own ? json_copy(c->arena, own) : NULL);
	tree_set(c->arena, whole, "metadata.managedFields",
		managed ? json_copy(c->arena, managed) : NULL);
	c->object = whole;
	pod_spec_defaults(c->arena, json_get(c->object, STR("spec")), true);
}

static void drop_compute(struct cJSON *container)
{
	static const char *const lists[] = {"resources.limits", "resources.requests", NULL};

	for (size_t i = 0; lists[i]; i++) {
		struct cJSON *list = json_path(container, lists[i]);

		json_remove(list, json_get(list, STR("cpu")));
		json_remove(list, json_get(list, STR("memory")));
	}
	tree_drop(container, "resizePolicy");
}

static struct cJSON *without_compute(struct change *c, const struct cJSON *pod)
{
	struct cJSON *copy = json_copy(c->arena, pod);

	json_each (container, json_path(copy, "spec.containers"))
		drop_compute(container);
	json_each (container, json_path(copy, "spec.initContainers"))
		drop_compute(container);
	drop_compute(json_get(copy, STR("spec")));
	return api_canonical(c->arena, SCHEMA(core_v1, Pod), copy);
}

/* What had a request or a limit keeps one. */
static bool removes_any(const struct cJSON *now, const struct cJSON *old)
{
	json_each (amount, old)
		if (!json_get(now, json_key(amount)))
			return true;
	return false;
}

static void check_removals(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, "containers");
	size_t i = 0;

	json_each (container, json_path(c->object, "spec.containers")) {
		const struct cJSON *old =
			by_name(json_path(c->old, "spec.containers"), tree_str(container, "name"));
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "resources");
		struct path limits = PATH(&at, "limits"), requests = PATH(&at, "requests");

		if (removes_any(json_path(container, "resources.limits"),
			    json_path(old, "resources.limits")))
			field_forbidden(e, &limits, "resource limits cannot be removed");
		if (removes_any(json_path(container, "resources.requests"),
			    json_path(old, "resources.requests")))
			field_forbidden(e, &requests, "resource requests cannot be removed");
	}
}

/* Kubelets that can resize say what running containers have. */
static bool node_resizes(const struct cJSON *pod)
{
	json_each (status, json_path(pod, "status.containerStatuses"))
		if (json_path(status, "state.running"))
			return json_get(status, STR("resources")) != NULL;
	return true;
}

void pod_check_resize(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), nowhere = PATH_KEY(NULL, STR(""));
	struct str qos = tree_str(c->old, "status.qosClass");

	if (json_get(json_path(c->old, "metadata.annotations"),
		    STR("kubernetes.io/config.mirror"))) {
		field_forbidden(e, &nowhere, "static pods cannot be resized");
		return;
	}
	if (str_eq_text(tree_str(c->old, "spec.os.name"), "windows")) {
		field_forbidden(e, &nowhere, "windows pods cannot be resized");
		return;
	}
	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
	if (e->count)
		return;
	if (!str_eq_text(qos, pod_qos(json_get(c->object, STR("spec")))))
		field_invalid_str(
			e, &spec, qos, "Pod QOS Class may not change as a result of resizing");
	if (!node_resizes(c->old))
		field_forbidden(e, &spec, "Pod running on node without support for resize");
	check_removals(c, e);
	if (!json_equal(json_get(without_compute(c, c->object), STR("spec")),
		    json_get(without_compute(c, c->old), STR("spec"))))
		field_forbidden(e, &spec, "only cpu and memory resources are mutable");
}
