#include <kube/env.h>
#include <kube/mem.h>

#include <unistd.h>

#include "driver.h"

/* ---- waiting for one ---- */

/*
 * Each waiter has a handle of its own; libuv shares the process's handler among them. The op
 * stays in flight until the handle is closed.
 */
struct signal_waiter {
	uv_signal_t handle;
	struct op *op;
	struct loop *loop;
	int signum;
	bool came;
};

static void on_waiter_closed(uv_handle_t *handle)
{
	struct signal_waiter *w = handle->data;
	loop_woken(w->loop);
	if (w->came)
		op_finish(w->op, w->signum);
	else
		op_fail_cancelled(w->op);
	mem_free(w);
}

static void waiter_close(struct signal_waiter *w)
{
	if (!uv_is_closing((uv_handle_t *)&w->handle))
		uv_close((uv_handle_t *)&w->handle, on_waiter_closed);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct signal_waiter *w = handle->data;
	(void)signum;
	loop_woken(w->loop);
	w->came = true;
	waiter_close(w);
}

static void signal_cancel(struct op *op)
{
	waiter_close(op->ctx);
}

static void signal_describe(const struct op *op, struct buf *out)
{
	const struct signal_waiter *w = op->ctx;
	buf_print(out, "%d", w->signum);
}

void signal_wait(struct loop *loop, struct op *op, int signum)
{
	static const struct op_kind kind = {
		.name = "signal", .cancel = signal_cancel, .describe = signal_describe};
	assert(loop->driver);
	struct signal_waiter *w = mem_new(sizeof(*w));
	*w = (struct signal_waiter){.op = op, .loop = loop, .signum = signum};
	if (!op_begin(op, &kind, w)) {
		mem_free(w);
		return;
	}
	int failed = uv_signal_init(&loop->driver->uv, &w->handle);
	assert(!failed);
	w->handle.data = w;
	failed = uv_signal_start(&w->handle, on_signal, signum);
	if (!failed)
		return;
	/* No such signal, or one that cannot be caught. */
	uv_close((uv_handle_t *)&w->handle, (uv_close_cb)mem_free);
	op_fail_with(op, ERR_UNSUPPORTED, "signal %d: %s", signum, uv_strerror(failed));
}

/* ---- dumping at one ---- */

static void dump_to(int fd, const struct buf *dump)
{
	for (size_t done = 0; done < dump->len;) {
		ssize_t n = write(fd, dump->at + done, dump->len - done);
		if (n <= 0)
			return; /* nobody reads it */
		done += (size_t)n;
	}
}

static void on_dump(uv_signal_t *handle, int signum)
{
	struct driver *d = handle->data;
	struct buf dump = BUF_INIT(16 * MIB);
	(void)signum;
	loop_woken(d->loop);
	loop_dump(d->loop, &dump);
	dump_to(d->dump_fd, &dump);
	buf_done(&dump);
}

int loop_dump_on_signal(struct loop *loop, int signum, int fd, struct err *err)
{
	struct driver *d = loop->driver;
	assert(d && d->dump_fd < 0);
	int failed = uv_signal_init(&d->uv, &d->dump);
	assert(!failed);
	d->dump.data = d;
	d->dump_fd = fd;
	failed = uv_signal_start(&d->dump, on_dump, signum);
	uv_unref((uv_handle_t *)&d->dump);
	if (failed)
		return err_set_errno(err, -failed, "signal %d", signum);
	return 0;
}
