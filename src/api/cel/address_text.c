/* What Go's netip says of texts that are no address. */
#include "address_text.h"

#include <string.h>

struct fault {
	const char *what;
	struct str at;
};

static bool say(struct fault *f, const char *what, struct str at)
{
	*f = (struct fault){what, at};
	return false;
}

static bool check_v4(struct str s, struct fault *f)
{
	int value = 0, digits = 0, dots = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c >= '0' && c <= '9') {
			if (digits == 1 && value == 0)
				return say(f, "IPv4 field has octet with leading zero", STR(""));
			value = value * 10 + (c - '0');
			digits++;
			if (value > 255)
				return say(f, "IPv4 field has value >255", STR(""));
		} else if (c == '.') {
			if (i == 0 || i == s.len - 1 || s.at[i - 1] == '.')
				return say(f, "IPv4 field must have at least one digit",
					str_skip(s, i));
			if (dots++ == 3)
				return say(f, "IPv4 address too long", STR(""));
			value = digits = 0;
		} else
			return say(f, "unexpected character", str_skip(s, i));
	}
	return dots < 3 ? say(f, "IPv4 address too short", STR("")) : true;
}

static size_t hex_digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && strchr("0123456789abcdefABCDEF", s.at[n]))
		n++;
	return n;
}

/* What stands behind a group: ':' or the end. -1: a fault, 0: the end, 1: go on. */
static int next_group(struct str *s, int i, int *gap, struct fault *f)
{
	if (!s->len)
		return 0;
	if (s->at[0] != ':') {
		say(f, "unexpected character, want colon", *s);
		return -1;
	}
	if (s->len == 1) {
		say(f, "colon must be followed by more characters", *s);
		return -1;
	}
	*s = str_skip(*s, 1);
	if (s->at[0] != ':')
		return 1;
	if (*gap >= 0) {
		say(f, "multiple :: in address", *s);
		return -1;
	}
	*gap = i;
	*s = str_skip(*s, 1);
	return s->len ? 1 : 0;
}

static bool check_v6(struct str s, struct fault *f)
{
	int gap = -1, i = 0, go = 1;

	if (str_starts(s, STR("::"))) {
		gap = 0;
		s = str_skip(s, 2);
		if (!s.len)
			return true;
	}
	while (i < 16 && go > 0) {
		size_t n = hex_digits(s);
		if (n > 4)
			return say(f, "each group must have 4 or less digits", s);
		if (!n)
			return say(f, "each colon-separated field must have at least one digit", s);
		if (n < s.len && s.at[n] == '.') {
			if (gap < 0 && i != 12)
				return say(f,
					"embedded IPv4 address must replace the final 2 fields of "
					"the address",
					s);
			if (i + 4 > 16)
				return say(f,
					"too many hex fields to fit an embedded IPv4 at the end of "
					"the address",
					s);
			if (!check_v4(s, f))
				return false;
			s = STR("");
			i += 4;
			break;
		}
		i += 2;
		s = str_skip(s, n);
		go = next_group(&s, i, &gap, f);
		if (go < 0)
			return false;
	}
	if (s.len)
		return say(f, "trailing garbage after address", s);
	if (i < 16)
		return gap < 0 ? say(f, "address string too short", STR("")) : true;
	return gap >= 0 ? say(f, "the :: must expand to at least one field of zeros", STR(""))
			: true;
}

/* Go's ParseAddr. A zone is cut off; false: *f. */
static bool check_address(struct str s, struct str *bare, bool *zoned, struct fault *f)
{
	struct str zone;

	*bare = s;
	*zoned = false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '.')
			return check_v4(s, f);
		if (s.at[i] == '%')
			return say(f, "missing IPv6 address", STR(""));
		if (s.at[i] != ':')
			continue;
		*zoned = str_cut(s, '%', bare, &zone);
		if (*zoned && !zone.len)
			return say(f, "zone must be a non-empty string", STR(""));
		return check_v6(*bare, f);
	}
	return say(f, "unable to parse IP", STR(""));
}

static struct str fault_text(struct arena *a, struct str text, const struct fault *f)
{
	if (!f->at.len)
		return arena_print(a, "ParseAddr(\"%.*s\"): %s", STRF(text), f->what);
	return arena_print(
		a, "ParseAddr(\"%.*s\"): %s (at \"%.*s\")", STRF(text), f->what, STRF(f->at));
}

bool address_read(struct arena *a, struct str s, struct ip *ip, bool *zoned, struct str *why)
{
	struct fault f = {.what = "unable to parse IP"};
	struct str bare;

	if (check_address(s, &bare, zoned, &f) && ip_parse(bare, ip))
		return true;
	*why = fault_text(a, s, &f);
	return false;
}
