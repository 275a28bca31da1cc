/* Arithmetic, comparisons, indexes: what the language itself has. */
#include "functions.h"

#include <math.h>

static struct cel_value overflow(bool is_unsigned)
{
	return value_error_text(is_unsigned ? "unsigned integer overflow" : "integer overflow");
}

struct cel_value run_not(struct call *c)
{
	return c->args[0].kind == CEL_BOOL ? cel_truth(!c->args[0].b) : value_no_overload();
}

struct cel_value run_equal(struct call *c)
{
	return value_equal(c->arena, c->args[0], c->args[1]);
}

struct cel_value run_unequal(struct call *c)
{
	struct cel_value v = value_equal(c->arena, c->args[0], c->args[1]);

	return v.kind == CEL_BOOL ? cel_truth(!v.b) : v;
}

/* ---- order ---- */

/* -2: *error says why there is no order. */
static int64_t compare_args(struct call *c, struct cel_value *error)
{
	if (!cel_kind_is_scalar(c->args[0].kind))
		*error = value_no_trait(c);
	else
		*error = value_compare(c->args[0], c->args[1]);
	return error->kind == CEL_INT ? error->i : -2;
}

struct cel_value run_less(struct call *c)
{
	struct cel_value error;
	int64_t order = compare_args(c, &error);

	return order == -2 ? error : cel_truth(order < 0);
}

struct cel_value run_less_equal(struct call *c)
{
	struct cel_value error;
	int64_t order = compare_args(c, &error);

	return order == -2 ? error : cel_truth(order <= 0);
}

struct cel_value run_greater(struct call *c)
{
	struct cel_value error;
	int64_t order = compare_args(c, &error);

	return order == -2 ? error : cel_truth(order > 0);
}

struct cel_value run_greater_equal(struct call *c)
{
	struct cel_value error;
	int64_t order = compare_args(c, &error);

	return order == -2 ? error : cel_truth(order >= 0);
}

/* ---- times ---- */

bool time_in_range(int64_t seconds)
{
	return seconds >= -62135596800 && seconds <= 253402300799;
}

static struct cel_value shift_time(struct cel_value t, int64_t ns)
{
	const int64_t second = 1000000000;
	int64_t nanos = t.nanos + ns % second;

	t.time.seconds += ns / second;
	if (nanos < 0) {
		nanos += second;
		t.time.seconds--;
	} else if (nanos >= second) {
		nanos -= second;
		t.time.seconds++;
	}
	t.nanos = (int32_t)nanos;
	return time_in_range(t.time.seconds) ? t : value_error_text("timestamp overflow");
}

static struct cel_value time_between(struct cel_value x, struct cel_value y)
{
	int64_t ns;

	if (__builtin_mul_overflow(x.time.seconds - y.time.seconds, 1000000000, &ns) ||
		__builtin_add_overflow(ns, x.nanos - y.nanos, &ns))
		return overflow(false);
	return value_duration(ns);
}

/* ---- arithmetic ---- */

static struct cel_value join_text(struct call *c, struct cel_value x, struct cel_value y)
{
	char *at = arena_alloc(c->arena, x.str.len + y.str.len + 1);

	if (x.str.len)
		memcpy(at, x.str.at, x.str.len);
	if (y.str.len)
		memcpy(at + x.str.len, y.str.at, y.str.len);
	at[x.str.len + y.str.len] = '\0';
	x.str = str_make(at, x.str.len + y.str.len);
	return x;
}

static struct cel_value add_same(struct call *c, struct cel_value x, struct cel_value y)
{
	switch (x.kind) {
	case CEL_INT:
		return __builtin_add_overflow(x.i, y.i, &x.i) ? overflow(false) : x;
	case CEL_UINT:
		return __builtin_add_overflow(x.u, y.u, &x.u) ? overflow(true) : x;
	case CEL_DOUBLE:
		return value_double(x.d + y.d);
	case CEL_STRING:
	case CEL_BYTES:
		return join_text(c, x, y);
	case CEL_DURATION:
		return __builtin_add_overflow(x.i, y.i, &x.i) ? overflow(false) : x;
	case CEL_LIST:
		return list_concat(c->arena, x, y);
	default:
		return value_no_trait(c);
	}
}

struct cel_value run_add(struct call *c)
{
	struct cel_value x = c->args[0], y = c->args[1];

	if (x.kind == CEL_DURATION && y.kind == CEL_TIMESTAMP)
		return shift_time(y, x.i);
	if (x.kind == CEL_TIMESTAMP)
		return y.kind == CEL_DURATION ? shift_time(x, y.i) : value_no_overload();
	if (x.kind == y.kind)
		return add_same(c, x, y);
	switch (x.kind) {
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_DURATION:
	case CEL_LIST:
		return value_no_overload();
	default:
		return value_no_trait(c);
	}
}

static struct cel_value subtract_time(struct cel_value x, struct cel_value y)
{
	if (y.kind == CEL_TIMESTAMP)
		return time_between(x, y);
	if (y.kind != CEL_DURATION)
		return value_no_overload();
	if (y.i == INT64_MIN)
		return overflow(false);
	return shift_time(x, -y.i);
}

struct cel_value run_subtract(struct call *c)
{
	struct cel_value x = c->args[0], y = c->args[1];

	switch (x.kind) {
	case CEL_TIMESTAMP:
		return subtract_time(x, y);
	case CEL_INT:
	case CEL_DURATION:
		if (x.kind != y.kind)
			return value_no_overload();
		return __builtin_sub_overflow(x.i, y.i, &x.i) ? overflow(false) : x;
	case CEL_UINT:
		if (x.kind != y.kind)
			return value_no_overload();
		return __builtin_sub_overflow(x.u, y.u, &x.u) ? overflow(true) : x;
	case CEL_DOUBLE:
		return y.kind == CEL_DOUBLE ? value_double(x.d - y.d) : value_no_overload();
	default:
		return value_no_trait(c);
	}
}

struct cel_value run_multiply(struct call *c)
{
	struct cel_value x = c->args[0], y = c->args[1];

	switch (x.kind) {
	case CEL_INT:
		if (x.kind != y.kind)
			return value_no_overload();
		return __builtin_mul_overflow(x.i, y.i, &x.i) ? overflow(false) : x;
	case CEL_UINT:
		if (x.kind != y.kind)
			return value_no_overload();
		return __builtin_mul_overflow(x.u, y.u, &x.u) ? overflow(true) : x;
	case CEL_DOUBLE:
		return y.kind == CEL_DOUBLE ? value_double(x.d * y.d) : value_no_overload();
	default:
		return value_no_trait(c);
	}
}

struct cel_value run_divide(struct call *c)
{
	struct cel_value x = c->args[0], y = c->args[1];

	if (x.kind == CEL_DOUBLE)
		return y.kind == CEL_DOUBLE ? value_double(x.d / y.d) : value_no_overload();
	if (x.kind != CEL_INT && x.kind != CEL_UINT)
		return value_no_trait(c);
	if (x.kind != y.kind)
		return value_no_overload();
	if (y.i == 0)
		return value_error_text("division by zero");
	if (x.kind == CEL_UINT)
		return value_uint(x.u / y.u);
	return x.i == INT64_MIN && y.i == -1 ? overflow(false) : cel_number(x.i / y.i);
}

struct cel_value run_modulo(struct call *c)
{
	struct cel_value x = c->args[0], y = c->args[1];

	if (x.kind != CEL_INT && x.kind != CEL_UINT)
		return value_no_trait(c);
	if (x.kind != y.kind)
		return value_no_overload();
	if (y.i == 0)
		return value_error_text("modulus by zero");
	if (x.kind == CEL_UINT)
		return value_uint(x.u % y.u);
	return x.i == INT64_MIN && y.i == -1 ? overflow(false) : cel_number(x.i % y.i);
}

struct cel_value run_negate(struct call *c)
{
	struct cel_value x = c->args[0];

	switch (x.kind) {
	case CEL_INT:
	case CEL_DURATION:
		if (x.i == INT64_MIN)
			return overflow(false);
		x.i = -x.i;
		return x;
	case CEL_DOUBLE:
		return value_double(-x.d);
	case CEL_BOOL:
		return cel_truth(!x.b);
	default:
		return value_no_trait(c);
	}
}
