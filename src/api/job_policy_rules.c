/* What a job does about its failed pods, when it counts as done, and the lists of indexes. */
#include "job_rules.h"

#define RULES_MAX         20
#define CONDITIONS_MAX    20
#define EXIT_CODES_MAX    255
#define INDEXES_BYTES_MAX (64 * 1024)

/* ---- indexes ---- */

static int parse_index(struct str text, int64_t completions, int64_t *index, struct err *err)
{
	if (!str_to_i64(text, index))
		return err_set(err, ERR_BAD_REQUEST,
			"cannot convert string to integer for index: \"%.*s\"", STRF(text));
	if (*index >= completions)
		return err_set(err, ERR_BAD_REQUEST, "too large index: \"%.*s\"", STRF(text));
	return 0;
}

/* "3" or "3-5", behind `last`. */
static int parse_interval(struct str text, int64_t completions, int64_t last, int64_t *from,
	int64_t *to, struct err *err)
{
	struct str first = text, second = {0};
	bool two = str_cut(text, '-', &first, &second);

	if (str_find_char(second, '-') >= 0)
		return err_set(err, ERR_BAD_REQUEST,
			"the fragment \"%.*s\" violates the requirement that an index interval can "
			"have at most two parts separated by '-'",
			STRF(text));
	if (parse_index(first, completions, from, err))
		return -1;
	if (last >= *from)
		return err_set(err, ERR_BAD_REQUEST,
			"non-increasing order, previous: %lld, current: %lld", (long long)last,
			(long long)*from);
	*to = *from;
	if (!two)
		return 0;
	if (parse_index(second, completions, to, err))
		return -1;
	if (*to <= *from)
		return err_set(err, ERR_BAD_REQUEST,
			"non-increasing order, previous: %lld, current: %lld", (long long)*from,
			(long long)*to);
	return 0;
}

int64_t job_count_indexes(struct str text, int64_t completions, struct err *err)
{
	struct str rest = text, part;
	int64_t total = 0, from, to = -1;

	while (text.len && str_next(&rest, ',', &part)) {
		if (parse_interval(part, completions, total ? to : INT64_MIN, &from, &to, err))
			return -1;
		total += to - from + 1;
	}
	return total;
}

static bool next_interval(struct str *rest, int64_t *from, int64_t *to)
{
	struct str part;

	return str_next(rest, ',', &part) &&
	       !parse_interval(part, INT64_MAX, INT64_MIN, from, to, NULL);
}

bool job_indexes_overlap(struct str a, struct str b, int64_t *index)
{
	int64_t a_from, a_to, b_from, b_to;
	bool more = next_interval(&a, &a_from, &a_to) && next_interval(&b, &b_from, &b_to);

	while (more) {
		if (a_from <= b_to && b_from <= a_to) {
			*index = a_from > b_from ? a_from : b_from;
			return true;
		}
		more = a_to < b_to ? next_interval(&a, &a_from, &a_to)
				   : next_interval(&b, &b_from, &b_to);
	}
	return false;
}

/* ---- success ---- */

static void check_success_rule(
	struct field_errors *e, const struct path *p, const struct cJSON *rule, int64_t completions)
{
	struct path indexes_at = PATH(p, "succeededIndexes"), at = PATH(p, "succeededCount");
	_cleanup_(err_done) struct err err = {0};
	struct str indexes = tree_str(rule, "succeededIndexes");
	int64_t count = tree_int(rule, "succeededCount", 0), total = 0;

	if (!tree_has(rule, "succeededCount") && !tree_has(rule, "succeededIndexes"))
		field_required(e, p,
			"at least one of succeededCount or succeededIndexes must be specified");
	if (indexes.len > INDEXES_BYTES_MAX)
		field_too_long(e, &indexes_at, INDEXES_BYTES_MAX);
	total = job_count_indexes(indexes, completions, &err);
	if (total < 0)
		field_invalid_str(e, &indexes_at, indexes, "error parsing succeededIndexes: %s",
			err_text(&err));
	check_not_negative(e, p, "succeededCount", rule);
	if (count > completions)
		field_invalid_int(e, &at, count,
			"must be less than or equal to %lld (the number of specified completions)",
			(long long)completions);
	if (tree_has(rule, "succeededIndexes") && count > (total < 0 ? 0 : total))
		field_invalid_int(e, &at, count,
			"must be less than or equal to %lld (the number of indexes in the "
			"specified succeededIndexes field)",
			(long long)(total < 0 ? 0 : total));
}

void job_check_success_policy(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "successPolicy"), list = PATH(&at, "rules");
	const struct cJSON *policy = json_get(spec, STR("successPolicy"));
	const struct cJSON *rules = json_get(policy, STR("rules"));
	size_t i = 0;

	if (!job_is_indexed(spec)) {
		workload_invalid(e, &at, SCHEMA(batch_v1, SuccessPolicy), policy,
			"requires indexed completion mode");
		return;
	}
	if (!json_count(rules))
		field_required(e, &list,
			"at least one rules must be specified when the successPolicy is specified");
	if (json_count(rules) > RULES_MAX)
		field_too_many(e, &list, (int64_t)json_count(rules), RULES_MAX);
	json_each (rule, rules) {
		struct path item = PATH_INDEX(&list, i++);

		check_success_rule(e, &item, rule, tree_int(spec, "completions", 0));
	}
}

/* ---- failure ---- */

static bool has_container(const struct cJSON *spec, struct str name)
{
	static const char *const lists[] = {
		"template.spec.containers", "template.spec.initContainers", NULL};

	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_path(spec, lists[i]))
			if (str_eq(tree_str(container, "name"), name))
				return true;
	return false;
}

static bool number_came_before(const struct cJSON *list, const struct cJSON *item)
{
	json_each (earlier, list) {
		if (earlier == item)
			return false;
		if (json_equal(earlier, item))
			return true;
	}
	return false;
}

static void check_exit_values(
	struct field_errors *e, const struct path *p, const struct cJSON *requirement)
{
	struct path list_at = PATH(p, "values");
	const struct cJSON *list = json_get(requirement, STR("values"));
	bool in = str_eq_text(tree_str(requirement, "operator"), "In"), ordered = true;
	int64_t previous = INT64_MIN, code = 0;
	size_t i = 0;

	if (!json_count(list))
		field_invalid(e, &list_at, list, "at least one value is required");
	if (json_count(list) > EXIT_CODES_MAX) { /* enough is said of it */
		field_too_many(e, &list_at, (int64_t)json_count(list), EXIT_CODES_MAX);
		return;
	}
	json_each (value, list) {
		struct path at = PATH_INDEX(&list_at, i++);

		json_int(value, &code);
		if (in && !code)
			field_invalid_int(e, &at, code, "must not be 0 for the In operator");
		if (number_came_before(list, value))
			field_duplicate(e, &at, value);
		ordered &= previous <= code;
		previous = code;
	}
	if (!ordered)
		field_invalid(e, &list_at, list, "must be ordered");
}

static void check_exit_codes(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct cJSON *requirement)
{
	static const char *const operators[] = {"In", "NotIn", NULL};
	struct path operator_at = PATH(p, "operator"), container_at = PATH(p, "containerName");
	struct str container = tree_str(requirement, "containerName");

	if (!tree_str(requirement, "operator").len)
		field_required(e, &operator_at, "valid values: [\"In\" \"NotIn\"]");
	else
		rule_choice(e, p, requirement, "operator", operators);
	if (tree_has(requirement, "containerName") && !has_container(spec, container))
		field_invalid_str(e, &container_at, container,
			"must be one of the container or initContainer names in the pod template");
	check_exit_values(e, p, requirement);
}

static void check_conditions(
	struct field_errors *e, const struct path *p, const struct cJSON *patterns)
{
	static const char *const words[] = {"False", "True", "Unknown", NULL};
	size_t i = 0;

	if (json_count(patterns) > CONDITIONS_MAX)
		field_too_many(e, p, (int64_t)json_count(patterns), CONDITIONS_MAX);
	json_each (pattern, patterns) {
		struct path item = PATH_INDEX(p, i++), type = PATH(&item, "type");
		struct path status = PATH(&item, "status");

		field_check_name(e, &type, tree_str(pattern, "type"), name_check_qualified);
		if (!tree_str(pattern, "status").len)
			field_required(
				e, &status, "valid values: [\"False\" \"True\" \"Unknown\"]");
		else
			rule_choice(e, &item, pattern, "status", words);
	}
}

static void check_action(struct field_errors *e, const struct path *p, const struct cJSON *rule,
	const struct cJSON *spec)
{
	static const char *const actions[] = {"Count", "FailIndex", "FailJob", "Ignore", NULL};
	struct path at = PATH(p, "action");
	struct str action = tree_str(rule, "action");

	if (!action.len)
		field_required(
			e, &at, "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
	else if (!str_eq_text(action, "FailIndex"))
		rule_choice(e, p, rule, "action", actions);
	else if (!tree_has(spec, "backoffLimitPerIndex"))
		field_invalid_str(e, &at, action, "requires the backoffLimitPerIndex to be set");
}

static void check_failure_rule(struct field_errors *e, const struct path *p,
	const struct cJSON *rule, const struct cJSON *spec)
{
	struct path codes_at = PATH(p, "onExitCodes"), patterns_at = PATH(p, "onPodConditions");
	const struct cJSON *codes = json_get(rule, STR("onExitCodes"));
	const struct cJSON *patterns = json_get(rule, STR("onPodConditions"));

	check_action(e, p, rule, spec);
	if (codes)
		check_exit_codes(e, &codes_at, spec, codes);
	check_conditions(e, &patterns_at, patterns);
	if (codes && json_count(patterns))
		field_invalid_raw(e, p, STR(""),
			"specifying both OnExitCodes and OnPodConditions is not supported");
	else if (!codes && !json_count(patterns))
		field_invalid_raw(e, p, STR(""),
			"specifying one of OnExitCodes and OnPodConditions is required");
}

void job_check_failure_policy(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "podFailurePolicy"), list = PATH(&at, "rules");
	const struct cJSON *rules = json_path(spec, "podFailurePolicy.rules");
	size_t i = 0;

	if (json_count(rules) > RULES_MAX)
		field_too_many(e, &list, (int64_t)json_count(rules), RULES_MAX);
	json_each (rule, rules) {
		struct path item = PATH_INDEX(&list, i++);

		check_failure_rule(e, &item, rule, spec);
	}
}
