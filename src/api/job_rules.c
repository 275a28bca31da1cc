#include "job_rules.h"

#include "pod_update.h"

#define PARALLEL_MAX         100000 /* of an indexed job */
#define FAILED_MAX           100000
#define COMPLETIONS_EASY     100000 /* beyond it, every failed index takes its toll */
#define PARALLEL_BEYOND_EASY 10000
#define FAILED_BEYOND_EASY   10000
#define MANAGER_MAX          63

bool job_is_indexed(const struct cJSON *spec)
{
	return str_eq_text(tree_str(spec, "completionMode"), "Indexed");
}

/* ---- indexed jobs ---- */

static void check_most(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const char *name, int64_t most, const char *when)
{
	struct path at = PATH(p, name);
	int64_t value = tree_int(spec, name, 0);

	if (value > most)
		field_invalid_int(e, &at, value, "must be less than or equal to %lld%s",
			(long long)most, when);
}

static void check_many_completions(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const when =
		" when completions are above 100000 and used with backoff limit per index";
	struct path failed = PATH(p, "maxFailedIndexes");

	if (!tree_has(spec, "maxFailedIndexes"))
		field_required(e, &failed, "must be specified when completions is above %d",
			COMPLETIONS_EASY);
	check_most(e, p, spec, "parallelism", PARALLEL_BEYOND_EASY, when);
	check_most(e, p, spec, "maxFailedIndexes", FAILED_BEYOND_EASY, when);
}

static void check_indexed(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path completions_at = PATH(p, "completions"),
		    failed_at = PATH(p, "maxFailedIndexes");
	int64_t completions = tree_int(spec, "completions", INT32_MAX);
	int64_t failed = tree_int(spec, "maxFailedIndexes", 0);

	if (!tree_has(spec, "completions"))
		field_required(e, &completions_at, "when completion mode is Indexed");
	check_most(e, p, spec, "parallelism", PARALLEL_MAX, " when completion mode is Indexed");
	if (failed > completions)
		field_invalid_int(
			e, &failed_at, failed, "must be less than or equal to completions");
	check_most(e, p, spec, "maxFailedIndexes", FAILED_MAX, "");
	if (tree_int(spec, "completions", 0) > COMPLETIONS_EASY &&
		tree_has(spec, "backoffLimitPerIndex"))
		check_many_completions(e, p, spec);
}

static void check_mode(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const modes[] = {"NonIndexed", "Indexed", NULL};
	static const char *const indexed[] = {"backoffLimitPerIndex", "maxFailedIndexes", NULL};
	struct str mode = tree_str(spec, "completionMode");

	rule_choice(e, p, spec, "completionMode", modes);
	if (job_is_indexed(spec))
		check_indexed(e, p, spec);
	for (size_t i = 0; indexed[i] && (!mode.len || str_eq_text(mode, "NonIndexed")); i++) {
		struct path at = PATH(p, indexed[i]);

		if (tree_has(spec, indexed[i]))
			field_invalid(e, &at, json_get(spec, str_from(indexed[i])),
				"requires indexed completion mode");
	}
}

/* ---- the rest ---- */

static void check_manager(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "managedBy");
	struct str manager = tree_str(spec, "managedBy");

	if (!tree_has(spec, "managedBy"))
		return;
	field_check_name(e, &at, manager, name_check_prefixed);
	if (manager.len > MANAGER_MAX)
		field_too_long(e, &at, MANAGER_MAX);
}

static void check_replacement(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const all[] = {"Failed", "TerminatingOrFailed", NULL};
	static const char *const failed[] = {"Failed", NULL};

	rule_choice(e, p, spec, "podReplacementPolicy",
		tree_has(spec, "podFailurePolicy") ? failed : all);
}

static void check_restart(struct field_errors *e, const struct path *tmpl, const struct cJSON *spec)
{
	static const char *const allowed[] = {"OnFailure", "Never", NULL};
	struct path pod = PATH(tmpl, "spec"), at = PATH(&pod, "restartPolicy");
	struct str policy = tree_str(spec, "template.spec.restartPolicy");

	if (!policy.len || str_eq_text(policy, "Always")) /* the default of pods */
		field_required(e, &at, "valid values: \"OnFailure\", \"Never\"");
	else if (!rule_is_one_of(policy, allowed))
		field_not_supported_str(e, &at, policy, allowed);
	else if (tree_has(spec, "podFailurePolicy") && !str_eq_text(policy, "Never"))
		field_invalid_str(e, &at, policy,
			"only \"Never\" is supported when podFailurePolicy is specified");
}

void job_check_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const counts[] = {"parallelism", "completions", "activeDeadlineSeconds",
		"backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
		"maxFailedIndexes", NULL};
	struct path tmpl = PATH(p, "template"), per_index = PATH(p, "backoffLimitPerIndex");

	workload_check_counts(e, p, spec, counts);
	if (tree_has(spec, "maxFailedIndexes") && !tree_has(spec, "backoffLimitPerIndex"))
		field_required(e, &per_index, "when maxFailedIndexes is specified");
	check_manager(e, p, spec);
	check_mode(e, p, spec);
	if (tree_has(spec, "podFailurePolicy"))
		job_check_failure_policy(e, p, spec);
	if (tree_has(spec, "successPolicy"))
		job_check_success_policy(e, p, spec);
	check_replacement(e, p, spec);
	check_template(e, &tmpl, json_get(spec, STR("template")));
	check_restart(e, &tmpl, spec);
}

/* ---- warnings ---- */

void job_warn(struct change *c, const struct path *p, const struct cJSON *spec)
{
	_cleanup_(buf_done) struct buf at = BUF_INIT(4 * KIB);
	struct path tmpl = PATH(p, "template");

	path_print(&at, p);
	if (job_is_indexed(spec) && tree_int(spec, "completions", 0) > COMPLETIONS_EASY &&
		tree_int(spec, "parallelism", 0) > PARALLEL_BEYOND_EASY)
		change_warn(c,
			"%.*s: In Indexed Jobs with a number of completions higher than 10^5 and a "
			"parallelism higher than 10^4, Kubernetes might not be able to track "
			"completedIndexes when a big number of indexes fail",
			STRF(buf_str(&at)));
	pod_warn_template(c, &tmpl, json_get(spec, STR("template")));
}
