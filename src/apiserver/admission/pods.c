/* What small plugins add to pods and nodes: priorities, tolerations, taints. */
#include "plugins.h"

static bool is_mirror(const struct cJSON *pod)
{
	return json_get(json_path(pod, "metadata.annotations"), STR("kubernetes.io/config.mirror"));
}

static bool is_pod(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->subresource.len;
}

/* ---- Priority ---- */

static struct cJSON *find_class(struct admission_review *r, struct str name)
{
	return server_read(
		r->server, r->arena, "scheduling.k8s.io", "priorityclasses", STR(""), name);
}

static struct cJSON *default_class(struct admission_review *r)
{
	const struct resource *classes =
		resource_find(STR("scheduling.k8s.io"), STR("v1"), STR("priorityclasses"));
	struct store_iter it = store_seek(server_bucket(r->server, classes), STR(""), STR(""));
	struct cJSON *best = NULL;

	while (store_next(&it)) {
		struct cJSON *tree;

		if (!str_eq_text(object_scan(it.object, "globalDefault"), "true"))
			continue;
		tree = object_tree(r->arena, it.object);
		if (!best || tree_int(tree, "value", 0) < tree_int(best, "value", 0))
			best = tree;
	}
	return best;
}

/* A client that does not know the numbers leaves them out, and changes nothing by that. */
static void keep_priority(struct admission_review *r)
{
	static const char *const names[] = {"spec.priority", "spec.preemptionPolicy", NULL};

	for (size_t i = 0; names[i]; i++)
		if (!tree_has(r->object, names[i]) && tree_has(r->old, names[i]))
			tree_set(r->arena, r->object, names[i],
				json_copy(r->arena, json_path(r->old, names[i])));
}

struct status *mutate_priority(struct admission_review *r)
{
	struct cJSON *pod = r->object, *class;
	struct str name, policy;
	int64_t value;

	if (!is_pod(r) || r->operation == ADMIT_DELETE)
		return NULL;
	if (r->operation == ADMIT_UPDATE) {
		keep_priority(r);
		return NULL;
	}
	name = tree_str(pod, "spec.priorityClassName");
	class = name.len ? find_class(r, name) : default_class(r);
	if (name.len && !class)
		return admission_forbidden(
			r, "no PriorityClass with name %.*s was found", STRF(name));
	/* A mirror pod is what its node's disk says it is. */
	if (is_mirror(pod) && !name.len && tree_has(pod, "spec.priority"))
		return NULL;
	value = tree_int(class, "value", 0);
	policy = tree_str(class, "preemptionPolicy");
	if (!policy.len)
		policy = STR("PreemptLowerPriority");
	if (tree_has(pod, "spec.priority") && tree_int(pod, "spec.priority", 0) != value)
		return admission_forbidden(r,
			"the integer value of priority (%lld) must not be provided in pod spec; "
			"priority admission controller computed %lld from the given PriorityClass "
			"name",
			(long long)tree_int(pod, "spec.priority", 0), (long long)value);
	if (!name.len && class)
		tree_set_str(
			r->arena, pod, "spec.priorityClassName", tree_str(class, "metadata.name"));
	tree_set_int(r->arena, pod, "spec.priority", value);
	if (tree_has(pod, "spec.preemptionPolicy") &&
		!str_eq(tree_str(pod, "spec.preemptionPolicy"), policy))
		return admission_forbidden(r,
			"the string value of PreemptionPolicy (%.*s) must not be provided in pod "
			"spec; priority admission controller computed %.*s from the given "
			"PriorityClass name",
			STRF(tree_str(pod, "spec.preemptionPolicy")), STRF(policy));
	tree_set_str(r->arena, pod, "spec.preemptionPolicy", policy);
	return NULL;
}

/* Of defaults there is one, and the system's own classes stay. */
struct status *validate_priority_class(struct admission_review *r)
{
	struct cJSON *standing;

	if (!resource_is(r->resource, "priorityclasses"))
		return NULL;
	if (r->operation == ADMIT_DELETE)
		return str_starts(r->name, STR("system-"))
			       ? admission_forbidden(r, "this is a system priority class and "
							"cannot be deleted")
			       : NULL;
	if (!tree_true(r->object, "globalDefault"))
		return NULL;
	standing = default_class(r);
	if (!standing || str_eq(tree_str(standing, "metadata.name"), r->name))
		return NULL;
	return admission_forbidden(r,
		"PriorityClass %.*s is already marked as default. Only one default can exist",
		STRF(tree_str(standing, "metadata.name")));
}

/* ---- DefaultTolerationSeconds ---- */

static bool tolerates(const struct cJSON *pod, const char *key)
{
	json_each (t, json_path(pod, "spec.tolerations")) {
		struct str effect = tree_str(t, "effect"), own = tree_str(t, "key");

		if ((!own.len || str_eq_text(own, key)) &&
			(!effect.len || str_eq_text(effect, "NoExecute")))
			return true;
	}
	return false;
}

static void add_toleration(struct admission_review *r, const char *key)
{
	struct cJSON *t = json_new(r->arena, JSON_OBJECT);
	struct cJSON *list = json_path(r->object, "spec.tolerations");

	if (tolerates(r->object, key))
		return;
	json_add_borrowed(t, STR("key"), json_new_str(r->arena, str_from(key)));
	json_add_borrowed(t, STR("operator"), json_new_str(r->arena, STR("Exists")));
	json_add_borrowed(t, STR("effect"), json_new_str(r->arena, STR("NoExecute")));
	json_add_borrowed(t, STR("tolerationSeconds"), json_new_int(r->arena, 300));
	if (!json_is(list, JSON_ARRAY)) {
		tree_set(r->arena, r->object, "spec.tolerations", json_new(r->arena, JSON_ARRAY));
		list = json_path(r->object, "spec.tolerations");
	}
	json_append(list, t);
}

struct status *mutate_toleration_seconds(struct admission_review *r)
{
	if (!is_pod(r))
		return NULL;
	add_toleration(r, "node.kubernetes.io/not-ready");
	add_toleration(r, "node.kubernetes.io/unreachable");
	return NULL;
}

/* ---- TaintNodesByCondition ---- */

struct status *mutate_new_node(struct admission_review *r)
{
	static const struct str key = STR_INIT("node.kubernetes.io/not-ready");
	struct cJSON *taint, *list;

	if (!resource_is(r->resource, "nodes") || r->subresource.len ||
		r->operation != ADMIT_CREATE)
		return NULL;
	list = json_path(r->object, "spec.taints");
	json_each (standing, list)
		if (str_eq(tree_str(standing, "key"), key) &&
			str_eq_text(tree_str(standing, "effect"), "NoSchedule"))
			return NULL;
	if (!json_is(list, JSON_ARRAY)) {
		tree_set(r->arena, r->object, "spec.taints", json_new(r->arena, JSON_ARRAY));
		list = json_path(r->object, "spec.taints");
	}
	taint = json_new(r->arena, JSON_OBJECT);
	json_add_borrowed(taint, STR("key"), json_new_str(r->arena, key));
	json_add_borrowed(taint, STR("effect"), json_new_str(r->arena, STR("NoSchedule")));
	json_append(list, taint);
	return NULL;
}
