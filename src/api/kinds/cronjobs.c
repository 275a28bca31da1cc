/* CronJob */
#include "job_rules.h"
#include <kube/cron.h>

#define NAME_MAX 52 /* what is left for the jobs' names */

static void defaults(struct change *c)
{
	pod_spec_defaults(
		c->arena, json_path(c->object, "spec.jobTemplate.spec.template.spec"), false);
}

/* ---- when ---- */

static bool names_zone(const struct cJSON *object)
{
	return str_find(tree_str(object, "spec.schedule"), STR("TZ")) >= 0;
}

static void check_schedule(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "schedule");
	_cleanup_(err_done) struct err err = {0};
	struct str schedule = tree_str(c->object, "spec.schedule");
	struct cron_schedule parsed;

	if (!schedule.len) {
		field_required(e, &at, "%s", "");
		return;
	}
	if (cron_parse(schedule, &parsed, &err))
		field_invalid_str(e, &at, schedule, "%s", err_text(&err));
	if (names_zone(c->object) && tree_has(c->object, "spec.timeZone"))
		field_invalid_str(e, &at, schedule,
			"cannot use both timeZone field and TZ or CRON_TZ in schedule");
	else if (names_zone(c->object) && !names_zone(c->old)) /* old ones keep theirs */
		field_invalid_str(e, &at, schedule,
			"cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
}

static void check_zone(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "timeZone");
	const struct cJSON *now = json_path(c->object, "spec.timeZone");
	struct str zone = json_str(now);

	if (!now || (c->old && json_equal(now, json_path(c->old, "spec.timeZone"))))
		return;
	if (!zone.len) {
		field_invalid_str(e, &at, zone, "timeZone must be nil or non-empty string");
		return;
	}
	if (str_eq_nocase(zone, STR("local")))
		field_invalid_str(e, &at, zone,
			"timeZone must be an explicit time zone as defined in "
			"https://www.iana.org/time-zones");
	if (!time_zone_known(zone))
		field_invalid_str(e, &at, zone, "unknown time zone %.*s", STRF(zone));
}

/* ---- what ---- */

static void check_job(struct field_errors *e, const struct path *p, const struct cJSON *job)
{
	static const char *const choices[] = {"nil", "false", NULL};
	struct path at = PATH(p, "spec"), selector_at = PATH(&at, "selector");
	struct path manual = PATH(&at, "manualSelector");
	const struct cJSON *spec = json_get(job, STR("spec"));
	const struct cJSON *selector = json_get(spec, STR("selector"));

	job_check_spec(e, &at, spec);
	if (selector)
		field_invalid(e, &selector_at, selector, "`selector` will be auto-generated");
	if (tree_true(spec, "manualSelector"))
		field_not_supported(e, &manual, json_get(spec, STR("manualSelector")), choices);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const policies[] = {"Allow", "Forbid", "Replace", NULL};
	static const char *const limits[] = {
		"successfulJobsHistoryLimit", "failedJobsHistoryLimit", NULL};
	struct path spec_at = PATH(NULL, "spec"), job = PATH(&spec_at, "jobTemplate");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_schedule(c, e);
	check_not_negative(e, &spec_at, "startingDeadlineSeconds", spec);
	check_zone(c, e);
	rule_choice_required(e, &spec_at, spec, "concurrencyPolicy", policies);
	check_job(e, &job, json_get(spec, STR("jobTemplate")));
	workload_check_counts(e, &spec_at, spec, limits);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path meta = PATH(NULL, "metadata"), name = PATH(&meta, "name");

	if (c->name.len > NAME_MAX)
		field_invalid_str(e, &name, c->name, "must be no more than 52 characters");
	validate_update(c, e);
}

/* ---- warnings ---- */

static void warn(struct change *c)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "jobTemplate");
	struct path job = PATH(&tmpl, "spec");

	workload_warn_name(c);
	if (!workload_is_quiet(c))
		job_warn(c, &job, json_path(c->object, "spec.jobTemplate.spec"));
	if (names_zone(c->object))
		change_warn(c,
			"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
			"https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
			"#time-zones for more information");
}

const struct strategy strategy_cronjobs = {
	.template_spec = "spec.jobTemplate.spec.template.spec",
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.warn = warn,
};
