/* What a disruption budget allows. */
#include "budget.h"

#include "rollout.h"

#include <kube/map.h>

#define EVICTION_TIMEOUT (2 * MINUTE) /* until a pod that was evicted has to be going */

struct budget {
	const struct budget_view *view;
	struct plan *plan;
	struct arena *arena;
	int64_t now;
	struct trees pods;
	int64_t expected, desired, healthy;
	size_t unmanaged;
	struct cJSON *disrupted; /* evictions that are not seen yet */
	struct str why;          /* not empty: it cannot be said */
};

static void find_pods(struct budget *b)
{
	const struct cJSON *selector = json_path(b->view->budget, "spec.selector");
	struct selector s = {.nothing = true};

	if (selector && label_selector_from(b->arena, selector, &s, NULL))
		s = (struct selector){.nothing = true};
	for (size_t i = 0; i < b->view->pods.count; i++)
		if (selector_matches(&s, b->view->pods.items[i]))
			trees_add(b->arena, &b->pods, b->view->pods.items[i]);
}

/* The sum of what the pods' controllers want, each once. */
static void count_wanted(struct budget *b)
{
	struct map seen;

	map_init(&seen);
	for (size_t i = 0; i < b->pods.count && !b->why.len; i++) {
		const struct cJSON *pod = b->pods.items[i];
		struct str uid = {0};
		int64_t scale = 0;

		if (!controller_of(pod)) {
			b->unmanaged++;
		} else if (b->view->scale_of(b->view->ctx, b->arena, pod, &uid, &scale, &b->why)) {
			b->expected += map_has(&seen, uid) ? 0 : scale;
			map_set(&seen, uid, b);
		} else if (!b->why.len) {
			b->why = arena_print(b->arena, "found no controllers for pod \"%.*s\"",
				STRF(tree_str(pod, "metadata.name")));
		}
	}
	map_done(&seen);
}

static void count_expected(struct budget *b)
{
	const struct cJSON *spec = json_get(b->view->budget, STR("spec"));
	const struct cJSON *most = json_get(spec, STR("maxUnavailable"));
	const struct cJSON *least = json_get(spec, STR("minAvailable"));

	if (most) {
		count_wanted(b);
		b->desired = MAX(b->expected - scaled_value(most, b->expected, true), 0);
	} else if (json_is(least, JSON_NUMBER)) {
		b->expected = (int64_t)b->pods.count;
		b->desired = scaled_value(least, 0, true);
	} else if (least) {
		count_wanted(b);
		b->desired = scaled_value(least, b->expected, true);
	}
}

/* Evicted pods count as gone before they are seen to go; not for ever. */
static void read_disrupted(struct budget *b)
{
	const struct cJSON *had = json_path(b->view->budget, "status.disruptedPods");

	b->disrupted = json_new(b->arena, JSON_OBJECT);
	for (size_t i = 0; i < b->pods.count; i++) {
		const struct cJSON *pod = b->pods.items[i];
		struct str name = tree_str(pod, "metadata.name");
		const struct cJSON *when = json_get(had, name);
		int64_t evicted;

		if (is_being_deleted(pod) || !when || time_parse(json_str(when), &evicted, NULL))
			continue;
		int64_t left = evicted + EVICTION_TIMEOUT - b->now;
		if (left > 0) {
			json_set(b->arena, b->disrupted, name, json_copy(b->arena, when));
			plan_requeue_after(b->plan, left);
			continue;
		}
		plan_event(b->plan, pod, "Warning", "NotDeleted",
			arena_print(b->arena,
				"Pod was expected by PDB %.*s/%.*s to be deleted but it wasn't",
				STRF(tree_str(b->view->budget, "metadata.namespace")),
				STRF(tree_str(b->view->budget, "metadata.name"))));
	}
	for (size_t i = 0; i < b->pods.count; i++) {
		const struct cJSON *pod = b->pods.items[i];

		b->healthy += !is_being_deleted(pod) && pod_is_ready(pod) &&
			      !json_get(b->disrupted, tree_str(pod, "metadata.name"));
	}
}

static void set_condition(struct budget *b, struct cJSON *status, const char *reason,
	struct str message, bool allowed)
{
	struct arena *a = b->arena;
	struct cJSON *conditions = json_path(status, "conditions"), *c;
	const char *value = allowed ? "True" : "False";

	if (!conditions) {
		conditions = json_new(a, JSON_ARRAY);
		json_set(a, status, STR("conditions"), conditions);
	}
	c = condition_find(conditions, "DisruptionAllowed");
	if (!c) {
		c = json_new(a, JSON_OBJECT);
		tree_set_str(a, c, "type", STR("DisruptionAllowed"));
		json_append(conditions, c);
	}
	if (!str_eq_text(tree_str(c, "status"), value))
		tree_set_str(a, c, "lastTransitionTime", time_text(a, b->now));
	tree_set_str(a, c, "status", str_from(value));
	tree_set_int(
		a, c, "observedGeneration", tree_int(b->view->budget, "metadata.generation", 0));
	tree_set_str(a, c, "reason", str_from(reason));
	tree_set_str(a, c, "message", message);
}

static void plan_status(struct budget *b)
{
	struct arena *a = b->arena;
	const struct cJSON *old = json_path(b->view->budget, "status");
	struct cJSON *fresh = json_copy(a, b->view->budget), *status;
	int64_t allowed = b->healthy - b->desired;

	if (b->expected <= 0 || allowed <= 0)
		allowed = 0;
	status = json_path(fresh, "status");
	if (!status) {
		status = json_new(a, JSON_OBJECT);
		json_set(a, fresh, STR("status"), status);
	}
	/* What cannot be said allows nothing; the rest stays as it was. */
	tree_set_int(a, status, "disruptionsAllowed", b->why.len ? 0 : allowed);
	if (!b->why.len) {
		tree_set_int(a, status, "currentHealthy", b->healthy);
		tree_set_int(a, status, "desiredHealthy", b->desired);
		tree_set_int(a, status, "expectedPods", b->expected);
		tree_set_int(
			a, status, "observedGeneration", tree_int(fresh, "metadata.generation", 0));
		tree_drop(status, "disruptedPods");
		if (json_count(b->disrupted))
			tree_set(a, status, "disruptedPods", b->disrupted);
	}
	set_condition(b, status,
		b->why.len    ? "SyncFailed"
		: allowed > 0 ? "SufficientPods"
			      : "InsufficientPods",
		b->why, !b->why.len && allowed > 0);
	if (!json_equal(old, status))
		plan_update_status(b->plan, b->view->budgets, fresh);
}

static void tell(struct budget *b)
{
	const struct cJSON *budget = b->view->budget;
	struct selector s;

	if (!b->pods.count)
		plan_event(b->plan, budget, "Normal", "NoPods", STR("No matching pods found"));
	if (b->why.len)
		plan_event(b->plan, budget, "Warning", "CalculateExpectedPodCountFailed",
			arena_print(b->arena,
				"Failed to calculate the number of expected pods: %.*s",
				STRF(b->why)));
	if (!b->unmanaged ||
		label_selector_from(b->arena, json_path(budget, "spec.selector"), &s, NULL))
		return;
	plan_event(b->plan, budget, "Warning", "UnmanagedPods",
		arena_print(b->arena,
			"Pods selected by this PodDisruptionBudget (selector: %.*s) were found to "
			"be unmanaged. As a result, the status of the PDB cannot be calculated "
			"correctly, which may result in undefined behavior. To account for these "
			"pods please set \".spec.minAvailable\" field of the PDB to an integer "
			"value.",
			STRF(label_selector_print(b->arena, &s))));
}

void budget_plan(const struct budget_view *v, int64_t now, struct plan *p)
{
	struct budget *b = arena_new(p->arena, sizeof(*b));

	*b = (struct budget){.view = v, .plan = p, .arena = p->arena, .now = now};
	find_pods(b);
	count_expected(b);
	read_disrupted(b);
	tell(b);
	plan_status(b);
}
