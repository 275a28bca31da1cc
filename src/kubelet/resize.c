#include "resize.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/pods.h>
#include <kube/quantity.h>

static const char *const lists[] = {"spec.initContainers", "spec.containers"};

/* ---- amounts ---- */

static const struct str compute[] = {STR_INIT("cpu"), STR_INIT("memory")};
static const struct str kinds[] = {STR_INIT("requests"), STR_INIT("limits")};

static bool same_amount(const struct cJSON *one, const struct cJSON *other)
{
	struct quantity first, second;

	if (!one || !other)
		return !one && !other;
	return !quantity_parse(json_str(one), &first, NULL) &&
	       !quantity_parse(json_str(other), &second, NULL) && quantity_cmp(first, second) == 0;
}

static bool same_of(const struct cJSON *one, const struct cJSON *other, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!same_amount(json_get(json_get(one, kinds[i]), name),
			    json_get(json_get(other, kinds[i]), name)))
			return false;
	return true;
}

bool resources_match(const struct cJSON *one, const struct cJSON *other)
{
	return same_of(one, other, compute[0]) && same_of(one, other, compute[1]);
}

bool resize_grows(const struct cJSON *allocated, const struct cJSON *wanted)
{
	bool grows = false;
	struct arena a;

	arena_init(&a);
	const struct cJSON *before =
		pod_sum(&a, json_get(allocated, STR("spec")), "resources.requests");
	const struct cJSON *after =
		pod_sum(&a, json_get(wanted, STR("spec")), "resources.requests");
	for (size_t i = 0; i < ARRAY_LEN(compute); i++) {
		struct quantity old = {0}, fresh = {0};

		quantity_parse(json_str(json_get(before, compute[i])), &old, NULL);
		quantity_parse(json_str(json_get(after, compute[i])), &fresh, NULL);
		grows |= quantity_cmp(fresh, old) > 0;
	}
	arena_done(&a);
	return grows;
}

bool resize_restarts(const struct cJSON *container, const struct cJSON *has)
{
	const struct cJSON *wanted = json_get(container, STR("resources"));

	json_each (policy, json_get(container, STR("resizePolicy")))
		if (str_eq(tree_str(policy, "restartPolicy"), STR("RestartContainer")) &&
			!same_of(wanted, has, tree_str(policy, "resourceName")))
			return true;
	return false;
}

/* ---- allocations ---- */

static struct cJSON *copy_or_empty(struct arena *a, const struct cJSON *resources)
{
	return resources ? json_copy(a, resources) : json_new(a, JSON_OBJECT);
}

struct cJSON *resize_allocation(struct arena *a, const struct cJSON *pod)
{
	struct cJSON *allocation = json_new(a, JSON_OBJECT), *of = json_new(a, JSON_OBJECT);
	const struct cJSON *own = json_path(pod, "spec.resources");

	if (own)
		json_set(a, allocation, STR("resources"), json_copy(a, own));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			json_set(a, of, tree_str(container, "name"),
				copy_or_empty(a, json_get(container, STR("resources"))));
	json_set(a, allocation, STR("containers"), of);
	return allocation;
}

static bool differs(const struct cJSON *pod, const struct cJSON *allocation)
{
	const struct cJSON *of = json_get(allocation, STR("containers"));

	if (!resources_match(
		    json_path(pod, "spec.resources"), json_get(allocation, STR("resources"))))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i])) {
			const struct cJSON *has = json_get(of, tree_str(container, "name"));

			if (has && !resources_match(json_get(container, STR("resources")), has))
				return true;
		}
	return false;
}

struct cJSON *resize_allocated(
	struct arena *a, const struct cJSON *pod, const struct cJSON *allocation)
{
	const struct cJSON *of = json_get(allocation, STR("containers"));
	const struct cJSON *own = json_get(allocation, STR("resources"));

	if (!allocation || !differs(pod, allocation))
		return NULL;
	struct cJSON *copy = json_copy(a, pod);
	tree_set(a, copy, "spec.resources", own ? json_copy(a, own) : NULL);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(copy, lists[i])) {
			const struct cJSON *has = json_get(of, tree_str(container, "name"));

			if (has)
				tree_set(a, container, "resources", json_copy(a, has));
		}
	return copy;
}

char *resize_print(const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(RESIZE_TEXT_MAX);

	json_print(&text, tree, JSON_COMPACT);
	return mem_copy_text(buf_text(&text));
}

struct cJSON *resize_parse(struct arena *a, const char *text)
{
	struct cJSON *tree = NULL;

	if (text && json_parse(a, str_from(text), NULL, &tree, NULL))
		return NULL;
	return tree;
}

/* ---- what runs ---- */

const struct cJSON *resize_actual(const struct pod_view *v, const struct container *c)
{
	return c->state == CONTAINER_RUNNING ? json_get(v->actual, c->name) : NULL;
}

bool resize_is_done(
	const struct pod_view *v, const struct container *c, const struct cJSON *resources)
{
	const struct cJSON *has = c ? resize_actual(v, c) : NULL;

	return !has || (!json_get(v->unsure, c->id) && resources_match(resources, has));
}

bool resize_is_due(const struct pod_view *v)
{
	const struct cJSON *whole = json_get(v->actual, RESIZE_WHOLE);

	if (v->unsettled)
		return true;
	if (whole && !resources_match(json_path(v->pod, "spec.resources"), whole))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(v->pod, lists[i]))
			if (!resize_is_done(v, pod_view_container(v, tree_str(container, "name")),
				    json_get(container, STR("resources"))))
				return true;
	return false;
}

/* ---- what is told ---- */

static void add_list(
	struct arena *a, const struct cJSON *pod, const char *from, struct cJSON *to, struct str as)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	json_each (container, json_path(pod, from)) {
		struct cJSON *one = json_new(a, JSON_OBJECT);

		tree_set_str(a, one, "name", tree_str(container, "name"));
		json_set(a, one, STR("resources"),
			copy_or_empty(a, json_get(container, STR("resources"))));
		json_append(list, one);
	}
	if (json_count(list))
		json_set(a, to, as, list);
}

struct str resize_message(struct arena *a, const struct cJSON *pod, const char *word,
	int64_t generation, struct str error)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);
	struct cJSON *summary = json_new(a, JSON_OBJECT);

	add_list(a, pod, "spec.initContainers", summary, STR("initContainers"));
	add_list(a, pod, "spec.containers", summary, STR("containers"));
	tree_set_int(a, summary, "generation", generation);
	if (error.len)
		tree_set_str(a, summary, "error", error);
	buf_print(&text, "Pod resize %s: ", word);
	json_print(&text, summary, JSON_COMPACT);
	return arena_str(a, buf_str(&text));
}
