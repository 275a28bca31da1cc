/*
 * Bringing what runs of a pod to what it was allocated: where the pod's group is to grow it grows
 * first, then its containers one after the other, and at last the group has what it should.
 */
#include "container_config.h"
#include "pod_batch.h"
#include "pod_prepare.h"
#include "pod_resize.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/pods.h>
#include <kube/quantity.h>

enum resize_step { RESIZE_WIDEN, RESIZE_NEXT, RESIZE_CHANGED, RESIZE_OVER };
static const char *const resize_steps[] = {"widen", "next", "changed", "over"};

static const struct cJSON *spec_of(const struct pod_item *item, struct str name)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(item_pod(item), lists[i]))
			if (str_eq(tree_str(container, "name"), name))
				return container;
	return NULL;
}

/* The next container that has not what it should; NULL: all have it. */
static const struct container *next_due(
	struct pod_item *item, struct pod_view *view, const struct cJSON **container)
{
	pod_worker_view(item->batch->w, &item->arena, view);
	for (size_t i = 0; i < view->container_count; i++) {
		const struct container *c = view->containers[i];

		*container = spec_of(item, c->name);
		if (*container && !resize_is_done(view, c, json_get(*container, STR("resources"))))
			return c;
	}
	return NULL;
}

/* ---- less memory than is used ---- */

static int64_t memory_limit(const struct cJSON *resources)
{
	struct quantity q;

	return quantity_parse(tree_str(resources, "limits.memory"), &q, NULL) ? 0
									      : quantity_value(q);
}

static void complain(struct buf *text, size_t *count, const char *of, int64_t limit, int64_t used)
{
	buf_print(text, "%sattempting to set %s memory limit (%lld) below current usage (%lld)",
		(*count)++ ? ", " : "", of, (long long)limit, (long long)used);
}

/* The kernel would refuse it, or kill for it. */
static bool is_too_little(struct pod_item *item, struct str *why)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct runtime *r = item_kubelet(item)->runtime;
	struct container_limits whole;
	int64_t used = 0, had = 0;
	bool all_limited = true;
	struct pod_view view;
	size_t count = 0;

	pod_worker_view(item->batch->w, &item->arena, &view);
	pod_limits(&item_kubelet(item)->configuration, item_pod(item), &whole);
	for (size_t i = 0; i < view.container_count; i++) {
		const struct cJSON *has = resize_actual(&view, view.containers[i]);
		struct container_usage u;

		if (!has || !r->ops->usage(r, view.containers[i]->id, &u))
			continue;
		used += u.memory_bytes;
		had += memory_limit(has);
		all_limited &= memory_limit(has) > 0;
	}
	if (whole.memory && all_limited && whole.memory < had && used >= whole.memory)
		complain(&text, &count, "pod", whole.memory, used);
	for (size_t i = 0; i < view.container_count; i++) {
		const struct container *c = view.containers[i];
		const struct cJSON *has = resize_actual(&view, c);
		int64_t limit = memory_limit(json_get(spec_of(item, c->name), STR("resources")));
		struct container_usage u;

		if (has && limit && limit < memory_limit(has) && r->ops->usage(r, c->id, &u) &&
			u.memory_bytes >= limit)
			complain(&text, &count,
				arena_print(&item->arena, "container \"%.*s\"", STRF(c->name)).at,
				limit, u.memory_bytes);
	}
	if (count)
		*why = arena_print(&item->arena, "cannot decrease memory limits: %s%s%s",
			count > 1 ? "[" : "", buf_text(&text), count > 1 ? "]" : "");
	return count > 0;
}

/* ---- the steps ---- */

static const struct cJSON *pod_before(struct pod_item *item)
{
	struct cJSON *allocation = resize_allocation(&item->arena, item_pod(item));
	struct pod_view view;

	pod_worker_view(item->batch->w, &item->arena, &view);
	const struct cJSON *whole = json_get(view.actual, RESIZE_WHOLE);
	if (whole)
		json_set(
			&item->arena, allocation, STR("resources"), json_copy(&item->arena, whole));
	json_each (had, view.actual)
		if (spec_of(item, json_key(had)))
			json_set(&item->arena, json_get(allocation, STR("containers")),
				json_key(had), json_copy(&item->arena, had));
	const struct cJSON *pod = resize_allocated(&item->arena, item_pod(item), allocation);
	return pod ? pod : item_pod(item);
}

static void fail(struct pod_item *item, struct str why)
{
	struct err err = {0};

	pod_resize_failed(item->batch->w, item_pod(item), why);
	pod_resize_save(item->batch->w);
	err_set(&err, ERR_UNAVAILABLE, "%.*s", STRF(why));
	task_fail(&item->task, &err);
}

static void change_next(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	const struct cJSON *container;
	struct pod_view view;
	const struct container *c = next_due(item, &view, &container);

	if (!c) {
		pod_cgroup_make(item_kubelet(item), &item->cgroup,
			task_await(&item->task, RESIZE_OVER, OP_NO_DEADLINE), item_pod(item));
		return;
	}
	item->action.container = container;
	item->action.id = arena_str(&item->arena, c->id);
	container_limits_make(&item_kubelet(item)->configuration, container, &item->limits);
	r->ops->update_container(r, task_await(&item->task, RESIZE_CHANGED, OP_NO_DEADLINE),
		item->action.id, &item->limits);
}

static void changed(struct pod_item *item)
{
	const struct cJSON *container;
	struct pod_view view;
	const struct container *c = next_due(item, &view, &container);

	if (c && str_eq(c->id, item->action.id))
		pod_resize_note(item->batch->w, c, json_get(container, STR("resources")));
	change_next(item);
}

static void fitted(struct pod_item *item)
{
	struct pod_worker *w = item->batch->w;
	struct pod_view view;

	pod_worker_view(w, &item->arena, &view);
	if (json_get(view.actual, RESIZE_WHOLE))
		pod_resize_note_whole(w, json_path(item_pod(item), "spec.resources"));
	pod_worker_view(w, &item->arena, &view);
	pod_resize_settle(w, &view);
	pod_resize_save(w);
}

static void widen(struct pod_item *item)
{
	bool sure = !item->batch->w->resize.unsure;

	pod_cgroup_widen(item_kubelet(item), &item->cgroup,
		task_await(&item->task, RESIZE_NEXT, OP_NO_DEADLINE),
		sure ? pod_before(item) : NULL, item_pod(item));
}

static void resize_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, task);
	struct str why;

	if (t->step == RESIZE_NEXT || t->step == RESIZE_OVER)
		pod_cgroup_done(&item->cgroup);
	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	if (err->code) {
		fail(item, arena_print(&item->arena, "%s", err_text(err)));
		err_done(err);
		return;
	}
	switch ((enum resize_step)t->step) {
	case RESIZE_WIDEN:
		if (is_too_little(item, &why))
			return fail(item, why);
		widen(item);
		return;
	case RESIZE_NEXT:
		change_next(item);
		return;
	case RESIZE_CHANGED:
		changed(item);
		return;
	case RESIZE_OVER:
		fitted(item);
		task_finish(t, 0);
	}
}

static const struct task_kind resize_kind = TASK_KIND("pod resize", resize_steps, resize_run);

void resize_start(struct pod_item *item)
{
	task_start(&item->task, &resize_kind, &item->op);
}
