/*
 * The garbage collector. What owners and dependents look like is asked of the caches; whether an
 * owner is really gone, of the API. Each key of the queue is one object, and one look at it:
 *
 *	item ─┬─ waits for its dependents ──── none of them blocks it → its finalizer goes
 *	      ├─ is to let them go ──────────── each loses its reference, then the finalizer goes
 *	      └─ has owners ── one question for each owner → gc_decide → delete, patch or nothing
 */
#include "gc_graph.h"

#include <kube/log.h>
#include <kube/task.h>

#define WORKERS    20
#define TIMEOUT    (30 * SEC)
#define MAX_ABSENT 10000
#define NOT_READY  (500 * MSEC)

enum gc_step { GC_TAKE, GC_TAKEN, GC_ITEM, GC_OWNER, GC_LET_GO, GC_PATCHED, GC_LAST };
static const char *const gc_steps[] = {
	"take", "taken", "item", "owner", "let go", "patched", "last"};

struct gc;

struct dependent {
	const struct resource *resource;
	struct cJSON *tree;
};

struct collector {
	struct task task;
	struct op op;
	struct gc *gc;
	struct str key; /* "<group>/<plural> <uid> <namespace>/<name>" */
	const struct resource *resource;
	struct str uid, namespace, name;
	struct arena arena;
	struct client_request request;
	bool asking;
	struct cJSON *item;
	const struct cJSON *ref; /* the owner asked about */
	enum gc_owner *owners;
	size_t owner;
	struct gc_action action;
	struct dependent *dependents; /* to be let go */
	size_t dependent_count, dependent;
};

struct gc {
	struct part part;
	const struct controllers_world *world;
	struct scope scope;
	struct gc_graph *graph;
	struct workqueue *queue;
	struct event_recorder *recorder;
	struct map absent; /* "namespace/uid" of owners that are known to be gone */
	struct collector collectors[WORKERS];
	struct task stopping;
};

static void collect_run(struct task *t, struct err *err);
static const struct task_kind collect_kind = TASK_KIND("garbage collector", gc_steps, collect_run);

/* ---- what is to be looked at ---- */

static void look(void *ctx, const struct resource *r, struct object *o)
{
	struct gc *gc = ctx;
	struct arena a;

	arena_init(&a);
	workqueue_add(
		gc->queue, arena_print(&a, "%.*s/%.*s %.*s %.*s/%.*s", STRF(r->group),
				   STRF(r->plural), STRF(object_scan(o, "metadata.uid")),
				   STRF(client_object_namespace(o)), STRF(client_object_name(o))));
	arena_done(&a);
}

static struct str absent_key(struct arena *a, struct str namespace, struct str uid)
{
	return arena_print(a, "%.*s/%.*s", STRF(namespace), STRF(uid));
}

/* A uid that has gone does not come again. */
static void note_absent(void *ctx, struct str namespace, struct str uid)
{
	struct gc *gc = ctx;
	struct arena a;

	arena_init(&a);
	if (gc->absent.count >= MAX_ABSENT) {
		map_done(&gc->absent);
		map_init(&gc->absent);
	}
	map_set(&gc->absent, absent_key(&a, namespace, uid), gc);
	arena_done(&a);
}

/* ---- questions and writes ---- */

static struct op *next(struct collector *w, enum gc_step step)
{
	return task_await(&w->task, step, loop_in(w->gc->world->base.env->loop, TIMEOUT));
}

static void ask(struct collector *w, enum client_verb verb, const struct resource *r,
	struct str namespace, struct str name, const struct cJSON *body, enum gc_step step)
{
	client_request_init(&w->request, verb, r, r->namespaced ? namespace : STR(""), name);
	w->request.body = body;
	w->asking = true;
	client_send(w->gc->world->base.client, next(w, step), &w->request);
}

static void take(struct collector *w)
{
	workqueue_take(w->gc->queue, task_await(&w->task, GC_TAKEN, OP_NO_DEADLINE), &w->key);
}

/* The key is done with, well or badly. */
static void over(struct collector *w, const struct err *err)
{
	struct workqueue *q = w->gc->queue;

	if (err && err->code && err->code != ERR_NOT_FOUND)
		workqueue_add_failed(q, w->key);
	else
		workqueue_forget(q, w->key);
	if (err && err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT)
		log_error(err, "cannot collect", LOG_STR("object", w->key));
	workqueue_done(q, w->key);
	w->key = (struct str){0};
	arena_reset(&w->arena);
	take(w);
}

static void fail(struct collector *w, const char *why)
{
	log_v(2, "not collected yet", LOG_STR("object", w->key), LOG_TEXT("why", why));
	workqueue_add_failed(w->gc->queue, w->key);
	workqueue_done(w->gc->queue, w->key);
	w->key = (struct str){0};
	arena_reset(&w->arena);
	take(w);
}

/* ---- an object that is being deleted and has dependents ---- */

static void drop_finalizer(struct collector *w, const char *name)
{
	ask(w, CLIENT_PATCH_MERGE, w->resource, w->namespace, w->name,
		gc_without_finalizer(&w->arena, w->item, name), GC_LAST);
}

static void look_at_waiting(struct collector *w)
{
	struct gc *gc = w->gc;
	struct gc_dependents d = gc_dependents_of(gc->graph, w->uid);
	bool blocked = false;

	while (gc_dependents_next(gc->graph, &d)) {
		struct cJSON *dependent = object_lean_tree(&w->arena, d.object);

		if (!gc_blocks(dependent, w->uid))
			continue;
		blocked = true;
		if (!gc_waits(dependent))
			look(gc, d.resource, d.object);
	}
	if (blocked)
		over(w, NULL);
	else
		drop_finalizer(w, GC_FOREGROUND);
}

/* As they are now: those that lose their reference leave the index while this goes on. */
static void find_dependents(struct collector *w)
{
	struct gc_dependents d = gc_dependents_of(w->gc->graph, w->uid);
	size_t cap = 0;

	w->dependent_count = w->dependent = 0;
	while (gc_dependents_next(w->gc->graph, &d)) {
		if (w->dependent_count == cap) {
			struct dependent *more;

			cap = cap ? cap * 2 : 16;
			more = arena_alloc(&w->arena, cap * sizeof(*more));
			if (w->dependent_count)
				memcpy(more, w->dependents, w->dependent_count * sizeof(*more));
			w->dependents = more;
		}
		w->dependents[w->dependent_count++] =
			(struct dependent){d.resource, object_lean_tree(&w->arena, d.object)};
	}
}

static void let_next_go(struct collector *w)
{
	if (w->dependent == w->dependent_count) {
		drop_finalizer(w, GC_ORPHAN);
		return;
	}
	const struct dependent *d = &w->dependents[w->dependent++];
	ask(w, CLIENT_PATCH_MERGE, d->resource, tree_str(d->tree, "metadata.namespace"),
		tree_str(d->tree, "metadata.name"), gc_without_owner(&w->arena, d->tree, w->uid),
		GC_LET_GO);
}

/* ---- an object that has owners ---- */

static void tell_wrong_namespace(struct collector *w, const struct resource *r)
{
	struct str namespace, name, uid = tree_str(w->ref, "uid");
	const struct event_about about = event_about_object(w->item);
	struct arena *a = &w->arena;

	if (!gc_find_uid(w->gc->graph, r, uid, &namespace, &name))
		return;
	if (str_eq(namespace, w->namespace))
		return;
	event_record(w->gc->recorder, &about, STR("Warning"), STR("OwnerRefInvalidNamespace"),
		arena_print(a,
			"ownerRef [%.*s/%.*s, namespace: %.*s, name: %.*s, uid: %.*s] does not "
			"exist in namespace \"%.*s\"",
			STRF(tree_str(w->ref, "apiVersion")), STRF(tree_str(w->ref, "kind")),
			STRF(w->namespace), STRF(tree_str(w->ref, "name")), STRF(uid),
			STRF(w->namespace)));
}

static bool any_dependent_waits(struct collector *w, bool *any)
{
	struct gc_dependents d = gc_dependents_of(w->gc->graph, w->uid);

	*any = false;
	while (gc_dependents_next(w->gc->graph, &d)) {
		*any = true;
		if (gc_waits(object_lean_tree(&w->arena, d.object)))
			return true;
	}
	return false;
}

static void delete_item(struct collector *w)
{
	ask(w, CLIENT_DELETE, w->resource, w->namespace, w->name, w->action.options, GC_LAST);
}

static void decide(struct collector *w)
{
	struct gc_facts facts = {.item = w->item, .owners = w->owners};

	facts.dependent_waits = any_dependent_waits(w, &facts.has_dependents);
	w->action = gc_decide(&w->arena, &facts);
	if (w->action.patch)
		ask(w, CLIENT_PATCH_MERGE, w->resource, w->namespace, w->name, w->action.patch,
			w->action.policy ? GC_PATCHED : GC_LAST);
	else if (w->action.policy)
		delete_item(w);
	else
		over(w, NULL);
}

static void next_owner(struct collector *w)
{
	struct gc *gc = w->gc;

	for (;; w->owner++, w->ref = json_next(w->ref)) {
		if (!w->ref) {
			decide(w);
			return;
		}
		if (map_has(&gc->absent,
			    absent_key(&w->arena, w->namespace, tree_str(w->ref, "uid")))) {
			w->owners[w->owner] = GC_ABSENT;
			continue;
		}
		break;
	}
	const struct resource *r = catalog_find_kind(
		gc->world->catalog, tree_str(w->ref, "apiVersion"), tree_str(w->ref, "kind"));
	if (!r) {
		fail(w, "an owner's kind is not served");
		return;
	}
	if (r->namespaced && !w->resource->namespaced) {
		/* What cannot be is left alone; somebody may put it right. */
		tell_wrong_namespace(w, r);
		over(w, NULL);
		return;
	}
	ask(w, CLIENT_GET, r, w->namespace, tree_str(w->ref, "name"), NULL, GC_OWNER);
}

static void owner_seen(struct collector *w, const struct cJSON *owner)
{
	enum gc_owner *state = &w->owners[w->owner];
	struct str uid = tree_str(w->ref, "uid");

	if (!owner || !str_eq(tree_str(owner, "metadata.uid"), uid)) {
		const struct resource *r = w->request.resource;

		*state = GC_ABSENT;
		if (!owner && r->namespaced)
			tell_wrong_namespace(w, r);
		note_absent(w->gc, w->namespace, uid);
	} else {
		*state = gc_waits(owner) ? GC_WAITING : GC_SOLID;
	}
	w->owner++;
	w->ref = json_next(w->ref);
}

/* ---- one object ---- */

static bool read_key(struct collector *w)
{
	struct str path, rest, key;

	str_cut(w->key, ' ', &path, &rest);
	str_cut(rest, ' ', &w->uid, &key);
	str_cut(key, '/', &w->namespace, &w->name);
	w->resource = catalog_find(w->gc->world->catalog, path);
	return w->resource;
}

static void look_at_item(struct collector *w)
{
	const struct cJSON *owners = json_path(w->item, "metadata.ownerReferences");

	if (!str_eq(tree_str(w->item, "metadata.uid"), w->uid)) {
		over(w, NULL);
		return;
	}
	if (gc_waits(w->item)) {
		look_at_waiting(w);
		return;
	}
	if (gc_orphans(w->item)) {
		find_dependents(w);
		let_next_go(w);
		return;
	}
	if (gc_is_deleted(w->item) || !json_count(owners)) {
		over(w, NULL);
		return;
	}
	w->owners = arena_new(&w->arena, json_count(owners) * sizeof(*w->owners));
	w->owner = 0;
	w->ref = json_first(owners);
	next_owner(w);
}

static void begin(struct collector *w)
{
	if (!gc_graph_ready(w->gc->graph)) {
		workqueue_add_after(w->gc->queue, w->key, NOT_READY);
		over(w, NULL);
	} else if (!read_key(w)) {
		over(w, NULL);
	} else {
		ask(w, CLIENT_GET, w->resource, w->namespace, w->name, NULL, GC_ITEM);
	}
}

static void give_up(struct collector *w)
{
	if (w->key.len)
		workqueue_done(w->gc->queue, w->key);
	w->key = (struct str){0};
	task_finish(&w->task, 0);
}

/* The answer moves to the worker's own memory, so that the next question can be asked. */
static struct cJSON *end_request(struct collector *w, bool keep)
{
	struct cJSON *answer = keep ? json_copy(&w->arena, w->request.object) : NULL;

	client_request_done(&w->request);
	w->asking = false;
	return answer;
}

static void collect_run(struct task *t, struct err *err)
{
	struct collector *w = CONTAINER_OF(t, struct collector, task);
	struct cJSON *answer = NULL;

	if (w->asking)
		answer = end_request(w, !err->code);
	if (scope_closing(&w->gc->scope) || (t->step == GC_TAKEN && err->code == ERR_CLOSED)) {
		give_up(w);
		return;
	}
	switch ((enum gc_step)t->step) {
	case GC_TAKE:
		take(w);
		return;
	case GC_TAKEN:
		if (err->code)
			take(w);
		else
			begin(w);
		return;
	case GC_ITEM:
		w->item = answer;
		break;
	case GC_OWNER:
		if (err->code && err->code != ERR_NOT_FOUND)
			break;
		owner_seen(w, answer);
		next_owner(w);
		return;
	case GC_LET_GO:
		if (err->code && err->code != ERR_NOT_FOUND)
			break;
		let_next_go(w);
		return;
	case GC_PATCHED:
		if (!err->code) {
			delete_item(w);
			return;
		}
		break;
	case GC_LAST:
		break;
	}
	if (t->step == GC_ITEM && !err->code)
		look_at_item(w);
	else
		over(w, err);
}

/* ---- life ---- */

enum stop_step { STOP_QUEUE, STOP_GRAPH, STOP_EVENTS, STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"queue", "graph", "events", "scope", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct gc *gc = CONTAINER_OF(t, struct gc, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_QUEUE:
		workqueue_stop(gc->queue, task_await(t, STOP_GRAPH, OP_NO_DEADLINE));
		return;
	case STOP_GRAPH:
		gc_graph_stop(gc->graph, task_await(t, STOP_EVENTS, OP_NO_DEADLINE));
		return;
	case STOP_EVENTS:
		event_recorder_stop(gc->recorder, task_await(t, STOP_SCOPE, OP_NO_DEADLINE));
		return;
	case STOP_SCOPE:
		scope_close(&gc->scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

static void gc_stop(struct part *p, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("gc stop", stop_steps, stop_run);
	struct gc *gc = CONTAINER_OF(p, struct gc, part);
	struct err none = {0};

	gc->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &gc->stopping);
	stop_run(&gc->stopping, &none);
}

static void gc_free(struct part *p)
{
	struct gc *gc = CONTAINER_OF(p, struct gc, part);

	for (int i = 0; i < WORKERS; i++)
		arena_done(&gc->collectors[i].arena);
	gc_graph_free(gc->graph);
	event_recorder_free(gc->recorder);
	workqueue_free(gc->queue);
	map_done(&gc->absent);
	mem_free(gc);
}

static void collector_over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct part_ops ops = {
		.name = "garbage collector", .stop = gc_stop, .free = gc_free};
	struct gc *gc = mem_new(sizeof(*gc));

	(void)k;
	gc->part.ops = &ops;
	gc->world = w;
	map_init(&gc->absent);
	scope_init(&gc->scope, w->base.scope, "garbage collector", NULL);
	gc->queue = workqueue_new(
		w->base.env->loop, &gc->scope, &(struct workqueue_options){.name = "garbage"});
	gc->recorder = event_recorder_new(
		w->base.client, &gc->scope, STR("garbage-collector-controller"), STR(""));
	gc->graph = gc_graph_new(&(struct gc_graph_options){
		.world = w, .catalog = w->catalog, .look = look, .lost = note_absent, .ctx = gc});
	for (int i = 0; i < WORKERS; i++) {
		struct collector *c = &gc->collectors[i];

		c->gc = gc;
		arena_init(&c->arena);
		op_init(&c->op, &gc->scope, collector_over, OP_NO_DEADLINE);
		task_start(&c->task, &collect_kind, &c->op);
	}
	return &gc->part;
}

const struct controller_kind gc_kind = {
	.name = "garbage-collector-controller", .aliases = "garbagecollector", .start = start};
