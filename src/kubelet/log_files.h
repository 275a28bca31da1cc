/*
 * log_files: the files of one container's log. Beside the one that is written stand older ones,
 * named after it and the time at which they were put away; all but the newest of these are packed.
 *
 *	0.log   0.log.20260102-150405   0.log.20260102-140000.gz
 */
#ifndef KUBE_KUBELET_LOG_FILES_H
#define KUBE_KUBELET_LOG_FILES_H

#include <kube/arena.h>
#include <kube/err.h>

enum log_fate { LOG_KEEP, LOG_PACK, LOG_REMOVE };
struct log_file {
	struct str name;
	enum log_fate fate;
};
/*
 * What becomes of the older ones when another is to be put beside them and there may be `most`
 * files in all. Sorts them, the oldest first. Pure.
 */
void log_files_plan(struct log_file *files, size_t count, int64_t most);

/* ---- for workers ---- */
/* Bytes of the file that is written; ERR_NOT_FOUND. */
int log_files_size(const char *path, int64_t *size, struct err *err);
/*
 * Does what is planned, then puts the file that is written away; its new path in the arena. The
 * writer still has it open.
 */
int log_files_rotate(struct arena *a, const char *path, int64_t most, int64_t wall,
	const _Atomic(bool) *stop, struct str *put_away, struct err *err);
/* What was put away is written again; not when there is another one already: ERR_ALREADY_EXISTS. */
int log_files_call_back(const char *put_away, const char *path, struct err *err);
/* The one that was put away last, as long as it is not packed: its path; empty: there is none. */
struct str log_files_last(struct arena *a, const char *path);
/* The file and all older ones; gone is fine. */
int log_files_remove(const char *path, struct err *err);

#endif
