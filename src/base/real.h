/* Doubles from text and back, the same in every locale. Inside of base/. */
#ifndef KUBE_BASE_REAL_H
#define KUBE_BASE_REAL_H

#include <kube/defs.h>

/* As strtod, with a point; the caller has checked the text's form. Infinite when out of range. */
double real_read(const char *text);

enum { REAL_DIGITS_MAX = 20 }; /* room for the digits of any double, with a NUL */
/*
 * The fewest digits that read back as the same value, and of these the nearest: d.ddd x 10^e, of
 * which the exponent is returned. value is finite and positive; bits 64, or 32 when it is a
 * float's.
 */
int real_shortest(double value, int bits, char digits[REAL_DIGITS_MAX]);

#endif
