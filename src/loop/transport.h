/* The machine's transport and disk, and what the files of the transport share. */
#ifndef KUBE_LOOP_TRANSPORT_H
#define KUBE_LOOP_TRANSPORT_H

#include <kube/env.h>

#include <sys/socket.h>
#include <unistd.h>

extern const struct transport_ops machine_transport;
extern struct disk machine_disk;

/* Once: -1 is no descriptor. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- sockaddr.c ---- */
/* The kernel's form. ERR_ADDRESS when there is none (a path that is too long, no IP). */
int sockaddr_from(
	const struct address *a, struct sockaddr_storage *to, socklen_t *len, struct err *err);
struct address sockaddr_to(const struct sockaddr_storage *from, socklen_t len);

/* ---- socket.c, connect.c, listen.c, resolve.c, interfaces.c ---- */
/*
 * A stream over a descriptor, TCP if one end has an IP address; takes the descriptor. NULL (and
 * it stays open) on refusal.
 */
struct stream *socket_open(struct loop *loop, struct scope *scope, int fd,
	const struct address *local, const struct address *remote);
/* What every TCP socket of ours gets; a listener passes it on to those it accepts. */
void socket_tune(int fd);
void socket_connect(struct env *env, struct op *op, struct scope *scope, const struct address *to,
	struct stream **stream);
int socket_listen(struct env *env, struct scope *scope, const struct address *at, int backlog,
	struct listener **listener, struct err *err);
void machine_resolve(struct env *env, struct op *op, struct str host, struct addresses *found);
void machine_addresses(struct env *env, struct addresses *found);

#endif
