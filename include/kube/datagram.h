/*
 * datagram: a UDP socket. Datagrams come one at a time to whoever waits; sending never waits: what
 * the kernel does not take is lost, as on any network.
 */
#ifndef KUBE_DATAGRAM_H
#define KUBE_DATAGRAM_H

#include <kube/env.h>

#define DATAGRAM_MAX 65535

struct datagram;

/* Bound to an address (port 0: any; unspecified: all); belongs to the scope. Real loops only. */
int datagram_open(struct env *env, struct scope *scope, const struct address *at,
	struct datagram **d, struct err *err);
struct address datagram_address(const struct datagram *d); /* with the port that was taken */
/* One at a time; op->n: its length. Longer ones than `room` are cut, op->n tells their length. */
void datagram_receive(
	struct datagram *d, struct op *op, char *at, size_t room, struct address *from);
bool datagram_send(struct datagram *d, const struct address *to, struct str bytes);
void datagram_close(struct datagram *d); /* ends a receive with ERR_CANCELLED; NULL is fine */

#endif
