/*
 * A watcher of one collection over the simulator's network, reading bytes off the wire as fast or
 * slow as it likes, held against the truth event by event: nothing lost, doubled, reordered or
 * changed. What breaks it takes up where it was; what it is told is too old it begins anew.
 */
#ifndef KUBE_API_WATCHER_H
#define KUBE_API_WATCHER_H

#include "api_truth.h"

enum watcher_state { WATCHER_OFF, WATCHER_ASKED, WATCHER_READING, WATCHER_RESTING };
enum watcher_form { FORM_OBJECT, FORM_TABLE, FORM_PARTIAL };

struct watcher {
	struct api_world *world;
	struct truth *truth;
	struct client_transport *transport;
	struct client_call call;
	struct told told;
	struct buf in;
	struct arena arena; /* of the call */
	enum watcher_state state;
	enum watcher_form form;
	int space, label;
	bool initial;     /* the state is being told, up to a bookmark */
	bool has_place;   /* `position` means something */
	int64_t position; /* everything up to here has been told */
	int64_t asked_at; /* what the server had then */
	int64_t wakes;    /* when it reads on */
	size_t next;      /* of the truth's facts */
	int64_t initially[TRUTH_KEYS];
	int last_initial;
	int events, bookmarks, expirations;
};

static inline struct str watcher_target(struct watcher *w)
{
	const struct resource *r = w->truth->resource;
	struct arena *a = &w->arena;
	struct str base = r->group.len ? arena_print(a, "/apis/%.*s", STRF(r->api_version))
				       : STR("/api/v1"),
		   space = w->space == TRUTH_ALL ? STR("")
						 : arena_print(a, "namespaces/%c/", 'a' + w->space),
		   label = w->label == TRUTH_ALL
				   ? STR("")
				   : arena_print(a, "&labelSelector=v%%3D%c", w->label),
		   from = w->has_place
				  ? arena_print(a, "&resourceVersion=%lld", (long long)w->position)
				  : STR("&sendInitialEvents=true&resourceVersionMatch="
					"NotOlderThan");

	return arena_print(a, "%.*s/%.*s%.*s?watch=true&allowWatchBookmarks=true%.*s%.*s",
		STRF(base), STRF(space), STRF(r->plural), STRF(label), STRF(from));
}

static inline void watcher_start(struct watcher *w)
{
	static const char *const accepts[] = {"application/json",
		"application/json;as=Table;v=v1;g=meta.k8s.io",
		"application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"};

	arena_init(&w->arena);
	buf_init(&w->in, 16 * MIB);
	w->call = (struct client_call){
		.transport = w->transport, .method = STR("GET"), .target = watcher_target(w)};
	http_headers_add(&w->arena, &w->call.headers, STR("Accept"), str_from(accepts[w->form]));
	w->initial = !w->has_place;
	w->asked_at = store_revision(w->world->server->store);
	memset(w->initially, 0, sizeof(w->initially));
	w->last_initial = -1;
	w->next = w->has_place ? truth_behind(w->truth, w->position) : 0;
	w->state = WATCHER_ASKED;
	w->transport->ops->start(
		&w->call, told_op(&w->told, w->world->root, loop_in(w->world->loop, 30 * SEC)));
}

/* Not while an op of it is in flight. */
static inline void watcher_end(struct watcher *w)
{
	if (w->state == WATCHER_OFF)
		return;
	w->transport->ops->end(&w->call);
	told_done(&w->told);
	w->told = (struct told){0};
	buf_done(&w->in);
	arena_done(&w->arena);
	w->state = WATCHER_OFF;
}

static inline void watcher_read(struct watcher *w)
{
	told_done(&w->told);
	w->told = (struct told){0};
	w->state = WATCHER_READING;
	w->transport->ops->read(&w->call,
		told_op(&w->told, w->world->root, loop_in(w->world->loop, 90 * SEC)), &w->in,
		64 * KIB);
}

/* ---- events ---- */

static inline void watcher_ended_initial(struct watcher *w, int64_t revision)
{
	EXPECT(w->initial);
	EXPECT(revision >= w->asked_at);
	for (int key = 0; key < TRUTH_KEYS; key++) {
		struct object *o = truth_at(w->truth, key, revision);

		EXPECT_INT(w->initially[key],
			truth_selects(w->space, w->label, key, o) ? o->revision : 0);
	}
	w->initial = false;
}

static inline void watcher_bookmark(struct watcher *w, const struct cJSON *meta, int64_t revision)
{
	struct telling missed;

	w->bookmarks++;
	if (json_get(json_get(meta, STR("annotations")), STR("k8s.io/initial-events-end"))) {
		watcher_ended_initial(w, revision);
		w->next = truth_behind(w->truth, revision);
	}
	EXPECT(!w->initial && revision >= w->position);
	if (truth_next(w->truth, &w->next, w->space, w->label, &missed))
		EXPECT(missed.fact->revision > revision);
	w->position = revision;
	w->has_place = true;
}

static inline int watcher_key(const struct cJSON *meta)
{
	char text[8];

	snprintf(text, sizeof(text), "%.*s/%.*s", STRF(tree_str(meta, "namespace")),
		STRF(tree_str(meta, "name")));
	return truth_key_of(str_from(text));
}

/* With another revision, as what leaves a selector is told. */
static inline bool same_but_version(const struct object *o, struct str text, int64_t revision)
{
	struct draft d;

	draft_from_object(&d, o);
	struct object *wanted = object_new(&d, revision);
	draft_done(&d);
	bool same = str_eq(object_text(wanted), text);
	object_unref(wanted);
	return same;
}

static inline struct str event_object_text(struct str line)
{
	ssize_t at = str_find(line, STR("\"object\":"));

	line = str_skip(str_trim(line), (size_t)at + 9);
	return str_make(line.at, line.len - 1);
}

static inline void watcher_change(struct watcher *w, struct str type, const struct cJSON *meta,
	int64_t revision, struct str line)
{
	struct telling wanted;
	int key = watcher_key(meta);

	w->events++;
	EXPECT(w->initial || w->position >= w->truth->begins);
	if (w->initial) {
		EXPECT_STR(type, "ADDED");
		EXPECT(key > w->last_initial);
		w->last_initial = key;
		w->initially[key] = revision;
		return;
	}
	if (!EXPECT(truth_next(w->truth, &w->next, w->space, w->label, &wanted)))
		return;
	EXPECT_STR(type, wanted.type);
	EXPECT_INT(revision, wanted.fact->revision);
	EXPECT_INT(key, wanted.fact->key);
	if (w->form == FORM_OBJECT)
		EXPECT(same_but_version(wanted.object, event_object_text(line), revision));
	w->position = revision;
	w->next++;
}

static inline void watcher_error(struct watcher *w, const struct cJSON *status)
{
	EXPECT_INT(tree_int(status, "code", 0), 410);
	EXPECT(w->has_place && w->position < w->truth->forgotten);
	w->has_place = false;
	w->expirations++;
}

static inline void watcher_take(struct watcher *w, struct str line)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;
	int64_t revision = 0;

	arena_init(&a);
	if (!EXPECT_OK(json_parse(&a, line, NULL, &tree, &err), &err))
		return;
	const struct cJSON *object = json_get(tree, STR("object")), *meta;
	struct str type = tree_str(tree, "type");
	if (str_eq_text(type, "ERROR")) {
		watcher_error(w, object);
		return;
	}
	meta = w->form == FORM_TABLE
		       ? json_path(json_at(json_path(object, "rows"), 0), "object.metadata")
		       : json_get(object, STR("metadata"));
	EXPECT(str_to_i64(tree_str(meta, "resourceVersion"), &revision));
	if (str_eq_text(type, "BOOKMARK"))
		watcher_bookmark(w, meta, revision);
	else
		watcher_change(w, type, meta, revision, line);
}

static inline void watcher_take_lines(struct watcher *w)
{
	struct str rest = buf_str(&w->in), line;
	size_t taken = 0;
	ssize_t end;

	while (!test_failed() && (end = str_find_char(rest, '\n')) >= 0) {
		line = str_make(rest.at, (size_t)end);
		rest = str_skip(rest, (size_t)end + 1);
		taken += (size_t)end + 1;
		watcher_take(w, line);
		if (test_failed())
			printf("watch %.*s (form %d, place %lld): %.*s\n", STRF(w->call.target),
				w->form, (long long)w->position, STRF(line));
	}
	buf_drop_front(&w->in, taken);
}

/* ---- one step: what came, and what is asked next, after a rest ---- */

static inline void watcher_step(struct watcher *w, int64_t rest)
{
	int64_t now = loop_now(w->world->loop);

	if (w->state == WATCHER_OFF) {
		watcher_start(w);
		return;
	}
	if (w->state == WATCHER_RESTING) {
		if (now >= w->wakes)
			watcher_read(w);
		return;
	}
	if (!w->told.done)
		return;
	if (w->state == WATCHER_ASKED && !w->told.err.code && w->call.status == 200) {
		watcher_read(w);
		return;
	}
	if (w->state == WATCHER_READING && !w->told.err.code && w->told.n > 0) {
		watcher_take_lines(w);
		w->state = WATCHER_RESTING;
		w->wakes = now + rest;
		if (!rest)
			watcher_read(w);
		return;
	}
	watcher_end(w);
}

static inline void watcher_stop(struct watcher *w)
{
	if (w->state == WATCHER_ASKED || w->state == WATCHER_READING) {
		op_cancel(&w->told.op);
		api_world_await(w->world, &w->told);
	}
	watcher_end(w);
}

/* Is anything left to be told? */
static inline bool watcher_caught_up(struct watcher *w)
{
	struct telling next;
	size_t at = w->next;

	return w->state == WATCHER_READING && w->has_place && !w->initial &&
	       !truth_next(w->truth, &at, w->space, w->label, &next);
}

#endif
