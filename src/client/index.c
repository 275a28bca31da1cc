/* The indexes that come with informers. */
#include <kube/informer.h>

#include <kube/api_codec.h>

static void namespace_keys(const struct informer_index *index, const struct cJSON *object,
	informer_emit_fn *emit, void *ctx)
{
	(void)index;
	emit(ctx, tree_str(object, "metadata.namespace"));
}

struct informer_index index_by_namespace(void)
{
	return (struct informer_index){.name = "namespace", .keys = namespace_keys};
}

static void owner_keys(const struct informer_index *index, const struct cJSON *object,
	informer_emit_fn *emit, void *ctx)
{
	(void)index;
	json_each (owner, json_path(object, "metadata.ownerReferences"))
		emit(ctx, tree_str(owner, "uid"));
}

struct informer_index index_by_owner(void)
{
	return (struct informer_index){.name = "owner", .keys = owner_keys};
}

static void controller_keys(const struct informer_index *index, const struct cJSON *object,
	informer_emit_fn *emit, void *ctx)
{
	(void)index;
	json_each (owner, json_path(object, "metadata.ownerReferences"))
		if (tree_true(owner, "controller"))
			emit(ctx, tree_str(owner, "uid"));
}

struct informer_index index_by_controller(void)
{
	return (struct informer_index){.name = "controller", .keys = controller_keys};
}

/* Keys of labels contain dots: no path leads to them. */
static void label_keys(const struct informer_index *index, const struct cJSON *object,
	informer_emit_fn *emit, void *ctx)
{
	const struct cJSON *value =
		json_get(json_path(object, "metadata.labels"), str_from(index->argument));

	if (json_is(value, JSON_STRING))
		emit(ctx, json_str(value));
}

struct informer_index index_by_label(const char *label)
{
	return (struct informer_index){.name = label, .keys = label_keys, .argument = label};
}

static void field_keys(const struct informer_index *index, const struct cJSON *object,
	informer_emit_fn *emit, void *ctx)
{
	emit(ctx, tree_str(object, index->argument));
}

struct informer_index index_by_field(const char *dotted)
{
	return (struct informer_index){.name = dotted, .keys = field_keys, .argument = dotted};
}
