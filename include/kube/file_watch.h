/*
 * file_watch: told when a file or a directory may have changed. The path may lead through
 * symlinks (the ..data idiom: a directory swapped behind a link), name what is replaced by rename,
 * or what does not exist yet: every place on the way is watched, and found anew when one changes.
 *
 *	c->watch = file_watch_new(env, &c->scope, "/etc/kubernetes/token");
 *	… read it …
 *	file_watch_wait(c->watch, op);	→ read it again
 *
 * Of a directory: that names in it came, went or were replaced, or that a file in it was written
 * and closed; not what happens in directories below.
 *
 * Being told means "look again": changes are counted together, none is lost between two waits, and
 * now and then nothing has changed. A file kept open by its writer counts as changed when it is
 * closed. What a mount hides is not noticed.
 *
 * All watches of a loop share one inotify. Where that cannot be had (limits, permissions, another
 * disk than the machine's: the simulator) the times of change are looked at once a second instead,
 * while somebody waits.
 */
#ifndef KUBE_FILE_WATCH_H
#define KUBE_FILE_WATCH_H

#include <kube/env.h>

struct file_watch;

/*
 * What changes from now on is told. Never fails. Belongs to the scope, which does not become empty
 * before file_watch_close.
 */
struct file_watch *file_watch_new(struct env *env, struct scope *scope, const char *path);
/* Done when something has changed since the last one was done, or since file_watch_new. */
void file_watch_wait(struct file_watch *w, struct op *op);
/* Ends a wait with ERR_CANCELLED. NULL is fine. */
void file_watch_close(struct file_watch *w);

#endif
