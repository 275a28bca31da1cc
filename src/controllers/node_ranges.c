/* The ranges of a cluster network that nodes get for their pods. */
#include "node_ranges.h"

#include <kube/mem.h>

int node_ranges_init(struct node_ranges *r, struct cidr all, int bits, struct err *err)
{
	int width = all.ip.len * 8, each = bits ? bits : width == 32 ? 24 : 64;

	if (each < all.bits || each > width || each - all.bits > NODE_RANGES_BITS)
		return err_set(err, ERR_USAGE,
			"a network of %d bits does not part into ranges of %d", all.bits, each);
	*r = (struct node_ranges){.all = all, .bits = (uint8_t)each};
	r->count = 1U << (each - all.bits);
	r->taken = mem_new((r->count + 7) / 8);
	return 0;
}

void node_ranges_done(struct node_ranges *r)
{
	mem_free(r->taken);
}

static bool bit_at(const struct ip *ip, int at)
{
	return ip->bytes[at / 8] >> (7 - at % 8) & 1;
}

static void set_bit(struct ip *ip, int at, bool value)
{
	uint8_t mask = (uint8_t)(1 << (7 - at % 8));

	ip->bytes[at / 8] = (uint8_t)(value ? ip->bytes[at / 8] | mask : ip->bytes[at / 8] & ~mask);
}

/* The bits between the network's and the range's own say which one it is. */
static uint32_t index_of(const struct node_ranges *r, const struct ip *ip)
{
	uint32_t index = 0;

	for (int at = r->all.bits; at < r->bits; at++)
		index = index << 1 | bit_at(ip, at);
	return index;
}

static struct cidr range_at(const struct node_ranges *r, uint32_t index)
{
	struct cidr range = {.ip = r->all.ip, .bits = r->bits};

	for (int at = r->bits - 1; at >= r->all.bits; at--, index >>= 1)
		set_bit(&range.ip, at, index & 1);
	for (int at = r->bits; at < range.ip.len * 8; at++)
		set_bit(&range.ip, at, false);
	return range;
}

static void mark(struct node_ranges *r, uint32_t index, bool taken)
{
	uint8_t mask = (uint8_t)(1 << index % 8), *byte = &r->taken[index / 8];

	if (!!(*byte & mask) == taken)
		return;
	*byte ^= mask;
	r->used += taken ? 1 : -1U;
}

static bool is_taken(const struct node_ranges *r, uint32_t index)
{
	return r->taken[index / 8] >> index % 8 & 1;
}

static bool mark_all(struct node_ranges *r, const struct cidr *range, bool taken)
{
	uint32_t first = 0, count = r->count;

	if (range->ip.len != r->all.ip.len)
		return false;
	if (range->bits < r->all.bits) {
		/* The other one is the larger: all of ours, or nothing. */
		if (!cidr_has(range, &r->all.ip))
			return false;
	} else {
		if (!cidr_has(&r->all, &range->ip))
			return false;
		first = index_of(r, &range->ip);
		count = range->bits >= r->bits ? 1 : 1U << (r->bits - range->bits);
		first -= first % count;
	}
	for (uint32_t i = 0; i < count; i++)
		mark(r, first + i, taken);
	return true;
}

bool node_ranges_take(struct node_ranges *r, const struct cidr *range)
{
	return mark_all(r, range, true);
}

bool node_ranges_free(struct node_ranges *r, const struct cidr *range)
{
	return mark_all(r, range, false);
}

bool node_ranges_next(struct node_ranges *r, struct cidr *range)
{
	if (r->used == r->count)
		return false;
	while (is_taken(r, r->next))
		r->next = (r->next + 1) % r->count;
	*range = range_at(r, r->next);
	mark(r, r->next, true);
	r->next = (r->next + 1) % r->count;
	return true;
}
