/*
 * Who owns whom, by the caches of everything that can be deleted. The graph is the informers:
 * dependents are found by the index of owners, owners by the names in references.
 */
#ifndef KUBE_CONTROLLERS_GC_GRAPH_H
#define KUBE_CONTROLLERS_GC_GRAPH_H

#include "catalog.h"
#include "gc_rules.h"

struct gc_graph;
/* An object whose owners or dependents ask for a look. */
typedef void gc_look_fn(void *ctx, const struct resource *r, struct object *o);
/* An object of which others said that it owns them is gone. */
typedef void gc_lost_fn(void *ctx, struct str namespace, struct str uid);

struct gc_graph_options {
	const struct controllers_world *world;
	struct catalog *catalog;
	gc_look_fn *look;
	gc_lost_fn *lost;
	void *ctx;
};
struct gc_graph *gc_graph_new(const struct gc_graph_options *options);
/* Never refused. Then only free. */
void gc_graph_stop(struct gc_graph *g, struct op *op);
void gc_graph_free(struct gc_graph *g); /* NULL is fine */

/*
 * Are all caches filled? Those that do not get there are left out after a while, so that one
 * broken API does not stop the collection of everything else.
 */
bool gc_graph_ready(const struct gc_graph *g);

/* All that name this uid as an owner's. Nothing may change between steps. */
struct gc_dependents {
	const struct resource *resource;
	struct object *object;
	struct informer_iter in_watch; /* private */
	struct link *watch;
	struct str uid;
	bool started;
};
struct gc_dependents gc_dependents_of(const struct gc_graph *g, struct str uid);
bool gc_dependents_next(const struct gc_graph *g, struct gc_dependents *d);

/* Where an object with that uid and of that kind really is; false: nowhere known. */
bool gc_find_uid(const struct gc_graph *g, const struct resource *r, struct str uid,
	struct str *namespace, struct str *name);

#endif
