#include "node.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/runtime_native.h>
#include <kube/task.h>

enum begin_step { BEGIN_IMAGES, BEGIN_RUNTIME, BEGIN_KUBELET };
static const char *const begin_steps[] = {"images", "runtime", "kubelet"};
enum end_step { END_BEGINNING, END_KUBELET, END_RUNTIME, END_IMAGES, END_SCOPE, END_DONE };
static const char *const end_steps[] = {
	"beginning", "kubelet", "runtime", "images", "scope", "done"};

struct node {
	struct part part; /* first */
	struct component_base base;
	struct node_options options;
	struct arena arena;
	struct scope scope; /* of store and runtime */
	struct task begin, end;
	struct op begun;
	bool stopping;
	struct image_store *images;
	struct runtime *runtime;
	struct part *kubelet;
};

/* ---- the beginning ---- */

static const char *text(struct node *n, struct str s)
{
	return arena_str(&n->arena, s).at;
}

static void open_images(struct node *n, struct task *t)
{
	const struct image_store_options options = {.root = text(n, n->options.directory),
		.registries = n->options.registries,
		.registry_count = n->options.registry_count};

	image_store_open(n->base.env, task_await(t, BEGIN_RUNTIME, OP_NO_DEADLINE), &n->scope,
		&options, &n->images);
}

static void open_runtime(struct node *n, struct task *t)
{
	struct str cgroups = n->options.kubelet.cgroup_root;
	const struct runtime_native_options options = {.root = text(n, n->options.directory),
		.cgroup_root = str_eq(cgroups, STR("-")) ? "" : text(n, cgroups),
		.images = image_store_images(n->images)};

	runtime_native_start(n->base.env, task_await(t, BEGIN_KUBELET, OP_NO_DEADLINE), &n->scope,
		&options, &n->runtime);
}

static void begin_run(struct task *t, struct err *err)
{
	struct node *n = CONTAINER_OF(t, struct node, begin);

	if (err->code)
		return task_fail(t, err);
	switch ((enum begin_step)t->step) {
	case BEGIN_IMAGES:
		open_images(n, t);
		return;
	case BEGIN_RUNTIME:
		open_runtime(n, t);
		return;
	case BEGIN_KUBELET:
		if (!n->stopping)
			n->kubelet = kubelet_new(&n->base, n->runtime, &n->options.kubelet);
		task_finish(t, 0);
	}
}

static void end_run(struct task *t, struct err *err);

static void begun(struct op *op, struct err *err)
{
	struct node *n = CONTAINER_OF(op, struct node, begun);
	struct err none = {0};

	if (n->stopping) {
		n->end.step = END_KUBELET;
		end_run(&n->end, &none);
		return;
	}
	if (!err->code)
		return;
	log_error(err, "the node cannot begin");
	if (n->options.failed)
		n->options.failed(n->options.ctx, err);
}

/* ---- the end ---- */

/* Each falls through when there is nothing to end. */
static void end_run(struct task *t, struct err *err)
{
	struct node *n = CONTAINER_OF(t, struct node, end);

	(void)err;
	switch ((enum end_step)t->step) {
	case END_BEGINNING:
		/* begun() goes on from here. */
		if (op_active(&n->begun)) {
			op_cancel(&n->begun);
			return;
		}
		/* fallthrough */
	case END_KUBELET:
		if (n->kubelet) {
			part_stop(n->kubelet, task_await(t, END_RUNTIME, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_RUNTIME:
		if (n->runtime) {
			n->runtime->ops->stop(
				n->runtime, task_await(t, END_IMAGES, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_IMAGES:
		if (n->images) {
			image_store_stop(n->images, task_await(t, END_SCOPE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_SCOPE:
		scope_close(&n->scope, task_await(t, END_DONE, OP_NO_DEADLINE));
		return;
	case END_DONE:
		task_finish(t, 0);
	}
}

static const struct task_kind begin_kind = TASK_KIND("node begin", begin_steps, begin_run);
static const struct task_kind end_kind = TASK_KIND("node end", end_steps, end_run);

static void stop(struct part *p, struct op *op)
{
	struct node *n = CONTAINER_OF(p, struct node, part);
	struct err none = {0};

	n->stopping = true;
	n->end = (struct task){.op = op, .kind = &end_kind};
	op_begin_always(op, &end_kind.op, &n->end);
	end_run(&n->end, &none);
}

static void free_part(struct part *p)
{
	struct node *n = CONTAINER_OF(p, struct node, part);

	part_free(n->kubelet);
	if (n->runtime)
		n->runtime->ops->free(n->runtime);
	image_store_free(n->images);
	arena_done(&n->arena);
	mem_free(n);
}

static const struct part_ops part_ops = {.name = "node", .stop = stop, .free = free_part};

struct part *node_new(const struct component_base *base, const struct node_options *options)
{
	struct node *n = mem_new(sizeof(*n));

	n->part.ops = &part_ops;
	n->base = *base;
	n->options = *options;
	arena_init(&n->arena);
	scope_init(&n->scope, base->scope, "node", NULL);
	op_init(&n->begun, &n->scope, begun, OP_NO_DEADLINE);
	task_start(&n->begin, &begin_kind, &n->begun);
	return &n->part;
}
