/* What each function may cost, and the size of what it gives. */
#include "estimate.h"

static bool is_overload(const struct estimator *s, const char *id)
{
	return strcmp(s->overload, id) == 0;
}

/* The size of the elements of a list, where something is known of them. */
static struct size element_size(struct estimator *s, const struct expr *list)
{
	const struct cel_type *of = known_type(s, list);

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

/* Only texts are read to their ends. */
static struct made order_cost(struct estimator *s, const struct expr *e)
{
	bool texts = strstr(s->overload, "_string") || strstr(s->overload, "_bytes");

	return texts ? compare_cost(s, e) : costs(fixed(1));
}

/* The libraries' own values are as cheap to compare as numbers. */
static struct made equal_cost(struct estimator *s, const struct expr *e)
{
	const struct cel_type *x = e->args[0]->type, *y = e->args[1]->type;
	struct size url = {1, 1};
	enum { LONGEST_FORMAT = 64 };

	if (x->kind != CEL_OPAQUE || !type_same(x, y))
		return compare_cost(s, e);
	if (type_same(x, &cel_format_type))
		return costs(by_factor((struct size){1, LONGEST_FORMAT}, TRAVERSAL));
	if (type_same(x, &cel_url_type)) {
		known_size(s, e->args[1], &url);
		return costs(by_factor((struct size){1, url.max}, TRAVERSAL));
	}
	return costs(fixed(1));
}

static struct made network_cost(struct estimator *s, const struct expr *e, bool network)
{
	struct size bytes = {4, 16};
	struct cel_cost cost = by_factor(sum(bytes, bytes), TRAVERSAL);

	if (network)
		cost = add(add(cost, by_factor(bytes, TRAVERSAL)), fixed(1));
	if (is_overload(s, network ? "cidr_contains_cidr_string" : "cidr_contains_ip_string"))
		cost = add(cost, by_factor(size_of(s, e->args[1]), TRAVERSAL));
	return costs(cost);
}

static struct made add_cost(struct estimator *s, const struct expr *e)
{
	struct size size = sum(size_of(s, e->args[0]), size_of(s, e->args[1]));
	bool lists = is_overload(s, "add_list");
	struct known x, y;

	if (!lists && !is_overload(s, "add_string") && !is_overload(s, "add_bytes"))
		return costs(fixed(1));
	if (known_entries(s, e->args[0], &x) && known_entries(s, e->args[1], &y))
		set_entries(s, e, x.of_list, both(x.key, y.key), both(x.value, y.value));
	return gives(lists ? fixed(1) : by_factor(size, TRAVERSAL), size);
}

static struct made index_cost(struct estimator *s, const struct expr *e)
{
	const struct cel_type *of = known_type(s, e->args[0]);
	struct known k;

	if (of)
		known_of(s, e)->declared = cel_type_element(of);
	if (known_entries(s, e->args[0], &k))
		return gives(fixed(1), k.value);
	return costs(fixed(1));
}

static struct made split_cost(struct estimator *s, const struct expr *e)
{
	struct size text = size_of(s, e->args[0]);
	const struct expr *limit = e->count > 2 ? e->args[2] : NULL;
	bool is_told = limit && limit->kind == EXPR_LITERAL && limit->literal.kind == CEL_INT;
	uint64_t max = is_told ? (uint64_t)limit->literal.i : text.max;

	return gives(by_factor(text, 2 * TRAVERSAL), (struct size){0, max});
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

	if (is_overload(s, "string_to_bytes"))
		return gives(
			by_factor(text, TRAVERSAL), (struct size){text.min, times(text.max, 4)});
	if (is_overload(s, "bytes_to_string"))
		return gives(by_factor(text, TRAVERSAL), (struct size){text.min / 4, text.max});
	return costs(fixed(1));
}

struct named_cost {
	const char *names; /* between spaces */
	estimate_fn *cost;
};

static struct made same_text(struct estimator *s, const struct expr *e)
{
	return text_cost(s, e, true);
}

static struct made other_text(struct estimator *s, const struct expr *e)
{
	return is_overload(s, "cidr_ip") ? costs(fixed(1)) : text_cost(s, e, false);
}

/* Read, and compared with what was read. */
static struct made canonical_text(struct estimator *s, const struct expr *e)
{
	return costs(by_factor(size_of(s, e->args[0]), 2 * TRAVERSAL));
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
	return is_overload(s, "matches") ? costs(fixed(1)) : regex_cost(s, e, false);
}

static struct made finds(struct estimator *s, const struct expr *e)
{
	return regex_cost(s, e, true);
}

static struct made in_list(struct estimator *s, const struct expr *e)
{
	return costs(is_overload(s, "in_list") ? by_factor(size_of(s, e->args[1]), 1) : fixed(1));
}

static struct made contains_ip(struct estimator *s, const struct expr *e)
{
	return network_cost(s, e, false);
}

static struct made contains_cidr(struct estimator *s, const struct expr *e)
{
	return network_cost(s, e, true);
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
	enum { LONGEST_REGEX = 128 };

	return costs(product(
		by_factor(size_of(s, e->args[1]), TRAVERSAL), fixed(scaled(LONGEST_REGEX, REGEX))));
}

/* A selector is text that becomes a list of requirements, each with a list of its own. */
static struct made selects(struct estimator *s, const struct expr *e)
{
	struct size text = size_of(s, e->args[1]);
	struct cel_cost count = by_factor(text, 0.5);
	struct cel_cost each = fixed(LIST_COST + STRUCT_COST);

	return costs(add(add(fixed(LIST_COST), by_factor(text, TRAVERSAL)), product(count, each)));
}

static const struct named_cost named_costs[] = {
	{" _==_ ", equal_cost},
	{" _!=_ ", compare_cost},
	{" _<_ _<=_ _>_ _>=_ ", order_cost},
	{" _+_ ", add_cost},
	{" _[_] ", index_cost},
	{" @in ", in_list},
	{" bytes string ", conversion_cost},
	{" startsWith endsWith ", second_text},
	{" contains ", contains_text},
	{" matches ", matches},
	{" find findAll ", finds},
	{" isSorted sum max min indexOf lastIndexOf ", walk_cost},
	{" url jsonpatch.escapeKey lowerAscii upperAscii substring trim ", same_text},
	{" format cidr isIP isCIDR ip quantity isQuantity semver isSemver ", other_text},
	{" ip.isCanonical ", canonical_text},
	{" fieldSelector labelSelector ", selects},
	{" strings.quote ", quoted},
	{" replace ", replace_cost},
	{" split ", split_cost},
	{" join ", join_cost},
	{" containsIP ", contains_ip},
	{" containsCIDR ", contains_cidr},
	{" slice ", estimate_slice},
	{" lists.range ", estimate_range},
	{" reverse ", estimate_reverse},
	{" flatten ", estimate_flatten},
	{" sort distinct ", estimate_sort},
	{" @sortByAssociatedKeys ", estimate_sort_by},
	{" sets.contains sets.equivalent sets.intersects ", estimate_sets},
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

static struct made estimate_overload(struct estimator *s, const struct expr *e)
{
	for (size_t i = 0; i < ARRAY_LEN(named_costs); i++)
		if (is_named(named_costs[i].names, e->name))
			return named_costs[i].cost(s, e);
	return costs(fixed(1));
}

/* Of what it may be that is called, in any case: what a dyn is shows only when it is there. */
struct made estimate_function(struct estimator *s, const struct expr *e)
{
	struct made all = {0};

	for (uint16_t i = 0; i < e->overload_count; i++) {
		struct made made;

		s->overload = e->overloads[i]->id;
		made = estimate_overload(s, e);
		all.cost = i ? either(all.cost, made.cost) : made.cost;
		if (made.has_size)
			all.size = all.has_size ? both(all.size, made.size) : made.size;
		all.has_size |= made.has_size;
	}
	return e->overload_count ? all : costs(fixed(1));
}
