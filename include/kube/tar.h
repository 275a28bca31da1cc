/*
 * tar: reads an archive from front to back: ustar, pax and GNU's long names. Sparse files and kinds
 * nobody knows are refused. Blocking; one thread at a time. And the blocks to write one of files.
 */
#ifndef KUBE_TAR_H
#define KUBE_TAR_H

#include <kube/arena.h>
#include <kube/err.h>

/* Bytes of the archive, at most len; *n = 0 at its end. */
typedef int tar_read_fn(void *ctx, void *at, size_t len, size_t *n, struct err *err);
/* Passes over bytes without reading them. */
typedef int tar_skip_fn(void *ctx, int64_t len, struct err *err);

enum tar_kind {
	TAR_FILE,
	TAR_HARD_LINK,
	TAR_SYMLINK,
	TAR_CHAR_DEVICE,
	TAR_BLOCK_DEVICE,
	TAR_DIRECTORY,
	TAR_FIFO,
};

struct tar_xattr {
	struct str name, value;
};

#define TAR_PATH_MAX   4096
#define TAR_XATTRS_MAX 64

/* Lives until the next tar_next. */
struct tar_entry {
	enum tar_kind kind;
	struct str path,
		link;  /* as they stand there, without NUL; never longer than TAR_PATH_MAX */
	uint32_t mode; /* twelve bits */
	uint32_t uid, gid;
	uint32_t device_major, device_minor;
	int64_t size;   /* of a file; 0 of others */
	int64_t mtime;  /* ns */
	int64_t offset; /* where its bytes begin in the archive */
	const struct tar_xattr *xattrs;
	size_t xattr_count;
};

struct tar {
	tar_read_fn *read;
	tar_skip_fn *skip; /* NULL: bytes are read and thrown away */
	void *ctx;
	struct arena arena; /* of the current entry */
	int64_t at;         /* in the archive */
	int64_t left, pad;  /* of the current entry's bytes; what fills its last block */
};

void tar_init(struct tar *t, tar_read_fn *read, tar_skip_fn *skip, void *ctx);
void tar_done(struct tar *t);
/* What is left of the entry before is passed over. *end: there are no more. */
int tar_next(struct tar *t, struct tar_entry *e, bool *end, struct err *err);
/* Bytes of the current entry; *n = 0 when all were given. */
int tar_data(struct tar *t, void *at, size_t len, size_t *n, struct err *err);

/* ---- writing ---- */

#define TAR_BLOCK 512

/*
 * What stands before a file's bytes: path, mode, size and mtime of the entry count, it is root's.
 * ERR_TOO_LARGE: ustar cannot say that. The bytes are filled up to a block with zeros, and two
 * blocks of zeros are the end.
 */
int tar_print_file(char block[TAR_BLOCK], const struct tar_entry *e, struct err *err);

#endif
