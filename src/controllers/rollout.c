/* What is to be done about a Deployment, from the top: pause, rollback, scaling, rollout. */
#include "rollout.h"

#include <stdlib.h>

#define NO_LIMIT INT32_MAX

static void plan_confirmed_claims(struct rollout *r, struct trees *mine)
{
	struct selector selector = selector_of(r->arena, json_path(r->d, "spec.selector"));
	struct claim claim = {.owner = r->view->deployment,
		.owner_resource = r->view->deployments,
		.resource = r->view->sets_resource,
		.selector = &selector};
	struct trees candidates = {0};

	for (size_t i = 0; i < r->view->sets.count; i++)
		trees_add(r->arena, &candidates, r->view->sets.items[i]);
	claim_all(r->plan, &claim, &candidates, mine);
}

/* ---- pause ---- */

/* True: the condition says something new, and that is all for now. */
static bool note_pause(struct rollout *r)
{
	bool paused = tree_true(r->d, "spec.paused");
	const struct cJSON *c = condition_find(json_path(r->d, "status.conditions"), "Progressing");
	bool noted = c && str_eq_text(tree_str(c, "reason"), "DeploymentPaused");

	if (!rollout_has_deadline(r) || paused == noted ||
		(c && str_eq_text(tree_str(c, "reason"), "ProgressDeadlineExceeded")))
		return false;
	rollout_set_condition(r, json_path(r->d, "status"),
		paused ? (struct rollout_condition){"Progressing", "Unknown", "DeploymentPaused",
				 STR("Deployment is paused")}
		       : (struct rollout_condition){"Progressing", "Unknown", "DeploymentResumed",
				 STR("Deployment is resumed")});
	rollout_save(r);
	return true;
}

/* ---- rollback, as extensions/v1beta1 asks for it ---- */

/* Annotations of the set come back, those about the rollout itself stay. */
static void take_notes_of(struct rollout *r, const struct set *s)
{
	struct cJSON *notes = json_new(r->arena, JSON_OBJECT);

	json_each (note, json_path(s->tree, "metadata.annotations"))
		if (!rollout_skips_note(json_key(note)))
			json_set(r->arena, notes, json_key(note), json_copy(r->arena, note));
	json_each (note, json_path(r->d, "metadata.annotations"))
		if (rollout_skips_note(json_key(note)))
			json_set(r->arena, notes, json_key(note), json_copy(r->arena, note));
	tree_set(r->arena, r->d, "metadata.annotations", notes);
}

static void save_rolled_back(struct rollout *r)
{
	struct cJSON *notes = json_path(r->d, "metadata.annotations");

	json_remove(notes, json_get(notes, STR(NOTE_ROLLBACK_TO)));
	plan_update(r->plan, r->view->deployments, r->d);
}

static void roll_back_to(struct rollout *r, const struct set *s)
{
	struct arena *a = r->arena;
	struct str name = tree_str(r->d, "metadata.name");
	const struct cJSON *template = json_path(s->tree, "spec.template");
	bool same = rollout_same_template(a, template, json_path(r->d, "spec.template"));

	if (same)
		plan_event(r->plan, r->d, "Warning", "DeploymentRollbackTemplateUnchanged",
			arena_print(a,
				"The rollback revision contains the same template as current "
				"deployment \"%.*s\"",
				STRF(name)));
	else {
		struct cJSON *copy = json_copy(a, template);
		struct cJSON *labels = json_path(copy, "metadata.labels");

		json_remove(labels, json_get(labels, STR(LABEL_HASH)));
		tree_set(a, r->d, "spec.template", copy);
		take_notes_of(r, s);
	}
	save_rolled_back(r);
	if (!same)
		plan_event(r->plan, r->d, "Normal", "DeploymentRollback",
			arena_print(a, "Rolled back deployment \"%.*s\" to revision %lld",
				STRF(name), (long long)s->revision));
}

/* The second newest. */
static int64_t last_revision(const struct rollout *r)
{
	int64_t first = 0, second = 0;

	for (size_t i = 0; i < r->all.count; i++) {
		int64_t revision = r->all.items[i]->revision;

		if (revision >= first) {
			second = first;
			first = revision;
		} else
			second = MAX(second, revision);
	}
	return second;
}

static void roll_back(struct rollout *r, int64_t revision)
{
	const char *why = "Unable to find the revision to rollback to.";

	if (!rollout_sync_revision(r, true))
		return;
	if (!revision)
		why = "Unable to find last revision.";
	revision = revision ? revision : last_revision(r);
	for (size_t i = 0; i < r->all.count && revision; i++)
		if (r->all.items[i]->revision == revision) {
			roll_back_to(r, r->all.items[i]);
			return;
		}
	plan_event(r->plan, r->d, "Warning", "DeploymentRollbackRevisionNotFound", str_from(why));
	save_rolled_back(r);
}

/* ---- history ---- */

static int by_revision(const void *left, const void *right)
{
	const struct set *a = *(struct set *const *)left, *b = *(struct set *const *)right;

	if (a->revision != b->revision)
		return a->revision < b->revision ? -1 : 1;
	return a->created < b->created ? -1 : a->created > b->created;
}

static void trim_history(struct rollout *r)
{
	int64_t limit = tree_int(r->d, "spec.revisionHistoryLimit", NO_LIMIT);
	struct sets there = {
		.items = arena_new(r->arena, (r->old.count + 1) * sizeof(struct set *))};

	for (size_t i = 0; i < r->old.count; i++)
		if (!is_being_deleted(r->old.items[i]->tree))
			there.items[there.count++] = r->old.items[i];
	if (limit == NO_LIMIT || (int64_t)there.count <= limit)
		return;
	qsort(there.items, there.count, sizeof(struct set *), by_revision);
	for (size_t i = 0; i < there.count - (size_t)limit; i++) {
		const struct cJSON *tree = there.items[i]->tree;

		if (there.items[i]->actual || there.items[i]->replicas || there.items[i]->written ||
			tree_int(tree, "metadata.generation", 0) >
				tree_int(tree, "status.observedGeneration", 0))
			continue;
		plan_delete(r->plan, r->view->sets_resource, tree_str(tree, "metadata.namespace"),
			there.items[i]->name, tree_str(tree, "metadata.uid"), NULL);
	}
}

/* ---- the strategies ---- */

static void sync_scale(struct rollout *r)
{
	if (!rollout_sync_revision(r, false))
		return;
	rollout_scale_all(r);
	if (tree_true(r->d, "spec.paused") && !note_text(r->d, NOTE_ROLLBACK_TO).len)
		trim_history(r);
	rollout_status(r, false);
}

static void roll(struct rollout *r)
{
	if (!rollout_sync_revision(r, true))
		return;
	if (!rollout_scale_up(r) && !rollout_scale_down(r) &&
		rollout_is_complete(r, json_path(r->d, "status")))
		trim_history(r);
	rollout_status(r, true);
}

/* Terminating ones count, too: two of the kind must never be there at once. */
static bool old_pods_run(const struct rollout *r)
{
	if (sets_actual(&r->old) > 0)
		return true;
	for (size_t i = 0; i < r->view->pods.count; i++) {
		const struct cJSON *pod = r->view->pods.items[i];

		if (!pod_is_finished(pod) && !(r->fresh && is_controlled_by(pod, r->fresh->tree)))
			return true;
	}
	return false;
}

static void recreate(struct rollout *r)
{
	bool scaled = false;

	if (!rollout_sync_revision(r, false))
		return;
	for (size_t i = 0; i < r->old.count; i++)
		if (r->old.items[i]->replicas > 0)
			scaled |= rollout_scale(r, r->old.items[i], 0);
	if (!scaled && !old_pods_run(r)) {
		if (!r->fresh && !rollout_sync_revision(r, true))
			return;
		if (r->fresh->replicas != r->replicas)
			rollout_scale(r, r->fresh, r->replicas);
		if (rollout_is_complete(r, json_path(r->d, "status")))
			trim_history(r);
	}
	rollout_status(r, true);
}

/* An empty selector would take every pod there is. */
static bool selects_all(struct rollout *r)
{
	int64_t generation = tree_int(r->d, "metadata.generation", 0);

	if (json_count(json_path(r->d, "spec.selector.matchLabels")) ||
		json_count(json_path(r->d, "spec.selector.matchExpressions")))
		return false;
	plan_event(r->plan, r->d, "Warning", "SelectingAll",
		STR("This deployment is selecting all pods. A non-empty selector is required."));
	if (tree_int(r->d, "status.observedGeneration", 0) < generation) {
		tree_set_int(r->arena, r->d, "status.observedGeneration", generation);
		rollout_save(r);
	}
	return true;
}

static struct rollout *rollout_begin(const struct deployment_view *v, int64_t now, struct plan *p)
{
	struct rollout *r = arena_new(p->arena, sizeof(*r));

	*r = (struct rollout){.view = v, .plan = p, .arena = p->arena, .now = now};
	r->d = json_copy(p->arena, v->deployment);
	if (!json_path(r->d, "status"))
		tree_set(p->arena, r->d, "status", json_new(p->arena, JSON_OBJECT));
	rollout_limits(r);
	p->memo = r;
	return r;
}

void rollout_plan(const struct deployment_view *v, int64_t now, struct plan *p)
{
	struct rollout *r = rollout_begin(v, now, p);
	struct trees mine = {0};
	int64_t revision;

	if (selects_all(r))
		return;
	plan_confirmed_claims(r, &mine);
	/* What was just claimed is decided about when it is seen to be ours. */
	if (p->count)
		return;
	rollout_read(r, &mine);
	if (is_being_deleted(r->d)) {
		if (rollout_sync_revision(r, false))
			rollout_status(r, false);
		return;
	}
	if (note_pause(r))
		return;
	if (tree_true(r->d, "spec.paused"))
		sync_scale(r);
	else if (note_number(r->d, NOTE_ROLLBACK_TO, &revision))
		roll_back(r, revision);
	else if (rollout_is_scaling(r))
		sync_scale(r);
	else if (r->rolling)
		roll(r);
	else
		recreate(r);
}

bool rollout_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	const struct rollout *had = p->memo;

	(void)ctx;
	if (!had || refusal->step->verb != PLAN_CREATE || refusal_is_namespace_going(refusal))
		return true;
	struct rollout *r = rollout_begin(had->view, now, p);
	struct str text = arena_print(p->arena, "Failed to create new replica set \"%.*s\": %.*s",
		STRF(refusal->step->name), STRF(refusal_text(refusal)));
	if (rollout_has_deadline(r)) {
		struct str before = tree_str(
			condition_find(json_path(r->d, "status.conditions"), "Progressing"),
			"reason");

		rollout_set_condition(r, json_path(r->d, "status"),
			(struct rollout_condition){
				"Progressing", "False", "ReplicaSetCreateError", text});
		if (!str_eq_text(before, "ReplicaSetCreateError"))
			rollout_save(r);
	}
	plan_event(p, r->d, "Warning", "ReplicaSetCreateError", text);
	return true;
}
