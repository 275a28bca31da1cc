/* Nodes that have the pod's images already are better, the more so the larger these are. */
#include "plugins.h"

/* Below it does not matter; above all nodes with them are as good. For each container. */
#define SMALL (23 * (int64_t)MIB)
#define LARGE (1000 * (int64_t)MIB)

static struct verdict pre_score(
	struct cycle *c, void **state, struct node *const *nodes, size_t count)
{
	(void)state;
	(void)nodes;
	(void)count;
	for (size_t i = 0; i < c->pod->image_count; i++)
		if (cluster_image_spread(c->cluster, c->pod->images[i]))
			return VERDICT_FINE;
	return (struct verdict){.code = VERDICT_SKIP};
}

static const struct node_image *find_image(const struct node_facts *n, struct str name)
{
	for (size_t i = 0; i < n->image_count; i++)
		if (str_eq(n->images[i].name, name))
			return &n->images[i];
	return NULL;
}

/* An image that few nodes have counts for less, lest all its pods go there. */
static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	int64_t sum = 0, most = LARGE * (int64_t)c->pod->container_count;

	(void)state;
	for (size_t i = 0; i < c->pod->image_count; i++) {
		const struct node_image *image = find_image(n->facts, c->pod->images[i]);

		if (!image)
			continue;
		double spread = (double)cluster_image_spread(c->cluster, image->name) /
				(double)c->cluster->node_count;
		sum += (int64_t)((double)image->size * spread);
	}
	sum = sum < SMALL ? SMALL : MIN(sum, most);
	return most > SMALL ? SCORE_MAX * (sum - SMALL) / (most - SMALL) : 0;
}

const struct plugin plugin_image_locality = {
	.name = "ImageLocality",
	.weight = 1,
	.pre_score = pre_score,
	.score = score,
};
