/* PodTemplate */
#include "pod_update.h"

static void defaults(struct change *c)
{
	pod_spec_defaults(c->arena, json_path(c->object, "template.spec"), false);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path tmpl = PATH(NULL, "template");

	check_template(e, &tmpl, json_get(c->object, STR("template")));
}

static void warn(struct change *c)
{
	struct path tmpl = PATH(NULL, "template");

	if (!c->old || !json_equal(json_get(c->object, STR("template")),
			       json_get(c->old, STR("template"))))
		pod_warn_template(c, &tmpl, json_get(c->object, STR("template")));
}

static bool changed(const struct cJSON *object, const struct cJSON *old)
{
	return !json_equal(json_get(object, STR("template")), json_get(old, STR("template")));
}

const struct strategy strategy_podtemplates = {
	.template_spec = "template.spec",
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.delete_answers_object = true,
	.changed = changed,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.warn = warn,
};
