/*
 * backup_archive: a backup as one file, and back. A tar of plain files: `kube-backup`, which says
 * what it is, then those of the data directory, then `digests`, which lists the SHA-256 of all of
 * them as sha256sum does. What is read is somebody else's until all of it has been seen.
 */
#ifndef MAIN_BACKUP_ARCHIVE_H
#define MAIN_BACKUP_ARCHIVE_H

#include <kube/buf.h>
#include <kube/hash.h>
#include <kube/tar.h>

#define BACKUP_STORE     "state/state.db"
#define BACKUP_FILES_MAX 10000
#define BACKUP_FILE_MAX  ((int64_t)(16 * MIB))   /* of a file */
#define BACKUP_STORE_MAX ((int64_t)(8192 * MIB)) /* of the store; the last that fits is smaller */

/*
 * What a backup may hold, by its path below the data directory: the store, keys and certificates
 * (pki/), manifests, and texts of configuration beside them. What belongs to one node's pods and
 * images does not.
 */
bool backup_has_path(struct str path);

/* ---- writing ---- */

struct backup_writer {
	int (*write)(void *ctx, struct str bytes, struct err *err);
	void *ctx;
	/* private */
	struct buf digests;
	struct sha256 sum;
	struct str path;
	int64_t size, left;
	size_t count;
};
/* Writes what stands first. Then the files, each begun, added and ended; then finish. */
int backup_write_begin(struct backup_writer *w, struct err *err);
/* The path stays until the file's end. */
int backup_write_file(
	struct backup_writer *w, struct str path, uint32_t mode, int64_t size, struct err *err);
/* ERR_CONFLICT: more than was said. */
int backup_write_bytes(struct backup_writer *w, struct str bytes, struct err *err);
/* ERR_CONFLICT: less than was said. */
int backup_write_file_end(struct backup_writer *w, struct err *err);
int backup_write_end(struct backup_writer *w, struct err *err);
void backup_write_done(struct backup_writer *w);

/* ---- reading ---- */

/* Who takes the files as they come. Their digests are not known to be right yet. */
struct backup_taker {
	int (*begin)(void *ctx, struct str path, uint32_t mode, int64_t size, struct err *err);
	int (*bytes)(void *ctx, struct str bytes, struct err *err);
	int (*end)(void *ctx, struct err *err);
	void *ctx;
};
struct backup_summary {
	size_t files;
	int64_t bytes;
	unsigned char digest[32]; /* of the list of digests: the whole backup's */
};
/*
 * All of it, to its end; taker NULL: it is only checked. ERR_INVALID, ERR_SYNTAX, ERR_TOO_LARGE,
 * ERR_UNSUPPORTED with a sentence: it is none, not whole, or has been changed.
 */
int backup_read(tar_read_fn *read, void *ctx, const struct backup_taker *taker,
	struct backup_summary *summary, struct err *err);

#endif
