/* Which formats there are. Upstream looks them up without hyphens: "date-time" is "datetime". */
#include "formats.h"

#include "ip_rules.h"
#include "value.h"

#include <kube/ip.h>
#include <kube/names.h>

static bool anything(struct str s)
{
	(void)s;
	return true;
}

static bool all_hex(struct str s, size_t len)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_hex(s.at[i]))
			return false;
	return s.len == len;
}

static bool object_id(struct str s)
{
	return all_hex(s, 24);
}

/* ---- addresses ---- */

static bool ipv4(struct str s)
{
	struct ip ip;

	return str_find_char(s, '.') >= 0 && ip_parse_loosely(s, &ip);
}

static bool ipv6(struct str s)
{
	struct ip ip;

	return str_find_char(s, ':') >= 0 && ip_parse(s, &ip);
}

static bool cidr(struct str s)
{
	struct str address, bits;
	struct ip ip;
	uint64_t prefix;

	if (!str_cut(s, '/', &address, &bits) || !ip_parse_loosely(address, &ip) ||
		!str_to_u64(bits, &prefix))
		return false;
	for (size_t i = 0; i < bits.len; i++)
		if (!is_digit(bits.at[i]))
			return false;
	return prefix <= (str_find_char(address, ':') >= 0 ? 128 : 32);
}

/* Pairs by ':' or '-', or fours by '.': 6, 8 or 20 bytes. */
static bool mac(struct str s)
{
	size_t step = s.len > 4 && s.at[4] == '.' ? 4 : 2, bytes = 0;
	char mark = s.len > step ? s.at[step] : 0;

	if (step == 2 && mark != ':' && mark != '-')
		return false;
	for (size_t i = 0; i < s.len; i += step + 1) {
		if (!all_hex(str_sub(s, i, i + step), step) ||
			(i + step < s.len && s.at[i + step] != mark))
			return false;
		if (i + step + 1 == s.len)
			return false;
		bytes += step / 2;
	}
	return bytes == 6 || bytes == 8 || bytes == 20;
}

/* ---- identifiers ---- */

/* 8-4-4-4-12, each hyphen may be missing; the digits at 12 and 16 may be prescribed. */
static bool uuid_of(struct str s, char version, bool variant)
{
	static const uint8_t ends[] = {8, 12, 16, 20};
	char digits[32];
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++) {
		bool may_hyphen = false;

		for (size_t k = 0; k < ARRAY_LEN(ends); k++)
			may_hyphen |= count == ends[k] && i > 0 && s.at[i - 1] != '-';
		if (s.at[i] == '-' && may_hyphen)
			continue;
		if (!is_hex(s.at[i]) || count == sizeof(digits))
			return false;
		digits[count++] = s.at[i];
	}
	return count == sizeof(digits) && (!version || digits[12] == version) &&
	       (!variant || strchr("89abAB", digits[16]));
}

static bool uuid(struct str s)
{
	return uuid_of(s, 0, false);
}

static bool uuid3(struct str s)
{
	return uuid_of(s, '3', false);
}

static bool uuid4(struct str s)
{
	return uuid_of(s, '4', true);
}

static bool uuid5(struct str s)
{
	return uuid_of(s, '5', true);
}

static bool base64(struct str s)
{
	size_t padding = 0;

	if (!s.len || s.len % 4)
		return false;
	while (padding < 2 && s.at[s.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < s.len - padding; i++)
		if (!is_letter(s.at[i]) && !is_digit(s.at[i]) && s.at[i] != '+' && s.at[i] != '/')
			return false;
	return true;
}

/* ---- names ---- */

static bool named(struct str s, name_check_fn *check)
{
	struct name_faults f = {0};

	check(s, &f);
	return !f.count;
}

static bool short_name(struct str s)
{
	return named(s, name_check_dns_label);
}

static bool long_name(struct str s)
{
	return named(s, name_check_dns_subdomain);
}

/* ---- the table ---- */

static const struct {
	const char *name;
	format_fn *fits; /* NULL: of numbers */
} formats[] = {{"bsonobjectid", object_id}, {"uri", format_uri}, {"email", format_email},
	{"hostname", format_hostname}, {"ipv4", ipv4}, {"ipv6", ipv6}, {"cidr", cidr}, {"mac", mac},
	{"uuid", uuid}, {"uuid3", uuid3}, {"uuid4", uuid4}, {"uuid5", uuid5}, {"isbn", format_isbn},
	{"isbn10", format_isbn10}, {"isbn13", format_isbn13}, {"creditcard", format_credit_card},
	{"ssn", format_ssn}, {"hexcolor", format_hex_color}, {"rgbcolor", format_rgb_color},
	{"byte", base64}, {"password", anything}, {"date", format_date},
	{"duration", format_duration}, {"datetime", format_date_time}, {"k8sshortname", short_name},
	{"k8slongname", long_name}, {"int32", NULL}, {"int64", NULL}, {"uint32", NULL},
	{"uint64", NULL}, {"float", NULL}, {"double", NULL}, {"float32", NULL}, {"float64", NULL}};

/* The index, or -1. */
static int find(struct str format)
{
	char plain[16];
	size_t len = 0;

	for (size_t i = 0; i < format.len; i++) {
		if (format.at[i] == '-')
			continue;
		if (len == sizeof(plain))
			return -1;
		plain[len++] = format.at[i];
	}
	for (size_t i = 0; len && i < ARRAY_LEN(formats); i++)
		if (str_eq_text(str_make(plain, len), formats[i].name))
			return (int)i;
	return -1;
}

bool format_is_known(struct str format)
{
	return find(format) >= 0;
}

bool format_is_checked(struct str format)
{
	int i = find(format);

	return i >= 0 && formats[i].fits;
}

bool format_fits(struct str format, struct str text)
{
	int i = find(format);

	return i < 0 || !formats[i].fits || formats[i].fits(text);
}
