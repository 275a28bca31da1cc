/*
 * log_file: the store's file. One table, appended to: a row a revision, with the object's text or
 * NULL for a deletion; and a few numbers. Called on the store's worker, or before and after it
 * runs; never from two threads at once.
 */
#ifndef KUBE_STORE_LOG_FILE_H
#define KUBE_STORE_LOG_FILE_H

#include <kube/env.h>
#include <kube/str.h>

struct log_file;

struct log_numbers {
	int64_t revision;  /* the last one, where it was closed cleanly */
	int64_t ceiling;   /* above every revision ever handed out */
	int64_t compacted; /* history begins behind it */
	bool clean;        /* closed properly last time */
};

struct log_row {
	int64_t revision, expires;
	struct str bucket, key, text; /* text.at NULL: a deletion */
};

/* A transaction: rows to add, rows to delete, numbers to set. */
struct log_batch {
	struct log_row *rows;
	size_t row_count;
	int64_t *drops;
	size_t drop_count;
	struct log_numbers numbers;
};

#define LOG_SCHEMA_VERSION 1
#define SEALED_PREFIX      "k8s:enc:" /* of every text that is sealed */

/*
 * Opens or creates. A damaged file is put aside and the last good copy takes its place, with a
 * warning; without one ERR_IO and nothing is touched. ERR_UNSUPPORTED for a newer schema,
 * ERR_REFUSED when another process has it.
 */
int log_file_open(struct disk *disk, const char *dir, bool no_sync, struct log_file **file,
	struct log_numbers *numbers, struct err *err);
/* The same, of a file that is there, and whatever is in it: nothing takes its place. */
int log_file_open_as_is(struct disk *disk, const char *dir, struct log_file **file,
	struct log_numbers *numbers, struct err *err);
/*
 * Of a file from outside: every page, and that there is nothing in it but our tables (a trigger
 * would run with the next write). ERR_IO.
 */
int log_file_check(struct log_file *f, struct err *err);
/* Non-zero, an error code, stops, and is what reading gives; *err is then the callback's to set. */
typedef int log_row_fn(void *ctx, const struct log_row *row);
int log_file_read(struct log_file *f, log_row_fn *row, void *ctx, struct err *err);
/* Of those behind a revision, so many. */
int log_file_read_some(struct log_file *f, int64_t behind, int64_t count, log_row_fn *row,
	void *ctx, struct err *err);
int log_file_write(struct log_file *f, const struct log_batch *batch, struct err *err);
/*
 * The texts of these rows anew, in one transaction: `text` makes *out of what stands there (and
 * leaves it empty for what is to stay), or fails with *err. Rows that are gone are passed over.
 */
typedef int log_text_fn(void *ctx, const struct log_row *row, struct buf *out, struct err *err);
int log_file_rewrite(struct log_file *f, const int64_t *revisions, size_t count, log_text_fn *text,
	void *ctx, struct err *err);
/*
 * What rewriting has left behind goes: of the old texts nothing stays in the file, its WAL and the
 * last good copy. Where nothing was rewritten since the last time, nothing is done. Takes as much
 * memory as the file is large, and as long as writing all of it.
 */
int log_file_cleanse(struct log_file *f, struct err *err);
/* A consistent copy under another name, complete or not there. */
int log_file_copy(struct log_file *f, const char *path, struct err *err);
/*
 * The same in steps of so many pages (-1: all that are left); rows may be written between them and
 * come along. The last step has *more false. After a failure only free.
 */
struct log_copy;
int log_copy_begin(struct log_file *f, const char *path, struct log_copy **copy, struct err *err);
int log_copy_step(struct log_copy *c, int pages, bool *more, struct err *err);
/* After the last step: onto the disk, and to its name. From any thread. */
int log_copy_settle(struct log_copy *c, struct err *err);
void log_copy_free(struct log_copy *c); /* what is not settled is removed; NULL is fine */
int64_t log_file_size(struct log_file *f);
/* Copies the file as the last good one when that is older than a day; truncates the WAL. */
void log_file_close(struct log_file *f, bool good); /* NULL is fine */

#endif
