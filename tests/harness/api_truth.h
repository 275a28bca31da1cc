/*
 * What really happened in an API server, as its store tells it: every change of some collections,
 * kept for as long as the world lives. What the API shows is held against it.
 */
#ifndef KUBE_API_TRUTH_H
#define KUBE_API_TRUTH_H

#include "api_world.h"

#include <kube/store.h>

#define TRUTH_NAMES  6
#define TRUTH_SPACES 2
#define TRUTH_KEYS   (TRUTH_NAMES * TRUTH_SPACES)
#define TRUTH_ALL    (-1) /* every namespace, every label */

struct fact {
	int64_t revision;
	enum change_type type;
	int key; /* namespace * TRUTH_NAMES + name; so is their order */
	struct object *object, *old;
};

struct truth {
	const struct resource *resource;
	struct bucket *bucket;
	struct watch watch;
	bool watching;
	bool lazy; /* what was written last may be gone after a restart: history begins anew */
	struct fact *facts;
	size_t count, cap;
	int64_t begins, last;
	int64_t forgotten; /* the highest revision that history was ever cut at */
};

/* ---- keys ---- */

/* "a/n3" → 3, "b/n0" → 6 */
static inline int truth_key_of(struct str key)
{
	assert(key.len == 4 && key.at[1] == '/');
	return (key.at[0] - 'a') * TRUTH_NAMES + (key.at[3] - '0');
}

static inline struct str truth_key(int key)
{
	static char text[8];

	snprintf(text, sizeof(text), "%c/n%d", 'a' + key / TRUTH_NAMES, key % TRUTH_NAMES);
	return str_from(text);
}

/* The label v: '0' and so on; 0 when there is none. */
static inline int truth_label(const struct object *o)
{
	struct str labels = object_labels(o);
	ssize_t at = str_find(labels, STR("\"v\":\""));

	return at < 0 ? 0 : labels.at[at + 5];
}

static inline int64_t truth_number(const struct object *o, const char *path)
{
	int64_t n = 0;

	str_to_i64(object_scan(o, path), &n);
	return n;
}

/* ---- the rules that every change keeps ---- */

static inline bool truth_held(const struct object *o)
{
	return object_scan(o, "metadata.finalizers").len > 0;
}

static inline bool truth_ending(const struct object *o)
{
	return object_scan(o, "metadata.deletionTimestamp").len > 0;
}

static inline void truth_check_update(const struct object *old, const struct object *o)
{
	int64_t grown =
		truth_number(o, "metadata.generation") - truth_number(old, "metadata.generation");
	bool spec = !str_eq(object_scan(old, "spec"), object_scan(o, "spec"));
	/* Deployments count their annotations in. */
	if (str_eq_text(object_scan(o, "kind"), "Deployment"))
		spec |= !str_eq(object_scan(old, "metadata.annotations"),
			object_scan(o, "metadata.annotations"));
	bool marked = truth_ending(o) && !truth_ending(old);

	EXPECT(str_eq(object_scan(old, "metadata.uid"), object_scan(o, "metadata.uid")));
	EXPECT(str_eq(object_scan(old, "metadata.creationTimestamp"),
		object_scan(o, "metadata.creationTimestamp")));
	EXPECT(!truth_ending(old) || truth_ending(o));
	if (truth_number(o, "metadata.generation"))
		EXPECT_INT(grown, spec || marked);
}

static inline void truth_check(const struct truth *t, const struct fact *f, int64_t stands)
{
	struct str digits = object_scan(f->object, "metadata.resourceVersion");
	int64_t revision = 0;

	EXPECT(f->revision > t->last);
	EXPECT(str_to_i64(digits, &revision) && revision == f->revision);
	EXPECT_INT(f->old ? f->old->revision : 0, stands);
	if (f->type == CHANGE_MODIFIED)
		truth_check_update(f->old, f->object);
	if (f->type == CHANGE_DELETED && truth_held(f->old))
		EXPECT(truth_ending(f->old));
	if (f->type == CHANGE_ADDED)
		EXPECT(!truth_ending(f->object));
}

/* ---- what stood where ---- */

/* The state of a key at a revision: NULL when absent. */
static inline struct object *truth_at(const struct truth *t, int key, int64_t revision)
{
	for (size_t i = t->count; i-- > 0;)
		if (t->facts[i].key == key && t->facts[i].revision <= revision)
			return t->facts[i].type == CHANGE_DELETED ? NULL : t->facts[i].object;
	return NULL;
}

static inline const struct fact *truth_fact(const struct truth *t, int64_t revision)
{
	for (size_t i = t->count; i-- > 0;)
		if (t->facts[i].revision == revision)
			return &t->facts[i];
	return NULL;
}

/* Something happened to the key behind that revision. */
static inline bool truth_changed(const struct truth *t, int key, int64_t revision)
{
	for (size_t i = t->count; i-- > 0 && t->facts[i].revision > revision;)
		if (t->facts[i].key == key)
			return true;
	return false;
}

static inline bool truth_deleted(const struct truth *t, int key, int64_t revision)
{
	for (size_t i = t->count; i-- > 0 && t->facts[i].revision > revision;)
		if (t->facts[i].key == key && t->facts[i].type == CHANGE_DELETED)
			return true;
	return false;
}

static inline bool truth_selects(int space, int label, int key, const struct object *o)
{
	return o && (space == TRUTH_ALL || key / TRUTH_NAMES == space) &&
	       (label == TRUTH_ALL || truth_label(o) == label);
}

/* ---- following ---- */

static inline int truth_by_revision(const void *a, const void *b)
{
	int64_t one = ((const struct fact *)a)->revision, two = ((const struct fact *)b)->revision;

	return one < two ? -1 : one > two;
}

static inline void truth_forget(struct truth *t)
{
	for (size_t i = 0; i < t->count; i++) {
		object_unref(t->facts[i].object);
		object_unref(t->facts[i].old);
	}
	t->count = 0;
}

static inline struct fact *truth_new_fact(struct truth *t)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		t->facts = mem_resize(t->facts, t->cap * sizeof(*t->facts));
	}
	return &t->facts[t->count++];
}

/* What stands there is all that there ever was. */
static inline void truth_begin_anew(struct truth *t, struct store *store)
{
	truth_forget(t);
	for (int key = 0; key < TRUTH_KEYS; key++) {
		struct object *o = store_get(t->bucket, truth_key(key));

		if (o)
			*truth_new_fact(t) = (struct fact){.revision = o->revision,
				.type = CHANGE_ADDED,
				.key = key,
				.object = object_ref(o)};
	}
	if (t->count)
		qsort(t->facts, t->count, sizeof(*t->facts), truth_by_revision);
	t->begins = t->last = t->forgotten = store_revision(store);
}

static inline void truth_no_wake(struct watch *w)
{
	(void)w;
}

static inline void truth_observe(struct truth *t, struct store *store)
{
	struct store_change c;
	int code;

	while ((code = watch_next(&t->watch, &c, NULL)) > 0) {
		struct fact f = {.revision = c.revision,
			.type = c.type,
			.key = truth_key_of(c.key),
			.object = object_ref(c.object),
			.old = c.old ? object_ref(c.old) : NULL};
		struct object *stands = truth_at(t, f.key, INT64_MAX);

		truth_check(t, &f, stands ? stands->revision : 0);
		*truth_new_fact(t) = f;
		t->last = f.revision;
	}
	EXPECT_INT(code, 0);
	t->last = MAX(t->last, store_revision(store));
	t->forgotten = MAX(t->forgotten, store_compacted(store));
}

/* From now on; or, in a server that was started anew, on from where it was. */
static inline void truth_follow(struct truth *t, struct api_server *s)
{
	t->bucket = server_bucket(s, t->resource);
	if (!t->begins)
		t->begins = t->last = store_revision(s->store);
	EXPECT(store_revision(s->store) >= t->last);
	if (t->lazy)
		truth_begin_anew(t, s->store);
	t->watching = EXPECT_INT(watch_init(&t->watch, t->bucket, t->last, truth_no_wake, NULL), 0);
	if (!t->watching)
		return;
	truth_observe(t, s->store);
	for (int key = 0; key < TRUTH_KEYS; key++) {
		struct object *o = store_get(t->bucket, truth_key(key)),
			      *known = truth_at(t, key, INT64_MAX);

		EXPECT_INT(o ? o->revision : 0, known ? known->revision : 0);
		if (o && known)
			EXPECT(str_eq(object_text(o), object_text(known)));
	}
}

static inline void truth_leave(struct truth *t)
{
	if (t->watching)
		watch_done(&t->watch);
	t->watching = false;
}

static inline void truth_done(struct truth *t)
{
	truth_forget(t);
	mem_free(t->facts);
}

/* ---- what a watcher is to be told ---- */

struct telling { /* one event */
	const char *type;
	const struct object *object;
	const struct fact *fact;
};

/* The next one behind *at (an index); false when there is none. */
static inline bool truth_next(
	const struct truth *t, size_t *at, int space, int label, struct telling *next)
{
	for (; *at < t->count; ++*at) {
		const struct fact *f = &t->facts[*at];
		bool is =
			f->type != CHANGE_DELETED && truth_selects(space, label, f->key, f->object);
		bool was = truth_selects(space, label, f->key, f->old);

		if (!is && !was)
			continue;
		*next = (struct telling){.type = !is   ? "DELETED"
						 : was ? "MODIFIED"
						       : "ADDED",
			.object = is || f->type == CHANGE_DELETED ? f->object : f->old,
			.fact = f};
		return true;
	}
	return false;
}

static inline size_t truth_behind(const struct truth *t, int64_t revision)
{
	size_t at = t->count;

	while (at > 0 && t->facts[at - 1].revision > revision)
		at--;
	return at;
}

#endif
