/* Services and pods, found from each other. */
#include "service_watch.h"

void key_split(struct str key, struct str *namespace, struct str *name)
{
	if (!str_cut(key, '/', namespace, name)) {
		*name = key;
		*namespace = STR("");
	}
}

void service_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

/* ---- from a pod to its services ---- */

/* What of a pod shows in endpoints. */
static const char *const shown[] = {"metadata.deletionTimestamp", "spec.nodeName", "spec.hostname",
	"spec.subdomain", "status.phase", "status.podIP", "status.podIPs", "status.conditions"};

static bool shows_differently(const struct object *old, const struct object *fresh)
{
	if (!str_eq(object_labels(old), object_labels(fresh)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		if (!str_eq(object_scan(old, shown[i]), object_scan(fresh, shown[i])))
			return true;
	}
	return false;
}

static bool selects(struct arena *a, const struct object *service, const struct object *pod)
{
	struct str text = object_scan(service, "spec.selector");
	struct cJSON *labels = NULL;

	if (!text.len || json_parse(a, text, NULL, &labels, NULL) || !json_count(labels))
		return false;
	struct selector s = selector_of(a, labels);
	return label_selector_matches_text(&s, object_labels(pod));
}

void service_pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct object *pod = fresh ? fresh : old;
	struct informer *services = usual_informer(u, "services");
	struct arena a;

	if (old && fresh && !shows_differently(old, fresh))
		return;
	bool relabelled = old && fresh && !str_eq(object_labels(old), object_labels(fresh));
	arena_init(&a);
	informer_each(it, informer_by(services, "namespace", client_object_namespace(pod)))
	{
		if (selects(&a, it.object, pod) || (relabelled && selects(&a, it.object, old)))
			usual_enqueue_object(u, it.object);
		arena_reset(&a);
	}
	arena_done(&a);
}

/* ---- from a service to its pods ---- */

bool service_selects(const struct cJSON *service)
{
	return json_is(json_path(service, "spec.selector"), JSON_OBJECT) &&
	       !str_eq(tree_str(service, "spec.type"), STR("ExternalName"));
}

void service_find_pods(
	struct usual *u, struct arena *a, const struct cJSON *service, struct trees *pods)
{
	struct str namespace = tree_str(service, "metadata.namespace");
	const struct cJSON *labels = json_path(service, "spec.selector");
	struct selector s = selector_of(a, labels);

	if (!json_count(labels))
		return;
	informer_each(it, informer_by(usual_informer(u, "pods"), "namespace", namespace))
	{
		if (label_selector_matches_text(&s, object_labels(it.object)))
			trees_add(a, pods, object_lean_tree(a, it.object));
	}
}
