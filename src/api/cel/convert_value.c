/* Conversions between simple types, and times read from their texts. */
#include "functions.h"

#include "dates.h"
#include "go_number.h"
#include "opaque.h"

#include <kube/time.h>
#include <math.h>
#include <stdlib.h>

/* ---- reading times ---- */

static bool read_two(struct str s, size_t at, int *value)
{
	if (at + 2 > s.len || s.at[at] < '0' || s.at[at] > '9' || s.at[at + 1] < '0' ||
		s.at[at + 1] > '9')
		return false;
	*value = (s.at[at] - '0') * 10 + (s.at[at + 1] - '0');
	return true;
}

/* "Z", "+02:00" */
static bool read_offset(struct str s, int32_t *seconds)
{
	int hours, minutes;

	*seconds = 0;
	if (str_eq_text(s, "Z"))
		return true;
	if (s.len != 6 || (s.at[0] != '+' && s.at[0] != '-') || s.at[3] != ':' ||
		!read_two(s, 1, &hours) || !read_two(s, 4, &minutes) || hours > 24 || minutes > 60)
		return false;
	*seconds = (hours * 60 + minutes) * (s.at[0] == '-' ? -60 : 60);
	return true;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static size_t read_fraction(struct str s, size_t at, int32_t *nanos)
{
	int32_t scale = 100000000;

	*nanos = 0;
	if (at >= s.len || (s.at[at] != '.' && s.at[at] != ','))
		return at;
	for (at++; at < s.len && s.at[at] >= '0' && s.at[at] <= '9'; at++) {
		*nanos += (s.at[at] - '0') * scale;
		scale /= 10;
	}
	return at;
}

bool read_time(struct str s, struct cel_value *v)
{
	int century, year, month, day, hour, minute, second;
	struct cel_value t = value_of(CEL_TIMESTAMP);
	size_t at;

	if (s.len < 20 || s.at[4] != '-' || s.at[7] != '-' || s.at[10] != 'T' || s.at[13] != ':' ||
		s.at[16] != ':')
		return false;
	if (!read_two(s, 0, &century) || !read_two(s, 2, &year) || !read_two(s, 5, &month) ||
		!read_two(s, 8, &day) || !read_two(s, 11, &hour) || !read_two(s, 14, &minute) ||
		!read_two(s, 17, &second))
		return false;
	year += century * 100;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 ||
		minute > 59 || second > 59)
		return false;
	at = read_fraction(s, 19, &t.nanos);
	if ((at == 20 && at < s.len && s.at[19] == '.') ||
		!read_offset(str_skip(s, at), &t.time.offset))
		return false;
	t.time.seconds = days_of_date(year, month, day) * 86400 + hour * 3600 + minute * 60 +
			 second - t.time.offset;
	*v = t;
	return time_in_range(t.time.seconds);
}

/* ---- conversions ---- */

static struct cel_value no_conversion(struct call *c, const char *from, const char *to)
{
	return cel_error(c->arena, "type conversion error from '%s' to '%s'", from, to);
}

struct cel_value run_to_int(struct call *c)
{
	struct cel_value v = c->args[0];
	int64_t i;

	switch (v.kind) {
	case CEL_INT:
		return v;
	case CEL_UINT:
		return v.u > INT64_MAX ? value_error_text("integer overflow")
				       : cel_number((int64_t)v.u);
	case CEL_DOUBLE:
		/* The ends themselves are not told from what lies beyond them. */
		return isnan(v.d) || v.d <= -0x1p63 || v.d >= 0x1p63
			       ? value_error_text("integer overflow")
			       : cel_number((int64_t)v.d);
	case CEL_DURATION:
		return cel_number(v.i);
	case CEL_TIMESTAMP:
		return cel_number(v.time.seconds);
	case CEL_STRING:
		return go_read_decimal(v.str, &i) ? cel_number(i)
						  : no_conversion(c, "string", "int");
	default:
		return value_no_signature(c);
	}
}

struct cel_value run_to_uint(struct call *c)
{
	struct cel_value v = c->args[0];
	uint64_t u;

	switch (v.kind) {
	case CEL_UINT:
		return v;
	case CEL_INT:
		return v.i < 0 ? value_error_text("unsigned integer overflow")
			       : value_uint((uint64_t)v.i);
	case CEL_DOUBLE:
		return isnan(v.d) || v.d < 0 || v.d >= 0x1p64
			       ? value_error_text("unsigned integer overflow")
			       : value_uint((uint64_t)v.d);
	case CEL_STRING:
		return str_starts(v.str, STR("0x")) || !go_read_uint(v.str, &u)
			       ? no_conversion(c, "string", "uint")
			       : value_uint(u);
	default:
		return value_no_signature(c);
	}
}

struct cel_value run_to_double(struct call *c)
{
	struct cel_value v = c->args[0];
	double d;

	switch (v.kind) {
	case CEL_DOUBLE:
		return v;
	case CEL_INT:
		return value_double((double)v.i);
	case CEL_UINT:
		return value_double((double)v.u);
	case CEL_STRING:
		return go_read_double(v.str, &d) ? value_double(d)
						 : no_conversion(c, "string", "double");
	default:
		return value_no_signature(c);
	}
}

struct cel_value run_to_bool(struct call *c)
{
	static const char *const yes[] = {"1", "t", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "false", "FALSE", "False"};
	struct cel_value v = c->args[0];

	if (v.kind == CEL_BOOL)
		return v;
	if (v.kind != CEL_STRING)
		return value_no_signature(c);
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (str_eq_text(v.str, yes[i]))
			return cel_truth(true);
		if (str_eq_text(v.str, no[i]))
			return cel_truth(false);
	}
	return no_conversion(c, "string", "bool");
}

struct cel_value run_to_bytes(struct call *c)
{
	struct cel_value v = c->args[0];

	if (v.kind == CEL_BYTES)
		return v;
	return v.kind == CEL_STRING ? value_bytes(v.str) : value_no_signature(c);
}

struct cel_value run_to_string(struct call *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1024);
	struct cel_value v = c->args[0];

	switch (v.kind) {
	case CEL_STRING:
		return v;
	case CEL_BYTES:
		return str_is_utf8(v.str)
			       ? cel_str(v.str)
			       : value_error_text(
					 "invalid UTF-8 in bytes, cannot convert to string");
	case CEL_BOOL:
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		print_plain(&out, v);
		return value_print(c->arena, &out);
	case CEL_OPAQUE:
		if (v.type == &cel_ip_type)
			ip_print(&out, v.opaque);
		else if (v.type == &cel_cidr_type)
			cidr_print(&out, v.opaque);
		else
			break;
		return value_print(c->arena, &out);
	default:
		break;
	}
	return value_no_signature(c);
}

struct cel_value run_to_duration(struct call *c)
{
	struct cel_value v = c->args[0];
	int64_t ns;

	switch (v.kind) {
	case CEL_DURATION:
		return v;
	case CEL_INT:
		return value_duration(v.i);
	case CEL_STRING:
		return duration_parse(v.str, &ns, NULL)
			       ? no_conversion(c, "string", "google.protobuf.Duration")
			       : value_duration(ns);
	default:
		return value_no_signature(c);
	}
}

struct cel_value run_to_timestamp(struct call *c)
{
	struct cel_value v = c->args[0], t = value_of(CEL_TIMESTAMP);

	switch (v.kind) {
	case CEL_TIMESTAMP:
		return v;
	case CEL_INT:
		t.time.seconds = v.i;
		return time_in_range(v.i) ? t : value_error_text("timestamp overflow");
	case CEL_STRING:
		return read_time(v.str, &t)
			       ? t
			       : no_conversion(c, "string", "google.protobuf.Timestamp");
	default:
		return value_no_signature(c);
	}
}
