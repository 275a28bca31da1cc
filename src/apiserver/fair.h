/*
 * How many requests run at one time, and who waits: FlowSchemas sort requests into priority levels,
 * each with seats of its own, which are lent and borrowed. Who finds no seat waits in a queue of
 * its flow's, or is told to come again (429). Watches have a seat until they have begun, streams
 * none. Without --enable-priority-and-fairness two numbers limit all.
 */
#ifndef KUBE_APISERVER_FAIR_H
#define KUBE_APISERVER_FAIR_H

#include "request.h"

struct fair *fair_new(struct api_server *s);
void fair_free(struct fair *f); /* nothing may be waiting */

void fair_leave(struct api_request *r); /* gives seats back, if there are any */
void fair_watch_begun(struct api_request *r);
int64_t fair_waited(const struct api_request *r); /* for a seat */
void fair_add_headers(struct api_request *r, struct http_headers *h);
void fair_levels_changed(struct fair *f); /* flow_schemas.c's */
void fair_print_metrics(struct fair *f, struct buf *out);

/* ---- fair_dump.c ---- */
stage_fn serve_flow_levels, serve_flow_queues, serve_flow_requests;

/* ---- flow_schemas.c ---- */
struct flow_schemas;
struct fair_level;
struct histogram;
/* What is counted of the requests under one schema. */
struct flow_numbers {
	int64_t *executing, *seats, *waiting, *waiting_seats, *dispatched;
	struct histogram *waited, *refused, *length, *estimated, *ran, *ran_watch;
};
struct flow_match {
	struct fair_level *of; /* NULL: none is known yet */
	struct str schema_uid; /* valid until the loop turns, as the others */
	struct str schema;     /* its name */
	struct str labels;     /* of metrics */
	struct str flow;       /* within the schema; in the request's arena */
	uint64_t hash;         /* of both */
	struct flow_numbers numbers;
};
struct flow_schemas *flow_schemas_new(struct api_server *s, struct fair *f);
void flow_schemas_free(struct flow_schemas *f);
/* Each of them, from 0, by precedence; those without a level are none. */
size_t flow_schemas_count(struct flow_schemas *f);
struct flow_match flow_schemas_at(const struct flow_schemas *f, size_t index);
/* Labels of the first schema that leads to the level. */
struct str flow_schemas_labels_of(const struct flow_schemas *f, struct str level);
/* The first that covers the request. */
struct flow_match flow_schemas_match(struct flow_schemas *f, struct api_request *r);

#endif
