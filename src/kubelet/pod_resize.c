#include "pod_resize.h"

#include "pod_admission.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/pods.h>
#include <kube/time.h>

#include <stdlib.h>

#define RETRY (3 * MINUTE)

static void set_text(char **to, struct str text)
{
	mem_free(*to);
	*to = text.len ? str_dup(text) : NULL;
}

/* ---- the beginning ---- */

static struct cJSON *found_running(
	struct arena *a, const struct cJSON *pod, const struct pod_view *v)
{
	struct cJSON *allocation = resize_allocation(a, pod);
	struct cJSON *of = json_get(allocation, STR("containers"));

	json_each (entry, of) {
		const struct container *c = pod_view_container(v, json_key(entry));
		const struct cJSON *had = c ? pod_resize_first(a, c) : NULL;

		if (had)
			json_set(a, of, json_key(entry), json_copy(a, had));
	}
	return allocation;
}

static void replace_state(struct pod_worker *w)
{
	struct pod_state *fresh = pod_state_new(w->state->object);

	pod_resize_apply(w, fresh);
	pod_state_unref(w->state);
	w->state = fresh;
}

/* Any of them may have been changed without its being noted. */
static void be_unsure(struct pod_resize *r, struct arena *a, const struct pod_view *v)
{
	struct cJSON *ids = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < v->container_count; i++)
		json_set(a, ids, v->containers[i]->id, json_new_bool(a, true));
	mem_free(r->unsure);
	r->unsure = resize_print(ids);
}

void pod_resize_begin(struct pod_worker *w, const struct pod_view *v)
{
	struct pod_resize *r = &w->resize;
	struct arena a;

	if (!w->state->object)
		return;
	arena_init(&a);
	struct cJSON *kept = v->sandbox_count ? pod_resize_load(w, &a) : NULL;
	struct cJSON *allocation = json_get(kept, STR("allocated"));
	struct cJSON *done = json_get(kept, STR("done"));
	if (!allocation)
		allocation = found_running(&a, w->state->desired, v);
	mem_free(r->allocation);
	r->allocation = resize_print(allocation);
	set_text(&r->done, STR(""));
	if (done)
		r->done = resize_print(done);
	r->told.generation = tree_int(kept, "generation", 0);
	r->unsettled = kept && !tree_true(kept, "settled");
	if (r->unsettled)
		be_unsure(r, &a, v);
	replace_state(w);
	arena_done(&a);
}

void pod_resize_apply(struct pod_worker *w, struct pod_state *state)
{
	struct arena a;

	if (!w->resize.allocation)
		return;
	arena_init(&a);
	struct cJSON *pod = resize_allocated(
		&state->arena, state->desired, resize_parse(&a, w->resize.allocation));
	state->pod = pod ? pod : state->desired;
	arena_done(&a);
}

/* ---- from a wish to an allocation ---- */

static bool wishes(const struct pod_worker *w)
{
	return w->state->pod != w->state->desired && w->life == LIFE_SYNC && !w->gone &&
	       !pod_is_deleted(w->state->desired);
}

static void tell(struct pod_worker *w, struct arena *a, const char *type, const char *reason,
	const char *word, int64_t generation, struct str error)
{
	kubelet_event(w->k, w->state->pod, NULL, type, reason,
		resize_message(a, w->state->desired, word, generation, error));
}

static void put_off(struct pod_worker *w, struct arena *a, const char *why, struct str message)
{
	struct pod_resize *r = &w->resize;
	int64_t generation = tree_int(w->state->desired, "metadata.generation", 0);
	bool same = r->told.pending && strcmp(r->told.pending, why) == 0 &&
		    r->told.pending_generation == generation &&
		    str_eq(r->told.pending_message, message);

	if (!r->told.pending)
		r->pending_since = env_wall(kubelet_env(w->k));
	if (same)
		return;
	set_text(&r->pending_message, message);
	r->told.pending = why;
	r->told.pending_message = str_from(r->pending_message);
	r->told.pending_generation = generation;
	tell(w, a, "Warning",
		strcmp(why, RESIZE_DEFERRED) == 0 ? "ResizeDeferred" : "ResizeInfeasible", why,
		generation, message);
}

/* Its group has what it was made with, or resized to, until it is resized. */
static void remember_whole(struct pod_worker *w, struct arena *a)
{
	const struct cJSON *before = json_path(w->state->pod, "spec.resources");
	const struct cJSON *after = json_path(w->state->desired, "spec.resources");

	if (!resources_match(before, after) &&
		!json_get(resize_parse(a, w->resize.done), RESIZE_WHOLE))
		pod_resize_note_whole(w, before);
}

static void allocate(struct pod_worker *w, struct arena *a)
{
	struct pod_resize *r = &w->resize;

	remember_whole(w, a);
	mem_free(r->allocation);
	r->allocation = resize_print(resize_allocation(a, w->state->desired));
	r->told.pending = NULL;
	r->unsettled = true;
	r->told.in_progress = true;
	r->told.generation = tree_int(w->state->desired, "metadata.generation", 0);
	set_text(&r->error, STR(""));
	r->told.error = STR("");
	tell(w, a, "Normal", "ResizeStarted", "started", r->told.generation, STR(""));
	replace_state(w);
	pod_resize_save(w);
}

/* true: it has been allocated. */
static bool try(struct pod_worker *w, struct arena *a)
{
	struct str message;

	switch (kubelet_resizes(w->k, a, w, &message)) {
	case RESIZE_FITS:
		allocate(w, a);
		return true;
	case RESIZE_LATER:
		put_off(w, a, RESIZE_DEFERRED, message);
		return false;
	case RESIZE_NEVER:
		put_off(w, a, RESIZE_INFEASIBLE, message);
		return false;
	}
	return false;
}

/* What is done is told once: then nothing is in progress any more. */
static void look_for_completion(struct pod_worker *w, struct arena *a, const struct pod_view *v)
{
	struct pod_resize *r = &w->resize;

	if (resize_is_due(v)) {
		r->told.in_progress = true;
		return;
	}
	if (!r->told.in_progress || w->batch)
		return;
	r->told.in_progress = false;
	set_text(&r->error, STR(""));
	r->told.error = STR("");
	kubelet_event(w->k, w->state->pod, NULL, "Normal", "ResizeCompleted",
		resize_message(a, w->state->pod, "completed", r->told.generation, STR("")));
}

void pod_resize_look(struct pod_worker *w, struct arena *a, const struct pod_view *v)
{
	struct pod_resize *r = &w->resize;

	if (!r->allocation || w->life != LIFE_SYNC)
		return;
	if (!wishes(w)) {
		r->told.pending = NULL;
		look_for_completion(w, a, v);
		return;
	}
	if (r->told.pending &&
		r->told.pending_generation ==
			tree_int(w->state->desired, "metadata.generation", 0) &&
		env_wall(kubelet_env(w->k)) < pod_resize_next(w))
		look_for_completion(w, a, v);
	else
		pod_resizes_retry(w->k);
}

int64_t pod_resize_next(const struct pod_worker *w)
{
	const struct pod_resize *r = &w->resize;

	if (!wishes(w) || !r->told.pending || strcmp(r->told.pending, RESIZE_DEFERRED) != 0)
		return 0;
	return r->pending_since + RETRY;
}

/* ---- all who wait ---- */

static int rank_class(const struct cJSON *pod)
{
	return strcmp(pod_qos(json_get(pod, STR("spec"))), "Guaranteed") == 0;
}

/* Who takes no more goes first; then the important, the guaranteed, the patient. */
static int by_merit(const void *x, const void *y)
{
	const struct pod_worker *one = *(const struct pod_worker *const *)x;
	const struct pod_worker *other = *(const struct pod_worker *const *)y;
	bool grows = resize_grows(one->state->pod, one->state->desired);
	bool other_grows = resize_grows(other->state->pod, other->state->desired);
	int64_t first = tree_int(one->state->pod, "spec.priority", 0);
	int64_t second = tree_int(other->state->pod, "spec.priority", 0);
	int class = rank_class(other->state->pod) - rank_class(one->state->pod);

	if (grows != other_grows)
		return grows ? 1 : -1;
	if (first != second)
		return first > second ? -1 : 1;
	if (class)
		return class;
	return one->resize.pending_since < other->resize.pending_since ? -1 : 1;
}

void pod_resizes_retry(struct kubelet *k)
{
	struct arena a;
	size_t count = 0;

	arena_init(&a);
	struct pod_worker **list =
		arena_alloc(&a, (k->workers.count + 1) * sizeof(struct pod_worker *));
	map_each (it, &k->workers) {
		struct pod_worker *w = it.value;
		bool never = w->resize.told.pending &&
			     strcmp(w->resize.told.pending, RESIZE_INFEASIBLE) == 0 &&
			     w->resize.told.pending_generation ==
				     tree_int(w->state->desired, "metadata.generation", 0);

		if (w->resize.allocation && wishes(w) && !never)
			list[count++] = w;
	}
	qsort(list, count, sizeof(struct pod_worker *), by_merit);
	for (size_t i = 0; i < count; i++) {
		if (list[i]->resize.told.pending)
			list[i]->resize.pending_since = env_wall(kubelet_env(k));
		try(list[i], &a);
		pod_worker_wake(list[i]);
	}
	arena_done(&a);
}

/* ---- what went wrong ---- */

void pod_resize_failed(struct pod_worker *w, const struct cJSON *pod, struct str error)
{
	struct pod_resize *r = &w->resize;
	struct arena a;

	if (str_eq(r->told.error, error))
		return;
	arena_init(&a);
	set_text(&r->error, error);
	r->told.error = str_from(r->error);
	kubelet_event(w->k, pod, NULL, "Warning", "ResizeError",
		resize_message(&a, pod, "error", r->told.generation, error));
	arena_done(&a);
}

/* ---- the end ---- */

bool pod_resize_is_idle(const struct pod_worker *w)
{
	return !op_active(&w->resize.saving);
}

void pod_resize_abandon(struct pod_worker *w)
{
	op_cancel(&w->resize.saving);
}

void pod_resize_done(struct pod_worker *w)
{
	struct pod_resize *r = &w->resize;

	assert(!op_active(&r->saving));
	mem_free(r->allocation);
	mem_free(r->done);
	mem_free(r->unsure);
	mem_free(r->pending_message);
	mem_free(r->error);
	mem_free(r->text);
	mem_free(r->directory);
}
