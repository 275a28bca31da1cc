/*
 * restore_place: a cluster's files take the place of others below a data directory, all of them or
 * none, whenever it is killed.
 *
 *	restore.part   is being written; nobody's
 *	restore.new    whole, and chosen: from here on it only goes forward
 *	restore.old    what stood in the directory, and is being put there
 *	restore.in     nothing old stands there any more: what is in it moves in
 *
 * Every step is a rename, and found out from the names alone, so that whoever comes next goes on:
 * restore_finish, which everyone calls who takes the directory.
 */
#ifndef MAIN_RESTORE_PLACE_H
#define MAIN_RESTORE_PLACE_H

#include <kube/err.h>

/* Does anything of a cluster stand there? */
int restore_has_cluster(const char *data_dir, bool *has, struct err *err);
/* An empty restore.part, opened; the caller's. What an earlier one had left is removed. */
int restore_open_part(const char *data_dir, int *fd, struct err *err);
/* Is anything in the way of moving? ERR_CONFLICT: a mount. */
int restore_check_place(const char *data_dir, struct err *err);
/* All of restore.part is on disk, and becomes the one to move in. */
int restore_choose(const char *data_dir, struct err *err);
/*
 * Nothing to do: fine. *aside is where what stood there before is now, a number N of
 * before-restore-N; 0: nothing stood there. NULL is fine.
 */
int restore_finish(const char *data_dir, int *aside, struct err *err);
/* Names of its own, for whoever takes a cluster away. */
bool restore_is_name(const char *name);

#endif
