/* What the files of passage share. */
#ifndef KUBE_APISERVER_PASSAGE_PRIVATE_H
#define KUBE_APISERVER_PASSAGE_PRIVATE_H

#include "passage.h"

#include <kube/stream_copy.h>

#define PASSAGE_PAGE_MAX (4 * MIB) /* longer pages go through as they are */

struct changed_page;
struct websocket;

struct passage {
	struct api_request *r;
	struct passage_options options;
	struct http_call call;
	bool upgrades;
	/* an ordinary answer, in pieces; and the client's body */
	struct buf piece, body, page;
	struct str part, body_part;
	struct changed_page *changed;
	struct op sending;
	bool ending;
	struct status *refusal; /* what the client is told in place of an answer */
	/* a connection through */
	struct stream *client, *backend;
	struct stream_copy there, back;
	struct op there_op, back_op, linger;
	/* a log over WebSocket */
	struct websocket *websocket;
};

static inline bool passage_is_through(const struct passage *p)
{
	return p->options.kind == PASSAGE_PROXY || p->options.kind == PASSAGE_AGGREGATE;
}

/* ---- passage.c ---- */
/* The answer as it comes, behind what is in `page` already; or this one in its place. */
void passage_answer(struct passage *p);
void passage_answer_whole(struct passage *p, int status, struct str body);
void passage_fail_page(struct passage *p, const struct err *err);

/* ---- passage_headers.c ---- */
void passage_copy_headers(struct passage *p); /* of the request, into the call */
struct http_headers passage_answer_headers(struct passage *p, bool upgraded);

/* ---- passage_page.c ---- */
/* Where an address leads that stands in an answer; memory of the arena. */
struct str passage_move_address(const struct passage *p, struct arena *a, struct str address);
/* Is the answer one whose links are changed? Then this is how it is answered. */
bool passage_is_page(const struct passage *p);
void passage_change_page(struct passage *p);

/* ---- passage_join.c ---- */
/* After a 101: answers the client with it and joins both ends. */
void passage_join(struct passage *p, const struct http_headers *headers);
/* A log in messages: binary.k8s.io, base64.binary.k8s.io. */
void passage_log_websocket(struct passage *p);
/* Lets go of the call and ends the request. */
void passage_over(struct passage *p);

#endif
