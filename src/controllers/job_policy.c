/* Which failures count, and when enough has succeeded. */
#include "job.h"

/* ---- failure policy ---- */

static bool has_value(const struct cJSON *values, int64_t wanted)
{
	json_each (value, values) {
		int64_t n;

		if (json_int(value, &n) && n == wanted)
			return true;
	}
	return false;
}

static const struct cJSON *match_exit_codes(
	const struct cJSON *statuses, const struct cJSON *requirement)
{
	bool in = str_eq_text(tree_str(requirement, "operator"), "In");
	struct str container = tree_str(requirement, "containerName");

	json_each (status, statuses) {
		int64_t code = tree_int(status, "state.terminated.exitCode", 0);

		if (!tree_has(status, "state.terminated") || code == 0 ||
			(tree_has(requirement, "containerName") &&
				!str_eq(container, tree_str(status, "name"))))
			continue;
		if (has_value(json_path(requirement, "values"), code) == in)
			return status;
	}
	return NULL;
}

static const struct cJSON *match_conditions(const struct cJSON *pod, const struct cJSON *patterns)
{
	json_each (condition, json_path(pod, "status.conditions"))
		json_each (pattern, patterns)
			if (str_eq(tree_str(condition, "type"), tree_str(pattern, "type")) &&
				str_eq(tree_str(condition, "status"), tree_str(pattern, "status")))
				return condition;
	return NULL;
}

static enum job_action action_of(const struct cJSON *rule)
{
	struct str action = tree_str(rule, "action");

	if (str_eq_text(action, "Ignore"))
		return JOB_IGNORE;
	if (str_eq_text(action, "FailIndex"))
		return JOB_FAIL_INDEX;
	return str_eq_text(action, "FailJob") ? JOB_FAIL : JOB_COUNT;
}

static struct str exit_code_message(
	struct arena *a, const struct cJSON *pod, const struct cJSON *status, int index)
{
	return arena_print(a,
		"Container %.*s for pod %.*s/%.*s failed with exit code %lld matching FailJob "
		"rule at index %d",
		STRF(tree_str(status, "name")), STRF(tree_str(pod, "metadata.namespace")),
		STRF(tree_str(pod, "metadata.name")),
		(long long)tree_int(status, "state.terminated.exitCode", 0), index);
}

static struct str condition_message(
	struct arena *a, const struct cJSON *pod, const struct cJSON *condition, int index)
{
	return arena_print(a, "Pod %.*s/%.*s has condition %.*s matching FailJob rule at index %d",
		STRF(tree_str(pod, "metadata.namespace")), STRF(tree_str(pod, "metadata.name")),
		STRF(tree_str(condition, "type")), index);
}

enum job_action job_policy_action(
	struct arena *a, const struct cJSON *job, const struct cJSON *pod, struct str *message)
{
	int index = 0;

	json_each (rule, json_path(job, "spec.podFailurePolicy.rules")) {
		const struct cJSON *codes = json_path(rule, "onExitCodes"), *found;
		bool by_code = json_is(codes, JSON_OBJECT);

		if (by_code) {
			found = match_exit_codes(json_path(pod, "status.containerStatuses"), codes);
			if (!found)
				found = match_exit_codes(
					json_path(pod, "status.initContainerStatuses"), codes);
		} else
			found = match_conditions(pod, json_path(rule, "onPodConditions"));
		if (found) {
			enum job_action action = action_of(rule);

			if (action == JOB_FAIL && message)
				*message = by_code ? exit_code_message(a, pod, found, index)
						   : condition_message(a, pod, found, index);
			return action;
		}
		index++;
	}
	return JOB_COUNT;
}

/* ---- success policy ---- */

static bool rule_met(struct arena *a, const struct cJSON *rule, int64_t completions,
	const struct indexes *succeeded)
{
	int64_t count = tree_int(rule, "succeededCount", -1);
	struct indexes required;

	if (!tree_has(rule, "succeededIndexes"))
		return count >= 0 && indexes_total(succeeded) >= count;
	indexes_parse(a, &required, tree_str(rule, "succeededIndexes"), completions);
	int64_t shared = indexes_shared(&required, succeeded);
	return shared >= (count >= 0 ? count : indexes_total(&required));
}

bool job_success_met(struct arena *a, const struct cJSON *job, int64_t completions,
	const struct indexes *succeeded, struct str *message)
{
	int index = 0;

	if (!succeeded->count)
		return false;
	json_each (rule, json_path(job, "spec.successPolicy.rules")) {
		if (rule_met(a, rule, completions, succeeded)) {
			*message = arena_print(a, "Matched rules at index %d", index);
			return true;
		}
		index++;
	}
	return false;
}
