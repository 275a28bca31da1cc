/* Watching everything. */
#include "gc_graph.h"

#define PATIENCE (30 * SEC)   /* with a cache that does not fill */
#define LOOK     (100 * MSEC) /* until all of them are */

struct gc_watch {
	struct link in_graph;
	struct gc_graph *graph;
	const struct resource *resource;
	struct informer *informer;
	struct informer_handler handler;
	bool own; /* not shared with other controllers: of a custom resource */
	bool handled;
	int64_t since; /* when it began */
	struct op stopping;
};

struct gc_graph {
	struct gc_graph_options options;
	struct scope scope;
	struct list watches, leaving;
	struct catalog_listener listener;
	bool ready;
	struct op tick; /* while it is not */
};

/* ---- looking ---- */

struct gc_dependents gc_dependents_of(const struct gc_graph *g, struct str uid)
{
	return (struct gc_dependents){.uid = uid, .watch = list_first(&g->watches)};
}

bool gc_dependents_next(const struct gc_graph *g, struct gc_dependents *d)
{
	while (d->watch) {
		struct gc_watch *w = LIST_ENTRY(d->watch, struct gc_watch, in_graph);

		if (!d->started)
			d->in_watch = informer_by(w->informer, "owner", d->uid);
		d->started = true;
		if (informer_next(&d->in_watch)) {
			d->object = d->in_watch.object;
			d->resource = w->resource;
			return true;
		}
		d->started = false;
		d->watch = list_next(&g->watches, d->watch);
	}
	return false;
}

static struct gc_watch *find_watch(const struct gc_graph *g, const struct resource *r)
{
	list_each (k, &g->watches) {
		struct gc_watch *w = LIST_ENTRY(k, struct gc_watch, in_graph);

		if (w->resource == r)
			return w;
	}
	return NULL;
}

bool gc_find_uid(const struct gc_graph *g, const struct resource *r, struct str uid,
	struct str *namespace, struct str *name)
{
	struct gc_watch *w = find_watch(g, r);

	if (!w)
		return false;
	informer_each(it, informer_all(w->informer))
	{
		if (!str_eq(object_scan(it.object, "metadata.uid"), uid))
			continue;
		*namespace = client_object_namespace(it.object);
		*name = client_object_name(it.object);
		return true;
	}
	return false;
}

/* The owner that a reference means, when the caches have that very object. */
static struct object *find_owner(const struct gc_graph *g, const struct cJSON *ref,
	struct str namespace, const struct resource **r)
{
	*r = catalog_find_kind(
		g->options.catalog, tree_str(ref, "apiVersion"), tree_str(ref, "kind"));
	struct gc_watch *w = *r ? find_watch(g, *r) : NULL;
	if (!w)
		return NULL;
	struct object *o = informer_get(
		w->informer, (*r)->namespaced ? namespace : STR(""), tree_str(ref, "name"));
	return o && str_eq(object_scan(o, "metadata.uid"), tree_str(ref, "uid")) ? o : NULL;
}

/* ---- changes ---- */

static bool waits(const struct object *o)
{
	return object_scan(o, "metadata.deletionTimestamp").len &&
	       str_find(object_scan(o, "metadata.finalizers"), STR("\"" GC_FOREGROUND "\"")) >= 0;
}

static bool orphans(const struct object *o)
{
	return object_scan(o, "metadata.deletionTimestamp").len &&
	       str_find(object_scan(o, "metadata.finalizers"), STR("\"" GC_ORPHAN "\"")) >= 0;
}

static struct cJSON *owners_of(struct arena *a, const struct object *o)
{
	struct str text = object_scan(o, "metadata.ownerReferences");
	struct cJSON *owners = NULL;

	if (!text.len || json_parse(a, text, NULL, &owners, NULL))
		return NULL;
	return owners;
}

static void look(struct gc_graph *g, const struct resource *r, struct object *o)
{
	g->options.look(g->options.ctx, r, o);
}

static bool look_at_dependents(struct gc_graph *g, struct str uid)
{
	struct gc_dependents d = gc_dependents_of(g, uid);
	bool any = false;

	while (gc_dependents_next(g, &d)) {
		look(g, d.resource, d.object);
		any = true;
	}
	return any;
}

/* Owners that wait for their dependents are told when one of them changes its mind, or goes. */
static void look_at_waiting_owners(struct gc_graph *g, const struct object *o, struct arena *a)
{
	const struct resource *r;

	json_each (ref, owners_of(a, o)) {
		struct object *owner = find_owner(g, ref, client_object_namespace(o), &r);

		if (owner && waits(owner))
			look(g, r, owner);
	}
}

/* Only those that have an owner that is not there, or that waits, are worth a question. */
static bool has_doubtful_owner(struct gc_graph *g, const struct object *o, struct arena *a)
{
	const struct resource *r;

	json_each (ref, owners_of(a, o)) {
		struct object *owner = find_owner(g, ref, client_object_namespace(o), &r);

		if (!owner || waits(owner))
			return true;
	}
	return false;
}

static void changed(struct gc_watch *w, struct object *old, struct object *fresh)
{
	struct gc_graph *g = w->graph;
	bool same_owners = old && fresh &&
			   str_eq(object_scan(old, "metadata.ownerReferences"),
				   object_scan(fresh, "metadata.ownerReferences"));
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (!fresh) {
		struct str uid = object_scan(old, "metadata.uid");

		if (look_at_dependents(g, uid))
			g->options.lost(g->options.ctx, client_object_namespace(old), uid);
		look_at_waiting_owners(g, old, &a);
		return;
	}
	if (waits(fresh) && !(old && waits(old)))
		look_at_dependents(g, object_scan(fresh, "metadata.uid"));
	if ((waits(fresh) && !(old && waits(old))) || (orphans(fresh) && !(old && orphans(old))))
		look(g, w->resource, fresh);
	if (same_owners)
		return;
	if (has_doubtful_owner(g, fresh, &a))
		look(g, w->resource, fresh);
	if (old)
		look_at_waiting_owners(g, old, &a);
}

static void told(struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct gc_watch *w = h->ctx;

	(void)initial;
	/* Before all are known every owner looks lost. */
	if (w->graph->ready)
		changed(w, old, fresh);
}

/* ---- when all caches are filled ---- */

static void look_at_all(struct gc_graph *g)
{
	list_each (k, &g->watches) {
		struct gc_watch *w = LIST_ENTRY(k, struct gc_watch, in_graph);

		informer_each(it, informer_all(w->informer)) changed(w, NULL, it.object);
	}
}

static bool all_filled(struct gc_graph *g)
{
	int64_t now = loop_now(g->options.world->base.env->loop);

	if (!catalog_known(g->options.catalog))
		return false;
	list_each (k, &g->watches) {
		struct gc_watch *w = LIST_ENTRY(k, struct gc_watch, in_graph);

		if (!informer_synced(w->informer) && now < w->since + PATIENCE)
			return false;
	}
	return true;
}

static void look_again(struct gc_graph *g);

static void ticked(struct op *op, struct err *err)
{
	struct gc_graph *g = CONTAINER_OF(op, struct gc_graph, tick);

	if (scope_closing(&g->scope) || err->code)
		return;
	if (!all_filled(g)) {
		look_again(g);
		return;
	}
	g->ready = true;
	look_at_all(g);
}

static void look_again(struct gc_graph *g)
{
	if (op_active(&g->tick))
		return;
	op_init(&g->tick, &g->scope, ticked, OP_NO_DEADLINE);
	timer_wait(&g->tick, loop_in(g->options.world->base.env->loop, LOOK));
}

bool gc_graph_ready(const struct gc_graph *g)
{
	return g->ready;
}

/* ---- what is watched ---- */

/* They come and go by themselves, and are many. */
static bool are_events(const struct resource *r)
{
	return str_eq_text(r->plural, "events") &&
	       (!r->group.len || str_eq_text(r->group, "events.k8s.io"));
}

static bool is_collected(const struct catalog_entry *e)
{
	const unsigned needed = VERB_LIST | VERB_WATCH | VERB_DELETE;

	return !e->gone && (e->verbs & needed) == needed && !are_events(e->resource);
}

static void watch_over(struct op *op, struct err *err)
{
	struct gc_watch *w = CONTAINER_OF(op, struct gc_watch, stopping);

	(void)err;
	link_remove(&w->in_graph);
	informer_free(w->informer);
	mem_free(w);
}

static void unwatch(struct gc_watch *w)
{
	if (w->handled)
		informer_remove_handler(w->informer, &w->handler);
	link_remove(&w->in_graph);
	if (!w->own) {
		mem_free(w);
		return;
	}
	list_push(&w->graph->leaving, &w->in_graph);
	op_init(&w->stopping, &w->graph->scope, watch_over, OP_NO_DEADLINE);
	informer_stop(w->informer, &w->stopping);
}

static struct informer *own_informer(struct gc_graph *g, const struct resource *r)
{
	const struct informer_index index = index_by_owner();

	return informer_new(
		&g->scope, &(struct informer_options){.client = g->options.world->base.client,
				   .resource = r,
				   .indexes = &index,
				   .index_count = 1});
}

static void watch(struct gc_graph *g, const struct resource *r)
{
	struct gc_watch *w = mem_new(sizeof(*w));

	*w = (struct gc_watch){.graph = g, .resource = r, .own = r->custom};
	w->since = loop_now(g->options.world->base.env->loop);
	w->informer = r->custom ? own_informer(g, r) : controllers_informer(g->options.world, r);
	w->handler = (struct informer_handler){.changed = told, .ctx = w};
	list_push(&g->watches, &w->in_graph);
	informer_add_handler(w->informer, &w->handler);
	w->handled = true;
}

static void catalog_changed(struct catalog_listener *l)
{
	struct gc_graph *g = CONTAINER_OF(l, struct gc_graph, listener);
	const struct catalog *c = g->options.catalog;

	if (scope_closing(&g->scope))
		return;
	for (size_t i = 0; i < catalog_count(c); i++) {
		const struct catalog_entry *e = catalog_at(c, i);
		struct gc_watch *w = find_watch(g, e->resource);

		if (w && !is_collected(e))
			unwatch(w);
		if (w || !is_collected(e))
			continue;
		watch(g, e->resource);
		/* Once more all of it has to be known before anything is decided. */
		g->ready = false;
	}
	if (!g->ready)
		look_again(g);
}

struct gc_graph *gc_graph_new(const struct gc_graph_options *options)
{
	struct gc_graph *g = mem_new(sizeof(*g));

	g->options = *options;
	list_init(&g->watches);
	list_init(&g->leaving);
	scope_init(&g->scope, options->world->base.scope, "garbage graph", NULL);
	g->listener.changed = catalog_changed;
	catalog_listen(options->catalog, &g->listener);
	if (catalog_known(options->catalog))
		catalog_changed(&g->listener);
	return g;
}

void gc_graph_stop(struct gc_graph *g, struct op *op)
{
	catalog_leave(&g->listener);
	list_each_safe (k, &g->watches)
		unwatch(LIST_ENTRY(k, struct gc_watch, in_graph));
	scope_close(&g->scope, op);
}

void gc_graph_free(struct gc_graph *g)
{
	mem_free(g);
}
