/* How many pods each ReplicaSet of a Deployment may have now. */
#include "rollout.h"

#include <stdlib.h>

int64_t scaled_value(const struct cJSON *value, int64_t total, bool up)
{
	struct str text = json_str(value);
	int64_t number = 0;

	if (json_is(value, JSON_NUMBER)) {
		json_int(value, &number);
		return number;
	}
	if (!str_ends(text, STR("%")) || !str_to_i64(str_sub(text, 0, text.len - 1), &number))
		return 0;
	return (number * total + (up ? 99 : 0)) / 100;
}

void rollout_limits(struct rollout *r)
{
	const struct cJSON *rolling = json_path(r->d, "spec.strategy.rollingUpdate");

	r->replicas = tree_int(r->d, "spec.replicas", 1);
	r->rolling = str_eq_text(tree_str(r->d, "spec.strategy.type"), "RollingUpdate");
	if (!r->rolling)
		return;
	r->surge = scaled_value(json_path(rolling, "maxSurge"), r->replicas, true);
	r->unavailable = scaled_value(json_path(rolling, "maxUnavailable"), r->replicas, false);
	/* Both rounded to nothing, the rollout could never go on. */
	if (!r->surge && !r->unavailable)
		r->unavailable = 1;
	r->unavailable = MIN(r->unavailable, r->replicas);
}

/* ---- sums ---- */

int64_t sets_replicas(const struct sets *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->items[i]->replicas;
	return sum;
}

int64_t sets_available(const struct sets *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->items[i]->available;
	return sum;
}

int64_t sets_actual(const struct sets *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->items[i]->actual;
	return sum;
}

/*
 * Those that will serve on: a set that was told to shrink still counts pods that it is about to
 * take away. Relied upon twice, they would leave too few.
 */
static int64_t set_serving(const struct set *s)
{
	return MIN(s->available, s->replicas);
}

static int64_t sets_serving(const struct sets *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += set_serving(s->items[i]);
	return sum;
}

static struct sets active_of(struct arena *a, const struct sets *from)
{
	struct sets active = {.items = arena_new(a, (from->count + 1) * sizeof(struct set *))};

	for (size_t i = 0; i < from->count; i++)
		if (from->items[i]->replicas > 0)
			active.items[active.count++] = from->items[i];
	return active;
}

/* ---- one set ---- */

bool rollout_scale(struct rollout *r, struct set *s, int64_t to)
{
	struct arena *a = r->arena;
	struct str desired = arena_print(a, "%lld", (long long)r->replicas);
	struct str most = arena_print(a, "%lld", (long long)(r->replicas + r->surge));
	int64_t from = s->replicas;

	if (from == to && str_eq(note_text(s->tree, NOTE_DESIRED), desired) &&
		str_eq(note_text(s->tree, NOTE_MAX), most))
		return false;
	/* Its second change waits until the first one is seen. */
	if (s->written)
		return true;
	note_set(a, s->tree, NOTE_DESIRED, desired);
	note_set(a, s->tree, NOTE_MAX, most);
	tree_set_int(a, s->tree, "spec.replicas", to);
	plan_update(r->plan, r->view->sets_resource, s->tree);
	s->written = true;
	s->replicas = to;
	if (from != to)
		plan_event(r->plan, r->d, "Normal", "ScalingReplicaSet",
			arena_print(a, "Scaled %s replica set %.*s from %lld to %lld",
				to > from ? "up" : "down", STRF(s->name), (long long)from,
				(long long)to));
	return from != to;
}

/* Only a change of size is a reason to write. */
static bool scale_size(struct rollout *r, struct set *s, int64_t to)
{
	return s->replicas != to && rollout_scale(r, s, to);
}

int64_t rollout_new_size(const struct rollout *r, const struct set *fresh)
{
	int64_t most, all = sets_replicas(&r->old) + fresh->replicas;

	if (!r->rolling)
		return r->replicas;
	/* The limit as it is written, without the one for an unavailable pod that it may imply. */
	most = r->replicas + scaled_value(json_path(r->d, "spec.strategy.rollingUpdate.maxSurge"),
				     r->replicas, true);
	if (all >= most)
		return fresh->replicas;
	return fresh->replicas + MIN(most - all, r->replicas - fresh->replicas);
}

/* ---- a change of spec.replicas ---- */

bool rollout_is_scaling(const struct rollout *r)
{
	for (size_t i = 0; i < r->all.count; i++) {
		int64_t desired;

		if (r->all.items[i]->replicas > 0 &&
			note_number(r->all.items[i]->tree, NOTE_DESIRED, &desired) &&
			desired != r->replicas)
			return true;
	}
	return false;
}

static bool is_saturated(const struct rollout *r)
{
	int64_t desired;

	return r->fresh && note_number(r->fresh->tree, NOTE_DESIRED, &desired) &&
	       r->fresh->replicas == r->replicas && desired == r->replicas &&
	       r->fresh->available == r->replicas;
}

/* The only one that has pods; while none has, the newest. NULL: several have. */
static struct set *only_active(const struct rollout *r)
{
	struct sets active = active_of(r->arena, &r->all);

	if (active.count == 1)
		return active.items[0];
	if (active.count > 1 || r->all.count == 0)
		return NULL;
	return r->fresh ? r->fresh : r->old.items[r->old.count - 1];
}

/* What of the change falls to this set, by its share of the size before. */
static int64_t share_of(const struct rollout *r, const struct set *s, int64_t left, bool grow)
{
	int64_t before = 0, share;

	if (!s->replicas || !left)
		return 0;
	if (!r->replicas)
		share = -s->replicas;
	else {
		if (!note_number(s->tree, NOTE_MAX, &before) || !before)
			before = tree_int(r->d, "status.replicas", 0);
		if (!before)
			return 0;
		int64_t size = s->replicas * (r->replicas + r->surge);
		share = (2 * size + before) / (2 * before) - s->replicas;
	}
	return grow ? MIN(share, left) : MAX(share, left);
}

static int older_first(const struct set *a, const struct set *b)
{
	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return str_cmp(a->name, b->name);
}

static int larger_then_newer(const void *left, const void *right)
{
	const struct set *a = *(struct set *const *)left, *b = *(struct set *const *)right;

	if (a->replicas != b->replicas)
		return a->replicas > b->replicas ? -1 : 1;
	return older_first(b, a);
}

static int larger_then_older(const void *left, const void *right)
{
	const struct set *a = *(struct set *const *)left, *b = *(struct set *const *)right;

	if (a->replicas != b->replicas)
		return a->replicas > b->replicas ? -1 : 1;
	return older_first(a, b);
}

/* In the middle of a rollout all sets grow and shrink in proportion; the rest goes to the first. */
static void scale_in_proportion(struct rollout *r)
{
	struct sets active = active_of(r->arena, &r->all);
	int64_t allowed = r->replicas > 0 ? r->replicas + r->surge : 0, added = 0;
	int64_t change = allowed - sets_replicas(&active);
	int64_t *sizes = arena_new(r->arena, (active.count + 1) * sizeof(*sizes));

	qsort(active.items, active.count, sizeof(struct set *),
		change > 0 ? larger_then_newer : larger_then_older);
	for (size_t i = 0; i < active.count; i++) {
		int64_t share = share_of(r, active.items[i], change - added, change > 0);

		sizes[i] = active.items[i]->replicas + share;
		added += share;
	}
	if (active.count)
		sizes[0] = MAX(sizes[0] + change - added, 0);
	/* What shrinks makes room for what grows: in between there are never too many. */
	for (size_t i = 0; i < active.count; i++)
		if (sizes[i] < active.items[i]->replicas)
			rollout_scale(r, active.items[i], sizes[i]);
	for (size_t i = 0; i < active.count; i++)
		if (sizes[i] >= active.items[i]->replicas)
			rollout_scale(r, active.items[i], sizes[i]);
}

void rollout_scale_all(struct rollout *r)
{
	struct set *only = only_active(r);

	if (only) {
		scale_size(r, only, r->replicas);
		return;
	}
	if (is_saturated(r)) {
		for (size_t i = 0; i < r->old.count; i++)
			scale_size(r, r->old.items[i], 0);
		return;
	}
	if (r->rolling)
		scale_in_proportion(r);
}

/* ---- a rollout ---- */

bool rollout_scale_up(struct rollout *r)
{
	struct set *s = r->fresh;

	if (s->replicas == r->replicas)
		return false;
	return scale_size(r, s, s->replicas > r->replicas ? r->replicas : rollout_new_size(r, s));
}

/* Pods that are not available anyway are the first to go. */
static int64_t drop_unhealthy(struct rollout *r, int64_t most)
{
	int64_t dropped = 0;

	for (size_t i = 0; i < r->old.count && dropped < most; i++) {
		struct set *s = r->old.items[i];
		int64_t count = MIN(most - dropped, s->replicas - s->available);

		if (s->replicas == 0 || count <= 0)
			continue;
		scale_size(r, s, s->replicas - count);
		dropped += count;
	}
	return dropped;
}

static int64_t drop_available(struct rollout *r)
{
	int64_t most = sets_serving(&r->all) - (r->replicas - r->unavailable), dropped = 0;

	for (size_t i = 0; i < r->old.count && dropped < most; i++) {
		struct set *s = r->old.items[i];
		int64_t count = MIN(s->replicas, most - dropped);

		if (count <= 0)
			continue;
		scale_size(r, s, s->replicas - count);
		dropped += count;
	}
	return dropped;
}

bool rollout_scale_down(struct rollout *r)
{
	int64_t most;

	if (sets_replicas(&r->old) == 0)
		return false;
	/* New pods that are not available yet hold as many old ones back. */
	most = sets_replicas(&r->all) - (r->replicas - r->unavailable) -
	       (r->fresh->replicas - set_serving(r->fresh));
	if (most <= 0)
		return false;
	int64_t dropped = drop_unhealthy(r, most);
	return dropped + drop_available(r) > 0;
}
