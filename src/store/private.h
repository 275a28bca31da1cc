/* What the parts of the store share. */
#ifndef KUBE_STORE_PRIVATE_H
#define KUBE_STORE_PRIVATE_H

#include "log_file.h"

#include <kube/map.h>
#include <kube/store.h>
#include <kube/work.h>

/* One change that watchers and old lists can still see. */
struct change_record {
	int64_t revision, at; /* at: loop time it was published */
	enum change_type type;
	char *key;
	struct object *object, *old; /* references; object of a deletion: the last state */
};

struct bucket {
	struct store *store;
	char *prefix;
	void *memo;          /* the user's */
	int64_t begins;      /* nobody may ask for what was before; 0: as the store's history */
	struct omap objects; /* key → struct object *, one reference each */
	struct map pending;  /* key → newest struct write that is not published */
	struct list watches;
	/* history: a ring, oldest first; positions count from the beginning of time */
	struct change_record *ring;
	size_t ring_cap;
	uint64_t first, end; /* positions of the oldest and behind the newest */
};

/* A write on its way: queued, in a transaction, or published but not on disk (lazy). */
struct write {
	struct link in_list;
	struct bucket *bucket;
	char *key;
	struct object *object; /* the new state; of a deletion the last one */
	int64_t revision, expires;
	int64_t begun;            /* on the loop's clock */
	bool made;                /* nothing stood there */
	bool deleted, lazy, done; /* done: on disk, or lazy: may be published */
	struct commit *commit;    /* NULL once answered */
};

struct store {
	struct env *env;
	struct scope scope;
	struct store_options options;
	char *path;
	struct log_file *file;
	struct map buckets;
	int64_t assigned, published, compacted, ceiling;
	int64_t opened;        /* the revision it was opened at */
	struct list queue;     /* writes not published, by revision */
	struct list unwritten; /* lazy writes published, not on disk */
	struct list settling;  /* settling.in_store, by revision */
	struct list copies;    /* struct copy, the first one is or will be under way */
	struct log_copy *copy; /* the worker's */
	struct log_batch *batch;
	struct work work;
	struct op op; /* of the transaction under way */
	bool writing, closing, copying;
	int64_t *stale; /* the worker's: revisions of rows that would be sealed otherwise today */
	size_t stale_count, stale_cap;
	/* Rows that nothing needs any more, in the order in which they are to go: were the end of
	 * an object forgotten before all of its states, a power cut would bring it back. */
	int64_t *garbage;
	size_t garbage_first, garbage_end, garbage_cap;
	/* care by time */
	struct op timer;
	struct omap expiring; /* time and revision → struct expiry * */
	struct store_stats stats;
};

/* ---- commit.c ---- */
void store_publish_ready(struct store *s);
void store_write_more(struct store *s);
void write_free(struct write *w);
/* Everything that is on no disk yet, as a transaction. */
struct log_batch *batch_collect(struct store *s, bool last);
void batch_free(struct log_batch *b);

/* ---- sealing.c ---- */
/* A row's text as it is meant, in *opened unless it lies there so. */
int sealing_open(struct store *s, const struct log_row *r, struct buf *opened, struct str *text,
	struct err *err);
int sealing_write(struct store *s, const struct log_batch *batch, struct err *err);
/* Rows that opening found stale are sealed as they would be today. *count: so many were. */
int sealing_renew(struct store *s, int64_t *count, struct err *err);
/* When all is renewed: of what lay there before nothing stays. */
void sealing_cleanse(struct store *s);

/* ---- copy.c ---- */
bool store_copy_waits(const struct store *s); /* for something to be written */
void store_copy_next(struct store *s);
void store_copy_fail(struct store *s, const struct err *err); /* those that wait */

/* ---- history.c ---- */
void history_add(struct bucket *b, const struct change_record *c);
void history_compact(struct bucket *b, int64_t revision);
void history_free(struct bucket *b);
void store_garbage(struct store *s, int64_t revision);
struct change_record *history_at(struct bucket *b, uint64_t position);
/* The position of the first change behind the revision. */
uint64_t history_behind(struct bucket *b, int64_t revision);

/* ---- care.c ---- */
void store_care(struct store *s); /* sets the timer, if there is a reason for one */
void store_expiry_add(
	struct store *s, struct bucket *b, const char *key, int64_t revision, int64_t expires);
void store_expiry_free(struct store *s);
void store_bound_history(struct store *s);

#endif
