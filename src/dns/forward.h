/* Names that are not ours: asked of servers outside, and remembered for as long as they say. */
#ifndef KUBE_DNS_FORWARD_H
#define KUBE_DNS_FORWARD_H

#include <kube/datagram.h>
#include <kube/dns_message.h>
#include <kube/map.h>
#include <kube/task.h>

#define FORWARDS_MAX 1024 /* under way */

struct forwarder {
	struct env *env;
	struct scope *scope;
	const struct address *upstreams;
	size_t upstream_count;
	size_t first; /* who answered last: asked first */
	size_t under_way;
	/* answers, in two generations: what is used stays, what is not goes with the older one */
	struct map young, old; /* question → struct remembered */
	int64_t now_offset;    /* tests: how far time has gone on */
};

void forwarder_init(struct forwarder *f, struct env *env, struct scope *scope,
	const struct address *upstreams, size_t count);
void forwarder_done(struct forwarder *f);

/* One question, sent on as it came, but for its id. */
struct forward {
	struct str query; /* stays until done */
	bool tcp;
	struct buf answer; /* with the query's id; freed by forward_done */

	struct task task; /* private from here on */
	struct forwarder *by;
	struct arena arena;
	struct dns_message asked;
	struct buf sending;
	struct datagram *socket;
	struct stream *stream;
	struct address from;
	size_t first, attempt;
	int64_t deadline, over; /* of this attempt; of all */
	char packet[4096];
};
/* ERR_TIMEOUT, ERR_UNAVAILABLE when nobody answers. */
void forward_start(struct forwarder *f, struct op *op, struct forward *w);
void forward_done(struct forward *w);

#endif
