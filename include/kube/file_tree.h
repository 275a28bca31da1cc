/*
 * file_tree: files below a directory that somebody else may be changing at the same moment.
 * Names are relative to a descriptor and resolved by the kernel step by step, so that neither a
 * link, nor "..", nor a rename at the wrong moment leads out. All of it blocks: for workers.
 */
#ifndef KUBE_FILE_TREE_H
#define KUBE_FILE_TREE_H

#include <kube/err.h>

#include <sys/stat.h>

/* One name: not empty, no '/', neither "." nor "..". */
bool file_tree_is_name(struct str name);

/*
 * A directory by its path on the machine, links and all; what is missing of it is made. The one
 * function here that trusts what it finds. fd NULL: it is only made.
 */
int file_tree_top(const char *path, mode_t mode, int *fd, struct err *err);
/*
 * What is at the path, by open(2)'s flags. No link on the way is followed, nor one at its end, and
 * no mount is entered unless `mounts`. ERR_NOT_FOUND; ERR_INVALID: a link, or
 * something that is no directory, is in the way.
 */
int file_tree_open(int dir, const char *path, int flags, bool mounts, int *fd, struct err *err);
/* The same, but links are followed as far as they stay below `dir`: ERR_FORBIDDEN for others. */
int file_tree_follow(int dir, const char *path, int flags, int *fd, struct err *err);
/*
 * The directory at the path; what is missing of it is made, each with exactly that mode. Mounts
 * are entered, links are not followed. fd NULL: it is only made.
 */
int file_tree_make(int dir, const char *path, mode_t mode, int *fd, struct err *err);
/* Is something mounted on it? */
bool file_tree_is_mount(int dir, const char *name);

/* Everything at a name, however deep; gone is fine. ERR_CONFLICT: something is mounted in it. */
int file_tree_remove(int dir, const char *name, const _Atomic(bool) *stop, struct err *err);

/*
 * What is below a directory takes on its disk; the path is followed, links below it are not. Ends
 * early when it is told to stop, and beyond two million files.
 */
struct file_tree_usage {
	int64_t bytes, inodes;
};
void file_tree_measure(const char *path, const _Atomic(bool) *stop, struct file_tree_usage *u);

/* Calls for each name in a directory, in no order; non-zero ends it and is given back. */
typedef int file_tree_fn(void *ctx, int dir, const char *name, struct err *err);
int file_tree_each(int dir, file_tree_fn *fn, void *ctx, struct err *err);

#endif
