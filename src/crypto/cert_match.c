/* Is this certificate for that host? Go's rules, and mostly its words. */
#include "cert_private.h"

#include <ctype.h>

#define HOST_MAX  255
#define NAMES_LEN 500 /* of the names an error lists: the sentence goes on behind them */

static bool host_char(char c, bool first)
{
	return isalnum((unsigned char)c) || c == '_' || (c == '-' && !first);
}

/* "a.b.c" of letters, digits, '-' and '_'; patterns may begin with a label "*". */
static bool is_hostname(struct str host, bool is_pattern)
{
	struct str label;
	bool first = true;
	if (!is_pattern && str_ends(host, STR(".")))
		host.len--;
	if (host.len == 0 || str_eq(host, STR("*")))
		return false;
	while (str_next(&host, '.', &label)) {
		bool wildcard = is_pattern && first && str_eq(label, STR("*"));
		first = false;
		if (label.len == 0)
			return false;
		for (size_t i = 0; i < label.len && !wildcard; i++)
			if (!host_char(label.at[i], i == 0))
				return false;
	}
	return true;
}

/* A wildcard stands for exactly one label, the left-most. */
static bool pattern_matches(struct str pattern, struct str host)
{
	if (str_ends(host, STR(".")))
		host.len--;
	if (host.len == 0)
		return false;
	if (str_starts(pattern, STR("*."))) {
		ssize_t dot = str_find_char(host, '.');
		return dot > 0 && str_eq_nocase(str_skip(pattern, 1), str_skip(host, (size_t)dot));
	}
	return str_eq_nocase(pattern, host);
}

static bool name_matches(struct str san, struct str host, bool valid_host)
{
	if (valid_host && is_hostname(san, true))
		return pattern_matches(san, host);
	/* Names that are no host names match only literally: single-label oddities in tests. */
	return san.len && host.len && !str_eq(san, STR(".")) && str_eq_nocase(san, host);
}

/* ::ffff:1.2.3.4 and 1.2.3.4 are one address. */
static struct ip unmapped(const struct ip *ip)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct ip v4 = {.len = 4};
	if (ip->len != 16 || memcmp(ip->bytes, prefix, sizeof(prefix)) != 0)
		return *ip;
	memcpy(v4.bytes, ip->bytes + 12, 4);
	return v4;
}

static bool has_ip(const struct cert_info *info, const struct ip *wanted)
{
	struct ip plain = unmapped(wanted);
	for (size_t i = 0; i < info->ip_count; i++) {
		struct ip san = unmapped(&info->ips[i]);
		if (ip_eq(&san, &plain))
			return true;
	}
	return false;
}

static bool has_name(const struct cert_info *info, struct str host)
{
	bool valid = is_hostname(host, false);
	for (size_t i = 0; i < info->dns_count; i++)
		if (name_matches(info->dns[i], host, valid))
			return true;
	return false;
}

static int refuse(const struct cert *cert, struct str host, bool is_ip, struct err *err)
{
	const struct cert_info *info = &cert->info;
	size_t count = info->dns_count + info->ip_count;
	if (!is_ip && !cert->has_san && is_hostname(host, false) &&
		is_hostname(info->subject.common_name, true) &&
		pattern_matches(info->subject.common_name, host))
		return err_set(err, ERR_CERTIFICATE,
			"certificate relies on legacy Common Name field, use SANs instead");
	if (is_ip && info->ip_count == 0)
		return err_set(err, ERR_CERTIFICATE,
			"cannot validate certificate for %.*s because it doesn't contain any IP "
			"SANs",
			STRF(host));
	if (count == 0)
		return err_set(err, ERR_CERTIFICATE,
			"certificate is not valid for any names, but wanted to match %.*s",
			STRF(host));

	_cleanup_(buf_done) struct buf names = BUF_INIT(NAMES_LEN);
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_text(&names, ", ");
		if (i < info->dns_count)
			buf_add_str(&names, info->dns[i]);
		else
			ip_print(&names, &info->ips[i - info->dns_count]);
	}
	if (buf_over(&names))
		return err_set(err, ERR_CERTIFICATE,
			"certificate is valid for %zu names, but none matched %.*s", count,
			STRF(host));
	return err_set(err, ERR_CERTIFICATE, "certificate is valid for %.*s, not %.*s",
		STRF(buf_str(&names)), STRF(host));
}

int cert_matches_host(const struct cert *cert, struct str host, struct err *err)
{
	struct ip ip;
	struct str literal = host;
	if (host.len == 0 || host.len > HOST_MAX)
		return err_set(err, ERR_CERTIFICATE, "a host name of %zu bytes", host.len);
	if (host.len > 2 && host.at[0] == '[' && str_ends(host, STR("]")))
		literal = str_sub(host, 1, host.len - 1);
	bool is_ip = ip_parse(literal, &ip);
	if (is_ip ? has_ip(&cert->info, &ip) : has_name(&cert->info, host))
		return 0;
	return refuse(cert, host, is_ip, err);
}
