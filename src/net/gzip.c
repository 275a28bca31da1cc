#include <kube/gzip.h>

#include <kube/mem.h>
#include <limits.h>
#include <zlib.h>

#define GZIP_WINDOW 31    /* 15 bits, and 16 that say "gzip" */
#define BARE_WINDOW (-15) /* without a frame */
#define GZIP_STEP   (16 * KIB)

struct gzip {
	z_stream z;
	unsigned offered;
	unsigned char spare;
	bool decoder, bare, ended;
};

static struct gzip *new_encoder(int level, bool bare)
{
	struct gzip *g = mem_new(sizeof(*g));
	int r = deflateInit2(
		&g->z, level, Z_DEFLATED, bare ? BARE_WINDOW : GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);

	assert(r == Z_OK);
	g->bare = bare;
	return g;
}

static struct gzip *new_decoder(bool bare)
{
	struct gzip *g = mem_new(sizeof(*g));
	int r = inflateInit2(&g->z, bare ? BARE_WINDOW : GZIP_WINDOW);

	assert(r == Z_OK);
	g->decoder = true;
	g->bare = bare;
	return g;
}

struct gzip *gzip_new_encoder(int level)
{
	return new_encoder(level, false);
}

struct gzip *gzip_new_decoder(void)
{
	return new_decoder(false);
}

void gzip_free(struct gzip *g)
{
	if (!g)
		return;
	g->decoder ? inflateEnd(&g->z) : deflateEnd(&g->z);
	mem_free(g);
}

/*
 * Hands zlib a piece of *out, as much as its ceiling still allows; at the ceiling one byte of our
 * own, since a stream that ends exactly there is fine.
 */
static void offer_room(struct gzip *g, struct buf *out)
{
	size_t room = MIN(GZIP_STEP, out->max - out->len);

	g->z.next_out = room ? (unsigned char *)buf_reserve(out, room) : &g->spare;
	g->z.avail_out = g->offered = room ? (unsigned)room : 1;
}

static int claim_room(struct gzip *g, struct buf *out, struct err *err)
{
	unsigned used = g->offered - g->z.avail_out;

	if (used && out->len == out->max)
		return err_set(err, ERR_TOO_LARGE, "gzip: more than %zu bytes", out->max);
	buf_advance(out, used);
	return 0;
}

static int encode(struct gzip *g, int flush, struct buf *out, struct err *err)
{
	for (;;) {
		offer_room(g, out);
		int r = deflate(&g->z, flush);
		if (claim_room(g, out, err))
			return ERR_TOO_LARGE;
		if (r == Z_STREAM_END || (flush != Z_FINISH && g->z.avail_out))
			return 0;
		assert(r == Z_OK || r == Z_BUF_ERROR);
	}
}

/* Several members one after the other are one stream, as gunzip and Go read them. */
static int decode(struct gzip *g, struct buf *out, struct err *err)
{
	while (g->z.avail_in || !g->ended) {
		if (g->ended && g->bare)
			return 0;
		if (g->ended && g->z.avail_in) {
			inflateReset(&g->z);
			g->ended = false;
		}
		offer_room(g, out);
		int r = inflate(&g->z, Z_NO_FLUSH);
		if (claim_room(g, out, err))
			return ERR_TOO_LARGE;
		if (r == Z_STREAM_END) {
			g->ended = true;
			continue;
		}
		if (r == Z_BUF_ERROR || (r == Z_OK && !g->z.avail_in && g->z.avail_out))
			return 0;
		if (r != Z_OK)
			return err_set(
				err, ERR_SYNTAX, "gzip: %s", g->z.msg ? g->z.msg : "invalid data");
	}
	return 0;
}

int gzip_add(struct gzip *g, struct str in, bool flush, struct buf *out, struct err *err)
{
	while (in.len || flush) {
		size_t n = MIN(in.len, (size_t)INT_MAX);
		bool last = n == in.len;
		g->z.next_in = (unsigned char *)in.at;
		g->z.avail_in = (unsigned)n;
		int r = g->decoder ? decode(g, out, err)
				   : encode(g, last && flush ? Z_SYNC_FLUSH : Z_NO_FLUSH, out, err);
		if (r)
			return r;
		in = str_skip(in, n);
		if (last)
			break;
	}
	return 0;
}

int gzip_end(struct gzip *g, struct buf *out, struct err *err)
{
	g->z.next_in = NULL;
	g->z.avail_in = 0;
	if (!g->decoder)
		return encode(g, Z_FINISH, out, err);
	return g->ended ? 0 : err_set(err, ERR_SYNTAX, "gzip: unexpected EOF");
}

/* All at once, by a stream that is given back. */
static int run_whole(struct gzip *g, struct str in, struct buf *out, struct err *err)
{
	int r = gzip_add(g, in, false, out, err);

	if (!r)
		r = gzip_end(g, out, err);
	gzip_free(g);
	return r;
}

int gzip_encode(struct str plain, int level, struct buf *out, struct err *err)
{
	return run_whole(new_encoder(level, false), plain, out, err);
}

int gzip_decode(struct str packed, struct buf *out, struct err *err)
{
	return run_whole(new_decoder(false), packed, out, err);
}

int deflate_encode(struct str plain, int level, struct buf *out, struct err *err)
{
	return run_whole(new_encoder(level, true), plain, out, err);
}

int deflate_decode(struct str packed, struct buf *out, struct err *err)
{
	return run_whole(new_decoder(true), packed, out, err);
}
