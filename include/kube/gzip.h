/* gzip and deflate, whole or in pieces; the decoder has a ceiling against bombs. */
#ifndef KUBE_GZIP_H
#define KUBE_GZIP_H

#include <kube/buf.h>
#include <kube/err.h>

/* level 1..9; 1 is what upstream answers with. Reaching out's ceiling is ERR_TOO_LARGE. */
int gzip_encode(struct str plain, int level, struct buf *out, struct err *err);
int gzip_decode(struct str packed, struct buf *out, struct err *err);
/* The same without gzip's frame; what stands behind the end is not looked at. */
int deflate_encode(struct str plain, int level, struct buf *out, struct err *err);
int deflate_decode(struct str packed, struct buf *out, struct err *err);

struct gzip; /* a stream in one direction */
struct gzip *gzip_new_encoder(int level);
struct gzip *gzip_new_decoder(void);
void gzip_free(struct gzip *g);
/* Appends to *out. flush: everything so far becomes readable for the peer. */
int gzip_add(struct gzip *g, struct str in, bool flush, struct buf *out, struct err *err);
int gzip_end(struct gzip *g, struct buf *out, struct err *err);

#endif
