/*
 * WATCH: a reader of the store's history with a place in it. Nothing is queued for it: when there
 * is room in its outgoing buffer it reads on, and a reader that is too slow finds its place gone
 * and is told so. What one turn of the loop brings goes out as one write; what stood there before
 * goes out a write at a time, however much it is.
 */
#include "audit.h"
#include "fair.h"
#include "metrics.h"
#include "registry.h"

#include "custom_conversion.h"

#include <kube/mem.h>
#include <kube/time.h>

#define WRITE_MAX       (256 * KIB) /* bytes of events in one write */
#define BOOKMARK_EVERY  MINUTE
#define ENDING_BOOKMARK (2 * SEC) /* before the end */

struct watching {
	struct link in_server;
	struct api_request *r;
	struct watch watch;
	struct buf out;
	struct str text; /* of it, that is being written */
	struct op write, timer;
	struct scope scope;
	struct op closer;
	int64_t ends, next_bookmark;
	int64_t *events;         /* metrics' */
	struct histogram *sizes; /* of metrics, as events */
	int64_t told;            /* the last revision the client knows of */
	struct object **initial; /* what stood there at the beginning, not yet shown: references */
	size_t initial_count, initial_next;
	bool writing, woken, ending, first_row, initial_end;
	struct custom_watcher custom; /* of a definition: when it changes, the watch ends */
	bool outdated;
	struct store_change held; /* that a webhook has to convert first: references */
	struct buf held_key;
	struct op convert;
	bool converting;
};

static void go_on(struct watching *w);

/* ---- events ---- */

static void add_event(struct watching *w, const char *type, const struct object *o)
{
	_cleanup_(arena_done) struct arena scratch;
	size_t before = w->out.len;

	arena_init(&scratch);
	represent_event(&w->out, &scratch, &w->r->wants, type, o, w->first_row);
	++*w->events;
	metrics_observe_in(METRIC_EVENT_SIZE, w->sizes, (double)(w->out.len - before));
	w->first_row = false;
}

/* An object with another revision: what leaves a selector is shown as it last matched. */
static void add_last_match(struct watching *w, const struct object *old, int64_t revision)
{
	struct draft d;

	draft_from_object(&d, old);
	struct object *o = object_new(&d, revision);
	draft_done(&d);
	add_event(w, "DELETED", o);
	object_unref(o);
}

/* /api/v1/watch/…/NAME is about that object alone. */
static bool in_scope(const struct watching *w, const struct store_change *c)
{
	if (w->r->has_name)
		return str_eq(c->key,
			server_key(w->r->arena, w->r->resource->hub, w->r->namespace, w->r->name));
	return str_starts(c->key, registry_prefix(w->r));
}

/* A reference, of the object as this watch shows it. */
static struct object *shown(const struct watching *w, struct object *o)
{
	const struct resource *r = w->r->resource;

	return !o ? NULL : r->custom ? custom_view(r, o) : object_ref(o);
}

static void add_change(struct watching *w, const struct store_change *c)
{
	struct api_request *r = w->r;

	w->told = c->revision;
	if (!in_scope(w, c))
		return;
	struct object *now = shown(w, c->object), *old = shown(w, c->old);
	bool is = c->type != CHANGE_DELETED && registry_selects(r, now);
	bool was = old && registry_selects(r, old);
	if (is && was)
		add_event(w, "MODIFIED", now);
	else if (is)
		add_event(w, "ADDED", now);
	else if (was && c->type == CHANGE_DELETED)
		add_event(w, "DELETED", now);
	else if (was)
		add_last_match(w, old, c->revision);
	object_unref(now);
	object_unref(old);
}

static void add_bookmark(struct watching *w, bool initial_end)
{
	_cleanup_(arena_done) struct arena a;
	const struct resource *shown = w->r->resource;

	arena_init(&a);
	struct cJSON *tree = json_new(&a, JSON_OBJECT);
	_cleanup_(buf_done) struct buf digits = BUF_INIT(32);
	buf_add_i64(&digits, w->watch.revision);
	tree_set_str(&a, tree, "kind", shown->kind);
	tree_set_str(&a, tree, "apiVersion", shown->api_version);
	tree_set_str(&a, tree, "metadata.resourceVersion", buf_str(&digits));
	if (initial_end) {
		struct cJSON *annotations = json_new(&a, JSON_OBJECT);

		json_add_borrowed(annotations, STR("k8s.io/initial-events-end"),
			json_new_str(&a, STR("true")));
		tree_set(&a, tree, "metadata.annotations", annotations);
	}
	represent_event_tree(&w->out, &a, &w->r->wants, "BOOKMARK", shown->schema,
		api_canonical(&a, shown->schema, tree));
	w->told = w->watch.revision;
}

static void add_error(struct watching *w, const struct status *s)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	represent_event_tree(&w->out, &a, &w->r->wants, "ERROR",
		schema_find(STR("io.k8s.apimachinery.pkg.apis.meta.v1.Status")),
		status_tree(&a, s));
	w->ending = true;
}

/* ---- the beginning: everything that stands there, as if it had just come ---- */

/* References only: what is shown of them is made as the client takes it. */
static void take_initial(struct watching *w)
{
	struct api_request *r = w->r;
	struct store_iter it = store_seek(w->watch.bucket, registry_prefix(r), STR(""));
	struct object *one = r->has_name ? registry_find(r) : NULL;
	size_t cap = 0;

	while (r->has_name ? one != NULL : store_next(&it)) {
		struct object *o = shown(w, r->has_name ? TAKE(one) : it.object);

		if (!registry_selects(r, o)) {
			object_unref(o);
			continue;
		}
		if (w->initial_count == cap) {
			cap = cap ? 2 * cap : 16;
			w->initial = mem_resize(w->initial, cap * sizeof(struct object *));
		}
		w->initial[w->initial_count++] = o;
	}
	w->told = w->watch.revision;
}

static void drop_initial(struct watching *w)
{
	while (w->initial_next < w->initial_count)
		object_unref(w->initial[w->initial_next++]);
	mem_free(TAKE(w->initial));
	w->initial_count = w->initial_next = 0;
}

/* As much as one write holds; the bookmark behind the last says that these were all. */
static void add_initial(struct watching *w)
{
	if (!w->initial_count && !w->initial_end)
		return;
	while (w->initial_next < w->initial_count && w->out.len < WRITE_MAX) {
		struct object *o = w->initial[w->initial_next++];

		add_event(w, "ADDED", o);
		object_unref(o);
	}
	server_took_memory(w->r->server, w->out.len);
	if (w->initial_next < w->initial_count)
		return;
	drop_initial(w);
	if (TAKE(w->initial_end))
		add_bookmark(w, true);
}

/* ---- the end ---- */

static void closed(struct op *op, struct err *err)
{
	struct watching *w = CONTAINER_OF(op, struct watching, closer);

	(void)err;
	buf_done(&w->out);
	drop_initial(w);
	request_end(w->r);
}

static void drop_held(struct watching *w)
{
	object_unref(TAKE(w->held.object));
	object_unref(TAKE(w->held.old));
	buf_clear(&w->held_key);
}

static void finish(struct watching *w)
{
	drop_held(w);
	buf_done(&w->held_key);
	watch_done(&w->watch);
	link_remove(&w->in_server);
	if (link_linked(&w->custom.in_kind))
		link_remove(&w->custom.in_kind);
	op_init(&w->closer, &w->r->x->scope, closed, OP_NO_DEADLINE);
	scope_close(&w->scope, &w->closer);
}

static void ended(struct op *op, struct err *err)
{
	struct watching *w = CONTAINER_OF(op, struct watching, write);

	(void)err;
	finish(w);
}

/* ---- going on ---- */

static void wrote(struct op *op, struct err *err)
{
	struct watching *w = CONTAINER_OF(op, struct watching, write);

	w->writing = false;
	buf_done(&w->out); /* the next event may be an hour away */
	if (err->code) {
		finish(w);
		return;
	}
	go_on(w);
}

static void woken(struct watch *watch)
{
	struct watching *w = CONTAINER_OF(watch, struct watching, watch);

	w->woken = true;
	if (!w->writing && op_active(&w->timer))
		op_cancel(&w->timer);
}

/* Whoever watches a custom kind begins anew when its definition has become another. */
static void retired(struct custom_watcher *custom)
{
	struct watching *w = CONTAINER_OF(custom, struct watching, custom);

	w->outdated = true;
	woken(&w->watch);
}

void server_watches_end(struct api_server *s)
{
	list_each (k, &s->watches) {
		struct watching *w = LIST_ENTRY(k, struct watching, in_server);

		w->outdated = true;
		woken(&w->watch);
	}
}

static bool awaits_webhook(const struct watching *w, const struct store_change *c)
{
	const struct resource *r = w->r->resource;

	return r->custom && in_scope(w, c) &&
	       (custom_awaits_webhook(r, c->object) ||
		       (c->old && custom_awaits_webhook(r, c->old)));
}

static void hold(struct watching *w, const struct store_change *c)
{
	w->held = *c;
	object_ref(w->held.object);
	if (w->held.old)
		object_ref(w->held.old);
	buf_add_str(&w->held_key, c->key);
	w->held.key = buf_str(&w->held_key);
}

static void converted(struct op *op, struct err *err)
{
	struct watching *w = CONTAINER_OF(op, struct watching, convert);

	w->converting = false;
	if (err->code)
		add_error(w, conversion_status(w->r, err));
	else
		add_change(w, &w->held);
	drop_held(w);
	go_on(w);
}

static void convert_held(struct watching *w)
{
	struct object *both[] = {w->held.object, w->held.old};

	w->converting = true;
	op_init(&w->convert, &w->scope, converted, OP_NO_DEADLINE);
	conversion_of_objects(w->r, &w->convert, both, w->held.old ? 2 : 1);
}

static void read_changes(struct watching *w)
{
	_cleanup_(err_done) struct err err = {0};
	struct store_change change;
	int found = 0;

	while (!w->held.object && w->out.len < WRITE_MAX &&
		(found = watch_next(&w->watch, &change, &err)) > 0) {
		if (awaits_webhook(w, &change))
			hold(w, &change);
		else
			add_change(w, &change);
	}
	if (found < 0) {
		struct status *s = status_new(w->r->arena, ERR_EXPIRED, "%s", err_text(&err));

		add_error(w, s);
	}
}

static void check_time(struct watching *w)
{
	int64_t now = loop_now(w->r->server->env->loop);

	if (w->r->options.allow_bookmarks && now >= w->next_bookmark && !w->ending) {
		w->next_bookmark = now + BOOKMARK_EVERY;
		if (w->watch.revision > w->told)
			add_bookmark(w, false);
	}
	if (now >= w->ends || w->outdated)
		w->ending = true;
}

static void rang(struct op *op, struct err *err)
{
	struct watching *w = CONTAINER_OF(op, struct watching, timer);

	(void)err;
	if (scope_closing(&w->scope) && !w->woken)
		w->ending = true;
	go_on(w);
}

static void send_out(struct watching *w)
{
	w->writing = true;
	w->text = buf_str(&w->out);
	op_init(&w->write, &w->scope, wrote, OP_NO_DEADLINE);
	http_write(w->r->x, &w->write, &w->text, 1);
}

static void go_on(struct watching *w)
{
	if (w->writing || w->converting)
		return;
	w->woken = false;
	if (!w->ending)
		add_initial(w);
	if (!w->ending && !w->initial_count)
		read_changes(w);
	check_time(w);
	if (w->out.len) {
		send_out(w);
	} else if (w->ending || scope_closing(&w->scope)) {
		w->writing = true;
		op_init(&w->write, &w->scope, ended, OP_NO_DEADLINE);
		http_respond_end(w->r->x, &w->write, NULL);
	} else if (w->held.object) {
		convert_held(w);
	} else {
		int64_t at = w->ends;

		if (w->r->options.allow_bookmarks && w->next_bookmark < at)
			at = w->next_bookmark;
		op_init(&w->timer, &w->scope, rang, OP_NO_DEADLINE);
		timer_wait(&w->timer, at);
	}
}

/* ---- where it begins ---- */

static void started(struct op *op, struct err *err)
{
	struct watching *w = CONTAINER_OF(op, struct watching, write);

	w->writing = false;
	if (err->code) {
		finish(w);
		return;
	}
	go_on(w);
}

static int64_t duration_of(struct api_request *r)
{
	uint64_t random;

	if (r->options.timeout_seconds > 0)
		return r->options.timeout_seconds * SEC;
	env_random(r->server->env, &random, sizeof(random));
	return (1800 + (int64_t)(random % 1800)) * SEC;
}

static void begin(struct watching *w)
{
	struct api_request *r = w->r;
	bool stream = r->wants.format == WIRE_PROTOBUF;
	struct http_headers headers = respond_headers(r,
		stream ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json");

	r->answered = true;
	r->answer_code = 200;
	r->long_running = true;
	w->writing = true;
	op_init(&w->write, &w->scope, started, OP_NO_DEADLINE);
	r->answer_code = 200;
	audit_started(r);
	fair_watch_begun(r);
	http_respond_start(r->x, &w->write, 200, headers.items, headers.count, HTTP_LENGTH_UNKNOWN);
}

/* From where: everything first, or what came behind a revision. */
static void place(struct watching *w)
{
	struct api_request *r = w->r;
	struct bucket *bucket = server_bucket(r->server, r->resource->hub);
	const struct request_options *o = &r->options;
	bool initial = o->has_send_initial ? o->send_initial : o->version == 0;
	_cleanup_(err_done) struct err err = {0};
	int64_t from = initial ? store_revision(r->server->store) : o->version;

	if (watch_init(&w->watch, bucket, from, woken, &err)) {
		add_error(w, status_new(r->arena, ERR_EXPIRED, "%s", err_text(&err)));
		return;
	}
	if (!initial)
		return;
	take_initial(w);
	w->initial_end = o->allow_bookmarks && (o->has_send_initial || o->resource_version.len);
}

static void find_counters(struct watching *w, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(4 * KIB);
	struct metrics *m = r->server->metrics;

	metrics_add_resource(&labels, r);
	w->events = metrics_number(m, METRIC_WATCH_EVENTS, buf_str(&labels));
	w->sizes = metrics_histogram(m, METRIC_EVENT_SIZE, buf_str(&labels));
}

void verb_watch(struct api_request *r)
{
	struct watching *w = arena_new(r->arena, sizeof(*w));
	int64_t now = loop_now(r->server->env->loop);

	w->r = r;
	list_push(&r->server->watches, &w->in_server);
	if (r->resource->custom) {
		w->custom.retired = retired;
		list_push(&custom_version_of(r->resource)->kind->watchers, &w->custom.in_kind);
	}
	w->first_row = true;
	find_counters(w, r);
	buf_init(&w->out, SIZE_MAX);
	buf_init(&w->held_key, KIB);
	scope_init(&w->scope, &r->x->scope, "watch", NULL);
	w->ends = now + duration_of(r);
	w->next_bookmark = now + BOOKMARK_EVERY;
	if (w->next_bookmark > w->ends - ENDING_BOOKMARK)
		w->next_bookmark = w->ends - ENDING_BOOKMARK;
	place(w);
	begin(w);
}
