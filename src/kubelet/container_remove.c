/* Removing a container that has ended: what the runtime has of it, and its log. */
#include "container_steps.h"
#include "log_files.h"

enum remove_step { REMOVE_CONTAINER, REMOVE_LOG, REMOVE_OVER };
static const char *const remove_steps[] = {"container", "log", "over"};

static void remove_log(struct work *w)
{
	struct pod_item *item = CONTAINER_OF(w, struct pod_item, work);

	if (log_files_remove(item->log, &w->err) == ERR_NOT_FOUND)
		err_done(&w->err);
}

/* The runtime forgets it with the container. */
static const char *log_of(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	const struct container *const *list;
	size_t count = r->ops->containers(r, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->id, item->action.id) && list[i]->log_path.len)
			return arena_str(&item->arena, list[i]->log_path).at;
	return NULL;
}

static void remove_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, task);
	struct runtime *r = item_kubelet(item)->runtime;

	if (err->code)
		return task_fail(t, err);
	switch ((enum remove_step)t->step) {
	case REMOVE_CONTAINER:
		item->log = log_of(item);
		r->ops->remove_container(
			r, task_await(t, REMOVE_LOG, OP_NO_DEADLINE), item->action.id);
		return;
	case REMOVE_LOG:
		if (item->log) {
			work_start(&item->work, task_await(t, REMOVE_OVER, OP_NO_DEADLINE),
				WORK_DISK, remove_log);
			return;
		}
		/* fallthrough */
	case REMOVE_OVER:
		if (item->action.since)
			pod_worker_note(item->batch->w, item_name(item))->ended =
				item->action.since;
		task_finish(t, 0);
	}
}

void container_remove(struct pod_item *item)
{
	static const struct task_kind kind =
		TASK_KIND("container remove", remove_steps, remove_run);

	task_start(&item->task, &kind, &item->op);
}
