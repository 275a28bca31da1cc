/* The machine's own addresses. */
#include <kube/mem.h>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "transport.h"

static bool has_address(const struct ifaddrs *i)
{
	return i->ifa_addr && (i->ifa_flags & IFF_UP) &&
	       (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6);
}

static struct ip address_of_interface(const struct ifaddrs *i)
{
	bool four = i->ifa_addr->sa_family == AF_INET;
	struct sockaddr_storage at = {0};

	memcpy(&at, i->ifa_addr, four ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	return sockaddr_to(&at, four ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)).ip;
}

void machine_addresses(struct env *env, struct addresses *found)
{
	struct ifaddrs *all = NULL;
	size_t count = 0;

	(void)env;
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		count += has_address(i);
	found->items = mem_new((count + 1) * sizeof(*found->items));
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		if (has_address(i))
			found->items[found->count++] = address_of_interface(i);
	freeifaddrs(all);
}
