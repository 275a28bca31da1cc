/*
 * A file that lines are appended to by a worker, in order, and that is put aside when it is full:
 * NAME-2026-01-02T03-04-05.678.EXT, packed if wanted, the oldest removed.
 */
#ifndef KUBE_APISERVER_AUDIT_LOG_H
#define KUBE_APISERVER_AUDIT_LOG_H

#include <kube/env.h>
#include <kube/work.h>

struct audit_log_options {
	const char *path;  /* "-": standard output */
	int64_t max_bytes; /* 0: 100 MiB, as upstream's */
	int max_days;      /* of files put aside; 0: any age */
	int max_files;     /* of them; 0: any number */
	bool pack;         /* gzip them */
};

struct audit_log;
struct audit_log *audit_log_new(
	struct env *env, struct scope *scope, const struct audit_log_options *options);
/* A line without its end. Beyond 64 MiB that wait for a slow disk lines are lost, and counted. */
void audit_log_add(struct audit_log *l, struct str line);
/* Done when all that was added is written, or could not be. */
void audit_log_flush(struct audit_log *l, struct op *op);
uint64_t audit_log_lost(const struct audit_log *l);
/* Behind the last flush. */
void audit_log_free(struct audit_log *l);

#endif
