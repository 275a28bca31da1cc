/* Pods from templates, and which pods to give up first. */
#include "workload.h"

#include <kube/names.h>

#include <stdlib.h>

struct str pod_prefix(struct arena *a, struct str name)
{
	struct str prefix = arena_print(a, "%.*s-", STRF(name));
	/* As upstream checks a prefix: a dash at its end stands for what follows. */
	struct str probe = arena_print(a, "%.*sa", STRF(name));
	struct name_faults faults = {0};

	name_check_dns_subdomain(probe, &faults);
	return faults.count ? arena_str(a, name) : prefix;
}

struct cJSON *pod_from_template(
	struct arena *a, const struct cJSON *owner, const struct cJSON *template)
{
	static const char *const kept[] = {
		"metadata.labels", "metadata.annotations", "metadata.finalizers", "spec"};
	struct cJSON *pod = json_new(a, JSON_OBJECT), *owners = json_new(a, JSON_ARRAY);

	tree_set_str(a, pod, "apiVersion", STR("v1"));
	tree_set_str(a, pod, "kind", STR("Pod"));
	tree_set_str(
		a, pod, "metadata.generateName", pod_prefix(a, tree_str(owner, "metadata.name")));
	tree_set_str(a, pod, "metadata.namespace", tree_str(owner, "metadata.namespace"));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (tree_has(template, kept[i]))
			tree_set(a, pod, kept[i], json_copy(a, json_path(template, kept[i])));
	json_append(owners, controller_ref(a, owner));
	tree_set(a, pod, "metadata.ownerReferences", owners);
	return pod;
}

/* ---- who goes first ---- */

struct candidate {
	struct cJSON *pod;
	bool assigned, ready, has_since, has_created;
	int phase; /* Pending before Unknown before Running */
	int64_t cost;
	size_t crowd; /* related pods on its node */
	int64_t since, created;
	int age_ready, age; /* orders of magnitude */
	int64_t restarts, sidecar_restarts;
	struct str uid;
};

/* How many doublings of a nanosecond: pods of about the same age are chosen from by chance. */
static int magnitude(int64_t ns)
{
	int log = -1;

	for (; ns > 0; ns >>= 1)
		log++;
	return log;
}

static int64_t most_restarts(const struct cJSON *pod, bool sidecars)
{
	const struct cJSON *statuses = json_path(
		pod, sidecars ? "status.initContainerStatuses" : "status.containerStatuses");
	int64_t most = 0;

	json_each (status, statuses) {
		const struct cJSON *container = NULL;

		json_each (c, sidecars ? json_path(pod, "spec.initContainers") : NULL)
			if (str_eq(tree_str(c, "name"), tree_str(status, "name")))
				container = c;
		if (!sidecars || str_eq_text(tree_str(container, "restartPolicy"), "Always"))
			most = MAX(most, tree_int(status, "restartCount", 0));
	}
	return most;
}

/* An annotation that is no number counts as none. */
static int64_t deletion_cost(const struct cJSON *pod)
{
	int64_t cost;
	struct str text = json_str(json_get(json_path(pod, "metadata.annotations"),
		STR("controller.kubernetes.io/pod-deletion-cost")));

	return str_to_i64(text, &cost) && cost == (int32_t)cost ? cost : 0;
}

static size_t crowd_of(const struct trees *related, struct str node)
{
	size_t count = 0;

	for (size_t i = 0; related && i < related->count; i++)
		count += pod_is_active(related->items[i]) &&
			 str_eq(tree_str(related->items[i], "spec.nodeName"), node);
	return count;
}

static void read_candidate(
	struct candidate *c, struct cJSON *pod, const struct trees *related, int64_t now)
{
	struct str node = tree_str(pod, "spec.nodeName");

	*c = (struct candidate){.pod = pod, .assigned = node.len > 0};
	c->phase = pod_phase_is(pod, "Pending") ? 0 : pod_phase_is(pod, "Unknown") ? 1 : 2;
	c->ready = pod_is_ready(pod);
	c->cost = deletion_cost(pod);
	c->crowd = crowd_of(related, node);
	c->has_since = pod_ready_since(pod, &c->since);
	c->has_created = time_of(pod, "metadata.creationTimestamp", &c->created);
	c->age_ready = magnitude(now - c->since);
	c->age = magnitude(now - c->created);
	c->restarts = most_restarts(pod, false);
	c->sidecar_restarts = most_restarts(pod, true);
	c->uid = tree_str(pod, "metadata.uid");
}

#define ORDER(left, right)                                                                         \
	do {                                                                                       \
		if ((left) != (right))                                                             \
			return (left) < (right) ? -1 : 1;                                          \
	} while (0)

static int compare_ages(const struct candidate *a, const struct candidate *b)
{
	if (a->ready && b->ready && a->since != b->since) {
		ORDER(a->has_since, b->has_since);
		ORDER(a->age_ready, b->age_ready);
		return str_cmp(a->uid, b->uid);
	}
	ORDER(b->restarts, a->restarts);
	ORDER(b->sidecar_restarts, a->sidecar_restarts);
	if (a->created != b->created) {
		ORDER(a->has_created, b->has_created);
		ORDER(a->age, b->age);
	}
	return str_cmp(a->uid, b->uid);
}

static int compare(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	ORDER(a->assigned, b->assigned);
	ORDER(a->phase, b->phase);
	ORDER(a->ready, b->ready);
	ORDER(a->cost, b->cost);
	ORDER(b->crowd, a->crowd);
	return compare_ages(a, b);
}

void sort_for_deletion(
	struct arena *a, struct trees *pods, const struct trees *related, int64_t now)
{
	struct candidate *rows = arena_alloc(a, (pods->count + 1) * sizeof(*rows));

	for (size_t i = 0; i < pods->count; i++)
		read_candidate(&rows[i], pods->items[i], related, now);
	qsort(rows, pods->count, sizeof(*rows), compare);
	for (size_t i = 0; i < pods->count; i++)
		pods->items[i] = rows[i].pod;
}
