/* Functions of lists and sets. */
#include "functions.h"

#include "eval.h"

enum { RANGE_MAX = 10000000 };

/* ---- sets ---- */

static bool has(struct arena *a, struct cel_value list, struct cel_value v)
{
	struct cel_value item;
	struct walk w = {0};

	while (list_next(a, list, &w, &item))
		if (value_is_equal(a, item, v))
			return true;
	return false;
}

static bool has_all(struct arena *a, struct cel_value list, struct cel_value wanted)
{
	struct cel_value item;
	struct walk w = {0};

	while (list_next(a, wanted, &w, &item))
		if (!has(a, list, item))
			return false;
	return true;
}

/* So many comparisons cost more than is left: they are not made, since nobody sees the answer. */
static bool too_many(const struct call *c)
{
	uint64_t pairs = (uint64_t)list_size(c->args[0]) * list_size(c->args[1]);

	return pairs > c->run->limit;
}

static bool are_lists(const struct call *c)
{
	return arg_is(c, 0, CEL_LIST) && arg_is(c, 1, CEL_LIST);
}

struct cel_value run_sets_contains(struct call *c)
{
	if (!are_lists(c))
		return value_no_signature(c);
	return cel_truth(!too_many(c) && has_all(c->arena, c->args[0], c->args[1]));
}

struct cel_value run_sets_equivalent(struct call *c)
{
	if (!are_lists(c))
		return value_no_signature(c);
	return cel_truth(!too_many(c) && has_all(c->arena, c->args[0], c->args[1]) &&
			 has_all(c->arena, c->args[1], c->args[0]));
}

struct cel_value run_sets_intersects(struct call *c)
{
	struct cel_value item;
	struct walk w = {0};

	if (!are_lists(c))
		return value_no_signature(c);
	while (!too_many(c) && list_next(c->arena, c->args[0], &w, &item))
		if (has(c->arena, c->args[1], item))
			return cel_truth(true);
	return cel_truth(false);
}

/* ---- parts and orders ---- */

struct cel_value run_slice(struct call *c)
{
	long long start, end;
	struct cel_value list, item;
	struct walk w = {0};
	size_t size;

	if (!arg_is(c, 0, CEL_LIST) || !arg_is(c, 1, CEL_INT) || !arg_is(c, 2, CEL_INT))
		return value_no_signature(c);
	start = c->args[1].i;
	end = c->args[2].i;
	size = list_size(c->args[0]);
	if (start < 0 || end < 0)
		return cel_error(c->arena,
			"cannot slice(%lld, %lld), negative indexes not supported", start, end);
	if (start > end)
		return cel_error(c->arena,
			"cannot slice(%lld, %lld), start index must be less than or equal to end "
			"index",
			start, end);
	if ((uint64_t)end > size)
		return cel_error(
			c->arena, "cannot slice(%lld, %lld), list is length %zu", start, end, size);
	list = list_new(c->arena, (size_t)(end - start));
	for (long long i = 0; i < end && list_next(c->arena, c->args[0], &w, &item); i++)
		if (i >= start)
			list_push(c->arena, &list, item);
	return list;
}

static void flatten(struct arena *a, struct cel_value *to, struct cel_value from, int64_t depth)
{
	struct cel_value item;
	struct walk w = {0};

	while (list_next(a, from, &w, &item))
		if (item.kind == CEL_LIST && depth > 0)
			flatten(a, to, item, depth - 1);
		else
			list_push(a, to, item);
}

struct cel_value run_flatten(struct call *c)
{
	struct cel_value list = list_new(c->arena, 8);
	int64_t depth = c->count > 1 ? c->args[1].i : 1;

	if (!arg_is(c, 0, CEL_LIST) || (c->count > 1 && !arg_is(c, 1, CEL_INT)))
		return value_no_signature(c);
	if (depth < 0)
		return value_error_text("level must be non-negative");
	flatten(c->arena, &list, c->args[0], depth);
	return list;
}

struct cel_value run_range(struct call *c)
{
	struct cel_value list;
	int64_t n;

	if (!arg_is(c, 0, CEL_INT))
		return value_no_signature(c);
	n = c->args[0].i;
	if (n > RANGE_MAX)
		return cel_error(c->arena, "lists.range: size %lld exceeds maximum allowed (%d)",
			(long long)n, RANGE_MAX);
	/* No more is made than the cost of it would allow. */
	if (n > 0 && (uint64_t)n > c->run->limit)
		n = (int64_t)c->run->limit + 1;
	list = list_new(c->arena, n > 0 ? (size_t)n : 0);
	for (int64_t i = 0; i < n; i++)
		list_push(c->arena, &list, cel_number(i));
	return list;
}

struct cel_value run_reverse(struct call *c)
{
	struct cel_value list, item;
	struct cel_items *items;
	struct walk w = {0};
	size_t size;

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	size = list_size(c->args[0]);
	list = list_new(c->arena, size);
	items = list.items;
	while (list_next(c->arena, c->args[0], &w, &item))
		items->store->at[size - ++items->len] = item;
	items->store->used = items->len;
	return list;
}

struct cel_value run_distinct(struct call *c)
{
	struct cel_value list = list_new(c->arena, 8), item;
	uint64_t steps = 0;
	struct walk w = {0};

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	while (list_next(c->arena, c->args[0], &w, &item)) {
		/* Beyond the limit the result is not looked at any more. */
		if ((steps += list_size(list)) > c->run->limit)
			break;
		if (!has(c->arena, list, item))
			list_push(c->arena, &list, item);
	}
	return list;
}

/* ---- sorting ---- */

struct keyed {
	struct cel_value key, item;
};

static bool before(struct cel_value x, struct cel_value y)
{
	struct cel_value order = value_compare(x, y);

	return order.kind == CEL_INT && order.i < 0;
}

/* Merges runs of growing size: stable, and no worse for any input. */
static void sort_keyed(struct arena *a, struct keyed *at, size_t count)
{
	struct keyed *from = at, *to = arena_alloc(a, (count + 1) * sizeof(*to));

	for (size_t run = 1; run < count; run *= 2) {
		for (size_t start = 0; start < count; start += 2 * run) {
			size_t mid = MIN(start + run, count), end = MIN(start + 2 * run, count);
			size_t i = start, k = mid;
			for (size_t n = start; n < end; n++)
				to[n] = i < mid && (k >= end || !before(from[k].key, from[i].key))
						? from[i++]
						: from[k++];
		}
		struct keyed *swap = from;
		from = to;
		to = swap;
	}
	if (from != at)
		memcpy(at, from, count * sizeof(*at));
}

static bool is_comparable(struct cel_value v)
{
	return v.kind == CEL_BOOL || v.kind == CEL_INT || v.kind == CEL_UINT ||
	       v.kind == CEL_DOUBLE || v.kind == CEL_STRING || v.kind == CEL_BYTES ||
	       v.kind == CEL_TIMESTAMP || v.kind == CEL_DURATION;
}

static struct cel_value sort_by(struct call *c, struct cel_value list, struct cel_value keys)
{
	size_t size = list_size(list), i = 0;
	struct walk w = {0}, u = {0};
	struct cel_value sorted;
	struct keyed *at;

	if (size != list_size(keys))
		return cel_error(c->arena,
			"@sortByAssociatedKeys() expected a list of the same size as the "
			"associated keys list, but got %zu and %zu elements respectively",
			size, list_size(keys));
	if (!size)
		return list;
	at = arena_alloc(c->arena, (size + 1) * sizeof(*at)); /* one more: the walk ends in it */
	for (; list_next(c->arena, keys, &w, &at[i].key); i++) {
		list_next(c->arena, list, &u, &at[i].item);
		if (i == 0 && !is_comparable(at[0].key))
			return value_error_text("list elements must be comparable");
		if (at[i].key.kind != at[0].key.kind)
			return value_error_text("list elements must have the same type");
	}
	sort_keyed(c->arena, at, size);
	sorted = list_new(c->arena, size);
	for (i = 0; i < size; i++)
		list_push(c->arena, &sorted, at[i].item);
	return sorted;
}

struct cel_value run_sort(struct call *c)
{
	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	return sort_by(c, c->args[0], c->args[0]);
}

struct cel_value run_sort_by(struct call *c)
{
	if (!are_lists(c))
		return value_no_signature(c);
	return sort_by(c, c->args[0], c->args[1]);
}

/* ---- sums and extremes ---- */

struct cel_value run_is_sorted(struct call *c)
{
	struct cel_value item, last = value_of(CEL_NULL);
	struct walk w = {0};

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	for (bool first = true; list_next(c->arena, c->args[0], &w, &item); first = false) {
		if (!first && before(item, last))
			return cel_truth(false);
		last = item;
	}
	return cel_truth(true);
}

/* What the sum of nothing is, by the type that was declared. */
static struct cel_value zero_of(const struct expr *e)
{
	switch (e->type ? e->type->kind : CEL_INT) {
	case CEL_UINT:
		return value_uint(0);
	case CEL_DOUBLE:
		return value_double(0);
	case CEL_DURATION:
		return value_duration(0);
	default:
		return cel_number(0);
	}
}

struct cel_value run_sum(struct call *c)
{
	static const struct expr plus = {.name = STR_INIT("_+_")};
	struct cel_value item, sum = zero_of(c->expr);
	struct walk w = {0};

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	for (bool first = true; list_next(c->arena, c->args[0], &w, &item); first = false) {
		struct cel_value args[] = {sum, item};
		struct call add = {
			.arena = c->arena, .expr = &plus, .args = args, .count = 2, .run = c->run};
		sum = first && item.kind != sum.kind ? item : run_add(&add);
		if (value_fails(sum))
			return sum;
	}
	return sum;
}

static struct cel_value extreme(struct call *c, bool largest, const char *empty)
{
	struct cel_value item, best = value_of(CEL_NULL);
	struct walk w = {0};

	if (!arg_is(c, 0, CEL_LIST))
		return value_no_signature(c);
	if (!list_next(c->arena, c->args[0], &w, &best))
		return value_error_text(empty);
	while (list_next(c->arena, c->args[0], &w, &item))
		if (largest ? before(best, item) : before(item, best))
			best = item;
	return best;
}

struct cel_value run_min(struct call *c)
{
	return extreme(c, false, "min called on empty list");
}

struct cel_value run_max(struct call *c)
{
	return extreme(c, true, "max called on empty list");
}
