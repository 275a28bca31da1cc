/* Job */
#include "job_rules.h"
#include "pod_update.h"

static void default_int(struct change *c, const char *path, int64_t value)
{
	if (!tree_has(c->object, path))
		tree_set_int(c->arena, c->object, path, value);
}

/*
 * A job without labels has those of its pods: upstream makes both one map, and what is generated
 * for the one is in the other. Shared texts tell them from labels that were sent and are equal.
 */
static void take_labels(struct change *c)
{
	const struct cJSON *labels = json_path(c->object, "spec.template.metadata.labels");

	if (!json_count(labels) || json_count(json_path(c->object, "metadata.labels")))
		return;
	struct cJSON *own = json_new(c->arena, JSON_OBJECT);
	json_each (label, labels)
		json_add(c->arena, own, json_key(label), json_share(c->arena, label));
	tree_set(c->arena, c->object, "metadata.labels", own);
}

static bool has_taken_labels(const struct cJSON *job)
{
	const struct cJSON *labels = json_path(job, "spec.template.metadata.labels");
	const struct cJSON *own = json_path(job, "metadata.labels");

	json_each (label, own)
		if (json_str(json_get(labels, json_key(label))).at != json_str(label).at)
			return false;
	return json_count(own) && json_count(own) == json_count(labels);
}

static void defaults(struct change *c)
{
	if (!tree_has(c->object, "spec.completions") && !tree_has(c->object, "spec.parallelism"))
		tree_set_int(c->arena, c->object, "spec.completions", 1);
	default_int(c, "spec.parallelism", 1);
	default_int(c, "spec.backoffLimit",
		tree_has(c->object, "spec.backoffLimitPerIndex") ? INT32_MAX : 6);
	take_labels(c);
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

#define UID_LABEL  "batch.kubernetes.io/controller-uid"
#define NAME_LABEL "batch.kubernetes.io/job-name"

/* Pods are told apart by the job's uid, unless the client says how. */
static void prepare_create(struct change *c)
{
	struct str uid = tree_str(c->object, "metadata.uid");
	struct cJSON *labels, *match;
	bool taken = has_taken_labels(c->object);

	if (tree_true(c->object, "spec.manualSelector"))
		return;
	if (!json_path(c->object, "spec.template.metadata.labels"))
		tree_set(c->arena, c->object, "spec.template.metadata.labels",
			json_new(c->arena, JSON_OBJECT));
	labels = json_path(c->object, "spec.template.metadata.labels");
	set_label(c, labels, "controller-uid", uid);
	set_label(c, labels, "job-name", c->name);
	set_label(c, labels, UID_LABEL, uid);
	set_label(c, labels, NAME_LABEL, c->name);
	if (taken)
		tree_set(c->arena, c->object, "metadata.labels", json_copy(c->arena, labels));
	if (!json_path(c->object, "spec.selector.matchLabels"))
		tree_set(c->arena, c->object, "spec.selector.matchLabels",
			json_new(c->arena, JSON_OBJECT));
	match = json_path(c->object, "spec.selector.matchLabels");
	set_label(c, match, UID_LABEL, uid);
}

/* ---- what was generated is there ---- */

static void check_label(struct change *c, struct field_errors *e, const char *key, struct str value)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");
	struct path meta = PATH(&tmpl, "metadata"), list = PATH(&meta, "labels");
	struct path at = PATH_KEY(&list, str_from(key));
	const struct cJSON *labels = json_path(c->object, "spec.template.metadata.labels");
	const struct cJSON *label = json_get(labels, str_from(key));

	if (!label)
		field_required(e, &at, "must be '%.*s'", STRF(value));
	else if (!str_eq(json_str(label), value))
		field_invalid(e, &at, labels, "must be '%.*s'", STRF(value));
}

static void check_generated(struct change *c, struct field_errors *e)
{
	static const char *const uids[] = {"controller-uid", UID_LABEL};
	static const char *const names[] = {"job-name", NAME_LABEL};
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "selector");
	struct str uid = tree_str(c->object, "metadata.uid");
	const struct cJSON *selector = json_path(c->object, "spec.selector");
	struct cJSON *expected = json_new(c->arena, JSON_OBJECT);
	struct selector parsed;

	if (tree_true(c->object, "spec.manualSelector") || !selector)
		return;
	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		check_label(c, e, uids[i], uid);
		check_label(c, e, names[i], c->name);
		set_label(c, expected, uids[i], uid);
		set_label(c, expected, names[i], c->name);
	}
	if (!label_selector_from(c->arena, selector, &parsed, NULL) &&
		!label_selector_matches(&parsed, expected))
		field_invalid(e, &at, selector, "`selector` not auto-generated");
}

/* ---- all of it ---- */

static void check_spec(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), at = PATH(&spec_at, "selector");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *selector = json_get(spec, STR("selector"));
	struct label_selector_rules rules = {0};

	job_check_spec(e, &spec_at, spec);
	if (!selector)
		field_required(e, &at, "%s", "");
	check_label_selector(e, &at, selector, rules);
	workload_check_match(e, &spec_at, spec, selector);
}

static void validate(struct change *c, struct field_errors *e)
{
	check_generated(c, e);
	check_spec(c, e);
}

static void check_completions(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), at = PATH(&spec_at, "completions");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *now = json_get(spec, STR("completions"));

	if (!job_is_indexed(spec))
		rule_immutable(e, &spec_at, spec, json_get(c->old, STR("spec")), "completions");
	else if (now && !json_equal(now, json_path(c->old, "spec.completions")) &&
		 !json_equal(now, json_get(spec, STR("parallelism"))))
		field_invalid(e, &at, now, "can only be modified in tandem with spec.parallelism");
}

/* ---- the template ---- */

/* Of a job that rests, where its pods may run and what they may use is still open. */
static void drop_open(struct cJSON *tmpl)
{
	static const char *const open[] = {"metadata.labels", "metadata.annotations",
		"spec.nodeSelector", "spec.tolerations", "spec.schedulingGates",
		"spec.affinity.nodeAffinity", NULL};
	static const char *const lists[] = {"spec.containers", "spec.initContainers", NULL};

	for (size_t i = 0; open[i]; i++)
		tree_drop(tmpl, open[i]);
	if (!json_count(json_path(tmpl, "spec.affinity")))
		tree_drop(tmpl, "spec.affinity");
	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_path(tmpl, lists[i]))
			tree_drop(container, "resources");
}

static bool rests(const struct cJSON *job)
{
	return tree_true(job, "spec.suspend") && tree_int(job, "status.active", 0) == 0;
}

static void check_template_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");
	struct path pod = PATH(&tmpl, "spec");
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	const struct cJSON *now = json_path(c->object, "spec.template");
	const struct cJSON *old = json_path(c->old, "spec.template");
	struct cJSON *now_rest, *old_rest;

	if (json_equal(now, old))
		return;
	if (!rests(c->old)) {
		pod_template_print(&text, c->arena, now);
		field_invalid_raw(e, &tmpl, buf_str(&text), "field is immutable");
		return;
	}
	now_rest = json_copy(c->arena, now);
	old_rest = json_copy(c->arena, old);
	drop_open(now_rest);
	drop_open(old_rest);
	if (json_equal(now_rest, old_rest))
		return;
	pod_spec_print(&text, c->arena, json_get(now, STR("spec")));
	field_invalid_raw(e, &pod, buf_str(&text), "field is immutable");
}

static void check_fixed(struct change *c, struct field_errors *e, const char *name)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, name);
	const struct cJSON *now = json_get(json_get(c->object, STR("spec")), str_from(name));
	const struct schema_field *f = schema_field(SCHEMA(batch_v1, JobSpec), str_from(name));

	if (json_equal(now, json_get(json_get(c->old, STR("spec")), str_from(name))))
		return;
	if (now && f->kind == KIND_OBJECT)
		workload_invalid(e, &at, f->of, now, "field is immutable");
	else
		field_invalid(e, &at, now, "field is immutable");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const fixed[] = {"completionMode", "podFailurePolicy",
		"backoffLimitPerIndex", "managedBy", "successPolicy", NULL};

	validate(c, e); /* as a new one, and once more as a changed one */
	check_spec(c, e);
	check_completions(c, e);
	check_fixed(c, e, "selector");
	check_template_update(c, e);
	for (size_t i = 0; fixed[i]; i++)
		check_fixed(c, e, fixed[i]);
}

static void warn(struct change *c)
{
	struct path spec = PATH(NULL, "spec");

	workload_warn_name(c);
	if (!workload_is_quiet(c))
		job_warn(c, &spec, json_get(c->object, STR("spec")));
}

/* ---- selecting ---- */

static const char *const labels[] = {"status.successful", NULL};

static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	(void)label;
	return arena_print(a, "%lld", (long long)tree_int(object, "status.succeeded", 0));
}

const struct strategy strategy_jobs = {
	.template_spec = "spec.template.spec",
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.propagation = PROPAGATE_ORPHAN,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = job_check_status,
	.settle = take_labels,
	.warn = warn,
	.field_labels = labels,
	.field_value = value,
};
