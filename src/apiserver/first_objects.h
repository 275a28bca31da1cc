/* What a server makes by itself when it starts, and keeps while it runs. */
#ifndef KUBE_APISERVER_FIRST_OBJECTS_H
#define KUBE_APISERVER_FIRST_OBJECTS_H

#include "server.h"

struct first_options {
	uint16_t port;   /* that this server can be reached at */
	bool running;    /* only what is kept while it runs, and as carefully */
	bool no_service; /* not now: default/kubernetes, the date of tokens */
	bool no_since;
};
/* Options are read before it returns. op->n: how many were written. */
void first_objects_write(struct api_server *s, struct op *op, const struct first_options *options);

/* Says of every FlowSchema whether its level is there. op->n: how many were written. */
void first_flow_states_write(struct api_server *s, struct op *op);

/* Looks after all of them until it is stopped; then it can be freed. */
struct first_keep;
void first_keep_start(struct api_server *s, struct scope *parent, struct first_keep **keep);
void first_keep_stop(struct first_keep *k, struct op *op);
void first_keep_free(struct first_keep *k); /* NULL is fine */

/* ---- first_flows.c: FlowSchemas and their levels, as JSON texts: from 0 until empty ---- */
struct str first_flow_schema(struct arena *a, size_t index, struct str now);
struct str first_priority_level(struct arena *a, size_t index);

/* ---- first_services.c: APIServices of what is served; *index goes on from 0 until empty ---- */
struct str first_api_service(struct api_server *s, struct arena *a, size_t *index, struct str now);

/* The server's own lease: made at start, renewed in memory until the scope closes. */
struct identity_lease;
struct str identity_lease_name(struct arena *a, const struct api_server *s);
void identity_lease_start(struct api_server *s, struct scope *parent, struct identity_lease **l);
void identity_lease_stop(struct identity_lease *l, struct op *op);
void identity_lease_free(struct identity_lease *l); /* once stopped; NULL is fine */

#endif
