/* Reading pods, and the small facts of objects that controllers go by. */
#include "workload.h"

#include <kube/pods.h>

#include <stdlib.h>

void trees_add(struct arena *a, struct trees *t, struct cJSON *tree)
{
	ARENA_ROOM(a, t->items, t->count, t->cap, 16);
	t->items[t->count++] = tree;
}

void trees_sort(struct trees *t, int (*order)(const void *left, const void *right))
{
	if (t->count)
		qsort(t->items, t->count, sizeof(*t->items), order);
}

void trees_claimable(struct arena *a, struct trees *t, const struct informer *i,
	struct str namespace, struct str uid)
{
	informer_each(it, informer_by(i, "claim", uid))
		trees_add(a, t, object_lean_tree(a, it.object));
	informer_each(it, informer_by(i, "claim", namespace))
		trees_add(a, t, object_lean_tree(a, it.object));
}

bool pod_phase_is(const struct cJSON *pod, const char *phase)
{
	return str_eq_text(tree_str(pod, "status.phase"), phase);
}

bool pod_is_finished(const struct cJSON *pod)
{
	return pod_phase_is(pod, "Succeeded") || pod_phase_is(pod, "Failed");
}

bool is_being_deleted(const struct cJSON *object)
{
	return tree_has(object, "metadata.deletionTimestamp");
}

bool pod_is_active(const struct cJSON *pod)
{
	return !pod_is_finished(pod) && !is_being_deleted(pod);
}

bool pod_is_terminating(const struct cJSON *pod)
{
	return !pod_is_finished(pod) && is_being_deleted(pod);
}

bool pod_is_ready(const struct cJSON *pod)
{
	return pod_has_condition(pod, "Ready", "True");
}

bool time_of(const struct cJSON *object, const char *dotted, int64_t *wall)
{
	struct str text = tree_str(object, dotted);

	return text.len && time_parse(text, wall, NULL) == 0;
}

bool pod_ready_since(const struct cJSON *pod, int64_t *wall)
{
	const struct cJSON *ready = condition_find(json_path(pod, "status.conditions"), "Ready");

	return ready && str_eq_text(tree_str(ready, "status"), "True") &&
	       time_of(ready, "lastTransitionTime", wall);
}

bool pod_is_available(
	const struct cJSON *pod, int64_t min_ready_seconds, int64_t now, int64_t *wait)
{
	int64_t since, left;

	if (wait)
		*wait = -1;
	if (!pod_is_ready(pod))
		return false;
	if (min_ready_seconds <= 0)
		return true;
	if (!pod_ready_since(pod, &since))
		return false;
	left = since + min_ready_seconds * SEC - now;
	if (left <= 0)
		return true;
	if (wait)
		*wait = left;
	return false;
}

struct cJSON *condition_find(const struct cJSON *conditions, const char *type)
{
	json_each (c, conditions)
		if (str_eq_text(tree_str(c, "type"), type))
			return c;
	return NULL;
}

struct str time_text(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, wall);
	return arena_str(a, buf_str(&text));
}

struct str refusal_text(const struct plan_refusal *r)
{
	return r->status && r->status->message.len ? r->status->message
						   : str_from(err_text(r->err));
}

bool refusal_is_namespace_going(const struct plan_refusal *r)
{
	for (size_t i = 0; r->status && i < r->status->cause_count; i++)
		if (str_eq_text(r->status->causes[i].reason, "NamespaceTerminating"))
			return true;
	return false;
}
