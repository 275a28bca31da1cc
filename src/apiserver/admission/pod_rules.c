/* What administrators may ask of every pod: fresh images, tolerations, plain anti-affinity. */
#include "plugins.h"

#include <kube/pods.h>

#include <stdlib.h>

static bool is_pod(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->resource->group.len && !r->subresource.len;
}

static const char *const container_lists[] = {
	"initContainers", "containers", "ephemeralContainers"};

/* ---- AlwaysPullImages ---- */

static bool has_image(const struct cJSON *spec, struct str image)
{
	for (size_t i = 0; i < ARRAY_LEN(container_lists); i++)
		json_each (c, json_get(spec, str_from(container_lists[i])))
			if (str_eq(tree_str(c, "image"), image))
				return true;
	return false;
}

static bool brings_images(const struct admission_review *r)
{
	const struct cJSON *spec = json_get(r->object, STR("spec"));

	if (r->operation != ADMIT_UPDATE)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(container_lists); i++)
		json_each (c, json_get(spec, str_from(container_lists[i])))
			if (!has_image(json_get(r->old, STR("spec")), tree_str(c, "image")))
				return true;
	return false;
}

/* Else whoever knows an image's name has what others' secrets have pulled. */
struct status *mutate_pull_policy(struct admission_review *r)
{
	struct cJSON *spec = json_get(r->object, STR("spec"));

	if (!is_pod(r) || !brings_images(r))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(container_lists); i++)
		json_each (c, json_get(spec, str_from(container_lists[i])))
			tree_set_str(r->arena, c, "imagePullPolicy", STR("Always"));
	json_each (volume, json_get(spec, STR("volumes")))
		if (json_get(volume, STR("image")))
			tree_set_str(r->arena, volume, "image.pullPolicy", STR("Always"));
	return NULL;
}

struct status *validate_pull_policy(struct admission_review *r)
{
	struct cJSON *spec = json_get(r->object, STR("spec"));

	if (!is_pod(r) || !brings_images(r))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(container_lists); i++) {
		size_t index = 0;

		json_each (c, json_get(spec, str_from(container_lists[i]))) {
			if (!str_eq_text(tree_str(c, "imagePullPolicy"), "Always"))
				return admission_forbidden(r,
					"spec.%s[%zu].imagePullPolicy: Unsupported value: "
					"\"%.*s\": supported values: \"Always\"",
					container_lists[i], index,
					STRF(tree_str(c, "imagePullPolicy")));
			index++;
		}
	}
	return NULL;
}

/* ---- ExtendedResourceToleration ---- */

static int compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t extended_names(const struct cJSON *spec, struct str *names, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		json_each (c, json_get(spec, str_from(container_lists[i])))
			json_each (asked, json_path(c, "resources.requests"))
				if (resource_name_is_extended(json_key(asked)) && count < max)
					names[count++] = json_key(asked);
	if (count)
		qsort(names, count, sizeof(*names), compare_names);
	return count;
}

/* A toleration of the same key and effect gives way. */
static void tolerate(struct admission_review *r, struct str key)
{
	struct cJSON *t = json_new(r->arena, JSON_OBJECT), *list;

	if (!json_is(json_path(r->object, "spec.tolerations"), JSON_ARRAY))
		tree_set(r->arena, r->object, "spec.tolerations", json_new(r->arena, JSON_ARRAY));
	list = json_path(r->object, "spec.tolerations");
	json_each (standing, list)
		if (str_eq(tree_str(standing, "key"), key) &&
			str_eq_text(tree_str(standing, "effect"), "NoSchedule")) {
			tree_drop(standing, "value");
			tree_drop(standing, "tolerationSeconds");
			tree_set_str(r->arena, standing, "operator", STR("Exists"));
			return;
		}
	json_set(r->arena, t, STR("key"), json_new_str(r->arena, key));
	tree_set_str(r->arena, t, "operator", STR("Exists"));
	tree_set_str(r->arena, t, "effect", STR("NoSchedule"));
	json_append(list, t);
}

/* Nodes with rare devices are tainted with their names: who asks for one may go there. */
struct status *mutate_extended_tolerations(struct admission_review *r)
{
	struct str names[256];
	size_t count;

	if (!is_pod(r))
		return NULL;
	count = extended_names(json_get(r->object, STR("spec")), names, ARRAY_LEN(names));
	for (size_t i = 0; i < count; i++)
		if (!i || !str_eq(names[i], names[i - 1]))
			tolerate(r, names[i]);
	return NULL;
}

/* ---- LimitPodHardAntiAffinityTopology ---- */

struct status *validate_anti_affinity(struct admission_review *r)
{
	if (!is_pod(r))
		return NULL;
	json_each (term, json_path(r->object, "spec.affinity.podAntiAffinity."
					      "requiredDuringSchedulingIgnoredDuringExecution"))
		if (!str_eq_text(tree_str(term, "topologyKey"), "kubernetes.io/hostname"))
			return admission_forbidden(r,
				"affinity.PodAntiAffinity.RequiredDuringScheduling has "
				"TopologyKey %.*s but only key kubernetes.io/hostname is allowed",
				STRF(tree_str(term, "topologyKey")));
	return NULL;
}
