/* Between represent.c, represent_table.c and the answers. */
#ifndef KUBE_APISERVER_REPRESENT_PRIVATE_H
#define KUBE_APISERVER_REPRESENT_PRIVATE_H

#include "respond.h"

/*
 * The object as a tree of the version to be shown, with kind and apiVersion. Into the arena. When
 * it cannot be said in that version, as it is stored.
 */
struct cJSON *shown_tree(
	struct arena *a, const struct representation *rep, const struct cJSON *hub);
/* Its metadata alone, as PartialObjectMetadata. */
struct cJSON *partial_tree(
	struct arena *a, const struct representation *rep, const struct cJSON *hub);
/* Appends a tree with kind and apiVersion in place, in the wire's format. */
void represent_tree(struct buf *out, const struct representation *rep, const struct schema *schema,
	const struct cJSON *tree);

/* The beginning of a Table up to `"rows":[`; NULL columns print as null. */
void table_open(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct table *columns, const struct cJSON *list_meta);
/* One row of a hub tree. */
void table_add_row(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct cJSON *hub, int64_t now, bool comma);
void table_close(struct buf *out);

/* A hub tree as the representation has it. */
void represent_hub(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct cJSON *hub, bool first, int64_t now);

/* ---- respond.c for respond_list.c ---- */
void respond_bytes(struct api_request *r, int code, const struct http_headers *h, struct str body);
bool respond_gzips(const struct api_request *r);
/* A list was asked for where there is one object, or the other way round. */
struct status *respond_misfit(struct api_request *r, bool list);

/* JSON text as another look at it: indented by two, or as YAML. */
void indent_json(struct buf *out, struct str json);
void json_to_yaml(struct buf *out, struct str json);

/* A protobuf field of bytes: tag, length, contents. */
void proto_add_bytes(struct buf *out, unsigned field, struct str bytes);

#endif
