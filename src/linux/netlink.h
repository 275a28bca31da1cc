/*
 * Conversations with the kernel by netlink: a message, and what is answered to it. The kernel does
 * what it is asked inside send(), so all of this blocks: for worker threads.
 */
#ifndef LINUX_NETLINK_H
#define LINUX_NETLINK_H

#include <kube/err.h>
#include <kube/ip.h>

#include <libmnl/libmnl.h>

#define NETLINK_MESSAGE_MAX (2 * KIB)

struct netlink {
	int fd;
	uint32_t seq;
};

struct netlink_message {
	_Alignas(8) char bytes[NETLINK_MESSAGE_MAX];
};

/* netns: a descriptor, or -1 for the thread's own. */
int netlink_open(struct netlink *n, int protocol, int netns, struct err *err);
void netlink_close(struct netlink *n);

/* Begins a message; `extra` bytes of the family's own header are zeroed and given. */
struct nlmsghdr *netlink_begin(
	struct netlink_message *m, uint16_t type, uint16_t flags, size_t extra, void **header);

/* For each message of an answer. */
typedef void netlink_each_fn(void *ctx, const struct nlmsghdr *h);
/*
 * Sends, and reads to the end of the answer. Errors of the kernel as err_code_from_errno has them,
 * with the kernel's own words where it has any: "doing what: file exists (words)".
 * ERR_CONFLICT: what was listed has changed meanwhile; begin again.
 */
int netlink_call(struct netlink *n, struct nlmsghdr *h, netlink_each_fn *each, void *ctx,
	struct err *err, const char *what, ...) KUBE_PRINTF(6, 7);

void netlink_put_ip(struct nlmsghdr *h, uint16_t type, const struct ip *ip);
/* An attribute of 4 or 16 bytes; anything else is no address. */
struct ip netlink_get_ip(const struct nlattr *a);
/* The attribute as text, cut to fit. */
void netlink_get_text(const struct nlattr *a, char *text, size_t size);

#endif
