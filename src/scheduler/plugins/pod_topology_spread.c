/*
 * Pods of one kind are to be spread over zones, hosts or what else a label of nodes tells apart:
 * no domain may have more of them than the emptiest plus the skew (hard), or emptier ones are
 * better (soft). Pods that ask for nothing are spread softly with those of their service or
 * controller.
 */
#include "domains.h"
#include "plugins.h"

#include <math.h>

#define HOSTNAME "kubernetes.io/hostname"

struct constraint {
	const struct spread *spread;
	struct domains domains;
	int64_t least;
	bool least_stale;
	double weight; /* of soft ones */
	size_t column; /* of the counted kindred, and 1; 0: has to be counted */
};
struct spreading {
	struct constraint *items;
	size_t count;
	bool all_labels; /* nodes without one of the labels stand aside */
};

/* ---- which constraints ---- */

static struct spreading *of_spreads(
	struct cycle *c, const struct spread *spreads, size_t count, bool soft)
{
	struct spreading *s = arena_new(c->arena, sizeof(*s));

	s->items = arena_new(c->arena, (count + 1) * sizeof(*s->items));
	s->all_labels = true;
	for (size_t i = 0; i < count; i++)
		if (spreads[i].soft == soft)
			s->items[s->count++] = (struct constraint){.spread = &spreads[i],
				.domains.key = spreads[i].topology,
				.least_stale = true};
	for (size_t i = 0; i < s->count && s->count < KINDRED_MAX / 2; i++)
		s->items[i].column = 1 + kindred_ask(c->cluster, c->arena, c->pod->namespace,
						 &s->items[i].spread->selector);
	return s;
}

/* What is asked for by default: softly, hosts 3 apart and zones 5. */
static struct spreading *by_default(struct cycle *c)
{
	struct selector sum = {0};

	if (!c->profile->no_default_spreading)
		sum = kindred_selector(c->cluster, c->arena, c->pod);
	if (!sum.count)
		return of_spreads(c, NULL, 0, true);
	struct spread *both = arena_new(c->arena, 2 * sizeof(*both));
	both[0] = (struct spread){.max_skew = 3,
		.min_domains = 1,
		.topology = STR(HOSTNAME),
		.selector = sum,
		.soft = true};
	both[1] = both[0];
	both[1].max_skew = 5;
	both[1].topology = STR("topology.kubernetes.io/zone");
	struct spreading *s = of_spreads(c, both, 2, true);
	s->all_labels = false;
	return s;
}

/* ---- counting ---- */

static bool has_labels(const struct spreading *s, const struct labels *node)
{
	for (size_t i = 0; i < s->count; i++)
		if (!labels_get(node, s->items[i].spread->topology))
			return false;
	return true;
}

static bool keeps_away(const struct pod *p, const struct node_facts *n)
{
	for (size_t i = 0; n->tainted && i < n->taint_count; i++)
		if (n->taints[i].effect != TAINT_PREFER_NO_SCHEDULE &&
			!pod_tolerates(p, &n->taints[i]))
			return true;
	return false;
}

/* Does the node count for that constraint? */
static bool counts(struct cycle *c, const struct spread *s, const struct node *n)
{
	if (!s->ignore_affinity && !pod_accepts_node(c->pod, &n->facts->labels, n->facts->name))
		return false;
	return !s->honor_taints || !keeps_away(c->pod, n->facts);
}

static bool alike(struct cycle *c, const struct spread *s, const struct pod *placed)
{
	return kindred_alike(placed, c->pod->namespace, &s->selector);
}

static int64_t count_alike(struct cycle *c, const struct constraint *k, const struct node *n)
{
	int64_t count = 0;

	if (k->column)
		return n->kindred ? n->kindred[k->column - 1] : 0;
	for (size_t i = 0; i < n->pods.count; i++)
		count += alike(c, k->spread, n->pods.items[i]);
	return count;
}

static int64_t least_of(struct constraint *k)
{
	if (!k->least_stale)
		return k->least;
	k->least = INT32_MAX;
	domains_each(it, &k->domains) k->least = MIN(k->least, it->count);
	k->least_stale = false;
	if ((int64_t)k->domains.count < k->spread->min_domains)
		k->least = 0;
	return k->least;
}

/* ---- must ---- */

static struct verdict pre_filter(struct cycle *c, void **state)
{
	struct spreading *s = of_spreads(c, c->pod->spreads, c->pod->spread_count, false);

	*state = s;
	if (!s->count)
		return (struct verdict){.code = VERDICT_SKIP};
	for (size_t i = 0; i < c->cluster->node_count; i++) {
		const struct node *n = c->cluster->nodes[i];

		if (!has_labels(s, &n->facts->labels))
			continue;
		for (size_t k = 0; k < s->count; k++) {
			const struct spread *one = s->items[k].spread;

			if (counts(c, one, n))
				domains_at(&s->items[k].domains, c->arena,
					*labels_get(&n->facts->labels, one->topology))
					->count += count_alike(c, &s->items[k], n);
		}
	}
	return VERDICT_FINE;
}

static void pod_changed(
	struct cycle *c, void *state, const struct node *n, const struct pod *p, int sign)
{
	struct spreading *s = state;

	if (!str_eq(p->namespace, c->pod->namespace) || !has_labels(s, &n->facts->labels))
		return;
	for (size_t i = 0; i < s->count; i++) {
		struct constraint *k = &s->items[i];

		if (!alike(c, k->spread, p) || !counts(c, k->spread, n))
			continue;
		domains_at(
			&k->domains, c->arena, *labels_get(&n->facts->labels, k->spread->topology))
			->count += sign;
		k->least_stale = true;
	}
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	struct spreading *s = state;

	for (size_t i = 0; i < s->count; i++) {
		struct constraint *k = &s->items[i];
		const struct str *value = labels_get(&n->facts->labels, k->spread->topology);

		if (!value)
			return VERDICT_OF(VERDICT_UNRESOLVABLE,
				"node(s) didn't match pod topology spread constraints (missing "
				"required label)");
		const struct domain *domain = domains_find(&k->domains, *value);
		int64_t there = domain ? domain->count : 0;
		bool self = labels_match(&k->spread->selector, &c->pod->labels);
		if (there + self - least_of(k) > k->spread->max_skew)
			return VERDICT_OF(VERDICT_REJECTED,
				"node(s) didn't match pod topology spread constraints");
	}
	return VERDICT_FINE;
}

/* ---- should ---- */

static bool by_host(const struct constraint *k)
{
	return str_eq_text(k->spread->topology, HOSTNAME);
}

/* Domains are those of the candidates; the more there are, the more a pod in each matters. */
static void find_domains(
	struct cycle *c, struct spreading *s, struct node *const *nodes, size_t count)
{
	size_t aside = 0;

	for (size_t i = 0; i < count; i++) {
		const struct labels *labels = &nodes[i]->facts->labels;

		if (s->all_labels && !has_labels(s, labels)) {
			aside++;
			continue;
		}
		for (size_t k = 0; k < s->count; k++) {
			const struct str *value = labels_get(labels, s->items[k].spread->topology);

			/* Of hosts each is asked by itself; no label counts as an empty one. */
			if (!by_host(&s->items[k]))
				domains_at(
					&s->items[k].domains, c->arena, value ? *value : STR(""));
		}
	}
	for (size_t k = 0; k < s->count; k++) {
		size_t size = by_host(&s->items[k]) ? count - aside : s->items[k].domains.count;

		s->items[k].weight = log((double)size + 2);
	}
}

static void count_domains(struct cycle *c, const struct spreading *s, struct constraint *k)
{
	for (size_t i = 0; i < c->cluster->node_count; i++) {
		const struct node *n = c->cluster->nodes[i];
		const struct labels *labels = &n->facts->labels;
		int64_t there = count_alike(c, k, n);

		if (!there || (s->all_labels && !has_labels(s, labels)))
			continue;
		const struct str *value = labels_get(labels, k->spread->topology);
		struct domain *domain = domains_find(&k->domains, value ? *value : STR(""));
		if (domain && counts(c, k->spread, n))
			domain->count += there;
	}
}

static struct verdict pre_score(
	struct cycle *c, void **state, struct node *const *nodes, size_t count)
{
	struct spreading *s = c->pod->spread_count
				      ? of_spreads(c, c->pod->spreads, c->pod->spread_count, true)
				      : by_default(c);

	*state = s;
	if (!s->count)
		return (struct verdict){.code = VERDICT_SKIP};
	find_domains(c, s, nodes, count);
	for (size_t i = 0; i < s->count; i++)
		if (!by_host(&s->items[i]))
			count_domains(c, s, &s->items[i]);
	return VERDICT_FINE;
}

static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	struct spreading *s = state;
	double sum = 0;

	if (s->all_labels && !has_labels(s, &n->facts->labels))
		return 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct constraint *k = &s->items[i];
		const struct str *value = labels_get(&n->facts->labels, k->spread->topology);

		if (!value)
			continue;
		const struct domain *domain = domains_find(&k->domains, *value);
		int64_t there = by_host(k) ? count_alike(c, k, n) : domain ? domain->count : 0;
		sum += (double)there * k->weight + (double)(k->spread->max_skew - 1);
	}
	return (int64_t)round(sum);
}

static void normalize(
	struct cycle *c, void *state, struct node *const *nodes, int64_t *scores, size_t count)
{
	const struct spreading *s = state;
	int64_t least = INT64_MAX, most = 0;

	(void)c;
	for (size_t i = 0; i < count; i++) {
		if (s->all_labels && !has_labels(s, &nodes[i]->facts->labels)) {
			scores[i] = -1;
			continue;
		}
		least = MIN(least, scores[i]);
		most = MAX(most, scores[i]);
	}
	for (size_t i = 0; i < count; i++)
		scores[i] = scores[i] < 0 ? 0
			    : most        ? SCORE_MAX * (most + least - scores[i]) / most
					  : SCORE_MAX;
}

/* ---- what may help ---- */

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	if (h->kind & (HAPPENED_SELF | HAPPENED_NODE | HAPPENED_NODE_DELETE))
		return true;
	for (size_t i = 0; i < p->spread_count; i++) {
		const struct spread *s = &p->spreads[i];

		if (s->soft)
			continue;
		if (h->pod && str_eq(h->pod->namespace, p->namespace) &&
			labels_match(&s->selector, &h->pod->labels))
			return true;
		if (h->old_pod && str_eq(h->old_pod->namespace, p->namespace) &&
			labels_match(&s->selector, &h->old_pod->labels))
			return true;
	}
	return false;
}

const struct plugin plugin_pod_topology_spread = {
	.name = "PodTopologySpread",
	.weight = 2,
	.pre_filter = pre_filter,
	.filter = filter,
	.pod_changed = pod_changed,
	.pre_score = pre_score,
	.score = score,
	.normalize = normalize,
	.events = HAPPENED_POD_ADD | HAPPENED_POD_LABELS | HAPPENED_POD_DELETE | HAPPENED_NODE |
		  HAPPENED_NODE_DELETE | HAPPENED_SELF,
	.hint = hint,
};
