#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "transport.h"

static int unix_from(
	const struct address *a, struct sockaddr_storage *to, socklen_t *len, struct err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)to;
	size_t n = strnlen(a->path, sizeof(a->path));
	if (n >= sizeof(un->sun_path))
		return err_set(err, ERR_ADDRESS, "unix path too long");
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, a->path, n);
	if (a->path[0] == '@') {
		/* An abstract name has no end mark: its length says where it ends. */
		un->sun_path[0] = 0;
		*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	} else {
		*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	}
	return 0;
}

int sockaddr_from(
	const struct address *a, struct sockaddr_storage *to, socklen_t *len, struct err *err)
{
	memset(to, 0, sizeof(*to));
	if (a->path[0])
		return unix_from(a, to, len, err);
	if (a->ip.len == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)to;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip.bytes, 4);
		*len = sizeof(*in);
		return 0;
	}
	if (a->ip.len == 16) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip.bytes, 16);
		*len = sizeof(*in6);
		return 0;
	}
	return err_set(err, ERR_ADDRESS, "no address");
}

static void unix_to(struct address *a, const struct sockaddr_un *un, socklen_t len)
{
	size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t n = len > start ? len - start : 0;
	n = MIN(n, sizeof(a->path) - 1);
	memcpy(a->path, un->sun_path, n);
	a->path[n] = 0;
	if (n > 0 && !un->sun_path[0])
		a->path[0] = '@';
}

struct address sockaddr_to(const struct sockaddr_storage *from, socklen_t len)
{
	struct address a = {0};
	if (from->ss_family == AF_UNIX) {
		unix_to(&a, (const struct sockaddr_un *)from, len);
	} else if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;
		a.ip.len = 4;
		memcpy(a.ip.bytes, &in->sin_addr, 4);
		a.port = ntohs(in->sin_port);
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
		/* A v4 peer of a v6 listener is known by the address it really has. */
		a.ip.len = mapped ? 4 : 16;
		memcpy(a.ip.bytes, in6->sin6_addr.s6_addr + (mapped ? 12 : 0), a.ip.len);
		a.port = ntohs(in6->sin6_port);
	}
	return a;
}
