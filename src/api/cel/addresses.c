/* Addresses and networks. */
#include "functions.h"

#include "address_text.h"
#include "opaque.h"

#include <kube/ip.h>

static bool is_mapped(const struct ip *ip)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return ip->len == 16 && memcmp(ip->bytes, prefix, sizeof(prefix)) == 0;
}

/* false: *error. */
static bool read_ip(struct call *c, struct str text, struct ip *ip, struct cel_value *error)
{
	struct str why;
	bool zoned;

	if (!address_read(c->arena, text, ip, &zoned, &why)) {
		*error = cel_error(c->arena,
			"IP Address \"%.*s\" parse error during conversion from string: %.*s",
			STRF(text), STRF(why));
		return false;
	}
	if (zoned || is_mapped(ip)) {
		*error = cel_error(c->arena,
			zoned ? "IP address \"%.*s\" with zone value is not allowed"
			      : "IPv4-mapped IPv6 address \"%.*s\" is not allowed",
			STRF(text));
		return false;
	}
	return true;
}

static struct cel_value bad_network(struct call *c, struct str text, struct str why)
{
	return cel_error(c->arena,
		"network address parse error during conversion from string: network address parse "
		"error during conversion from string: netip.ParsePrefix(\"%.*s\"): %.*s",
		STRF(text), STRF(why));
}

static bool read_cidr(struct call *c, struct str text, struct cidr *cidr, struct cel_value *error)
{
	struct str address, bits, why;
	uint64_t length;
	bool zoned;

	if (!str_cut_last(text, '/', &address, &bits)) {
		*error = bad_network(c, text, STR("no '/'"));
		return false;
	}
	if (!address_read(c->arena, address, &cidr->ip, &zoned, &why)) {
		*error = bad_network(c, text, why);
		return false;
	}
	if (zoned) {
		*error = bad_network(c, text, STR("IPv6 zones cannot be present in a prefix"));
		return false;
	}
	if (!str_to_u64(bits, &length) || (bits.len > 1 && bits.at[0] == '0') || bits.len > 3) {
		*error = bad_network(c, text,
			arena_print(c->arena, "bad bits after slash: \"%.*s\"", STRF(bits)));
		return false;
	}
	if (length > cidr->ip.len * 8U) {
		*error = bad_network(c, text, STR("prefix length out of range"));
		return false;
	}
	if (is_mapped(&cidr->ip)) {
		*error = cel_error(c->arena,
			"network address parse error during conversion from string: IPv4-mapped "
			"IPv6 address \"%.*s\" is not allowed",
			STRF(text));
		return false;
	}
	cidr->bits = (uint8_t)length;
	return true;
}

static struct cel_value value_ip(struct arena *a, struct ip ip)
{
	return value_opaque(&cel_ip_type, arena_copy(a, &ip, sizeof(ip)));
}

uint64_t address_size(struct cel_value v)
{
	return v.type == &cel_ip_type ? ((const struct ip *)v.opaque)->len
				      : (((const struct cidr *)v.opaque)->bits + 7U) / 8;
}

/* ---- ip ---- */

struct cel_value run_ip(struct call *c)
{
	struct cel_value error;
	struct ip ip;

	if (arg_is_opaque(c, 0, &cel_cidr_type))
		return value_ip(c->arena, ((const struct cidr *)c->args[0].opaque)->ip);
	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	return read_ip(c, ARG_STR(c, 0), &ip, &error) ? value_ip(c->arena, ip) : error;
}

struct cel_value run_is_ip(struct call *c)
{
	struct cel_value error;
	struct ip ip;

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	return cel_truth(read_ip(c, ARG_STR(c, 0), &ip, &error));
}

struct cel_value run_ip_is_canonical(struct call *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64);
	struct cel_value error;
	struct ip ip;

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	if (!read_ip(c, ARG_STR(c, 0), &ip, &error))
		return error;
	ip_print(&out, &ip);
	return cel_truth(str_eq(buf_str(&out), ARG_STR(c, 0)));
}

static bool is_multicast(const struct ip *ip)
{
	return ip->len == 4 ? (ip->bytes[0] & 0xf0) == 0xe0 : ip->bytes[0] == 0xff;
}

static bool is_link_local_multicast(const struct ip *ip)
{
	return ip->len == 4 ? ip->bytes[0] == 224 && ip->bytes[1] == 0 && ip->bytes[2] == 0
			    : ip->bytes[0] == 0xff && (ip->bytes[1] & 0x0f) == 2;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->len == 4 ? ip->bytes[0] == 169 && ip->bytes[1] == 254
			    : ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

static bool is_global(const struct ip *ip)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	return !(ip->len == 4 && memcmp(ip->bytes, broadcast, 4) == 0) && !ip_is_unspecified(ip) &&
	       !ip_is_loopback(ip) && !is_multicast(ip) && !is_link_local(ip);
}

#define ASKS(function, question)                                                                   \
	struct cel_value function(struct call *c)                                                  \
	{                                                                                          \
		const struct ip *ip;                                                               \
                                                                                                   \
		if (!arg_is_opaque(c, 0, &cel_ip_type))                                            \
			return value_no_signature(c);                                              \
		ip = c->args[0].opaque;                                                            \
		return question;                                                                   \
	}

ASKS(run_family, cel_number(ip->len == 4 ? 4 : 6))
ASKS(run_is_unspecified, cel_truth(ip_is_unspecified(ip)))
ASKS(run_is_loopback, cel_truth(ip_is_loopback(ip)))
ASKS(run_is_link_local_multicast, cel_truth(is_link_local_multicast(ip)))
ASKS(run_is_link_local_unicast, cel_truth(is_link_local(ip)))
ASKS(run_is_global_unicast, cel_truth(is_global(ip)))

/* ---- cidr ---- */

struct cel_value run_cidr(struct call *c)
{
	struct cel_value error;
	struct cidr cidr = {0};

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	if (!read_cidr(c, ARG_STR(c, 0), &cidr, &error))
		return error;
	return value_opaque(&cel_cidr_type, arena_copy(c->arena, &cidr, sizeof(cidr)));
}

struct cel_value run_is_cidr(struct call *c)
{
	struct cel_value error;
	struct cidr cidr = {0};

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_signature(c);
	return cel_truth(read_cidr(c, ARG_STR(c, 0), &cidr, &error));
}

struct cel_value run_contains_ip(struct call *c)
{
	struct cel_value error;
	struct ip ip;

	if (!arg_is_opaque(c, 0, &cel_cidr_type))
		return value_no_signature(c);
	if (arg_is_opaque(c, 1, &cel_ip_type))
		ip = *(const struct ip *)c->args[1].opaque;
	else if (!arg_is(c, 1, CEL_STRING) || !read_ip(c, ARG_STR(c, 1), &ip, &error))
		return value_no_overload();
	return cel_truth(cidr_has(c->args[0].opaque, &ip));
}

struct cel_value run_contains_cidr(struct call *c)
{
	const struct cidr *outer;
	struct cel_value error;
	struct cidr inner = {0};

	if (!arg_is_opaque(c, 0, &cel_cidr_type))
		return value_no_signature(c);
	if (arg_is_opaque(c, 1, &cel_cidr_type))
		inner = *(const struct cidr *)c->args[1].opaque;
	else if (!arg_is(c, 1, CEL_STRING))
		return value_no_signature(c);
	else if (!read_cidr(c, ARG_STR(c, 1), &inner, &error))
		return error;
	outer = c->args[0].opaque;
	return cel_truth(outer->ip.len == inner.ip.len && outer->bits <= inner.bits &&
			 cidr_has(outer, &inner.ip));
}

struct cel_value run_prefix_length(struct call *c)
{
	if (!arg_is_opaque(c, 0, &cel_cidr_type))
		return value_no_signature(c);
	return cel_number(((const struct cidr *)c->args[0].opaque)->bits);
}

struct cel_value run_masked(struct call *c)
{
	struct cidr *cidr;

	if (!arg_is_opaque(c, 0, &cel_cidr_type))
		return value_no_signature(c);
	cidr = arena_copy(c->arena, c->args[0].opaque, sizeof(*cidr));
	for (unsigned i = 0; i < cidr->ip.len; i++) {
		unsigned bits = cidr->bits > i * 8 ? MIN(cidr->bits - i * 8, 8U) : 0;
		cidr->ip.bytes[i] &= (uint8_t)(0xff00 >> bits);
	}
	return value_opaque(&cel_cidr_type, cidr);
}
