/* The files that talk to libuv share the loop's uv_loop_t. */
#ifndef KUBE_LOOP_DRIVER_H
#define KUBE_LOOP_DRIVER_H

#include "internal.h"

#include <uv.h>

struct driver {
	struct loop *loop;
	uv_loop_t uv;
	uv_async_t wake; /* always referenced: keeps uv_run waiting when no descriptor does */
	uv_timer_t alarm;
	int64_t alarm_at;    /* what the alarm is set to; 0: not set */
	struct list signals; /* signal.c */
	int dump_fd;
};

/* From any thread: the loop will look at what the worker threads have finished. */
void driver_wake(struct driver *d);
/* The code that fits a libuv status. */
int uv_fail(struct op *op, int status, const char *what);

#endif
