/* Numbers as Go's strconv reads them, where CEL lets it. */
#ifndef KUBE_CEL_GO_NUMBER_H
#define KUBE_CEL_GO_NUMBER_H

#include <kube/str.h>

/* A sign, then decimal digits or 0x and hexadecimal ones. */
bool go_read_int(struct str s, int64_t *value);
bool go_read_uint(struct str s, uint64_t *value);
/* ParseFloat: decimal and hexadecimal, `_` between digits, inf and nan; nothing out of range. */
bool go_read_double(struct str s, double *value);
/* The same without 0x, as conversions read integers: base 10, no `_`. */
bool go_read_decimal(struct str s, int64_t *value);

#endif
