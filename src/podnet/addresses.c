#include "addresses.h"

/*
 * Of a network as large as IPv6's only so much is used: a node has hundreds of pods, and what is
 * in use must be found out one by one.
 */
#define BITS_MAX 32u

/* The network's own address and the first, which others give to a gateway, stay free. */
#define FIRST 2

int address_range_init(struct address_range *r, const struct cidr *cidr, struct err *err)
{
	uint32_t bits = 8u * cidr->ip.len, host = bits - cidr->bits;
	uint64_t all = (uint64_t)1 << MIN(host, BITS_MAX);
	/* Of IPv4 the last is everybody's. */
	uint64_t reserved = FIRST + (cidr->ip.len == 4);

	*r = (struct address_range){.cidr = *cidr};
	for (uint32_t i = cidr->bits; i < bits; i++)
		r->cidr.ip.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	if (all <= reserved) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);

		cidr_print(&text, cidr);
		return err_set(
			err, ERR_INVALID, "pod CIDR %s has no room for pods", buf_text(&text));
	}
	r->count = all - reserved;
	return 0;
}

bool address_range_has(const struct address_range *r, const struct ip *ip)
{
	return ip->len == r->cidr.ip.len && cidr_has(&r->cidr, ip);
}

static struct ip number_to_ip(const struct address_range *r, uint64_t number)
{
	struct ip ip = r->cidr.ip;

	number += FIRST;
	for (int i = ip.len - 1; number; i--, number >>= 8)
		ip.bytes[i] |= (uint8_t)number;
	return ip;
}

int address_range_take(struct address_range *r, address_taken_fn *taken, const void *ctx,
	struct ip *ip, struct err *err)
{
	for (uint64_t tries = 0; tries < r->count; tries++) {
		struct ip candidate = number_to_ip(r, r->next);

		r->next = (r->next + 1) % r->count;
		if (!taken(ctx, &candidate)) {
			*ip = candidate;
			return 0;
		}
	}
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	cidr_print(&text, &r->cidr);
	return err_set(err, ERR_LIMIT, "no address is left in pod CIDR %s: all %llu are in use",
		buf_text(&text), (unsigned long long)r->count);
}

void address_range_pass(struct address_range *r, const struct ip *ip)
{
	uint64_t number = 0;
	uint32_t host = 8u * ip->len - r->cidr.bits;

	if (!address_range_has(r, ip))
		return;
	for (uint32_t i = 0; i < ip->len; i++)
		number = number << 8 | ip->bytes[i];
	if (host < 64)
		number &= ((uint64_t)1 << host) - 1;
	if (number >= FIRST && number - FIRST < r->count)
		r->next = (number - FIRST + 1) % r->count;
}
