/* A controller of the usual shape: informers, one queue, one reconcile function. */
#include "catalog.h"
#include "workload.h"

#include <kube/task.h>

struct usual_watch {
	struct informer_handler handler;
	struct usual *usual;
	usual_changed_fn *changed;
	const struct resource *resource;
	struct informer *informer;
	struct usual_watch *next; /* of those that came later */
	bool own;                 /* the informer is nobody else's */
	struct op stopping;       /* of one's own */
};

struct usual {
	struct part part;
	struct part_ops ops; /* named as the controller */
	const struct controllers_world *world;
	struct usual_options options;
	struct usual_watch *watches;
	struct informer **informers;
	size_t count;
	struct usual_watch *more;
	struct catalog_listener listener;
	struct event_recorder *recorder;
	struct controller *controller;
	struct task stopping;
};

/* ---- life ---- */

static void told(struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct usual_watch *watch = h->ctx;

	(void)initial;
	watch->changed(watch->usual, old, fresh);
}

static void open_watches(struct usual *u)
{
	const struct usual_source *sources = u->options.sources;

	while (sources[u->count].resource)
		u->count++;
	u->watches = mem_new(u->count * sizeof(*u->watches));
	u->informers = mem_new(u->count * sizeof(struct informer *));
	for (size_t i = 0; i < u->count; i++) {
		struct usual_watch *watch = &u->watches[i];

		*watch = (struct usual_watch){.usual = u, .changed = sources[i].changed};
		watch->resource = resource_find(str_from(sources[i].group),
			str_from(sources[i].version), str_from(sources[i].resource));
		assert(watch->resource);
		watch->informer = u->informers[i] = controllers_informer(u->world, watch->resource);
	}
}

static void usual_stop(struct part *p, struct op *op);
static void usual_free(struct part *p);

static void served_changed(struct catalog_listener *l)
{
	struct usual *u = CONTAINER_OF(l, struct usual, listener);

	u->options.served(u);
}

/* In a namespace that goes nothing can be made any more: who comes again only makes noise. */
static bool refused(void *ctx, struct plan *p, const struct plan_refusal *r, int64_t now)
{
	(void)ctx;
	(void)p;
	(void)now;
	return r->step->verb != PLAN_CREATE || !refusal_is_namespace_going(r);
}

struct part *usual_new(const struct controllers_world *w, const struct controller_kind *k,
	const struct usual_options *o)
{
	struct usual *u = mem_new(sizeof(*u));

	u->ops = (struct part_ops){.name = k->name, .stop = usual_stop, .free = usual_free};
	u->part.ops = &u->ops;
	u->world = w;
	u->options = *o;
	open_watches(u);
	if (o->recorder)
		u->recorder = event_recorder_new(
			w->base.client, w->base.scope, str_from(o->recorder), STR(""));
	struct controller_options options = {.name = k->name,
		.client = w->base.client,
		.recorder = u->recorder,
		.reconcile = o->reconcile,
		.refused = o->refused ? o->refused : refused,
		.ctx = u,
		.informers = u->informers,
		.informer_count = u->count,
		.workers = o->workers};
	u->controller = controller_new(w->base.scope, &options);
	for (size_t i = 0; i < u->count; i++) {
		struct usual_watch *watch = &u->watches[i];

		watch->handler = (struct informer_handler){.changed = told, .ctx = watch};
		if (watch->changed)
			informer_add_handler(watch->informer, &watch->handler);
	}
	if (o->served) {
		u->listener.changed = served_changed;
		catalog_listen(w->catalog, &u->listener);
	}
	return &u->part;
}

/* ---- what came later ---- */

/* It may outlive the controller, but not its scope. */
static void watch_over(struct op *op, struct err *err)
{
	struct usual_watch *w = CONTAINER_OF(op, struct usual_watch, stopping);

	(void)err;
	informer_free(w->informer);
	mem_free(w);
}

static void watch_end(struct usual *u, struct usual_watch *w)
{
	informer_remove_handler(w->informer, &w->handler);
	if (!w->own) {
		mem_free(w);
		return;
	}
	op_init(&w->stopping, u->world->base.scope, watch_over, OP_NO_DEADLINE);
	informer_stop(w->informer, &w->stopping);
}

struct informer *usual_watch_also(
	struct usual *u, const struct resource *r, usual_changed_fn *changed)
{
	struct usual_watch *watch;

	for (watch = u->more; watch; watch = watch->next)
		if (watch->resource == r)
			return watch->informer;
	watch = mem_new(sizeof(*watch));
	*watch = (struct usual_watch){
		.usual = u, .changed = changed, .resource = r, .own = r->custom, .next = u->more};
	u->more = watch;
	watch->informer = watch->own ? controllers_own_informer(u->world, r)
				     : controllers_informer(u->world, r);
	watch->handler = (struct informer_handler){.changed = told, .ctx = watch};
	informer_add_handler(watch->informer, &watch->handler);
	return watch->informer;
}

void usual_watch_no_more(struct usual *u, const struct resource *r)
{
	for (struct usual_watch **at = &u->more; *at; at = &(*at)->next) {
		struct usual_watch *w = *at;

		if (w->resource != r || !w->own)
			continue;
		*at = w->next;
		watch_end(u, w);
		return;
	}
}

/* ---- the end ---- */

enum stop_step { STOP_CONTROLLER, STOP_EVENTS, STOP_DONE };
static const char *const stop_steps[] = {"controller", "events", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct usual *u = CONTAINER_OF(t, struct usual, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_CONTROLLER:
		controller_stop(u->controller, task_await(t, STOP_EVENTS, OP_NO_DEADLINE));
		return;
	case STOP_EVENTS:
		if (u->recorder)
			event_recorder_stop(u->recorder, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		else
			task_finish(t, 0);
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

static void usual_stop(struct part *p, struct op *op)
{
	static const struct task_kind kind =
		TASK_KIND("controller part stop", stop_steps, stop_run);
	struct usual *u = CONTAINER_OF(p, struct usual, part);
	struct err none = {0};

	for (size_t i = 0; i < u->count; i++)
		if (u->watches[i].changed)
			informer_remove_handler(u->watches[i].informer, &u->watches[i].handler);
	if (u->options.served)
		catalog_leave(&u->listener);
	for (struct usual_watch *w = TAKE(u->more), *next; w; w = next) {
		next = w->next;
		watch_end(u, w);
	}
	u->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &u->stopping);
	stop_run(&u->stopping, &none);
}

static void usual_free(struct part *p)
{
	struct usual *u = CONTAINER_OF(p, struct usual, part);

	controller_free(u->controller);
	event_recorder_free(u->recorder);
	if (u->options.done)
		u->options.done(u->options.ctx);
	mem_free(u->watches);
	mem_free(u->informers);
	mem_free(u);
}

/* ---- for its reconcile and its handlers ---- */

static struct usual_watch *find_watch(const struct usual *u, const char *resource)
{
	for (size_t i = 0; i < u->count; i++)
		if (strcmp(u->options.sources[i].resource, resource) == 0)
			return &u->watches[i];
	assert(!"a resource that is not among the sources");
	return NULL;
}

struct informer *usual_informer(const struct usual *u, const char *resource)
{
	return find_watch(u, resource)->informer;
}

const struct resource *usual_resource(const struct usual *u, const char *resource)
{
	return find_watch(u, resource)->resource;
}

const struct controllers_world *usual_world(const struct usual *u)
{
	return u->world;
}

void *usual_ctx(const struct usual *u)
{
	return u->options.ctx;
}

void usual_begin(struct part *p, struct str key)
{
	usual_enqueue(CONTAINER_OF(p, struct usual, part), key);
}

void usual_enqueue(struct usual *u, struct str key)
{
	controller_enqueue(u->controller, key);
}

void usual_enqueue_after(struct usual *u, struct str key, int64_t ns)
{
	controller_enqueue_after(u->controller, key, ns);
}

void usual_enqueue_object(struct usual *u, const struct object *o)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	usual_enqueue(u, client_object_key(&a, o));
}

bool usual_enqueue_owner(
	struct usual *u, const struct object *o, const char *kind, const char *group)
{
	struct str text = object_scan(o, "metadata.ownerReferences"), found, version;
	_cleanup_(arena_done) struct arena a;
	struct cJSON *owners = NULL;

	arena_init(&a);
	if (!text.len || json_parse(&a, text, NULL, &owners, NULL))
		return false;
	json_each (owner, owners) {
		if (!tree_true(owner, "controller"))
			continue;
		api_version_split(tree_str(owner, "apiVersion"), &found, &version);
		if (!str_eq_text(tree_str(owner, "kind"), kind) || !str_eq_text(found, group))
			return false;
		usual_enqueue(u, arena_print(&a, "%.*s/%.*s", STRF(client_object_namespace(o)),
					 STRF(tree_str(owner, "name"))));
		return true;
	}
	return false;
}
