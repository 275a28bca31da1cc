/*
 * Resource quantities, exact: an integer of up to 2^63-1 scaled by 10^-9…, or beyond that by
 * decimal arithmetic as upstream's inf.Dec does. Text is canonical as upstream prints it.
 */
#ifndef KUBE_QUANTITY_H
#define KUBE_QUANTITY_H

#include <kube/arena.h>
#include <kube/err.h>

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

struct quantity {
	__int128 nano; /* value × 10^9, saturated as upstream saturates */
	enum quantity_format format;
};

/* ERR_BAD_REQUEST with upstream's words ("quantities must match the regular expression …"). */
int quantity_parse(struct str text, struct quantity *q, struct err *err);
/* The canonical text of any valid text, as a decoded and printed object has it. */
int quantity_canonical(struct arena *a, struct str text, struct str *canonical, struct err *err);
struct str quantity_print(struct arena *a, struct quantity q);
int quantity_cmp(struct quantity a, struct quantity b);
struct quantity quantity_add(struct quantity a, struct quantity b);
struct quantity quantity_sub(struct quantity a, struct quantity b);
int64_t quantity_value(struct quantity q); /* rounded up */
int64_t quantity_milli(struct quantity q); /* rounded up */
struct quantity quantity_from_int(int64_t value, enum quantity_format format);
/* Up (away from zero) to a whole number of thousandths; false: it was one already. */
bool quantity_round_milli(struct quantity *q);
/* Is it beyond what upstream counts to? Its text is kept, its value is the limit. */
bool quantity_is_capped(struct quantity q);
int quantity_sign(struct quantity q);
bool quantity_is_whole(struct quantity q);

#endif
