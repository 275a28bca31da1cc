#include "ip_rules.h"

/* ---- reading ---- */

/* The text without zeros in front of its decimal parts; false when it had none. */
static bool without_zeros(struct str text, struct buf *out)
{
	bool dropped = false;

	for (size_t i = 0; i < text.len; i++) {
		bool begins = i == 0 || text.at[i - 1] == '.' || text.at[i - 1] == ':';
		bool digit_follows =
			i + 1 < text.len && text.at[i + 1] >= '0' && text.at[i + 1] <= '9';

		if (begins && text.at[i] == '0' && digit_follows) {
			dropped = true;
			while (i + 1 < text.len && text.at[i] == '0' && text.at[i + 1] >= '0' &&
				text.at[i + 1] <= '9')
				i++;
		}
		buf_add_char(out, text.at[i]);
	}
	return dropped;
}

static bool only_zeros_wrong(struct str text, struct ip *ip)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(256);

	return text.len < 64 && str_find_char(text, '.') >= 0 && without_zeros(text, &plain) &&
	       ip_parse(buf_str(&plain), ip);
}

bool ip_parse_loosely(struct str text, struct ip *ip)
{
	return ip_parse(text, ip) || only_zeros_wrong(text, ip);
}

static bool is_mapped(struct str text, const struct ip *ip)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return str_find_char(text, ':') >= 0 &&
	       (ip->len == 4 || memcmp(ip->bytes, prefix, sizeof(prefix)) == 0);
}

/* ---- addresses ---- */

bool check_ip(struct field_errors *e, const struct path *p, struct str text, struct ip *ip)
{
	if (!ip_parse(text, ip)) {
		if (only_zeros_wrong(text, ip))
			field_invalid_str(e, p, text, "must not have leading 0s");
		else
			field_invalid_str(e, p, text,
				"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
		return false;
	}
	if (is_mapped(text, ip)) {
		field_invalid_str(e, p, text, "must not be an IPv4-mapped IPv6 address");
		return false;
	}
	return true;
}

bool check_ip_canonical(struct field_errors *e, const struct path *p, struct str text)
{
	_cleanup_(buf_done) struct buf canonical = BUF_INIT(64);
	struct ip ip;

	if (!check_ip(e, p, text, &ip))
		return false;
	ip_print(&canonical, &ip);
	if (str_eq(buf_str(&canonical), text))
		return true;
	field_invalid_str(
		e, p, text, "must be in canonical form (\"%.*s\")", STRF(buf_str(&canonical)));
	return false;
}

static bool is_link_local(const struct ip *ip)
{
	if (ip->len == 4)
		return ip->bytes[0] == 169 && ip->bytes[1] == 254;
	return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

static bool is_link_local_multicast(const struct ip *ip)
{
	if (ip->len == 4)
		return ip->bytes[0] == 224 && ip->bytes[1] == 0 && ip->bytes[2] == 0;
	return ip->bytes[0] == 0xff && (ip->bytes[1] & 0x0f) == 0x02;
}

void check_ip_ordinary(
	struct field_errors *e, const struct path *p, struct str text, const struct ip *ip)
{
	if (ip_is_unspecified(ip))
		field_invalid_str(e, p, text, "may not be unspecified (%.*s)", STRF(text));
	if (ip_is_loopback(ip))
		field_invalid_str(
			e, p, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (is_link_local(ip))
		field_invalid_str(e, p, text,
			"may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	if (is_link_local_multicast(ip))
		field_invalid_str(e, p, text,
			"may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

/* ---- ranges ---- */

static bool has_host_bits(const struct cidr *c)
{
	for (unsigned bit = c->bits; bit < c->ip.len * 8u; bit++)
		if (c->ip.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

bool check_cidr(struct field_errors *e, const struct path *p, struct str text, struct cidr *cidr)
{
	struct str address, bits;

	if (!cidr_parse(text, cidr)) {
		str_cut(text, '/', &address, &bits);
		if (bits.len && only_zeros_wrong(address, &cidr->ip))
			field_invalid_str(e, p, text, "must not have leading 0s in IP");
		else
			field_invalid_str(e, p, text,
				"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
		return false;
	}
	if (has_host_bits(cidr)) {
		field_invalid_str(e, p, text, "must not have bits set beyond the prefix length");
		return false;
	}
	return true;
}

bool check_cidr_canonical(
	struct field_errors *e, const struct path *p, struct str text, struct cidr *cidr)
{
	_cleanup_(buf_done) struct buf canonical = BUF_INIT(64);

	if (!check_cidr(e, p, text, cidr))
		return false;
	cidr_print(&canonical, cidr);
	if (str_eq(buf_str(&canonical), text))
		return true;
	field_invalid_str(
		e, p, text, "must be in canonical form (\"%.*s\")", STRF(buf_str(&canonical)));
	return false;
}
