/*
 * server_lock: who runs a cluster from a data directory. The file DIRECTORY/server.lock is locked
 * as long as its server lives; the kernel knows by whom, so that nothing in it can be out of date.
 * In it stands what the server has put outside of the directory, for whoever takes it away.
 */
#ifndef MAIN_SERVER_LOCK_H
#define MAIN_SERVER_LOCK_H

#include <kube/arena.h>
#include <kube/ip.h>

#include <sys/types.h>

struct server_trace {
	struct ip dns_ips[2]; /* on the loopback */
	size_t dns_ip_count;
	struct str pods_log_dir;
};

/*
 * Until this process ends; nothing else here may be called then. The directory is made.
 * ERR_CONFLICT: another one has it.
 */
int server_lock_take(const char *data_dir, const struct server_trace *trace, struct err *err);
/* *pid 0: no server runs there. */
int server_lock_holder(const char *data_dir, pid_t *pid, struct err *err);
/* What the last server wrote; nothing when there was none. */
int server_lock_read(
	struct arena *a, const char *data_dir, struct server_trace *trace, struct err *err);

/* The file's text, and back. What is not understood is left out. */
void server_trace_print(const struct server_trace *trace, struct buf *out);
void server_trace_parse(struct str text, struct server_trace *trace);

#endif
