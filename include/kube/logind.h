/*
 * logind: the machine's end, as systemd-logind announces it over the system bus, and the lock that
 * puts it off for a while. `bus`: the path of its socket.
 */
#ifndef KUBE_LOGIND_H
#define KUBE_LOGIND_H

#include <kube/env.h>
#include <kube/task.h>

/* ---- blocking, for work ---- */
/* For how long the machine's end can be put off. */
int logind_delay(const char *bus, int64_t *ns, struct err *err);
/* Puts it off until the descriptor is closed, or that time is over. */
int logind_inhibit(const char *bus, const char *who, const char *why, int *fd, struct err *err);
/* Has it read its configuration again. */
int logind_reload(const char *bus, struct err *err);

/* ---- on the loop ---- */
struct logind_watch {
	/* the caller's */
	const char *bus;
	/* The machine's end is near; false: it was called off. */
	void (*told)(struct logind_watch *w, bool near);
	/* private */
	struct env *env;
	struct scope *scope;
	struct task task;
	struct stream *stream;
	struct buf in, out;
	struct str part;
};
/* Ends when the bus is lost, or cancelled: always with an error. The watch is the caller's. */
void logind_watch(struct env *env, struct op *op, struct scope *scope, struct logind_watch *w);

#endif
