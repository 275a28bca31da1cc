/* Taints keep pods away that do not tolerate them; PreferNoSchedule only asks for it. */
#include "plugins.h"

static bool keeps_away(const struct pod *p, const struct node_facts *n)
{
	for (size_t i = 0; i < n->taint_count; i++) {
		const struct taint *t = &n->taints[i];

		if ((t->effect == TAINT_NO_SCHEDULE || t->effect == TAINT_NO_EXECUTE) &&
			!pod_tolerates(p, t))
			return true;
	}
	return false;
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	(void)state;
	return (struct verdict){.code = c->cluster->tainted ? VERDICT_OK : VERDICT_SKIP};
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	(void)state;
	if (!n->facts->tainted || !keeps_away(c->pod, n->facts))
		return VERDICT_FINE;
	return VERDICT_OF(VERDICT_UNRESOLVABLE, "node(s) had untolerated taint(s)");
}

static struct verdict pre_score(
	struct cycle *c, void **state, struct node *const *nodes, size_t count)
{
	(void)state;
	(void)nodes;
	(void)count;
	return (struct verdict){.code = c->cluster->avoided ? VERDICT_OK : VERDICT_SKIP};
}

static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	const struct pod *p = c->pod;
	int64_t intolerable = 0;

	(void)state;
	for (size_t i = 0; i < n->facts->taint_count; i++) {
		const struct taint *t = &n->facts->taints[i];
		bool tolerated = false;

		if (t->effect != TAINT_PREFER_NO_SCHEDULE)
			continue;
		for (size_t k = 0; k < p->toleration_count && !tolerated; k++)
			tolerated = toleration_covers(&p->tolerations[k], t);
		intolerable += !tolerated;
	}
	return intolerable;
}

static void normalize(
	struct cycle *c, void *state, struct node *const *nodes, int64_t *scores, size_t count)
{
	(void)c;
	(void)state;
	(void)nodes;
	scores_normalize(scores, count, true);
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	if (h->kind & HAPPENED_SELF)
		return true;
	return h->node && !keeps_away(p, h->node) && (!h->old_node || keeps_away(p, h->old_node));
}

const struct plugin plugin_taint_toleration = {
	.name = "TaintToleration",
	.weight = 3,
	.pre_filter = pre_filter,
	.filter = filter,
	.pre_score = pre_score,
	.score = score,
	.normalize = normalize,
	.events = HAPPENED_NODE_ADD | HAPPENED_NODE_TAINTS | HAPPENED_SELF,
	.hint = hint,
};
