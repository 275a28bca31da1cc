/* A stream over a libuv handle, as the files that make such streams see it. */
#ifndef KUBE_LOOP_SOCKET_H
#define KUBE_LOOP_SOCKET_H

#include <kube/stream.h>

#include "driver.h"
#include "transport.h"

struct socket_write;

struct socket {
	struct stream base;
	struct op open; /* keeps the scope from ending until the descriptor is closed */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct buf *into; /* the waiting read's */
	size_t max;
	struct socket_write *pending; /* what the kernel has not taken yet */
	int broken;                   /* errno of the read that failed: every later one does too */
	bool terminal;
	bool armed; /* libuv watches for input */
	bool fresh; /* input was read since the last look without a reader */
	bool eof;
	bool gone;     /* the handle is closed or closing: only stream_close is left */
	bool closed;   /* libuv has let go of the handle */
	bool released; /* stream_close was called */
};

/* A stream without a descriptor yet; the caller initialises the handle with the driver's loop. */
struct socket *socket_new(struct scope *scope, bool tcp);
/* Undoes socket_new while libuv does not know the handle. */
void socket_drop(struct socket *s);

#endif
