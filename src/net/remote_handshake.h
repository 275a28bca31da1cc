/* The handshake of exec, attach and port-forward: an upgrade to WebSocket or SPDY, or a refusal. */
#ifndef KUBE_NET_REMOTE_HANDSHAKE_H
#define KUBE_NET_REMOTE_HANDSHAKE_H

#include <kube/http.h>
#include <kube/task.h>

struct remote_handshake {
	struct task task;
	struct http_exchange *x;
	/* What this server speaks, the best first; both end with NULL. "": no name was said. */
	const char *const *spdy, *const *websocket;
	/* what was agreed on; the caller's when it is done */
	bool is_websocket;
	const char *protocol; /* one of those above */
	struct stream *stream;
	struct buf early;
	/* private */
	struct http_headers headers;
	struct err refusal;
	struct str text;
	int status;
};

/* Fails after the refusal has been answered, or when nothing can be answered any more. */
void remote_handshake(struct remote_handshake *h, struct op *op);

#endif
