/* RuntimeClass: what a class says of overhead and of nodes goes into the pods that name it. */
#include "plugins.h"

static bool is_new_pod(const struct admission_review *a)
{
	return resource_is(a->resource, "pods") && !a->subresource.len &&
	       a->operation == ADMIT_CREATE;
}

static struct cJSON *class_of(struct admission_review *a, struct status **missing)
{
	struct str name = tree_str(a->object, "spec.runtimeClassName");
	struct cJSON *class;

	*missing = NULL;
	if (!name.len)
		return NULL;
	class = server_read(a->server, a->arena, "node.k8s.io", "runtimeclasses", STR(""), name);
	if (!class)
		*missing = admission_forbidden(
			a, "pod rejected: RuntimeClass \"%.*s\" not found", STRF(name));
	return class;
}

static struct status *set_overhead(struct admission_review *a, const struct cJSON *class)
{
	const struct cJSON *wanted = json_path(class, "overhead.podFixed");
	const struct cJSON *stands = json_path(a->object, "spec.overhead");

	if (!wanted)
		return NULL;
	if (json_count(stands) && !json_equal(stands, wanted))
		return admission_forbidden(a, "pod rejected: Pod's Overhead doesn't match "
					      "RuntimeClass's defined Overhead");
	tree_set(a->arena, a->object, "spec.overhead", json_copy(a->arena, wanted));
	return NULL;
}

static struct status *merge_selector(struct admission_review *a, const struct cJSON *class)
{
	struct cJSON *selector = json_path(a->object, "spec.nodeSelector");

	json_each (wanted, json_path(class, "scheduling.nodeSelector")) {
		const struct cJSON *own = json_get(selector, json_key(wanted));

		if (own && !json_equal(own, wanted))
			return admission_forbidden(a,
				"conflict: runtimeClass.scheduling.nodeSelector[%.*s] = %.*s; "
				"pod.spec.nodeSelector[%.*s] = %.*s",
				STRF(json_key(wanted)), STRF(json_str(wanted)),
				STRF(json_key(wanted)), STRF(json_str(own)));
		if (!selector) {
			tree_set(a->arena, a->object, "spec.nodeSelector",
				json_new(a->arena, JSON_OBJECT));
			selector = json_path(a->object, "spec.nodeSelector");
		}
		json_set(a->arena, selector, json_key(wanted), json_copy(a->arena, wanted));
	}
	return NULL;
}

static bool contains(const struct cJSON *list, const struct cJSON *item)
{
	json_each (one, list)
		if (json_equal(one, item))
			return true;
	return false;
}

static void merge_tolerations(struct admission_review *a, const struct cJSON *class)
{
	struct cJSON *list = json_path(a->object, "spec.tolerations");

	json_each (wanted, json_path(class, "scheduling.tolerations")) {
		if (contains(list, wanted))
			continue;
		if (!json_is(list, JSON_ARRAY)) {
			tree_set(a->arena, a->object, "spec.tolerations",
				json_new(a->arena, JSON_ARRAY));
			list = json_path(a->object, "spec.tolerations");
		}
		json_append(list, json_copy(a->arena, wanted));
	}
}

struct status *mutate_runtime_class(struct admission_review *a)
{
	struct status *s;
	const struct cJSON *class;

	if (!is_new_pod(a))
		return NULL;
	class = class_of(a, &s);
	if (!s)
		s = set_overhead(a, class);
	if (!s)
		s = merge_selector(a, class);
	if (!s)
		merge_tolerations(a, class);
	return s;
}

struct status *validate_runtime_class(struct admission_review *a)
{
	const struct cJSON *class, *wanted;
	struct status *s;

	if (!is_new_pod(a))
		return NULL;
	class = class_of(a, &s);
	wanted = json_path(class, "overhead.podFixed");
	if (s)
		return s;
	if (!wanted && json_count(json_path(a->object, "spec.overhead")))
		return admission_forbidden(a, "pod rejected: Pod Overhead set without "
					      "corresponding RuntimeClass defined Overhead");
	if (wanted && !json_equal(json_path(a->object, "spec.overhead"), wanted))
		return admission_forbidden(a, "pod rejected: Pod's Overhead doesn't match "
					      "RuntimeClass's defined Overhead");
	return NULL;
}
