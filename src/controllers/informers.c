/* One informer a resource for all controllers, with the indexes that any of them asks for. */
#include "controllers.h"

/*
 * Who may decide about an object: the uid of its controller, or its namespace while it has none,
 * since all of that namespace may claim it.
 */
static void claim_keys(const struct informer_index *index, const struct cJSON *object,
	informer_emit_fn *emit, void *ctx)
{
	(void)index;
	json_each (owner, json_path(object, "metadata.ownerReferences")) {
		if (!tree_true(owner, "controller"))
			continue;
		emit(ctx, tree_str(owner, "uid"));
		return;
	}
	emit(ctx, tree_str(object, "metadata.namespace"));
}

static struct informer_index index_by_claim(void)
{
	return (struct informer_index){.name = "claim", .keys = claim_keys};
}

#define INDEX_MAX 6

/* Beyond "namespace", "claim" and "owner", which all have. */
static size_t more_indexes(const struct resource *r, struct informer_index *to)
{
	size_t count = 0;

	if (str_eq_text(r->plural, "pods") && !r->group.len)
		to[count++] = index_by_field("spec.nodeName");
	if (str_eq_text(r->plural, "endpointslices"))
		to[count++] = index_by_label("kubernetes.io/service-name");
	return count;
}

struct informer *controllers_own_informer(
	const struct controllers_world *w, const struct resource *r)
{
	const struct informer_index index = index_by_namespace();

	return informer_new(w->base.scope, &(struct informer_options){.client = w->base.client,
						   .resource = r,
						   .indexes = &index,
						   .index_count = 1});
}

struct informer *controllers_informer(const struct controllers_world *w, const struct resource *r)
{
	struct informer_index indexes[INDEX_MAX] = {
		index_by_namespace(), index_by_claim(), index_by_owner()};
	struct informer_options options = {.resource = r, .indexes = indexes, .index_count = 3};

	options.index_count += more_indexes(r, &indexes[3]);
	return informers_get(w->base.informers, &options);
}
