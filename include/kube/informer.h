/*
 * informer: a copy of a collection, kept up to date. It lists once and then watches; what
 * breaks is taken up again where it ended, and listed anew only when the server has forgotten
 * that place. Objects are immutable and shared; what is looked up is borrowed until the loop
 * turns. There is no resync: a handler hears of changes, and of each of them once.
 */
#ifndef KUBE_INFORMER_H
#define KUBE_INFORMER_H

#include <kube/client.h>
#include <kube/map.h>

struct informer;
struct informers;

/*
 * An index: gives every object some keys, by calling emit. Built-in ones below. Pure; the tree is
 * that of the object, in whatever version is watched.
 */
typedef void informer_emit_fn(void *ctx, struct str key);
struct informer_index {
	const char *name;
	void (*keys)(const struct informer_index *index, const struct cJSON *object,
		informer_emit_fn *emit, void *ctx);
	const char *argument; /* the label of index_by_label, the path of index_by_field */
};
/* Each gives one struct informer_index; names and arguments are constants. */
struct informer_index index_by_namespace(void);           /* "namespace" */
struct informer_index index_by_owner(void);               /* "owner": uids of all owners */
struct informer_index index_by_controller(void);          /* "controller": uid */
struct informer_index index_by_label(const char *label);  /* named as the label: its value */
struct informer_index index_by_field(const char *dotted); /* named as the path: its text */

struct informer_options {
	struct client *client;
	const struct resource *resource;
	struct str namespace, labels, fields; /* copied */
	const struct informer_index *indexes; /* copied */
	size_t index_count;
	bool no_watch_list; /* list first, as servers before 1.34 want it */
};

/*
 * Told of changes, on the loop, after the cache has them. old is NULL for what is new, fresh for
 * what is gone. Borrowed. `initial`: it was there when the informer (or the handler) began.
 */
struct informer_handler;
typedef void informer_changed_fn(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial);
struct informer_handler {
	informer_changed_fn *changed;
	void *ctx;
	struct link in_informer; /* private */
};

/* Begins at once, retries for ever. */
struct informer *informer_new(struct scope *parent, const struct informer_options *options);
/* Never refused. Then only free. */
void informer_stop(struct informer *i, struct op *op);
void informer_free(struct informer *i); /* NULL is fine */

/*
 * Embedded by its owner. Told at once of all that is there. Not to be called by a handler, but for
 * removing itself.
 */
void informer_add_handler(struct informer *i, struct informer_handler *h);
void informer_remove_handler(struct informer *i, struct informer_handler *h);

/* The first list is in the cache and all handlers have heard of it. */
bool informer_synced(const struct informer *i);
void informer_wait_synced(struct informer *i, struct op *op);
/* The newest revision the cache is known to have. */
int64_t informer_revision(const struct informer *i);
/* Done when the cache has that revision of its resource, or is known to be past it. */
void informer_wait_revision(struct informer *i, struct op *op, int64_t revision);
/* Done when the object with that uid is no more. */
void informer_wait_gone(struct informer *i, struct op *op, struct str key, struct str uid);
/*
 * Somebody knows that the server has more than the cache: a pause before the next attempt ends,
 * and a watch that has said nothing for some seconds is opened anew where it was.
 */
void informer_hurry(struct informer *i);
const struct resource *informer_resource(const struct informer *i);
/* Could objects of that namespace be in it? */
bool informer_covers(const struct informer *i, struct str namespace);

/* ---- looking ---- */
size_t informer_count(const struct informer *i);
struct object *informer_get(const struct informer *i, struct str namespace, struct str name);
struct object *informer_get_key(const struct informer *i, struct str key);

struct informer_iter {
	struct object *object;
	struct omap_iter at; /* private */
	const struct omap *entries;
};
/* All of them, in the order of their keys; of one index and key. Nothing may change between
 * steps. */
struct informer_iter informer_all(const struct informer *i);
struct informer_iter informer_by(const struct informer *i, const char *index, struct str key);
bool informer_next(struct informer_iter *it);
/* informer_each(it, informer_by(i, "owner", uid)) { it.object } */
#define informer_each(it, begin) for (struct informer_iter it = (begin); informer_next(&it);)

struct informer_stats {
	uint64_t lists, watches, events, failures;
	size_t objects;
};
void informer_stats(const struct informer *i, struct informer_stats *stats);

/* ---- shared ---- */
/* One informer for each resource, namespace and pair of selectors, for all who ask. */
struct informers *informers_new(struct client *c, struct scope *parent);
/* Indexes are those of the first who asks; asking later for others is our mistake (asserted). */
struct informer *informers_get(struct informers *all, const struct informer_options *options);
void informers_wait_synced(struct informers *all, struct op *op);
void informers_stop(struct informers *all, struct op *op);
void informers_free(struct informers *all);

#endif
