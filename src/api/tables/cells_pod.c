/* Pods: readiness, restarts and the one word of their state. */
#include "cells_own.h"

#include <kube/time.h>

static bool status_running(const struct cJSON *status)
{
	return tree_has(status, "state.running");
}

/* An init container that runs beside the others: a sidecar. */
static bool restartable(const struct table_row *row, struct str name)
{
	json_each (container, json_path(row->object, "spec.initContainers"))
		if (str_eq(tree_str(container, "name"), name))
			return str_eq_text(tree_str(container, "restartPolicy"), "Always");
	return false;
}

void cell_pod_ready(struct table_row *row, const char *argument)
{
	size_t total = json_count(json_path(row->object, "spec.containers")), ready = 0;

	(void)argument;
	json_each (container, json_path(row->object, "spec.initContainers"))
		total += str_eq_text(tree_str(container, "restartPolicy"), "Always");
	json_each (status, json_path(row->object, "status.initContainerStatuses"))
		ready += restartable(row, tree_str(status, "name")) &&
			 tree_true(status, "started") && tree_true(status, "ready");
	json_each (status, json_path(row->object, "status.containerStatuses"))
		ready += tree_true(status, "ready") && status_running(status);
	row_add(row, arena_print(row->arena, "%zu/%zu", ready, total));
}

/* ---- the state ---- */

static struct str terminated_word(
	struct table_row *row, const struct cJSON *terminated, const char *prefix)
{
	struct str reason = tree_str(terminated, "reason");

	if (reason.len)
		return arena_print(row->arena, "%s%.*s", prefix, STRF(reason));
	if (tree_int(terminated, "signal", 0))
		return arena_print(row->arena, "%sSignal:%lld", prefix,
			(long long)tree_int(terminated, "signal", 0));
	return arena_print(row->arena, "%sExitCode:%lld", prefix,
		(long long)tree_int(terminated, "exitCode", 0));
}

/* Is this init container over, or a sidecar that has started? */
static bool init_passed(const struct table_row *row, const struct cJSON *status)
{
	const struct cJSON *terminated = json_path(status, "state.terminated");

	if (terminated && tree_int(terminated, "exitCode", 0) == 0)
		return true;
	return restartable(row, tree_str(status, "name")) && tree_true(status, "started");
}

/* The word of the first init container that holds up the rest; false: none does. */
static bool initializing(struct table_row *row, struct str *word)
{
	size_t index = 0;

	json_each (status, json_path(row->object, "status.initContainerStatuses")) {
		struct str waiting = tree_str(status, "state.waiting.reason");

		if (init_passed(row, status)) {
			index++;
			continue;
		}
		if (tree_has(status, "state.terminated"))
			*word = terminated_word(
				row, json_path(status, "state.terminated"), "Init:");
		else if (waiting.len && !str_eq_text(waiting, "PodInitializing"))
			*word = arena_print(row->arena, "Init:%.*s", STRF(waiting));
		else
			*word = arena_print(row->arena, "Init:%zu/%zu", index,
				json_count(json_path(row->object, "spec.initContainers")));
		return true;
	}
	return false;
}

static bool condition_true(const struct table_row *row, const char *type)
{
	return str_eq_text(tree_str(row_condition(row, type), "status"), "True");
}

/* The containers from last to first: the first one's word wins, errors are remembered. */
static struct str running_word(struct table_row *row, struct str word)
{
	const struct cJSON *statuses = json_path(row->object, "status.containerStatuses");
	struct str failed = {0};
	bool runs = false;

	for (size_t i = json_count(statuses); i-- > 0;) {
		const struct cJSON *status = json_at(statuses, i);
		const struct cJSON *terminated = json_path(status, "state.terminated");
		struct str waiting = tree_str(status, "state.waiting.reason");

		if (waiting.len) {
			word = waiting;
		} else if (terminated) {
			word = terminated_word(row, terminated, "");
			if (tree_int(terminated, "exitCode", 0) != 0)
				failed = word;
		} else if (tree_true(status, "ready") && status_running(status)) {
			runs = true;
		}
	}
	if (!str_eq_text(word, "Completed"))
		return word;
	if (runs && condition_true(row, "Ready"))
		return STR("Running");
	if (failed.len)
		return failed;
	return runs ? STR("NotReady") : word;
}

void cell_pod_status(struct table_row *row, const char *argument)
{
	struct str phase = tree_str(row->object, "status.phase");
	struct str reason = tree_str(row->object, "status.reason");
	struct str word = reason.len ? reason : phase;
	const struct cJSON *scheduled = row_condition(row, "PodScheduled");

	(void)argument;
	if (str_eq_text(tree_str(scheduled, "reason"), "SchedulingGated"))
		word = STR("SchedulingGated");
	bool init = initializing(row, &word);
	if (!init || condition_true(row, "Initialized"))
		word = running_word(row, word);
	if (tree_has(row->object, "metadata.deletionTimestamp")) {
		if (str_eq_text(reason, "NodeLost"))
			word = STR("Unknown");
		else if (!str_eq_text(phase, "Succeeded") && !str_eq_text(phase, "Failed"))
			word = STR("Terminating");
	}
	row_add(row, word);
}

struct cJSON *pod_conditions(struct arena *a, const struct cJSON *object)
{
	struct str phase = tree_str(object, "status.phase");
	bool succeeded = str_eq_text(phase, "Succeeded");

	if (!succeeded && !str_eq_text(phase, "Failed"))
		return NULL;
	struct cJSON *list = json_new(a, JSON_ARRAY), *condition = json_new(a, JSON_OBJECT);
	tree_set_str(a, condition, "type", STR("Completed"));
	tree_set_str(a, condition, "status", STR("True"));
	tree_set_str(a, condition, "reason", phase);
	tree_set_str(a, condition, "message",
		succeeded ? STR("The pod has completed successfully.") : STR("The pod failed."));
	json_append(list, condition);
	return list;
}

/* ---- restarts ---- */

/* No container has ended; times as early as this one are a little later. */
#define NEVER INT64_MIN

static void count_restarts(const struct cJSON *status, int64_t *sum, int64_t *last)
{
	int64_t finished;

	*sum += tree_int(status, "restartCount", 0);
	if (time_parse(tree_str(status, "lastState.terminated.finishedAt"), &finished, NULL))
		return;
	finished = MAX(finished, NEVER + 1);
	*last = MAX(*last, finished);
}

/* While init containers run, theirs count up to the one that holds up; then the others'. */
static void sum_restarts(struct table_row *row, int64_t *sum, int64_t *last)
{
	int64_t side_sum = 0, side_last = NEVER;
	bool held_up = false;

	json_each (status, json_path(row->object, "status.initContainerStatuses")) {
		count_restarts(status, sum, last);
		if (restartable(row, tree_str(status, "name")))
			count_restarts(status, &side_sum, &side_last);
		if (!init_passed(row, status)) {
			held_up = true;
			break;
		}
	}
	if (held_up && !condition_true(row, "Initialized"))
		return;
	*sum = side_sum;
	*last = side_last;
	json_each (status, json_path(row->object, "status.containerStatuses"))
		count_restarts(status, sum, last);
}

void cell_restarts(struct table_row *row, const char *argument)
{
	int64_t sum = 0, last = NEVER;
	_cleanup_(buf_done) struct buf text = BUF_INIT(128);

	(void)argument;
	sum_restarts(row, &sum, &last);
	buf_add_i64(&text, sum);
	if (sum && last != NEVER) {
		buf_add_text(&text, " (");
		duration_print_human(&text, time_between(last, row->now));
		buf_add_text(&text, " ago)");
	}
	row_add(row, buf_str(&text));
}

void cell_gates(struct table_row *row, const char *argument)
{
	const struct cJSON *gates = json_path(row->object, "spec.readinessGates");
	size_t open = 0;

	(void)argument;
	json_each (gate, gates) {
		struct str type = tree_str(gate, "conditionType");

		open += condition_true(row, arena_str(row->arena, type).at);
	}
	if (json_count(gates))
		row_add(row, arena_print(row->arena, "%zu/%zu", open, json_count(gates)));
	else
		row_add(row, STR("<none>"));
}
