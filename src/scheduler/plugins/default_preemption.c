/*
 * Room made for a more important pod: on each node that could help, all less important pods are
 * thought away; if the pod fits then, as many as possible are thought back, the most important
 * first. The node whose victims matter least is taken.
 */
#include "plugins.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

#include <stdlib.h>

/* How many candidates are enough: a tenth of the nodes, but no fewer than this. */
#define CANDIDATES_MIN 100

struct budget {
	struct str namespace;
	struct selector selector;
	int64_t allowed;
	const struct cJSON *disrupted; /* pods that have been counted already */
};
struct budgets {
	struct budget *items;
	size_t count;
};

struct candidate {
	struct node *node;
	struct pod **victims; /* the most important first */
	size_t count, violations;
};

/* ---- budgets ---- */

static struct budgets read_budgets(struct cycle *c)
{
	const struct omap *shelf = &c->cluster->shelves[SHELF_BUDGETS];
	struct budgets b = {.items = arena_new(c->arena, (shelf->count + 1) * sizeof(*b.items))};

	omap_each (it, shelf) {
		const struct cJSON *tree = object_lean_tree(c->arena, it.value);
		struct budget *one = &b.items[b.count];

		one->namespace = tree_str(tree, "metadata.namespace");
		one->allowed = tree_int(tree, "status.disruptionsAllowed", 0);
		one->disrupted = json_path(tree, "status.disruptedPods");
		if (label_selector_from(
			    c->arena, json_path(tree, "spec.selector"), &one->selector, NULL))
			continue;
		b.count += one->selector.count != 0; /* an empty selector protects nobody here */
	}
	return b;
}

/* Takes one of each budget that protects the pod; true: one of them had none left. */
static bool takes_from_budget(struct budgets *b, const struct pod *p)
{
	bool violates = false;

	for (size_t i = 0; i < b->count && p->labels.count; i++) {
		struct budget *one = &b->items[i];

		if (!str_eq(one->namespace, p->namespace) ||
			!labels_match(&one->selector, &p->labels) ||
			json_get(one->disrupted, p->name))
			continue;
		violates |= --one->allowed < 0;
	}
	return violates;
}

/* ---- one node ---- */

/* Who has not begun yet is the first to go among equals. */
static int64_t start_of(const struct pod *p)
{
	return p->started ? p->started : INT64_MAX;
}

static int by_importance(const void *a, const void *b)
{
	const struct pod *one = *(struct pod *const *)a, *other = *(struct pod *const *)b;
	int64_t since = start_of(one), other_since = start_of(other);

	if (one->priority != other->priority)
		return one->priority > other->priority ? -1 : 1;
	if (since != other_since)
		return since < other_since ? -1 : 1;
	return str_cmp(one->key, other->key);
}

static void think(struct cycle *c, struct node *n, struct pod *p, int sign)
{
	if (sign > 0)
		node_add_pod(n, p);
	else
		node_remove_pod(n, p);
	cycle_pod_changed(c, n, p, sign);
}

/* Back with those who may stay; who may not becomes a victim. */
static size_t reprieve(
	struct cycle *c, struct node *n, struct candidate *found, struct pod **pods, size_t count)
{
	size_t victims = 0;
	uint32_t by;

	for (size_t i = 0; i < count; i++) {
		think(c, n, pods[i], 1);
		if (cycle_filter_node(c, n, &by).code == VERDICT_OK)
			continue;
		think(c, n, pods[i], -1);
		found->victims[found->count++] = pods[i];
		victims++;
	}
	return victims;
}

static void select_victims(struct cycle *c, struct node *n, const struct budgets *budgets,
	struct candidate *found, struct pod **lesser, size_t count)
{
	struct budgets left = {.count = budgets->count,
		.items = arena_copy(
			c->arena, budgets->items, (budgets->count + 1) * sizeof(*budgets->items))};
	struct pod **guarded = arena_new(c->arena, count * sizeof(struct pod *));
	struct pod **others = arena_new(c->arena, count * sizeof(struct pod *));
	size_t guarded_count = 0, other_count = 0;

	qsort(lesser, count, sizeof(struct pod *), by_importance);
	for (size_t i = 0; i < count; i++) {
		if (takes_from_budget(&left, lesser[i]))
			guarded[guarded_count++] = lesser[i];
		else
			others[other_count++] = lesser[i];
	}
	found->violations = reprieve(c, n, found, guarded, guarded_count);
	reprieve(c, n, found, others, other_count);
	qsort(found->victims, found->count, sizeof(struct pod *), by_importance);
}

static struct verdict try_node(
	struct cycle *c, struct node *real, const struct budgets *budgets, struct candidate *found)
{
	struct node *n = node_copy(real);
	struct pod **lesser = arena_new(c->arena, (n->pods.count + 1) * sizeof(struct pod *));
	size_t count = 0;
	uint32_t by;
	struct verdict v;

	for (size_t i = 0; i < n->pods.count; i++)
		if (n->pods.items[i]->priority < c->pod->priority)
			lesser[count++] = n->pods.items[i];
	if (!count) {
		node_free(n);
		return VERDICT_OF(
			VERDICT_UNRESOLVABLE, "No preemption victims found for incoming pod");
	}
	*found = (struct candidate){
		.node = real, .victims = arena_new(c->arena, count * sizeof(struct pod *))};
	for (size_t i = 0; i < count; i++)
		think(c, n, lesser[i], -1);
	v = cycle_filter_node(c, n, &by);
	if (v.code == VERDICT_OK)
		select_victims(c, n, budgets, found, lesser, count);
	/* What was thought away and did not come back: the cycle must see the real node again. */
	if (v.code == VERDICT_OK)
		for (size_t i = 0; i < found->count; i++)
			think(c, n, found->victims[i], 1);
	else
		for (size_t i = 0; i < count; i++)
			think(c, n, lesser[i], 1);
	node_free(n);
	return v;
}

/* ---- the best of them ---- */

/* Smaller is better; each only decides among those that are equal so far. */
static int64_t badness(const struct candidate *c, int rule)
{
	int64_t sum = 0, earliest = INT64_MAX;

	switch (rule) {
	case 0:
		return (int64_t)c->violations;
	case 1:
		return c->victims[0]->priority;
	case 2:
		for (size_t i = 0; i < c->count; i++)
			sum += (int64_t)c->victims[i]->priority + PRIORITY_MAX + 1;
		return sum;
	case 3:
		return (int64_t)c->count;
	default:
		/* Of the most important victims the one that has run longest. */
		for (size_t i = 0; i < c->count; i++)
			if (c->victims[i]->priority == c->victims[0]->priority)
				earliest = MIN(earliest, start_of(c->victims[i]));
		return -earliest;
	}
}

static const struct candidate *best(const struct candidate *all, size_t count)
{
	const struct candidate *best = &all[0];

	for (size_t i = 1; i < count; i++)
		for (int rule = 0; rule < 5; rule++) {
			int64_t a = badness(&all[i], rule), b = badness(best, rule);

			if (a == b)
				continue;
			if (a < b)
				best = &all[i];
			break;
		}
	return best;
}

/* ---- the plugin ---- */

/* Who waits for victims to go does not kill more. */
static bool waits_already(struct cycle *c)
{
	struct str name = cluster_nomination(c->cluster, c->pod->uid);
	struct node *n = cluster_node(c->cluster, name.len ? name : c->pod->nominated);

	if (!n || c->judged[n->index].verdict.code == VERDICT_UNRESOLVABLE)
		return false;
	for (size_t i = 0; i < n->pods.count; i++) {
		const struct pod *p = n->pods.items[i];

		if (p->priority < c->pod->priority && p->terminating && p->preempted)
			return true;
	}
	return false;
}

static size_t find_candidates(
	struct cycle *c, struct candidate *found, struct judged *tried, size_t *tried_count)
{
	struct cluster *cluster = c->cluster;
	size_t all = cluster->node_count, potential = 0, count = 0, clean = 0;
	struct node **nodes = arena_new(c->arena, all * sizeof(struct node *));
	struct budgets budgets = read_budgets(c);

	for (size_t i = 0; i < all; i++)
		if (c->judged[i].verdict.code == VERDICT_REJECTED)
			nodes[potential++] = cluster->nodes[i];
	if (!potential)
		return 0;
	size_t wanted = MIN(MAX(potential / 10, (size_t)CANDIDATES_MIN), potential);
	size_t start = cluster_random(cluster) % potential;
	for (size_t i = 0; i < potential && !(clean && count >= wanted); i++) {
		struct node *n = nodes[(start + i) % potential];
		struct verdict v = try_node(c, n, &budgets, &found[count]);

		if (v.code != VERDICT_OK)
			tried[(*tried_count)++].verdict = v;
		else if (found[count].count)
			clean += !found[count++].violations;
	}
	return count;
}

static struct verdict post_filter(struct cycle *c, void *state, struct decision *d)
{
	static const struct str not_helpful = STR_INIT("Preemption is not helpful for scheduling");
	size_t all = c->cluster->node_count, tried_count = 0;

	(void)state;
	if (c->pod->never_preempts)
		return VERDICT_OF(VERDICT_REJECTED,
			"preemption: not eligible due to preemptionPolicy=Never.");
	if (waits_already(c))
		return VERDICT_OF(VERDICT_REJECTED,
			"preemption: not eligible due to a terminating pod on the nominated node.");
	struct candidate *found = arena_new(c->arena, all * sizeof(*found));
	struct judged *tried = arena_new(c->arena, all * sizeof(*tried));
	size_t count = find_candidates(c, found, tried, &tried_count);
	d->nominate = true;
	if (!count) {
		struct verdict absent = {
			.code = VERDICT_UNRESOLVABLE, .count = 1, .reasons = &not_helpful};
		struct str why = cycle_explain(c, tried, tried_count, absent, all - tried_count);

		return cycle_reject(c, VERDICT_REJECTED, "preemption: %.*s", STRF(why));
	}
	const struct candidate *chosen = best(found, count);
	d->nominated = arena_str(c->arena, chosen->node->facts->name);
	d->victims = chosen->victims;
	d->victim_count = chosen->count;
	return VERDICT_FINE;
}

const struct plugin plugin_default_preemption = {
	.name = "DefaultPreemption",
	.post_filter = post_filter,
};
