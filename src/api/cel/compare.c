/* Which values are equal, which comes first. Numbers of all types share one line. */
#include "value.h"

#include "opaque.h"

#include <math.h>

/* ---- order ---- */

static int order(double a, double b)
{
	return a < b ? -1 : a > b;
}

static int order_int_double(int64_t i, double d)
{
	if (d < -0x1p63)
		return 1;
	if (d > 0x1p63)
		return -1;
	return order((double)i, d);
}

static int order_uint_double(uint64_t u, double d)
{
	if (d < 0)
		return 1;
	if (d > 0x1p64)
		return -1;
	return order((double)u, d);
}

static int order_int_uint(int64_t i, uint64_t u)
{
	if (i < 0)
		return -1;
	return (uint64_t)i < u ? -1 : (uint64_t)i > u;
}

static bool is_number(struct cel_value v)
{
	return v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_DOUBLE;
}

static bool is_nan(struct cel_value v)
{
	return v.kind == CEL_DOUBLE && isnan(v.d);
}

static int order_numbers(struct cel_value x, struct cel_value y)
{
	if (x.kind == CEL_DOUBLE)
		return y.kind == CEL_DOUBLE ? order(x.d, y.d)
		       : y.kind == CEL_INT  ? -order_int_double(y.i, x.d)
					    : -order_uint_double(y.u, x.d);
	if (y.kind == CEL_DOUBLE)
		return x.kind == CEL_INT ? order_int_double(x.i, y.d) : order_uint_double(x.u, y.d);
	if (x.kind == CEL_INT)
		return y.kind == CEL_INT ? (x.i < y.i ? -1 : x.i > y.i) : order_int_uint(x.i, y.u);
	return y.kind == CEL_UINT ? (x.u < y.u ? -1 : x.u > y.u) : -order_int_uint(y.i, x.u);
}

static int order_times(struct cel_value x, struct cel_value y)
{
	if (x.time.seconds != y.time.seconds)
		return x.time.seconds < y.time.seconds ? -1 : 1;
	return x.nanos < y.nanos ? -1 : x.nanos > y.nanos;
}

struct cel_value value_compare(struct cel_value x, struct cel_value y)
{
	if (is_number(x) && is_number(y)) {
		if (is_nan(x) || is_nan(y))
			return value_error_text("NaN values cannot be ordered");
		return cel_number(order_numbers(x, y));
	}
	if (x.kind != y.kind)
		return value_no_overload();
	switch (x.kind) {
	case CEL_BOOL:
		return cel_number((int)x.b - (int)y.b);
	case CEL_STRING:
	case CEL_BYTES: {
		int c = str_cmp(x.str, y.str);
		return cel_number(c < 0 ? -1 : c > 0);
	}
	case CEL_DURATION:
		return cel_number(x.i < y.i ? -1 : x.i > y.i);
	case CEL_TIMESTAMP:
		return cel_number(order_times(x, y));
	default:
		return value_no_overload();
	}
}

/* ---- equality ---- */

static struct cel_value equal(struct arena *a, struct cel_value x, struct cel_value y, int depth);

static bool is_true(struct cel_value v)
{
	return v.kind == CEL_BOOL && v.b;
}

/* Sets are equal in any order. */
static bool equal_sets(struct arena *a, struct cel_value x, struct cel_value y, int depth)
{
	struct cel_value item, other;
	struct walk w = {0};

	while (list_next(a, x, &w, &item)) {
		struct walk u = {0};
		bool found = false;
		while (!found && list_next(a, y, &u, &other))
			found = is_true(equal(a, item, other, depth + 1));
		if (!found)
			return false;
	}
	return true;
}

static bool equal_lists(struct arena *a, struct cel_value x, struct cel_value y, int depth)
{
	struct cel_value item, other;
	struct walk w = {0}, u = {0};

	if (list_size(x) != list_size(y))
		return false;
	if (x.type && x.type->kind == CEL_LIST && x.type->list_rule != CEL_LIST_ATOMIC)
		return equal_sets(a, x, y, depth);
	while (list_next(a, x, &w, &item) && list_next(a, y, &u, &other))
		if (!is_true(equal(a, item, other, depth + 1)))
			return false;
	return true;
}

static bool equal_maps(struct arena *a, struct cel_value x, struct cel_value y, int depth)
{
	struct cel_value key, value, other;
	struct walk w = {0};

	if (map_size(x) != map_size(y))
		return false;
	while (map_walk(a, x, &w, &key, &value))
		if (!map_find(a, y, key, &other) || !is_true(equal(a, value, other, depth + 1)))
			return false;
	return true;
}

static struct cel_value equal_objects(
	struct arena *a, struct cel_value x, struct cel_value y, int depth)
{
	if (y.kind != CEL_OBJECT && y.kind != CEL_MAP)
		return x.kind == CEL_OBJECT ? value_no_overload() : cel_truth(false);
	if (x.held == HELD_LAZY || y.held == HELD_LAZY)
		return cel_truth(x.held == y.held && x.lazy == y.lazy);
	return cel_truth(equal_maps(a, x, y, depth));
}

static struct cel_value equal_optionals(
	struct arena *a, struct cel_value x, struct cel_value y, int depth)
{
	if (y.kind != CEL_OPTIONAL || !x.inner != !y.inner)
		return cel_truth(false);
	return x.inner ? equal(a, *x.inner, *y.inner, depth + 1) : cel_truth(true);
}

static struct cel_value equal(struct arena *a, struct cel_value x, struct cel_value y, int depth)
{
	if (depth > TREE_MAX)
		return value_error_text("the values are nested too deeply");
	if (is_number(x) && is_number(y))
		return cel_truth(!is_nan(x) && !is_nan(y) && order_numbers(x, y) == 0);
	switch (x.kind) {
	case CEL_LIST:
		return cel_truth(y.kind == CEL_LIST && equal_lists(a, x, y, depth));
	case CEL_MAP:
	case CEL_OBJECT:
		return equal_objects(a, x, y, depth);
	case CEL_OPTIONAL:
		return equal_optionals(a, x, y, depth);
	case CEL_OPAQUE:
		return opaque_equal(x, y);
	default:
		break;
	}
	if (x.kind != y.kind)
		return cel_truth(false);
	switch (x.kind) {
	case CEL_NULL:
		return cel_truth(true);
	case CEL_BOOL:
		return cel_truth(x.b == y.b);
	case CEL_TYPE:
		return cel_truth(str_eq(type_runtime_name(x.of), type_runtime_name(y.of)));
	case CEL_STRING:
	case CEL_BYTES:
		return cel_truth(str_eq(x.str, y.str));
	case CEL_DURATION:
		return cel_truth(x.i == y.i);
	case CEL_TIMESTAMP:
		return cel_truth(order_times(x, y) == 0);
	default:
		return cel_truth(false);
	}
}

struct cel_value value_equal(struct arena *a, struct cel_value x, struct cel_value y)
{
	return equal(a, x, y, 0);
}

bool value_is_equal(struct arena *a, struct cel_value x, struct cel_value y)
{
	return is_true(equal(a, x, y, 0));
}
