/* Nodes on which CPU and memory would be used to about the same share are better. */
#include "plugins.h"

static struct verdict pre_score(
	struct cycle *c, void **state, struct node *const *nodes, size_t count)
{
	(void)state;
	(void)nodes;
	(void)count;
	return (struct verdict){.code = c->pod->best_effort ? VERDICT_SKIP : VERDICT_OK};
}

static double share_used(int64_t all, int64_t used)
{
	return used >= all ? 1 : (double)used / (double)all;
}

/* 1 less the standard deviation of the shares, which for two is half their distance. */
static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	const struct amounts *all = &n->facts->allocatable;

	(void)state;
	if (!all->cpu || !all->memory)
		return SCORE_MAX;
	double cpu = share_used(all->cpu, n->used.cpu + c->pod->requests.cpu);
	double memory = share_used(all->memory, n->used.memory + c->pod->requests.memory);
	double apart = cpu > memory ? cpu - memory : memory - cpu;

	return (int64_t)((1 - apart / 2) * SCORE_MAX);
}

const struct plugin plugin_balanced_allocation = {
	.name = "NodeResourcesBalancedAllocation",
	.weight = 1,
	.pre_score = pre_score,
	.score = score,
};
