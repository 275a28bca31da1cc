/*
 * A file that is read again whenever it has changed, on a worker thread. Whoever watches it is
 * told of another text, or that it cannot be read, from the loop.
 */
#ifndef KUBE_APISERVER_WATCHED_FILE_H
#define KUBE_APISERVER_WATCHED_FILE_H

#include <kube/env.h>

struct watched_file;

/* err: why it cannot be read (the text is empty then), or NULL. The text lives until it returns. */
typedef void watched_file_fn(void *ctx, struct str text, const struct err *err);

/* What stands there at first is known to the caller: `known` is its text. The path is copied. */
struct watched_file *watched_file_new(struct env *env, struct scope *scope, struct str path,
	struct str known, watched_file_fn *changed, void *ctx);
/* Nobody is told any more; it frees itself. NULL is fine. */
void watched_file_drop(struct watched_file *w);

#endif
