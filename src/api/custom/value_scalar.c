/* Texts, numbers, choices. */
#include "value.h"

#include <math.h>

#include <kube/regex.h>

/* ---- texts ---- */

static int64_t count_runes(struct str s)
{
	int64_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
	return count;
}

static bool has_pattern(const struct node *n, struct str text)
{
	_cleanup_(arena_done) struct arena a;
	size_t start, end;

	arena_init(&a);
	return regex_find(regex_start(n->limits->regex, &a), text, 0, &start, &end);
}

void check_string(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at)
{
	struct str text = json_str(value);
	int64_t length = count_runes(text);

	if (n->limits->max_length.set && length > n->limits->max_length.value)
		find_too_long(f, at, n->limits->max_length.value);
	else if (n->limits->min_length.set && length < n->limits->min_length.value)
		find_invalid(f, at, value, "should be at least %lld chars long",
			(long long)n->limits->min_length.value);
	else if (n->limits->pattern.len && !n->limits->regex)
		find_invalid(f, at, value, "should match '%.*s, but pattern is invalid: %.*s'",
			STRF(n->limits->pattern), STRF(n->limits->pattern_fault));
	else if (n->limits->pattern.len && !has_pattern(n, text))
		find_invalid(f, at, value, "should match '%.*s'", STRF(n->limits->pattern));
}

/* ---- numbers ---- */

#define WHOLE_MAX 9007199254740991.0 /* beyond it doubles skip integers */
#define EPSILON   1e-9

bool go_is_whole(double value)
{
	double whole, off;

	if (!isfinite(value) || value < -WHOLE_MAX || value > WHOLE_MAX)
		return false;
	whole = trunc(value);
	if (value == whole)
		return true;
	if (value < 0) /* upstream goes through an unsigned number there */
		return false;
	off = fabs(value - whole);
	return off / (value + whole) < EPSILON;
}

/* Text that Go would convert to the type of number; %f of a double has no exponent. */
static bool in_range(const struct node *n, double value, bool whole)
{
	struct str format = n->format;

	if (!str_eq_text(n->type, "integer")) {
		bool single = str_eq_text(format, "float") || str_eq_text(format, "float32");

		return !single || fabs(value) <= 3.4028235677973366e38; /* what rounds to the
									   largest float */
	}
	if (value != trunc(value))
		return false;
	if (str_eq_text(format, "int32"))
		return value >= INT32_MIN && value <= INT32_MAX;
	if (str_eq_text(format, "uint32"))
		return value >= 0 && value <= UINT32_MAX;
	if (str_eq_text(format, "uint64"))
		return value >= 0 && value < 18446744073709551616.0;
	return whole || (value >= -9223372036854775808.0 && value < 9223372036854775808.0);
}

static bool check_range(struct findings *f, const struct node *n, double value, bool whole,
	const char *what, const struct spot *at)
{
	struct str where = spot_text(f->arena, at);

	if (in_range(n, value, whole))
		return true;
	if (n->format.len)
		find_sentence(f, "%s value must be of type %.*s with format %.*s in %.*s", what,
			STRF(n->type), STRF(n->format), STRF(where));
	else
		find_sentence(f, "%s value must be of type %.*s (default format) in %.*s", what,
			STRF(n->type), STRF(where));
	return false;
}

/* As Go converts: beyond the ends there is no telling, so the ends it is. */
static int64_t to_int(double value)
{
	if (value >= 9223372036854775808.0)
		return INT64_MAX;
	return value <= -9223372036854775808.0 ? INT64_MIN : (int64_t)value;
}

struct number {
	bool whole;
	int64_t exact;
	double value;
};

static void check_multiple(struct findings *f, const struct node *n, const struct number *v,
	const struct cJSON *value, const struct spot *at)
{
	double factor = n->limits->multiple.value;
	bool exact = check_range(f, n, factor, false, "MultipleOf", at) && v->whole &&
		     to_int(factor) != 0;
	bool fits;

	if (factor < 0) {
		find_sentence(f, "factor MultipleOf declared for %.*s must be positive: %.*s",
			STRF(spot_text(f->arena, at)), STRF(go_double(f->arena, factor)));
		return;
	}
	if (exact)
		fits = v->exact % to_int(factor) == 0;
	else
		fits = go_is_whole(factor < 1 ? 1 / factor * v->value : v->value / factor);
	if (!fits)
		find_invalid(f, at, value, "should be a multiple of %.*s",
			STRF(exact ? arena_print(f->arena, "%lld", (long long)to_int(factor))
				   : go_double(f->arena, factor)));
}

static struct str bound_text(struct findings *f, bool exact, double bound)
{
	return exact ? arena_print(f->arena, "%lld", (long long)to_int(bound))
		     : go_double(f->arena, bound);
}

/* -1, 0 or 1: below, at or above the bound. */
static int compare(const struct number *v, bool exact, double bound)
{
	if (exact)
		return (v->exact > to_int(bound)) - (v->exact < to_int(bound));
	return (v->value > bound) - (v->value < bound);
}

void check_number(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at)
{
	struct number v = {.value = json_double(value)};
	bool exact;

	v.whole = json_int(value, &v.exact);
	check_range(f, n, v.value, v.whole, "Checked", at);
	if (n->limits->multiple.set)
		check_multiple(f, n, &v, value, at);
	if (n->limits->minimum.set) {
		exact = check_range(
				f, n, n->limits->minimum.value, false, "Minimum boundary", at) &&
			v.whole;
		int order = compare(&v, exact, n->limits->minimum.value);

		if (order < 0 || (order == 0 && n->limits->above_minimum))
			find_invalid(f, at, value, "should be greater than %s%.*s",
				n->limits->above_minimum ? "" : "or equal to ",
				STRF(bound_text(f, exact, n->limits->minimum.value)));
	}
	if (n->limits->maximum.set) {
		exact = check_range(
				f, n, n->limits->maximum.value, false, "Maximum boundary", at) &&
			v.whole;
		int order = compare(&v, exact, n->limits->maximum.value);

		if (order > 0 || (order == 0 && n->limits->below_maximum))
			find_invalid(f, at, value, "should be less than %s%.*s",
				n->limits->below_maximum ? "" : "or equal to ",
				STRF(bound_text(f, exact, n->limits->maximum.value)));
	}
}

/* ---- choices ---- */

/* Go converts the value to the choice's type first: 1.5 is the choice 1, 97 is "a". */
static bool is_choice(const struct cJSON *value, const struct cJSON *choice)
{
	int64_t number, wanted;

	if (json_is(value, JSON_NULL) || json_is(choice, JSON_NULL))
		return false;
	if (json_is(value, JSON_NUMBER) && json_int(choice, &wanted))
		return json_int(value, &number) ? number == wanted
						: to_int(json_double(value)) == wanted;
	if (json_int(value, &number) && json_is(choice, JSON_STRING) && number > 0 && number < 0x80)
		return json_str(choice).len == 1 && json_str(choice).at[0] == (char)number;
	return json_equal(value, choice);
}

bool check_choice(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at)
{
	json_each (choice, n->choices)
		if (is_choice(value, choice))
			return true;
	if (n->choices)
		find_unsupported(f, at, value, n->choices);
	return !n->choices;
}
