/*
 * remote_command: what exec, attach and port-forward say to whoever asked, over SPDY and over
 * WebSocket: the handshake, the streams, and how it ended. The server's side. What runs at the
 * other end of the streams is the caller's affair.
 *
 *	SPDY/3.1	X-Stream-Protocol-Version: v4 … v1 (channel.k8s.io), portforward.k8s.io
 *	WebSocket	[base64.]channel.k8s.io and none, v4.[base64.]channel.k8s.io,
 *			v5.channel.k8s.io; SPDY/3.1+portforward.k8s.io (SPDY inside of it)
 */
#ifndef KUBE_REMOTE_COMMAND_H
#define KUBE_REMOTE_COMMAND_H

#include <kube/http.h>

struct websocket;
struct spdy;

/* Longest silence on a connection, and how long clients may take to open their streams. */
#define REMOTE_IDLE     (4LL * 3600 * 1000000000)
#define REMOTE_CREATION (30LL * 1000000000)

/* ---- exec and attach ---- */
enum remote_stream {
	REMOTE_STDIN, /* in the order of their channels */
	REMOTE_STDOUT,
	REMOTE_STDERR,
	REMOTE_ERROR,
	REMOTE_RESIZE,
	REMOTE_STREAMS
};

struct remote_session {
	/* asked for; with a terminal there is no stderr */
	bool stdin, stdout, stderr, tty;
	/* while it stands: NULL for what was not asked for */
	struct stream *streams[REMOTE_STREAMS];
	int version; /* of the protocol: 1 … 5 */
	/* private */
	struct websocket *websocket;
	struct spdy *spdy;
	struct stream *fresh;
	struct arena *arena; /* the exchange's */
	bool told;           /* how it ended */
};

/*
 * Shakes hands and waits until every stream is there. A refusal has been answered when it fails:
 * then, as after any failure, only remote_close and http_exchange_done are left.
 */
void remote_accept(struct http_exchange *x, struct op *op, struct remote_session *s);
/* Done when the connection is over. */
void remote_wait(struct remote_session *s, struct op *op);
/*
 * How it ended: outputs are finished, then the error stream says the outcome. Nothing of the
 * streams may be in flight but reads.
 */
struct remote_outcome {
	int32_t exit_code;
	struct str command; /* for the sentence about a code that is not 0 */
	struct str failure; /* why nothing could be run; empty: something was */
};
void remote_end(struct remote_session *s, struct op *op, const struct remote_outcome *outcome);
/* Closes what is there; nothing of the streams may be in flight. What was written still leaves. */
void remote_close(struct remote_session *s);

/* The outcome as that version of the protocol says it; nothing for success before version 4. */
void remote_outcome_print(struct buf *out, int version, const struct remote_outcome *outcome);
/*
 * The next size of a terminal that a client has sent ({"Width":80,"Height":24}), taken off *in.
 * 1: there is one; 0: not yet; ERR_SYNTAX.
 */
int remote_take_size(struct buf *in, uint16_t *width, uint16_t *height, struct err *err);
#define REMOTE_SIZE_MAX KIB /* bytes that a size may take */

/* ---- port-forward ---- */
struct forward_session {
	/* private */
	struct websocket *websocket;
	struct spdy *spdy;
	struct list halves; /* streams whose other has not come */
	struct stream *fresh;
	struct forward_ports *ports; /* of WebSocket: which channels there are */
	struct forward_next *next;
	struct arena *arena; /* the exchange's */
	struct scope *scope;
};

/* One connection that the client wants: bytes both ways, and a text when it cannot be had. */
struct forward_pair {
	struct stream *data, *error;
	uint16_t port;
};

/* As remote_accept. ports: of the query, for the channels of WebSocket. */
void forward_accept(struct http_exchange *x, struct op *op, struct forward_session *s,
	const uint16_t *ports, size_t port_count);
/* The next that is wanted; the streams are the caller's, in the exchange's scope. ERR_CLOSED. */
void forward_next(struct forward_session *s, struct op *op, struct forward_pair *pair);
/* No other pair will come: all that the client has asked for at the beginning have been given. */
bool forward_has_all(const struct forward_session *s);
/* As remote_close; the pairs are closed by themselves. */
void forward_close(struct forward_session *s);

#endif
