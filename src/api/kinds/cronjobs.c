/* CronJob */
#include "pod_spec.h"

#define NAME_MAX 52 /* what is left for the jobs' names */

static void defaults(struct change *c)
{
	pod_spec_defaults(
		c->arena, json_path(c->object, "spec.jobTemplate.spec.template.spec"), false);
}

static void check_name(struct str s, struct name_faults *f)
{
	name_check_dns_subdomain(s, f);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), schedule = PATH(&spec, "schedule");
	struct path job = PATH(&spec, "jobTemplate"), job_spec = PATH(&job, "spec");
	struct path tmpl = PATH(&job_spec, "template");

	if (!tree_str(c->object, "spec.schedule").len)
		field_required(e, &schedule, "%s", "");
	check_not_negative(e, &spec, "startingDeadlineSeconds", json_get(c->object, STR("spec")));
	check_not_negative(
		e, &spec, "successfulJobsHistoryLimit", json_get(c->object, STR("spec")));
	check_not_negative(e, &spec, "failedJobsHistoryLimit", json_get(c->object, STR("spec")));
	check_template(e, &tmpl, json_path(c->object, "spec.jobTemplate.spec.template"));
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path meta = PATH(NULL, "metadata"), name = PATH(&meta, "name");

	if (c->name.len > NAME_MAX)
		field_invalid_str(e, &name, c->name, "must be no more than 52 characters");
	validate_update(c, e);
}

const struct strategy strategy_cronjobs = {
	.name_rule = check_name,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
};
