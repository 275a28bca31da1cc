#include "node_agent.h"
#include "node_status.h"

#include <kube/api_codec.h>
#include <kube/events.h>
#include <kube/informer.h>
#include <kube/log.h>
#include <kube/machine.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#define LOOK_SOON (50 * MSEC) /* while it is not ready */
#define RENEWALS  4           /* of a lease while it lasts */
#define TIMEOUT   (10 * SEC)
#define DELAY_MIN (200 * MSEC)
#define DELAY_MAX (7 * SEC)

enum node_step { NODE_LOOK, NODE_REGISTERED, NODE_FOUND, NODE_LABELLED, NODE_TOLD, NODE_WAITED };
static const char *const node_steps[] = {
	"look", "registered", "found", "labelled", "told", "waited"};
enum lease_step { LEASE_LOOK, LEASE_FOUND, LEASE_WRITTEN, LEASE_WAITED };
static const char *const lease_steps[] = {"look", "found", "written", "waited"};

struct node_agent {
	struct kubelet *k;
	struct arena arena;
	struct machine machine;
	struct informer *nodes;
	struct task task;
	struct op op;
	struct client_request request;
	struct cJSON *node; /* as the API last answered */
	struct arena node_arena;
	int64_t node_revision;
	bool known;
	int failures;
	bool hurried;
	struct task lease_task;
	struct op lease_op;
	struct client_request lease_request;
	struct cJSON *lease;
	struct arena lease_arena;
	int lease_failures;
};

static const struct resource *nodes(void)
{
	return resource_find(STR(""), STR("v1"), STR("nodes"));
}

static const struct resource *leases(void)
{
	return resource_find(STR("coordination.k8s.io"), STR("v1"), STR("leases"));
}

static struct str node_name(const struct node_agent *n)
{
	return n->k->options.node_name;
}

static int64_t delay_of(int failures)
{
	int64_t doubled = DELAY_MIN << MIN(failures, 10);

	return MIN(doubled, DELAY_MAX);
}

static void sleep_for(struct task *t, int step, int64_t ns)
{
	timer_wait(task_await(t, step, OP_NO_DEADLINE), loop_in(op_loop(t->op), ns));
}

/* ---- what is there ---- */

static void keep(struct node_agent *n, const struct cJSON *node)
{
	struct arena fresh;

	arena_init(&fresh);
	n->node = json_copy(&fresh, node);
	str_to_i64(tree_str(n->node, "metadata.resourceVersion"), &n->node_revision);
	arena_done(&n->node_arena);
	n->node_arena = fresh;
}

const struct cJSON *node_agent_node(struct node_agent *n, struct arena *a)
{
	struct object *o = informer_get(n->nodes, STR(""), node_name(n));

	/* Our own last write may not have come back yet. */
	if (o && o->revision >= n->node_revision)
		return object_lean_tree(a, o);
	return n->node;
}

const struct machine *node_agent_machine(const struct node_agent *n)
{
	return &n->machine;
}

static struct node_input look(struct node_agent *n, struct arena *a)
{
	struct kubelet *k = n->k;
	struct node_input in = {.options = &k->options,
		.configuration = &k->configuration,
		.machine = &n->machine,
		.pressure = k->pressure,
		.runtime = k->runtime->ops,
		.old = node_agent_node(n, a),
		.now = env_wall(kubelet_env(k))};

	in.not_ready =
		k->shutting_down ? STR("node is shutting down") : kubelet_network_fault(k, a);
	in.image_count = k->runtime->ops->images(k->runtime, &in.images);
	return in;
}

/* ---- events ---- */

static void say(struct node_agent *n, const char *reason, struct str message)
{
	struct event_about about = {.kind = STR("Node"), .name = node_name(n), .uid = node_name(n)};

	event_record(n->k->recorder, &about, STR("Normal"), str_from(reason), message);
}

static const char *word_of(struct str type, bool is)
{
	static const struct {
		const char *type, *yes, *no;
	} words[] = {{"MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"},
		{"DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"},
		{"PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"},
		{"Ready", "NodeReady", "NodeNotReady"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_text(type, words[i].type))
			return is ? words[i].yes : words[i].no;
	return NULL;
}

static struct str status_of(const struct cJSON *node, struct str type)
{
	json_each (condition, json_path(node, "status.conditions"))
		if (str_eq(tree_str(condition, "type"), type))
			return tree_str(condition, "status");
	return STR("");
}

static void say_changes(struct node_agent *n, const struct cJSON *old, const struct cJSON *fresh)
{
	json_each (condition, json_path(fresh, "status.conditions")) {
		struct str type = tree_str(condition, "type");
		struct str status = tree_str(condition, "status");
		const char *word = word_of(type, str_eq(status, STR("True")));
		_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);

		if (!word || str_eq(status, status_of(old, type)))
			continue;
		buf_print(&text, "Node %.*s status is now: %s", STRF(node_name(n)), word);
		say(n, word, buf_str(&text));
	}
}

/* ---- the node's task ---- */

void node_agent_hurry(struct node_agent *n)
{
	n->hurried = true;
	if (n->task.step == NODE_WAITED)
		op_cancel(&n->task.wait);
}

static void ask(struct node_agent *n, int step, enum client_verb verb, const char *sub,
	const struct cJSON *body)
{
	struct str name = verb == CLIENT_CREATE ? STR("") : node_name(n);

	client_request_init(&n->request, verb, nodes(), STR(""), name);
	n->request.subresource = str_from(sub);
	n->request.body = body ? json_copy(&n->request.arena, body) : NULL;
	client_send(n->k->base.client,
		task_await(&n->task, step, loop_in(kubelet_loop(n->k), TIMEOUT)), &n->request);
}

static void try_later(struct node_agent *n, const char *what, struct err *err)
{
	if (n->failures++ == 3)
		log_warning(err, what, LOG_STR("node", node_name(n)));
	err_done(err);
	sleep_for(&n->task, NODE_WAITED, delay_of(n->failures));
}

static void look_later(struct node_agent *n)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	bool ready = !kubelet_network_fault(n->k, &a).len;
	bool soon = !ready || TAKE(n->hurried);
	sleep_for(&n->task, NODE_WAITED, soon ? LOOK_SOON : n->k->configuration.status_update);
}

/* The next thing to be told, if any. */
static void tell(struct node_agent *n)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct node_input in = look(n, &a);
	const struct cJSON *patch = NULL;

	if (!in.old && !n->k->options.no_register) {
		ask(n, NODE_REGISTERED, CLIENT_CREATE, NULL, node_object(&a, &in));
		return;
	}
	if (!in.old) {
		sleep_for(&n->task, NODE_WAITED, SEC);
		return;
	}
	if (!n->k->options.no_register && (patch = node_labels_patch(&a, &in))) {
		ask(n, NODE_LABELLED, CLIENT_PATCH_STRATEGIC, NULL, patch);
		return;
	}
	patch = node_status_patch(&a, &in, n->k->options.status_frequency);
	if (patch)
		ask(n, NODE_TOLD, CLIENT_PATCH_STRATEGIC, "status", patch);
	else
		look_later(n);
}

static void begin_lease(struct node_agent *n);

/* The API has answered with the node as it is now. */
static void have_node(struct node_agent *n)
{
	if (!n->known)
		say(n, "Starting", STR("Starting kubelet."));
	/* Against what we last heard: the informer may have this answer already. */
	say_changes(n, n->node, n->request.object);
	keep(n, n->request.object);
	n->failures = 0;
	if (!n->known) {
		n->known = true;
		begin_lease(n);
	}
}

static void node_run(struct task *t, struct err *err)
{
	struct node_agent *n = CONTAINER_OF(t, struct node_agent, task);
	bool answered = t->step == NODE_REGISTERED || t->step == NODE_FOUND ||
			t->step == NODE_LABELLED || t->step == NODE_TOLD;

	if (answered && !err->code)
		have_node(n);
	if (answered)
		client_request_done(&n->request);
	if (err->code == ERR_CANCELLED && t->step == NODE_WAITED && n->hurried &&
		!scope_closing(&n->k->scope))
		err_done(err);
	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	switch ((enum node_step)t->step) {
	case NODE_REGISTERED:
		if (err->code == ERR_ALREADY_EXISTS) {
			err_done(err);
			ask(n, NODE_FOUND, CLIENT_GET, NULL, NULL);
			return;
		}
		if (err->code)
			return try_later(n, "cannot register the node", err);
		log_info("the node is registered", LOG_STR("node", node_name(n)));
		break;
	case NODE_FOUND:
	case NODE_LABELLED:
		if (err->code)
			return try_later(n, "cannot look at the node", err);
		break;
	case NODE_TOLD:
		if (err->code)
			return try_later(n, "cannot tell the node's status", err);
		look_later(n);
		return;
	case NODE_LOOK:
	case NODE_WAITED:
		n->hurried = false;
		break;
	}
	tell(n);
}

/* ---- the lease's task ---- */

static void ask_lease(struct node_agent *n, int step, enum client_verb verb, struct cJSON *body)
{
	struct str name = verb == CLIENT_CREATE ? STR("") : node_name(n);

	client_request_init(&n->lease_request, verb, leases(), STR("kube-node-lease"), name);
	n->lease_request.body = body ? json_copy(&n->lease_request.arena, body) : NULL;
	client_send(n->k->base.client,
		task_await(&n->lease_task, step, loop_in(kubelet_loop(n->k), TIMEOUT)),
		&n->lease_request);
}

static void set_owner(struct node_agent *n, struct arena *a, struct cJSON *lease)
{
	struct cJSON *list = json_new(a, JSON_ARRAY), *owner = json_new(a, JSON_OBJECT);
	struct str uid = tree_str(n->node, "metadata.uid");

	if (!uid.len || tree_has(lease, "metadata.ownerReferences"))
		return;
	tree_set_str(a, owner, "apiVersion", STR("v1"));
	tree_set_str(a, owner, "kind", STR("Node"));
	tree_set_str(a, owner, "name", node_name(n));
	tree_set_str(a, owner, "uid", uid);
	json_append(list, owner);
	tree_set(a, lease, "metadata.ownerReferences", list);
}

static void renew(struct node_agent *n)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	arena_init(&a);
	struct cJSON *lease = n->lease ? json_copy(&a, n->lease) : json_new(&a, JSON_OBJECT);
	tree_set_str(&a, lease, "metadata.name", node_name(n));
	tree_set_str(&a, lease, "metadata.namespace", STR("kube-node-lease"));
	tree_set_str(&a, lease, "spec.holderIdentity", node_name(n));
	tree_set_int(&a, lease, "spec.leaseDurationSeconds", n->k->configuration.lease_seconds);
	time_print_micro(&now, env_wall(kubelet_env(n->k)));
	tree_set_str(&a, lease, "spec.renewTime", buf_str(&now));
	set_owner(n, &a, lease);
	ask_lease(n, LEASE_WRITTEN, n->lease ? CLIENT_UPDATE : CLIENT_CREATE, lease);
}

static void keep_lease(struct node_agent *n)
{
	struct arena fresh;

	arena_init(&fresh);
	n->lease = json_copy(&fresh, n->lease_request.object);
	arena_done(&n->lease_arena);
	n->lease_arena = fresh;
}

static void lease_run(struct task *t, struct err *err)
{
	struct node_agent *n = CONTAINER_OF(t, struct node_agent, lease_task);
	bool answered = t->step == LEASE_FOUND || t->step == LEASE_WRITTEN;

	if (answered && !err->code)
		keep_lease(n);
	if (answered)
		client_request_done(&n->lease_request);
	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	switch ((enum lease_step)t->step) {
	case LEASE_LOOK:
		ask_lease(n, LEASE_FOUND, CLIENT_GET, NULL);
		return;
	case LEASE_FOUND:
		if (!err->code || err->code == ERR_NOT_FOUND) {
			err_done(err);
			renew(n);
			return;
		}
		break;
	case LEASE_WRITTEN:
		if (!err->code) {
			n->lease_failures = 0;
			sleep_for(t, LEASE_WAITED,
				n->k->configuration.lease_seconds * SEC / RENEWALS);
			return;
		}
		break;
	case LEASE_WAITED:
		if (n->lease)
			renew(n);
		else
			ask_lease(n, LEASE_FOUND, CLIENT_GET, NULL);
		return;
	}
	/* Whatever it was: the lease as it is now is read before the next try. */
	if (n->lease_failures++ == 3)
		log_warning(err, "cannot renew the node's lease", LOG_STR("node", node_name(n)));
	err_done(err);
	n->lease = NULL;
	sleep_for(t, LEASE_WAITED, delay_of(n->lease_failures));
}

/* Only the end of the kubelet ends them. */
static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static const struct task_kind node_kind = TASK_KIND("node status", node_steps, node_run);
static const struct task_kind lease_kind = TASK_KIND("node lease", lease_steps, lease_run);

static void begin_lease(struct node_agent *n)
{
	op_init(&n->lease_op, &n->k->scope, over, OP_NO_DEADLINE);
	task_start(&n->lease_task, &lease_kind, &n->lease_op);
}

/* ---- the agent ---- */

static void set_facts(struct node_agent *n)
{
	struct kubelet *k = n->k;
	const struct node_input in = {
		.options = &k->options, .configuration = &k->configuration, .machine = &n->machine};

	k->facts = (struct node_facts){.name = node_name(n),
		.capacity = node_capacity(&n->arena, &in),
		.allocatable = node_allocatable(&n->arena, &in),
		.apparmor = n->machine.apparmor,
		.ips = k->options.node_ips,
		.ip_count = k->options.node_ip_count};
}

struct node_agent *node_agent_new(struct kubelet *k)
{
	struct node_agent *n = mem_new(sizeof(*n));

	n->k = k;
	arena_init(&n->arena);
	if (k->options.machine)
		n->machine = *k->options.machine;
	else
		machine_read(&n->arena, k->options.root_dir.at, &n->machine);
	set_facts(n);
	struct informer_options options = {.client = k->base.client,
		.resource = nodes(),
		.fields = arena_print(&n->arena, "metadata.name=%.*s", STRF(node_name(n)))};
	n->nodes = informers_get(k->base.informers, &options);
	op_init(&n->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&n->task, &node_kind, &n->op);
	return n;
}

void node_agent_free(struct node_agent *n)
{
	if (!n)
		return;
	arena_done(&n->node_arena);
	arena_done(&n->lease_arena);
	arena_done(&n->arena);
	mem_free(n);
}
