/*
 * layer_stream: the bytes of a layer as they came (plain, gzip or zstd, told by how they begin) →
 * the bytes of its tar; the digests of both; the ceilings. Blocking; one thread at a time.
 */
#ifndef RUNTIME_LAYER_STREAM_H
#define RUNTIME_LAYER_STREAM_H

#include <kube/err.h>
#include <kube/hash.h>

struct layer_stream;

/* Bytes [offset, offset + size) of a file; the descriptor stays the caller's. */
struct layer_source {
	int fd;
	int64_t offset, size;
	int64_t max_bytes, max_ratio; /* of the plain bytes; ratio: from LAYER_RATIO_FROM on */
	const _Atomic(bool) *stopped; /* ends with ERR_CANCELLED when it becomes true; or NULL */
};
#define LAYER_RATIO_FROM ((int64_t)64 << 20)

struct layer_stream *layer_stream_new(const struct layer_source *source);
void layer_stream_free(struct layer_stream *s);
/* A tar_read_fn: plain bytes, *n = 0 at the end. */
int layer_stream_read(void *stream, void *at, size_t len, size_t *n, struct err *err);
/* Reads what is left, so that the digests are of everything; both as "sha256:…", 71 bytes and a
 * NUL. */
int layer_stream_end(struct layer_stream *s, char packed[72], char plain[72], int64_t *plain_bytes,
	struct err *err);

/* "sha256:…" of a finished hash. */
void digest_print(struct sha256 *h, char text[72]);

#endif
