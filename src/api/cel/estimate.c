/*
 * What evaluating an expression may cost, from the sizes its types declare: upstream's estimate,
 * which decides which rules a definition may hold. Where upstream follows the path of an expression
 * through the declarations, the declared type itself is carried along.
 */
#include "program.h"

#include <kube/mem.h>

#include <math.h>

#define UNKNOWN   UINT64_MAX
#define TRAVERSAL 0.1
#define REGEX     0.25

enum { LIST_COST = 10, MAP_COST = 30, STRUCT_COST = 40 };

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
};

static struct cel_cost cost_of(struct estimator *s, const struct expr *e);

/* ---- numbers that stay at the end of what there is ---- */

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t scaled(uint64_t a, double by)
{
	double product = ceil((double)a * by);

	return product >= 0x1p64 ? UINT64_MAX : (uint64_t)product;
}

static struct cel_cost add(struct cel_cost a, struct cel_cost b)
{
	return (struct cel_cost){plus(a.min, b.min), plus(a.max, b.max)};
}

static struct cel_cost fixed(uint64_t cost)
{
	return (struct cel_cost){cost, cost};
}

static struct cel_cost by_factor(struct size s, double factor)
{
	return (struct cel_cost){scaled(s.min, factor), scaled(s.max, factor)};
}

static struct cel_cost product(struct cel_cost a, struct cel_cost b)
{
	return (struct cel_cost){times(a.min, b.min), times(a.max, b.max)};
}

static struct size sum(struct size a, struct size b)
{
	return (struct size){plus(a.min, b.min), plus(a.max, b.max)};
}

static struct size multiply(struct size a, struct size b)
{
	return (struct size){times(a.min, b.min), times(a.max, b.max)};
}

static struct size both(struct size a, struct size b)
{
	return (struct size){MIN(a.min, b.min), MAX(a.max, b.max)};
}

static struct cel_cost either(struct cel_cost a, struct cel_cost b)
{
	return (struct cel_cost){MIN(a.min, b.min), MAX(a.max, b.max)};
}

/* ---- what is known ---- */

static struct known *known(struct estimator *s, const struct expr *e)
{
	return &s->known[e->id];
}

static const struct local *local_of(const struct estimator *s, const struct expr *e)
{
	if (e->kind == EXPR_IDENT && e->local)
		for (const struct local *l = s->locals; l; l = l->outer)
			if (str_eq(l->name, e->name))
				return l;
	return NULL;
}

static const struct cel_type *declared(const struct estimator *s, const struct expr *e)
{
	const struct local *l = local_of(s, e);

	return l ? l->known.declared : s->known[e->id].declared;
}

static bool is_scalar(const struct cel_type *t)
{
	switch (t ? t->kind : CEL_DYN) {
	case CEL_BOOL:
	case CEL_DOUBLE:
	case CEL_DURATION:
	case CEL_INT:
	case CEL_TIMESTAMP:
	case CEL_UINT:
		return true;
	case CEL_OPTIONAL:
		return is_scalar(t->first);
	default:
		return false;
	}
}

static bool literal_size(const struct expr *e, struct size *size)
{
	uint64_t n = 1;

	switch (e->kind) {
	case EXPR_LITERAL:
		if (e->literal.kind == CEL_STRING) {
			n = 0;
			for (size_t i = 0; i < e->literal.str.len; i++)
				n += (e->literal.str.at[i] & 0xc0) != 0x80;
		} else if (e->literal.kind == CEL_BYTES)
			n = e->literal.str.len;
		else if (e->literal.kind == CEL_TYPE)
			return false;
		break;
	case EXPR_LIST:
		n = e->count;
		break;
	case EXPR_MAP:
		n = e->count / 2;
		break;
	default:
		return false;
	}
	*size = (struct size){n, n};
	return true;
}

static bool size_known(struct estimator *s, const struct expr *e, struct size *size)
{
	const struct local *l = local_of(s, e);
	const struct cel_type *of = declared(s, e);

	if (s->known[e->id].has_size) {
		*size = s->known[e->id].size;
		return true;
	}
	if (literal_size(e, size))
		return true;
	if (of && of->max_size != SIZE_UNTOLD) {
		*size = (struct size){0, of->max_size};
		return true;
	}
	if (is_scalar(e->type)) {
		*size = (struct size){1, 1};
		return true;
	}
	if (l && l->known.has_size) {
		*size = l->known.size;
		return true;
	}
	return false;
}

static struct size size_of(struct estimator *s, const struct expr *e)
{
	struct size size = {0, UNKNOWN};

	size_known(s, e, &size);
	return size;
}

static void set_size(struct estimator *s, const struct expr *e, struct size size)
{
	known(s, e)->size = size;
	known(s, e)->has_size = true;
}

static bool entries_known(struct estimator *s, const struct expr *e, struct known *k)
{
	const struct local *l = local_of(s, e);

	*k = s->known[e->id];
	if (!k->has_entries && l)
		*k = l->known;
	return k->has_entries;
}

static void set_entries(
	struct estimator *s, const struct expr *e, bool of_list, struct size key, struct size value)
{
	struct known *k = known(s, e);

	k->has_entries = true;
	k->of_list = of_list;
	k->key = key;
	k->value = value;
}

static void copy_sizes(struct estimator *s, const struct expr *to, const struct expr *from)
{
	struct known k;
	struct size size;

	if (size_known(s, from, &size))
		set_size(s, to, size);
	if (entries_known(s, from, &k))
		set_entries(s, to, k.of_list, k.key, k.value);
}

/* ---- names, fields, literals ---- */

static struct cel_cost cost_ident(struct estimator *s, const struct expr *e)
{
	if (!e->local && (size_t)e->slot < s->program->env->count)
		known(s, e)->declared = e->type->kind == CEL_PARAM ? NULL : e->type;
	return fixed(1);
}

static struct cel_cost cost_select(struct estimator *s, const struct expr *e)
{
	struct cel_cost cost = cost_of(s, e->target);
	const struct cel_type *of;
	enum cel_kind kind = e->target->type->kind;

	if (e->test)
		return cost;
	if (kind == CEL_MAP || kind == CEL_OBJECT || kind == CEL_PARAM)
		cost = add(cost, fixed(1));
	of = declared(s, e->target);
	if (of && of->kind == CEL_OBJECT) {
		const struct cel_field *f = type_find(of, e->name);
		known(s, e)->declared = f ? f->type : NULL;
	}
	/* Of a map of strings upstream's path names a field that no declaration has: nothing. */
	return cost;
}

static struct cel_cost cost_list(struct estimator *s, const struct expr *e)
{
	struct size item = {e->count ? UINT64_MAX : 0, 0};
	struct cel_cost cost = {0};

	for (uint32_t i = 0; i < e->count; i++) {
		cost = add(cost, cost_of(s, e->args[i]));
		item = both(item, size_of(s, e->args[i]));
	}
	set_entries(s, e, true, (struct size){1, 1}, item);
	return add(cost, fixed(LIST_COST));
}

static struct cel_cost cost_map(struct estimator *s, const struct expr *e)
{
	struct size key = {e->count ? UINT64_MAX : 0, 0}, value = key;
	struct cel_cost cost = {0};

	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		if (e->kind == EXPR_MAP)
			cost = add(cost, cost_of(s, e->args[i]));
		cost = add(cost, cost_of(s, e->args[i + 1]));
		key = both(key, size_of(s, e->args[i]));
		value = both(value, size_of(s, e->args[i + 1]));
	}
	if (e->kind == EXPR_STRUCT)
		return add(cost, fixed(STRUCT_COST));
	set_entries(s, e, false, key, value);
	return add(cost, fixed(MAP_COST));
}

/* ---- loops ---- */

static void enter(struct estimator *s, struct local *l, struct str name)
{
	l->outer = s->locals;
	l->name = name;
	s->locals = l;
}

/* What a loop's variable is known to be: a key or index, or an element. */
static struct known of_range(struct estimator *s, const struct expr *range, bool value)
{
	const struct cel_type *of = declared(s, range);
	struct known entries, k = {0};

	if (entries_known(s, range, &entries)) {
		k.has_size = true;
		k.size = value ? entries.value : entries.key;
	}
	if (of && of->kind == CEL_LIST && value)
		k.declared = of->first;
	if (of && of->kind == CEL_MAP)
		k.declared = value ? of->second : of->first;
	return k;
}

static bool is_list_range(struct estimator *s, const struct expr *range)
{
	struct known k;

	return entries_known(s, range, &k) ? k.of_list : range->type->kind == CEL_LIST;
}

static struct cel_cost cost_bind(struct estimator *s, const struct expr *e)
{
	const struct fold *f = e->fold;
	struct cel_cost cost = add(cost_of(s, f->range), cost_of(s, f->init));
	struct local bound = {0};

	entries_known(s, f->init, &bound.known);
	bound.known.declared = declared(s, f->init);
	bound.known.has_size = size_known(s, f->init, &bound.known.size);
	enter(s, &bound, f->accumulator);
	cost = add(cost, cost_of(s, f->result));
	copy_sizes(s, e, f->result);
	s->locals = bound.outer;
	return cost;
}

static struct cel_cost cost_fold(struct estimator *s, const struct expr *e)
{
	const struct fold *f = e->fold;
	struct local accumulator = {0}, first = {0}, second = {0};
	struct cel_cost cost, loop;
	struct size range, size;
	struct known step;

	if (f->binds)
		return cost_bind(s, e);
	cost = add(cost_of(s, f->range), cost_of(s, f->init));
	accumulator.known.has_size = size_known(s, f->init, &accumulator.known.size);
	first.known = of_range(s, f->range, !f->second.len && is_list_range(s, f->range));
	second.known = of_range(s, f->range, true);
	enter(s, &accumulator, f->accumulator);
	enter(s, &first, f->variable);
	if (f->second.len)
		enter(s, &second, f->second);
	loop = add(cost_of(s, f->step), cost_of(s, f->condition));
	s->locals = &accumulator;
	cost = add(cost, cost_of(s, f->result));
	s->locals = accumulator.outer;
	range = size_of(s, f->range);
	cost = add(cost, product((struct cel_cost){range.min, range.max}, loop));
	if (f->init->kind == EXPR_LITERAL) {
		if (size_known(s, f->init, &size))
			set_size(s, e, size);
	} else if (f->init->kind == EXPR_LIST || f->init->kind == EXPR_MAP) {
		set_size(s, e, range);
		if (entries_known(s, f->step, &step))
			set_entries(s, e, step.of_list, step.key, step.value);
	}
	return cost;
}

/* ---- calls ---- */

struct made {
	struct cel_cost cost;
	struct size size;
	bool has_size;
};

static struct made costs(struct cel_cost cost)
{
	return (struct made){.cost = cost};
}

static struct made gives(struct cel_cost cost, struct size size)
{
	return (struct made){.cost = cost, .size = size, .has_size = true};
}

static uint64_t literal_number(const struct expr *e, uint64_t otherwise)
{
	return e->kind == EXPR_LITERAL && e->literal.kind == CEL_INT && e->literal.i >= 0
		       ? (uint64_t)e->literal.i
		       : otherwise;
}

/* The size of the elements of a list, where something is known of them. */
static struct size element_size(struct estimator *s, const struct expr *list)
{
	const struct cel_type *of = declared(s, list);

	if (of && of->kind == CEL_LIST && of->first->max_size != SIZE_UNTOLD)
		return (struct size){0, of->first->max_size};
	return (struct size){0, UNKNOWN};
}

static struct made walk_cost(struct estimator *s, const struct expr *e)
{
	struct size size = size_of(s, e->args[0]);
	struct cel_cost each = fixed(1);
	const struct cel_type *item;

	if (e->args[0]->type->kind != CEL_LIST)
		return costs(by_factor(size, TRAVERSAL));
	item = e->args[0]->type->first;
	if (item->kind == CEL_STRING || item->kind == CEL_BYTES)
		each = add(each, by_factor(element_size(s, e->args[0]), TRAVERSAL));
	return costs(product((struct cel_cost){size.min, size.max}, each));
}

static struct made replace_cost(struct estimator *s, const struct expr *e)
{
	struct size text = size_of(s, e->args[0]), from = size_of(s, e->args[1]);
	struct size to = size_of(s, e->args[2]), count = {0}, kept = {0};

	if (from.min == 0) {
		count.max = plus(text.max, text.max < UNKNOWN);
		kept.max = text.max;
	} else if (to.max <= from.min)
		kept.max = text.max;
	else
		count.max = (uint64_t)MIN(ceil((double)text.max / (double)from.min), 0x1p63);
	if (from.max == 0) {
		count.min = plus(text.min, text.min < UNKNOWN);
		kept.min = text.min;
	} else if (from.max <= to.min)
		kept.min = text.min;
	else
		count.min = (uint64_t)MIN(ceil((double)text.min / (double)from.max), 0x1p63);
	return gives(by_factor(text, 2 * TRAVERSAL), sum(multiply(count, to), kept));
}

static struct made join_cost(struct estimator *s, const struct expr *e)
{
	struct size list = size_of(s, e->args[0]);
	struct size text = multiply(list, element_size(s, e->args[0])), between;

	if (e->count > 1) {
		between = (struct size){list.min ? list.min - 1 : 0, list.max ? list.max - 1 : 0};
		text = sum(text, multiply(size_of(s, e->args[1]), between));
	}
	return gives(by_factor(text, TRAVERSAL), text);
}

static struct made regex_cost(struct estimator *s, const struct expr *e, bool finds)
{
	struct size text = size_of(s, e->args[0]);
	struct cel_cost cost = product(by_factor(sum(text, (struct size){1, 1}), TRAVERSAL),
		by_factor(size_of(s, e->args[1]), REGEX));

	return finds ? gives(cost, (struct size){0, text.max}) : costs(cost);
}

static struct made compare_cost(struct estimator *s, const struct expr *e)
{
	struct size x = size_of(s, e->args[0]), y = size_of(s, e->args[1]);
	uint64_t max = MIN(x.max, y.max);

	return costs(by_factor((struct size){max > 0, max}, TRAVERSAL));
}

static struct made network_cost(struct estimator *s, const struct expr *e, bool network)
{
	struct size bytes = {4, 16};
	struct cel_cost cost = by_factor(sum(bytes, bytes), TRAVERSAL);

	if (network)
		cost = add(add(cost, by_factor(bytes, TRAVERSAL)), fixed(1));
	if (e->args[1]->type->kind == CEL_STRING)
		cost = add(cost, by_factor(size_of(s, e->args[1]), TRAVERSAL));
	return costs(cost);
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

static struct made add_cost(struct estimator *s, const struct expr *e)
{
	struct size size = sum(size_of(s, e->args[0]), size_of(s, e->args[1]));
	enum cel_kind kind = e->args[0]->type->kind, other = e->args[1]->type->kind;
	struct known x, y;

	if (entries_known(s, e->args[0], &x) && entries_known(s, e->args[1], &y))
		set_entries(s, e, x.of_list, both(x.key, y.key), both(x.value, y.value));
	if (kind == CEL_LIST || other == CEL_LIST)
		return gives(fixed(1), size);
	if (kind == CEL_STRING || kind == CEL_BYTES || other == CEL_STRING || other == CEL_BYTES)
		return gives(by_factor(size, TRAVERSAL), size);
	if (kind == CEL_DYN && other == CEL_DYN)
		return gives((struct cel_cost){1, scaled(size.max, TRAVERSAL)}, size);
	return costs(fixed(1));
}

static struct made conditional_cost(
	struct estimator *s, const struct expr *e, const struct cel_cost *args)
{
	struct known x, y;
	bool known_x = entries_known(s, e->args[1], &x), known_y = entries_known(s, e->args[2], &y);

	if (known_x && known_y)
		set_entries(s, e, x.of_list, both(x.key, y.key), both(x.value, y.value));
	return gives(add(args[0], either(args[1], args[2])),
		both(size_of(s, e->args[1]), size_of(s, e->args[2])));
}

static struct made index_cost(struct estimator *s, const struct expr *e)
{
	const struct cel_type *of = declared(s, e->args[0]);
	struct known k;

	if (of)
		known(s, e)->declared = cel_type_element(of);
	if (entries_known(s, e->args[0], &k))
		return gives(fixed(1), k.value);
	return costs(fixed(1));
}

static struct made split_cost(struct estimator *s, const struct expr *e)
{
	struct size text = size_of(s, e->args[0]);
	uint64_t max = e->count > 2 ? literal_number(e->args[2], text.max) : text.max;

	return gives(by_factor(text, 2 * TRAVERSAL), (struct size){0, max});
}

static struct made slice_cost(struct estimator *s, const struct expr *e)
{
	struct size size = size_of(s, e->args[0]);
	uint64_t from = literal_number(e->args[1], 0), to = literal_number(e->args[2], size.max);
	uint64_t n = to > from ? to - from : 0;

	return list_made(1, (struct size){n, n});
}

static struct made sets_cost(struct estimator *s, const struct expr *e)
{
	struct size pairs = multiply(size_of(s, e->args[0]), size_of(s, e->args[1]));

	return costs(
		add(by_factor(pairs, str_eq_text(e->name, "sets.equivalent") ? 2 : 1), fixed(1)));
}

static struct made text_cost(struct estimator *s, const struct expr *e, bool same_size)
{
	struct size text = size_of(s, e->args[0]);
	struct cel_cost cost = by_factor(text, TRAVERSAL);

	return same_size ? gives(cost, text) : costs(cost);
}

static struct made conversion_cost(struct estimator *s, const struct expr *e)
{
	struct size text = size_of(s, e->args[0]);
	enum cel_kind kind = e->args[0]->type->kind;

	if (str_eq_text(e->name, "bytes") && kind == CEL_STRING)
		return gives(
			by_factor(text, TRAVERSAL), (struct size){text.min, times(text.max, 4)});
	if (str_eq_text(e->name, "string") && kind == CEL_BYTES)
		return gives(by_factor(text, TRAVERSAL), (struct size){text.min / 4, text.max});
	return costs(fixed(1));
}

struct named_cost {
	const char *names; /* between spaces */
	struct made (*cost)(struct estimator *s, const struct expr *e);
};

static struct made same_text(struct estimator *s, const struct expr *e)
{
	return text_cost(s, e, true);
}

static struct made other_text(struct estimator *s, const struct expr *e)
{
	return text_cost(s, e, false);
}

static struct made second_text(struct estimator *s, const struct expr *e)
{
	return costs(by_factor(size_of(s, e->args[1]), TRAVERSAL));
}

static struct made contains_text(struct estimator *s, const struct expr *e)
{
	return costs(product(by_factor(size_of(s, e->args[0]), TRAVERSAL),
		by_factor(size_of(s, e->args[1]), TRAVERSAL)));
}

static struct made matches(struct estimator *s, const struct expr *e)
{
	return regex_cost(s, e, false);
}

static struct made finds(struct estimator *s, const struct expr *e)
{
	return regex_cost(s, e, true);
}

static struct made in_list(struct estimator *s, const struct expr *e)
{
	return costs(e->args[1]->type->kind == CEL_LIST ? by_factor(size_of(s, e->args[1]), 1)
							: fixed(1));
}

static struct made contains_ip(struct estimator *s, const struct expr *e)
{
	return network_cost(s, e, false);
}

static struct made contains_cidr(struct estimator *s, const struct expr *e)
{
	return network_cost(s, e, true);
}

static struct made range_made(struct estimator *s, const struct expr *e)
{
	uint64_t n = literal_number(e->args[0], UNKNOWN);

	(void)s;
	return list_made(1, (struct size){n, n});
}

static struct made reversed(struct estimator *s, const struct expr *e)
{
	return list_made(1, size_of(s, e->args[0]));
}

static struct made flattened(struct estimator *s, const struct expr *e)
{
	double depth = e->count > 1 ? (double)literal_number(e->args[1], UNKNOWN) : 1;

	return list_made(depth, size_of(s, e->args[0]));
}

static struct made sorted(struct estimator *s, const struct expr *e)
{
	return pairs_cost(s, e, 0);
}

static struct made sorted_by(struct estimator *s, const struct expr *e)
{
	return pairs_cost(s, e, 1);
}

static struct made quoted(struct estimator *s, const struct expr *e)
{
	struct size text = size_of(s, e->args[0]);

	return gives(by_factor(text, TRAVERSAL),
		(struct size){plus(text.min, 2), plus(times(text.max, 2), 2)});
}

static struct made asks(struct estimator *s, const struct expr *e)
{
	(void)s;
	(void)e;
	return costs(fixed(350000));
}

static struct made validated(struct estimator *s, const struct expr *e)
{
	struct size text = sum(size_of(s, e->args[1]), (struct size){1, 1});

	return costs(product(by_factor(text, TRAVERSAL), fixed(15)));
}

static const struct named_cost named_costs[] = {
	{" _==_ _!=_ _<_ _<=_ _>_ _>=_ ", compare_cost},
	{" _+_ ", add_cost},
	{" _[_] ", index_cost},
	{" @in ", in_list},
	{" bytes string ", conversion_cost},
	{" startsWith endsWith ", second_text},
	{" contains ", contains_text},
	{" matches ", matches},
	{" find findAll ", finds},
	{" isSorted sum max min indexOf lastIndexOf ", walk_cost},
	{" lowerAscii upperAscii substring trim ", same_text},
	{" url format cidr isIP isCIDR quantity isQuantity semver isSemver ", other_text},
	{" strings.quote ", quoted},
	{" replace ", replace_cost},
	{" split ", split_cost},
	{" join ", join_cost},
	{" containsIP ", contains_ip},
	{" containsCIDR ", contains_cidr},
	{" slice ", slice_cost},
	{" lists.range ", range_made},
	{" reverse ", reversed},
	{" flatten ", flattened},
	{" sort distinct ", sorted},
	{" @sortByAssociatedKeys ", sorted_by},
	{" sets.contains sets.equivalent sets.intersects ", sets_cost},
	{" check ", asks},
	{" validate ", validated},
};

static bool is_named(const char *names, struct str name)
{
	const char *at = names;

	while ((at = strchr(at, ' '))) {
		at++;
		if (strncmp(at, name.at, name.len) == 0 && at[name.len] == ' ')
			return true;
	}
	return false;
}

static struct made call_made(struct estimator *s, const struct expr *e, const struct cel_cost *args)
{
	struct cel_cost all = {0};
	struct made made = costs(fixed(1));

	if (str_eq_text(e->name, "_&&_") || str_eq_text(e->name, "_||_"))
		return costs((struct cel_cost){args[0].min, plus(args[0].max, args[1].max)});
	if (str_eq_text(e->name, "_?_:_"))
		return conditional_cost(s, e, args);
	for (uint32_t i = 0; i < e->count; i++)
		all = add(all, args[i]);
	for (size_t i = 0; i < ARRAY_LEN(named_costs); i++)
		if (is_named(named_costs[i].names, e->name)) {
			made = named_costs[i].cost(s, e);
			break;
		}
	made.cost = add(made.cost, all);
	return made;
}

static struct cel_cost cost_call(struct estimator *s, const struct expr *e)
{
	struct cel_cost few[8], *args = few;
	struct made made;

	if (str_eq_text(e->name, "dyn")) {
		struct cel_cost cost = add(fixed(1), cost_of(s, e->args[0]));
		copy_sizes(s, e, e->args[0]);
		return cost;
	}
	if (e->count > ARRAY_LEN(few))
		args = mem_new(e->count * sizeof(*args));
	for (uint32_t i = 0; i < e->count; i++)
		args[i] = cost_of(s, e->args[i]);
	made = call_made(s, e, args);
	if (made.has_size)
		set_size(s, e, made.size);
	if (args != few)
		mem_free(args);
	return made.cost;
}

static struct cel_cost cost_of(struct estimator *s, const struct expr *e)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_IDENT:
		return cost_ident(s, e);
	case EXPR_SELECT:
		return cost_select(s, e);
	case EXPR_CALL:
		return cost_call(s, e);
	case EXPR_LIST:
		return cost_list(s, e);
	case EXPR_MAP:
	case EXPR_STRUCT:
		return cost_map(s, e);
	case EXPR_FOLD:
		return cost_fold(s, e);
	default:
		return fixed(0);
	}
}

struct cel_cost cel_estimate(const struct cel_program *p)
{
	struct estimator s = {.program = p};
	struct cel_cost cost;

	if (p->failure.kind != CEL_COMPILED)
		return (struct cel_cost){0};
	s.known = mem_new((p->next_id + 1) * sizeof(*s.known));
	cost = cost_of(&s, p->root);
	mem_free(s.known);
	return cost;
}
