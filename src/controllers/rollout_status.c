/* What a Deployment's status says, conditions and progress included. */
#include "rollout.h"

#define NO_DEADLINE INT32_MAX

bool rollout_has_deadline(const struct rollout *r)
{
	return tree_int(r->d, "spec.progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE;
}

void rollout_save(struct rollout *r)
{
	assert(!r->saved);
	plan_update_status(r->plan, r->view->deployments, r->d);
	r->saved = true;
}

/* ---- conditions ---- */

static void drop_condition(struct cJSON *status, const char *type)
{
	struct cJSON *conditions = json_get(status, STR("conditions"));
	struct cJSON *found = condition_find(conditions, type);

	if (found)
		json_remove(conditions, found);
}

static void add_condition(struct arena *a, struct cJSON *status, struct rollout_condition c,
	struct str updated, struct str changed)
{
	struct cJSON *conditions = json_get(status, STR("conditions"));
	struct cJSON *fresh = json_new(a, JSON_OBJECT);

	if (!conditions) {
		conditions = json_new(a, JSON_ARRAY);
		json_set(a, status, STR("conditions"), conditions);
	}
	tree_set_str(a, fresh, "type", str_from(c.type));
	tree_set_str(a, fresh, "status", str_from(c.status));
	tree_set_str(a, fresh, "lastUpdateTime", updated);
	tree_set_str(a, fresh, "lastTransitionTime", changed);
	tree_set_str(a, fresh, "reason", str_from(c.reason));
	tree_set_str(a, fresh, "message", c.message);
	json_append(conditions, fresh);
}

void rollout_set_condition(struct rollout *r, struct cJSON *status, struct rollout_condition c)
{
	struct cJSON *had = condition_find(json_get(status, STR("conditions")), c.type);
	struct str now = time_text(r->arena, r->now), changed = now;

	if (had && str_eq_text(tree_str(had, "status"), c.status)) {
		if (str_eq_text(tree_str(had, "reason"), c.reason))
			return;
		changed = arena_str(r->arena, tree_str(had, "lastTransitionTime"));
	}
	drop_condition(status, c.type);
	add_condition(r->arena, status, c, now, changed);
}

/* Progress is told anew, with the same reason, whenever there is some. */
static void note_progress(struct rollout *r, struct cJSON *status, struct rollout_condition c)
{
	struct cJSON *had = condition_find(json_get(status, STR("conditions")), c.type);
	struct str now = time_text(r->arena, r->now), changed = now;

	if (had && str_eq_text(tree_str(had, "status"), "True"))
		changed = arena_str(r->arena, tree_str(had, "lastTransitionTime"));
	drop_condition(status, c.type);
	add_condition(r->arena, status, c, now, changed);
}

/* ---- numbers ---- */

static void set_count(struct arena *a, struct cJSON *status, const char *name, int64_t value)
{
	if (value)
		tree_set_int(a, status, name, value);
}

static struct cJSON *new_status(struct rollout *r)
{
	struct arena *a = r->arena;
	const struct cJSON *old = json_path(r->d, "status");
	struct cJSON *status = json_new(a, JSON_OBJECT);
	int64_t ready = 0, terminating = 0, available = sets_available(&r->all);

	for (size_t i = 0; i < r->all.count; i++) {
		const struct set *s = r->all.items[i];

		ready += s->ready;
		terminating =
			terminating < 0 || s->terminating < 0 ? -1 : terminating + s->terminating;
	}
	set_count(a, status, "observedGeneration", tree_int(r->d, "metadata.generation", 0));
	set_count(a, status, "replicas", sets_actual(&r->all));
	set_count(a, status, "updatedReplicas", r->fresh ? r->fresh->actual : 0);
	set_count(a, status, "readyReplicas", ready);
	set_count(a, status, "availableReplicas", available);
	set_count(a, status, "unavailableReplicas", MAX(0, sets_replicas(&r->all) - available));
	if (terminating >= 0)
		tree_set_int(a, status, "terminatingReplicas", terminating);
	if (tree_has(old, "collisionCount"))
		tree_set_int(a, status, "collisionCount", tree_int(old, "collisionCount", 0));
	if (json_count(json_path(old, "conditions")))
		tree_set(a, status, "conditions", json_copy(a, json_path(old, "conditions")));
	bool enough = available >= r->replicas - r->unavailable;
	rollout_set_condition(r, status,
		enough ? (struct rollout_condition){"Available", "True", "MinimumReplicasAvailable",
				 STR("Deployment has minimum availability.")}
		       : (struct rollout_condition){"Available", "False",
				 "MinimumReplicasUnavailable",
				 STR("Deployment does not have minimum availability.")});
	return status;
}

/* ---- progress ---- */

bool rollout_is_complete(const struct rollout *r, const struct cJSON *status)
{
	return tree_int(status, "updatedReplicas", 0) == r->replicas &&
	       tree_int(status, "replicas", 0) == r->replicas &&
	       tree_int(status, "availableReplicas", 0) == r->replicas &&
	       tree_int(status, "observedGeneration", 0) >=
		       tree_int(r->d, "metadata.generation", 0);
}

static int64_t outdated(const struct cJSON *status)
{
	return tree_int(status, "replicas", 0) - tree_int(status, "updatedReplicas", 0);
}

static bool is_progressing(const struct cJSON *old, const struct cJSON *status)
{
	static const char *const counts[] = {
		"updatedReplicas", "readyReplicas", "availableReplicas"};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (tree_int(status, counts[i], 0) > tree_int(old, counts[i], 0))
			return true;
	return outdated(status) < outdated(old);
}

static int64_t deadline_of(const struct rollout *r, const struct cJSON *condition)
{
	int64_t since = r->now;

	time_of(condition, "lastUpdateTime", &since);
	return since + tree_int(r->d, "spec.progressDeadlineSeconds", 0) * SEC;
}

static bool has_timed_out(const struct rollout *r, const struct cJSON *status)
{
	const struct cJSON *c = condition_find(json_path(status, "conditions"), "Progressing");
	struct str reason = tree_str(c, "reason");

	if (!c || str_eq_text(reason, "NewReplicaSetAvailable"))
		return false;
	return str_eq_text(reason, "ProgressDeadlineExceeded") || deadline_of(r, c) < r->now;
}

static struct str progress_text(const struct rollout *r, const char *what)
{
	if (r->fresh)
		return arena_print(r->arena, "ReplicaSet \"%.*s\" %s.", STRF(r->fresh->name), what);
	return arena_print(
		r->arena, "Deployment \"%.*s\" %s.", STRF(tree_str(r->d, "metadata.name")), what);
}

static void judge_progress(struct rollout *r, struct cJSON *status)
{
	const struct cJSON *old = json_path(r->d, "status");
	const struct cJSON *had = condition_find(json_path(old, "conditions"), "Progressing");

	if (!rollout_has_deadline(r)) {
		drop_condition(status, "Progressing");
		return;
	}
	/* Done once, it does not begin again because a pod fails. */
	if (outdated(status) == 0 && had &&
		str_eq_text(tree_str(had, "reason"), "NewReplicaSetAvailable"))
		return;
	if (rollout_is_complete(r, status))
		rollout_set_condition(r, status,
			(struct rollout_condition){"Progressing", "True", "NewReplicaSetAvailable",
				progress_text(r, "has successfully progressed")});
	else if (is_progressing(old, status))
		note_progress(r, status,
			(struct rollout_condition){"Progressing", "True", "ReplicaSetUpdated",
				progress_text(r, "is progressing")});
	else if (has_timed_out(r, status))
		rollout_set_condition(r, status,
			(struct rollout_condition){"Progressing", "False",
				"ProgressDeadlineExceeded",
				progress_text(r, "has timed out progressing")});
}

/* The newest set's failure before any other's. */
static const struct cJSON *replica_failure(const struct rollout *r)
{
	const struct cJSON *found = NULL;

	if (r->fresh)
		found = condition_find(
			json_path(r->fresh->tree, "status.conditions"), "ReplicaFailure");
	for (size_t i = 0; i < r->all.count && !found; i++)
		found = condition_find(
			json_path(r->all.items[i]->tree, "status.conditions"), "ReplicaFailure");
	return found;
}

static void take_failure(struct rollout *r, struct cJSON *status)
{
	const struct cJSON *failure = replica_failure(r);
	const struct cJSON *had = condition_find(json_path(status, "conditions"), "ReplicaFailure");
	struct str since = tree_str(failure, "lastTransitionTime");

	if (!failure) {
		drop_condition(status, "ReplicaFailure");
		return;
	}
	struct rollout_condition c = {"ReplicaFailure",
		arena_str(r->arena, tree_str(failure, "status")).at,
		arena_str(r->arena, tree_str(failure, "reason")).at, tree_str(failure, "message")};
	struct str changed = since;
	if (had && str_eq_text(tree_str(had, "status"), c.status)) {
		if (str_eq_text(tree_str(had, "reason"), c.reason))
			return;
		changed = arena_str(r->arena, tree_str(had, "lastTransitionTime"));
	}
	drop_condition(status, c.type);
	add_condition(r->arena, status, c, since, changed);
}

/* Nothing will tell when the deadline has passed: come and look. */
static void wait_for_deadline(struct rollout *r, const struct cJSON *status)
{
	const struct cJSON *c = condition_find(json_path(status, "conditions"), "Progressing");

	if (!c || !rollout_has_deadline(r) || rollout_is_complete(r, status) ||
		str_eq_text(tree_str(c, "reason"), "ProgressDeadlineExceeded"))
		return;
	plan_requeue_after(r->plan, MAX(deadline_of(r, c) - r->now, 0) + SEC);
}

void rollout_status(struct rollout *r, bool progress)
{
	struct cJSON *status = new_status(r);
	const struct cJSON *conditions;

	if (progress) {
		judge_progress(r, status);
		take_failure(r, status);
	}
	conditions = json_path(status, "conditions");
	if (conditions && !json_count(conditions))
		tree_drop(status, "conditions");
	if (json_equal(status, json_path(r->d, "status"))) {
		if (progress)
			wait_for_deadline(r, status);
		return;
	}
	tree_set(r->arena, r->d, "status", status);
	rollout_save(r);
}
