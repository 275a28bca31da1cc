/*
 * How many requests run at one time, and who waits. A user who asks for more than there are seats
 * waits in a queue of that user's own; freed seats go round the users. Watches and streams take
 * no seat.
 *
 * Which FlowSchema a request falls under is told in headers, and whether its level is exempt.
 */
#ifndef KUBE_APISERVER_FAIR_H
#define KUBE_APISERVER_FAIR_H

#include "request.h"

struct fair *fair_new(struct api_server *s);
void fair_free(struct fair *f); /* nothing may be waiting */

void fair_leave(struct api_request *r);           /* gives the seat back, if there is one */
int64_t fair_waited(const struct api_request *r); /* for a seat */
void fair_add_headers(struct api_request *r, struct http_headers *h);

/* ---- fair_dump.c ---- */
stage_fn serve_flow_levels, serve_flow_queues, serve_flow_requests;

/* ---- flow_schemas.c ---- */
struct flow_schemas;
/* What is counted of the requests under one schema; NULL when it fell under none. */
struct flow_numbers {
	int64_t *executing, *waiting, *dispatched;
};
struct flow_match {
	struct str schema_uid, level_uid; /* valid until the loop turns */
	struct str schema, level;         /* names; so long, too */
	struct str labels;                /* of metrics */
	struct flow_numbers numbers;
	bool exempt;
};
struct flow_schemas *flow_schemas_new(struct api_server *s);
void flow_schemas_free(struct flow_schemas *f);
/* Each of them, from 0, by precedence. */
size_t flow_schemas_count(struct flow_schemas *f);
struct flow_match flow_schemas_at(const struct flow_schemas *f, size_t index);
/* The first that covers the request; what no schema knows matches nothing (empty). */
struct flow_match flow_schemas_match(struct flow_schemas *f, const struct api_request *r);

#endif
