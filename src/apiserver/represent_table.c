/* Tables: what kubectl shows, made here so that clients need not know the kinds. */
#include "represent_private.h"

void table_open(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct table *columns, const struct cJSON *list_meta)
{
	(void)scratch;
	buf_print(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%.*s\",\"metadata\":",
		STRF(rep->as_version));
	json_print(out, list_meta, JSON_COMPACT);
	buf_add_text(out, ",\"columnDefinitions\":");
	if (!columns)
		buf_add_text(out, "null");
	for (size_t i = 0; columns && i < columns->column_count; i++) {
		const struct table_column *c = &columns->columns[i];

		buf_add_text(out, i ? ",{\"name\":" : "[{\"name\":");
		json_print_str(out, str_from(c->name));
		buf_add_text(out, ",\"type\":");
		json_print_str(out, str_from(c->type));
		buf_add_text(out, ",\"format\":");
		json_print_str(out, str_from(c->format));
		buf_add_text(out, ",\"description\":");
		json_print_str(out, str_from(c->doc));
		buf_print(out, ",\"priority\":%d}", c->priority);
	}
	buf_add_text(out, columns ? "],\"rows\":[" : ",\"rows\":[");
}

void table_add_row(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct cJSON *hub, int64_t now, bool comma)
{
	const struct resource *stored = rep->resource->hub ? rep->resource->hub : rep->resource;
	struct cJSON *conditions = NULL;
	struct cJSON *cells = table_cells(resource_table(stored), scratch, hub, now, &conditions);

	buf_add_text(out, comma ? ",{\"cells\":" : "{\"cells\":");
	json_print(out, cells, JSON_COMPACT);
	if (conditions && json_count(conditions)) {
		buf_add_text(out, ",\"conditions\":");
		json_print(out, conditions, JSON_COMPACT);
	}
	buf_add_text(out, ",\"object\":");
	switch (rep->objects) {
	case TABLE_OBJECT_NONE:
		buf_add_text(out, "null");
		break;
	case TABLE_OBJECT_METADATA:
		json_print(out, partial_tree(scratch, rep, hub), JSON_COMPACT);
		break;
	case TABLE_OBJECT_FULL:
		json_print(out, shown_tree(scratch, rep, hub), JSON_COMPACT);
		break;
	}
	buf_add_char(out, '}');
}

void table_close(struct buf *out)
{
	buf_add_text(out, "]}");
}
