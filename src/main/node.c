#include "node.h"

#include <kube/api_codec.h>
#include <kube/informer.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/runtime_native.h>
#include <kube/task.h>

enum begin_step { BEGIN_IMAGES, BEGIN_NETWORK, BEGIN_RUNTIME, BEGIN_KEEP, BEGIN_KUBELET };
static const char *const begin_steps[] = {"images", "network", "runtime", "keep", "kubelet"};
enum end_step {
	END_BEGINNING,
	END_KUBELET,
	END_RUNTIME,
	END_NETWORK,
	END_IMAGES,
	END_SCOPE,
	END_DONE
};
static const char *const end_steps[] = {
	"beginning", "kubelet", "runtime", "network", "images", "scope", "done"};

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
	struct pod_network *network;
	struct informer *nodes;
	struct informer_handler on_node;
	struct op cidrs_set;
	struct cidr cidrs[2]; /* of this node's pods */
	size_t cidr_count;
};

/* ---- the beginning ---- */

static const char *text(struct node *n, struct str s)
{
	return arena_str(&n->arena, s).at;
}

static void open_images(struct node *n, struct task *t)
{
	const struct image_store_options options = {.root = text(n, n->options.directory),
		.drop = n->options.archives.len ? text(n, n->options.archives) : NULL,
		.registries = n->options.registries,
		.registry_count = n->options.registry_count,
		.authorities = n->options.registry_authorities};

	image_store_open(n->base.env, task_await(t, BEGIN_NETWORK, OP_NO_DEADLINE), &n->scope,
		&options, &n->images);
}

static void open_network(struct node *n, struct task *t)
{
	struct pod_network_options options = {.directory = text(n, n->options.network_directory),
		.cluster_cidr_count = n->options.cluster_cidr_count};
	struct err err = {0};

	memcpy(options.cluster_cidrs, n->options.cluster_cidrs, sizeof(options.cluster_cidrs));
	if (pod_network_new(n->base.env, &n->scope, &options, &n->network, &err)) {
		task_fail(t, &err);
		return;
	}
	pod_network_start(n->network, task_await(t, BEGIN_RUNTIME, OP_NO_DEADLINE));
}

static void open_runtime(struct node *n, struct task *t)
{
	struct str cgroups = n->options.kubelet.cgroup_root;
	const struct runtime_native_options options = {.root = text(n, n->options.directory),
		.cgroup_root = str_eq(cgroups, STR("-")) ? "" : text(n, cgroups),
		.images = image_store_images(n->images),
		.network = pod_network_runtime(n->network)};

	runtime_native_start(n->base.env, task_await(t, BEGIN_KEEP, OP_NO_DEADLINE), &n->scope,
		&options, &n->runtime);
}

/* What the network has for sandboxes that are no more is taken away. */
static void keep_sandboxes(struct node *n, struct task *t)
{
	const struct sandbox *const *list;
	size_t count = n->runtime->ops->sandboxes(n->runtime, &list);
	struct str *ids = arena_alloc(&n->arena, (count + 1) * sizeof(*ids));

	for (size_t i = 0; i < count; i++)
		ids[i] = arena_str(&n->arena, list[i]->id);
	pod_network_keep(n->network, task_await(t, BEGIN_KUBELET, OP_NO_DEADLINE), ids, count);
}

static bool network_ready(void *ctx, struct err *why)
{
	struct node *n = ctx;

	return pod_network_ready(n->network, why);
}

static void watch_node(struct node *n);

static void begin_kubelet(struct node *n)
{
	struct kubelet_options options = n->options.kubelet;

	options.network_ready = network_ready;
	options.ctx = n;
	n->kubelet = kubelet_new(&n->base, n->runtime, &options);
	watch_node(n);
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
	case BEGIN_NETWORK:
		open_network(n, t);
		return;
	case BEGIN_RUNTIME:
		open_runtime(n, t);
		return;
	case BEGIN_KEEP:
		keep_sandboxes(n, t);
		return;
	case BEGIN_KUBELET:
		if (!n->stopping)
			begin_kubelet(n);
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
	if (err->code)
		log_error(err, "the node cannot begin");
	if (n->options.begun)
		n->options.begun(n->options.ctx, err);
}

/* ---- the addresses of its pods ---- */

static void cidrs_set(struct op *op, struct err *err)
{
	struct node *n = CONTAINER_OF(op, struct node, cidrs_set);

	if (err->code && err->code != ERR_CANCELLED) {
		n->cidr_count = 0; /* tried again with the next word of the node */
		log_error(err, "the pods' addresses of this node cannot be used");
	}
}

static void node_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct node *n = h->ctx;
	_cleanup_(arena_done) struct arena a;
	struct cidr cidrs[2] = {0};
	size_t count = 0;

	(void)old;
	(void)initial;
	arena_init(&a);
	if (!fresh || n->stopping || op_active(&n->cidrs_set))
		return;
	json_each (item, json_path(object_lean_tree(&a, fresh), "spec.podCIDRs"))
		if (count < ARRAY_LEN(cidrs) && cidr_parse(json_str(item), &cidrs[count]))
			count++;
	if (!count || (count == n->cidr_count && memcmp(cidrs, n->cidrs, sizeof(cidrs)) == 0))
		return;
	memcpy(n->cidrs, cidrs, sizeof(cidrs));
	n->cidr_count = count;
	op_init(&n->cidrs_set, &n->scope, cidrs_set, OP_NO_DEADLINE);
	pod_network_set_cidrs(n->network, &n->cidrs_set, n->cidrs, n->cidr_count);
}

static void watch_node(struct node *n)
{
	const struct informer_options options = {.client = n->base.client,
		.resource = resource_find(STR(""), STR("v1"), STR("nodes")),
		.fields = arena_print(
			&n->arena, "metadata.name=%.*s", STRF(n->options.kubelet.node_name))};

	n->nodes = informers_get(n->base.informers, &options);
	n->on_node = (struct informer_handler){.changed = node_changed, .ctx = n};
	informer_add_handler(n->nodes, &n->on_node);
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
				n->runtime, task_await(t, END_NETWORK, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_NETWORK:
		if (n->network) {
			pod_network_stop(n->network, task_await(t, END_IMAGES, OP_NO_DEADLINE));
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
	if (n->nodes)
		informer_remove_handler(n->nodes, &n->on_node);
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
	if (n->network)
		pod_network_free(n->network);
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
