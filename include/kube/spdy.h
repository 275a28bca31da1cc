/*
 * SPDY/3.1 over a connection that was upgraded, for servers and clients: streams with headers, as
 * exec, attach and port-forward have used them since before HTTP/2. A stream of it is a struct
 * stream; stream_finish half-closes it, stream_close resets what is not closed on both sides.
 *
 * Windows: what readers take is given back to the peer. A peer's own windows count from its first
 * word about them on; most never say one, and mean that TCP's is enough.
 */
#ifndef KUBE_SPDY_H
#define KUBE_SPDY_H

#include <kube/http.h>

struct spdy;

#define SPDY_PROTOCOL    STR("SPDY/3.1")
#define SPDY_STREAMS_MAX 256        /* at once */
#define SPDY_HEADER_MAX  (32 * KIB) /* of one stream, unpacked */

/* Takes the stream and what was read from it already. Belongs to the scope until closed. */
struct spdy *spdy_new(struct env *env, struct scope *scope, struct stream *below, struct buf *early,
	bool client, int64_t idle);
/*
 * The next stream that the peer opens; it is told that it is welcome. *stream belongs to `scope`,
 * and is set on success only.
 */
void spdy_accept(struct spdy *p, struct op *op, struct scope *scope, struct stream **stream);
/* Opens one. NULL when the connection is over or has too many. */
struct stream *spdy_open(struct spdy *p, struct scope *scope, const struct http_header *headers,
	size_t header_count);
/* Done when the peer has said that the stream is welcome; ERR_REFUSED when it is not. */
void spdy_wait_reply(struct stream *stream, struct op *op);
/* Of a stream's opening: a view that lives as long as the stream; empty without one. */
struct str spdy_header(const struct stream *stream, struct str name);
/* Done when the peer has answered. */
void spdy_ping(struct spdy *p, struct op *op);
/* Done when the connection is over: 0 when the peer said goodbye, else why. */
void spdy_wait(struct spdy *p, struct op *op);
/* Says goodbye and lets go; what was written still leaves. Streams are closed by themselves. */
void spdy_close(struct spdy *p);

#endif
