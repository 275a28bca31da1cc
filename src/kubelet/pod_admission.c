#include "pod_admission.h"
#include "eviction.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/quantity.h>

/* ---- amounts ---- */

static struct quantity amount(const struct cJSON *list, struct str name)
{
	struct quantity q = {0};
	struct str text = json_str(json_get(list, name));

	if (text.len && quantity_parse(text, &q, NULL))
		q = (struct quantity){0};
	return q;
}

static struct quantity asked(struct arena *a, const struct cJSON *pod, struct str name)
{
	return amount(pod_sum(a, json_get(pod, STR("spec")), "resources.requests"), name);
}

/* As numbers in messages are: cores by the thousandth, all else whole. */
static long long shown(struct str name, struct quantity q)
{
	return str_eq(name, STR("cpu")) ? quantity_milli(q) : quantity_value(q);
}

static bool fits(struct arena *a, const struct pod_admission *in, struct str name,
	struct str *reason, struct str *message)
{
	struct quantity most = amount(in->allocatable, name), used = {0};
	struct quantity wanted = asked(a, in->pod, name);

	for (size_t i = 0; i < in->other_count; i++)
		used = quantity_add(used, asked(a, in->others[i], name));
	if (quantity_sign(wanted) <= 0 || quantity_cmp(quantity_add(used, wanted), most) <= 0)
		return true;
	*reason = arena_print(a, "OutOf%.*s", STRF(name));
	*message = arena_print(a,
		"Node didn't have enough resource: %.*s, requested: %lld, used: %lld, capacity: "
		"%lld",
		STRF(name), shown(name, wanted), shown(name, used), shown(name, most));
	return false;
}

static bool has_room(
	struct arena *a, const struct pod_admission *in, struct str *reason, struct str *message)
{
	int64_t most = quantity_value(amount(in->allocatable, STR("pods")));

	if ((int64_t)in->other_count >= most) {
		*reason = STR("OutOfpods");
		*message = arena_print(a,
			"Node didn't have enough resource: pods, requested: 1, used: %zu, "
			"capacity: %lld",
			in->other_count, (long long)most);
		return false;
	}
	json_each (item, in->allocatable)
		if (!str_eq(json_key(item), STR("pods")) &&
			!fits(a, in, json_key(item), reason, message))
			return false;
	return true;
}

/* ---- the node's labels ---- */

static bool is_among(const struct cJSON *values, struct str value)
{
	json_each (item, values)
		if (str_eq(json_str(item), value))
			return true;
	return false;
}

static bool holds(const struct cJSON *requirement, const struct cJSON *label)
{
	struct str op = tree_str(requirement, "operator");
	const struct cJSON *values = json_get(requirement, STR("values"));
	int64_t has, limit;

	if (str_eq(op, STR("Exists")))
		return label != NULL;
	if (str_eq(op, STR("DoesNotExist")))
		return !label;
	if (str_eq(op, STR("In")))
		return label && is_among(values, json_str(label));
	if (str_eq(op, STR("NotIn")))
		return !label || !is_among(values, json_str(label));
	if (!label || !str_to_i64(json_str(label), &has) ||
		!str_to_i64(json_str(json_at(values, 0)), &limit))
		return false;
	return str_eq(op, STR("Gt")) ? has > limit : has < limit;
}

static bool term_holds(const struct cJSON *term, const struct cJSON *node)
{
	const struct cJSON *labels = json_path(node, "metadata.labels");
	const struct cJSON *expressions = json_get(term, STR("matchExpressions"));
	const struct cJSON *fields = json_get(term, STR("matchFields"));

	/* A term that says nothing is for no node. */
	if (!json_count(expressions) && !json_count(fields))
		return false;
	json_each (r, expressions)
		if (!holds(r, json_get(labels, tree_str(r, "key"))))
			return false;
	json_each (r, fields)
		if (!holds(r, json_path(node, "metadata.name")))
			return false;
	return true;
}

static bool likes_node(const struct cJSON *pod, const struct cJSON *node)
{
	const struct cJSON *labels = json_path(node, "metadata.labels");
	const struct cJSON *terms = json_path(pod,
		"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		"nodeSelectorTerms");
	bool any = !terms;

	json_each (wish, json_path(pod, "spec.nodeSelector"))
		if (!json_get(labels, json_key(wish)) ||
			!str_eq(json_str(json_get(labels, json_key(wish))), json_str(wish)))
			return false;
	json_each (term, terms)
		any |= term_holds(term, node);
	return any;
}

bool pod_is_admitted(
	struct arena *a, const struct pod_admission *in, struct str *reason, struct str *message)
{
	if (!eviction_admits(a, in->pressure, in->pod, message)) {
		*reason = STR("Evicted");
		return false;
	}
	if (!has_room(a, in, reason, message))
		return false;
	if (likes_node(in->pod, in->node))
		return true;
	*reason = STR("NodeAffinity");
	*message = STR("Predicate NodeAffinity failed: node(s) didn't match Pod's node "
		       "affinity/selector");
	return false;
}
