/* Hooks of containers, which run inside them or knock at them. */
#include "pod_batch.h"
#include "probe.h"

#include <kube/api_codec.h>
#include <kube/time.h>

/* The container's grace ends it earlier. */
#define KNOCK_MOST (10 * MINUTE)

struct hook_result {
	struct op *op;
	struct op inner;
	struct pod_item *item;
	struct probe probe;
};

static void hook_cancel(struct op *op)
{
	op_cancel(&((struct hook_result *)op->ctx)->inner);
}

static const struct op_kind hook_kind = {.name = "hook", .cancel = hook_cancel};

static void executed(struct op *op, struct err *err)
{
	struct hook_result *h = CONTAINER_OF(op, struct hook_result, inner);
	struct runtime_exec *exec = &h->item->exec;

	if (err->code)
		op_fail(h->op, err);
	else if (exec->exit_code)
		op_fail_with(h->op, ERR_IO, "command '%.*s' exited with %d: %.*s",
			STRF(exec->command_count ? exec->command[0] : STR("")), exec->exit_code,
			STRF(buf_str(&h->item->output)));
	else
		op_finish(h->op, 0);
}

static void slept(struct op *op, struct err *err)
{
	struct hook_result *h = CONTAINER_OF(op, struct hook_result, inner);

	if (err->code)
		op_fail(h->op, err);
	else
		op_finish(h->op, 0);
}

static void run_exec(struct hook_result *h, const struct cJSON *hook, struct str id)
{
	struct pod_item *item = h->item;
	struct runtime *r = item_kubelet(item)->runtime;
	const struct cJSON *command = json_path(hook, "exec.command");
	struct str *words = arena_alloc(&item->arena, (json_count(command) + 1) * sizeof(*words));

	item->exec = (struct runtime_exec){.container = arena_str(&item->arena, id),
		.command = words,
		.out = &item->output,
		.err = &item->output};
	json_each (word, command)
		words[item->exec.command_count++] = arena_str(&item->arena, json_str(word));
	op_init(&h->inner, &item_kubelet(item)->scope, executed, OP_NO_DEADLINE);
	r->ops->exec(r, &h->inner, &item->exec);
}

static void knocked(struct op *op, struct err *err)
{
	struct hook_result *h = CONTAINER_OF(op, struct hook_result, inner);

	if (err->code)
		op_fail(h->op, err);
	else if (h->probe.outcome == PROBE_GOOD)
		op_finish(h->op, 0);
	else
		op_fail_with(h->op, ERR_IO, "%.*s", STRF(h->probe.text));
	probe_done(&h->probe);
}

/* Whatever is answered is fine, as long as something is. */
static void knock(struct hook_result *h, const struct cJSON *hook, struct str id)
{
	struct kubelet *k = item_kubelet(h->item);

	h->probe = (struct probe){.k = k,
		.handler = hook,
		.container = h->item->action.container,
		.id = arena_str(&h->item->arena, id),
		.ip = pod_worker_ip(h->item->batch->w, &h->item->arena),
		.timeout = KNOCK_MOST,
		.user_agent = "kube-lifecycle/1.36",
		.any_answer = true};
	op_init(&h->inner, &k->scope, knocked, OP_NO_DEADLINE);
	probe_start(&h->probe, &h->inner);
}

void hook_run(struct pod_item *item, struct op *op, const struct cJSON *hook, struct str id)
{
	struct hook_result *h = arena_new(&item->arena, sizeof(*h));

	h->item = item;
	h->op = op;
	if (!op_begin(op, &hook_kind, h))
		return;
	if (tree_has(hook, "exec")) {
		run_exec(h, hook, id);
	} else if (tree_has(hook, "httpGet") || tree_has(hook, "tcpSocket")) {
		knock(h, hook, id);
	} else if (tree_has(hook, "sleep")) {
		int64_t seconds = tree_int(hook, "sleep.seconds", 0);

		op_init(&h->inner, &item_kubelet(item)->scope, slept, OP_NO_DEADLINE);
		timer_wait(&h->inner, loop_in(kubelet_loop(item_kubelet(item)), seconds * SEC));
	} else {
		op_fail_with(op, ERR_UNSUPPORTED, "invalid handler");
	}
}
