/* Job */
#include "pod_spec.h"

static void default_int(struct change *c, const char *path, int64_t value)
{
	if (!tree_has(c->object, path))
		tree_set_int(c->arena, c->object, path, value);
}

static void defaults(struct change *c)
{
	const struct cJSON *labels = json_path(c->object, "spec.template.metadata.labels");

	if (!tree_has(c->object, "spec.completions") && !tree_has(c->object, "spec.parallelism"))
		tree_set_int(c->arena, c->object, "spec.completions", 1);
	default_int(c, "spec.parallelism", 1);
	default_int(c, "spec.backoffLimit",
		tree_has(c->object, "spec.backoffLimitPerIndex") ? INT32_MAX : 6);
	if (json_count(labels) && !json_count(json_path(c->object, "metadata.labels")))
		tree_set(c->arena, c->object, "metadata.labels", json_copy(c->arena, labels));
	if (!tree_has(c->object, "spec.completionMode"))
		tree_set_str(c->arena, c->object, "spec.completionMode", STR("NonIndexed"));
	if (!tree_has(c->object, "spec.suspend"))
		tree_set(c->arena, c->object, "spec.suspend", json_new_bool(c->arena, false));
	if (!tree_has(c->object, "spec.manualSelector"))
		tree_set(
			c->arena, c->object, "spec.manualSelector", json_new_bool(c->arena, false));
	if (!tree_has(c->object, "spec.podReplacementPolicy"))
		tree_set_str(c->arena, c->object, "spec.podReplacementPolicy",
			tree_has(c->object, "spec.podFailurePolicy") ? STR("Failed")
								     : STR("TerminatingOrFailed"));
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
}

static void set_label(struct change *c, struct cJSON *labels, const char *key, struct str value)
{
	if (!json_get(labels, str_from(key)))
		json_set(c->arena, labels, str_from(key), json_new_str(c->arena, value));
}

/* Pods are told apart by the job's uid, unless the client says how. */
static void prepare_create(struct change *c)
{
	struct str uid = tree_str(c->object, "metadata.uid");
	struct cJSON *labels, *match = json_new(c->arena, JSON_OBJECT);

	if (tree_true(c->object, "spec.manualSelector"))
		return;
	if (!json_path(c->object, "spec.template.metadata.labels"))
		tree_set(c->arena, c->object, "spec.template.metadata.labels",
			json_new(c->arena, JSON_OBJECT));
	labels = json_path(c->object, "spec.template.metadata.labels");
	set_label(c, labels, "controller-uid", uid);
	set_label(c, labels, "job-name", c->name);
	set_label(c, labels, "batch.kubernetes.io/controller-uid", uid);
	set_label(c, labels, "batch.kubernetes.io/job-name", c->name);
	if (!json_count(json_path(c->object, "metadata.labels")))
		tree_set(c->arena, c->object, "metadata.labels", json_copy(c->arena, labels));
	if (tree_has(c->object, "spec.selector"))
		return;
	json_set(c->arena, match, STR("batch.kubernetes.io/controller-uid"),
		json_new_str(c->arena, uid));
	tree_set(c->arena, c->object, "spec.selector.matchLabels", match);
}

static void check_restart(struct change *c, struct field_errors *e)
{
	static const char *const allowed[] = {"OnFailure", "Never", NULL};
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");
	struct path pod = PATH(&tmpl, "spec"), at = PATH(&pod, "restartPolicy");
	struct str policy = tree_str(c->object, "spec.template.spec.restartPolicy");

	if (str_eq_text(policy, "Always"))
		field_required(e, &at, "valid values: \"OnFailure\", \"Never\"");
	else if (!str_eq_text(policy, "OnFailure") && !str_eq_text(policy, "Never"))
		field_not_supported_str(e, &at, policy, allowed);
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const numbers[] = {"parallelism", "completions", "activeDeadlineSeconds",
		"backoffLimit", "ttlSecondsAfterFinished", NULL};
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	for (size_t i = 0; numbers[i]; i++)
		check_not_negative(e, &spec, numbers[i], json_get(c->object, STR("spec")));
	check_template(e, &tmpl, json_path(c->object, "spec.template"));
	check_restart(c, e);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const fixed[] = {"completions", "selector", "template", NULL};
	struct path spec = PATH(NULL, "spec");

	validate(c, e);
	for (size_t i = 0; fixed[i]; i++) {
		struct path at = PATH(&spec, fixed[i]);
		const struct cJSON *now =
			json_get(json_get(c->object, STR("spec")), str_from(fixed[i]));

		if (!json_equal(now, json_get(json_get(c->old, STR("spec")), str_from(fixed[i]))))
			field_invalid(e, &at, now, "field is immutable");
	}
}

static const char *const labels[] = {"status.successful", NULL};

static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	(void)label;
	return arena_print(a, "%lld", (long long)tree_int(object, "status.succeeded", 0));
}

const struct strategy strategy_jobs = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.propagation = PROPAGATE_ORPHAN,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.validate = validate,
	.validate_update = validate_update,
	.field_labels = labels,
	.field_value = value,
};
