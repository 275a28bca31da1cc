/* Kubernetes quantities ("64Mi", "2k", "1e3", "500m"), whole numbers only. */
#include "flags_value.h"

#define QUANTITY_PATTERN "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"

struct quantity {
	bool negative;
	unsigned __int128 digits; /* the number without its point */
	int fraction;             /* digits behind the point */
	bool huge;                /* more digits than any int64 has */
	int ten, two;             /* what the suffix multiplies with: 10^ten * 2^two */
};

/* More significant digits than this cannot be a whole int64, whatever the suffix. */
#define MOST_DIGITS 30

static bool take_digits(struct str *s, struct quantity *q, bool fraction, int *pending_zeros)
{
	size_t count = 0;

	for (; count < s->len && s->at[count] >= '0' && s->at[count] <= '9'; count++) {
		unsigned digit = (unsigned)(s->at[count] - '0');
		/* Zeros at the end of a fraction say nothing: they wait until a digit follows. */
		if (fraction && digit == 0) {
			++*pending_zeros;
			continue;
		}
		for (int zeros = fraction ? *pending_zeros : 0; zeros >= 0 && !q->huge; zeros--) {
			q->digits = q->digits * 10 + (zeros == 0 ? digit : 0);
			q->fraction += fraction;
			unsigned __int128 limit = 1;
			for (int i = 0; i < MOST_DIGITS; i++)
				limit *= 10;
			q->huge = q->digits >= limit || q->fraction > MOST_DIGITS;
		}
		*pending_zeros = 0;
	}
	*s = str_skip(*s, count);
	return count > 0;
}

static bool parse_exponent(struct str suffix, int *ten)
{
	int64_t value;

	if (suffix.len < 2 || (suffix.at[0] != 'e' && suffix.at[0] != 'E') ||
		!str_to_i64(str_skip(suffix, 1), &value))
		return false;
	*ten = (int)MAX(MIN(value, (int64_t)1000), (int64_t)-1000);
	return true;
}

static bool parse_suffix(struct str suffix, struct quantity *q)
{
	static const struct {
		const char *text;
		int ten, two;
	} known[] = {
		{"", 0, 0},
		{"n", -9, 0},
		{"u", -6, 0},
		{"m", -3, 0},
		{"k", 3, 0},
		{"M", 6, 0},
		{"G", 9, 0},
		{"T", 12, 0},
		{"P", 15, 0},
		{"E", 18, 0},
		{"Ki", 0, 10},
		{"Mi", 0, 20},
		{"Gi", 0, 30},
		{"Ti", 0, 40},
		{"Pi", 0, 50},
		{"Ei", 0, 60},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (str_eq_text(suffix, known[i].text)) {
			q->ten = known[i].ten;
			q->two = known[i].two;
			return true;
		}
	}
	return parse_exponent(suffix, &q->ten);
}

/* digits * 10^(ten - fraction) * 2^two, exactly, as an int64. */
static int quantity_compute(const struct quantity *q, int64_t *value, struct err *err)
{
	const unsigned __int128 top = (unsigned __int128)INT64_MAX + (q->negative ? 1 : 0);
	unsigned __int128 sum = q->digits;
	int ten = q->ten - q->fraction, two = q->two;

	if (sum == 0 && !q->huge) {
		*value = 0;
		return 0;
	}
	/* A power of two can make a fraction whole: 0.5Ki. Fives below, so twos cancel first. */
	for (; ten < 0 && !q->huge; ten++) {
		if (sum % 5)
			return err_set(err, ERR_USAGE, "quantity must be a whole number");
		sum /= 5;
		two--;
	}
	for (; two < 0 && !q->huge; two++) {
		if (sum % 2)
			return err_set(err, ERR_USAGE, "quantity must be a whole number");
		sum /= 2;
	}
	for (; ten > 0 && sum <= top; ten--)
		sum *= 10;
	for (; two > 0 && sum <= top; two--)
		sum *= 2;
	if (q->huge || sum > top)
		return err_set(err, ERR_USAGE, "quantity is out of range");
	*value = q->negative ? (int64_t)(0 - (uint64_t)sum) : (int64_t)sum;
	return 0;
}

int quantity_parse_whole(struct str text, int64_t *value, struct err *err)
{
	struct quantity q = {0};
	struct str s = text;
	int zeros = 0;

	if (s.len && (s.at[0] == '+' || s.at[0] == '-')) {
		q.negative = s.at[0] == '-';
		s = str_skip(s, 1);
	}
	bool some = take_digits(&s, &q, false, &zeros);
	if (s.len && s.at[0] == '.') {
		s = str_skip(s, 1);
		some |= take_digits(&s, &q, true, &zeros);
	}
	if (!some)
		return err_set(err, ERR_USAGE, "quantities must match the regular expression '%s'",
			QUANTITY_PATTERN);
	if (!parse_suffix(s, &q))
		return err_set(err, ERR_USAGE, "unable to parse quantity's suffix");
	return quantity_compute(&q, value, err);
}
