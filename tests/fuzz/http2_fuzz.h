/*
 * Feeds bytes to one end of an HTTP/2 connection: a stream whose reads take the input in pieces
 * and whose writes vanish, on a virtual loop. At the end of the input the stream ends, and
 * everything must be gone.
 */
#ifndef FUZZ_HTTP2_FUZZ_H
#define FUZZ_HTTP2_FUZZ_H

#include "../module/net/http2_pair.h"

struct feed {
	struct stream base;
	const uint8_t *at;
	size_t left, piece;
};

static void feed_read(struct stream *s, struct op *op, struct buf *into, size_t max)
{
	struct feed *f = (struct feed *)s;
	size_t n = MIN(f->left, max);
	n = MIN(n, f->piece);
	s->reading = NULL;
	buf_add(into, f->at, n);
	f->at += n;
	f->left -= n;
	s->bytes_in += n;
	op_finish(op, (int64_t)n);
}

static void feed_write(struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	int64_t n = 0;
	s->writing = NULL;
	for (size_t i = 0; i < count; i++)
		n += (int64_t)parts[i].len;
	s->bytes_out += (uint64_t)n;
	op_finish(op, n);
}

static void feed_finish(struct stream *s, struct op *op)
{
	s->writing = NULL;
	op_finish(op, 0);
}

static void feed_cancel(struct stream *s, struct op *op)
{
	(void)s, (void)op; /* nothing ever waits */
}

static void feed_close(struct stream *s)
{
	(void)s;
}

static const struct stream_ops feed_ops = {.name = "feed",
	.read = feed_read,
	.write = feed_write,
	.finish = feed_finish,
	.cancel = feed_cancel,
	.close = feed_close};

static int64_t fuzz_wall(struct env *env)
{
	(void)env;
	return 1700000000 * SEC;
}

struct fuzz {
	struct loop_test t;
	struct env env;
	struct pair p;
	struct feed feed;
};

/* The first byte says how large the pieces are. */
static void fuzz_init(struct fuzz *f, const uint8_t *data, size_t size)
{
	memset(f, 0, sizeof(*f));
	f->t.loop = loop_new_virtual(1000);
	f->t.root = loop_root(f->t.loop);
	f->env.loop = f->t.loop;
	f->env.wall = fuzz_wall;
	f->t.env = &f->env;
	f->p.server_limits.max_streams = 20;
	http_limits_fill(&f->p.server_limits, &f->p.server_limits, true);
	pair_prepare(&f->p, &f->t);
	f->feed = (struct feed){.base.ops = &feed_ops, .base.scope = f->t.root};
	f->feed.piece = size ? (size_t)data[0] * 64 + 1 : 1;
	f->feed.at = data + (size ? 1 : 0);
	f->feed.left = size ? size - 1 : 0;
}

static void fuzz_done(struct fuzz *f)
{
	struct err err = {0};
	int code = loop_run(f->t.loop, &err);
	assert(code == 0);
	assert(f->p.running == 0);
	loop_free(f->t.loop);
}

#endif
