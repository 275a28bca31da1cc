#include "cluster_node.h"
#include <kube/mem.h>
struct cluster_node {
	int x;
};
void cluster_node_start(struct cluster *c, struct op *op)
{
	static const struct op_kind kind = {.name = "node"};
	c->node = NULL;
	if (op_begin(op, &kind, c))
		op_fail_with(
			op, ERR_UNSUPPORTED, "this version has no kubelet yet: --disable kubelet");
}
void cluster_node_told(struct cluster_node *n, const struct cJSON *node)
{
	(void)n;
	(void)node;
}
void cluster_node_stop(struct cluster_node *n, struct op *op)
{
	(void)n;
	(void)op;
}
void cluster_node_free(struct cluster_node *n)
{
	mem_free(n);
}
