#include "go_text.h"
#include "yaml_scalar.h"

#include <kube/mem.h>
#include <math.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && is_digit(s.at[n]))
		n++;
	return n;
}

/* ---- words ---- */

static bool resolve_word(struct str text, struct yaml_scalar *s)
{
	static const struct {
		const char *words[5];
		struct yaml_scalar means;
	} known[] = {
		{{"y", "Y", "yes", "Yes", "YES"}, {.kind = YAML_KIND_BOOL, .truth = true}},
		{{"true", "True", "TRUE"}, {.kind = YAML_KIND_BOOL, .truth = true}},
		{{"on", "On", "ON"}, {.kind = YAML_KIND_BOOL, .truth = true}},
		{{"n", "N", "no", "No", "NO"}, {.kind = YAML_KIND_BOOL}},
		{{"false", "False", "FALSE"}, {.kind = YAML_KIND_BOOL}},
		{{"off", "Off", "OFF"}, {.kind = YAML_KIND_BOOL}},
		{{"", "~", "null", "Null", "NULL"}, {.kind = YAML_KIND_NULL}},
		{{".nan", ".NaN", ".NAN"}, {.kind = YAML_KIND_FLOAT, .real = (double)NAN}},
		{{".inf", ".Inf", ".INF"}, {.kind = YAML_KIND_FLOAT, .real = HUGE_VAL}},
		{{"+.inf", "+.Inf", "+.INF"}, {.kind = YAML_KIND_FLOAT, .real = HUGE_VAL}},
		{{"-.inf", "-.Inf", "-.INF"}, {.kind = YAML_KIND_FLOAT, .real = -HUGE_VAL}},
	};

	char first = text.len ? text.at[0] : '\0';
	if (text.len > 5)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		for (size_t j = 0; j < ARRAY_LEN(known[i].words) && known[i].words[j]; j++) {
			if (known[i].words[j][0] == first && str_eq_text(text, known[i].words[j])) {
				*s = known[i].means;
				return true;
			}
		}
	}
	return false;
}

/* ---- timestamps ---- */

/* One or two digits in [least, most]. */
static bool take_field(struct str *s, int least, int most, int *value)
{
	size_t n = MIN(count_digits(*s), (size_t)2);

	if (n == 0)
		return false;
	*value = n == 1 ? s->at[0] - '0' : (s->at[0] - '0') * 10 + (s->at[1] - '0');
	*s = str_skip(*s, n);
	return *value >= least && *value <= most;
}

static bool take_char(struct str *s, char c)
{
	if (s->len == 0 || s->at[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static bool take_date(struct str *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = 0, month, day;

	if (count_digits(*s) != 4)
		return false;
	for (int i = 0; i < 4; i++)
		year = year * 10 + (s->at[i] - '0');
	*s = str_skip(*s, 4);
	if (!take_char(s, '-') || !take_field(s, 1, 12, &month) || !take_char(s, '-') ||
		!take_field(s, 1, 31, &day))
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (month == 2 && leap);
}

static bool take_clock(struct str *s)
{
	int field;

	if (!take_field(s, 0, 23, &field) || !take_char(s, ':') || !take_field(s, 0, 59, &field) ||
		!take_char(s, ':') || !take_field(s, 0, 59, &field))
		return false;
	if (s->len >= 2 && (s->at[0] == '.' || s->at[0] == ',') && is_digit(s->at[1]))
		*s = str_skip(*s, 1 + count_digits(str_skip(*s, 1)));
	return true;
}

static bool take_zone(struct str *s)
{
	struct str hour = str_sub(*s, 1, 3), minute = str_sub(*s, 4, 6);
	int field;

	if (take_char(s, 'Z'))
		return true;
	if (s->len < 6 || (s->at[0] != '+' && s->at[0] != '-') || s->at[3] != ':' ||
		count_digits(hour) != 2 || count_digits(minute) != 2)
		return false;
	*s = str_skip(*s, 6);
	return take_field(&hour, 0, 24, &field) && take_field(&minute, 0, 60, &field);
}

/* The layouts that Go's yaml.v2 tries: date; date and clock; RFC 3339, with short fields. */
static bool is_timestamp(struct str s)
{
	if (!take_date(&s))
		return false;
	if (s.len == 0)
		return true;
	if (take_char(&s, 'T') || take_char(&s, 't'))
		return take_clock(&s) && take_zone(&s) && s.len == 0;
	if (s.at[0] != ' ')
		return false;
	while (take_char(&s, ' '))
		;
	return take_clock(&s) && s.len == 0;
}

/* ---- numbers ---- */

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct str s)
{
	s = str_skip(s, s.len && (s.at[0] == '-' || s.at[0] == '+'));
	size_t whole = count_digits(s), fraction = 0;
	s = str_skip(s, whole);
	if (take_char(&s, '.')) {
		fraction = count_digits(s);
		s = str_skip(s, fraction);
	}
	if (whole + fraction == 0)
		return false;
	if (take_char(&s, 'e') || take_char(&s, 'E')) {
		s = str_skip(s, s.len && (s.at[0] == '-' || s.at[0] == '+'));
		size_t digits = count_digits(s);
		s = str_skip(s, digits);
		return digits && s.len == 0;
	}
	return s.len == 0;
}

/* Go's "0b" may have its sign behind the prefix. */
static bool parse_odd_binary(struct str plain, int64_t *value)
{
	char text[72];

	if (plain.len < 4 || plain.len >= sizeof(text) || !str_starts(plain, STR("0b")) ||
		(plain.at[2] != '-' && plain.at[2] != '+'))
		return false;
	text[0] = plain.at[2];
	text[1] = '0';
	text[2] = 'b';
	memcpy(text + 3, plain.at + 3, plain.len - 3);
	return go_parse_int(str_make(text, plain.len), value) == GO_NUMBER_OK;
}

static bool resolve_number(struct str plain, struct yaml_scalar *s)
{
	if (go_parse_int(plain, &s->integer) == GO_NUMBER_OK ||
		parse_odd_binary(plain, &s->integer))
		s->kind = YAML_KIND_INT;
	else if (go_parse_uint(plain, &s->natural) == GO_NUMBER_OK)
		s->kind = YAML_KIND_UINT;
	else if (is_float(plain) && go_parse_float(plain, &s->real) == GO_NUMBER_OK)
		s->kind = YAML_KIND_FLOAT;
	else
		return false;
	return true;
}

/* Most strings that begin with a digit (addresses, image tags, sizes) end here. */
static bool may_be_number(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr("0123456789abcdefABCDEFxXoO_+-.", text.at[i]) || text.at[i] == '\0')
			return false;
	return true;
}

static bool resolve_digits(struct str text, struct yaml_scalar *s)
{
	char small[128];
	size_t len = 0;

	if (!may_be_number(text))
		return false;
	char *plain = text.len <= sizeof(small) ? small : mem_alloc(text.len);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '_')
			plain[len++] = text.at[i];
	bool number = resolve_number(str_make(plain, len), s);
	if (plain != small)
		mem_free(plain);
	return number;
}

struct yaml_scalar yaml_resolve(struct str text, bool timestamps)
{
	struct yaml_scalar s = {.kind = YAML_KIND_STRING};
	char first = text.len ? text.at[0] : '~';

	if (is_digit(first) || first == '-' || first == '+') {
		if (timestamps && is_timestamp(text))
			s.kind = YAML_KIND_TIMESTAMP;
		else if (!resolve_word(text, &s))
			resolve_digits(text, &s);
	} else if (first == '.') {
		if (!resolve_word(text, &s) && go_parse_float(text, &s.real) == GO_NUMBER_OK)
			s.kind = YAML_KIND_FLOAT;
	} else if (strchr("yYnNtTfFoO~", first) && first != '\0') {
		resolve_word(text, &s);
	}
	return s;
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? */
bool yaml_is_base60(struct str s)
{
	size_t fields = 0;

	s = str_skip(s, s.len && (s.at[0] == '-' || s.at[0] == '+'));
	if (s.len == 0 || !is_digit(s.at[0]))
		return false;
	while (s.len && (is_digit(s.at[0]) || s.at[0] == '_'))
		s = str_skip(s, 1);
	for (; take_char(&s, ':'); fields++) {
		size_t digits = count_digits(s);
		if (digits == 0 || digits > 2 || (digits == 2 && s.at[0] > '5'))
			return false;
		s = str_skip(s, digits);
	}
	if (take_char(&s, '.'))
		while (s.len && (is_digit(s.at[0]) || s.at[0] == '_'))
			s = str_skip(s, 1);
	return fields > 0 && s.len == 0;
}
