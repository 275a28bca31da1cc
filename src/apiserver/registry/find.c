/* Finding and selecting stored objects. */
#include "registry.h"

#include "custom_kind.h"

struct object *registry_find(struct api_request *r)
{
	const struct resource *hub = r->resource->hub;

	return store_get(
		server_bucket(r->server, hub), server_key(r->arena, hub, r->namespace, r->name));
}

struct object *registry_view(struct api_request *r, struct object *o)
{
	struct object *shown;

	if (!o || !r->resource->custom)
		return o;
	shown = custom_view(r->resource, o);
	request_keep(r, shown);
	object_unref(shown);
	return shown;
}

struct cJSON *registry_stored(struct api_request *r, struct cJSON *tree)
{
	return r->resource->custom ? custom_stored_tree(r->resource, r->arena, tree) : tree;
}

struct str registry_prefix(struct api_request *r)
{
	if (!r->resource->namespaced || !r->namespace.len)
		return STR("");
	return arena_print(r->arena, "%.*s/", STRF(r->namespace));
}

/* ---- fields ---- */

static bool is_meta_field(const struct resource *r, struct str key)
{
	return str_eq_text(key, "metadata.name") ||
	       (r->namespaced && str_eq_text(key, "metadata.namespace"));
}

/* A label that is a path: text as it stands, others as Go prints them. */
static struct str plain_field(struct arena *a, const struct cJSON *tree, struct str key)
{
	const struct cJSON *value = json_path(tree, arena_str(a, key).at);

	if (json_is(value, JSON_NUMBER))
		return json_number_text(a, value);
	if (json_is(value, JSON_BOOL))
		return json_bool(value) ? STR("true") : STR("false");
	return json_str(value);
}

static struct str field_of(struct api_request *r, struct arena *a, const struct object *o,
	struct cJSON **tree, struct str key)
{
	const struct strategy *strategy = r->resource->hub->strategy;

	if (is_meta_field(r->resource, key) || str_eq_text(key, "metadata.namespace"))
		return object_scan(o, arena_str(a, key).at);
	if (!*tree)
		*tree = object_tree(a, o);
	if (strategy->field_value)
		return strategy->field_value(a, *tree, key);
	return plain_field(a, *tree, key);
}

bool registry_selects(struct api_request *r, const struct object *o)
{
	const struct selector *s = &r->options.fields;
	bool selected = true;

	if (r->options.labels.count &&
		!label_selector_matches_text(&r->options.labels, object_labels(o)))
		return false;
	if (!s->count)
		return true;
	_cleanup_(arena_done) struct arena scratch;
	struct cJSON *tree = NULL;

	arena_init(&scratch);
	for (size_t i = 0; selected && i < s->count; i++) {
		struct str value = field_of(r, &scratch, o, &tree, s->terms[i].key);

		selected = str_eq(value, s->terms[i].values[0]) == (s->terms[i].op == SEL_EQ);
	}
	return selected;
}
