/*
 * PodTolerationRestriction: a namespace says, in its annotations, which tolerations its pods are
 * given and which they may have at all. What it does not say, the configuration may.
 */
#include "plugins.h"
#include "settings.h"

#include <kube/pods.h>

#define GIVEN   "scheduler.alpha.kubernetes.io/defaultTolerations"
#define ALLOWED "scheduler.alpha.kubernetes.io/tolerationsWhitelist"

/* ---- comparing ---- */

static bool same_text(const struct cJSON *a, const struct cJSON *b, const char *member)
{
	return str_eq(tree_str(a, member), tree_str(b, member));
}

/* Does `wide` tolerate all that `t` does? */
static bool covers(const struct cJSON *wide, const struct cJSON *t)
{
	struct str op = tree_str(wide, "operator"), effect = tree_str(wide, "effect");
	bool exists = str_eq_text(op, "Exists");

	if (json_equal(wide, t))
		return true;
	if (!same_text(wide, t, "key") && (tree_str(wide, "key").len || !exists))
		return false;
	if (effect.len && !same_text(wide, t, "effect"))
		return false;
	if (str_eq_text(effect, "NoExecute") && tree_has(wide, "tolerationSeconds") &&
		(!tree_has(t, "tolerationSeconds") ||
			tree_int(t, "tolerationSeconds", 0) >
				tree_int(wide, "tolerationSeconds", 0)))
		return false;
	if (!op.len || str_eq_text(op, "Equal"))
		return str_eq_text(tree_str(t, "operator"), "Equal") && same_text(wide, t, "value");
	return exists;
}

static bool covered_before(const struct cJSON *merged, const struct cJSON *t)
{
	json_each (other, merged)
		if (covers(other, t))
			return true;
	return false;
}

/* Of equals the first stays. */
static bool covered_after(const struct cJSON *t)
{
	for (const struct cJSON *other = json_next(t); other; other = json_next(other))
		if (!json_equal(t, other) && covers(other, t))
			return true;
	return false;
}

static void append_all(struct arena *a, struct cJSON *to, const struct cJSON *from)
{
	json_each (t, from)
		json_append(to, json_copy(a, t));
}

/* Both lists without what another of them covers. */
static struct cJSON *merge(struct arena *a, const struct cJSON *first, const struct cJSON *second)
{
	struct cJSON *all = json_new(a, JSON_ARRAY), *merged = json_new(a, JSON_ARRAY);

	append_all(a, all, first);
	append_all(a, all, second);
	json_each (t, all)
		if (!covered_before(merged, t) && !covered_after(t))
			json_append(merged, json_copy(a, t));
	return merged;
}

/* ---- what a namespace says ---- */

/* *list NULL: it says nothing of it. */
static struct status *said_by_namespace(
	struct admission_review *r, const char *annotation, const struct cJSON **list)
{
	const struct cJSON *namespace =
		server_read(r->server, r->arena, "", "namespaces", STR(""), r->namespace);
	const struct cJSON *text =
		json_get(json_path(namespace, "metadata.annotations"), str_from(annotation));
	struct cJSON *tree;
	struct err err;

	*list = NULL;
	if (!text)
		return NULL;
	*list = json_new(r->arena, JSON_ARRAY);
	if (!json_str(text).len)
		return NULL;
	if (json_parse(r->arena, json_str(text), NULL, &tree, &err))
		return admission_failed(r, "%s", err.text);
	if (!json_is(tree, JSON_ARRAY))
		return admission_failed(r,
			"json: cannot unmarshal %s into Go value of type []v1.Toleration",
			json_type_name(json_type(tree)));
	*list = tree;
	return NULL;
}

static const struct cJSON *configured(const struct admission_review *r, const char *member)
{
	return json_get(admission_settings(r->server->admission)->tolerations, str_from(member));
}

static bool concerns(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->resource->group.len && !r->subresource.len;
}

struct status *validate_tolerations(struct admission_review *r)
{
	const struct cJSON *own = json_path(r->object, "spec.tolerations"), *allowed;
	const char *whose = "namespace";
	struct status *no;

	if (!concerns(r) || !json_count(own))
		return NULL;
	no = said_by_namespace(r, ALLOWED, &allowed);
	if (no)
		return no;
	if (!allowed) {
		allowed = configured(r, "whitelist");
		whose = "cluster";
	}
	if (!json_count(allowed))
		return NULL;
	json_each (t, own)
		if (!covered_before(allowed, t))
			return admission_failed(r,
				"pod tolerations (possibly merged with namespace default "
				"tolerations) conflict with its %s whitelist",
				whose);
	return NULL;
}

static struct cJSON *memory_pressure(struct arena *a)
{
	struct cJSON *list = json_new(a, JSON_ARRAY), *t = json_new(a, JSON_OBJECT);

	tree_set_str(a, t, "effect", STR("NoSchedule"));
	json_set(a, t, STR("key"), json_new_str(a, STR("node.kubernetes.io/memory-pressure")));
	tree_set_str(a, t, "operator", STR("Exists"));
	json_append(list, t);
	return list;
}

struct status *mutate_tolerations(struct admission_review *r)
{
	const struct cJSON *own = json_path(r->object, "spec.tolerations"), *given = NULL;
	struct cJSON *final;
	struct status *no;

	if (!concerns(r))
		return NULL;
	if (r->operation == ADMIT_CREATE) {
		no = said_by_namespace(r, GIVEN, &given);
		if (no)
			return no;
		if (!given)
			given = configured(r, "default");
	}
	final = merge(r->arena, given, own);
	if (strcmp(pod_qos(json_get(r->object, STR("spec"))), "BestEffort") != 0)
		final = merge(r->arena, final, memory_pressure(r->arena));
	if (json_count(final) || own)
		tree_set(r->arena, r->object, "spec.tolerations", final);
	return validate_tolerations(r);
}
