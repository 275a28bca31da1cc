#include <kube/datagram.h>
#include <kube/mem.h>

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver.h"
#include "transport.h"

struct datagram {
	struct op open; /* keeps the scope until the descriptor is closed */
	uv_poll_t poll;
	int fd;
	struct address address;
	bool armed;
	/* who waits */
	struct op *receiving;
	char *at;
	size_t room;
	struct address *from;
};

/* ---- receiving ---- */

static bool try_receive(struct datagram *d)
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	struct err err = {0};
	ssize_t n;

	do /* ECONNREFUSED: an earlier datagram found nobody; that is the sender's affair */
		n = recvfrom(d->fd, d->at, d->room, MSG_TRUNC, (struct sockaddr *)&name, &len);
	while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
		return false;
	if (n < 0) {
		err_set_errno(&err, errno, "receive");
		op_fail(TAKE(d->receiving), &err);
		return true;
	}
	*d->from = sockaddr_to(&name, len);
	op_finish(TAKE(d->receiving), n);
	return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct datagram *d = poll->data;

	(void)status;
	(void)events;
	loop_woken(d->open.scope->loop);
	if (d->receiving) {
		try_receive(d);
		return;
	}
	uv_poll_stop(&d->poll);
	d->armed = false;
}

static void receive_cancel(struct op *op)
{
	struct datagram *d = op->ctx;

	d->receiving = NULL;
	op_fail_cancelled(op);
}

void datagram_receive(
	struct datagram *d, struct op *op, char *at, size_t room, struct address *from)
{
	static const struct op_kind kind = {.name = "receive", .cancel = receive_cancel};

	if (!op_begin(op, &kind, d))
		return;
	assert(!d->receiving);
	d->receiving = op;
	d->at = at;
	d->room = room;
	d->from = from;
	if (try_receive(d) || d->armed)
		return;
	int failed = uv_poll_start(&d->poll, UV_READABLE, on_poll);
	assert(!failed);
	d->armed = true;
}

/* ---- sending ---- */

bool datagram_send(struct datagram *d, const struct address *to, struct str bytes)
{
	struct sockaddr_storage name;
	socklen_t len;
	ssize_t n;

	if (sockaddr_from(to, &name, &len, NULL))
		return false;
	do /* ECONNREFUSED: as above */
		n = sendto(d->fd, bytes.at, bytes.len, MSG_NOSIGNAL, (struct sockaddr *)&name, len);
	while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
	return n == (ssize_t)bytes.len;
}

/* ---- life ---- */

static void open_done(struct op *op, struct err *err)
{
	(void)err;
	mem_free(CONTAINER_OF(op, struct datagram, open));
}

static void on_closed(uv_handle_t *handle)
{
	struct datagram *d = handle->data;

	op_finish(&d->open, 0);
}

void datagram_close(struct datagram *d)
{
	if (!d)
		return;
	struct op *op = TAKE(d->receiving);
	if (op)
		op_fail_cancelled(op);
	uv_close((uv_handle_t *)&d->poll, on_closed);
	close(d->fd);
}

static void open_describe(const struct op *op, struct buf *out)
{
	address_print(
		out, &CONTAINER_OF((struct op *)(uintptr_t)op, struct datagram, open)->address);
}

static int bound(const struct address *at, struct err *err)
{
	struct sockaddr_storage name;
	socklen_t len;
	int code = sockaddr_from(at, &name, &len, err);

	if (code)
		return code;
	int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&name, len) == 0)
		return fd;
	_cleanup_(buf_done) struct buf where = BUF_INIT(256);
	address_print(&where, at);
	code = err_set_errno(err, errno, "bind %s", buf_text(&where));
	if (fd >= 0)
		close(fd);
	return code;
}

int datagram_open(struct env *env, struct scope *scope, const struct address *at,
	struct datagram **d, struct err *err)
{
	static const struct op_kind kind = {.name = "datagrams", .describe = open_describe};
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);

	if (!env->loop->driver)
		return err_set(err, ERR_UNSUPPORTED, "the simulator has no datagrams");
	int fd = bound(at, err);
	if (fd < 0)
		return fd;
	struct datagram *made = mem_new(sizeof(*made));
	made->fd = fd;
	getsockname(fd, (struct sockaddr *)&name, &len);
	made->address = sockaddr_to(&name, len);
	int failed = uv_poll_init(&env->loop->driver->uv, &made->poll, fd);
	assert(!failed);
	made->poll.data = made;
	op_init(&made->open, scope, open_done, OP_NO_DEADLINE);
	op_begin_always(&made->open, &kind, made);
	*d = made;
	return 0;
}

struct address datagram_address(const struct datagram *d)
{
	return d->address;
}
