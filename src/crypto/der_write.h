/*
 * Writing DER, forwards: der_open writes a tag and leaves a byte for the length, der_close puts
 * the length in when the content is there (moving it when one byte is too few). A buffer that
 * ran over stays over, as everywhere; the caller looks once at the end.
 */
#ifndef CRYPTO_DER_WRITE_H
#define CRYPTO_DER_WRITE_H

#include "der_read.h"

#include <kube/buf.h>

size_t der_open(struct buf *out, unsigned char tag); /* a mark for der_close */
void der_close(struct buf *out, size_t mark);
void der_add(struct buf *out, unsigned char tag, struct str content);
void der_add_bool(struct buf *out, bool value);
void der_add_unsigned(struct buf *out, struct str big_endian);
void der_add_small(struct buf *out, unsigned value);
void der_add_bits(struct buf *out, struct str bytes, unsigned unused);
/* The members of a SET OF must stand in the order of their encodings. */
void der_add_set(struct buf *out, struct str *members, size_t count);

#endif
