/*
 * PodPreset: what Kubernetes had until 1.19 to give pods of a kind the same environment and
 * volumes. Presets that contradict a pod, or each other, leave it as it is.
 */
#include "plugins.h"

#include <kube/log.h>
#include <kube/selector.h>

#define PREFIX      "podpreset.admission.kubernetes.io/"
#define PRESETS_MAX 256

static const char *const container_lists[] = {"containers", "initContainers"};

/* ---- which ---- */

static bool is_left_out(const struct admission_review *r)
{
	const struct cJSON *notes = json_path(r->object, "metadata.annotations");

	return json_get(notes, STR("kubernetes.io/config.mirror")) ||
	       str_eq_text(json_str(json_get(notes, STR(PREFIX "exclude"))), "true");
}

static size_t find_presets(struct admission_review *r, const struct cJSON **found, size_t max)
{
	const struct resource *presets =
		resource_find(STR("settings.k8s.io"), STR("v1alpha1"), STR("podpresets"));
	struct str prefix = arena_print(r->arena, "%.*s/", STRF(r->namespace));
	struct store_iter it = store_seek(server_bucket(r->server, presets->hub), prefix, STR(""));
	size_t count = 0;

	while (count < max && store_next(&it)) {
		const struct cJSON *preset = object_tree(r->arena, it.object);
		struct selector s;

		if (!label_selector_from(r->arena, json_path(preset, "spec.selector"), &s, NULL) &&
			label_selector_matches(&s, json_path(r->object, "metadata.labels")))
			found[count++] = preset;
	}
	return count;
}

/* ---- merging: false is a contradiction ---- */

static const struct cJSON *with_member(
	const struct cJSON *list, const char *member, struct str value)
{
	json_each (item, list)
		if (str_eq(tree_str(item, member), value))
			return item;
	return NULL;
}

static struct cJSON *list_of(struct arena *a, struct cJSON *owner, const char *name)
{
	if (!json_is(json_get(owner, str_from(name)), JSON_ARRAY))
		json_set(a, owner, str_from(name), json_new(a, JSON_ARRAY));
	return json_get(owner, str_from(name));
}

/* Items with a name: the same again is no harm. */
static bool merge_named(
	struct arena *a, struct cJSON *owner, const char *name, const struct cJSON *more)
{
	if (!json_count(more))
		return true;
	struct cJSON *list = list_of(a, owner, name);
	json_each (item, more) {
		const struct cJSON *same = with_member(list, "name", tree_str(item, "name"));

		if (same && !json_equal(same, item))
			return false;
		if (!same)
			json_append(list, json_copy(a, item));
	}
	return true;
}

static bool merge_mounts(struct arena *a, struct cJSON *container, const struct cJSON *more)
{
	if (!json_count(more))
		return true;
	struct cJSON *list = list_of(a, container, "volumeMounts");
	json_each (item, more) {
		const struct cJSON *same = with_member(list, "name", tree_str(item, "name"));
		const struct cJSON *there =
			with_member(list, "mountPath", tree_str(item, "mountPath"));

		if ((same && !json_equal(same, item)) || (there && !json_equal(there, item)))
			return false;
		if (!same)
			json_append(list, json_copy(a, item));
	}
	return true;
}

static bool merge_container(struct arena *a, struct cJSON *container, const struct cJSON *preset)
{
	const struct cJSON *sources = json_path(preset, "spec.envFrom");

	if (json_count(sources)) {
		struct cJSON *list = list_of(a, container, "envFrom");

		json_each (source, sources)
			json_append(list, json_copy(a, source));
	}
	return merge_named(a, container, "env", json_path(preset, "spec.env")) &&
	       merge_mounts(a, container, json_path(preset, "spec.volumeMounts"));
}

static bool merge_preset(struct arena *a, struct cJSON *pod, const struct cJSON *preset)
{
	struct cJSON *spec = json_get(pod, STR("spec"));
	struct str note =
		arena_print(a, PREFIX "podpreset-%.*s", STRF(tree_str(preset, "metadata.name")));

	if (!merge_named(a, spec, "volumes", json_path(preset, "spec.volumes")))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(container_lists); i++)
		json_each (container, json_get(spec, str_from(container_lists[i])))
			if (!merge_container(a, container, preset))
				return false;
	if (!json_path(pod, "metadata.annotations"))
		tree_set(a, pod, "metadata.annotations", json_new(a, JSON_OBJECT));
	json_set(a, json_path(pod, "metadata.annotations"), note,
		json_new_str(a, tree_str(preset, "metadata.resourceVersion")));
	return true;
}

struct status *mutate_pod_presets(struct admission_review *r)
{
	const struct cJSON *presets[PRESETS_MAX];
	struct cJSON *pod;
	size_t count;

	if (!resource_is(r->resource, "pods") || r->resource->group.len || r->subresource.len ||
		is_left_out(r))
		return NULL;
	count = find_presets(r, presets, ARRAY_LEN(presets));
	if (!count)
		return NULL;
	pod = json_copy(r->arena, r->object);
	for (size_t i = 0; i < count; i++)
		if (!merge_preset(r->arena, pod, presets[i])) {
			log_warning(NULL, "a preset contradicts a pod, which stays as it is",
				LOG_STR("namespace", r->namespace), LOG_STR("pod", r->name),
				LOG_STR("preset", tree_str(presets[i], "metadata.name")));
			return NULL;
		}
	r->object = pod;
	return NULL;
}
