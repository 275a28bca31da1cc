/*
 * log_reader: a container's log, piece by piece, as its wish says; while it is followed it goes on
 * with what is written, and with the file that replaces this one, until the container has ended.
 */
#ifndef KUBE_KUBELET_SERVER_LOG_READER_H
#define KUBE_KUBELET_SERVER_LOG_READER_H

#include "log_text.h"

#include <kube/env.h>
#include <kube/runtime.h>
#include <kube/task.h>
#include <kube/work.h>

struct log_reader {
	/* the caller's */
	struct env *env;
	struct runtime *runtime;
	struct str container; /* id */
	const char *path;
	int64_t tail; /* lines; -1: all */
	bool follow;
	struct log_text text;
	struct buf out; /* what was read; taken by the caller between two reads */

	/* private */
	struct task task;
	struct work work;
	int file; /* -1: none */
	uint64_t inode;
	int64_t offset;
	struct buf piece;
	struct stream *events; /* of the directory; NULL: it cannot be watched */
	struct buf event_bytes;
	struct runtime_listener listener;
	bool woken, ended, opened;
};

/* path and container live as long as the reader. */
void log_reader_init(struct log_reader *l, struct env *env, struct runtime *runtime,
	struct str container, const char *path, const struct log_wish *wish);
/* Done when the file is there: ERR_NOT_FOUND. What follows belongs to the op's scope. */
void log_reader_open(struct log_reader *l, struct op *op);
/* The next text in l->out; op->n: 0 at the end. */
void log_reader_next(struct log_reader *l, struct op *op);
/* Not while one of these is in flight. */
void log_reader_done(struct log_reader *l);

#endif
