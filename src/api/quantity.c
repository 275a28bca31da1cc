#include <kube/quantity.h>

/*
 * A number is digits, a power of ten (or two) behind it and the family of suffixes it is written
 * in. Everything is kept in units of 10^-9; what is finer is rounded up, as upstream does.
 */

#define NANO ((__int128)1000000000)

static const char unknown_suffix[] = "unable to parse quantity's suffix";
static const char malformed[] = "quantities must match the regular expression "
				"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/* ---- reading ---- */

struct suffix {
	const char *text;
	int8_t ten, two; /* exponents */
	uint8_t format;
};

static const struct suffix suffixes[] = {
	{"", 0, 0, QUANTITY_DECIMAL_SI},
	{"n", -9, 0, QUANTITY_DECIMAL_SI},
	{"u", -6, 0, QUANTITY_DECIMAL_SI},
	{"m", -3, 0, QUANTITY_DECIMAL_SI},
	{"k", 3, 0, QUANTITY_DECIMAL_SI},
	{"M", 6, 0, QUANTITY_DECIMAL_SI},
	{"G", 9, 0, QUANTITY_DECIMAL_SI},
	{"T", 12, 0, QUANTITY_DECIMAL_SI},
	{"P", 15, 0, QUANTITY_DECIMAL_SI},
	{"E", 18, 0, QUANTITY_DECIMAL_SI},
	{"Ki", 0, 10, QUANTITY_BINARY_SI},
	{"Mi", 0, 20, QUANTITY_BINARY_SI},
	{"Gi", 0, 30, QUANTITY_BINARY_SI},
	{"Ti", 0, 40, QUANTITY_BINARY_SI},
	{"Pi", 0, 50, QUANTITY_BINARY_SI},
	{"Ei", 0, 60, QUANTITY_BINARY_SI},
};

static bool read_suffix(struct str text, int *ten, int *two, enum quantity_format *format)
{
	int64_t exponent;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (str_eq_text(text, suffixes[i].text)) {
			*ten = suffixes[i].ten;
			*two = suffixes[i].two;
			*format = suffixes[i].format;
			return true;
		}
	if (text.len < 2 || (text.at[0] != 'e' && text.at[0] != 'E') ||
		!str_to_i64(str_skip(text, 1), &exponent) || exponent > 1000 || exponent < -1000)
		return false;
	*ten = (int)exponent;
	*two = 0;
	*format = QUANTITY_DECIMAL_EXPONENT;
	return true;
}

/* Nothing is larger than 2^63-1 units: upstream caps there. */
#define CAP ((__int128)INT64_MAX * NANO)

static bool shift(__int128 *value, int ten, bool *rest)
{
	for (; ten > 0; ten--) {
		if (*value > CAP)
			return true;
		*value *= 10;
	}
	for (; ten < 0; ten++) {
		*rest |= *value % 10 != 0;
		*value /= 10;
	}
	return false;
}

/* Letters of suffixes and a whole number: the form is right, though there may be no such suffix. */
static bool has_suffix_form(struct str s)
{
	size_t i = 0;

	while (i < s.len && strchr("eEinumkKMGTP", s.at[i]))
		i++;
	if (i < s.len && (s.at[i] == '-' || s.at[i] == '+'))
		i++;
	while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
		i++;
	return i == s.len;
}

int quantity_parse(struct str text, struct quantity *q, struct err *err)
{
	struct str rest = text;
	bool negative = false, left_over = false;
	int ten = 0, two = 0, digits = 0, points = 0;
	__int128 value = 0;

	if (rest.len && (rest.at[0] == '+' || rest.at[0] == '-')) {
		negative = rest.at[0] == '-';
		rest = str_skip(rest, 1);
	}
	int behind = 0;
	while (rest.len && ((rest.at[0] >= '0' && rest.at[0] <= '9') || rest.at[0] == '.')) {
		if (rest.at[0] == '.') {
			points++;
		} else {
			digits++;
			if (value <= CAP * 10) {
				value = value * 10 + (rest.at[0] - '0');
				behind += points;
			} else {
				left_over |= rest.at[0] != '0' && points > 0;
				ten += points ? 0 : 1;
			}
		}
		rest = str_skip(rest, 1);
	}
	int suffix_ten;
	if (!digits || points > 1 || !read_suffix(rest, &suffix_ten, &two, &q->format))
		return err_set(err, ERR_BAD_REQUEST, "%s",
			digits && points <= 1 && has_suffix_form(rest) ? unknown_suffix
								       : malformed);
	for (; two > 0 && value <= CAP; two--)
		value *= 2;
	shift(&value, ten + suffix_ten + 9 - behind, &left_over);
	if (value > CAP || two > 0)
		value = CAP;
	if (left_over && value < CAP)
		value++;
	q->nano = negative ? -value : value;
	return 0;
}

/* ---- printing ---- */

static struct str print_signed(struct arena *a, bool negative, __int128 value, const char *suffix)
{
	char digits[48];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + (int)(value % 10));
		value /= 10;
	} while (value);
	return arena_print(a, "%s%.*s%s", negative ? "-" : "", (int)(sizeof(digits) - at),
		digits + at, suffix);
}

static struct str print_binary(struct arena *a, bool negative, __int128 units)
{
	static const char *const names[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
	size_t i = 0;

	while (i + 1 < sizeof(names) / sizeof(names[0]) && units && units % 1024 == 0) {
		units /= 1024;
		i++;
	}
	return print_signed(a, negative, units, names[i]);
}

static struct str print_decimal(struct arena *a, bool negative, __int128 nano, bool exponent)
{
	static const char *const si[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
	static const char *const e[] = {
		"e-9", "e-6", "e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"};
	size_t i = 0;

	if (!nano)
		return STR("0");
	while (i + 1 < sizeof(si) / sizeof(si[0]) && nano % 1000 == 0) {
		nano /= 1000;
		i++;
	}
	return print_signed(a, negative, nano, exponent ? e[i] : si[i]);
}

struct str quantity_print(struct arena *a, struct quantity q)
{
	bool negative = q.nano < 0;
	__int128 size = negative ? -q.nano : q.nano;

	/* binary suffixes only say whole numbers of some size */
	if (q.format == QUANTITY_BINARY_SI && size % NANO == 0 && size / NANO >= 1024)
		return print_binary(a, negative, size / NANO);
	if (q.format == QUANTITY_BINARY_SI && size % NANO == 0)
		return print_signed(a, negative, size / NANO, "");
	return print_decimal(a, negative, size, q.format == QUANTITY_DECIMAL_EXPONENT);
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return true;
}

/* Without what says nothing: a plus, zeros in front, an exponent of 0. */
static struct str plain(struct str text)
{
	if (text.len && text.at[0] == '+')
		text = str_skip(text, 1);
	while (text.len > 1 && text.at[0] == '0' && text.at[1] >= '0' && text.at[1] <= '9')
		text = str_skip(text, 1);
	if (str_ends(text, STR("e0")) || str_ends(text, STR("E0")))
		text.len -= 2;
	return text;
}

int quantity_canonical(struct arena *a, struct str text, struct str *canonical, struct err *err)
{
	struct quantity q;
	int code = quantity_parse(text, &q, err);

	if (code)
		return code;
	*canonical = quantity_print(a, q);
	if (quantity_is_capped(q) && q.format == QUANTITY_DECIMAL_SI && is_plain(text))
		*canonical = text;
	/* upstream keeps the text it read where the number itself had not to change */
	if (str_eq(plain(text), *canonical))
		*canonical = text;
	return 0;
}

/* ---- arithmetic ---- */

int quantity_cmp(struct quantity a, struct quantity b)
{
	return (a.nano > b.nano) - (a.nano < b.nano);
}

static __int128 capped(__int128 value)
{
	return value > CAP ? CAP : value < -CAP ? -CAP : value;
}

struct quantity quantity_add(struct quantity a, struct quantity b)
{
	return (struct quantity){
		.nano = capped(a.nano + b.nano), .format = a.nano ? a.format : b.format};
}

struct quantity quantity_sub(struct quantity a, struct quantity b)
{
	return (struct quantity){
		.nano = capped(a.nano - b.nano), .format = a.nano ? a.format : b.format};
}

static int64_t scaled(__int128 nano, __int128 unit)
{
	__int128 value = nano / unit;

	if (nano % unit > 0)
		value++;
	return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

int64_t quantity_value(struct quantity q)
{
	return scaled(q.nano, NANO);
}

int64_t quantity_milli(struct quantity q)
{
	return scaled(q.nano, NANO / 1000);
}

struct quantity quantity_from_int(int64_t value, enum quantity_format format)
{
	return (struct quantity){.nano = (__int128)value * NANO, .format = format};
}

bool quantity_round_milli(struct quantity *q)
{
	__int128 milli = NANO / 1000, rest = q->nano % milli;

	if (!rest)
		return false;
	q->nano += rest > 0 ? milli - rest : -milli - rest;
	return true;
}

bool quantity_is_capped(struct quantity q)
{
	return q.nano >= CAP || q.nano <= -CAP;
}

int quantity_sign(struct quantity q)
{
	return (q.nano > 0) - (q.nano < 0);
}

bool quantity_is_whole(struct quantity q)
{
	return q.nano % NANO == 0;
}
