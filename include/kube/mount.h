/*
 * mount: mounts as descriptors, which nobody sees before they are attached, and places inside a
 * root that somebody else has filled: no link in it leads out.
 *
 * The calls block for as long as the kernel takes. Descriptors are the caller's to close.
 */
#ifndef KUBE_MOUNT_H
#define KUBE_MOUNT_H

#include <kube/err.h>
#include <kube/str.h>

enum mount_attribute {
	MOUNT_READ_ONLY = 1,
	MOUNT_NO_SUID = 2,
	MOUNT_NO_DEV = 4,
	MOUNT_NO_EXEC = 8,
};
enum mount_propagation { MOUNT_SAME, MOUNT_PRIVATE, MOUNT_SLAVE, MOUNT_SHARED };

/* One option of a file system: value NULL: a flag. */
struct mount_option {
	const char *key, *value;
};

/* A new file system of that type, attached nowhere. `attributes` are bits. */
int mount_new(const char *type, const struct mount_option *options, size_t count,
	unsigned attributes, int *fd, struct err *err);
/*
 * lowers: directories, the topmost first; upper and work NULL: read-only. What is written to it
 * need not survive a power cut.
 */
int mount_overlay(const char *const *lowers, size_t count, const char *upper, const char *work,
	int *fd, struct err *err);
/* What is mounted at a path, with all below it or alone, once more. */
int mount_clone(const char *path, bool recursive, int *fd, struct err *err);
/* Of a mount that is attached nowhere yet, or by a descriptor of its root. */
int mount_change(int fd, unsigned attributes, bool recursive, enum mount_propagation propagation,
	struct err *err);
/*
 * Who owns what in it is numbered by the user namespace `users` (a descriptor). Only of what is
 * attached nowhere yet, and where the file system knows how.
 */
int mount_map_users(int fd, int users, struct err *err);
int mount_attach(int fd, int place, struct err *err);
int mount_attach_at(int fd, const char *path, struct err *err);

/* Everything mounted at the path, however often; what is not there is fine. */
int mount_detach(const char *path, struct err *err);

/* ---- inside a root ---- */
enum mount_place { MOUNT_PLACE_DIRECTORY, MOUNT_PLACE_FILE, MOUNT_PLACE_AS_IT_IS };
/*
 * An O_PATH descriptor of the place, made with all above it where it is missing (not for
 * AS_IT_IS: ERR_NOT_FOUND). Links are followed as if `root` were the root.
 */
int mount_place_open(int root, const char *path, enum mount_place kind, int *fd, struct err *err);
/* The calling process's root becomes what `root` is the root of; the old one is gone. */
int mount_pivot(int root, struct err *err);

#endif
