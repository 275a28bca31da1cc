/* What passage.c and passage_join.c share. */
#ifndef KUBE_APISERVER_PASSAGE_PRIVATE_H
#define KUBE_APISERVER_PASSAGE_PRIVATE_H

#include "passage.h"

#include <kube/stream_copy.h>

struct websocket;

struct passage {
	struct api_request *r;
	struct passage_options options;
	struct http_call call;
	bool upgrades;
	/* an ordinary answer, in pieces; and the client's body */
	struct buf piece, body;
	struct str part, body_part;
	struct op sending;
	bool ending;
	struct err failure; /* of the call, while the body is being given up */
	/* a connection through */
	struct stream *client, *backend;
	struct stream_copy there, back;
	struct op there_op, back_op, linger;
	/* a log over WebSocket */
	struct websocket *websocket;
};

/* After a 101: answers the client with it and joins both ends. */
void passage_join(struct passage *p, const struct http_headers *headers);
/* A log in messages: binary.k8s.io, base64.binary.k8s.io. */
void passage_log_websocket(struct passage *p);
/* Lets go of the call and ends the request. */
void passage_over(struct passage *p);
/* Without `Get "…": `, as who dials says it. */
struct str passage_dial_error(struct str text);

#endif
