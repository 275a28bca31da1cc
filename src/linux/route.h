/* Inside linux/: the conversation of route.h. */
#ifndef LINUX_ROUTE_H
#define LINUX_ROUTE_H

#include <kube/route.h>

#include "netlink.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

struct route {
	struct netlink netlink;
};

/* A list that changed while it was read is read again, this often. */
#define ROUTE_LIST_TRIES 8

/* Room for one more in a growing array of an arena. */
void *route_grow(struct arena *a, void *at, size_t count, size_t *cap, size_t size);

static inline uint8_t route_family(const struct ip *ip)
{
	return ip->len == 4 ? AF_INET : AF_INET6;
}

#endif
