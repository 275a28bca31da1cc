/* One object, or one event of a watch, as the client wants to see it. */
#include "represent_private.h"

#include <kube/strategy.h>
#include <kube/yaml.h>

#define PROTO_MAX SIZE_MAX

const struct schema *meta_schema(const char *name)
{
	char full[128];
	_cleanup_(buf_done) struct buf text = BUF_INIT(sizeof(full));

	buf_print(&text, "io.k8s.apimachinery.pkg.apis.meta.v1.%s", name);
	return schema_find(buf_str(&text));
}

static const struct resource *hub_of(const struct representation *rep)
{
	return rep->resource->hub ? rep->resource->hub : rep->resource;
}

bool represents_as_stored(const struct representation *rep)
{
	return rep->format == WIRE_JSON && rep->as == AS_OBJECT && !rep->pretty &&
	       hub_of(rep) == rep->resource;
}

/* ---- trees ---- */

struct cJSON *shown_tree(struct arena *a, const struct representation *rep, const struct cJSON *hub)
{
	const struct resource *stored = hub_of(rep);
	struct cJSON *out;

	if (stored == rep->resource)
		return json_copy(a, hub);
	if (resource_convert(a, stored, rep->resource, hub, &out, NULL))
		return json_copy(a, hub);
	return out;
}

static void drop_annotations(struct cJSON *meta, const char *const *names)
{
	struct cJSON *annotations = json_get(meta, STR("annotations"));

	for (size_t i = 0; names[i]; i++)
		json_remove(annotations, json_get(annotations, str_from(names[i])));
	if (!json_count(annotations))
		json_remove(meta, annotations);
}

struct cJSON *partial_tree(
	struct arena *a, const struct representation *rep, const struct cJSON *hub)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	const struct strategy *s = hub_of(rep)->strategy;
	const struct cJSON *meta = json_get(hub, STR("metadata"));

	json_add(a, tree, STR("kind"), json_new_str(a, STR("PartialObjectMetadata")));
	json_add(a, tree, STR("apiVersion"),
		json_new_str(a, arena_print(a, "meta.k8s.io/%.*s",
					rep->as_version.len ? (int)rep->as_version.len : 2,
					rep->as_version.len ? rep->as_version.at : "v1")));
	json_add(a, tree, STR("metadata"), meta ? json_copy(a, meta) : json_new(a, JSON_OBJECT));
	if (s && s->version_annotations)
		drop_annotations(json_get(tree, STR("metadata")), s->version_annotations);
	return tree;
}

/* ---- formats ---- */

void proto_add_bytes(struct buf *out, unsigned field, struct str bytes)
{
	uint64_t tag = (uint64_t)field << 3 | 2, length = bytes.len;

	for (; tag > 0x7f; tag >>= 7)
		buf_add_char(out, (char)(tag | 0x80));
	buf_add_char(out, (char)tag);
	for (; length > 0x7f; length >>= 7)
		buf_add_char(out, (char)(length | 0x80));
	buf_add_char(out, (char)length);
	buf_add_str(out, bytes);
}

static void add_wrapped(struct buf *out, const struct schema *schema, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf message = BUF_INIT(PROTO_MAX);

	proto_encode(&message, schema, tree);
	proto_wrap(out, tree_str(tree, "apiVersion"), tree_str(tree, "kind"), buf_str(&message));
}

void represent_tree(struct buf *out, const struct representation *rep, const struct schema *schema,
	const struct cJSON *tree)
{
	switch (rep->format) {
	case WIRE_YAML:
		yaml_write(out, tree);
		return;
	case WIRE_PROTOBUF:
		if (schema) {
			add_wrapped(out, schema, tree);
			return;
		}
		break;
	case WIRE_JSON:
		break;
	}
	if (rep->pretty) {
		_cleanup_(buf_done) struct buf compact = BUF_INIT(SIZE_MAX);

		json_print(&compact, tree, JSON_COMPACT);
		indent_json(out, buf_str(&compact));
	} else {
		json_print(out, tree, JSON_COMPACT);
	}
}

void json_to_yaml(struct buf *out, struct str json)
{
	_cleanup_(arena_done) struct arena a;
	struct json_options options = {.limits.max_bytes = SIZE_MAX};
	struct cJSON *root;

	arena_init(&a);
	if (!json_parse(&a, json, &options, &root, NULL))
		yaml_write(out, root);
}

/* ---- one object ---- */

void represent_hub(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct cJSON *hub, bool first, int64_t now)
{
	_cleanup_(buf_done) struct buf table = BUF_INIT(SIZE_MAX);

	switch (rep->as) {
	case AS_PARTIAL:
	case AS_PARTIAL_LIST:
		represent_tree(out, rep, meta_schema("PartialObjectMetadata"),
			partial_tree(scratch, rep, hub));
		return;
	case AS_TABLE: {
		struct cJSON *meta = json_new(scratch, JSON_OBJECT);
		struct str version = tree_str(hub, "metadata.resourceVersion");

		if (version.len)
			json_set(scratch, meta, STR("resourceVersion"),
				json_new_str(scratch, version));
		table_open(&table, scratch, rep, first ? resource_table(hub_of(rep)) : NULL, meta);
		table_add_row(&table, scratch, rep, hub, now, false);
		table_close(&table);
		if (rep->format == WIRE_YAML)
			json_to_yaml(out, buf_str(&table));
		else if (rep->pretty)
			indent_json(out, buf_str(&table));
		else
			buf_add_str(out, buf_str(&table));
		return;
	}
	case AS_OBJECT:
		represent_tree(out, rep, rep->resource->schema, shown_tree(scratch, rep, hub));
		return;
	}
}

void represent_object(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct object *o, bool first)
{
	if (represents_as_stored(rep))
		buf_add_str(out, object_text(o));
	else if (rep->format == WIRE_JSON && rep->as == AS_OBJECT && hub_of(rep) == rep->resource)
		indent_json(out, object_text(o));
	else
		represent_hub(out, scratch, rep, object_tree(scratch, o), first, rep->now);
}

/* ---- events ---- */

/* WatchEvent {1 type, 2 object {1 raw}} behind its length in four bytes. */
static void add_proto_event(struct buf *out, const char *type, struct str raw)
{
	_cleanup_(buf_done) struct buf object = BUF_INIT(PROTO_MAX), event = BUF_INIT(PROTO_MAX);

	proto_add_bytes(&object, 1, raw);
	proto_add_bytes(&event, 1, str_from(type));
	proto_add_bytes(&event, 2, buf_str(&object));
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(out, (char)(event.len >> shift));
	buf_add_str(out, buf_str(&event));
}

static void open_event(struct buf *out, const char *type)
{
	buf_add_text(out, "{\"type\":\"");
	buf_add_text(out, type);
	buf_add_text(out, "\",\"object\":");
}

/* Events stand on one line each, whatever was asked about looks. */
static struct representation compact(const struct representation *rep)
{
	struct representation line = *rep;

	line.pretty = false;
	return line;
}

void represent_event(struct buf *out, struct arena *scratch, const struct representation *rep,
	const char *type, const struct object *o, bool first)
{
	struct representation line = compact(rep);

	if (rep->format == WIRE_PROTOBUF) {
		_cleanup_(buf_done) struct buf raw = BUF_INIT(PROTO_MAX);

		represent_object(&raw, scratch, &line, o, first);
		add_proto_event(out, type, buf_str(&raw));
		return;
	}
	open_event(out, type);
	represent_object(out, scratch, &line, o, first);
	buf_add_text(out, "}\n");
}

void represent_event_tree(struct buf *out, struct arena *scratch, const struct representation *rep,
	const char *type, const struct schema *schema, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf raw = BUF_INIT(PROTO_MAX);
	struct representation line = compact(rep);

	/* A Status stays one; a bookmark is an object like others. */
	if (line.as != AS_OBJECT && str_eq_text(str_from(type), "BOOKMARK"))
		represent_hub(&raw, scratch, &line, tree, false, rep->now);
	else
		represent_tree(&raw, &line, schema, tree);
	if (rep->format == WIRE_PROTOBUF) {
		add_proto_event(out, type, buf_str(&raw));
		return;
	}
	open_event(out, type);
	buf_add_str(out, buf_str(&raw));
	buf_add_text(out, "}\n");
}
