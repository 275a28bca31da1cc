/* The order of beginning and end. */
#include "addons.h"
#include "cluster_parts.h"

#include <kube/informer.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/tls_engine.h>

#define GRACE (5 * SEC) /* of requests under way, at the end */

const char *const cluster_part_names[CLUSTER_PARTS + 1] = {
	"addons", "controllers", "scheduler", "proxy", "dns", "kubelet", NULL};

struct cluster *cluster_new(
	struct env *env, const struct cluster_options *options, cluster_told_fn *told, void *ctx)
{
	struct cluster *c = mem_new(sizeof(*c));

	c->env = env;
	c->root = loop_root(env->loop);
	c->options = options;
	c->told = told;
	c->ctx = ctx;
	arena_init(&c->arena);
	for (int i = 0; i < CLUSTER_PARTS; i++)
		c->members[i].cluster = c;
	return c;
}

/* ---- the beginning ---- */

enum start_step { START_API, START_ADDRESSES, START_PARTS, START_DNS, START_NODE, START_DONE };
static const char *const start_steps[] = {"api", "addresses", "parts", "dns", "node", "done"};

static void addresses_work(struct work *w)
{
	struct cluster *c = CONTAINER_OF(w, struct cluster, work);

	cluster_take_dns_addresses(c->options, &w->err);
}

static bool is_ready(const struct cJSON *node)
{
	json_each (condition, json_path(node, "status.conditions"))
		if (str_eq_text(json_str(json_get(condition, STR("type"))), "Ready"))
			return str_eq_text(json_str(json_get(condition, STR("status"))), "True");
	return false;
}

/* What the node said in an earlier life counts once its pods are known again. */
static void tell_node(struct cluster *c)
{
	if (!c->begun || !c->node_ready || c->node_told)
		return;
	c->node_told = true;
	c->told(c->ctx, CLUSTER_NODE_READY);
}

static void node_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	_cleanup_(arena_done) struct arena a;
	struct cluster *c = h->ctx;

	(void)old;
	(void)initial;
	arena_init(&a);
	if (!fresh)
		return;
	c->node_ready = is_ready(object_lean_tree(&a, fresh));
	tell_node(c);
}

static void follow_node(struct cluster *c)
{
	struct component_base *base = &c->members[PART_ADDONS].member.base;

	c->nodes = informers_get(base->informers,
		&(struct informer_options){.client = base->client,
			.resource = resource_find(STR(""), STR("v1"), STR("nodes")),
			.fields = arena_print(
				&c->arena, "metadata.name=%.*s", STRF(c->options->node_name))});
	c->on_node = (struct informer_handler){.changed = node_changed, .ctx = c};
	informer_add_handler(c->nodes, &c->on_node);
}

/* What the DNS may look at is in a manifest: the DNS begins behind it. */
static void begin_parts(struct cluster *c, struct op *op)
{
	const bool *off = c->options->disabled;

	cluster_begin_addons(c);
	if (!off[PART_CONTROLLERS])
		cluster_begin_controllers(c);
	if (!off[PART_SCHEDULER])
		cluster_begin_scheduler(c);
	if (!off[PART_PROXY])
		cluster_begin_proxy(c);
	follow_node(c);
	addons_await_own(c->members[PART_ADDONS].member.part, op);
}

static int begin_dns(struct cluster *c, struct err *err)
{
	if (c->options->disabled[PART_DNS])
		return 0;
	if (cluster_begin_dns(c, err))
		return err->code;
	c->told(c->ctx, CLUSTER_DNS_READY);
	return 0;
}

static void start_run(struct task *t, struct err *err)
{
	struct cluster *c = CONTAINER_OF(t, struct cluster, starting);
	_cleanup_(err_done) struct err why = {0};
	const bool *off = c->options->disabled;

	if (err->code)
		return task_fail(t, err);
	switch ((enum start_step)t->step) {
	case START_API:
		api_server_start(c->env, task_await(t, START_ADDRESSES, OP_NO_DEADLINE), c->root,
			c->options->api, &c->api);
		return;
	case START_ADDRESSES:
		c->api_serves = true;
		c->told(c->ctx, CLUSTER_API_READY);
		t->step = START_PARTS;
		if (!off[PART_DNS]) {
			work_start(&c->work, task_await(t, START_PARTS, OP_NO_DEADLINE),
				WORK_NETLINK, addresses_work);
			return;
		}
		/* fallthrough */
	case START_PARTS:
		begin_parts(c, task_await(t, START_DNS, OP_NO_DEADLINE));
		return;
	case START_DNS:
		if (begin_dns(c, &why))
			return task_fail(t, &why);
		t->step = START_DONE;
		if (!off[PART_KUBELET]) {
			cluster_begin_node(c, task_await(t, START_NODE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case START_NODE:
	case START_DONE:
		c->begun = true;
		tell_node(c);
		task_finish(t, 0);
		return;
	}
}

void cluster_start(struct cluster *c, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("cluster start", start_steps, start_run);

	task_start(&c->starting, &kind, op);
}

/* ---- the end: parts, the API ---- */

enum stop_step { STOP_PARTS, STOP_API, STOP_DONE };
static const char *const stop_steps[] = {"parts", "api", "done"};

static void stop_run(struct task *t, struct err *err);

static void member_ended(struct op *op, struct err *err)
{
	struct cluster_member *m = CONTAINER_OF(op, struct cluster_member, ended);
	struct cluster *c = m->cluster;

	(void)err;
	if (--c->ending)
		return;
	struct err none = {0};
	c->stopping.step = STOP_API;
	stop_run(&c->stopping, &none);
}

static void end_members(struct cluster *c)
{
	if (c->nodes)
		informer_remove_handler(c->nodes, &c->on_node);
	c->ending = CLUSTER_PARTS;
	for (int i = 0; i < CLUSTER_PARTS; i++) {
		op_init(&c->members[i].ended, c->root, member_ended, OP_NO_DEADLINE);
		member_end(&c->members[i].member, &c->members[i].ended);
	}
}

static void stop_run(struct task *t, struct err *err)
{
	struct cluster *c = CONTAINER_OF(t, struct cluster, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_PARTS:
		end_members(c);
		return;
	case STOP_API:
		t->step = STOP_DONE;
		if (c->api_serves) {
			api_server_stop(c->api, task_await(t, STOP_DONE, OP_NO_DEADLINE), GRACE);
			return;
		}
		/* fallthrough */
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

void cluster_stop(struct cluster *c, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("cluster stop", stop_steps, stop_run);
	struct err none = {0};

	c->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &c->stopping);
	stop_run(&c->stopping, &none);
}

void cluster_free(struct cluster *c)
{
	for (int i = 0; i < CLUSTER_PARTS; i++)
		member_free(&c->members[i].member);
	api_server_free(c->api);
	if (c->node_tls)
		tls_config_unref(c->node_tls);
	arena_done(&c->arena);
	mem_free(c);
}

uint16_t cluster_port(const struct cluster *c)
{
	return api_server_port(c->api);
}
