/* Writing events, one after the other, behind everything else. */
#include "event_correlate.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/names.h>
#include <kube/random.h>
#include <kube/task.h>
#include <kube/time.h>

#define QUEUE_MAX 1000
#define TRIES     12
#define TRY_AGAIN (10 * SEC)
#define TIMEOUT   (30 * SEC)
#define TEXT_MAX  (16 * KIB) /* of a message */

struct pending {
	struct link in_queue;
	struct arena arena;
	struct event event;
};

enum write_step { WRITE_NEXT, WRITE_AGAIN, WRITE_WRITTEN };
static const char *const write_steps[] = {"next", "again", "written"};

struct event_recorder {
	struct client *client;
	struct scope scope;
	struct arena arena;
	struct str component, host;
	struct correlator correlator;
	struct list queue;
	size_t count;
	int64_t last_name; /* the moment in it */
	/* the one being written */
	struct task task;
	struct op running;
	struct pending *present;
	struct correlated what;
	bool as_new; /* the one to be counted up is gone */
	struct str name;
	int tries;
	struct client_request request;
	bool requesting;
};

static void write_run(struct task *t, struct err *err);
static const struct task_kind write_kind = TASK_KIND("event", write_steps, write_run);

struct event_about event_about_object(const struct cJSON *object)
{
	return (struct event_about){.kind = tree_str(object, "kind"),
		.namespace = tree_str(object, "metadata.namespace"),
		.name = tree_str(object, "metadata.name"),
		.uid = tree_str(object, "metadata.uid"),
		.api_version = tree_str(object, "apiVersion"),
		.resource_version = tree_str(object, "metadata.resourceVersion")};
}

/* ---- the object ---- */

static void take_random(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

/* The object's name and the moment; where that is too long to be a name, something unique. */
static struct str make_name(struct event_recorder *r, struct arena *a, const struct event *e)
{
	/* A coarse clock must not make two events one. */
	int64_t moment = MAX(e->at, r->last_name + 1);
	struct str name =
		arena_print(a, "%.*s.%llx", STRF(e->about.name), (unsigned long long)moment);
	struct name_faults faults = {0};
	char uuid[37];

	r->last_name = moment;
	name_check_dns_subdomain(name, &faults);
	if (!faults.count)
		return name;
	uuid_make(uuid, take_random, client_env(r->client));
	return arena_str(a, str_from(uuid));
}

static void set_time(struct arena *a, struct cJSON *tree, const char *path, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, wall);
	tree_set_str(a, tree, path, buf_str(&text));
}

static void set_some(struct arena *a, struct cJSON *tree, const char *path, struct str value)
{
	if (value.len)
		tree_set_str(a, tree, path, value);
}

static struct str namespace_of(const struct event *e)
{
	return e->about.namespace.len ? e->about.namespace : STR("default");
}

static struct cJSON *whole_event(struct event_recorder *r, struct arena *a)
{
	const struct event *e = &r->present->event;
	const struct event_about *o = &e->about;
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	tree_set_str(a, tree, "kind", STR("Event"));
	tree_set_str(a, tree, "apiVersion", STR("v1"));
	tree_set_str(a, tree, "metadata.name", r->name);
	tree_set_str(a, tree, "metadata.namespace", namespace_of(e));
	tree_set(a, tree, "involvedObject", json_new(a, JSON_OBJECT));
	set_some(a, tree, "involvedObject.kind", o->kind);
	set_some(a, tree, "involvedObject.namespace", o->namespace);
	set_some(a, tree, "involvedObject.name", o->name);
	set_some(a, tree, "involvedObject.uid", o->uid);
	set_some(a, tree, "involvedObject.apiVersion", o->api_version);
	set_some(a, tree, "involvedObject.resourceVersion", o->resource_version);
	set_some(a, tree, "involvedObject.fieldPath", o->field_path);
	tree_set_str(a, tree, "reason", e->reason);
	tree_set_str(a, tree, "message", r->what.message);
	tree_set_str(a, tree, "source.component", e->component);
	set_some(a, tree, "source.host", e->host);
	set_time(a, tree, "firstTimestamp", r->what.first);
	set_time(a, tree, "lastTimestamp", e->at);
	tree_set_int(a, tree, "count", r->what.count);
	tree_set_str(a, tree, "type", e->type);
	tree_set_str(a, tree, "reportingComponent", e->component);
	tree_set_str(a, tree, "reportingInstance", e->host);
	return tree;
}

static struct cJSON *count_patch(struct event_recorder *r, struct arena *a)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	tree_set_int(a, tree, "count", r->what.count);
	set_time(a, tree, "lastTimestamp", r->present->event.at);
	tree_set_str(a, tree, "message", r->what.message);
	return tree;
}

/* ---- writing ---- */

static void send_event(struct event_recorder *r)
{
	const struct resource *events = resource_find(STR(""), STR("v1"), STR("events"));
	struct client_request *q = &r->request;
	struct loop *loop = client_env(r->client)->loop;
	bool again = r->what.again && !r->as_new;

	if (!again && !r->name.len)
		r->name = make_name(r, &r->present->arena, &r->present->event);
	client_request_init(q, again ? CLIENT_PATCH_STRATEGIC : CLIENT_CREATE, events,
		namespace_of(&r->present->event), again ? r->what.name : r->name);
	r->requesting = true;
	q->body = again ? count_patch(r, &q->arena) : whole_event(r, &q->arena);
	client_send(r->client, task_await(&r->task, WRITE_WRITTEN, loop_in(loop, TIMEOUT)), q);
}

static void present_over(struct event_recorder *r)
{
	struct pending *p = TAKE(r->present);

	if (r->requesting)
		client_request_done(&r->request);
	r->requesting = false;
	if (!p)
		return;
	arena_done(&p->arena);
	mem_free(p);
}

/* The next that is to be written; false: there is none. */
static bool take_next(struct event_recorder *r)
{
	struct link *k;
	int64_t now = loop_now(client_env(r->client)->loop);

	while ((k = list_pop(&r->queue))) {
		struct pending *p = LIST_ENTRY(k, struct pending, in_queue);

		r->count--;
		r->present = p;
		r->as_new = false;
		r->tries = 0;
		r->name = (struct str){0};
		correlate(&r->correlator, &p->arena, &p->event, now, &r->what);
		r->what.name = arena_str(&p->arena, r->what.name);
		if (!r->what.held_back)
			return true;
		present_over(r);
	}
	return false;
}

/* true: it is to be tried again. */
static bool judge(struct event_recorder *r, const struct err *err)
{
	bool refused = r->request.status;

	if (refused && err->code == ERR_NOT_FOUND && r->what.again && !r->as_new) {
		r->as_new = true;
		return true;
	}
	if (refused) {
		if (err->code != ERR_ALREADY_EXISTS && err->code != ERR_FORBIDDEN)
			log_warning(err, "an event was refused",
				LOG_STR("reason", r->present->event.reason));
		return false;
	}
	return ++r->tries < TRIES;
}

static void written(struct event_recorder *r, const struct err *err)
{
	bool was_gone = r->as_new, again = err->code && judge(r, err);
	struct env *env = client_env(r->client);

	client_request_done(&r->request);
	r->requesting = false;
	if (again && r->as_new && !was_gone) {
		send_event(r);
		return;
	}
	if (again) {
		timer_wait(task_await(&r->task, WRITE_AGAIN, OP_NO_DEADLINE),
			loop_in(env->loop,
				r->tries == 1 ? jitter(env, 1, (double)TRY_AGAIN) : TRY_AGAIN));
		return;
	}
	/* An answer that was lost does not undo what had been written. */
	if ((!err->code || err->code == ERR_ALREADY_EXISTS) && r->name.len)
		correlator_written(&r->correlator, &r->what, r->name);
	present_over(r);
	op_yield(task_await(&r->task, WRITE_NEXT, OP_NO_DEADLINE));
}

static void write_run(struct task *t, struct err *err)
{
	struct event_recorder *r = CONTAINER_OF(t, struct event_recorder, task);

	if (scope_closing(&r->scope)) {
		present_over(r);
		task_finish(t, 0);
		return;
	}
	switch ((enum write_step)t->step) {
	case WRITE_NEXT:
		if (take_next(r))
			send_event(r);
		else
			task_finish(t, 0);
		return;
	case WRITE_AGAIN:
		send_event(r);
		return;
	case WRITE_WRITTEN:
		written(r, err);
		return;
	}
}

/* ---- recording ---- */

static void run(struct event_recorder *r);

static void idle(struct op *op, struct err *err)
{
	struct event_recorder *r = CONTAINER_OF(op, struct event_recorder, running);

	(void)err;
	if (r->count && !scope_closing(&r->scope))
		run(r);
}

static void run(struct event_recorder *r)
{
	op_init(&r->running, &r->scope, idle, OP_NO_DEADLINE);
	task_start(&r->task, &write_kind, &r->running);
}

void event_record(struct event_recorder *r, const struct event_about *about, struct str type,
	struct str reason, struct str message)
{
	struct pending *p = mem_new(sizeof(*p));
	struct arena *a = &p->arena;

	if (r->count >= QUEUE_MAX || scope_closing(&r->scope)) {
		mem_free(p);
		return;
	}
	arena_init(a);
	p->event = (struct event){.about = {.kind = arena_str(a, about->kind),
					  .namespace = arena_str(a, about->namespace),
					  .name = arena_str(a, about->name),
					  .uid = arena_str(a, about->uid),
					  .api_version = arena_str(a, about->api_version),
					  .resource_version = arena_str(a, about->resource_version),
					  .field_path = arena_str(a, about->field_path)},
		.component = r->component,
		.host = r->host,
		.type = arena_str(a, type),
		.reason = arena_str(a, reason),
		.message = arena_str(a, str_sub(message, 0, TEXT_MAX)),
		.at = env_wall(client_env(r->client))};
	list_push(&r->queue, &p->in_queue);
	r->count++;
	if (!op_active(&r->running))
		run(r);
}

size_t event_recorder_pending(const struct event_recorder *r)
{
	return r->count + (r->present ? 1 : 0);
}

/* ---- life ---- */

struct event_recorder *event_recorder_new(
	struct client *c, struct scope *parent, struct str component, struct str host)
{
	struct event_recorder *r = mem_new(sizeof(*r));

	r->client = c;
	arena_init(&r->arena);
	r->component = arena_str(&r->arena, component);
	r->host = arena_str(&r->arena, host);
	list_init(&r->queue);
	correlator_init(&r->correlator);
	scope_init(&r->scope, parent, "event recorder", NULL);
	return r;
}

void event_recorder_stop(struct event_recorder *r, struct op *op)
{
	scope_close(&r->scope, op);
}

void event_recorder_free(struct event_recorder *r)
{
	if (!r)
		return;
	list_each_safe (k, &r->queue) {
		struct pending *p = LIST_ENTRY(k, struct pending, in_queue);

		link_remove(k);
		arena_done(&p->arena);
		mem_free(p);
	}
	correlator_done(&r->correlator);
	arena_done(&r->arena);
	mem_free(r);
}
