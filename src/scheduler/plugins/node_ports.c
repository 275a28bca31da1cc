/* A port of the host can be had once, for each protocol and address. */
#include "plugins.h"

static bool clash(const struct host_port *a, const struct host_port *b)
{
	return a->port == b->port && str_eq(a->protocol, b->protocol) &&
	       (!a->ip.len || !b->ip.len || str_eq(a->ip, b->ip));
}

static bool pods_clash(const struct pod *a, const struct pod *b)
{
	for (size_t i = 0; i < a->port_count; i++)
		for (size_t k = 0; k < b->port_count; k++)
			if (clash(&a->ports[i], &b->ports[k]))
				return true;
	return false;
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	(void)state;
	return (struct verdict){.code = c->pod->port_count ? VERDICT_OK : VERDICT_SKIP};
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	(void)state;
	for (size_t i = 0; i < n->holding_ports.count; i++)
		if (pods_clash(c->pod, n->holding_ports.items[i]))
			return VERDICT_OF(VERDICT_REJECTED,
				"node(s) didn't have free ports for the requested pod ports");
	return VERDICT_FINE;
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	if (h->kind & HAPPENED_POD_DELETE)
		return h->old_pod && pods_clash(p, h->old_pod);
	return true;
}

const struct plugin plugin_node_ports = {
	.name = "NodePorts",
	.pre_filter = pre_filter,
	.filter = filter,
	.events = HAPPENED_POD_DELETE | HAPPENED_NODE_ADD,
	.hint = hint,
};
