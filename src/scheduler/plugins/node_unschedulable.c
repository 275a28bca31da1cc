/* Cordoned nodes take only pods that tolerate that. */
#include "plugins.h"

static const struct taint cordoned = {
	.key = STR_INIT("node.kubernetes.io/unschedulable"), .effect = TAINT_NO_SCHEDULE};

static struct verdict pre_filter(struct cycle *c, void **state)
{
	(void)state;
	if (!c->cluster->unschedulable || pod_tolerates(c->pod, &cordoned))
		return (struct verdict){.code = VERDICT_SKIP};
	return VERDICT_FINE;
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	(void)c;
	(void)state;
	if (!n->facts->unschedulable)
		return VERDICT_FINE;
	return VERDICT_OF(VERDICT_UNRESOLVABLE, "node(s) were unschedulable");
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	if (h->kind & HAPPENED_SELF)
		return pod_tolerates(p, &cordoned);
	return h->node && !h->node->unschedulable && (!h->old_node || h->old_node->unschedulable);
}

const struct plugin plugin_node_unschedulable = {
	.name = "NodeUnschedulable",
	.pre_filter = pre_filter,
	.filter = filter,
	.events = HAPPENED_NODE_ADD | HAPPENED_NODE_TAINTS | HAPPENED_SELF,
	.hint = hint,
};
