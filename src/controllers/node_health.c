/* What nodes say about themselves, and what follows from that. */
#include "node_health.h"

#include "disruption_target.h"
#include "taints.h"
#include "workload.h"

/* ---- zones ---- */

#define LARGE          50 /* nodes */
#define PACE           (10 * SEC)
#define PACE_SLOW      (100 * SEC)
#define DOWN_PER_CENT  55
#define DOWN_AT_LEAST  3
#define REGION_LABEL   "topology.kubernetes.io/region"
#define REGION_LABEL_0 "failure-domain.beta.kubernetes.io/region"
#define ZONE_LABEL     "topology.kubernetes.io/zone"
#define ZONE_LABEL_0   "failure-domain.beta.kubernetes.io/zone"

enum zone_state zone_state_of(size_t ready, size_t not_ready)
{
	if (!ready && not_ready)
		return ZONE_DOWN;
	if (not_ready >= DOWN_AT_LEAST && not_ready * 100 >= (ready + not_ready) * DOWN_PER_CENT)
		return ZONE_PARTLY_DOWN;
	return ZONE_NORMAL;
}

int64_t zone_pace(enum zone_state state, size_t nodes)
{
	if (state == ZONE_UNKNOWN)
		return 0;
	if (state != ZONE_PARTLY_DOWN)
		return PACE;
	return nodes > LARGE ? PACE_SLOW : 0;
}

static struct str label_of(const struct cJSON *labels, const char *key, const char *old_key)
{
	struct str value = json_str(json_get(labels, str_from(key)));

	return value.len ? value : json_str(json_get(labels, str_from(old_key)));
}

struct str zone_of(struct arena *a, const struct cJSON *labels)
{
	struct str region = label_of(labels, REGION_LABEL, REGION_LABEL_0);
	struct str zone = label_of(labels, ZONE_LABEL, ZONE_LABEL_0);

	return arena_print(a, "%.*s:%.*s", STRF(region), STRF(zone));
}

/* ---- silence ---- */

static struct cJSON *new_condition(const struct node_view *v, struct arena *a, const char *type)
{
	struct cJSON *c = json_new(a, JSON_OBJECT);

	tree_set_str(a, c, "type", str_from(type));
	tree_set_str(a, c, "status", STR("Unknown"));
	tree_set_str(a, c, "lastHeartbeatTime", tree_str(v->node, "metadata.creationTimestamp"));
	tree_set_str(a, c, "lastTransitionTime", time_text(a, v->now));
	tree_set_str(a, c, "reason", STR("NodeStatusNeverUpdated"));
	tree_set_str(a, c, "message", STR("Kubelet never posted node status."));
	return c;
}

static void set_unknown(const struct node_view *v, struct arena *a, struct cJSON *c)
{
	tree_set_str(a, c, "status", STR("Unknown"));
	tree_set_str(a, c, "lastTransitionTime", time_text(a, v->now));
	tree_set_str(a, c, "reason", STR("NodeStatusUnknown"));
	tree_set_str(a, c, "message", STR("Kubelet stopped posting node status."));
}

static bool status_is(const struct cJSON *condition, const char *status)
{
	return str_eq_text(tree_str(condition, "status"), status);
}

static const struct cJSON *ready_of(const struct cJSON *node)
{
	return condition_find(json_path(node, "status.conditions"), "Ready");
}

/* NULL: they say so already. */
static struct cJSON *unknown_conditions(const struct node_view *v, struct arena *a)
{
	static const char *const types[] = {
		"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
	struct cJSON *conditions = json_copy(a, json_path(v->node, "status.conditions"));
	bool changed = false;

	if (!json_is(conditions, JSON_ARRAY))
		conditions = json_new(a, JSON_ARRAY);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct cJSON *c = condition_find(conditions, types[i]);

		if (!c)
			json_append(conditions, new_condition(v, a, types[i]));
		else if (!status_is(c, "Unknown"))
			set_unknown(v, a, c);
		else
			continue;
		changed = true;
	}
	return changed ? conditions : NULL;
}

static struct cJSON *patch_of(struct arena *a, const struct cJSON *node)
{
	struct cJSON *patch = json_new(a, JSON_OBJECT);

	tree_set_str(a, patch, "metadata.uid", tree_str(node, "metadata.uid"));
	tree_set_str(
		a, patch, "metadata.resourceVersion", tree_str(node, "metadata.resourceVersion"));
	return patch;
}

/* Did it say anything in time? Otherwise it is said for it; what follows waits for that. */
static bool note_silence(const struct node_view *v, struct plan *p)
{
	const struct cJSON *ready = ready_of(v->node);
	int64_t left = v->heard + (ready ? v->grace : v->startup) - v->now;
	struct str name = tree_str(v->node, "metadata.name");
	struct cJSON *conditions, *patch;

	if (left > 0) {
		plan_requeue_after(p, left);
		return false;
	}
	conditions = unknown_conditions(v, p->arena);
	if (!conditions)
		return false;
	patch = patch_of(p->arena, v->node);
	tree_set(p->arena, patch, "status.conditions", conditions);
	plan_patch_status(p, v->nodes, STR(""), name, patch);
	if (status_is(ready, "True"))
		plan_event(p, v->node, "Normal", "NodeNotReady",
			arena_print(p->arena, "Node %.*s status is now: NodeNotReady", STRF(name)));
	return true;
}

/* ---- its pods ---- */

/* Nobody there tells that they are not ready any more. */
static void mark_pods(const struct node_view *v, struct plan *p)
{
	struct arena *a = p->arena;

	if (!status_is(ready_of(v->node), "Unknown"))
		return;
	for (size_t i = 0; i < v->pod_count; i++) {
		const struct cJSON *pod = v->pods[i];
		struct cJSON *patch, *conditions, *ready;

		if (!pod_is_ready(pod))
			continue;
		conditions = json_copy(a, json_path(pod, "status.conditions"));
		ready = condition_find(conditions, "Ready");
		tree_set_str(a, ready, "status", STR("False"));
		tree_set_str(a, ready, "lastTransitionTime", time_text(a, v->now));
		patch = patch_of(a, pod);
		tree_set(a, patch, "status.conditions", conditions);
		plan_event(p, pod, "Warning", "NodeNotReady", STR("Node is not ready"));
		plan_patch_status(p, v->pods_resource, tree_str(pod, "metadata.namespace"),
			tree_str(pod, "metadata.name"), patch);
	}
}

/* ---- taints ---- */

static const struct {
	const char *type, *status, *key;
} rules[] = {
	{"Ready", "False", TAINT_NOT_READY},
	{"Ready", "Unknown", TAINT_UNREACHABLE},
	{"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
	{"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
	{"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
	{"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
};

static const char *taint_for(const struct cJSON *condition)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (str_eq_text(tree_str(condition, "type"), rules[i].type) &&
			status_is(condition, rules[i].status))
			return rules[i].key;
	return NULL;
}

static bool is_ours(const struct cJSON *taint, const char *effect)
{
	bool schedule = str_eq_text(str_from(effect), "NoSchedule");

	if (schedule && taint_is(taint, TAINT_UNSCHEDULABLE, effect))
		return true;
	/* Of those that evict only the two about readiness. */
	for (size_t i = 0; i < (schedule ? ARRAY_LEN(rules) : 2); i++)
		if (taint_is(taint, rules[i].key, effect))
			return true;
	return false;
}

static bool is_wanted(const char *const *wanted, size_t count, struct str key)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_text(key, wanted[i]))
			return true;
	return false;
}

/* Ours of that effect become the wanted ones; others and those that are right stay in place. */
static bool swap_taints(const struct node_view *v, struct arena *a, struct cJSON **taints,
	const char *effect, const char *const *wanted, size_t count)
{
	struct cJSON *kept = json_new(a, JSON_ARRAY);
	bool changed = false;

	json_each (taint, *taints) {
		if (is_ours(taint, effect) && !is_wanted(wanted, count, tree_str(taint, "key")))
			changed = true;
		else
			json_append(kept, json_copy(a, taint));
	}
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		json_each (taint, kept)
			found |= taint_is(taint, wanted[i], effect);
		if (found)
			continue;
		json_append(kept, taint_new(a, str_from(wanted[i]), effect, v->now));
		changed = true;
	}
	*taints = kept;
	return changed;
}

static bool swap_no_schedule(const struct node_view *v, struct arena *a, struct cJSON **taints)
{
	const char *wanted[ARRAY_LEN(rules) + 1];
	size_t count = 0;

	json_each (c, json_path(v->node, "status.conditions")) {
		const char *key = taint_for(c);

		if (key && count < ARRAY_LEN(rules) && !is_wanted(wanted, count, str_from(key)))
			wanted[count++] = key;
	}
	if (tree_true(v->node, "spec.unschedulable"))
		wanted[count++] = TAINT_UNSCHEDULABLE;
	return swap_taints(v, a, taints, "NoSchedule", wanted, count);
}

static bool swap_no_execute(const struct node_view *v, struct arena *a, struct cJSON **taints)
{
	const struct cJSON *ready = ready_of(v->node);
	const char *wanted = status_is(ready, "False")     ? TAINT_NOT_READY
			     : status_is(ready, "Unknown") ? TAINT_UNREACHABLE
							   : NULL;
	bool evicts = taints_have(v->node, TAINT_NOT_READY, "NoExecute") ||
		      taints_have(v->node, TAINT_UNREACHABLE, "NoExecute");

	if (!ready)
		return false;
	if (v->all_zones_are_down)
		wanted = NULL;
	/* From one reason to the other nothing is new for its pods. */
	if (wanted && !evicts && v->may_evict(v->ctx) != NODE_GO)
		return false;
	return swap_taints(v, a, taints, "NoExecute", &wanted, wanted ? 1 : 0);
}

static void write_taints(const struct node_view *v, struct plan *p)
{
	struct arena *a = p->arena;
	struct cJSON *taints = json_copy(a, json_path(v->node, "spec.taints")), *patch;
	bool changed = swap_no_schedule(v, a, &taints);

	changed |= swap_no_execute(v, a, &taints);
	if (!changed)
		return;
	patch = patch_of(a, v->node);
	tree_set(a, patch, "spec.taints", json_count(taints) ? taints : json_new(a, JSON_NULL));
	plan_patch(p, v->nodes, STR(""), tree_str(v->node, "metadata.name"), patch);
}

/* ---- labels that older clients look for ---- */

static void copy_labels(const struct node_view *v, struct plan *p)
{
	static const struct {
		const char *from, *to;
	} pairs[] = {{"kubernetes.io/os", "beta.kubernetes.io/os"},
		{"kubernetes.io/arch", "beta.kubernetes.io/arch"}};
	struct arena *a = p->arena;
	const struct cJSON *labels = json_path(v->node, "metadata.labels");
	struct cJSON *missing = json_new(a, JSON_OBJECT), *patch;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct cJSON *value = json_get(labels, str_from(pairs[i].from));

		if (value && !json_equal(value, json_get(labels, str_from(pairs[i].to))))
			json_set(a, missing, str_from(pairs[i].to), json_copy(a, value));
	}
	if (!json_count(missing))
		return;
	patch = json_new(a, JSON_OBJECT);
	tree_set(a, patch, "metadata.labels", missing);
	plan_patch(p, v->nodes, STR(""), tree_str(v->node, "metadata.name"), patch);
}

void node_health_plan(const struct node_view *v, struct plan *p)
{
	struct str name = tree_str(v->node, "metadata.name");

	if (v->fresh)
		plan_event(p, v->node, "Normal", "RegisteredNode",
			arena_print(p->arena, "Node %.*s event: Registered Node %.*s in Controller",
				STRF(name), STRF(name)));
	if (note_silence(v, p))
		return;
	write_taints(v, p);
	/* Taints change the version; the rest is done when that is seen. */
	if (p->count > (v->fresh ? 1 : 0))
		return;
	copy_labels(v, p);
	mark_pods(v, p);
}
