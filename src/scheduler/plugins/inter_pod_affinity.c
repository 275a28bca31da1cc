/*
 * A pod wants to be near certain pods, or away from them, by a label of nodes that says what near
 * means; and pods that are there already may not want it near. First all that matters is counted
 * by that label's values, so that a node is then judged by a few look-ups.
 */
#include "domains.h"
#include "plugins.h"

/* Pods that must be near the new one make its way a little better. */
#define HARD_WEIGHT 1

/* ---- must ---- */

struct counted {
	struct domain_sets refusing; /* placed pods that do not want it near */
	struct domain_sets near;     /* placed pods that match all of its terms */
	struct domain_sets away;     /* placed pods that match one of its counter-terms */
};

static bool all_match(const struct cluster *c, const struct pod_terms *terms, const struct pod *p)
{
	for (size_t i = 0; i < terms->count; i++)
		if (!cluster_term_matches(c, &terms->items[i], p))
			return false;
	return terms->count;
}

static void count_refusing(struct cycle *c, struct counted *s, const struct labels *node,
	const struct pod *placed, int sign)
{
	for (size_t i = 0; i < placed->anti_affinity.count; i++) {
		const struct pod_term *t = &placed->anti_affinity.items[i];

		if (cluster_term_matches(c->cluster, t, c->pod))
			domain_sets_add(&s->refusing, c->arena, t->topology, node, sign);
	}
}

static void count_wanted(struct cycle *c, struct counted *s, const struct labels *node,
	const struct pod *placed, int sign)
{
	const struct pod_terms *with = &c->pod->affinity, *against = &c->pod->anti_affinity;

	if (all_match(c->cluster, with, placed))
		for (size_t i = 0; i < with->count; i++)
			domain_sets_add(&s->near, c->arena, with->items[i].topology, node, sign);
	for (size_t i = 0; i < against->count; i++)
		if (cluster_term_matches(c->cluster, &against->items[i], placed))
			domain_sets_add(&s->away, c->arena, against->items[i].topology, node, sign);
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	struct cluster *cluster = c->cluster;
	bool wants = c->pod->affinity.count || c->pod->anti_affinity.count;
	struct counted *s;

	if (!wants && !cluster->repelling)
		return (struct verdict){.code = VERDICT_SKIP};
	*state = s = arena_new(c->arena, sizeof(*s));
	for (size_t i = 0; i < cluster->node_count; i++) {
		const struct node *n = cluster->nodes[i];
		const struct labels *labels = &n->facts->labels;

		for (size_t k = 0; k < n->repelling.count; k++)
			count_refusing(c, s, labels, n->repelling.items[k], 1);
		for (size_t k = 0; wants && k < n->pods.count; k++)
			count_wanted(c, s, labels, n->pods.items[k], 1);
	}
	if (!wants && !s->refusing.count)
		return (struct verdict){.code = VERDICT_SKIP};
	return VERDICT_FINE;
}

static void pod_changed(
	struct cycle *c, void *state, const struct node *n, const struct pod *p, int sign)
{
	count_refusing(c, state, &n->facts->labels, p, sign);
	count_wanted(c, state, &n->facts->labels, p, sign);
}

/* The first of a group that wants to be together has nobody to be near: it may go anywhere. */
static bool near_enough(struct cycle *c, const struct counted *s, const struct labels *node)
{
	const struct pod_terms *with = &c->pod->affinity;
	bool found = true;

	for (size_t i = 0; i < with->count; i++) {
		const struct str *value = labels_get(node, with->items[i].topology);

		if (!value)
			return false;
		found &= domain_sets_get(&s->near, with->items[i].topology, *value) > 0;
	}
	return found || (domain_sets_empty(&s->near) && all_match(c->cluster, with, c->pod));
}

static bool far_enough(struct cycle *c, const struct counted *s, const struct labels *node)
{
	const struct pod_terms *against = &c->pod->anti_affinity;

	for (size_t i = 0; i < against->count; i++) {
		const struct str *value = labels_get(node, against->items[i].topology);

		if (value && domain_sets_get(&s->away, against->items[i].topology, *value) > 0)
			return false;
	}
	return true;
}

static bool is_refused(const struct counted *s, const struct labels *node)
{
	for (size_t i = 0; i < s->refusing.count; i++) {
		struct str key = s->refusing.items[i].key;
		const struct str *value = labels_get(node, key);

		if (value && domain_sets_get(&s->refusing, key, *value) > 0)
			return true;
	}
	return false;
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	const struct labels *labels = &n->facts->labels;

	if (!near_enough(c, state, labels))
		return VERDICT_OF(VERDICT_UNRESOLVABLE, "node(s) didn't match pod affinity rules");
	if (!far_enough(c, state, labels))
		return VERDICT_OF(VERDICT_REJECTED, "node(s) didn't match pod anti-affinity rules");
	if (is_refused(state, labels))
		return VERDICT_OF(VERDICT_REJECTED,
			"node(s) didn't satisfy existing pods anti-affinity rules");
	return VERDICT_FINE;
}

/* ---- should ---- */

struct wishes {
	struct cycle *cycle;
	struct domain_sets sums;
	const struct labels *node; /* of the pod that is looked at */
};

static void weigh(struct wishes *w, const struct pod_terms *terms, const struct pod *other,
	int64_t sign, int64_t fixed)
{
	for (size_t i = 0; i < terms->count; i++) {
		const struct pod_term *t = &terms->items[i];

		if (cluster_term_matches(w->cycle->cluster, t, other))
			domain_sets_add(&w->sums, w->cycle->arena, t->topology, w->node,
				sign * (fixed ? fixed : t->weight));
	}
}

static void weigh_pod(struct wishes *w, const struct pod *placed)
{
	const struct pod *p = w->cycle->pod;

	weigh(w, &p->affinity_wishes, placed, 1, 0);
	weigh(w, &p->anti_affinity_wishes, placed, -1, 0);
	weigh(w, &placed->affinity, p, 1, HARD_WEIGHT);
	weigh(w, &placed->affinity_wishes, p, 1, 0);
	weigh(w, &placed->anti_affinity_wishes, p, -1, 0);
}

static struct verdict pre_score(
	struct cycle *c, void **state, struct node *const *nodes, size_t count)
{
	bool wants = c->pod->affinity_wishes.count || c->pod->anti_affinity_wishes.count;
	struct wishes *w;

	(void)nodes;
	(void)count;
	if (!wants && !c->cluster->relating)
		return (struct verdict){.code = VERDICT_SKIP};
	*state = w = arena_new(c->arena, sizeof(*w));
	w->cycle = c;
	for (size_t i = 0; i < c->cluster->node_count; i++) {
		const struct node *n = c->cluster->nodes[i];
		const struct pod_list *pods = wants ? &n->pods : &n->relating;

		w->node = &n->facts->labels;
		for (size_t k = 0; k < pods->count; k++)
			weigh_pod(w, pods->items[k]);
	}
	return (struct verdict){.code = w->sums.count ? VERDICT_OK : VERDICT_SKIP};
}

static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	const struct wishes *w = state;
	int64_t sum = 0;

	(void)c;
	for (size_t i = 0; i < w->sums.count; i++) {
		struct str key = w->sums.items[i].key;
		const struct str *value = labels_get(&n->facts->labels, key);

		if (value)
			sum += domain_sets_get(&w->sums, key, *value);
	}
	return sum;
}

/* From the worst, which may be below zero, to the best. */
static void normalize(
	struct cycle *c, void *state, struct node *const *nodes, int64_t *scores, size_t count)
{
	int64_t least = INT64_MAX, most = INT64_MIN;

	(void)c;
	(void)state;
	(void)nodes;
	for (size_t i = 0; i < count; i++) {
		least = MIN(least, scores[i]);
		most = MAX(most, scores[i]);
	}
	for (size_t i = 0; i < count; i++)
		scores[i] = most > least
				    ? (int64_t)((double)SCORE_MAX * ((double)(scores[i] - least) /
									    (double)(most - least)))
				    : 0;
}

/* ---- what may help ---- */

static bool any_matches(const struct cluster *c, const struct pod_terms *terms, const struct pod *p)
{
	for (size_t i = 0; i < terms->count; i++)
		if (cluster_term_matches(c, &terms->items[i], p))
			return true;
	return false;
}

static bool node_has_labels(const struct pod_terms *terms, const struct labels *node)
{
	for (size_t i = 0; i < terms->count; i++)
		if (!labels_get(node, terms->items[i].topology))
			return false;
	return true;
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	if (h->kind & (HAPPENED_NAMESPACE | HAPPENED_SELF))
		return true;
	if (h->node)
		return node_has_labels(&p->affinity, &h->node->labels);
	if (h->pod && all_match(c, &p->affinity, h->pod))
		return true;
	/* Who went, or is another now, may have been in the way; or was the last of the group. */
	return h->old_pod && (any_matches(c, &p->anti_affinity, h->old_pod) ||
				     any_matches(c, &h->old_pod->anti_affinity, p) ||
				     all_match(c, &p->affinity, h->old_pod));
}

const struct plugin plugin_inter_pod_affinity = {
	.name = "InterPodAffinity",
	.weight = 2,
	.pre_filter = pre_filter,
	.filter = filter,
	.pod_changed = pod_changed,
	.pre_score = pre_score,
	.score = score,
	.normalize = normalize,
	.events = HAPPENED_POD_ADD | HAPPENED_POD_LABELS | HAPPENED_POD_DELETE | HAPPENED_NODE_ADD |
		  HAPPENED_NODE_LABELS | HAPPENED_NAMESPACE | HAPPENED_SELF,
	.hint = hint,
};
