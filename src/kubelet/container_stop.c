/* Stopping a container: its hook, its signal, its end. */
#include "pod_batch.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#define GRACE_LEAST (2 * SEC)

enum stop_step { STOP_HOOK, STOP_SIGNAL, STOP_DONE };
static const char *const stop_steps[] = {"hook", "signal", "done"};

static void run_hook(struct pod_item *item)
{
	const struct cJSON *hook = json_path(item->action.container, "lifecycle.preStop");
	int64_t most = loop_in(op_loop(&item->op), item->action.grace);

	hook_run(item, task_await(&item->task, STOP_SIGNAL, most), hook, item->action.id);
}

static void stop_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, task);
	struct kubelet *k = item_kubelet(item);
	struct runtime *r = k->runtime;

	switch ((enum stop_step)t->step) {
	case STOP_HOOK:
		item->since = loop_now(kubelet_loop(k));
		if (item->action.message.len)
			kubelet_event(k, item_pod(item), item->action.container, "Normal",
				"Killing", item->action.message);
		if (item->action.grace && tree_has(item->action.container, "lifecycle.preStop")) {
			run_hook(item);
			return;
		}
		t->step = STOP_SIGNAL;
		*err = (struct err){0};
		/* fallthrough */
	case STOP_SIGNAL:
		if (err->code == ERR_CANCELLED)
			return task_fail(t, err);
		if (err->code)
			kubelet_event(k, item_pod(item), item->action.container, "Warning",
				"FailedPreStopHook", STR("PreStopHook failed"));
		err_done(err);
		int64_t left = item->action.grace - (loop_now(kubelet_loop(k)) - item->since);
		r->ops->stop_container(r, task_await(t, STOP_DONE, OP_NO_DEADLINE), item->action.id,
			item->action.grace ? MAX(left, GRACE_LEAST) : 0);
		return;
	case STOP_DONE:
		if (err->code)
			return task_fail(t, err);
		task_finish(t, 0);
	}
}

static const struct task_kind stop_kind = TASK_KIND("container stop", stop_steps, stop_run);

void container_stop(struct pod_item *item)
{
	task_start(&item->task, &stop_kind, &item->op);
}
