#include "netlink.h"

#include <kube/netns.h>

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel fills at most this much at once. */
#define ANSWER_MAX (32 * KIB)

static int open_here(int protocol, struct err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int yes = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return err_set_errno(err, errno, "netlink socket");
	/* Words with errors; no copy of what was asked. Kernels without either just say less. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) == 0)
		return fd;
	int code = err_set_errno(err, errno, "netlink socket");
	close(fd);
	return code;
}

int netlink_open(struct netlink *n, int protocol, int netns, struct err *err)
{
	struct netns_visit visit;

	n->seq = 0;
	n->fd = -1;
	if (netns >= 0) {
		int code = netns_enter(&visit, netns, err);
		if (code)
			return code;
	}
	int fd = open_here(protocol, err);
	if (netns >= 0)
		netns_leave(&visit);
	if (fd < 0)
		return fd;
	n->fd = fd;
	return 0;
}

void netlink_close(struct netlink *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

struct nlmsghdr *netlink_begin(
	struct netlink_message *m, uint16_t type, uint16_t flags, size_t extra, void **header)
{
	/* What pads attributes is sent, too. */
	memset(m, 0, sizeof(*m));
	struct nlmsghdr *h = mnl_nlmsg_put_header(m->bytes);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	*header = mnl_nlmsg_put_extra_header(h, extra);
	return h;
}

static int send_message(struct netlink *n, struct nlmsghdr *h, struct err *err)
{
	ssize_t sent;

	assert(h->nlmsg_len <= NETLINK_MESSAGE_MAX);
	h->nlmsg_seq = ++n->seq;
	do
		sent = send(n->fd, h, h->nlmsg_len, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_set_errno(err, errno, "netlink") : 0;
}

struct answer {
	struct netlink *netlink;
	netlink_each_fn *each;
	void *ctx;
	bool over, changed;
	int errnum;
	char words[128];
};

/* What stands behind an error: the header of the request, then the kernel's words. */
static void read_words(struct answer *a, const struct nlmsghdr *h)
{
	const struct nlattr *attr;
	size_t offset = sizeof(struct nlmsgerr);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, h, offset)
	{
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			netlink_get_text(attr, a->words, sizeof(a->words));
	}
}

static void read_message(struct answer *a, const struct nlmsghdr *h)
{
	if (h->nlmsg_seq != a->netlink->seq)
		return;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		a->changed = true;
	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		a->errnum = -e->error;
		a->over = true;
		read_words(a, h);
	} else if (h->nlmsg_type == NLMSG_DONE) {
		/* What a list ended with; older kernels say nothing. */
		if (mnl_nlmsg_get_payload_len(h) >= sizeof(int))
			a->errnum = -*(const int *)mnl_nlmsg_get_payload(h);
		a->over = true;
	} else if (h->nlmsg_type >= NLMSG_MIN_TYPE && a->each) {
		a->each(a->ctx, h);
	}
}

static int read_answer(struct answer *a, struct err *err)
{
	_Alignas(8) char bytes[ANSWER_MAX];

	while (!a->over) {
		ssize_t n = recv(a->netlink->fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "netlink");
		int left = (int)n;
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)bytes;
			mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			read_message(a, h);
	}
	return 0;
}

int netlink_call(struct netlink *n, struct nlmsghdr *h, netlink_each_fn *each, void *ctx,
	struct err *err, const char *what, ...)
{
	struct answer a = {.netlink = n, .each = each, .ctx = ctx};
	int code = send_message(n, h, err);

	if (!code)
		code = read_answer(&a, err);
	if (code || (!a.errnum && !a.changed))
		return code;
	char said[256];
	va_list args;
	va_start(args, what);
	vsnprintf(said, sizeof(said), what, args);
	va_end(args);
	if (!a.errnum)
		return err_set(err, ERR_CONFLICT, "%s: changed while it was read", said);
	if (a.words[0])
		return err_set_errno(err, a.errnum, "%s (%s)", said, a.words);
	return err_set_errno(err, a.errnum, "%s", said);
}

void netlink_put_ip(struct nlmsghdr *h, uint16_t type, const struct ip *ip)
{
	mnl_attr_put(h, type, ip->len, ip->bytes);
}

struct ip netlink_get_ip(const struct nlattr *a)
{
	struct ip ip = {0};
	uint16_t len = a ? mnl_attr_get_payload_len(a) : 0;

	if (len == 4 || len == 16) {
		ip.len = (uint8_t)len;
		memcpy(ip.bytes, mnl_attr_get_payload(a), len);
	}
	return ip;
}

void netlink_get_text(const struct nlattr *a, char *text, size_t size)
{
	size_t len = MIN(strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)), size - 1);

	memcpy(text, mnl_attr_get_payload(a), len);
	text[len] = 0;
}
