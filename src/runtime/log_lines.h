/*
 * log_lines: a container's output as the lines that CRI wants in its log:
 *
 *	2026-01-02T15:04:05.123456789Z stdout F text
 *
 * A line longer than 16 KiB is written in pieces, all but the last marked P in place of F. Pure.
 */
#ifndef KUBE_RUNTIME_LOG_LINES_H
#define KUBE_RUNTIME_LOG_LINES_H

#include <kube/buf.h>

#define LOG_LINE_MAX (16 * KIB)

struct log_lines {
	const char *stream; /* "stdout", "stderr" */
	struct buf rest;    /* of a line that has not ended */
};

void log_lines_init(struct log_lines *l, const char *stream);
void log_lines_done(struct log_lines *l);
/* Adds to *out what is complete by these bytes. */
void log_lines_add(struct log_lines *l, struct str bytes, int64_t wall, struct buf *out);
/* The stream has ended: a rest is a piece (P), as others write it. */
void log_lines_end(struct log_lines *l, int64_t wall, struct buf *out);

#endif
