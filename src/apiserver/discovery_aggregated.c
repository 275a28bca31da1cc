/* Everything that is served in one list, as kubectl reads it. */
#include "aggregate.h"
#include "discovery_private.h"
#include "represent_private.h"

#include <kube/hash.h>
#include <kube/media.h>

#include <stdio.h>

static struct cJSON *text(struct arena *a, struct str s)
{
	return json_new_str(a, s);
}

static struct cJSON *response_kind_tree(
	struct arena *a, struct str group, struct str version, struct str kind)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	json_add(a, tree, STR("group"), text(a, group));
	json_add(a, tree, STR("version"), text(a, version));
	json_add(a, tree, STR("kind"), text(a, kind));
	return tree;
}

/* Its own group and version go without saying, but for what definitions serve. */
static struct cJSON *own_kind_tree(struct arena *a, const struct resource *r, struct str kind)
{
	if (r->custom)
		return response_kind_tree(a, r->group, r->version, kind);
	return response_kind_tree(a, STR(""), STR(""), kind);
}

static struct cJSON *aggregated_resource(struct arena *a, const struct resource *r)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *subs = json_new(a, JSON_ARRAY);

	json_add(a, tree, STR("resource"), text(a, r->plural));
	json_add(a, tree, STR("responseKind"), own_kind_tree(a, r, r->kind));
	json_add(
		a, tree, STR("scope"), text(a, r->namespaced ? STR("Namespaced") : STR("Cluster")));
	json_add(a, tree, STR("singularResource"), text(a, r->singular));
	json_add(a, tree, STR("verbs"), discovery_resource_verbs(a, r));
	discovery_add_words(a, tree, STR("shortNames"), r->short_names);
	discovery_add_words(a, tree, STR("categories"), r->categories);
	for (size_t i = 0; i < r->subresource_count; i++) {
		const struct subresource *s = &r->subresources[i];
		struct cJSON *sub = json_new(a, JSON_OBJECT);

		json_add(a, sub, STR("subresource"), text(a, s->name));
		json_add(a, sub, STR("responseKind"),
			str_eq(s->group, r->group) && str_eq(s->version, r->version)
				? own_kind_tree(a, r, s->kind)
				: response_kind_tree(a, s->group, s->version, s->kind));
		json_add(a, sub, STR("verbs"), discovery_verbs(a, s->verbs));
		json_append(subs, sub);
	}
	if (json_first(subs))
		json_add(a, tree, STR("subresources"), subs);
	return tree;
}

static struct cJSON *aggregated_version(
	struct arena *a, const struct discovery *d, const struct resource *first)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->api_version, first->api_version))
			json_append(list, aggregated_resource(a, d->items[i]));
	json_add(a, tree, STR("version"), text(a, first->version));
	json_add(a, tree, STR("resources"), list);
	json_add(a, tree, STR("freshness"), text(a, STR("Current")));
	return tree;
}

static struct cJSON *aggregated_group(struct arena *a, const struct discovery *d, struct str group)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct cJSON *versions = json_new(a, JSON_ARRAY);

	if (group.len)
		json_add(a, meta, STR("name"), text(a, group));
	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->group, group) && discovery_begins(d, i, true, true))
			json_append(versions, aggregated_version(a, d, d->items[i]));
	json_add(a, tree, STR("metadata"), meta);
	json_add(a, tree, STR("versions"), versions);
	return tree;
}

static void make_aggregated(struct api_server *s, bool core)
{
	struct discovery *d = s->discovery;
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * MIB);
	unsigned char digest[32];

	arena_init(&a);
	struct cJSON *tree = json_new(&a, JSON_OBJECT), *items = json_new(&a, JSON_ARRAY);
	json_add(&a, tree, STR("kind"), text(&a, STR("APIGroupDiscoveryList")));
	json_add(&a, tree, STR("apiVersion"), text(&a, STR("apidiscovery.k8s.io/v2")));
	json_add(&a, tree, STR("metadata"), json_new(&a, JSON_OBJECT));
	for (size_t i = 0; i < d->count; i++)
		if ((d->items[i]->group.len == 0) == core && discovery_begins(d, i, false, true))
			json_append(items, aggregated_group(&a, d, d->items[i]->group));
	if (!core)
		aggregate_add_discovery(s, &a, items);
	json_add(&a, tree, STR("items"), items);
	json_print(&out, tree, JSON_COMPACT);
	buf_add_char(&out, '\n');
	sha256_of(buf_str(&out), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(d->aggregated[core].etag + 1 + 2 * i, 3, "%02X", digest[i]);
	d->aggregated[core].etag[0] = d->aggregated[core].etag[65] = '"';
	d->aggregated[core].body = block_from(buf_str(&out));
}

#define AGGREGATED ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static const struct {
	const char *bare, *whole;
} aggregated_types[] = {
	[WIRE_JSON] = {"application/json", "application/json" AGGREGATED},
	[WIRE_YAML] = {"application/yaml", "application/yaml" AGGREGATED},
	[WIRE_PROTOBUF] = {"application/vnd.kubernetes.protobuf",
		"application/vnd.kubernetes.protobuf" AGGREGATED},
};

/* JSON is kept; hardly anybody asks for the others. */
static struct str aggregated_body(struct api_request *r, bool core, enum wire_format format)
{
	struct str json = block_str(r->server->discovery->aggregated[core].body);
	const struct representation rep = {.format = format};
	struct json_options options = {.limits.max_bytes = json.len};
	struct cJSON *tree;

	if (format == WIRE_JSON || json_parse(r->arena, json, &options, &tree, NULL))
		return json;
	represent_tree(&r->out, &rep,
		schema_find(STR("io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList")), tree);
	return buf_str(&r->out);
}

void discovery_answer_aggregated(struct api_request *r, bool core, enum wire_format format)
{
	struct discovery *d = r->server->discovery;

	if (!core && d->remote_serial != aggregate_serial(r->server)) {
		block_unref(TAKE(d->aggregated[core].body));
		d->remote_serial = aggregate_serial(r->server);
	}
	if (!d->aggregated[core].body)
		make_aggregated(r->server, core);
	struct ready_answer ready = {
		.body = aggregated_body(r, core, format),
		.content_type = aggregated_types[format].whole,
		.etag = arena_str(r->arena, str_from(d->aggregated[core].etag)),
		.hold = block_ref(d->aggregated[core].body), /* definitions come and go */
	};
	answer_ready(r, &ready);
}

bool discovery_is_aggregated(const struct media_type *range, enum wire_format *format)
{
	if (!str_eq_text(media_param(range, "as"), "APIGroupDiscoveryList") ||
		!str_eq_text(media_param(range, "g"), "apidiscovery.k8s.io") ||
		!str_eq_text(media_param(range, "v"), "v2"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(aggregated_types); i++)
		if (media_is(range, aggregated_types[i].bare)) {
			*format = (enum wire_format)i;
			return true;
		}
	return false;
}
