/*
 * Starting a container: its image, its config, the container, its hook. What is in the way is
 * noted with the container and told as an event, in upstream's words; the worker comes again.
 */
#include "container_steps.h"

#include <kube/mem.h>

enum start_step {
	START_IMAGE,
	START_PULLED,
	START_MADE,
	START_CREATED,
	START_STARTED,
	START_HOOKED,
	START_KILLED
};
static const char *const start_steps[] = {
	"image", "pulled", "made", "created", "started", "hooked", "killed"};

void container_tell(struct pod_item *item, const char *type, const char *reason, struct str message)
{
	kubelet_event(
		item_kubelet(item), item_pod(item), item->action.container, type, reason, message);
}

void container_give_up(struct pod_item *item, const char *reason, struct str message, int64_t delay)
{
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));

	pod_worker_obstacle(item->batch->w, item_name(item), reason, message);
	note->retry_at = item_wall(item) + delay;
	task_finish(&item->task, 0);
}

static void give_up_with(struct pod_item *item, const char *reason, struct err *err)
{
	struct str message = arena_print(&item->arena, "%s", err_text(err));

	err_done(err);
	container_tell(
		item, "Warning", "Failed", arena_print(&item->arena, "Error: %.*s", STRF(message)));
	container_give_up(item, reason, message, CONTAINER_RETRY);
}

static void make(struct pod_item *item)
{
	container_make(item, task_await(&item->task, START_MADE, OP_NO_DEADLINE));
}

/* Until all images are here, one is awaited, or it is given up. */
static void look_for_images(struct pod_item *item)
{
	while (container_image_next(item))
		if (!container_image_here(item, START_PULLED))
			return;
	make(item);
}

static void create(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;

	r->ops->create_container(
		r, task_await(&item->task, START_CREATED, OP_NO_DEADLINE), &item->create);
}

static void created(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;

	container_tell(item, "Normal", "Created", STR("Container created"));
	item->create.id = arena_str(&item->arena, item->create.id);
	r->ops->start_container(
		r, task_await(&item->task, START_STARTED, OP_NO_DEADLINE), item->create.id);
}

static void started(struct pod_item *item)
{
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	const struct cJSON *hook = json_path(item->action.container, "lifecycle.postStart");

	container_tell(item, "Normal", "Started", STR("Container started"));
	pod_worker_obstacle(item->batch->w, item_name(item), NULL, STR(""));
	note->ended = 0;
	note->next = item->action.attempt + 1;
	if (item->action.since)
		back_off_next(&note->restart, item->action.since, item_wall(item),
			item_kubelet(item)->configuration.restart_most);
	if (hook)
		hook_run(item, task_await(&item->task, START_HOOKED, OP_NO_DEADLINE), hook,
			item->create.id);
	else
		task_finish(&item->task, 0);
}

/* A container whose hook failed is none. */
static void hook_failed(struct pod_item *item, struct err *err)
{
	struct runtime *r = item_kubelet(item)->runtime;
	int64_t grace = container_grace(item_pod(item), item->action.container, NULL);

	item->hook = arena_print(&item->arena, "%s", err_text(err)).at;
	err_done(err);
	container_tell(item, "Warning", "FailedPostStartHook", STR("PostStartHook failed"));
	container_tell(item, "Normal", "Killing", STR("FailedPostStartHook"));
	r->ops->stop_container(
		r, task_await(&item->task, START_KILLED, OP_NO_DEADLINE), item->create.id, grace);
}

static void start_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, task);

	if (err && err->code == ERR_CANCELLED) {
		if (t->step == START_PULLED)
			container_image_cancelled(item);
		return task_fail(t, err);
	}
	switch ((enum start_step)t->step) {
	case START_IMAGE:
		look_for_images(item);
		return;
	case START_PULLED:
		if (err->code && container_image_again(item, START_PULLED, err))
			return;
		if (err->code)
			return container_image_failed(item, err);
		container_image_pulled(item);
		look_for_images(item);
		return;
	case START_MADE:
		if (err->code)
			return give_up_with(item, "CreateContainerConfigError", err);
		create(item);
		return;
	case START_CREATED:
		if (err->code)
			return give_up_with(item, "CreateContainerError", err);
		created(item);
		return;
	case START_STARTED:
		if (err->code)
			return give_up_with(item, "RunContainerError", err);
		started(item);
		return;
	case START_HOOKED:
		if (err->code)
			return hook_failed(item, err);
		task_finish(t, 0);
		return;
	case START_KILLED:
		err_done(err);
		container_give_up(item, "PostStartHookError", str_from(item->hook), 0);
	}
}

static const struct task_kind start_kind = TASK_KIND("container start", start_steps, start_run);

void container_start(struct pod_item *item)
{
	task_start(&item->task, &start_kind, &item->op);
}
