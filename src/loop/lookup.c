/*
 * The only file that calls getaddrinfo. In a fully static glibc binary it opens the name service
 * libraries at run time and finds nothing where they do not fit; hosts files and literals are
 * therefore read by ourselves before it comes to this.
 */
#include <netdb.h>
#include <string.h>

#include "hosts.h"
#include "transport.h"

static int lookup_fail(int failed, const char *host, struct err *err)
{
	switch (failed) {
	case EAI_NONAME:
	case EAI_NODATA:
		return err_set(err, ERR_ADDRESS, "lookup %s: no such host", host);
	case EAI_AGAIN:
		return err_set(err, ERR_UNREACHABLE, "lookup %s: no name server answers", host);
	default:
		return err_set(err, ERR_IO, "lookup %s: %s", host, gai_strerror(failed));
	}
}

int lookup_host(const char *host, struct addresses *found, struct err *err)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int failed = getaddrinfo(host, NULL, &hints, &list);
	if (failed)
		return lookup_fail(failed, host, err);
	for (const struct addrinfo *i = list; i; i = i->ai_next) {
		struct sockaddr_storage name = {0};
		memcpy(&name, i->ai_addr, MIN((size_t)i->ai_addrlen, sizeof(name)));
		struct address a = sockaddr_to(&name, i->ai_addrlen);
		if (a.ip.len)
			addresses_add(found, &a.ip);
	}
	freeaddrinfo(list);
	return found->count ? 0 : lookup_fail(EAI_NONAME, host, err);
}
