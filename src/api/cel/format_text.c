/* string.format: printf, as CEL has it, in English. */
#include "functions.h"

#include "format_text.h"
#include "go_number.h"

#include <math.h>
#include <stdlib.h>

enum { PRECISION = 6, PRECISION_MAX = 300 };

const char *clause_read(struct arena *a, struct str text, struct clause *clause)
{
	size_t i = 1;

	clause->precision = -1;
	if (i < text.len && text.at[i] == '.') {
		for (i++, clause->precision = 0;
			i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
			clause->precision =
				MIN(clause->precision * 10 + (text.at[i] - '0'), PRECISION_MAX);
		if (i >= text.len)
			return "could not parse formatting clause: error while parsing precision: "
			       "could not find end of precision specifier";
		if (i == 2)
			return "could not parse formatting clause: error while parsing precision: "
			       "error while converting precision to integer: strconv.Atoi: parsing "
			       "\"\": invalid syntax";
	}
	clause->letter = i < text.len ? text.at[i] : '\0';
	clause->length = i + 1;
	if (clause->letter && strchr("sdfebxXo", clause->letter))
		return NULL;
	return arena_print(a,
		"could not parse formatting clause: unrecognized formatting clause \"%c\"",
		clause->letter)
		.at;
}

const char *clause_refuses(char letter, const struct cel_type *type)
{
	enum cel_kind k = type->kind;

	switch (letter) {
	case 's':
		return k == CEL_OPAQUE || k == CEL_OBJECT || k == CEL_OPTIONAL
			       ? "string clause can only be used on strings, bools, bytes, ints, "
				 "doubles, "
				 "maps, lists, types, durations, and timestamps"
			       : NULL;
	case 'd':
		return k == CEL_INT || k == CEL_UINT
			       ? NULL
			       : "decimal clause can only be used on integers";
	case 'f':
		return k == CEL_DOUBLE ? NULL : "fixed-point clause can only be used on doubles";
	case 'e':
		return k == CEL_DOUBLE ? NULL : "scientific clause can only be used on doubles";
	case 'b':
		return k == CEL_INT || k == CEL_UINT || k == CEL_BOOL
			       ? NULL
			       : "only integers and bools can be formatted as binary";
	case 'o':
		return k == CEL_INT || k == CEL_UINT ? NULL
						     : "octal clause can only be used on integers";
	default:
		return k == CEL_INT || k == CEL_UINT || k == CEL_STRING || k == CEL_BYTES
			       ? NULL
			       : "only integers, byte buffers, and strings can be formatted as hex";
	}
}

/* ---- numbers ---- */

/* Groups of three, as English has them. */
static void print_fixed(struct buf *out, double d, int precision)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1024);
	struct str digits;
	size_t whole;

	if (isnan(d) || isinf(d)) {
		buf_add_text(out, isnan(d) ? "NaN" : d < 0 ? "-∞" : "∞");
		return;
	}
	buf_print(&text, "%.*f", precision < 0 ? PRECISION : precision, d);
	digits = buf_str(&text);
	if (digits.at[0] == '-') {
		buf_add_char(out, '-');
		digits = str_skip(digits, 1);
	}
	whole = str_find_char(digits, '.') >= 0 ? (size_t)str_find_char(digits, '.') : digits.len;
	for (size_t i = 0; i < digits.len; i++) {
		if (i && i < whole && (whole - i) % 3 == 0)
			buf_add_char(out, ',');
		buf_add_char(out, digits.at[i]);
	}
}

static void print_raised(struct buf *out, char digit)
{
	static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};

	buf_add_text(out, digit == '-' ? "⁻" : raised[digit - '0']);
}

/* 1.234568×10⁰⁴: always six digits, whatever was asked for, as upstream's printer has it. */
static void print_scientific(struct buf *out, double d)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	const char *exponent;

	if (isnan(d) || isinf(d)) {
		buf_add_text(out, isnan(d) ? "   NaN" : d < 0 ? "-∞" : "∞");
		return;
	}
	buf_print(&text, "%.*e", PRECISION, d);
	exponent = strchr(buf_text(&text), 'e');
	buf_add(out, text.at, (size_t)(exponent - text.at));
	buf_add_text(out, "×10");
	for (exponent++; *exponent; exponent++)
		if (*exponent != '+')
			print_raised(out, *exponent);
}

static void print_binary(struct buf *out, struct cel_value v, unsigned bits, bool upper)
{
	uint64_t u = v.kind == CEL_BOOL               ? v.b
		     : v.kind == CEL_UINT || v.i >= 0 ? v.u
						      : 0 - (uint64_t)v.i;
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[65];
	size_t n = sizeof(text);

	if (v.kind == CEL_INT && v.i < 0)
		buf_add_char(out, '-');
	do {
		text[--n] = digits[u & ((1U << bits) - 1)];
		u >>= bits;
	} while (u);
	buf_add(out, text + n, sizeof(text) - n);
}

static void print_hex(struct buf *out, struct cel_value v, bool upper)
{
	if (v.kind != CEL_STRING && v.kind != CEL_BYTES) {
		print_binary(out, v, 4, upper);
		return;
	}
	for (size_t i = 0; i < v.str.len; i++)
		buf_print(out, upper ? "%02X" : "%02x", (unsigned char)v.str.at[i]);
}

/* ---- all ---- */

static bool print_clause(struct printer *p, const struct clause *clause, struct cel_value v)
{
	bool is_fraction = clause->letter == 'f' || clause->letter == 'e';
	const char *why;
	double d;

	if (is_fraction && v.kind == CEL_STRING &&
		(str_eq_text(v.str, "NaN") || str_eq_text(v.str, "Infinity") ||
			str_eq_text(v.str, "-Infinity")) &&
		go_read_double(v.str, &d))
		v = value_double(d);
	why = clause_refuses(clause->letter, value_type_of(v));
	if (why) {
		p->why = arena_print(p->arena, "%s, was given %.*s", why, STRF(value_type_name(v)))
				 .at;
		return false;
	}
	switch (clause->letter) {
	case 's':
		if (v.kind == CEL_LIST || v.kind == CEL_MAP)
			return print_inside(p, v);
		if (v.kind == CEL_BYTES && !str_is_utf8(v.str)) {
			p->why = "could not convert argument \"invalid UTF-8 in bytes, cannot "
				 "convert to string\" to string";
			return false;
		}
		print_plain(&p->out, v);
		break;
	case 'd':
		print_plain(&p->out, v);
		break;
	case 'f':
		print_fixed(&p->out, v.d, clause->precision);
		break;
	case 'e':
		print_scientific(&p->out, v.d);
		break;
	case 'b':
		print_binary(&p->out, v, 1, false);
		break;
	case 'o':
		print_binary(&p->out, v, 3, false);
		break;
	default:
		print_hex(&p->out, v, clause->letter == 'X');
	}
	return true;
}

static struct cel_value format(struct printer *p, struct str text, struct cel_value args)
{
	struct cel_value v;
	struct clause clause;
	struct walk w = {0};
	const char *why;

	for (size_t i = 0; i < text.len;) {
		struct str rest = str_skip(text, i);
		if (text.at[i] != '%') {
			buf_add_char(&p->out, text.at[i++]);
			continue;
		}
		if (str_starts(rest, STR("%%"))) {
			buf_add_char(&p->out, '%');
			i += 2;
			continue;
		}
		if (!list_next(p->arena, args, &w, &v))
			return cel_error(p->arena, "index %zu out of range", list_size(args));
		if (rest.len < 2)
			return value_error_text("unexpected end of string");
		why = clause_read(p->arena, rest, &clause);
		if (why)
			return cel_error(p->arena, "%s", why);
		if (!print_clause(p, &clause, v))
			return cel_error(p->arena, "error during formatting: %s", p->why);
		i += clause.length;
	}
	return value_print(p->arena, &p->out);
}

struct cel_value run_format(struct call *c)
{
	struct printer p = {.arena = c->arena, .out = BUF_INIT(FORMATTED_MAX)};
	struct cel_value v;

	if (!arg_is(c, 0, CEL_STRING) || !arg_is(c, 1, CEL_LIST))
		return value_no_signature(c);
	v = format(&p, ARG_STR(c, 0), c->args[1]);
	buf_done(&p.out);
	return v;
}
