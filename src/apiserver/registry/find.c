/* Finding and selecting stored objects. */
#include "registry.h"

struct object *registry_find(struct api_request *r)
{
	const struct resource *hub = r->resource->hub;

	return store_get(
		server_bucket(r->server, hub), server_key(r->arena, hub, r->namespace, r->name));
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

static bool known_label(const struct strategy *s, struct str key)
{
	for (size_t i = 0; s && s->field_labels && s->field_labels[i]; i++)
		if (str_eq_text(key, s->field_labels[i]))
			return true;
	return false;
}

struct status *registry_check_fields(struct api_request *r)
{
	const struct selector *s = &r->options.fields;
	const struct strategy *strategy = r->resource->hub->strategy;

	for (size_t i = 0; i < s->count; i++) {
		struct str key = s->terms[i].key;

		if (is_meta_field(r->resource, key) || str_eq_text(key, "metadata.namespace") ||
			known_label(strategy, key))
			continue;
		if (strategy && strategy->field_labels)
			return status_new(r->arena, ERR_BAD_REQUEST,
				"field label not supported: %.*s", STRF(key));
		return status_new(r->arena, ERR_BAD_REQUEST,
			"\"%.*s\" is not a known field selector: only \"metadata.name\", "
			"\"metadata.namespace\"",
			STRF(key));
	}
	return NULL;
}

static struct str field_of(struct api_request *r, struct arena *a, const struct object *o,
	struct cJSON **tree, struct str key)
{
	if (is_meta_field(r->resource, key) || str_eq_text(key, "metadata.namespace"))
		return object_scan(o, arena_str(a, key).at);
	if (!*tree)
		*tree = object_tree(a, o);
	return r->resource->hub->strategy->field_value(a, *tree, key);
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
