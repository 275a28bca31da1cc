/*
 * One definition as it is served: its versions as resources, with types, strategies and columns.
 * Built when a definition has come or changed; immutable then, but for what is marked, and
 * counted: requests, lists and watches under way keep the one they began with.
 */
#ifndef KUBE_APISERVER_CUSTOM_KIND_H
#define KUBE_APISERVER_CUSTOM_KIND_H

#include <kube/custom.h>
#include <kube/list.h>
#include <kube/map.h>
#include <kube/object.h>
#include <kube/strategy.h>

struct custom_version {
	struct resource resource;
	struct strategy strategy;
	struct scale_paths scale;
	struct custom_type *type;
	struct custom_kind *kind; /* that it is part of */
	uint32_t epoch;           /* what it looks like, for object.epoch */
	struct map converted;     /* from others: revision → struct object, a reference */
	size_t converted_bytes;
	bool served;
};

struct custom_kind {
	uint32_t refs;
	struct arena arena;
	struct str name, uid;             /* the definition's */
	unsigned char digest[32];         /* of spec and accepted names */
	struct custom_version **versions; /* as the definition has them, unserved ones too */
	size_t count;
	const struct resource **resources; /* the same; ends with NULL */
	struct custom_version *storage;
	const struct cJSON *webhook; /* conversion's; NULL: versions differ in their name alone */

	/* these change */
	bool terminating;     /* nothing new comes any more */
	bool retired;         /* another one serves now, or none */
	struct list watchers; /* of custom_watcher: told when it retires */
};

struct custom_watcher {
	struct link in_kind;
	void (*retired)(struct custom_watcher *w); /* only note it, or post an op */
};

/* From a canonical tree. *epoch is counted up. NULL: *err says why it cannot be served. */
struct custom_kind *custom_kind_new(
	const struct cJSON *definition, uint32_t *epoch, struct err *err);
struct custom_kind *custom_kind_ref(struct custom_kind *k);
void custom_kind_unref(struct custom_kind *k); /* NULL is fine */
/* What makes a definition another one to those it serves. */
void custom_kind_digest(const struct cJSON *definition, unsigned char digest[32]);
/* Of a resource with `custom` set. */
struct custom_version *custom_version_of(const struct resource *r);
/* Tells its watchers, once. */
void custom_kind_retire(struct custom_kind *k);

/* ---- objects: view.c ---- */
/*
 * A stored object as a version shows it: a reference, of the same object when it is as it is
 * stored. Read as the version it was stored in, completed by that version's defaults, then turned
 * into the other and pruned by it, as upstream does. What a webhook converts must have been given
 * by custom_keep_converted.
 */
struct object *custom_view(const struct resource *r, struct object *stored);
/* Is it stored in another version than this? */
bool custom_needs_conversion(const struct resource *r, const struct object *stored);
/* Does it have to go to the webhook before it can be shown? */
bool custom_awaits_webhook(const struct resource *r, const struct object *stored);
/* What the webhook gets of it. */
struct cJSON *custom_before_conversion(
	const struct resource *r, struct arena *a, const struct object *stored);
/* What it made of it. */
void custom_keep_converted(
	const struct resource *r, struct arena *a, const struct object *stored, struct cJSON *tree);
/* Forgets what was converted if it has become much. Not between having it made and showing it. */
void custom_trim_converted(const struct resource *r);
/* A tree of a version as it is to be stored, without a webhook. The same one, when that is its
 * version. */
struct cJSON *custom_stored_tree(const struct resource *r, struct arena *a, struct cJSON *tree);

#endif
