/*
 * The log's file: lines are appended to by a worker, in order; it is put aside when it is full:
 * NAME-2026-01-02T03-04-05.678.EXT, packed if wanted, the oldest removed.
 */
#ifndef KUBE_APISERVER_AUDIT_LOG_H
#define KUBE_APISERVER_AUDIT_LOG_H

#include "sink.h"

struct audit_log_options {
	const char *path;  /* "-": standard output */
	int64_t max_bytes; /* 0: 100 MiB, as upstream's */
	int max_days;      /* of files put aside; 0: any age */
	int max_files;     /* of them; 0: any number */
	bool pack;         /* gzip them */
};

/* What is not written counts as lost; a file that cannot be put aside grows. */
struct audit_writer *audit_log_new(struct env *env, const struct audit_log_options *options);

#endif
