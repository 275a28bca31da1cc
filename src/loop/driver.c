#include "driver.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "file_hub.h"
#include "work_pool.h"

static void on_wake(uv_async_t *wake)
{
	struct driver *d = wake->data;
	loop_woken(d->loop);
	if (d->loop->work)
		work_pool_collect(d->loop->work);
}

static void on_alarm(uv_timer_t *alarm)
{
	struct driver *d = alarm->data;
	loop_woken(d->loop);
	d->alarm_at = 0;
	/* uv_run looks at its timers before it waits, and would then wait without one. */
	uv_stop(&d->uv);
}

/*
 * The kernel doubles a process's table of descriptors as it fills, and once threads share the
 * table it waits for every processor each time (synchronize_rcu): an accept that takes 8 to 20 ms,
 * at 64, 128, 256 … descriptors. Made wide before there are threads it costs nothing then and 8
 * bytes a place ever after.
 */
#define TABLE_SIZE 4096

static void widen_descriptor_table(int any)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < 2)
		return;
	int last = (int)MIN(limit.rlim_cur, (rlim_t)TABLE_SIZE) - 1;
	int fd = fcntl(any, F_DUPFD_CLOEXEC, last);
	if (fd >= 0)
		close(fd);
}

struct driver *driver_new(struct loop *loop)
{
	/* A peer that went away is an error of the write, never of the process. */
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	struct driver *d = mem_new(sizeof(*d));
	d->loop = loop;
	d->dump_fd = -1;
	int failed = uv_loop_init(&d->uv);
	if (!failed)
		failed = uv_async_init(&d->uv, &d->wake, on_wake);
	if (!failed)
		failed = uv_timer_init(&d->uv, &d->alarm);
	/* Only a process without descriptors or memory at its very start gets here. */
	assert(!failed);
	widen_descriptor_table(uv_backend_fd(&d->uv));
	d->wake.data = d;
	d->alarm.data = d;
	return d;
}

void driver_free(struct driver *d)
{
	uv_close((uv_handle_t *)&d->wake, NULL);
	uv_close((uv_handle_t *)&d->alarm, NULL);
	if (d->dump_fd >= 0)
		uv_close((uv_handle_t *)&d->dump, NULL);
	file_hub_free(d);
	uv_run(&d->uv, UV_RUN_DEFAULT);
	int left = uv_loop_close(&d->uv);
	assert(left == 0);
	mem_free(d);
}

void driver_wake(struct driver *d)
{
	uv_async_send(&d->wake);
}

static void set_alarm(struct driver *d, int64_t now, int64_t at)
{
	if (at == d->alarm_at)
		return;
	d->alarm_at = at;
	if (at == OP_NO_DEADLINE) {
		uv_timer_stop(&d->alarm);
		return;
	}
	/* libuv counts whole milliseconds: never early by a whole one. */
	uv_timer_start(&d->alarm, on_alarm, (uint64_t)((at - now + MSEC - 1) / MSEC), 0);
}

void driver_poll(struct driver *d, int64_t now, int64_t until)
{
	if (until <= now) {
		uv_run(&d->uv, UV_RUN_NOWAIT);
		return;
	}
	/* Its idea of the time is that of the last turn; newer ones keep it until they have waited.
	 */
	if (until != OP_NO_DEADLINE)
		uv_update_time(&d->uv);
	set_alarm(d, now, until);
	uv_run(&d->uv, UV_RUN_ONCE);
}
