/* Which address comes next. Pure. */
#ifndef PODNET_ADDRESSES_H
#define PODNET_ADDRESSES_H

#include <kube/err.h>
#include <kube/ip.h>

/* The addresses of one CIDR that pods may have, numbered from 0. */
struct address_range {
	struct cidr cidr;
	uint64_t count;
	uint64_t next; /* the one that is looked at first */
};

/* ERR_INVALID: it is too small to hold a pod. */
int address_range_init(struct address_range *r, const struct cidr *cidr, struct err *err);
bool address_range_has(const struct address_range *r, const struct ip *ip);
/* From `next` on; an address comes again only when all others have had their turn. */
typedef bool address_taken_fn(const void *ctx, const struct ip *ip);
int address_range_take(struct address_range *r, address_taken_fn *taken, const void *ctx,
	struct ip *ip, struct err *err);
/* `next` is behind this address. */
void address_range_pass(struct address_range *r, const struct ip *ip);

#endif
