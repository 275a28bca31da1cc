/*
 * Each key of the queue is one object, and one look at it:
 *
 *	item ─┬─ waits for its dependents ──── none of them blocks it → its finalizer goes
 *	      ├─ is to let them go ──────────── each loses its reference, then the finalizer goes
 *	      └─ has owners ── one question for each owner → gc_decide → delete, patch or nothing
 */
#include "gc_collector.h"

#include <kube/log.h>

#define TIMEOUT   (30 * SEC)
#define NOT_READY (500 * MSEC)

enum gc_step { GC_TAKE, GC_TAKEN, GC_ITEM, GC_OWNER, GC_LET_GO, GC_PATCHED, GC_LAST };
static const char *const gc_steps[] = {
	"take", "taken", "item", "owner", "let go", "patched", "last"};

struct gc_dependent {
	const struct resource *resource;
	struct cJSON *tree;
};

static void collect_run(struct task *t, struct err *err);
static const struct task_kind collect_kind = TASK_KIND("garbage collector", gc_steps, collect_run);

/* ---- questions and writes ---- */

static struct op *next(struct collector *w, enum gc_step step)
{
	return task_await(&w->task, step, loop_in(w->work->world->base.env->loop, TIMEOUT));
}

static void ask(struct collector *w, enum client_verb verb, const struct resource *r,
	struct str namespace, struct str name, const struct cJSON *body, enum gc_step step)
{
	client_request_init(&w->request, verb, r, r->namespaced ? namespace : STR(""), name);
	w->request.body = body;
	w->asking = true;
	client_send(w->work->world->base.client, next(w, step), &w->request);
}

static void take(struct collector *w)
{
	workqueue_take(w->work->queue, task_await(&w->task, GC_TAKEN, OP_NO_DEADLINE), &w->key);
}

/* The key is done with, well or badly. */
static void over(struct collector *w, const struct err *err)
{
	struct workqueue *q = w->work->queue;

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
	workqueue_add_failed(w->work->queue, w->key);
	workqueue_done(w->work->queue, w->key);
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
	struct gc_work *work = w->work;
	struct gc_dependents d = gc_dependents_of(work->graph, w->uid);
	bool blocked = false;

	while (gc_dependents_next(work->graph, &d)) {
		struct cJSON *dependent = object_lean_tree(&w->arena, d.object);

		if (!gc_blocks(dependent, w->uid))
			continue;
		blocked = true;
		if (!gc_waits(dependent))
			gc_work_look(work, d.resource, d.object);
	}
	if (blocked)
		over(w, NULL);
	else
		drop_finalizer(w, GC_FOREGROUND);
}

/* As they are now: those that lose their reference leave the index while this goes on. */
static void find_dependents(struct collector *w)
{
	struct gc_dependents d = gc_dependents_of(w->work->graph, w->uid);
	size_t cap = 0;

	w->dependent_count = w->dependent = 0;
	while (gc_dependents_next(w->work->graph, &d)) {
		if (w->dependent_count == cap) {
			struct gc_dependent *more;

			cap = cap ? cap * 2 : 16;
			more = arena_alloc(&w->arena, cap * sizeof(*more));
			if (w->dependent_count)
				memcpy(more, w->dependents, w->dependent_count * sizeof(*more));
			w->dependents = more;
		}
		w->dependents[w->dependent_count++] =
			(struct gc_dependent){d.resource, object_lean_tree(&w->arena, d.object)};
	}
}

static void let_next_go(struct collector *w)
{
	if (w->dependent == w->dependent_count) {
		drop_finalizer(w, GC_ORPHAN);
		return;
	}
	const struct gc_dependent *d = &w->dependents[w->dependent++];
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

	if (!gc_find_uid(w->work->graph, r, uid, &namespace, &name))
		return;
	if (str_eq(namespace, w->namespace))
		return;
	event_record(w->work->recorder, &about, STR("Warning"), STR("OwnerRefInvalidNamespace"),
		arena_print(a,
			"ownerRef [%.*s/%.*s, namespace: %.*s, name: %.*s, uid: %.*s] does not "
			"exist in namespace \"%.*s\"",
			STRF(tree_str(w->ref, "apiVersion")), STRF(tree_str(w->ref, "kind")),
			STRF(w->namespace), STRF(tree_str(w->ref, "name")), STRF(uid),
			STRF(w->namespace)));
}

static bool any_dependent_waits(struct collector *w, bool *any)
{
	struct gc_dependents d = gc_dependents_of(w->work->graph, w->uid);

	*any = false;
	while (gc_dependents_next(w->work->graph, &d)) {
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
	struct gc_work *work = w->work;

	for (;; w->owner++, w->ref = json_next(w->ref)) {
		if (!w->ref) {
			decide(w);
			return;
		}
		if (gc_work_has_lost(work, &w->arena, w->namespace, tree_str(w->ref, "uid"))) {
			w->owners[w->owner] = GC_ABSENT;
			continue;
		}
		break;
	}
	const struct resource *r = catalog_find_kind(
		work->world->catalog, tree_str(w->ref, "apiVersion"), tree_str(w->ref, "kind"));
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
		gc_work_lost(w->work, w->namespace, uid);
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
	w->resource = catalog_find(w->work->world->catalog, path);
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
	if (!gc_graph_ready(w->work->graph)) {
		workqueue_add_after(w->work->queue, w->key, NOT_READY);
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
		workqueue_done(w->work->queue, w->key);
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
	if (scope_closing(&w->work->scope) || (t->step == GC_TAKEN && err->code == ERR_CLOSED)) {
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

static void collector_over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

void collector_start(struct collector *c, struct gc_work *work)
{
	c->work = work;
	arena_init(&c->arena);
	op_init(&c->op, &work->scope, collector_over, OP_NO_DEADLINE);
	task_start(&c->task, &collect_kind, &c->op);
}

void collector_done(struct collector *c)
{
	arena_done(&c->arena);
}
