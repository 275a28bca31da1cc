/*
 * store: revisions of objects on SQLite, all of it in memory, every acknowledged write on disk.
 *
 * One global revision counts every write. Keys live in buckets (one per resource:
 * "/registry/pods/"), ordered by bytes. What is published is durable (but for lazy writes) and is
 * what everyone sees: commits are acknowledged after their transaction is on disk, and only then
 * do readers and watchers see them, in the order of revisions.
 *
 * Everything here is called on the loop's thread; disk work happens on WORK_STORE.
 */
#ifndef KUBE_STORE_H
#define KUBE_STORE_H

#include <kube/env.h>
#include <kube/object.h>

struct store;
struct bucket;

/*
 * How texts lie in the file, for those who want some of them sealed. Called on WORK_STORE, or
 * before and after it runs: they touch nothing of the loop. `place`: bucket and key together.
 */
struct store_sealer {
	/* 1: appended to *out, sealed; 0: this one lies there as it is. */
	int (*seal)(const struct store_sealer *s, struct str bucket, struct str place,
		struct str text, struct buf *out, struct err *err);
	/* 1: appended to *out, opened; 0: is not sealed. *stale: it would lie otherwise today. */
	int (*open)(const struct store_sealer *s, struct str bucket, struct str place,
		struct str text, struct buf *out, bool *stale, struct err *err);
};

enum change_type { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };
/* Told of each write when its waiter is: how long it took (ns), and whether it failed. */
typedef void store_observe_fn(
	void *ctx, struct bucket *b, enum change_type what, int64_t spent, bool failed);

struct store_options {
	const char *path;     /* a directory; state.db and what goes with it live in it */
	int64_t history_age;  /* 0: 5 min; changes older than that may be compacted */
	size_t history_count; /* 0: 100,000 changes in memory, at most */
	size_t history_bytes; /* 0: 64 MiB of text held by history alone */
	bool all_durable;     /* no lazy writes */
	bool no_sync;         /* tests and throw-away clusters: answers before the disk has it */
	const struct store_sealer *sealer; /* lives as long as the store; NULL: nothing is sealed */
	store_observe_fn *observe;         /* NULL: nobody wants to know */
	void *observe_ctx;
};

/*
 * Opens, checks and reads everything: op->n = objects read. Fails with a clear sentence when the
 * file is damaged and no last good copy is there, or was written by a newer version.
 */
void store_open(struct env *env, struct op *op, struct scope *parent,
	const struct store_options *options, struct store **store);
/* Writes what is lazy, closes the file. Never refused. The memory is freed with op's done. */
void store_close(struct store *s, struct op *op);

/*
 * The sealer will do otherwise: `change` is called on WORK_STORE, between writes; then what lies
 * otherwise than it would by now is sealed anew, a part at a time, and op->n counts it. What fails
 * lies as it did, and must be opened by the sealer still.
 */
void store_seal_anew(struct store *s, struct op *op, void (*change)(void *ctx), void *ctx);

int64_t store_revision(const struct store *s);  /* the last one published */
int64_t store_compacted(const struct store *s); /* history begins behind it */
/* Made when first asked for; lives as long as the store. */
struct bucket *store_bucket(struct store *s, struct str prefix);
/*
 * Lazy writes go into it: some may have been seen that a power cut has undone. So its history
 * begins with the opening, and whoever was somewhere before that is told that it is too old.
 */
void store_bucket_set_lazy(struct bucket *b);
/* A place for whoever uses the store to keep what it knows of a bucket; NULL at first. */
void **store_bucket_memo(struct bucket *b);

/* ---- reading ---- */
/* Borrowed until the loop turns; NULL when absent. Keys are relative: "default/web". */
struct object *store_get(const struct bucket *b, struct str key);
/* The same, or what is on its way to the disk: what a commit would be compared with. */
struct object *store_newest(const struct bucket *b, struct str key);
size_t store_count(const struct bucket *b);
/* How many changes of it have been published: as long as that is the same, so is the bucket. */
uint64_t store_changes(const struct bucket *b);

struct store_iter {
	struct str key; /* valid until the next step */
	struct object *object;
	void *private_[12];
};
/*
 * Keys >= from that begin with `prefix`, in byte order. Nothing may be committed or awaited
 * between steps.
 */
struct store_iter store_seek(const struct bucket *b, struct str prefix, struct str from);
bool store_next(struct store_iter *it);

/*
 * What stood there at an older revision: references, in key order, into *found (heap array, the
 * caller unrefs all and frees). At most `limit` (0: all); *more counts those left out.
 * ERR_EXPIRED when compacted, ERR_INVALID for a revision to come.
 */
struct store_found {
	struct object **items;
	struct str *keys; /* in one block with items */
	size_t count;
	size_t more;
};
int store_list_at(const struct bucket *b, int64_t revision, struct str prefix, struct str from,
	size_t limit, struct store_found *found, struct err *err);
void store_found_done(struct store_found *found);

/* What a write of that very revision put there, or took away; NULL: none that history still has. */
struct object *store_written(struct bucket *b, struct str key, int64_t revision);

/* ---- writing ---- */
#define COMMIT_ANY   (-1) /* whatever stands there */
#define COMMIT_FRESH 0    /* nothing may stand there */

struct commit {
	struct bucket *bucket;
	struct str key;     /* stays until done */
	int64_t expected;   /* revision that must stand there, COMMIT_ANY or COMMIT_FRESH */
	struct draft draft; /* taken by the store; of a deletion: the last state */
	bool delete_;
	bool lazy;             /* answered from memory, on disk with the next durable commit */
	int64_t expires;       /* wall ns when the store deletes it by itself; 0: never */
	struct object *result; /* what was written (deletions too): the caller's reference */
	struct object *found;  /* on ERR_CONFLICT, ERR_ALREADY_EXISTS: who is there, a reference */
	/* private */
	struct op *op;
	struct link in_queue;
	int64_t revision;
};
/*
 * ERR_CONFLICT, ERR_NOT_FOUND (expected a revision, nothing stands there), ERR_ALREADY_EXISTS,
 * ERR_NO_SPACE, ERR_IO, ERR_TOO_LARGE (over 3 MiB). The comparison is with the newest write, also
 * when that is still on its way to the disk.
 */
void store_commit(struct store *s, struct op *op, struct commit *c);
/*
 * Done when everything that was on its way to the disk when it was asked is published: for who
 * was refused because of it and tells others so. Fails with the error that befell it instead.
 */
struct settling {
	/* private */
	struct op *op;
	struct link in_store;
	int64_t revision;
};
void store_settle(struct store *s, struct op *op, struct settling *settling);

/* ---- watching ---- */
struct store_change {
	int64_t revision;
	enum change_type type;
	struct str key;
	struct object *object; /* the new state; of a deletion the last one with its revision */
	struct object *old;    /* before; NULL for ADDED. Borrowed, as object */
};

struct watch;
typedef void watch_wake_fn(struct watch *w); /* inside publishing: only note it, or post an op */

/* A reader of history with a place in it. It costs nothing while nothing happens. */
struct watch {
	struct link in_bucket;
	struct bucket *bucket;
	int64_t revision; /* everything up to here has been read */
	watch_wake_fn *wake;
	bool armed;        /* wake once at the next change */
	uint64_t position; /* private */
};
/* From behind `revision`. ERR_EXPIRED when that is compacted. */
int watch_init(
	struct watch *w, struct bucket *b, int64_t revision, watch_wake_fn *wake, struct err *err);
/*
 * The next change: 1; 0 when there is none (wake will be called once, at the next);
 * ERR_EXPIRED when history has gone past the reader. *change is valid until the loop turns.
 */
int watch_next(struct watch *w, struct store_change *change, struct err *err);
void watch_done(struct watch *w);

/* ---- care ---- */
void store_compact(struct store *s, int64_t revision); /* at most up to the present one */
/*
 * A consistent copy, while everything goes on: no write waits for it. All that had been answered
 * when it was asked for is in it, what is lazy too. Under `path` it is complete or not there.
 */
void store_backup(struct store *s, struct op *op, const char *path);

/*
 * Of a store's directory that no server uses; they block. ERR_REFUSED: one does; ERR_NOT_FOUND:
 * there is none; ERR_IO: it is damaged. The last revision that may have been handed out:
 */
int store_offline_revision(struct disk *disk, const char *dir, int64_t *revision, struct err *err);
int store_offline_copy(struct disk *disk, const char *dir, const char *path, struct err *err);
/*
 * A copy from outside is checked and made ready to be a store: its revisions go on far behind its
 * own and `behind`, and its history begins there. Whoever has seen another future lists anew.
 */
#define STORE_RENEWAL_STEP 1000000000
int store_offline_renew(
	struct disk *disk, const char *dir, int64_t behind, int64_t *revision, struct err *err);

struct store_stats {
	int64_t revision, compacted, commits, transactions, syncs;
	size_t objects, object_bytes, history, history_bytes, watches, queued;
	int64_t file_bytes;
	bool failing; /* the last write could not be made */
};
void store_stats(const struct store *s, struct store_stats *stats);

#endif
