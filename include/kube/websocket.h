/*
 * WebSocket (RFC 6455) over a connection that was upgraded, for servers and clients, as the API
 * uses it: one stream of bytes in binary messages, or several channels whose number stands before
 * each message, in binary or as base64 in text.
 *
 * The head of a frame and its mask are pure functions; the rest runs on the loop. Pings are
 * answered, pieces of messages are passed on as they come: no message is ever held whole.
 */
#ifndef KUBE_WEBSOCKET_H
#define KUBE_WEBSOCKET_H

#include <kube/http.h>

/* ---- handshake ---- */
/* Does the request ask for an upgrade to this protocol? */
bool http_wants_upgrade(const struct http_request *r, struct str protocol);
#define WEBSOCKET_PROTOCOL STR("websocket")
/*
 * Is it a request that can be answered with 101? ERR_BAD_REQUEST if not. The headers of that
 * answer are added; `protocol`, unless empty, is the subprotocol that was chosen.
 */
int websocket_check(struct arena *a, const struct http_request *r, struct str protocol,
	struct http_headers *answer, struct err *err);
/* A client's: adds the headers of a request. protocols: separated by commas, or empty. */
void websocket_ask(
	struct env *env, struct arena *a, struct str protocols, struct http_headers *request);
/* Is that the answer to it? ERR_PROTOCOL if not. */
int websocket_answered(struct arena *a, const struct http_headers *request, int status,
	const struct http_headers *answer, struct err *err);
/* What Sec-WebSocket-Accept says to this key; 28 characters. */
struct str websocket_accept(struct arena *a, struct str key);

/* ---- frames ---- */
enum websocket_opcode {
	WEBSOCKET_MORE = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};
struct websocket_head {
	uint64_t length;
	uint8_t opcode, mask[4];
	bool last, masked;
};
#define WEBSOCKET_HEAD_MAX 14
/* Its length, 0 when bytes are missing, ERR_PROTOCOL. */
int websocket_parse_head(struct str in, struct websocket_head *head, struct err *err);
void websocket_print_head(const struct websocket_head *head, struct buf *out);
/* XORs; `at` is how many bytes of the frame came before. */
void websocket_mask(char *bytes, size_t len, const uint8_t mask[4], uint64_t at);

/* ---- connections ---- */
struct websocket;

struct websocket_options {
	bool client;     /* masks what it sends */
	bool channels;   /* else one stream, number 0 */
	bool text;       /* channels or bytes in base64 */
	bool half_close; /* v5: a client can finish a channel */
	uint8_t count;   /* of channels, at most WEBSOCKET_CHANNELS_MAX; others are ignored */
	int64_t idle;    /* longest silence; 0: any */
};
#define WEBSOCKET_CHANNELS_MAX 64

/* Takes the stream and what was read from it already. Belongs to the scope until closed. */
struct websocket *websocket_new(struct env *env, struct scope *scope, struct stream *below,
	struct buf *early, const struct websocket_options *options);
/*
 * Each channel once, all of them before the loop turns: what comes on those that nobody has taken
 * is dropped. The peer's end of the connection is the end of each.
 */
struct stream *websocket_channel(struct websocket *w, struct scope *scope, unsigned number);
/* Done when the connection is over: 0 when the peer said goodbye, else why. */
void websocket_wait(struct websocket *w, struct op *op);
/* The goodbye that is still to come says that this is no proper end. */
void websocket_break_off(struct websocket *w);
/* Says goodbye and lets go; what was written still leaves. Channels are closed by themselves. */
void websocket_close(struct websocket *w);

#endif
