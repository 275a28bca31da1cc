/* What the functions of lists and sets may cost. */
#include "estimate.h"

static uint64_t literal_number(const struct expr *e, uint64_t otherwise)
{
	return e->kind == EXPR_LITERAL && e->literal.kind == CEL_INT
		       ? (uint64_t)MAX(e->literal.i, 0)
		       : otherwise;
}

static struct made list_made(double factor, struct size size)
{
	return gives(add(by_factor(size, factor), fixed(1 + LIST_COST)), size);
}

static struct made pairs_cost(struct estimator *s, const struct expr *e, size_t n)
{
	struct size size = size_of(s, e->args[n]);
	const struct cel_type *of = e->args[n]->type;
	bool text = of->kind == CEL_LIST &&
		    (of->first->kind == CEL_STRING || of->first->kind == CEL_BYTES) &&
		    !str_eq_text(e->name, "distinct");

	return list_made(text ? 2 + TRAVERSAL : 2, multiply(size, size));
}

struct made estimate_slice(struct estimator *s, const struct expr *e)
{
	struct size size = size_of(s, e->args[0]);
	uint64_t from = literal_number(e->args[1], 0), to = literal_number(e->args[2], size.max);

	return list_made(1, (struct size){to - from, to - from});
}

struct made estimate_sets(struct estimator *s, const struct expr *e)
{
	struct size pairs = multiply(size_of(s, e->args[0]), size_of(s, e->args[1]));

	return costs(
		add(by_factor(pairs, str_eq_text(e->name, "sets.equivalent") ? 2 : 1), fixed(1)));
}

struct made estimate_range(struct estimator *s, const struct expr *e)
{
	uint64_t n = literal_number(e->args[0], UNKNOWN);

	(void)s;
	return list_made(1, (struct size){n, n});
}

struct made estimate_reverse(struct estimator *s, const struct expr *e)
{
	return list_made(1, size_of(s, e->args[0]));
}

struct made estimate_flatten(struct estimator *s, const struct expr *e)
{
	double depth = e->count > 1 ? (double)literal_number(e->args[1], UNKNOWN) : 1;

	return list_made(depth, size_of(s, e->args[0]));
}

struct made estimate_sort(struct estimator *s, const struct expr *e)
{
	return pairs_cost(s, e, 0);
}

struct made estimate_sort_by(struct estimator *s, const struct expr *e)
{
	return pairs_cost(s, e, 1);
}
