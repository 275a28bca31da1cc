/* Questions in, answers out, over UDP and TCP. */
#ifndef KUBE_DNS_SERVER_H
#define KUBE_DNS_SERVER_H

#include "forward.h"
#include "zone.h"

struct dns_server {
	struct env *env;
	struct scope scope;
	struct zone zone;
	struct forwarder forwarder;
	bool (*ready)(void *ctx); /* the zone is complete */
	void *ctx;
	struct list udp_ports, tcp_ports;
	size_t serving, connections;
};

/* One question on its way. */
struct serving {
	struct task task;
	struct dns_server *server;
	struct arena arena;
	struct str query; /* stays until done */
	bool tcp;
	struct buf answer; /* empty: there is none to give */
	struct dns_message m;
	struct dns_writer writer;
	struct forward forward;
	struct buf asking; /* a question of ours: where a CNAME leads */
	struct str follow;
	int hops;
};
/* Never fails: what goes wrong is an answer. */
void serve_start(struct dns_server *s, struct op *op, struct serving *w);
void serve_done(struct serving *w);

int udp_listen(
	struct dns_server *s, const struct address *at, struct address *taken, struct err *err);
void udp_unlisten(struct dns_server *s); /* the last one */
int tcp_listen(struct dns_server *s, const struct address *at, struct err *err);
void ports_close(struct dns_server *s); /* before the scope closes */
void ports_free(struct dns_server *s);  /* after it has */

#endif
