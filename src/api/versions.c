/*
 * From one version of a kind to another, always by way of its hub. Most versions differ in name
 * alone; the others have a row.
 */
#include "convert.h"

static const struct converter {
	const char *group, *version, *plural; /* NULL: every version that has no row of its own */
	convert_fn *defaults, *to_hub, *from_hub;
} converters[] = {
	{"extensions", "v1beta1", "deployments", deployment_defaults_extensions, deployment_to_hub,
		deployment_from_hub},
	{"extensions", "v1beta1", "replicasets", selector_defaults, NULL, NULL},
	{"extensions", "v1beta1", "daemonsets", daemonset_defaults_extensions, NULL,
		daemonset_from_hub},
	{"extensions", "v1beta1", "ingresses", ingress_defaults_beta1, ingress_to_hub,
		ingress_from_hub},
	{"apps", "v1beta1", "deployments", deployment_defaults_beta1, deployment_to_hub,
		deployment_from_hub},
	{"apps", "v1beta1", "statefulsets", statefulset_defaults_beta1, NULL, NULL},
	{"apps", "v1alpha1", "petsets", statefulset_defaults_beta1, NULL, NULL},
	{"autoscaling", "v1", "horizontalpodautoscalers", NULL, scaler_to_hub, scaler_from_hub},
	{"autoscaling", "v2beta1", "horizontalpodautoscalers", NULL, metrics_to_hub,
		metrics_from_hub},
	{"policy", "v1beta1", "poddisruptionbudgets", NULL, budget_to_hub, budget_from_hub},
	{"networking.k8s.io", "v1beta1", "ingresses", ingress_defaults_beta1, ingress_to_hub,
		ingress_from_hub},
	{"authorization.k8s.io", "v1beta1", "subjectaccessreviews", NULL, review_to_hub,
		review_from_hub},
	{"authorization.k8s.io", "v1beta1", "localsubjectaccessreviews", NULL, review_to_hub,
		review_from_hub},
	{"rbac.authorization.k8s.io", "v1alpha1", "clusterrolebindings", NULL, subjects_to_hub,
		subjects_from_hub},
	{"rbac.authorization.k8s.io", "v1alpha1", "rolebindings", NULL, subjects_to_hub,
		subjects_from_hub},
	{"admissionregistration.k8s.io", "v1beta1", "mutatingwebhookconfigurations",
		webhooks_defaults_beta1, NULL, NULL},
	{"admissionregistration.k8s.io", "v1beta1", "validatingwebhookconfigurations",
		webhooks_defaults_beta1, NULL, NULL},
	{"apiextensions.k8s.io", "v1beta1", "customresourcedefinitions", definition_defaults_beta1,
		definition_to_hub, definition_from_hub},
	{"discovery.k8s.io", "v1beta1", "endpointslices", NULL, endpointslice_to_hub,
		endpointslice_from_hub},
	{"resource.k8s.io", "v1beta1", "resourceclaims", NULL, claim_to_hub, claim_from_hub},
	{"resource.k8s.io", "v1beta1", "resourceclaimtemplates", NULL, claim_to_hub,
		claim_from_hub},
	{"resource.k8s.io", "v1beta1", "resourceslices", NULL, slice_to_hub, slice_from_hub},
	{"events.k8s.io", "v1", "events", NULL, event_to_hub, event_from_hub},
	{"events.k8s.io", "v1beta1", "events", NULL, event_to_hub, event_from_hub},
	{"certificates.k8s.io", "v1beta1", "certificatesigningrequests", signing_defaults_beta1,
		NULL, NULL},
};

static const struct converter *find(const struct resource *r)
{
	for (size_t i = 0;
		!r->custom && r != r->hub && i < sizeof(converters) / sizeof(converters[0]); i++)
		if (str_eq_text(r->plural, converters[i].plural) &&
			str_eq_text(r->version, converters[i].version) &&
			str_eq_text(r->group, converters[i].group))
			return &converters[i];
	return NULL;
}

void resource_version_defaults(
	struct arena *a, const struct resource *version, struct cJSON *object)
{
	const struct converter *c = find(version);

	if (c && c->defaults)
		c->defaults(a, object);
}

/* Without a row the versions must have the same fields. */
static bool same_shape(const struct schema *a, const struct schema *b)
{
	if (a == b)
		return true;
	if (a->field_count != b->field_count)
		return false;
	for (size_t i = 0; i < a->field_count; i++)
		if (!str_eq(a->fields[i].name, b->fields[i].name) ||
			a->fields[i].kind != b->fields[i].kind)
			return false;
	return true;
}

int resource_convert(struct arena *a, const struct resource *from, const struct resource *to,
	const struct cJSON *object, struct cJSON **out, struct err *err)
{
	const struct converter *leave = find(from), *enter = find(to);
	struct cJSON *copy = json_copy(a, object);

	if (from->custom) { /* strategy None: the same under another name */
		tree_set_str(a, copy, "apiVersion", to->api_version);
		*out = copy;
		return 0;
	}
	if (from != to && !leave && !enter && !same_shape(from->schema, to->schema))
		return err_set(err, ERR_UNSUPPORTED,
			"%.*s cannot be converted from %.*s to %.*s in this version yet",
			STRF(from->kind), STRF(from->api_version), STRF(to->api_version));
	if (from != to && leave && leave->to_hub)
		leave->to_hub(a, copy);
	if (from != to && enter && enter->from_hub)
		enter->from_hub(a, copy);
	tree_set_str(a, copy, "kind", to->kind);
	tree_set_str(a, copy, "apiVersion", to->api_version);
	return api_decode(a, to->schema, copy, NULL, out, err);
}
