/*
 * A SPDY connection from within: what its input (spdy_input.c), its output (spdy_output.c) and its
 * owner's side (spdy.c) share. Nothing here is for others than they.
 */
#ifndef KUBE_NET_SPDY_OWN_H
#define KUBE_NET_SPDY_OWN_H

#include "mux.h"
#include "spdy_frame.h"
#include "spdy_headers.h"

#include <kube/spdy.h>

struct spdy {
	struct mux mux; /* first */
	struct spdy_packer *packer, *unpacker;
	bool client;
	uint32_t next_id, last_id; /* ours; the peer's latest */
	size_t count;              /* of streams that stand */
	/* the data frame that is arriving */
	struct spdy_head data;
	bool in_data;
	/* streams of the peer that nobody has taken yet */
	struct list fresh;
	struct op *acceptor;
	struct scope *accept_scope;
	struct stream **accepted;
	struct op *pinger;
	uint32_t ping_id;
	/* what the peer allows us, and what we have not given back to it */
	bool windowed, session_windowed;
	int64_t session_window, initial_window;
	uint32_t taken;
};

struct spdy_stream {
	struct mux_stream mux; /* first */
	struct link in_fresh;
	struct arena arena;
	struct http_headers headers;
	struct op *reply_waiter;
	bool replied, accepted, reset;
	int64_t window;
	uint32_t taken;
};

static inline struct spdy *spdy_of(struct mux *m)
{
	return CONTAINER_OF(m, struct spdy, mux);
}

static inline struct spdy_stream *spdy_stream_of(const struct mux_stream *s)
{
	return CONTAINER_OF(s, struct spdy_stream, mux);
}

/* scope: NULL until somebody takes it. */
struct spdy_stream *spdy_stream_new(struct spdy *p, struct scope *scope, uint32_t id);
/* The oldest of the peer's streams that nobody has taken is handed to who accepts. */
void spdy_welcome(struct spdy *p);
/* Who waits for the peer's reply to a stream is told, if somebody does. */
void spdy_answer(struct spdy_stream *s, bool welcome);

/* Into the mux's buffer; mux_send takes it from there. words: one or two. */
void spdy_send_words(struct spdy *p, uint16_t type, uint32_t first, uint32_t second, int words);
void spdy_send_headers(struct spdy *p, uint16_t type, uint32_t id,
	const struct http_header *headers, size_t count);

/* Of the mux's operations. */
int spdy_take(struct mux *m, struct str in, size_t *used, struct err *err);
size_t spdy_pack_data(struct mux *m, struct mux_stream *ms, struct str bytes);
void spdy_finish(struct mux *m, struct mux_stream *s);
void spdy_consumed(struct mux *m, struct mux_stream *ms, size_t n);

#endif
