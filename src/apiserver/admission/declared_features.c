/*
 * NodeDeclaredFeatureValidator: a pod that runs may be changed only so far as its node says that it
 * can follow.
 */
#include "api_options.h"
#include "plugins.h"

#include <kube/quantity.h>

static const struct cJSON *containers(const struct cJSON *pod, const char *list)
{
	return json_get(json_get(pod, STR("spec")), str_from(list));
}

static bool same_amount(const struct cJSON *a, const struct cJSON *b)
{
	struct quantity x = quantity_from_int(0, QUANTITY_DECIMAL_SI), y = x;

	return (!json_str(a).len || !quantity_parse(json_str(a), &x, NULL)) &&
	       (!json_str(b).len || !quantity_parse(json_str(b), &y, NULL)) && !quantity_cmp(x, y);
}

/* ---- what a change asks of the node ---- */

/* Processors that belong to nobody else are given by hand. */
static bool changes_guaranteed_cpu(const struct cJSON *old, const struct cJSON *new)
{
	size_t i = 0;

	if (!str_eq_text(tree_str(old, "status.qosClass"), "Guaranteed"))
		return false;
	json_each (was, containers(old, "containers")) {
		const struct cJSON *is = json_at(containers(new, "containers"), i++);

		if (!same_amount(json_path(was, "resources.requests.cpu"),
			    json_path(is, "resources.requests.cpu")))
			return true;
	}
	return false;
}

static bool changes_pod_resources(const struct cJSON *old, const struct cJSON *new)
{
	return !json_equal(json_path(old, "spec.resources"), json_path(new, "spec.resources"));
}

static bool changes_init_resources(const struct cJSON *old, const struct cJSON *new)
{
	size_t i = 0;

	json_each (was, containers(old, "initContainers")) {
		const struct cJSON *is = json_at(containers(new, "initContainers"), i++);

		if (!str_eq_text(tree_str(was, "restartPolicy"), "Always") &&
			!json_equal(
				json_get(was, STR("resources")), json_get(is, STR("resources"))))
			return true;
	}
	return false;
}

static const struct {
	const char *feature; /* by name, as they are told */
	bool (*asked)(const struct cJSON *old, const struct cJSON *new);
} features[] = {
	{"GuaranteedQoSPodCPUResize", changes_guaranteed_cpu},
	{"InPlacePodLevelResourcesVerticalScaling", changes_pod_resources},
	{"InPlacePodVerticalScalingInitContainers", changes_init_resources},
};

/* ---- the plugin ---- */

static bool declares(const struct cJSON *node, const char *feature)
{
	json_each (one, json_path(node, "status.declaredFeatures"))
		if (str_eq_text(json_str(one), feature))
			return true;
	return false;
}

static bool concerns(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->resource->group.len &&
	       (!r->subresource.len || str_eq_text(r->subresource, "resize")) &&
	       api_gate(r->server->options, "NodeDeclaredFeatures");
}

struct status *validate_declared_features(struct admission_review *r)
{
	struct str name = tree_str(r->object, "spec.nodeName");
	const struct cJSON *node = NULL;
	_cleanup_(buf_done) struct buf missing = BUF_INIT(KIB);
	bool any = false;

	if (!concerns(r) || !name.len ||
		tree_int(r->old, "metadata.generation", 0) ==
			tree_int(r->object, "metadata.generation", 0))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		if (!features[i].asked(r->old, r->object))
			continue;
		if (!any)
			node = server_read(r->server, r->arena, "", "nodes", STR(""), name);
		any = true;
		if (!declares(node, features[i].feature))
			buf_print(&missing, "%s%s", missing.len ? ", " : "", features[i].feature);
	}
	if (any && !node)
		return admission_forbidden(r, "node \"%.*s\" not found", STRF(name));
	if (!missing.len)
		return NULL;
	return admission_forbidden(r,
		"pod update requires features %s which are not available on node \"%.*s\"",
		buf_text(&missing), STRF(name));
}
