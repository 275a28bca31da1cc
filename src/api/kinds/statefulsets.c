/* StatefulSet */
#include "pod_spec.h"

static void claim_defaults(struct change *c)
{
	json_each (claim, json_path(c->object, "spec.volumeClaimTemplates")) {
		tree_set_str(c->arena, claim, "kind", STR("PersistentVolumeClaim"));
		tree_set_str(c->arena, claim, "apiVersion", STR("v1"));
		if (!tree_str(claim, "status.phase").len)
			tree_set_str(c->arena, claim, "status.phase", STR("Pending"));
	}
}

static void defaults(struct change *c)
{
	struct cJSON *strategy = json_path(c->object, "spec.updateStrategy");

	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
	claim_defaults(c);
	if (str_eq_text(tree_str(strategy, "type"), "RollingUpdate") &&
		!tree_has(strategy, "rollingUpdate.partition"))
		tree_set_int(c->arena, strategy, "rollingUpdate.partition", 0);
}

static void check_name(struct str s, struct name_faults *f)
{
	if (str_find_char(s, '.') >= 0)
		f->items[f->count++] = "must not contain dots";
	else
		name_check_dns_label(s, f);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	check_not_negative(e, &spec, "replicas", json_get(c->object, STR("spec")));
	check_not_negative(e, &spec, "minReadySeconds", json_get(c->object, STR("spec")));
	check_workload_selector(e, c->object, "statefulset");
	check_template(e, &tmpl, json_path(c->object, "spec.template"));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "selector");
	const struct cJSON *selector = json_path(c->object, "spec.selector");

	validate(c, e);
	if (!json_equal(selector, json_path(c->old, "spec.selector")))
		field_invalid(e, &at, selector, "field is immutable");
}

static const struct scale_paths scale = {
	.replicas = "spec.replicas",
	.status_replicas = "status.replicas",
	.selector = "spec.selector",
};

const struct strategy strategy_statefulsets = {
	.name_rule = check_name,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.scale = &scale,
};
