/*
 * Headers as SPDY/3 sends them: lists of lower-case names and values, all of one direction of a
 * connection in one zlib stream that both sides begin with the same dictionary.
 */
#ifndef KUBE_NET_SPDY_HEADERS_H
#define KUBE_NET_SPDY_HEADERS_H

#include <kube/http.h>

struct spdy_packer;

struct spdy_packer *spdy_packer_new(void);
struct spdy_packer *spdy_unpacker_new(void);
void spdy_packer_free(struct spdy_packer *p); /* NULL is fine; of both */
/* Appends the packed block. */
void spdy_pack(
	struct spdy_packer *p, const struct http_header *headers, size_t count, struct buf *out);
/*
 * Reads a block, copying into the arena. ERR_TOO_LARGE above SPDY_HEADER_MAX, ERR_SYNTAX; after
 * both the unpacker is of no more use.
 */
int spdy_unpack(struct spdy_packer *p, struct str block, struct arena *a,
	struct http_headers *headers, struct err *err);
/* The dictionary that both sides begin with. */
struct str spdy_dictionary(void);

#endif
