/* Pod */
#include "pod_parts.h"
#include "pod_update.h"

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

/* Templates may have blanks around images; pods may not. */
static void check_images(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const lists[] = {"containers", "initContainers", NULL};

	for (size_t i = 0; lists[i]; i++) {
		struct path list_at = PATH(p, lists[i]);
		size_t j = 0;

		json_each (container, json_get(spec, str_from(lists[i]))) {
			struct path item = PATH_INDEX(&list_at, j++), at = PATH(&item, "image");
			struct str image = tree_str(container, "image");

			if (str_trim(image).len != image.len)
				field_invalid_str(e, &at, image,
					"must not have leading or trailing whitespace");
		}
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), node = PATH(&spec_at, "nodeName");
	struct path ephemeral = PATH(&spec_at, "ephemeralContainers");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_pod_spec(e, &spec_at, spec);
	check_images(e, &spec_at, spec);
	if (json_count(json_get(spec, STR("ephemeralContainers"))))
		field_forbidden(e, &ephemeral, "cannot be set on create");
	if (tree_str(spec, "nodeName").len && json_count(json_get(spec, STR("schedulingGates"))))
		field_forbidden(
			e, &node, "cannot be set until all schedulingGates have been cleared");
}

/* ---- parts ---- */

static const struct part_strategy parts[] = {
	{.name = "ephemeralcontainers",
		.prepare = pod_prepare_ephemeral,
		.validate = pod_check_ephemeral_update},
	{.name = "resize", .prepare = pod_prepare_resize, .validate = pod_check_resize},
	{.name = NULL},
};

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
	.validate_update = pod_check_update,
	.prepare_status = pod_prepare_status,
	.validate_status = pod_check_status,
	.warn = pod_warn,
	.parts = parts,
	.field_labels = labels,
	.field_value = value,
};
