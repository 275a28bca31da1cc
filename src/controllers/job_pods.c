/* The pods of a Job: how many there should be, which to make, which to remove. */
#include "job.h"

/* ---- removing ---- */

void job_untrack_pod(struct plan *p, const struct resource *pods, const struct cJSON *pod)
{
	struct arena *a = p->arena;
	struct cJSON *patch = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct cJSON *list = json_new(a, JSON_ARRAY);

	json_append(list, json_new_str(a, STR(JOB_FINALIZER)));
	tree_set_str(a, meta, "uid", tree_str(pod, "metadata.uid"));
	json_set(a, meta, STR("$deleteFromPrimitiveList/finalizers"), list);
	json_set(a, patch, STR("metadata"), meta);
	plan_patch_strategic(p, pods, tree_str(pod, "metadata.namespace"),
		tree_str(pod, "metadata.name"), patch);
}

/* Untracked first, its end is not counted as a failure. */
void job_delete_pod(struct job_round *r, struct cJSON *pod, bool untrack)
{
	if (untrack && job_pod_tracked(pod))
		job_untrack_pod(r->plan, r->view->pods_resource, pod);
	plan_delete(r->plan, r->view->pods_resource, tree_str(pod, "metadata.namespace"),
		tree_str(pod, "metadata.name"), tree_str(pod, "metadata.uid"), NULL);
	plan_event_naming(
		r->plan, r->view->job, "Normal", "SuccessfulDelete", STR("Deleted pod: "));
	r->active_count--;
	r->terminating++;
	r->ready -= pod_is_ready(pod);
}

static int by_index(const void *left, const void *right)
{
	int64_t a = job_pod_index(*(struct cJSON *const *)left);
	int64_t b = job_pod_index(*(struct cJSON *const *)right);

	return a < b ? -1 : a > b;
}

/* Of several pods of an index all but one are too many; so is every one without a valid index. */
static void split_duplicates(struct job_round *r, struct trees *rm, struct trees *left)
{
	struct arena *a = r->arena;
	struct trees all = {0}, same = {0};

	for (size_t i = 0; i < r->active.count; i++)
		trees_add(a, &all, r->active.items[i]);
	trees_sort(&all, by_index);
	for (size_t i = 0; i < all.count; i++) {
		int64_t index = job_pod_index(all.items[i]);

		if (index < 0 || index >= r->completions) {
			trees_add(a, rm, all.items[i]);
			continue;
		}
		trees_add(a, &same, all.items[i]);
		if (i + 1 < all.count && job_pod_index(all.items[i + 1]) == index)
			continue;
		sort_for_deletion(a, &same, NULL, r->now);
		for (size_t k = 0; k + 1 < same.count; k++)
			trees_add(a, rm, same.items[k]);
		trees_add(a, left, same.items[same.count - 1]);
		same.count = 0;
	}
}

static size_t remove_pods(struct job_round *r, int64_t at_least)
{
	struct trees rm = {0}, left = {0};

	if (r->indexed)
		split_duplicates(r, &rm, &left);
	else
		for (size_t i = 0; i < r->active.count; i++)
			trees_add(r->arena, &left, r->active.items[i]);
	if ((int64_t)rm.count < at_least) {
		sort_for_deletion(r->arena, &left, NULL, r->now);
		for (size_t i = 0; i < left.count && (int64_t)rm.count < at_least; i++)
			trees_add(r->arena, &rm, left.items[i]);
	}
	for (size_t i = 0; i < rm.count && i < JOB_BURST; i++)
		job_delete_pod(r, rm.items[i], true);
	return rm.count;
}

/* ---- making ---- */

static struct cJSON *delayed_of(const struct job_round *r, int64_t index)
{
	for (size_t i = 0; i < r->delayed.count; i++)
		if (job_pod_index(r->delayed.items[i]) == index)
			return r->delayed.items[i];
	return NULL;
}

static void add_note(
	struct arena *a, struct cJSON *pod, const char *map, const char *key, int64_t n)
{
	struct cJSON *notes = json_path(pod, map);

	if (!notes) {
		notes = json_new(a, JSON_OBJECT);
		tree_set(a, pod, map, notes);
	}
	json_set(a, notes, str_from(key), json_new_str(a, arena_print(a, "%lld", (long long)n)));
}

static void note_failures(struct job_round *r, struct cJSON *pod, const struct cJSON *before)
{
	int64_t failures = 0, ignored = 0;

	if (before) {
		failures = job_pod_note(before, JOB_FAILURES);
		ignored = job_pod_note(before, JOB_IGNORED);
		if (job_policy_action(r->arena, r->job, before, NULL) == JOB_IGNORE)
			ignored++;
		else
			failures++;
	}
	add_note(r->arena, pod, "metadata.annotations", JOB_FAILURES, failures);
	if (ignored)
		add_note(r->arena, pod, "metadata.annotations", JOB_IGNORED, ignored);
}

/* Containers read their index from the annotation; what they define themselves stays. */
static void add_index_variable(struct arena *a, struct cJSON *containers)
{
	json_each (container, containers) {
		struct cJSON *env = json_path(container, "env"), *entry;
		bool defined = false;

		json_each (e, env)
			defined |= str_eq_text(tree_str(e, "name"), "JOB_COMPLETION_INDEX");
		if (defined)
			continue;
		if (!env) {
			env = json_new(a, JSON_ARRAY);
			tree_set(a, container, "env", env);
		}
		entry = json_new(a, JSON_OBJECT);
		tree_set_str(a, entry, "name", STR("JOB_COMPLETION_INDEX"));
		tree_set_str(a, entry, "valueFrom.fieldRef.fieldPath",
			STR("metadata.labels['" JOB_INDEX "']"));
		json_append(env, entry);
	}
}

#define NAME_BASE_MAX 58 /* five more are added to it */

static void index_pod(struct job_round *r, struct cJSON *pod, int64_t index)
{
	struct arena *a = r->arena;
	struct str name = tree_str(r->job, "metadata.name");
	struct str behind = arena_print(a, "-%lld-", (long long)index), base = name;

	add_index_variable(a, json_path(pod, "spec.initContainers"));
	add_index_variable(a, json_path(pod, "spec.containers"));
	add_note(a, pod, "metadata.annotations", JOB_INDEX, index);
	add_note(a, pod, "metadata.labels", JOB_INDEX, index);
	tree_set_str(
		a, pod, "spec.hostname", arena_print(a, "%.*s-%lld", STRF(name), (long long)index));
	base.len = MIN(base.len, NAME_BASE_MAX - behind.len);
	tree_set_str(a, pod, "metadata.generateName",
		arena_print(a, "%.*s%.*s", STRF(base), STRF(behind)));
	if (r->per_index)
		note_failures(r, pod, delayed_of(r, index));
}

static void add_pod(struct job_round *r, int64_t index)
{
	struct arena *a = r->arena;
	struct cJSON *pod = pod_from_template(a, r->job, json_path(r->job, "spec.template"));
	struct cJSON *finalizers = json_path(pod, "metadata.finalizers");

	if (!finalizers) {
		finalizers = json_new(a, JSON_ARRAY);
		tree_set(a, pod, "metadata.finalizers", finalizers);
	}
	if (!job_pod_tracked(pod))
		json_append(finalizers, json_new_str(a, STR(JOB_FINALIZER)));
	if (index >= 0)
		index_pod(r, pod, index);
	plan_create(r->plan, r->view->pods_resource, pod);
	plan_event_naming(
		r->plan, r->view->job, "Normal", "SuccessfulCreate", STR("Created pod: "));
	r->active_count++;
}

/* The indexes that have neither ended nor a pod. */
static struct indexes taken_indexes(struct job_round *r)
{
	struct arena *a = r->arena;
	struct indexes taken = {0};

	indexes_add_all(a, &taken, &r->succeeded_now);
	indexes_add_all(a, &taken, &r->failed_now);
	for (size_t i = 0; i < r->pods.count; i++) {
		const struct cJSON *pod = r->pods.items[i];
		int64_t index = job_pod_index(pod);

		if (index >= 0 && (pod_is_active(pod) ||
					  (r->replaces_failed_only && pod_is_terminating(pod))))
			indexes_add(a, &taken, index);
	}
	return taken;
}

static void add_indexes(struct job_round *r, int64_t count)
{
	struct indexes taken = taken_indexes(r);
	int64_t soonest = 0, added = 0, looked = 0;

	for (int64_t index = 0; index < r->completions && looked < count; index++) {
		if (indexes_have(&taken, index))
			continue;
		looked++;
		const struct cJSON *before = delayed_of(r, index);
		int64_t failures = before ? job_pod_note(before, JOB_FAILURES) +
						    job_pod_note(before, JOB_IGNORED) + 1
					  : 0;
		int64_t wait =
			before ? job_backoff(failures, job_pod_finished_at(before), r->now) : 0;
		if (wait > 0) {
			soonest = soonest ? MIN(soonest, wait) : wait;
			continue;
		}
		add_pod(r, index);
		added++;
	}
	if (soonest)
		plan_requeue_after(r->plan, soonest);
}

/* Failures since the last success hold new pods back, longer with each. */
static int64_t hold_back(const struct job_round *r)
{
	int64_t success = INT64_MIN, last = 0, failures = 0;

	for (size_t i = 0; i < r->pods.count; i++)
		if (pod_phase_is(r->pods.items[i], "Succeeded"))
			success = MAX(success, job_pod_finished_at(r->pods.items[i]));
	for (size_t i = 0; i < r->pods.count; i++) {
		int64_t at = job_pod_finished_at(r->pods.items[i]);

		if (!job_pod_failed(r, r->pods.items[i]) || at <= success)
			continue;
		failures++;
		last = MAX(last, at);
	}
	return job_backoff(failures, last, r->now);
}

static int64_t wanted_pods(const struct job_round *r)
{
	int64_t parallelism = tree_int(r->job, "spec.parallelism", 1);

	if (r->completions < 0)
		return r->succeeded > 0 ? (int64_t)r->active.count : parallelism;
	return MAX(MIN(r->completions - r->succeeded, parallelism), 0);
}

void job_manage_pods(struct job_round *r)
{
	int64_t active = (int64_t)r->active.count, wanted, missing;

	if (r->suspended) {
		remove_pods(r, active);
		return;
	}
	wanted = wanted_pods(r);
	if (remove_pods(r, MAX(active - wanted, 0)) > 0)
		return;
	missing = wanted - active - (r->replaces_failed_only ? r->terminating : 0);
	if (missing <= 0)
		return;
	int64_t wait = r->per_index ? 0 : hold_back(r);
	if (wait > 0) {
		plan_requeue_after(r->plan, wait);
		return;
	}
	missing = MIN(missing, JOB_BURST);
	if (r->indexed)
		add_indexes(r, missing);
	else
		for (int64_t i = 0; i < missing; i++)
			add_pod(r, -1);
}
