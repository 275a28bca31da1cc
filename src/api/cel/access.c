/* Indexes, sizes, membership, and optional values. */
#include "functions.h"

#include <math.h>

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
	case CEL_BOOL:
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
		print_plain(out, key);
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
