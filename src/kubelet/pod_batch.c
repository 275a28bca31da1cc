#include "pod_batch.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

/* As upstream's pod workers come again after a failure. */
#define RETRY_SANDBOX (10 * SEC)
#define RETRY         (1 * SEC)

/* The spec in the batch's own state of the pod. */
static const struct cJSON *find_spec(const struct pod_batch *b, const struct cJSON *container)
{
	static const char *const lists[] = {
		"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

	for (size_t i = 0; container && i < ARRAY_LEN(lists); i++)
		json_each (spec, json_path(b->state->pod, lists[i]))
			if (str_eq(tree_str(spec, "name"), tree_str(container, "name")))
				return spec;
	return NULL;
}

static void finish(struct pod_batch *b)
{
	struct pod_worker *w = b->w;

	for (size_t i = 0; i < b->count; i++) {
		arena_done(&b->items[i].arena);
		buf_done(&b->items[i].output);
	}
	pod_state_unref(b->state);
	arena_done(&b->arena);
	w->batch = NULL;
	mem_free(b);
	pod_worker_wake(w);
}

static void start_item(struct pod_item *item);

static void next(struct pod_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (!b->items[i].over && !op_active(&b->items[i].op)) {
			if (!b->cancelled) {
				start_item(&b->items[i]);
				return;
			}
			b->items[i].over = true;
			b->left--;
		}
}

static void item_done(struct op *op, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(op, struct pod_item, op);
	struct pod_batch *b = item->batch;

	/* Starts note by themselves when they are to be tried again. */
	if (err->code && err->code != ERR_CANCELLED && item->action.kind != POD_START_CONTAINER) {
		bool sandbox = item->action.kind == POD_RUN_SANDBOX;

		b->w->pause_until =
			env_wall(kubelet_env(b->w->k)) + (sandbox ? RETRY_SANDBOX : RETRY);
		log_warning(err, "an action on a pod failed",
			LOG_STR("pod", tree_str(b->state->pod, "metadata.name")),
			LOG_STR("namespace", tree_str(b->state->pod, "metadata.namespace")),
			LOG_STR("id", item->action.id));
	}
	item->over = true;
	b->left--;
	if (b->left && b->serial)
		next(b);
	if (!b->left)
		finish(b);
}

static void start_item(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	struct scope *scope = &item_kubelet(item)->scope;

	op_init(&item->op, scope, item_done, OP_NO_DEADLINE);
	switch (item->action.kind) {
	case POD_KILL_CONTAINER:
		container_stop(item);
		break;
	case POD_STOP_SANDBOX:
		r->ops->stop_sandbox(r, &item->op, item->action.id);
		break;
	case POD_RUN_SANDBOX:
		sandbox_start(item);
		break;
	case POD_START_CONTAINER:
		container_start(item);
		break;
	case POD_REMOVE_CONTAINER:
		container_remove(item);
		break;
	case POD_REMOVE_SANDBOX:
		r->ops->remove_sandbox(r, &item->op, item->action.id);
		break;
	case POD_RESIZE:
		resize_start(item);
		break;
	}
}

void pod_batch_start(struct pod_worker *w, const struct pod_actions *actions)
{
	struct pod_batch *b = mem_new(sizeof(*b));

	assert(!w->batch);
	w->batch = b;
	b->w = w;
	b->state = pod_state_ref(w->state);
	arena_init(&b->arena);
	b->items = arena_new(&b->arena, actions->count * sizeof(*b->items));
	b->count = b->left = actions->count;
	b->serial = actions->items[0].kind != POD_KILL_CONTAINER;
	for (size_t i = 0; i < b->count; i++) {
		struct pod_item *item = &b->items[i];

		item->batch = b;
		item->action = actions->items[i];
		item->action.container = find_spec(b, actions->items[i].container);
		item->action.id = arena_str(&b->arena, actions->items[i].id);
		item->action.message = arena_str(&b->arena, actions->items[i].message);
		arena_init(&item->arena);
		buf_init(&item->output, 16 * KIB);
	}
	if (b->serial)
		start_item(&b->items[0]);
	for (size_t i = 0; i < b->count && !b->serial; i++)
		start_item(&b->items[i]);
}

void pod_batch_cancel(struct pod_worker *w)
{
	struct pod_batch *b = w->batch;

	if (!b)
		return;
	b->cancelled = true;
	for (size_t i = 0; i < b->count; i++)
		op_cancel(&b->items[i].op);
}

void pod_batch_hurry(struct pod_worker *w, int64_t grace)
{
	struct pod_batch *b = w->batch;

	if (!b)
		return;
	for (size_t i = 0; i < b->count; i++) {
		const struct pod_action *action = &b->items[i].action;
		bool begins =
			action->kind == POD_START_CONTAINER || action->kind == POD_RUN_SANDBOX;
		bool lasts = action->kind == POD_KILL_CONTAINER && action->grace > grace;

		if (begins)
			b->cancelled = true;
		if (begins || lasts)
			op_cancel(&b->items[i].op);
	}
}
