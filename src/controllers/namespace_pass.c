/*
 * The caches may not know yet what was made last, so each pass lists what is there.
 *
 *	namespace ── pods ── none left ── each other resource ── conditions ── empty: finalize
 */
#include "namespace_pass.h"

#include <kube/log.h>

#define TIMEOUT        (60 * SEC)
#define FINALIZER_WAIT 15 /* seconds: an estimate for what waits for others */

enum ns_step {
	NS_TAKE,
	NS_TAKEN,
	NS_NAMESPACE,
	NS_LISTED,
	NS_DELETED,
	NS_EACH,
	NS_LISTED_AGAIN,
	NS_TOLD,
	NS_FINALIZED,
};
static const char *const ns_steps[] = {"take", "taken", "namespace", "listed", "deleted", "each",
	"listed again", "told", "finalized"};

static void ns_run(struct task *t, struct err *err);
static const struct task_kind ns_kind = TASK_KIND("namespace", ns_steps, ns_run);

static int64_t now_of(const struct ns_worker *w)
{
	return env_wall(w->work->world->base.env);
}

static struct op *next(struct ns_worker *w, enum ns_step step)
{
	return task_await(&w->task, step, loop_in(w->work->world->base.env->loop, TIMEOUT));
}

static void take(struct ns_worker *w)
{
	workqueue_take(w->work->queue, task_await(&w->task, NS_TAKEN, OP_NO_DEADLINE), &w->key);
}

/* ---- the end of a pass ---- */

static void over(struct ns_worker *w, const struct err *err)
{
	struct workqueue *q = w->work->queue;
	bool failed = err && err->code && err->code != ERR_NOT_FOUND;

	if (failed)
		workqueue_add_failed(q, w->key);
	else
		workqueue_forget(q, w->key);
	if (failed && err->code != ERR_CONFLICT)
		log_error(err, "cannot end namespace", LOG_STR("namespace", w->key));
	workqueue_done(q, w->key);
	w->key = (struct str){0};
	arena_reset(&w->arena);
	take(w);
}

static void write_namespace(struct ns_worker *w, const char *subresource, enum ns_step step)
{
	const struct resource *r = informer_resource(w->work->namespaces);

	client_request_init(&w->request, CLIENT_UPDATE, r, STR(""), w->key);
	w->request.subresource = str_from(subresource);
	w->request.body = w->namespace;
	w->asking = true;
	client_send(w->work->world->base.client, next(w, step), &w->request);
}

static void conclude(struct ns_worker *w)
{
	if (!namespace_is_empty(&w->content)) {
		workqueue_add_after(
			w->work->queue, w->key, namespace_look_again(w->namespace, now_of(w)));
		over(w, NULL);
	} else if (namespace_finalize(&w->arena, w->namespace)) {
		write_namespace(w, "finalize", NS_FINALIZED);
	} else {
		over(w, NULL);
	}
}

static void tell(struct ns_worker *w)
{
	const struct catalog *c = w->work->world->catalog;

	w->content.undiscovered = catalog_failures(c, &w->content.undiscovered_count);
	if (namespace_set_conditions(&w->arena, w->namespace, &w->content, now_of(w)))
		write_namespace(w, "status", NS_TOLD);
	else
		conclude(w);
}

/* ---- one resource ---- */

static int note_item(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	struct ns_worker *w = ctx;
	int64_t grace = namespace_pod_grace(tree, w->deleted, now_of(w));

	(void)err;
	if (w->pods)
		w->grace = MAX(w->grace, grace);
	if (w->noting)
		json_each (f, json_path(tree, "metadata.finalizers")) {
			namespace_note_finalizer(w->noting, json_str(f));
			w->with_finalizers++;
		}
	if (w->count == w->name_cap) {
		size_t cap = w->name_cap ? w->name_cap * 2 : 16;
		struct str *names = arena_alloc(&w->arena, cap * sizeof(*names));

		if (w->count)
			memcpy(names, w->names, w->count * sizeof(*names));
		w->names = names;
		w->name_cap = cap;
	}
	w->names[w->count++] = arena_str(&w->arena, client_object_name(o));
	return 0;
}

static void start_list(struct ns_worker *w, enum ns_step step)
{
	w->list = (struct client_list){
		.resource = w->entry->resource, .namespace = w->key, .item = note_item, .ctx = w};
	w->count = w->name_cap = 0;
	w->grace = w->with_finalizers = 0;
	w->listing = true;
	client_list_start(w->work->world->base.client, next(w, step), &w->list);
}

static struct str gvr_text(struct ns_worker *w)
{
	const struct resource *r = w->entry->resource;

	return arena_print(&w->arena, "%.*s/%.*s, Resource=%.*s", STRF(r->group), STRF(r->version),
		STRF(r->plural));
}

static void next_resource(struct ns_worker *w)
{
	const struct catalog *c = w->work->world->catalog;

	w->pods = false;
	while (w->next_entry < catalog_count(c)) {
		const struct catalog_entry *e = catalog_at(c, w->next_entry++);
		bool is_pods = !e->resource->group.len && str_eq_text(e->resource->plural, "pods");

		if (e->gone || is_pods || !e->resource->namespaced || !(e->verbs & VERB_DELETE) ||
			!(e->verbs & VERB_LIST))
			continue;
		w->entry = e;
		w->noting = NULL;
		start_list(w, NS_LISTED);
		return;
	}
	tell(w);
}

/* What is left of pods holds everything else. */
static void resource_over(struct ns_worker *w)
{
	if (w->pods && (w->content.estimate || w->content.resource_count || w->content.error_count))
		tell(w);
	else
		next_resource(w);
}

static void delete_all(struct ns_worker *w)
{
	enum client_verb verb =
		w->entry->verbs & VERB_DELETECOLLECTION ? CLIENT_DELETE_COLLECTION : CLIENT_DELETE;
	struct str name = verb == CLIENT_DELETE ? w->names[w->each++] : STR("");
	struct cJSON *options = json_new(&w->arena, JSON_OBJECT);

	tree_set_str(&w->arena, options, "kind", STR("DeleteOptions"));
	tree_set_str(&w->arena, options, "apiVersion", STR("v1"));
	tree_set_str(&w->arena, options, "propagationPolicy", STR("Background"));
	client_request_init(&w->request, verb, w->entry->resource, w->key, name);
	w->request.body = options;
	w->asking = true;
	client_send(w->work->world->base.client,
		next(w, verb == CLIENT_DELETE ? NS_EACH : NS_DELETED), &w->request);
}

static void note_failure(struct ns_worker *w, const struct err *err)
{
	namespace_note_error(&w->content, str_from(err_text(err)));
}

static void note_left(struct ns_worker *w, int64_t estimate)
{
	struct namespace_content *c = &w->content;

	c->estimate = MAX(c->estimate, estimate);
	/* Pods that take their time are no more than expected. */
	if (!w->count || estimate)
		return;
	namespace_note_resource(c, w->entry->resource, (int64_t)w->count);
	if (w->with_finalizers) {
		c->estimate = MAX(c->estimate, FINALIZER_WAIT);
		return;
	}
	namespace_note_error(
		c, arena_print(&w->arena,
			   "unexpected items still remain in namespace: %.*s for gvr: %.*s",
			   STRF(w->key), STRF(gvr_text(w))));
}

/* ---- one pass ---- */

static void begin_pass(struct ns_worker *w, struct cJSON *namespace)
{
	const struct catalog *c = w->work->world->catalog;

	w->namespace = namespace;
	w->content = (struct namespace_content){.arena = &w->arena};
	w->next_entry = 0;
	w->deleted = now_of(w);
	if (!time_of(namespace, "metadata.deletionTimestamp", &w->deleted) ||
		!json_count(json_path(namespace, "spec.finalizers"))) {
		over(w, NULL);
		return;
	}
	w->pods = true;
	w->entry = NULL;
	for (size_t i = 0; i < catalog_count(c); i++) {
		const struct catalog_entry *e = catalog_at(c, i);

		if (!e->resource->group.len && str_eq_text(e->resource->plural, "pods"))
			w->entry = e;
	}
	w->noting = NULL;
	if (w->entry)
		start_list(w, NS_LISTED);
	else
		next_resource(w);
}

static void begin(struct ns_worker *w)
{
	struct ns_work *work = w->work;

	if (!catalog_known(work->world->catalog)) {
		workqueue_add_after(work->queue, w->key, SEC);
		over(w, NULL);
		return;
	}
	client_request_init(
		&w->request, CLIENT_GET, informer_resource(work->namespaces), STR(""), w->key);
	w->asking = true;
	client_send(work->world->base.client, next(w, NS_NAMESPACE), &w->request);
}

static void give_up(struct ns_worker *w)
{
	if (w->key.len)
		workqueue_done(w->work->queue, w->key);
	w->key = (struct str){0};
	task_finish(&w->task, 0);
}

static struct cJSON *end_request(struct ns_worker *w, bool keep)
{
	struct cJSON *answer = NULL;

	if (w->asking) {
		answer = keep && w->request.object ? json_copy(&w->arena, w->request.object) : NULL;
		client_request_done(&w->request);
	}
	if (w->listing)
		client_list_done(&w->list);
	w->asking = w->listing = false;
	return answer;
}

/* The steps of one resource. */
static void resource_step(struct ns_worker *w, enum ns_step step, const struct err *err)
{
	if (err->code && err->code != ERR_NOT_FOUND && err->code != ERR_METHOD_NOT_ALLOWED) {
		note_failure(w, err);
		resource_over(w);
		return;
	}
	if (step == NS_LISTED) {
		w->each = 0;
		if (w->count)
			delete_all(w);
		else
			resource_over(w);
	} else if (step == NS_EACH && w->each < w->count) {
		delete_all(w);
	} else if (step == NS_LISTED_AGAIN) {
		note_left(w, w->count ? w->grace : 0);
		resource_over(w);
	} else {
		w->noting = &w->content;
		start_list(w, NS_LISTED_AGAIN);
	}
}

static void ns_run(struct task *t, struct err *err)
{
	struct ns_worker *w = CONTAINER_OF(t, struct ns_worker, task);
	enum ns_step step = (enum ns_step)t->step;
	struct cJSON *answer = end_request(w, !err->code && step != NS_DELETED && step != NS_EACH);

	if (scope_closing(&w->work->scope) || (step == NS_TAKEN && err->code == ERR_CLOSED)) {
		give_up(w);
		return;
	}
	switch (step) {
	case NS_TAKE:
		take(w);
		return;
	case NS_TAKEN:
		if (err->code)
			take(w);
		else
			begin(w);
		return;
	case NS_LISTED:
	case NS_DELETED:
	case NS_EACH:
	case NS_LISTED_AGAIN:
		resource_step(w, step, err);
		return;
	case NS_NAMESPACE:
	case NS_TOLD:
	case NS_FINALIZED:
		break;
	}
	if (err->code || step == NS_FINALIZED) {
		over(w, err);
	} else if (step == NS_TOLD) {
		w->namespace = answer;
		conclude(w);
	} else {
		begin_pass(w, answer);
	}
}

/* ---- life ---- */

static void worker_over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

void ns_worker_start(struct ns_worker *w, struct ns_work *work)
{
	w->work = work;
	arena_init(&w->arena);
	op_init(&w->op, &work->scope, worker_over, OP_NO_DEADLINE);
	task_start(&w->task, &ns_kind, &w->op);
}

void ns_worker_done(struct ns_worker *w)
{
	arena_done(&w->arena);
}
