/*
 * One HTTP/2 connection, as far as server and client are alike: bytes in and out of nghttp2,
 * budgets against floods, time-outs, keepalive, the orderly end. What differs is a `struct
 * h2_role`. Private to net/; everything on the loop's thread.
 *
 *	RUNNING ── nothing left to say or hear ──→ LINGERING ── peer's end, 1 s ──→ ENDED ─→ over()
 *	   └────────────── transport failed, abort, time-out ─────────────────────────┘
 *
 * nghttp2 calls back only inside h2_feed and h2_pump. Callbacks note what happened and finish
 * ops; they never run a handler and never end the connection.
 */
#ifndef NET_HTTP2_SESSION_H
#define NET_HTTP2_SESSION_H

#include <kube/loop.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <nghttp2/nghttp2.h>

#include "http_conn.h"

/* Go's ReadIdleTimeout and PingTimeout: a peer that is silent so long is asked, then given up. */
#define H2_PING_IDLE   (30 * SEC)
#define H2_PING_ANSWER (15 * SEC)
/* How long the second GOAWAY waits for the ping behind the first; how long a dead peer's FIN. */
#define H2_DRAIN_WAIT (1 * SEC)
#define H2_LINGER     (1 * SEC)
/* What an answered request may still send before it is told to stop. */
#define H2_SKIP_BYTES (256 * (int64_t)KIB)
#define H2_SKIP_TIME  (1 * SEC)
/* Bytes gathered for one write. More only delays the first of them. */
#define H2_WRITE_TARGET (64 * KIB)
#define H2_READ_MAX     (64 * KIB)

/*
 * Frames that cost us work and carry nothing are paid for from a purse that fills by the second.
 * An empty purse is ENHANCE_YOUR_CALM.
 */
struct h2_budget {
	int64_t refilled; /* when */
	int32_t tokens, burst, rate;
};

/* false: spent. */
bool h2_budget_spend(struct h2_budget *b, int64_t now, int32_t cost);
void h2_budget_earn(struct h2_budget *b, int32_t tokens);

struct h2;
struct h2_stream;

struct h2_role {
	const char *name;
	bool server;
	/* Frames have been taken in: run handlers now. */
	void (*received)(struct h2 *h);
	/* Open streams cannot go on; h->err says why. Comes once. */
	void (*lost)(struct h2 *h);
	/* The scope is closed and empty: the last act. */
	void (*over)(struct h2 *h);
	/* Nothing was open for the idle time. */
	void (*idle)(struct h2 *h);
	/* Inside nghttp2. 0, or an NGHTTP2_ERR_ code. */
	int (*begin_headers)(struct h2 *h, const nghttp2_frame *frame);
	int (*header)(struct h2_stream *s, struct str name, struct str value);
	int (*headers_done)(struct h2_stream *s, const nghttp2_frame *frame);
	void (*data_ended)(struct h2_stream *s);
	void (*stream_closed)(struct h2_stream *s, uint32_t code);
	void (*end_sent)(struct h2_stream *s);
	void (*settings)(struct h2 *h);
	void (*goaway)(struct h2 *h, const nghttp2_goaway *frame);
};

enum h2_state { H2_RUNNING, H2_LINGERING, H2_ENDED };

struct h2 {
	nghttp2_session *ng;
	const struct h2_role *role;
	struct loop *loop;
	struct scope *scope;
	struct stream *stream;
	const struct http_limits *limits;
	struct buf in, out;
	struct str gathered; /* `out` while it is written */
	struct op reading, writing, flushing, timer, finishing, closing;
	struct list streams; /* h2_stream.in_h2, open ones */
	uint32_t open;
	struct h2_budget control, resets;
	const char *ban; /* set inside a callback: the peer is to be sent away, with this text */
	uint32_t ban_code;
	struct err err; /* why the connection ended */
	int64_t timer_at;
	int64_t last_in, idle_since, header_since, ping_sent, drain_sent, end_at, write_progress;
	uint64_t bytes_out_seen, bytes_in_seen;
	enum h2_state state;
	bool settings_seen, draining, drained, lost, deaf;
};

/* Fields role, scope, stream, limits must be set. Takes over what stands in *early. */
void h2_start(struct h2 *h, struct buf *early);
/* Writes what is queued, once everything that is ready to run now has run. */
void h2_flush(struct h2 *h);
/* GOAWAY that still lets requests in flight through; the connection ends when they have. */
void h2_drain(struct h2 *h);
/* … and now with the last stream that will be served. */
void h2_draw_line(struct h2 *h);
/* GOAWAY with the code, then the end. reason must be static. */
void h2_terminate(struct h2 *h, uint32_t code, const char *reason);
/* The end, at once. *err (may be NULL) is moved away. */
void h2_end(struct h2 *h, struct err *err);
/* Makes sure the time-outs are looked at by then. */
void h2_arm(struct h2 *h, int64_t at);
/* Frees what h2_start made; after over(). */
void h2_done(struct h2 *h);

/* http2_frames.c: the nghttp2 session with our options, callbacks and SETTINGS. */
void h2_session_new(struct h2 *h);

/* ---- http2_stream.c: one stream's two bodies ---- */

enum h2_awaits {
	H2_AWAITS_NOTHING,
	H2_AWAITS_HEAD, /* writer is done when HEADERS were sent */
	H2_AWAITS_DATA, /* … when the parts were */
	H2_AWAITS_END,  /* … when END_STREAM was */
};

struct h2_stream {
	struct link in_h2;
	struct h2 *h2;
	int32_t id;
	/* from the peer */
	struct op *reader;
	struct buf *into;
	size_t max;
	struct buf body; /* arrived and not read; bounded by the window */
	size_t body_from;
	int64_t received, receive_limit; /* -1: none */
	int64_t read_since;
	int64_t skip_left, skip_until; /* see h2_stream_skip; 0: not skipping */
	/* to the peer */
	struct op *writer;
	const struct str *parts;
	size_t part_count, part_from; /* part_from: bytes of the first that are sent */
	struct str whole;             /* the one part, when there is no array to point to */
	char *kept;                   /* our own copy of it, see h2_stream_keep_body */
	size_t write_size;
	const struct http_headers *trailers;
	int64_t write_since;
	struct err read_err, write_err; /* why it fails from now on */
	uint8_t awaits;
	bool open;          /* nghttp2 knows it */
	bool ending;        /* END_STREAM will follow the parts */
	bool head_sent;     /* HEADERS of ours were sent */
	bool end_sent;      /* END_STREAM was sent */
	bool remote_ended;  /* the peer's END_STREAM is here */
	bool reset_by_peer; /* … its RST_STREAM */
	bool discard;       /* nobody wants the peer's body any more */
	bool provider;      /* nghttp2 has our data source */
	bool read_timed;    /* a silent peer is a time-out (servers) */
};

void h2_stream_open(struct h2_stream *s, struct h2 *h, int32_t id);
static inline int64_t h2_stream_now(const struct h2_stream *s)
{
	return loop_now(s->h2->loop);
}
/* The ops have been begun. */
void h2_stream_read(struct h2_stream *s, struct op *op, struct buf *into, size_t max);
void h2_stream_write(struct h2_stream *s, struct op *op, const struct str *parts, size_t count);
/* HEADERS have been given to nghttp2: op waits for them to be sent. */
void h2_stream_await_head(struct h2_stream *s, struct op *op);
/* true: nothing can be written, op has failed. */
bool h2_stream_refuses(struct h2_stream *s, struct op *op);
/* One part and then END_STREAM; op may be NULL. */
void h2_stream_write_last(struct h2_stream *s, struct op *op, struct str body);
void h2_stream_end(struct h2_stream *s, struct op *op, const struct http_headers *trailers);
void h2_stream_cancel(struct h2_stream *s, struct op *op);
/* The body that is still to be sent is copied: its owner takes the memory back. */
void h2_stream_keep_body(struct h2_stream *s);
/* Waiting ops fail with a copy of the err, later ones too. The first reason stays. */
void h2_stream_fail(struct h2_stream *s, const struct err *err);
/* What arrives from now on is thrown away, what is here too; the window is given back. */
void h2_stream_discard(struct h2_stream *s);
/* Lets the rest of the peer's body come for a moment, then resets the stream. */
void h2_stream_skip(struct h2_stream *s);
void h2_stream_reset(struct h2_stream *s, uint32_t code);
void h2_stream_done(struct h2_stream *s); /* frees; no op waits */
/* Is it stuck? Returns when to look again. */
int64_t h2_stream_check(struct h2_stream *s, int64_t now);
/* Answers the reader, if there is something to answer. */
void h2_stream_serve(struct h2_stream *s);

/* Called by http2_frames.c. */
int h2_stream_take_data(struct h2_stream *s, const uint8_t *at, size_t len);
void h2_stream_take_end(struct h2_stream *s);
void h2_stream_head_sent(struct h2_stream *s);
void h2_stream_end_was_sent(struct h2_stream *s);
void h2_stream_head_not_sent(struct h2_stream *s, int code);
int h2_stream_send_data(struct h2_stream *s, const uint8_t *head, size_t len);
nghttp2_data_provider h2_stream_provider(struct h2_stream *s);

/* ---- http2_fields.c: header lists ---- */
/* A list of fields for nghttp2, in an arena. */
struct h2_fields {
	struct arena *arena;
	nghttp2_nv *items;
	size_t count, cap;
};
void h2_fields_init(struct h2_fields *f, struct arena *a, size_t cap);
/* As it is: for our own. */
void h2_fields_add(struct h2_fields *f, struct str name, struct str value);
/* Bad names are left out, control characters in values become spaces, as http.h says. */
void h2_fields_add_all(struct h2_fields *f, const struct http_header *items, size_t count);

#endif
