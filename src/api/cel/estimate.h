/* Sizes and costs while they are estimated. */
#ifndef KUBE_CEL_ESTIMATE_H
#define KUBE_CEL_ESTIMATE_H

#include "program.h"

#include <math.h>

#define UNKNOWN   UINT64_MAX
#define TRAVERSAL 0.1
#define REGEX     0.25

struct size {
	uint64_t min, max;
};

/* What is known of an expression, written down by its id. */
struct known {
	const struct cel_type *declared; /* NULL: it comes from no declaration */
	struct size size, key, value;
	bool has_size, has_entries, of_list;
};

struct local {
	struct local *outer;
	struct str name;
	struct known known;
};

struct estimator {
	const struct cel_program *program;
	struct known *known;
	struct local *locals;
	const char *overload; /* the one that is estimated */
};

struct made {
	struct cel_cost cost;
	struct size size;
	bool has_size;
};

static inline struct made costs(struct cel_cost cost)
{
	return (struct made){.cost = cost};
}

static inline struct made gives(struct cel_cost cost, struct size size)
{
	return (struct made){.cost = cost, .size = size, .has_size = true};
}

/* ---- numbers that stay at the end of what there is ---- */

static inline uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static inline uint64_t scaled(uint64_t a, double by)
{
	double product = ceil((double)a * by);

	return product >= 0x1p64 ? UINT64_MAX : (uint64_t)product;
}

static inline struct cel_cost add(struct cel_cost a, struct cel_cost b)
{
	return (struct cel_cost){plus(a.min, b.min), plus(a.max, b.max)};
}

static inline struct cel_cost fixed(uint64_t cost)
{
	return (struct cel_cost){cost, cost};
}

static inline struct cel_cost by_factor(struct size s, double factor)
{
	return (struct cel_cost){scaled(s.min, factor), scaled(s.max, factor)};
}

static inline struct cel_cost product(struct cel_cost a, struct cel_cost b)
{
	return (struct cel_cost){times(a.min, b.min), times(a.max, b.max)};
}

static inline struct size sum(struct size a, struct size b)
{
	return (struct size){plus(a.min, b.min), plus(a.max, b.max)};
}

static inline struct size multiply(struct size a, struct size b)
{
	return (struct size){times(a.min, b.min), times(a.max, b.max)};
}

static inline struct size both(struct size a, struct size b)
{
	return (struct size){MIN(a.min, b.min), MAX(a.max, b.max)};
}

static inline struct cel_cost either(struct cel_cost a, struct cel_cost b)
{
	return (struct cel_cost){MIN(a.min, b.min), MAX(a.max, b.max)};
}

/* ---- what is known ---- */
struct known *known_of(struct estimator *s, const struct expr *e);
const struct local *known_local(const struct estimator *s, const struct expr *e);
/* The declaration it comes from, or NULL. */
const struct cel_type *known_type(const struct estimator *s, const struct expr *e);
/*
 * To upstream what is not of a variable, the name of a type or what a loop meets in a list that was
 * made, has a path all the same, which leads to the root: it is as large as `self`.
 */
const struct cel_type *lost_type(const struct estimator *s);
bool known_size(struct estimator *s, const struct expr *e, struct size *size);
struct size size_of(struct estimator *s, const struct expr *e);
void set_size(struct estimator *s, const struct expr *e, struct size size);
bool known_entries(struct estimator *s, const struct expr *e, struct known *k);
void set_entries(struct estimator *s, const struct expr *e, bool of_list, struct size key,
	struct size value);
void copy_sizes(struct estimator *s, const struct expr *to, const struct expr *from);

/* Of lists and sets. */
typedef struct made estimate_fn(struct estimator *s, const struct expr *e);
estimate_fn estimate_slice, estimate_sets, estimate_range, estimate_reverse, estimate_flatten,
	estimate_sort, estimate_sort_by;
/* What a call of the function costs beside its arguments. */
struct made estimate_function(struct estimator *s, const struct expr *e);

#endif
