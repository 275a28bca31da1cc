/* What documents are made from, and how it is told that this has changed. */
#include "aggregate.h"
#include "custom_kind.h"
#include "discovery.h"
#include "openapi_private.h"
#include "version_generated.h"

#include <kube/hash.h>

#include <stdio.h>

/* Its text stays as long as the request. */
static struct str definition_of(struct api_request *r, const struct resource *item)
{
	struct bucket *bucket =
		server_bucket(r->server, resource_find(STR("apiextensions.k8s.io"), STR("v1"),
						 STR("customresourcedefinitions")));
	struct object *o = store_get(bucket, custom_version_of(item)->kind->name);

	if (!o)
		return STR("");
	request_keep(r, o);
	return object_text(o);
}

struct openapi_source openapi_source_of(struct api_request *r)
{
	const struct discovery *d = r->server->discovery;
	const struct resource **items, *item;
	struct str *definitions;
	size_t count = 0, foreign_count;

	while (discovery_at(d, count))
		count++;
	items = arena_new(r->arena, (count + 1) * sizeof(*items));
	definitions = arena_new(r->arena, (count + 1) * sizeof(*definitions));
	count = 0;
	for (size_t i = 0; (item = discovery_at(d, i)); i++)
		if (item->schema)
			items[count++] = item;
	for (size_t i = 0; i < count; i++)
		if (items[i]->custom)
			definitions[i] = definition_of(r, items[i]);
	struct openapi_foreign *foreign =
		aggregate_openapi_texts(r->server, r->arena, &foreign_count);
	return (struct openapi_source){.resources = items,
		.definitions = definitions,
		.count = count,
		.foreign = foreign,
		.foreign_count = foreign_count,
		.version = STR(KUBE_API_VERSION),
		.build = STR(KUBE_VERSION " " KUBE_COMMIT)};
}

/* Of types that are no tables, what was said of them counts. */
static void add_custom(char hash[65], const struct openapi_source *source, struct str name)
{
	unsigned char digest[32];
	struct sha256 h;
	size_t count = 0;

	sha256_init(&h);
	sha256_add(&h, str_from(hash));
	for (size_t i = 0; i < source->count; i++) {
		const struct resource *item = source->resources[i];

		if (!item->custom || (name.len && !str_ends(name, item->api_version)))
			continue;
		sha256_add(&h, str_make((const char *)custom_version_of(item)->kind->digest, 32));
		count++;
	}
	for (size_t i = 0; !name.len && i < source->foreign_count; i++) {
		sha256_of(source->foreign[i].text, digest);
		sha256_add(&h, source->foreign[i].prefix);
		sha256_add(&h, str_make((const char *)digest, sizeof(digest)));
		count++;
	}
	sha256_end(&h, digest);
	for (size_t i = 0; count && i < sizeof(digest); i++)
		snprintf(hash + 2 * i, 3, "%02X", digest[i]);
}

struct str openapi_hash_of(
	struct api_request *r, const struct openapi_source *source, struct str name)
{
	struct openapi *o = r->server->openapi;
	char hash[65];

	if (!o->has_tables)
		openapi_tables_digest(o->tables);
	o->has_tables = true;
	openapi_hash(source, o->tables, name, hash);
	add_custom(hash, source, name);
	return arena_str(r->arena, str_from(hash));
}
