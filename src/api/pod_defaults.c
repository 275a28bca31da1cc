/* Defaults of pod specs that depend on something. */
#include "pod_spec.h"

/* ---- images ---- */

/* No tag and no digest, or the tag "latest". */
static bool is_latest(struct str image)
{
	ssize_t slash = str_find_last_char(image, '/');
	struct str last = str_skip(image, (size_t)(slash + 1));
	ssize_t colon = str_find_char(last, ':');

	if (str_find_char(image, '@') >= 0)
		return colon >= 0 && str_starts(str_skip(last, (size_t)colon + 1), STR("latest@"));
	return colon < 0 || str_eq_text(str_skip(last, (size_t)colon + 1), "latest");
}

static void default_policy(
	struct arena *a, struct cJSON *object, const char *image, const char *policy)
{
	if (tree_str(object, policy).len)
		return;
	tree_set_str(a, object, policy,
		is_latest(tree_str(object, image)) ? STR("Always") : STR("IfNotPresent"));
}

/* ---- resources ---- */

/* What is limited and not asked for is asked for in full. */
static void requests_from_limits(struct arena *a, struct cJSON *container)
{
	const struct cJSON *limits = json_path(container, "resources.limits");

	json_each (limit, limits) {
		struct cJSON *requests = json_path(container, "resources.requests");

		if (!requests) {
			tree_set(a, container, "resources.requests", json_new(a, JSON_OBJECT));
			requests = json_path(container, "resources.requests");
		}
		if (!json_get(requests, json_key(limit)))
			json_set(a, requests, json_key(limit), json_copy(a, limit));
	}
}

static bool of_pods(struct str resource)
{
	return str_eq_text(resource, "cpu") || str_eq_text(resource, "memory") ||
	       str_starts(resource, STR("hugepages-"));
}

static struct cJSON *list_of(struct arena *a, struct cJSON *spec, const char *path)
{
	if (!json_path(spec, path))
		tree_set(a, spec, path, json_new(a, JSON_OBJECT));
	return json_path(spec, path);
}

/* A pod's own list, of what it says nothing about: as much as its containers have together. */
static void sum_into(struct arena *a, struct cJSON *spec, const char *path, bool huge)
{
	struct cJSON *sums = pod_container_sum(a, spec, path), *list;

	json_each (sum, sums) {
		struct str resource = json_key(sum);

		if (!of_pods(resource) || str_starts(resource, STR("hugepages-")) != huge)
			continue;
		list = list_of(a, spec, path);
		if (!json_get(list, resource))
			json_set(a, list, resource, json_copy(a, sum));
	}
}

static void own_resources(struct arena *a, struct cJSON *spec)
{
	if (!json_get(spec, STR("resources")))
		return;
	if (json_count(json_path(spec, "resources.limits")) ||
		json_count(json_path(spec, "resources.requests"))) {
		sum_into(a, spec, "resources.limits", true);
		sum_into(a, spec, "resources.requests", false);
	}
	json_each (limit, json_path(spec, "resources.limits")) {
		struct cJSON *requests = list_of(a, spec, "resources.requests");

		if (of_pods(json_key(limit)) && !json_get(requests, json_key(limit)))
			json_set(a, requests, json_key(limit), json_copy(a, limit));
	}
}

/* ---- containers ---- */

static void probe_defaults(struct arena *a, struct cJSON *container, const char *name)
{
	struct cJSON *probe = json_get(container, str_from(name));
	struct cJSON *grpc = json_get(probe, STR("grpc"));

	if (grpc && !tree_has(grpc, "service"))
		tree_set_str(a, grpc, "service", STR(""));
}

static void container_defaults(struct arena *a, struct cJSON *container, bool host_ports)
{
	default_policy(a, container, "image", "imagePullPolicy");
	probe_defaults(a, container, "livenessProbe");
	probe_defaults(a, container, "readinessProbe");
	probe_defaults(a, container, "startupProbe");
	if (!host_ports)
		return;
	json_each (port, json_get(container, STR("ports")))
		if (!tree_int(port, "hostPort", 0))
			tree_set_int(a, port, "hostPort", tree_int(port, "containerPort", 0));
}

static void all_containers(struct arena *a, struct cJSON *spec, bool pod)
{
	static const char *const lists[] = {
		"initContainers", "containers", "ephemeralContainers", NULL};
	bool host = tree_true(spec, "hostNetwork");

	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_get(spec, str_from(lists[i]))) {
			container_defaults(a, container, host && i < 2);
			if (pod && i < 2)
				requests_from_limits(a, container);
		}
}

/* ---- the spec ---- */

static void volume_defaults(struct arena *a, struct cJSON *spec)
{
	json_each (volume, json_get(spec, STR("volumes"))) {
		struct cJSON *image = json_get(volume, STR("image"));

		if (json_count(volume) == 1 && json_get(volume, STR("name")))
			json_set(a, volume, STR("emptyDir"), json_new(a, JSON_OBJECT));
		if (image)
			default_policy(a, image, "reference", "pullPolicy");
	}
}

void pod_spec_defaults(struct arena *a, struct cJSON *spec, bool pod)
{
	struct str account = tree_str(spec, "serviceAccountName");
	struct str old_account = tree_str(spec, "serviceAccount");

	if (!spec)
		return;
	if (!account.len && old_account.len)
		tree_set_str(a, spec, "serviceAccountName", old_account);
	else if (account.len)
		tree_set_str(a, spec, "serviceAccount", account);
	if (pod && !tree_has(spec, "enableServiceLinks"))
		tree_set(a, spec, "enableServiceLinks", json_new_bool(a, true));
	volume_defaults(a, spec);
	all_containers(a, spec, pod);
	if (pod)
		own_resources(a, spec);
}

/* ---- quality of service ---- */

/* cpu and memory that are more than nothing. */
static bool any_compute(const struct cJSON *list)
{
	static const char *const names[] = {"cpu", "memory", NULL};

	for (size_t i = 0; names[i]; i++) {
		struct quantity q;

		if (!quantity_parse(json_str(json_get(list, str_from(names[i]))), &q, NULL) &&
			quantity_sign(q) > 0)
			return true;
	}
	return false;
}

static bool guaranteed(const struct cJSON *container)
{
	static const char *const names[] = {"cpu", "memory", NULL};

	for (size_t i = 0; names[i]; i++) {
		const struct cJSON *limit =
			json_get(json_path(container, "resources.limits"), str_from(names[i]));
		const struct cJSON *request =
			json_get(json_path(container, "resources.requests"), str_from(names[i]));
		struct quantity l, r;

		if (!limit || quantity_parse(json_str(limit), &l, NULL) || !quantity_sign(l))
			return false;
		if (request && (quantity_parse(json_str(request), &r, NULL) || quantity_cmp(l, r)))
			return false;
	}
	return true;
}

/* Of containers, or of a pod that has resources of its own. */
static void look(const struct cJSON *o, bool *any, bool *all)
{
	*any |= any_compute(json_path(o, "resources.limits")) ||
		any_compute(json_path(o, "resources.requests"));
	*all &= guaranteed(o);
}

const char *pod_qos(const struct cJSON *spec)
{
	static const char *const lists[] = {"containers", "initContainers", NULL};
	bool any = false, all = true;

	if (json_count(json_path(spec, "resources.limits")) ||
		json_count(json_path(spec, "resources.requests")))
		look(spec, &any, &all);
	else
		for (size_t i = 0; lists[i]; i++)
			json_each (container, json_get(spec, str_from(lists[i])))
				look(container, &any, &all);
	if (!any)
		return "BestEffort";
	return all ? "Guaranteed" : "Burstable";
}
