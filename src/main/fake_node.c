/*
 * kube debug fake-node: nodes that only talk. Two controllers against an API server anywhere: one
 * registers the nodes and renews their leases, one says of the pods on them what a kubelet would.
 * For tests and measurements of everything above the nodes.
 */
#include "debug.h"
#include "fake_node_plan.h"
#include "process.h"

#include <kube/mem.h>
#include <kube/task.h>

#include <stdio.h>

struct fake_nodes {
	struct part part;
	const struct fake_node_shape *shape;
	struct informer *nodes, *leases, *pods;
	struct informer_handler on_node, on_pod;
	struct controller *node_keeper, *pod_keeper;
	uint8_t *hosts; /* by the node's number: the last byte that was given */
	struct task stopping;
};

/* ---- nodes ---- */

static void keep_node(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct fake_nodes *f = ctx;
	struct object *node = informer_get(f->nodes, STR(""), key);
	struct object *lease = informer_get(f->leases, STR("kube-node-lease"), key);

	fake_node_plan(f->shape, key, node ? object_lean_tree(p->arena, node) : NULL,
		lease ? object_lean_tree(p->arena, lease) : NULL, now, p);
}

static void node_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct fake_nodes *f = h->ctx;
	struct str name = client_object_name(fresh ? fresh : old);

	(void)initial;
	if (fake_node_number(f->shape, name) >= 0)
		controller_enqueue(f->node_keeper, name);
}

/* ---- pods ---- */

static bool host_taken(struct fake_nodes *f, struct str node, struct str ip)
{
	informer_each(it,
		informer_by(f->pods, "spec.nodeName",
			node)) if (str_eq(object_scan(it.object, "status.podIP"), ip)) return true;
	return false;
}

/* The next one of the node's addresses that nobody has; with all taken, one of them. */
static struct str next_ip(struct fake_nodes *f, struct arena *a, int64_t number, struct str node)
{
	struct str ip = STR("");

	for (int i = 0; i < 254; i++) {
		f->hosts[number] = (uint8_t)(f->hosts[number] % 254 + 1);
		ip = fake_pod_ip(a, number, f->hosts[number]);
		if (!host_taken(f, node, ip))
			break;
	}
	return ip;
}

static void keep_pod(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct fake_nodes *f = ctx;
	struct object *o = informer_get_key(f->pods, key);
	struct str ip;

	if (!o)
		return;
	struct str node = object_scan(o, "spec.nodeName");
	int64_t number = fake_node_number(f->shape, node);
	if (number < 0)
		return;
	ip = object_scan(o, "status.podIP").len ? STR("") : next_ip(f, p->arena, number, node);
	fake_pod_plan(object_lean_tree(p->arena, o), fake_node_ip(p->arena, number), ip, now, p);
}

static void pod_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct fake_nodes *f = h->ctx;
	_cleanup_(arena_done) struct arena a;

	(void)old;
	(void)initial;
	arena_init(&a);
	if (fresh && fake_node_number(f->shape, object_scan(fresh, "spec.nodeName")) >= 0)
		controller_enqueue(f->pod_keeper, client_object_key(&a, fresh));
}

/* ---- life ---- */

enum stop_step { STOP_NODES, STOP_PODS, STOP_DONE };
static const char *const stop_steps[] = {"nodes", "pods", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct fake_nodes *f = CONTAINER_OF(t, struct fake_nodes, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_NODES:
		controller_stop(f->node_keeper, task_await(t, STOP_PODS, OP_NO_DEADLINE));
		return;
	case STOP_PODS:
		controller_stop(f->pod_keeper, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

static void fake_nodes_stop(struct part *part, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("fake nodes stop", stop_steps, stop_run);
	struct fake_nodes *f = CONTAINER_OF(part, struct fake_nodes, part);
	struct err none = {0};

	informer_remove_handler(f->nodes, &f->on_node);
	informer_remove_handler(f->pods, &f->on_pod);
	f->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &f->stopping);
	stop_run(&f->stopping, &none);
}

static void fake_nodes_free(struct part *part)
{
	struct fake_nodes *f = CONTAINER_OF(part, struct fake_nodes, part);

	controller_free(f->node_keeper);
	controller_free(f->pod_keeper);
	mem_free(f->hosts);
	mem_free(f);
}

static void open_informers(struct fake_nodes *f, const struct component_base *base)
{
	const struct informer_index by_node = index_by_field("spec.nodeName");
	struct informer_options o = {.client = base->client};

	o.resource = resource_find(STR(""), STR("v1"), STR("nodes"));
	f->nodes = informers_get(base->informers, &o);
	o.resource = resource_find(STR("coordination.k8s.io"), STR("v1"), STR("leases"));
	o.namespace = STR("kube-node-lease");
	f->leases = informers_get(base->informers, &o);
	o.namespace = STR("");
	o.resource = resource_find(STR(""), STR("v1"), STR("pods"));
	o.fields = STR("spec.nodeName!=");
	o.indexes = &by_node;
	o.index_count = 1;
	f->pods = informers_get(base->informers, &o);
}

struct fake_line {
	struct process_line process;
	struct fake_node_shape shape;
};

static struct part *begin(struct process_line *p, const struct component_base *base)
{
	static const struct part_ops ops = {
		.name = "fake nodes", .stop = fake_nodes_stop, .free = fake_nodes_free};
	struct fake_nodes *f = mem_new(sizeof(*f));
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	f->part.ops = &ops;
	f->shape = &CONTAINER_OF(p, struct fake_line, process)->shape;
	f->hosts = mem_new((size_t)f->shape->count);
	open_informers(f, base);
	struct informer *const for_nodes[] = {f->nodes, f->leases};
	struct controller_options o = {.name = "fake-node",
		.client = base->client,
		.reconcile = keep_node,
		.ctx = f,
		.informers = for_nodes,
		.informer_count = ARRAY_LEN(for_nodes),
		.workers = 16};
	f->node_keeper = controller_new(base->scope, &o);
	o.name = "fake-pod";
	o.reconcile = keep_pod;
	o.informers = &f->pods;
	o.informer_count = 1;
	o.workers = 64;
	f->pod_keeper = controller_new(base->scope, &o);
	f->on_node = (struct informer_handler){.changed = node_changed, .ctx = f};
	f->on_pod = (struct informer_handler){.changed = pod_changed, .ctx = f};
	informer_add_handler(f->nodes, &f->on_node);
	informer_add_handler(f->pods, &f->on_pod);
	for (int64_t i = 0; i < f->shape->count; i++)
		controller_enqueue(f->node_keeper,
			arena_print(&a, "%.*s%lld", STRF(f->shape->prefix), (long long)i));
	return &f->part;
}

/* ---- the command line ---- */

static size_t own_flags(struct process_line *p, struct flag *flags)
{
	struct fake_node_shape *shape = &CONTAINER_OF(p, struct fake_line, process)->shape;
	const struct flag own[] = {
		FLAG_INT("count", &shape->count, "1", "COUNT", "How many nodes."),
		FLAG_STRING("prefix", &shape->prefix, "fake-", "TEXT",
			"They are called by it and a number."),
		FLAG_STRING("cpu", &shape->cpu, "8", "QUANTITY", "What each has of CPU."),
		FLAG_STRING("memory", &shape->memory, "32Gi", "QUANTITY", "Of memory."),
		FLAG_STRING("ephemeral-storage", &shape->storage, "100Gi", "QUANTITY",
			"Of room on disk."),
		FLAG_INT("pods", &shape->pods, "110", "COUNT", "How many pods it takes."),
		FLAG_INT("zones", &shape->zones, "0", "COUNT",
			"In how many zones they stand; 0: in none."),
	};

	memcpy(flags, own, sizeof(own));
	return ARRAY_LEN(own);
}

static int read_line(
	struct arena *a, struct process_line *p, const struct flag *flags, struct err *err)
{
	int64_t count = CONTAINER_OF(p, struct fake_line, process)->shape.count;

	(void)a;
	(void)flags;
	if (count < 1 || count > FAKE_NODES_MAX)
		return err_set(err, ERR_SYNTAX, "--count: 1 to %d", FAKE_NODES_MAX);
	return 0;
}

int debug_fake_node(int argc, char **argv)
{
	static const struct process_command command = {.name = "debug fake-node",
		.user_agent = "kube-fake-node/v1.36.0",
		.burst = "100",
		.flags = own_flags,
		.read = read_line,
		.begin = begin};
	struct fake_line line = {0};

	return process_main(&command, &line.process, argc, argv);
}
