/* Pod */
#include "pod_spec.h"

static void defaults(struct change *c)
{
	pod_spec_defaults(c->arena, json_get(c->object, STR("spec")), true);
}

static void prepare_create(struct change *c)
{
	struct str qos = tree_str(c->object, "status.qosClass");

	tree_drop(c->object, "status");
	tree_set_str(c->arena, c->object, "status.phase", STR("Pending"));
	tree_set_str(c->arena, c->object, "status.qosClass",
		qos.len ? qos : str_from(pod_qos(json_get(c->object, STR("spec")))));
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
}

/* ---- updates ---- */

static void take_images(
	struct arena *a, struct cJSON *munged, const struct cJSON *old, const char *list)
{
	size_t i = 0;

	json_each (container, json_path(munged, list)) {
		struct str image = tree_str(json_at(json_path(old, list), i++), "image");

		if (image.len)
			tree_set_str(a, container, "image", image);
	}
}

static void take(struct arena *a, struct cJSON *munged, const struct cJSON *old, const char *path)
{
	const struct cJSON *value = json_path(old, path);

	tree_set(a, munged, path, value ? json_copy(a, value) : NULL);
}

/* Images, the deadline, added tolerations and a grace of one second: nothing else may change. */
static void validate_update(struct change *c, struct field_errors *e)
{
	static const char text[] =
		"pod updates may not change fields other than `spec.containers[*].image`,"
		"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
		"(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
		"(allow it to be set to 1 if it was previously negative)";
	struct path spec = PATH(NULL, "spec");
	struct cJSON *munged = json_copy(c->arena, c->object);

	take_images(c->arena, munged, c->old, "spec.containers");
	take_images(c->arena, munged, c->old, "spec.initContainers");
	take(c->arena, munged, c->old, "spec.activeDeadlineSeconds");
	take(c->arena, munged, c->old, "spec.tolerations");
	munged = api_canonical(c->arena, SCHEMA(core_v1, Pod), munged);
	if (!json_equal(json_get(munged, STR("spec")), json_get(c->old, STR("spec"))))
		field_forbidden(e, &spec, "%s", text);
}

/* ---- selecting ---- */

static const char *const labels[] = {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
	"spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
	"status.podIPs", "status.nominatedNodeName", "spec.host", NULL};

static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	if (str_eq_text(label, "spec.host"))
		return tree_str(object, "spec.nodeName");
	if (str_eq_text(label, "spec.hostNetwork"))
		return tree_true(object, "spec.hostNetwork") ? STR("true") : STR("false");
	if (str_eq_text(label, "status.podIPs"))
		return tree_str(object, "status.podIPs.0.ip");
	return tree_str(object, arena_str(a, label).at);
}

const struct strategy strategy_pods = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.validate = validate,
	.validate_update = validate_update,
	.field_labels = labels,
	.field_value = value,
};
