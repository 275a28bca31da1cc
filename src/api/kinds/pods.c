/* Pod */
#include "pod_parts.h"
#include "pod_update.h"

static void drop_old_annotations(struct cJSON *pod)
{
	static const char *const gone[] = {"pod.beta.kubernetes.io/init-containers",
		"pod.alpha.kubernetes.io/init-containers",
		"pod.beta.kubernetes.io/init-container-statuses",
		"pod.alpha.kubernetes.io/init-container-statuses", NULL};
	struct cJSON *list = json_path(pod, "metadata.annotations");

	for (size_t i = 0; gone[i]; i++)
		json_remove(list, json_get(list, str_from(gone[i])));
}

static void defaults(struct change *c)
{
	pod_spec_defaults(c->arena, json_get(c->object, STR("spec")), true);
	if (tree_int(c->object, "spec.terminationGracePeriodSeconds", 0) < 0)
		tree_set_int(c->arena, c->object, "spec.terminationGracePeriodSeconds", 1);
	drop_old_annotations(c->object);
	pod_status_defaults(c->arena, c->object);
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

/* Claims are made in the pod's name: <pod>-<volume>. */
static void check_claim_names(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, struct str pod)
{
	struct path list_at = PATH(p, "volumes");
	size_t i = 0;

	json_each (volume, json_get(spec, STR("volumes"))) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "name");
		struct str own = tree_str(volume, "name");
		struct str name = arena_print(e->arena, "%.*s-%.*s", STRF(pod), STRF(own));
		struct name_faults f = {0};

		if (!tree_has(volume, "ephemeral") || !pod.len)
			continue;
		name_check_dns_subdomain(name, &f);
		for (size_t j = 0; j < f.count; j++)
			field_invalid_str(
				e, &at, own, "PVC name \"%.*s\": %s", STRF(name), f.items[j]);
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), node = PATH(&spec_at, "nodeName");
	struct path ephemeral = PATH(&spec_at, "ephemeralContainers");
	struct path meta = PATH(NULL, "metadata"), annotations = PATH(&meta, "annotations");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	pod_check_annotations(e, &annotations, json_path(c->object, "metadata.annotations"), spec);
	check_pod_spec(e, &spec_at, spec);
	check_claim_names(e, &spec_at, spec, tree_str(c->object, "metadata.name"));
	check_images(e, &spec_at, spec);
	if (json_count(json_get(spec, STR("ephemeralContainers"))))
		field_forbidden(e, &ephemeral, "cannot be set on create");
	pod_check_apparmor_matches(c, e);
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
	if (str_eq_text(label, "status.podIPs")) /* may be asked for, and is never there */
		return STR("");
	return tree_str(object, arena_str(a, label).at);
}

static const char *const status_resets[] = {"spec", "metadata.ownerReferences", NULL};

const struct strategy strategy_pods = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.create_reads_status = true,
	.status_resets = status_resets,
	.defaults = defaults,
	.prepare_create = pod_prepare_create,
	.prepare_update = pod_prepare_update,
	.validate = validate,
	.validate_update = pod_check_update,
	.prepare_status = pod_prepare_status,
	.validate_status = pod_check_status,
	.warn = pod_warn,
	.parts = parts,
	.field_labels = labels,
	.field_value = value,
};
