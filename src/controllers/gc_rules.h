/*
 * The pure half of the garbage collector: what is to happen to an object whose owners have been
 * looked up. Trees as the API gives them, of any kind.
 */
#ifndef KUBE_CONTROLLERS_GC_RULES_H
#define KUBE_CONTROLLERS_GC_RULES_H

#include "controllers.h"

#define GC_FOREGROUND "foregroundDeletion"
#define GC_ORPHAN     "orphan"

/* What has been found out about one owner. */
enum gc_owner {
	GC_SOLID,   /* it is there */
	GC_ABSENT,  /* it is not, or has another uid */
	GC_WAITING, /* being deleted, and waits until its dependents are */
};

struct gc_facts {
	const struct cJSON *item;    /* as it is now */
	const enum gc_owner *owners; /* one for each of its owner references */
	bool has_dependents;         /* others name it as their owner */
	bool dependent_waits;        /* one of them waits for its dependents: a circle, maybe */
};

struct gc_action {
	const char *policy;    /* delete it so, unless NULL */
	struct cJSON *patch;   /* first, a merge patch of it, unless NULL */
	struct cJSON *options; /* DeleteOptions: this very object in this very state */
};
struct gc_action gc_decide(struct arena *a, const struct gc_facts *facts);

bool gc_is_deleted(const struct cJSON *item); /* has a deletionTimestamp */
bool gc_has_finalizer(const struct cJSON *item, const char *name);
/* It is being deleted and waits for its dependents; or has to let them go before. */
bool gc_waits(const struct cJSON *item);
bool gc_orphans(const struct cJSON *item);
/* Its reference to that owner; NULL: it has none. */
const struct cJSON *gc_reference(const struct cJSON *item, struct str uid);
/* Does it keep that owner from going? */
bool gc_blocks(const struct cJSON *item, struct str uid);

/* Merge patches of an object, only in the state that it is in. */
struct cJSON *gc_without_finalizer(struct arena *a, const struct cJSON *item, const char *name);
struct cJSON *gc_without_owner(struct arena *a, const struct cJSON *item, struct str uid);

#endif
