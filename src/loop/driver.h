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
	int64_t alarm_at;       /* what the alarm is set to; 0: not set */
	uv_signal_t dump;       /* loop_dump_on_signal */
	int dump_fd;            /* -1: never asked for */
	struct file_hub *files; /* NULL: no file was watched yet */
};

#endif
