/* The ReplicaSets of a Deployment: the newest one, the old ones, revisions and annotations. */
#include "rollout.h"

#include <kube/hash.h>

#include <stdlib.h>

#define HISTORY_MAX 2000 /* characters of the annotation */
#define NAME_MAX_   253

/* ---- annotations ---- */

struct str note_text(const struct cJSON *object, const char *key)
{
	return json_str(json_get(json_path(object, "metadata.annotations"), str_from(key)));
}

bool note_number(const struct cJSON *object, const char *key, int64_t *value)
{
	return str_to_i64(note_text(object, key), value);
}

void note_set(struct arena *a, struct cJSON *object, const char *key, struct str text)
{
	struct cJSON *notes = json_path(object, "metadata.annotations");

	if (!notes) {
		notes = json_new(a, JSON_OBJECT);
		tree_set(a, object, "metadata.annotations", notes);
	}
	json_set(a, notes, str_from(key), json_new_str(a, text));
}

bool rollout_skips_note(struct str key)
{
	static const char *const skipped[] = {"kubectl.kubernetes.io/last-applied-configuration",
		NOTE_REVISION, NOTE_HISTORY, NOTE_DESIRED, NOTE_MAX, NOTE_ROLLBACK_TO};

	for (size_t i = 0; i < ARRAY_LEN(skipped); i++)
		if (str_eq_text(key, skipped[i]))
			return true;
	return false;
}

static bool copy_notes(struct rollout *r, struct cJSON *set)
{
	bool changed = false;

	json_each (note, json_path(r->d, "metadata.annotations")) {
		const struct cJSON *had =
			json_get(json_path(set, "metadata.annotations"), json_key(note));

		if (rollout_skips_note(json_key(note)) ||
			(had && str_eq(json_str(had), json_str(note))))
			continue;
		note_set(r->arena, set, arena_str(r->arena, json_key(note)).at, json_str(note));
		changed = true;
	}
	return changed;
}

/* The revisions a set had before it came back, the oldest dropped when they get too long. */
static void add_history(struct arena *a, struct cJSON *set, struct str revision)
{
	struct str history = note_text(set, NOTE_HISTORY), first;
	size_t total = history.len + revision.len + 1;

	if (!history.len) {
		note_set(a, set, NOTE_HISTORY, revision);
		return;
	}
	while (total > HISTORY_MAX && history.len) {
		str_cut(history, ',', &first, &history);
		total -= first.len + 1;
	}
	if (total <= HISTORY_MAX)
		note_set(a, set, NOTE_HISTORY,
			arena_print(a, "%.*s%s%.*s", STRF(history), history.len ? "," : "",
				STRF(revision)));
}

static bool set_notes(struct rollout *r, struct cJSON *set, int64_t revision, bool exists)
{
	struct arena *a = r->arena;
	bool changed = copy_notes(r, set);
	struct str old_text = arena_str(a, note_text(set, NOTE_REVISION));
	int64_t old = 0;

	if (old_text.len && !str_to_i64(old_text, &old))
		return false;
	if (old < revision) {
		note_set(a, set, NOTE_REVISION, arena_print(a, "%lld", (long long)revision));
		changed = true;
		if (old_text.len)
			add_history(a, set, old_text);
	}
	if (exists)
		return changed;
	note_set(a, set, NOTE_DESIRED, arena_print(a, "%lld", (long long)r->replicas));
	note_set(a, set, NOTE_MAX, arena_print(a, "%lld", (long long)(r->replicas + r->surge)));
	return true;
}

/* ---- which is the newest ---- */

static struct set *read_set(struct arena *a, struct cJSON *tree)
{
	struct set *s = arena_new(a, sizeof(*s));

	s->tree = tree;
	s->name = tree_str(tree, "metadata.name");
	s->replicas = tree_int(tree, "spec.replicas", 1);
	s->actual = tree_int(tree, "status.replicas", 0);
	s->ready = tree_int(tree, "status.readyReplicas", 0);
	s->available = tree_int(tree, "status.availableReplicas", 0);
	s->terminating = tree_int(tree, "status.terminatingReplicas", -1);
	time_of(tree, "metadata.creationTimestamp", &s->created);
	note_number(tree, NOTE_REVISION, &s->revision);
	return s;
}

static int by_age(const void *left, const void *right)
{
	const struct set *a = *(struct set *const *)left, *b = *(struct set *const *)right;

	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return str_cmp(a->name, b->name);
}

static struct cJSON *without_hash(struct arena *a, const struct cJSON *template)
{
	struct cJSON *copy = json_copy(a, template);
	struct cJSON *labels = json_path(copy, "metadata.labels");
	struct cJSON *hash = json_get(labels, STR(LABEL_HASH));

	if (hash)
		json_remove(labels, hash);
	return copy;
}

bool rollout_same_template(struct arena *a, const struct cJSON *one, const struct cJSON *other)
{
	return json_equal(without_hash(a, one), without_hash(a, other));
}

void rollout_read(struct rollout *r, const struct trees *mine)
{
	struct arena *a = r->arena;
	const struct cJSON *template = json_path(r->d, "spec.template");

	r->all.items = arena_new(a, (mine->count + 1) * sizeof(struct set *));
	r->old.items = arena_new(a, (mine->count + 1) * sizeof(struct set *));
	for (size_t i = 0; i < mine->count; i++)
		r->all.items[r->all.count++] = read_set(a, mine->items[i]);
	qsort(r->all.items, r->all.count, sizeof(struct set *), by_age);
	for (size_t i = 0; i < r->all.count; i++) {
		struct set *s = r->all.items[i];

		/* Of several the oldest: they are left from a time of another comparison. */
		if (!r->fresh &&
			rollout_same_template(a, json_path(s->tree, "spec.template"), template))
			r->fresh = s;
		else
			r->old.items[r->old.count++] = s;
	}
}

/* ---- making it ---- */

struct str template_hash(struct arena *a, const struct cJSON *template, int64_t collisions)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	json_print(&text, template, JSON_SORTED);
	if (collisions >= 0) {
		const unsigned char bytes[8] = {(unsigned char)collisions,
			(unsigned char)(collisions >> 8), (unsigned char)(collisions >> 16),
			(unsigned char)(collisions >> 24)};

		buf_add(&text, (const char *)bytes, sizeof(bytes));
	}
	struct str digits = arena_print(a, "%u", hash_fnv32a(buf_str(&text)));
	char *safe = arena_alloc(a, digits.len + 1);
	for (size_t i = 0; i < digits.len; i++)
		safe[i] = letters[(unsigned char)digits.at[i] % (sizeof(letters) - 1)];
	safe[digits.len] = 0;
	return str_make(safe, digits.len);
}

/* Where name and hash do not fit together, the name gives way. */
static struct str set_name(struct arena *a, struct str name, struct str hash)
{
	if (name.len + 1 + hash.len > NAME_MAX_)
		name.len = NAME_MAX_ - 1 - hash.len;
	return arena_print(a, "%.*s-%.*s", STRF(name), STRF(hash));
}

static struct cJSON *make_set(struct rollout *r, int64_t revision)
{
	struct arena *a = r->arena;
	struct cJSON *set = json_new(a, JSON_OBJECT), *owners = json_new(a, JSON_ARRAY);
	struct cJSON *template = json_copy(a, json_path(r->d, "spec.template"));
	struct cJSON *selector = json_copy(a, json_path(r->d, "spec.selector"));
	struct str hash = template_hash(a, template, tree_int(r->d, "status.collisionCount", -1));

	tree_set_str(a, template, "metadata.labels." LABEL_HASH, hash);
	tree_set_str(a, selector, "matchLabels." LABEL_HASH, hash);
	tree_set_str(a, set, "apiVersion", STR("apps/v1"));
	tree_set_str(a, set, "kind", STR("ReplicaSet"));
	tree_set_str(a, set, "metadata.name", set_name(a, tree_str(r->d, "metadata.name"), hash));
	tree_set_str(a, set, "metadata.namespace", tree_str(r->d, "metadata.namespace"));
	tree_set(a, set, "metadata.labels", json_copy(a, json_path(template, "metadata.labels")));
	json_append(owners, controller_ref(a, r->d));
	tree_set(a, set, "metadata.ownerReferences", owners);
	tree_set_int(a, set, "spec.replicas", 0);
	if (tree_int(r->d, "spec.minReadySeconds", 0))
		tree_set_int(
			a, set, "spec.minReadySeconds", tree_int(r->d, "spec.minReadySeconds", 0));
	tree_set(a, set, "spec.selector", selector);
	tree_set(a, set, "spec.template", template);
	set_notes(r, set, revision, false);
	return set;
}

static void set_revision(struct rollout *r, struct str revision, bool *changed)
{
	if (str_eq(note_text(r->d, NOTE_REVISION), revision))
		return;
	note_set(r->arena, r->d, NOTE_REVISION, revision);
	*changed = true;
}

static bool create_set(struct rollout *r, int64_t revision)
{
	struct arena *a = r->arena;
	struct set *s = read_set(a, make_set(r, revision));

	if (r->view->is_taken(r->view->ctx, tree_str(r->d, "metadata.namespace"), s->name)) {
		/* Somebody else's, or another template with the same hash: hash anew. */
		tree_set_int(a, r->d, "status.collisionCount",
			tree_int(r->d, "status.collisionCount", 0) + 1);
		rollout_save(r);
		return false;
	}
	s->terminating = 0;
	s->written = true;
	s->replicas = rollout_new_size(r, s);
	tree_set_int(a, s->tree, "spec.replicas", s->replicas);
	r->fresh = s;
	r->created = true;
	r->all.items[r->all.count++] = s;
	plan_create(r->plan, r->view->sets_resource, s->tree);
	if (s->replicas > 0)
		plan_event(r->plan, r->d, "Normal", "ScalingReplicaSet",
			arena_print(a, "Scaled up replica set %.*s from 0 to %lld", STRF(s->name),
				(long long)s->replicas));
	bool changed = false;
	set_revision(r, arena_print(a, "%lld", (long long)revision), &changed);
	if (rollout_has_deadline(r)) {
		rollout_set_condition(r, json_path(r->d, "status"),
			(struct rollout_condition){"Progressing", "True", "NewReplicaSetCreated",
				arena_print(a, "Created new replica set \"%.*s\"", STRF(s->name))});
		changed = true;
	}
	if (changed)
		rollout_save(r);
	return !changed;
}

bool rollout_sync_revision(struct rollout *r, bool create)
{
	struct arena *a = r->arena;
	int64_t newest = 0;
	bool changed = false;

	for (size_t i = 0; i < r->old.count; i++)
		newest = MAX(newest, r->old.items[i]->revision);
	if (!r->fresh)
		return create ? create_set(r, newest + 1) : true;
	struct set *s = r->fresh;
	int64_t min_ready = tree_int(r->d, "spec.minReadySeconds", 0);
	bool other = tree_int(s->tree, "spec.minReadySeconds", 0) != min_ready;
	if (set_notes(r, s->tree, newest + 1, true) || other) {
		tree_set_int(a, s->tree, "spec.minReadySeconds", min_ready);
		plan_update(r->plan, r->view->sets_resource, s->tree);
		s->written = true;
		return true;
	}
	set_revision(r, note_text(s->tree, NOTE_REVISION), &changed);
	if (rollout_has_deadline(r) &&
		!condition_find(json_path(r->d, "status.conditions"), "Progressing")) {
		rollout_set_condition(r, json_path(r->d, "status"),
			(struct rollout_condition){"Progressing", "True", "FoundNewReplicaSet",
				arena_print(a, "Found new replica set \"%.*s\"", STRF(s->name))});
		changed = true;
	}
	if (changed)
		rollout_save(r);
	return !changed;
}
