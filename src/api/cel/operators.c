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

static bool is_ordered(struct cel_value v)
{
	switch (v.kind) {
	case CEL_BOOL:
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return true;
	default:
		return false;
	}
}

/* -2: *error says why there is no order. */
static int64_t compare_args(struct call *c, struct cel_value *error)
{
	if (!is_ordered(c->args[0]))
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

/* ---- containers ---- */

/* What an index means in a list: whole numbers of any type. */
static struct cel_value list_index(
	struct call *c, struct cel_value list, struct cel_value index, bool *found)
{
	int64_t at;

	*found = false;
	switch (index.kind) {
	case CEL_INT:
		at = index.i;
		break;
	case CEL_UINT:
		at = index.u > INT64_MAX ? INT64_MAX : (int64_t)index.u;
		break;
	case CEL_DOUBLE:
		if (floor(index.d) != index.d || fabs(index.d) > 0x1p53) {
			_cleanup_(buf_done) struct buf out = BUF_INIT(64);
			print_double(&out, index.d);
			return cel_error(
				c->arena, "unsupported index value %s in list", buf_text(&out));
		}
		at = (int64_t)index.d;
		break;
	default:
		return cel_error(c->arena, "unsupported index type '%.*s' in list",
			STRF(value_type_name(index)));
	}
	if (at < 0 || (uint64_t)at >= list_size(list))
		return cel_error(c->arena, "index out of bounds: %lld", (long long)at);
	*found = true;
	return list_at(c->arena, list, (size_t)at);
}

static void print_key(struct buf *out, struct cel_value key)
{
	switch (key.kind) {
	case CEL_STRING:
	case CEL_BYTES:
		buf_add_str(out, key.str);
		break;
	case CEL_BOOL:
		buf_add_text(out, key.b ? "true" : "false");
		break;
	case CEL_INT:
		buf_add_i64(out, key.i);
		break;
	case CEL_UINT:
		buf_add_u64(out, key.u);
		break;
	case CEL_DOUBLE:
		print_double(out, key.d);
		break;
	default:
		buf_add_str(out, value_type_name(key));
	}
}

static struct cel_value index_value(
	struct call *c, struct cel_value v, struct cel_value index, bool *found)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct cel_value value;

	if (v.kind == CEL_LIST)
		return list_index(c, v, index, found);
	*found = v.kind == CEL_MAP ? map_find(c->arena, v, index, &value)
				   : v.kind == CEL_OBJECT && index.kind == CEL_STRING &&
					     field_find(c->arena, v, index.str, &value);
	if (*found)
		return value;
	print_key(&out, index);
	return cel_error(c->arena, "no such key: %.*s", STRF(buf_str(&out)));
}

struct cel_value run_index(struct call *c)
{
	struct cel_value v = c->args[0], value;
	bool found;

	if (v.kind != CEL_OPTIONAL)
		return index_value(c, v, c->args[1], &found);
	if (!v.inner)
		return cel_none;
	value = index_value(c, *v.inner, c->args[1], &found);
	return found ? cel_some(c->arena, value) : cel_none;
}

struct cel_value run_optional_index(struct call *c)
{
	struct cel_value v = c->args[0], value;
	bool found;

	if (v.kind == CEL_OPTIONAL) {
		if (!v.inner)
			return cel_none;
		v = *v.inner;
	}
	value = index_value(c, v, c->args[1], &found);
	return found ? cel_some(c->arena, value) : cel_none;
}

struct cel_value run_in(struct call *c)
{
	struct cel_value x = c->args[0], in = c->args[1], item;
	struct walk w = {0};

	if (in.kind == CEL_MAP)
		return cel_truth(map_find(c->arena, in, x, &item));
	if (in.kind == CEL_OBJECT && x.kind == CEL_STRING)
		return cel_truth(field_find(c->arena, in, x.str, &item));
	if (in.kind != CEL_LIST)
		return value_no_overload();
	while (list_next(c->arena, in, &w, &item))
		if (value_is_equal(c->arena, x, item))
			return cel_truth(true);
	return cel_truth(false);
}

struct cel_value run_size(struct call *c)
{
	switch (c->args[0].kind) {
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
		return cel_number((int64_t)value_size(c->args[0]));
	default:
		return cel_error(c->arena, "no such overload: size");
	}
}

struct cel_value run_type(struct call *c)
{
	return value_type(value_type_of(c->args[0]));
}

struct cel_value run_dyn(struct call *c)
{
	return c->args[0];
}

/* ---- maps that grow ---- */

static bool insert(struct call *c, struct cel_value *map, struct cel_value key,
	struct cel_value value, struct cel_value *error)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct cel_value there;

	if (map_find(c->arena, *map, key, &there)) {
		print_key(&out, key);
		*error = cel_error(
			c->arena, "insert failed: key %.*s already exists", STRF(buf_str(&out)));
		return false;
	}
	map_put(c->arena, map, key, value);
	return true;
}

/* Only loops call it, on a map that nobody else has: it grows in place. */
struct cel_value run_map_insert(struct call *c)
{
	struct cel_value map = c->args[0], key, value, error;
	struct walk w = {0};

	if (c->count == 3)
		return insert(c, &map, c->args[1], c->args[2], &error) ? map : error;
	if (c->args[1].kind != CEL_MAP)
		return value_no_signature(c);
	while (map_walk(c->arena, c->args[1], &w, &key, &value))
		if (!insert(c, &map, key, value, &error))
			return error;
	return map;
}

/* ---- optional values ---- */

struct cel_value run_optional_of(struct call *c)
{
	return cel_some(c->arena, c->args[0]);
}

struct cel_value run_optional_of_non_zero(struct call *c)
{
	return value_is_zero(c->args[0]) ? cel_none : cel_some(c->arena, c->args[0]);
}

struct cel_value run_optional_none(struct call *c)
{
	(void)c;
	return cel_none;
}

struct cel_value run_value(struct call *c)
{
	if (!arg_is(c, 0, CEL_OPTIONAL))
		return value_no_signature(c);
	return c->args[0].inner ? *c->args[0].inner
				: value_error_text("optional.none() dereference");
}

struct cel_value run_has_value(struct call *c)
{
	if (!arg_is(c, 0, CEL_OPTIONAL))
		return value_no_signature(c);
	return cel_truth(c->args[0].inner);
}

struct cel_value run_unwrap(struct call *c)
{
	struct cel_value list = list_new(c->arena, 4), item;
	struct walk w = {0};

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	while (list_next(c->arena, c->args[0], &w, &item)) {
		if (item.kind != CEL_OPTIONAL)
			return cel_error(c->arena, "value %.*s is not optional",
				STRF(value_type_name(item)));
		if (item.inner)
			list_push(c->arena, &list, *item.inner);
	}
	return list;
}

struct cel_value run_unwrap_opt(struct call *c)
{
	return run_unwrap(c);
}

struct cel_value run_first(struct call *c)
{
	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	return list_size(c->args[0]) ? cel_some(c->arena, list_at(c->arena, c->args[0], 0))
				     : cel_none;
}

struct cel_value run_last(struct call *c)
{
	size_t size;

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	size = list_size(c->args[0]);
	return size ? cel_some(c->arena, list_at(c->arena, c->args[0], size - 1)) : cel_none;
}
