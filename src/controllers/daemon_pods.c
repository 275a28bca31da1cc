/* The pods of DaemonSets, and the nodes that they fit on. */
#include "daemons.h"
#include "taints.h"

#define GENERATION_NOTE  "deprecated.daemonset.template.generation"
#define GENERATION_LABEL "pod-template-generation"

/* ---- does it fit? ---- */

static bool has_value(const struct cJSON *values, struct str value)
{
	json_each (v, values)
		if (str_eq(json_str(v), value))
			return true;
	return false;
}

static bool compares(const struct cJSON *values, struct str value, bool greater)
{
	int64_t left, right;

	if (!str_to_i64(value, &left) || !str_to_i64(json_str(json_first(values)), &right))
		return false;
	return greater ? left > right : left < right;
}

static bool requirement_holds(const struct cJSON *requirement, bool present, struct str value)
{
	struct str how = tree_str(requirement, "operator");
	const struct cJSON *values = json_path(requirement, "values");

	if (str_eq_text(how, "In"))
		return present && has_value(values, value);
	if (str_eq_text(how, "NotIn"))
		return !present || !has_value(values, value);
	if (str_eq_text(how, "Exists"))
		return present;
	if (str_eq_text(how, "DoesNotExist"))
		return !present;
	return present && compares(values, value, str_eq_text(how, "Gt"));
}

/* A term that demands nothing matches nothing. */
static bool term_holds(const struct cJSON *term, const struct cJSON *node)
{
	const struct cJSON *labels = json_path(node, "metadata.labels");
	const struct cJSON *expressions = json_path(term, "matchExpressions");
	const struct cJSON *fields = json_path(term, "matchFields");

	if (!json_count(expressions) && !json_count(fields))
		return false;
	json_each (e, expressions) {
		const struct cJSON *label = json_get(labels, tree_str(e, "key"));

		if (!requirement_holds(e, label, json_str(label)))
			return false;
	}
	json_each (f, fields) {
		if (!str_eq_text(tree_str(f, "key"), "metadata.name") ||
			!requirement_holds(f, true, tree_str(node, "metadata.name")))
			return false;
	}
	return true;
}

bool node_matches(const struct cJSON *pod_spec, const struct cJSON *node)
{
	const struct cJSON *labels = json_path(node, "metadata.labels");
	const struct cJSON *required = json_path(
		pod_spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");

	json_each (wanted, json_path(pod_spec, "nodeSelector"))
		if (!str_eq(json_str(json_get(labels, json_key(wanted))), json_str(wanted)) ||
			!json_get(labels, json_key(wanted)))
			return false;
	if (!required)
		return true;
	json_each (term, json_path(required, "nodeSelectorTerms"))
		if (term_holds(term, node))
			return true;
	return false;
}

/* ---- tolerations ---- */

static void add_toleration(
	struct arena *a, struct cJSON *tolerations, const char *key, const char *effect)
{
	struct cJSON *t;

	json_each (had, tolerations)
		if (str_eq_text(tree_str(had, "key"), key) &&
			str_eq_text(tree_str(had, "effect"), effect) &&
			str_eq_text(tree_str(had, "operator"), "Exists") &&
			!tree_str(had, "value").len) {
			/* For ever, whatever it said. */
			tree_drop(had, "tolerationSeconds");
			return;
		}
	t = json_new(a, JSON_OBJECT);
	tree_set_str(a, t, "key", str_from(key));
	tree_set_str(a, t, "operator", STR("Exists"));
	tree_set_str(a, t, "effect", str_from(effect));
	json_append(tolerations, t);
}

/* Daemons stay where others are sent away. */
static struct cJSON *tolerations_of(struct arena *a, const struct cJSON *spec)
{
	struct cJSON *all = json_copy(a, json_path(spec, "tolerations"));

	if (!json_is(all, JSON_ARRAY))
		all = json_new(a, JSON_ARRAY);
	add_toleration(a, all, TAINT_NOT_READY, "NoExecute");
	add_toleration(a, all, TAINT_UNREACHABLE, "NoExecute");
	add_toleration(a, all, "node.kubernetes.io/disk-pressure", "NoSchedule");
	add_toleration(a, all, "node.kubernetes.io/memory-pressure", "NoSchedule");
	add_toleration(a, all, "node.kubernetes.io/pid-pressure", "NoSchedule");
	add_toleration(a, all, TAINT_UNSCHEDULABLE, "NoSchedule");
	if (tree_true(spec, "hostNetwork"))
		add_toleration(a, all, "node.kubernetes.io/network-unavailable", "NoSchedule");
	return all;
}

struct daemon_fit daemon_fit(struct arena *a, const struct cJSON *set, const struct cJSON *node)
{
	const struct cJSON *spec = json_path(set, "spec.template.spec");
	const struct cJSON *tolerations = tolerations_of(a, spec);
	struct str bound = tree_str(spec, "nodeName");
	struct daemon_fit fit = {true, true};

	if ((bound.len && !str_eq(bound, tree_str(node, "metadata.name"))) ||
		!node_matches(spec, node))
		return (struct daemon_fit){false, false};
	json_each (taint, json_path(node, "spec.taints")) {
		struct str effect = tree_str(taint, "effect");
		bool executes = str_eq_text(effect, "NoExecute");

		if ((!executes && !str_eq_text(effect, "NoSchedule")) ||
			taint_is_tolerated(tolerations, taint))
			continue;
		fit.runs = false;
		fit.stays &= !executes;
	}
	return fit;
}

/* ---- the pod ---- */

static struct cJSON *only_node(struct arena *a, struct str node)
{
	struct cJSON *required = json_new(a, JSON_OBJECT), *terms = json_new(a, JSON_ARRAY);
	struct cJSON *term = json_new(a, JSON_OBJECT), *fields = json_new(a, JSON_ARRAY);
	struct cJSON *field = json_new(a, JSON_OBJECT), *values = json_new(a, JSON_ARRAY);

	json_append(values, json_new_str(a, node));
	tree_set_str(a, field, "key", STR("metadata.name"));
	tree_set_str(a, field, "operator", STR("In"));
	tree_set(a, field, "values", values);
	json_append(fields, field);
	tree_set(a, term, "matchFields", fields);
	json_append(terms, term);
	tree_set(a, required, "nodeSelectorTerms", terms);
	return required;
}

struct cJSON *daemon_pod(struct arena *a, const struct cJSON *set, struct str node, struct str hash)
{
	struct cJSON *pod = pod_from_template(a, set, json_path(set, "spec.template"));
	struct cJSON *labels = json_path(pod, "metadata.labels");
	struct str generation =
		json_str(json_get(json_path(set, "metadata.annotations"), STR(GENERATION_NOTE)));

	if (!labels) {
		labels = json_new(a, JSON_OBJECT);
		tree_set(a, pod, "metadata.labels", labels);
	}
	if (generation.len)
		json_set(a, labels, STR(GENERATION_LABEL), json_new_str(a, generation));
	json_set(a, labels, STR(LABEL_REVISION), json_new_str(a, hash));
	tree_set(a, pod, "spec.tolerations", tolerations_of(a, json_path(pod, "spec")));
	tree_set(a, pod,
		"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
		only_node(a, node));
	return pod;
}

struct str daemon_pod_node(const struct cJSON *pod)
{
	struct str name = tree_str(pod, "spec.nodeName");
	const struct cJSON *required = json_path(
		pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");

	if (name.len)
		return name;
	json_each (term, json_path(required, "nodeSelectorTerms"))
		json_each (field, json_path(term, "matchFields"))
			if (str_eq_text(tree_str(field, "key"), "metadata.name") &&
				str_eq_text(tree_str(field, "operator"), "In") &&
				json_count(json_path(field, "values")) == 1)
				return json_str(json_first(json_path(field, "values")));
	return STR("");
}
