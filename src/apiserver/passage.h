/*
 * passage: a request that somebody else answers: a kubelet, a pod, a service. What the client
 * sends goes there, what comes back goes to the client, upgraded connections byte for byte.
 */
#ifndef KUBE_APISERVER_PASSAGE_H
#define KUBE_APISERVER_PASSAGE_H

#include "request.h"

#include <kube/http_client.h>

enum passage_kind {
	PASSAGE_COMMAND,   /* exec, attach, portforward: only upgraded */
	PASSAGE_LOG,       /* text; refusals become a Status; may go out over WebSocket */
	PASSAGE_PROXY,     /* anything */
	PASSAGE_AGGREGATE, /* anything, as whoever asks here */
};

struct passage_options {
	enum passage_kind kind;
	struct http_client *client;
	struct str url;              /* whole */
	struct str authority;        /* of PROXY, AGGREGATE: of `url`, host and port */
	struct str outside;          /* of PROXY: what its paths begin with at this server */
	struct str qualified;        /* of LOG: "pods", for the words of refusals */
	struct http_headers headers; /* of AGGREGATE: who asks; what the client says of it is not
					believed */
	void (*ended)(void *ctx);    /* when the other side has been let go of; or NULL */
	void *ctx;
};

/* Does the client want to speak another protocol on this connection? */
bool passage_upgrades(const struct api_request *r);
/* Ends the request in any case. Texts live as long as it. */
void passage_start(struct api_request *r, const struct passage_options *options);

#endif
