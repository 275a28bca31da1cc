/* What calls cost when they are made: upstream's numbers, of the language and of its libraries. */
#include "eval.h"
#include "opaque.h"

#include <math.h>

#define TRAVERSAL 0.1  /* of a character of text */
#define REGEX     0.25 /* of a character of an expression */

static uint64_t scaled(uint64_t size, double by)
{
	double cost = ceil((double)size * by);

	return cost >= 0x1p64 ? UINT64_MAX : (uint64_t)cost;
}

static uint64_t size_at(const struct call *c, size_t n)
{
	return n < c->count ? value_size(c->args[n]) : 0;
}

static uint64_t traversal(struct arena *a, struct cel_value v, int depth)
{
	struct cel_value key, item;
	struct walk w = {0};
	uint64_t cost = 0;

	if (depth > DEPTH_MAX)
		return 1;
	switch (v.kind) {
	case CEL_STRING:
	case CEL_BYTES:
		return (uint64_t)((double)v.str.len * TRAVERSAL);
	case CEL_LIST:
		while (list_next(a, v, &w, &item))
			cost += traversal(a, item, depth + 1);
		return cost;
	case CEL_MAP:
	case CEL_OBJECT:
		while (map_walk(a, v, &w, &key, &item))
			cost += traversal(a, key, depth + 1) + traversal(a, item, depth + 1);
		return cost;
	default:
		return 1;
	}
}

static uint64_t regex_cost(const struct call *c)
{
	return scaled(1 + size_at(c, 0), TRAVERSAL) * scaled(size_at(c, 1), REGEX);
}

static uint64_t list_cost(double factor, uint64_t size)
{
	return (uint64_t)((double)size * factor) + 1 + LIST_COST;
}

static uint64_t pairs_cost(const struct call *c, size_t n)
{
	uint64_t size = size_at(c, n);
	double factor = 2;
	struct cel_value first;

	if (size && cel_list_at(c->arena, c->args[n], 0, &first) &&
		(first.kind == CEL_STRING || first.kind == CEL_BYTES))
		factor += TRAVERSAL;
	return list_cost(factor, size * size);
}

static uint64_t network_cost(const struct call *c, bool network)
{
	uint64_t size = size_at(c, 0);
	uint64_t cost = scaled(size + size, TRAVERSAL);

	if (network)
		cost += scaled(size, TRAVERSAL) + 1;
	if (arg_is(c, 1, CEL_STRING))
		cost += scaled(size_at(c, 1), TRAVERSAL);
	return cost;
}

enum rule {
	COST_ONE,
	COST_FREE,
	COST_CHECK,
	COST_TEXT, /* a walk over the first argument */
	COST_TEXT_TWICE,
	COST_CONVERT, /* of text to bytes and back */
	COST_SECOND,  /* over the second, as startsWith */
	COST_RESULT_TWICE,
	COST_WALK, /* deep */
	COST_REGEX,
	COST_MATCHES, /* the member alone */
	COST_CONTAINS,
	COST_COMPARE,
	COST_EQUAL,
	COST_ADD,
	COST_IN,
	COST_INDEX,
	COST_IP,
	COST_NETWORK_IP,
	COST_NETWORK,
	COST_RESULT_LIST,
	COST_FLATTEN,
	COST_PAIRS,
	COST_PAIRS_OF_KEYS,
	COST_SETS,
	COST_VALIDATE,
	COST_SELECTOR,
};

/*
 * What costs by its overload costs one where several are possible until the value is there. What
 * Kubernetes counts by the name of the function does not ask for that.
 */
#define BY_OVERLOAD 0x80

static const struct {
	const char *name;
	uint8_t rule;
} rules[] = {
	{"_==_", COST_EQUAL},
	{"_!=_", COST_COMPARE | BY_OVERLOAD},
	{"_<_", COST_COMPARE | BY_OVERLOAD},
	{"_<=_", COST_COMPARE | BY_OVERLOAD},
	{"_>_", COST_COMPARE | BY_OVERLOAD},
	{"_>=_", COST_COMPARE | BY_OVERLOAD},
	{"_+_", COST_ADD | BY_OVERLOAD},
	{"_[_]", COST_INDEX},
	{"_[?_]", COST_INDEX},
	{"@in", COST_IN | BY_OVERLOAD},
	{"dyn", COST_FREE},
	{"bytes", COST_CONVERT | BY_OVERLOAD},
	{"string", COST_CONVERT | BY_OVERLOAD},
	{"startsWith", COST_SECOND | BY_OVERLOAD},
	{"endsWith", COST_SECOND | BY_OVERLOAD},
	{"contains", COST_CONTAINS | BY_OVERLOAD},
	{"matches", COST_MATCHES | BY_OVERLOAD},
	{"find", COST_REGEX},
	{"findAll", COST_REGEX},
	{"isSorted", COST_WALK},
	{"sum", COST_WALK},
	{"min", COST_WALK},
	{"max", COST_WALK},
	{"indexOf", COST_WALK},
	{"lastIndexOf", COST_WALK},
	{"url", COST_TEXT},
	{"jsonpatch.escapeKey", COST_TEXT},
	{"lowerAscii", COST_TEXT},
	{"upperAscii", COST_TEXT},
	{"substring", COST_TEXT},
	{"trim", COST_TEXT},
	{"replace", COST_TEXT_TWICE},
	{"split", COST_TEXT_TWICE},
	{"join", COST_RESULT_TWICE},
	{"strings.quote", COST_TEXT | BY_OVERLOAD},
	{"format", COST_TEXT | BY_OVERLOAD},
	{"cidr", COST_TEXT},
	{"isIP", COST_TEXT},
	{"isCIDR", COST_TEXT},
	{"ip", COST_IP},
	{"ip.isCanonical", COST_TEXT_TWICE},
	{"containsIP", COST_NETWORK_IP},
	{"containsCIDR", COST_NETWORK},
	{"quantity", COST_TEXT},
	{"isQuantity", COST_TEXT},
	{"semver", COST_TEXT},
	{"isSemver", COST_TEXT},
	{"slice", COST_RESULT_LIST | BY_OVERLOAD},
	{"lists.range", COST_RESULT_LIST | BY_OVERLOAD},
	{"reverse", COST_RESULT_LIST | BY_OVERLOAD},
	{"flatten", COST_FLATTEN | BY_OVERLOAD},
	{"distinct", COST_PAIRS | BY_OVERLOAD},
	{"sort", COST_PAIRS | BY_OVERLOAD},
	{"@sortByAssociatedKeys", COST_PAIRS_OF_KEYS | BY_OVERLOAD},
	{"sets.contains", COST_SETS | BY_OVERLOAD},
	{"sets.equivalent", COST_SETS | BY_OVERLOAD},
	{"sets.intersects", COST_SETS | BY_OVERLOAD},
	{"validate", COST_VALIDATE},
	{"check", COST_CHECK},
	{"fieldSelector", COST_SELECTOR},
	{"labelSelector", COST_SELECTOR},
};

/* A list of constants that can be looked up in. */
static bool is_set(const struct expr *e)
{
	struct arena none = {0};
	struct cel_value item;
	struct walk w = {0};

	if (!e->constant || e->literal.kind != CEL_LIST)
		return false;
	while (list_next(&none, e->literal, &w, &item))
		if (item.kind < CEL_BOOL || item.kind > CEL_STRING)
			return false;
	return true;
}

uint8_t cost_rule(const struct expr *call)
{
	struct str name = call->name;

	if (str_eq_text(name, "@in") && call->overload_count == 1 && is_set(call->args[1]))
		return COST_FREE;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].name[0] == name.at[0] && str_eq_text(name, rules[i].name))
			return rules[i].rule;
	return COST_ONE;
}

static uint64_t add_cost(const struct call *c)
{
	if (!arg_is(c, 0, CEL_STRING) && !arg_is(c, 0, CEL_BYTES))
		return 1;
	return scaled(size_at(c, 0) + size_at(c, 1), TRAVERSAL);
}

static uint64_t set_cost(const struct call *c)
{
	uint64_t product = size_at(c, 0) * size_at(c, 1);

	return product * (str_eq_text(c->expr->name, "sets.equivalent") ? 2 : 1) + 1;
}

static enum cel_kind other_kind(const struct expr *e)
{
	return str_eq_text(e->name, "bytes") ? CEL_STRING : CEL_BYTES;
}

/* A list of requirements, each with a list of its own. */
static uint64_t selector_cost(uint64_t length)
{
	return LIST_COST + scaled(length, TRAVERSAL) +
	       scaled(length, 0.5) * (LIST_COST + STRUCT_COST);
}

/* An optional element that is not there is not counted. */
static uint64_t index_cost(const struct call *c, struct cel_value result)
{
	bool is_missing = result.kind == CEL_OPTIONAL && !result.inner;

	return !is_missing + !expr_is_attribute(c->expr->args[0]);
}

uint64_t call_cost(const struct call *c, struct cel_value result)
{
	uint8_t rule = c->expr->cost_rule;

	if ((rule & BY_OVERLOAD) && c->expr->overload_count != 1)
		return 1;
	switch ((enum rule)(rule & ~BY_OVERLOAD)) {
	case COST_FREE:
		return 0;
	case COST_CHECK:
		return 350000;
	case COST_TEXT:
		return scaled(size_at(c, 0), TRAVERSAL);
	case COST_CONVERT:
		return arg_is(c, 0, other_kind(c->expr)) ? scaled(size_at(c, 0), TRAVERSAL) : 1;
	case COST_TEXT_TWICE:
		return scaled(size_at(c, 0), 2 * TRAVERSAL);
	case COST_SECOND:
		return scaled(size_at(c, 1), TRAVERSAL);
	case COST_RESULT_TWICE:
		return scaled(value_size(result), 2 * TRAVERSAL);
	case COST_WALK:
		return traversal(c->arena, c->args[0], 0);
	case COST_REGEX:
		return regex_cost(c);
	case COST_MATCHES:
		return c->expr->member ? regex_cost(c) : 1;
	case COST_CONTAINS:
		return scaled(size_at(c, 0), TRAVERSAL) * scaled(size_at(c, 1), TRAVERSAL);
	case COST_EQUAL:
		if (arg_is(c, 0, CEL_OPAQUE))
			return 1;
		return scaled(MIN(size_at(c, 0), size_at(c, 1)), TRAVERSAL);
	case COST_SELECTOR:
		return selector_cost(size_at(c, 1));
	case COST_COMPARE:
		return scaled(MIN(size_at(c, 0), size_at(c, 1)), TRAVERSAL);
	case COST_ADD:
		return add_cost(c);
	case COST_IN:
		return arg_is(c, 1, CEL_LIST) ? size_at(c, 1) : 1;
	case COST_INDEX:
		return index_cost(c, result);
	case COST_IP:
		return arg_is(c, 0, CEL_STRING) ? scaled(size_at(c, 0), TRAVERSAL) : 1;
	case COST_NETWORK_IP:
		return network_cost(c, false);
	case COST_NETWORK:
		return network_cost(c, true);
	case COST_RESULT_LIST:
		return list_cost(1, value_size(result));
	case COST_FLATTEN:
		return list_cost(arg_is(c, 1, CEL_INT) ? (double)c->args[1].i : 1, size_at(c, 0));
	case COST_PAIRS:
		return pairs_cost(c, 0);
	case COST_PAIRS_OF_KEYS:
		return pairs_cost(c, 1);
	case COST_SETS:
		return set_cost(c);
	case COST_VALIDATE:
		return scaled(1 + size_at(c, 1), TRAVERSAL) * format_cost(c->args[0], REGEX);
	default:
		return 1;
	}
}
