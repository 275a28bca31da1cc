/* Quantities and semantic versions, and what is equal among the libraries' values. */
#include "functions.h"

#include "opaque.h"

#include <math.h>
#include <stdlib.h>

/* ---- quantities ---- */

/*
 * Upstream keeps an int64 and a power of ten while it can, and tells integers by that power alone:
 * "1.0" is none. What it cannot keep so is a decimal, and never an integer.
 */
struct amount {
	struct cel_amount of;
	int scale; /* power of ten */
	bool decimal;
	double approximate;
};

static bool fits_int64(const struct amount *m)
{
	__int128 whole = m->of.q.nano / 1000000000;

	return !quantity_is_capped(m->of.q) && whole <= INT64_MAX && whole >= INT64_MIN;
}

static int decimal_power(struct str suffix)
{
	static const char letters[] = "num kMGTPE";
	const char *at = suffix.len == 1 ? strchr(letters, suffix.at[0]) : NULL;
	int64_t exponent = 0;

	if (suffix.len > 1 && (suffix.at[0] == 'e' || suffix.at[0] == 'E')) {
		struct str digits = str_skip(suffix, 1);
		digits = str_skip(digits, str_starts(digits, STR("+")));
		str_to_i64(digits, &exponent);
		return (int)exponent;
	}
	return at && *at != ' ' ? (int)(at - letters - 3) * 3 : 0;
}

/* How upstream would keep it, from how it is written. */
static void read_form(struct amount *m)
{
	struct str s = m->of.text, number, suffix;
	size_t end = 0, point, digits, fraction;
	char text[64];
	bool binary;

	while (end < s.len && strchr("+-.0123456789", s.at[end]))
		end++;
	number = str_sub(s, 0, end);
	suffix = str_skip(s, end);
	point = str_find_char(number, '.') >= 0 ? (size_t)str_find_char(number, '.') : number.len;
	fraction = point < number.len ? number.len - point - 1 : 0;
	digits = number.len - (point < number.len) -
		 (number.len && (number.at[0] == '+' || number.at[0] == '-'));
	binary = suffix.len == 2 && suffix.at[1] == 'i';
	if (binary) {
		static const char letters[] = "KMGTPE";
		int exponent = (int)(strchr(letters, suffix.at[0]) - letters + 1) * 10;
		m->decimal = fraction > 0 || 15 - (int)digits - exponent * 3 / 10 - 1 < 0;
		m->scale = 0;
	} else {
		m->scale = decimal_power(suffix) - (int)fraction;
		m->decimal = digits > 18 || m->scale < -9;
	}
	if (number.len < sizeof(text)) {
		memcpy(text, number.at, number.len);
		text[number.len] = '\0';
		m->approximate = strtod(text, NULL);
		m->approximate = binary ? (double)m->of.q.nano / 1e9
					: m->approximate * pow(10, decimal_power(suffix));
	}
}

static struct amount *read_amount(struct arena *a, struct str text, struct err *err)
{
	struct amount *m = arena_new(a, sizeof(*m));

	if (quantity_parse(text, &m->of.q, err))
		return NULL;
	m->of.text = arena_str(a, text);
	read_form(m);
	return m;
}

struct cel_value cel_quantity(struct arena *a, struct str text)
{
	_cleanup_(err_done) struct err err = {0};
	struct amount *m = read_amount(a, text, &err);

	return m ? value_opaque(&cel_quantity_type, m) : cel_error(a, "%s", err_text(&err));
}

struct cel_value run_quantity(struct call *c)
{
	return arg_is(c, 0, CEL_STRING) ? cel_quantity(c->arena, ARG_STR(c, 0))
					: value_no_signature(c);
}

struct cel_value run_is_quantity(struct call *c)
{
	struct quantity q;

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	return cel_truth(quantity_parse(ARG_STR(c, 0), &q, NULL) == 0);
}

static const struct amount *amount_arg(struct call *c, size_t n)
{
	return arg_is_opaque(c, n, &cel_quantity_type) ? c->args[n].opaque : NULL;
}

struct cel_value run_sign(struct call *c)
{
	const struct amount *m = amount_arg(c, 0);

	return m ? cel_number(quantity_sign(m->of.q)) : value_no_signature(c);
}

static bool is_integer(const struct amount *m)
{
	return !m->decimal && m->scale >= 0 && fits_int64(m);
}

struct cel_value run_is_integer(struct call *c)
{
	const struct amount *m = amount_arg(c, 0);

	return m ? cel_truth(is_integer(m)) : value_no_signature(c);
}

struct cel_value run_as_integer(struct call *c)
{
	const struct amount *m = amount_arg(c, 0);

	if (!m)
		return value_no_signature(c);
	return is_integer(m) ? cel_number(quantity_value(m->of.q))
			     : value_error_text("cannot convert value to integer");
}

struct cel_value run_as_float(struct call *c)
{
	const struct amount *m = amount_arg(c, 0);

	return m ? value_double(m->approximate) : value_no_signature(c);
}

static struct cel_value sum(struct call *c, bool minus)
{
	const struct amount *x = amount_arg(c, 0), *y = amount_arg(c, 1);
	struct amount whole = {0}, *m = arena_new(c->arena, sizeof(*m));

	if (!x || (!y && !arg_is(c, 1, CEL_INT)))
		return value_no_signature(c);
	if (!y) {
		whole.of.q = quantity_from_int(c->args[1].i, QUANTITY_DECIMAL_SI);
		y = &whole;
	}
	m->of.q = minus ? quantity_sub(x->of.q, y->of.q) : quantity_add(x->of.q, y->of.q);
	m->scale = MIN(x->scale, y->scale);
	m->decimal = x->decimal || y->decimal || !fits_int64(m);
	m->approximate = (double)m->of.q.nano / 1e9;
	m->of.text = quantity_print(c->arena, m->of.q);
	return value_opaque(&cel_quantity_type, m);
}

struct cel_value run_quantity_add(struct call *c)
{
	return sum(c, false);
}

struct cel_value run_quantity_sub(struct call *c)
{
	return sum(c, true);
}

/* ---- both ---- */

/* -2: they are not of one such type. */
static int compare_opaque(struct call *c)
{
	const struct amount *x = amount_arg(c, 0), *y = amount_arg(c, 1);

	if (x && y)
		return quantity_cmp(x->of.q, y->of.q);
	if (arg_is_opaque(c, 0, &cel_semver_type) && arg_is_opaque(c, 1, &cel_semver_type))
		return semver_compare(c->args[0].opaque, c->args[1].opaque);
	return -2;
}

struct cel_value run_compare_to(struct call *c)
{
	int order_of = compare_opaque(c);

	return order_of == -2 ? value_no_signature(c) : cel_number(order_of);
}

struct cel_value run_is_greater(struct call *c)
{
	int order_of = compare_opaque(c);

	return order_of == -2 ? value_no_signature(c) : cel_truth(order_of > 0);
}

struct cel_value run_is_less(struct call *c)
{
	int order_of = compare_opaque(c);

	return order_of == -2 ? value_no_signature(c) : cel_truth(order_of < 0);
}

struct cel_value opaque_equal(struct cel_value x, struct cel_value y)
{
	if (y.kind != CEL_OPAQUE || x.type != y.type)
		return value_no_overload();
	if (x.type == &cel_quantity_type)
		return cel_truth(quantity_cmp(((const struct amount *)x.opaque)->of.q,
					 ((const struct amount *)y.opaque)->of.q) == 0);
	if (x.type == &cel_semver_type)
		return cel_truth(semver_compare(x.opaque, y.opaque) == 0);
	if (x.type == &cel_ip_type)
		return cel_truth(ip_eq(x.opaque, y.opaque));
	if (x.type == &cel_cidr_type) {
		const struct cidr *a = x.opaque, *b = y.opaque;
		return cel_truth(a->bits == b->bits && ip_eq(&a->ip, &b->ip));
	}
	if (x.type == &cel_url_type)
		return cel_truth(str_eq(((const struct cel_url *)x.opaque)->text,
			((const struct cel_url *)y.opaque)->text));
	return cel_truth(x.opaque == y.opaque);
}
