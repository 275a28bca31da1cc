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

/* ---- versions ---- */

static bool refuse(struct arena *a, struct str *why, const char *what, struct str part)
{
	*why = arena_print(a, "%s \"%.*s\"", what, STRF(part));
	return false;
}

static bool only(struct str s, bool digits_only)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool digit = c >= '0' && c <= '9';
		if (!digit && (digits_only || (!((c | 32) >= 'a' && (c | 32) <= 'z') && c != '-')))
			return false;
	}
	return s.len > 0;
}

static bool read_part(
	struct arena *a, struct str s, const char *name, uint64_t *value, struct str *why)
{
	static const char *const capital[] = {"Major", "Minor", "Patch"};
	const char *named =
		name[0] == 'm' ? (name[1] == 'a' ? capital[0] : capital[1]) : capital[2];

	if (!only(s, true))
		return refuse(a, why,
			arena_print(a, "Invalid character(s) found in %s number", name).at, s);
	if (s.len > 1 && s.at[0] == '0')
		return refuse(a, why,
			arena_print(a, "%s number must not contain leading zeroes", named).at, s);
	if (!str_to_u64(s, value)) {
		*why = arena_print(
			a, "strconv.ParseUint: parsing \"%.*s\": value out of range", STRF(s));
		return false;
	}
	return true;
}

static bool read_before(struct arena *a, struct str s, struct str *why)
{
	struct str rest = s, part;

	while (str_next(&rest, '.', &part)) {
		if (!part.len) {
			*why = STR("Prerelease is empty");
			return false;
		}
		if (only(part, true) && part.len > 1 && part.at[0] == '0')
			return refuse(a, why,
				"Numeric PreRelease version must not contain leading zeroes", part);
		if (!only(part, false))
			return refuse(a, why, "Invalid character(s) found in prerelease", part);
	}
	return true;
}

static bool read_build(struct arena *a, struct str s, struct str *why)
{
	struct str rest = s, part;

	while (str_next(&rest, '.', &part)) {
		if (!part.len) {
			*why = STR("Build meta data is empty");
			return false;
		}
		if (!only(part, false))
			return refuse(
				a, why, "Invalid character(s) found in build meta data", part);
	}
	return true;
}

static bool read_version(struct arena *a, struct str s, struct semver *v, struct str *why)
{
	struct str major, minor, patch, build;
	bool built, marked;

	if (!s.len) {
		*why = STR("Version string empty");
		return false;
	}
	if (!str_cut(s, '.', &major, &patch) || !str_cut(patch, '.', &minor, &patch)) {
		*why = STR("No Major.Minor.Patch elements found");
		return false;
	}
	built = str_cut(patch, '+', &patch, &build);
	marked = str_cut(patch, '-', &patch, &v->before);
	v->before = marked ? v->before : STR("");
	if (!read_part(a, major, "major", &v->major, why) ||
		!read_part(a, minor, "minor", &v->minor, why) ||
		!read_part(a, patch, "patch", &v->patch, why))
		return false;
	if (marked && !read_before(a, v->before.at ? v->before : STR(""), why))
		return false;
	return !built || read_build(a, build, why);
}

/* "v1", "01.2" → "1.0.0", "1.2.0"; false: *why. */
static bool normalize(struct arena *a, struct str *s, struct str *why)
{
	struct str parts[3], rest = str_skip(*s, str_starts(*s, STR("v")));
	size_t count = 0;
	bool more = true;

	while (more && count < 3) {
		if (count == 2) {
			parts[count++] = rest;
			break;
		}
		more = str_cut(rest, '.', &parts[count++], &rest);
	}
	for (size_t i = 0; i < count; i++) {
		struct str p = parts[i];
		if (p.len <= 1)
			continue;
		while (p.len && p.at[0] == '0')
			p = str_skip(p, 1);
		if (!p.len || p.at[0] < '0' || p.at[0] > '9')
			p = arena_print(a, "0%.*s", STRF(p));
		parts[i] = p;
	}
	if (count < 3 && (str_find_char(parts[count - 1], '+') >= 0 ||
				 str_find_char(parts[count - 1], '-') >= 0)) {
		*why = STR("short version cannot contain PreRelease/Build meta data");
		return false;
	}
	while (count < 3)
		parts[count++] = STR("0");
	*s = arena_print(a, "%.*s.%.*s.%.*s", STRF(parts[0]), STRF(parts[1]), STRF(parts[2]));
	return true;
}

/* NULL: *error. */
static const struct semver *version_of(struct call *c, struct cel_value *error)
{
	struct semver *v = arena_new(c->arena, sizeof(*v));
	struct str text = ARG_STR(c, 0), why;

	if (c->count > 1 && c->args[1].b && !normalize(c->arena, &text, &why))
		*error = (struct cel_value){.kind = CEL_ERROR, .str = why};
	else if (!read_version(c->arena, text, v, &why))
		*error = (struct cel_value){.kind = CEL_ERROR, .str = why};
	else
		return v;
	return NULL;
}

struct cel_value cel_semver(struct arena *a, struct str text)
{
	struct semver *v = arena_new(a, sizeof(*v));
	struct str why;

	return read_version(a, text, v, &why) ? value_opaque(&cel_semver_type, v)
					      : (struct cel_value){.kind = CEL_ERROR, .str = why};
}

static bool version_args(const struct call *c)
{
	return arg_is(c, 0, CEL_STRING) && (c->count < 2 || arg_is(c, 1, CEL_BOOL));
}

struct cel_value run_semver(struct call *c)
{
	const struct semver *v;
	struct cel_value error;

	if (!version_args(c))
		return value_no_signature(c);
	v = version_of(c, &error);
	return v ? value_opaque(&cel_semver_type, v) : error;
}

struct cel_value run_is_semver(struct call *c)
{
	struct cel_value error;

	return version_args(c) ? cel_truth(version_of(c, &error)) : value_no_signature(c);
}

#define NUMBER(function, part)                                                                     \
	struct cel_value function(struct call *c)                                                  \
	{                                                                                          \
		const struct semver *v;                                                            \
                                                                                                   \
		if (!arg_is_opaque(c, 0, &cel_semver_type))                                        \
			return value_no_signature(c);                                              \
		v = c->args[0].opaque;                                                             \
		return cel_number((int64_t)v->part);                                               \
	}

NUMBER(run_major, major)
NUMBER(run_minor, minor)
NUMBER(run_patch, patch)

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Parts in turn: numbers before words, numbers by value, words by bytes; fewer parts first. */
static int compare_before(struct str x, struct str y)
{
	struct str p, q;
	int c;

	if (!x.len || !y.len)
		return !x.len - !y.len;
	for (;;) {
		bool more_x = str_next(&x, '.', &p), more_y = str_next(&y, '.', &q);
		bool number_x, number_y;
		if (!more_x || !more_y)
			return (int)more_x - (int)more_y;
		number_x = only(p, true);
		number_y = only(q, true);
		if (number_x != number_y)
			return number_x ? -1 : 1;
		c = number_x && p.len != q.len ? order(p.len, q.len) : str_cmp(p, q);
		if (c)
			return c < 0 ? -1 : 1;
	}
}

int semver_compare(const struct semver *a, const struct semver *b)
{
	int c = order(a->major, b->major);

	if (!c)
		c = order(a->minor, b->minor);
	if (!c)
		c = order(a->patch, b->patch);
	return c ? c : compare_before(a->before, b->before);
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
