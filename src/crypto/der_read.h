/*
 * Reading DER: a `struct str` that shrinks from the front. Strict: definite lengths in their
 * shortest form, one-byte tags, nothing beyond the end. On false nothing was consumed.
 */
#ifndef CRYPTO_DER_READ_H
#define CRYPTO_DER_READ_H

#include <kube/str.h>

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_NUMERIC_STRING = 0x12,
	DER_PRINTABLE_STRING = 0x13,
	DER_T61_STRING = 0x14,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_BMP_STRING = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};
/* [n] of the context, IMPLICIT primitive or constructed. */
#define DER_CONTEXT(n)             (0x80 | (n))
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

/* Any element: its tag, its content, and (when asked) all of it, head included. */
bool der_next(struct str *rest, unsigned char *tag, struct str *content, struct str *whole);
/* The element must have this tag. */
bool der_take(struct str *rest, unsigned char tag, struct str *content);
bool der_take_whole(struct str *rest, unsigned char tag, struct str *whole);
/* Not there: *found is false, and that is fine. false only for a malformed element. */
bool der_take_optional(struct str *rest, unsigned char tag, struct str *content, bool *found);
bool der_take_bool(struct str *rest, bool *value);
/* Non-negative, without the leading zero byte DER needs for the sign; zero has length 1. */
bool der_take_unsigned(struct str *rest, struct str *value);
bool der_take_small(struct str *rest, int *value); /* 0 to 2^24 - 1 */
/* A bit string of whole bytes. */
bool der_take_bytes_of_bits(struct str *rest, struct str *value);

#endif
