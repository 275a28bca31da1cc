/*
 * What the controllers share. A controller is one file that defines a `struct controller_kind`;
 * controllers.def names them all, in the order in which they start. Decisions are reconcile
 * functions (plan.h): pure, tested as tables of objects in and plans out.
 */
#ifndef KUBE_CONTROLLERS_PRIVATE_H
#define KUBE_CONTROLLERS_PRIVATE_H

#include <kube/api_codec.h>
#include <kube/controllers.h>
#include <kube/mem.h>
#include <kube/plan.h>
#include <kube/time.h>

struct catalog;

/* What one controller is given: a client of its own, caches that all share. */
struct controllers_world {
	struct component_base base;
	struct catalog *catalog; /* what is served (catalog.h) */
	const struct controllers_options *options;
};

struct controller_kind {
	const char *name;    /* upstream's: "replicaset-controller" */
	const char *aliases; /* older names, by spaces: "replicaset" */
	bool off;            /* only when it is asked for by name */
	/* NULL: off, since something it needs was not given. */
	struct part *(*start)(const struct controllers_world *w, const struct controller_kind *k);
	const void *rules; /* of those that share their start with others */
};

#define CONTROLLER(kind, account) extern const struct controller_kind kind;
#include "controllers.def"
#undef CONTROLLER

/*
 * All share one informer a resource; its indexes (whichever controller they are for) stand in one
 * table in informers.c. Resources that are not in it have "namespace" and "claim".
 */
struct informer *controllers_informer(const struct controllers_world *w, const struct resource *r);
/* Of a resource that may be served no more one day: the caller's, who stops and frees it. */
struct informer *controllers_own_informer(
	const struct controllers_world *w, const struct resource *r);

/* ---- a controller of the usual shape: informers, one queue, one reconcile function ---- */
/*
 * Watches some resources; each change adds keys to the queue; reconcile turns a key into a plan.
 * The memory of what it decides from is in informers alone.
 */
struct usual;
/* What of a change is queued: usual_enqueue for each key. */
typedef void usual_changed_fn(struct usual *u, struct object *old, struct object *fresh);
struct usual_source {
	const char *group, *version, *resource; /* "apps", "v1", "replicasets" */
	usual_changed_fn *changed;              /* NULL: only looked at */
};
struct usual_options {
	const char *recorder;               /* the component of its events; NULL: it tells none */
	const struct usual_source *sources; /* ends with resource == NULL */
	reconcile_fn *reconcile;            /* ctx is the struct usual */
	plan_refused_fn *refused;           /* the same; may be NULL */
	void (*served)(struct usual *u);    /* what is served has changed; NULL */
	int workers;
	void *ctx;               /* usual_ctx */
	void (*done)(void *ctx); /* frees ctx; may be NULL */
};
struct part *usual_new(const struct controllers_world *w, const struct controller_kind *k,
	const struct usual_options *o);
/* A key to begin with: of one that looks at everything from time to time. */
void usual_begin(struct part *p, struct str key);
/*
 * One more resource to watch, from now on; one that is watched already is found again. Not for a
 * handler. What is in it counts only once it is synced.
 */
struct informer *usual_watch_also(
	struct usual *u, const struct resource *r, usual_changed_fn *changed);
/* A custom one that is served no more: nobody is told of what was in it. */
void usual_watch_no_more(struct usual *u, const struct resource *r);
struct informer *usual_informer(const struct usual *u, const char *resource); /* of its sources */
const struct resource *usual_resource(const struct usual *u, const char *resource);
const struct controllers_world *usual_world(const struct usual *u);
void *usual_ctx(const struct usual *u);
void usual_enqueue(struct usual *u, struct str key);
void usual_enqueue_after(struct usual *u, struct str key, int64_t ns);
void usual_enqueue_object(struct usual *u, const struct object *o);
/* The controller of that object, when it is of this kind ("ReplicaSet", "apps"). False: not so. */
bool usual_enqueue_owner(
	struct usual *u, const struct object *o, const char *kind, const char *group);
#endif
