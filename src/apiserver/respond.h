/*
 * Answers in what the client wants to see: JSON as stored, other versions, YAML, protobuf, Table,
 * metadata only. Every function here ends the request.
 */
#ifndef KUBE_APISERVER_RESPOND_H
#define KUBE_APISERVER_RESPOND_H

#include "request.h"

/* A stored object (hub version). Takes no reference of the caller's. */
void answer_object(struct api_request *r, int code, struct object *o);
/* A tree of `schema` with kind and apiVersion in place (Scale, reviews, dry runs). */
void answer_tree(struct api_request *r, int code, const struct schema *schema, struct cJSON *tree);
/* The same for a hub object that is not stored (dry run): shown in the requested version. */
void answer_hub_tree(struct api_request *r, int code, struct cJSON *tree);
struct list_answer {
	struct object **items; /* hub objects, on the heap: given back when it is sent */
	size_t count;
	int64_t revision;
	struct str continue_;
	int64_t remaining; /* -1: not said */
};
void answer_list(struct api_request *r, struct list_answer *list); /* copies the struct */
void answer_status(struct api_request *r, const struct status *s);
void answer_text(struct api_request *r, int code, const char *content_type, struct str body);
/* Ready-made bytes that live on (discovery, OpenAPI): gzip when welcome, ETag and 304. */
struct ready_answer {
	struct str body;
	const char *content_type;
	struct str etag;           /* quoted; empty: none */
	const char *cache_control; /* NULL: "no-cache, private" */
	struct str expires;        /* a date; empty: not said */
	bool one_form;             /* whatever Accept says */
	bool packed;               /* the body is gzip's, for a client that reads it */
	struct block *hold;        /* where the body lives: a reference, given back in the end */
};
void answer_ready(struct api_request *r, const struct ready_answer *ready);
/* Does the client have that already? Then answer_ready needs no body. */
bool respond_unchanged(const struct api_request *r, struct str etag);

/* The headers that every answer has, then content_type (NULL: none). In the request's arena. */
struct http_headers respond_headers(struct api_request *r, const char *content_type);
/* The Content-Type of a representation. */
const char *respond_type(const struct representation *rep);
/* Gives back what the answer held. */
void respond_release(struct api_request *r);

op_done_fn respond_sent; /* ends the request when its answer is out */

/* ---- pieces, for watches ---- */
const struct schema *meta_schema(const char *name); /* "Status", of meta/v1 */
/* Appends one object (hub, stored) as the representation has it; a Table has one row. */
void represent_object(struct buf *out, struct arena *scratch, const struct representation *rep,
	const struct object *o, bool first);
/* True when that is exactly the object's own text, which can be written without copying. */
bool represents_as_stored(const struct representation *rep);
/* One whole event: JSON line or protobuf frame. type: "ADDED", … */
void represent_event(struct buf *out, struct arena *scratch, const struct representation *rep,
	const char *type, const struct object *o, bool first);
/* The same for a tree (bookmarks, Status of ERROR). */
void represent_event_tree(struct buf *out, struct arena *scratch, const struct representation *rep,
	const char *type, const struct schema *schema, const struct cJSON *tree);

#endif
