/* Bytes as text and back: base64, base64url, hex. Decoders are strict and say where they failed. */
#ifndef KUBE_CODEC_H
#define KUBE_CODEC_H

#include <kube/buf.h>
#include <kube/err.h>

void base64_encode(struct buf *out, struct str bytes);
int base64_decode(struct buf *out, struct str text,
	struct err *err);                                 /* padded; newlines ignored as Go does */
void base64url_encode(struct buf *out, struct str bytes); /* no padding */
int base64url_decode(struct buf *out, struct str text, struct err *err); /* padding optional */
void hex_encode(struct buf *out, struct str bytes);                      /* lower case */
int hex_decode(struct buf *out, struct str text, struct err *err);

#endif
