#include "configurations.h"

#include <kube/api_codec.h>

const struct cJSON **configuration_trees(struct arena *a, const struct bucket *b, size_t *count)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));
	const struct cJSON **trees = arena_new(a, (store_count(b) + 1) * sizeof(*trees));

	*count = 0;
	while (store_next(&it))
		trees[(*count)++] = object_lean_tree(a, it.object);
	return trees;
}

struct bucket *configuration_bucket(struct api_server *s, const char *plural)
{
	return server_bucket(
		s, resource_find(STR("admissionregistration.k8s.io"), STR("v1"), str_from(plural)));
}

bool configuration_selector(struct arena *a, const struct cJSON *tree, struct selector *s)
{
	if (!json_count(tree))
		return true;
	if (label_selector_from(a, tree, s, NULL))
		*s = (struct selector){.nothing = true};
	return false;
}
