/*
 * A connection between two hosts of the simulator: two ends, and for each the segments that are
 * on their way to it and the bytes that have arrived.
 */
#ifndef KUBE_LOOP_SIM_STREAM_H
#define KUBE_LOOP_SIM_STREAM_H

#include "sim_world.h"

struct sim_conn;

struct sim_end {
	struct stream base; /* first */
	struct sim_conn *conn;
	int side; /* 0 connected, 1 accepted */
	struct link in_host;
	struct scope life; /* holds the timer; closed with the end */
	struct op arrival, closer;
	bool closed;
	struct buf *into; /* of the read in flight */
	size_t max;
	const struct str *parts; /* of the write in flight */
	size_t part_count, part, offset, written;
};

/* What one side sees: exists before that side's end does. */
struct sim_inbox {
	struct list segments; /* on their way, in order */
	struct buf bytes;     /* arrived, not read */
	size_t on_the_way;
	int64_t last_at;      /* nothing overtakes */
	int64_t parted_since; /* 0: not held up */
	bool finished, broken;
};

struct sim_conn {
	struct sim *sim;
	struct sim_host *hosts[2];
	struct address addresses[2];
	struct sim_end *ends[2];
	struct sim_inbox inboxes[2];
	int refs; /* ends, and the backlog it waits in */
	struct link in_backlog;
};

struct sim_conn *sim_conn_new(struct sim_host *from, struct sim_host *to,
	const struct address *local, const struct address *remote);
void sim_conn_unref(struct sim_conn *c);
struct stream *sim_end_new(struct sim_conn *c, int side, struct scope *scope);
/* The side will see a reset, after the usual delay. */
void sim_send_reset(struct sim_conn *c, int side);

#endif
