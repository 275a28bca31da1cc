/* What pods take from the node they are bound to, and what they cannot get from it. */
#include "api_options.h"
#include "plugins.h"

#include <kube/pods.h>
#include <kube/quantity.h>

static struct cJSON *node_of(struct admission_review *r, struct str name)
{
	return server_read(r->server, r->arena, "", "nodes", STR(""), name);
}

/* ---- PodTopologyLabels ---- */

/* Programs in the pod read there, without asking for the node, which zone they run in. */
static void take_labels(struct admission_review *r, struct str node_name)
{
	static const struct str labels[] = {
		STR_INIT("topology.kubernetes.io/region"), STR_INIT("topology.kubernetes.io/zone")};
	const struct cJSON *node = node_name.len ? node_of(r, node_name) : NULL;

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		const struct cJSON *value = json_get(json_path(node, "metadata.labels"), labels[i]);

		if (!value)
			continue;
		if (!json_path(r->object, "metadata.labels"))
			tree_set(r->arena, r->object, "metadata.labels",
				json_new(r->arena, JSON_OBJECT));
		json_set(r->arena, json_path(r->object, "metadata.labels"), labels[i],
			json_copy(r->arena, value));
	}
}

struct status *mutate_topology_labels(struct admission_review *r)
{
	if (!resource_is(r->resource, "pods") || r->operation != ADMIT_CREATE ||
		!api_gate(r->server->options, "PodTopologyLabelsAdmission"))
		return NULL;
	if (!r->subresource.len)
		take_labels(r, tree_str(r->object, "spec.nodeName"));
	else if (str_eq_text(r->subresource, "binding"))
		take_labels(r, tree_str(r->object, "target.name"));
	return NULL;
}

/* ---- PodResizeValidator ---- */

static struct status *check_room(struct admission_review *r, const struct cJSON *asked,
	const struct cJSON *node, const char *resource)
{
	const struct cJSON *there =
		json_get(json_path(node, "status.allocatable"), str_from(resource));
	struct quantity wanted, free = quantity_from_int(0, QUANTITY_DECIMAL_SI);
	bool milli = !strcmp(resource, "cpu");

	if (quantity_parse(json_str(json_get(asked, str_from(resource))), &wanted, NULL) ||
		(there && quantity_parse(json_str(there), &free, NULL)) ||
		quantity_cmp(wanted, free) <= 0)
		return NULL;
	return admission_forbidden(r,
		"node didn't have enough allocatable resources: %s, requested: %lld, allocatable: "
		"%lld",
		resource, (long long)(milli ? quantity_milli(wanted) : quantity_value(wanted)),
		(long long)(milli ? quantity_milli(free) : quantity_value(free)));
}

/* No node grows: what can never fit is refused at once instead of being deferred for ever. */
struct status *validate_pod_resize(struct admission_review *r)
{
	struct str name = tree_str(r->object, "spec.nodeName");
	const struct cJSON *node, *asked;
	struct status *s;

	if (!resource_is(r->resource, "pods") || !str_eq_text(r->subresource, "resize") ||
		!name.len)
		return NULL;
	node = node_of(r, name);
	if (!node)
		return admission_forbidden(r, "node \"%.*s\" not found", STRF(name));
	asked = json_path(r->object, "spec.resources.requests");
	if (!asked)
		asked = pod_sum(r->arena, json_get(r->object, STR("spec")), "resources.requests");
	s = check_room(r, asked, node, "cpu");
	return s ? s : check_room(r, asked, node, "memory");
}
