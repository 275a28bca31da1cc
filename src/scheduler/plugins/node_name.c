/* A pod that names its node wants no other. (Such pods come here only with another scheduler's
 * help: whoever names a node is bound.) */
#include "plugins.h"

static struct verdict pre_filter(struct cycle *c, void **state)
{
	(void)state;
	return (struct verdict){.code = c->pod->node_name.len ? VERDICT_OK : VERDICT_SKIP};
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	(void)state;
	if (str_eq(c->pod->node_name, n->facts->name))
		return VERDICT_FINE;
	return VERDICT_OF(VERDICT_UNRESOLVABLE, "node(s) didn't match the requested node name");
}

const struct plugin plugin_node_name = {
	.name = "NodeName",
	.pre_filter = pre_filter,
	.filter = filter,
	.events = HAPPENED_NODE_ADD,
};
