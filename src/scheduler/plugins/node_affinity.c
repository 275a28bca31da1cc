/* nodeSelector and node affinity. */
#include "plugins.h"

/*
 * Terms that name their nodes (metadata.name In …) need no search: only these are looked at. As
 * upstream, only if every term does so.
 */
static bool named_nodes(struct cycle *c, const struct str **names, size_t *count)
{
	const struct node_selector *s = &c->pod->node_terms;
	struct str *all = NULL;

	*count = 0;
	if (!c->pod->node_required || !s->count)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct node_term *t = &s->terms[i];
		const struct node_demand *by_name = NULL;

		for (size_t f = 0; f < t->field_count; f++)
			if (str_eq_text(t->fields[f].key, "metadata.name") &&
				t->fields[f].op == SEL_IN)
				by_name = &t->fields[f];
		if (!by_name)
			return false;
		struct str *grown =
			arena_new(c->arena, (*count + by_name->count + 1) * sizeof(*grown));
		if (*count)
			memcpy(grown, all, *count * sizeof(*grown));
		memcpy(grown + *count, by_name->values, by_name->count * sizeof(*grown));
		*count += by_name->count;
		all = grown;
	}
	*names = all;
	return true;
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	const struct str *names;
	size_t count;

	(void)state;
	if (!c->pod->node_labels.count && !c->pod->node_required)
		return (struct verdict){.code = VERDICT_SKIP};
	if (named_nodes(c, &names, &count))
		cycle_only(c, "NodeAffinity", names, count);
	return VERDICT_FINE;
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	(void)state;
	if (pod_accepts_node(c->pod, &n->facts->labels, n->facts->name))
		return VERDICT_FINE;
	return VERDICT_OF(
		VERDICT_UNRESOLVABLE, "node(s) didn't match Pod's node affinity/selector");
}

static struct verdict pre_score(
	struct cycle *c, void **state, struct node *const *nodes, size_t count)
{
	(void)state;
	(void)nodes;
	(void)count;
	return (struct verdict){.code = c->pod->node_wish_count ? VERDICT_OK : VERDICT_SKIP};
}

static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	int64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < c->pod->node_wish_count; i++) {
		const struct node_term *t = &c->pod->node_wishes[i];

		if (t->weight && node_term_matches(t, &n->facts->labels, n->facts->name))
			sum += t->weight;
	}
	return sum;
}

static void normalize(
	struct cycle *c, void *state, struct node *const *nodes, int64_t *scores, size_t count)
{
	(void)c;
	(void)state;
	(void)nodes;
	scores_normalize(scores, count, false);
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	if (!h->node)
		return false;
	return pod_accepts_node(p, &h->node->labels, h->node->name) &&
	       (!h->old_node || !pod_accepts_node(p, &h->old_node->labels, h->old_node->name));
}

const struct plugin plugin_node_affinity = {
	.name = "NodeAffinity",
	.weight = 2,
	.pre_filter = pre_filter,
	.filter = filter,
	.pre_score = pre_score,
	.score = score,
	.normalize = normalize,
	.events = HAPPENED_NODE_ADD | HAPPENED_NODE_LABELS,
	.hint = hint,
};
