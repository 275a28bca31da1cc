#include "fake_node_plan.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#define LEASES      "kube-node-lease"
#define RENEW_EVERY (10 * SEC)
#define LEASE_LASTS 40 /* seconds */

static struct str time_text(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, wall);
	return arena_str(a, buf_str(&text));
}

static struct str micro_text(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print_micro(&text, wall);
	return arena_str(a, buf_str(&text));
}

static struct cJSON *add_object(struct arena *a, struct cJSON *list)
{
	struct cJSON *o = json_new(a, JSON_OBJECT);

	json_append(list, o);
	return o;
}

static struct cJSON *add_list(struct arena *a, struct cJSON *to, const char *path)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	tree_set(a, to, path, list);
	return list;
}

/* ---- names and addresses ---- */

int64_t fake_node_number(const struct fake_node_shape *shape, struct str name)
{
	int64_t number;

	if (!str_starts(name, shape->prefix))
		return -1;
	struct str digits = str_skip(name, shape->prefix.len);
	if (!str_to_i64(digits, &number) || number < 0 || number >= shape->count ||
		(digits.len > 1 && digits.at[0] == '0'))
		return -1;
	return number;
}

struct str fake_node_ip(struct arena *a, int64_t number)
{
	return arena_print(a, "10.%d.%d.1", 192 + (int)(number / 256), (int)(number % 256));
}

struct str fake_pod_ip(struct arena *a, int64_t number, int host)
{
	return arena_print(a, "10.%d.%d.%d", 64 + (int)(number / 256), (int)(number % 256), host);
}

/* ---- nodes ---- */

static void set_amounts(
	struct arena *a, const struct fake_node_shape *shape, struct cJSON *node, const char *path)
{
	struct cJSON *amounts = json_new(a, JSON_OBJECT);

	tree_set_str(a, amounts, "cpu", shape->cpu);
	tree_set_str(a, amounts, "memory", shape->memory);
	tree_set_str(a, amounts, "ephemeral-storage", shape->storage);
	tree_set_str(a, amounts, "pods", arena_print(a, "%lld", (long long)shape->pods));
	tree_set(a, node, path, amounts);
}

static const struct {
	const char *type, *status, *reason, *message;
} node_conditions[] = {
	{"MemoryPressure", "False", "KubeletHasSufficientMemory",
		"kubelet has sufficient memory available"},
	{"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
	{"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
	{"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
};

static void set_node_conditions(struct arena *a, struct cJSON *node, int64_t now)
{
	struct cJSON *list = add_list(a, node, "status.conditions");

	for (size_t i = 0; i < ARRAY_LEN(node_conditions); i++) {
		struct cJSON *c = add_object(a, list);

		tree_set_str(a, c, "type", str_from(node_conditions[i].type));
		tree_set_str(a, c, "status", str_from(node_conditions[i].status));
		tree_set_str(a, c, "lastHeartbeatTime", time_text(a, now));
		tree_set_str(a, c, "lastTransitionTime", time_text(a, now));
		tree_set_str(a, c, "reason", str_from(node_conditions[i].reason));
		tree_set_str(a, c, "message", str_from(node_conditions[i].message));
	}
}

static struct cJSON *node_make(
	struct arena *a, const struct fake_node_shape *shape, struct str name, int64_t now)
{
	int64_t number = fake_node_number(shape, name);
	struct cJSON *node = json_new(a, JSON_OBJECT), *labels = json_new(a, JSON_OBJECT);

	tree_set_str(a, node, "apiVersion", STR("v1"));
	tree_set_str(a, node, "kind", STR("Node"));
	tree_set_str(a, node, "metadata.name", name);
	json_set(a, labels, STR("kubernetes.io/hostname"), json_new_str(a, name));
	json_set(a, labels, STR("kubernetes.io/os"), json_new_str(a, STR("linux")));
	json_set(a, labels, STR("kubernetes.io/arch"), json_new_str(a, STR("amd64")));
	if (shape->zones)
		json_set(a, labels, STR("topology.kubernetes.io/zone"),
			json_new_str(a,
				arena_print(a, "zone-%lld", (long long)(number % shape->zones))));
	tree_set(a, node, "metadata.labels", labels);
	set_amounts(a, shape, node, "status.capacity");
	set_amounts(a, shape, node, "status.allocatable");
	set_node_conditions(a, node, now);
	struct cJSON *addresses = add_list(a, node, "status.addresses");
	struct cJSON *ip = add_object(a, addresses), *host = add_object(a, addresses);
	tree_set_str(a, ip, "type", STR("InternalIP"));
	tree_set_str(a, ip, "address", fake_node_ip(a, number));
	tree_set_str(a, host, "type", STR("Hostname"));
	tree_set_str(a, host, "address", name);
	tree_set_str(a, node, "status.nodeInfo.kubeletVersion", STR("v1.36.0"));
	tree_set_str(a, node, "status.nodeInfo.containerRuntimeVersion", STR("fake://1"));
	tree_set_str(a, node, "status.nodeInfo.operatingSystem", STR("linux"));
	tree_set_str(a, node, "status.nodeInfo.architecture", STR("amd64"));
	return node;
}

static bool is_ready(const struct cJSON *object)
{
	json_each (c, json_path(object, "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), "Ready"))
			return str_eq_text(tree_str(c, "status"), "True");
	return false;
}

/*
 * The API server gives each new node a taint until somebody has seen it ready. Where controllers
 * run they take it away; these nodes are for clusters without, too.
 */
static void drop_taint(const struct cJSON *node, const struct resource *nodes, struct plan *p)
{
	struct arena *a = p->arena;
	struct cJSON *patch = json_new(a, JSON_OBJECT), *kept = json_new(a, JSON_ARRAY);
	bool found = false;

	json_each (taint, json_path(node, "spec.taints")) {
		if (str_eq_text(tree_str(taint, "key"), "node.kubernetes.io/not-ready") &&
			str_eq_text(tree_str(taint, "effect"), "NoSchedule"))
			found = true;
		else
			json_append(kept, json_copy(a, taint));
	}
	if (!found)
		return;
	tree_set_str(
		a, patch, "metadata.resourceVersion", tree_str(node, "metadata.resourceVersion"));
	tree_set(a, patch, "spec.taints", json_count(kept) ? kept : json_new(a, JSON_NULL));
	plan_patch(p, nodes, STR(""), tree_str(node, "metadata.name"), patch);
}

static void renew(struct str name, const struct cJSON *node, const struct cJSON *lease, int64_t now,
	struct plan *p)
{
	const struct resource *leases =
		resource_find(STR("coordination.k8s.io"), STR("v1"), STR("leases"));
	struct arena *a = p->arena;
	struct cJSON *fresh = json_new(a, JSON_OBJECT);
	int64_t renewed;

	if (lease && !time_parse(tree_str(lease, "spec.renewTime"), &renewed, NULL) &&
		time_waits(renewed + RENEW_EVERY, RENEW_EVERY + SEC, now)) {
		plan_requeue_after(p, renewed + RENEW_EVERY - now);
		return;
	}
	plan_requeue_after(p, RENEW_EVERY);
	tree_set_str(a, fresh, "spec.renewTime", micro_text(a, now));
	if (lease) {
		plan_patch(p, leases, STR(LEASES), name, fresh);
		return;
	}
	tree_set_str(a, fresh, "apiVersion", STR("coordination.k8s.io/v1"));
	tree_set_str(a, fresh, "kind", STR("Lease"));
	tree_set_str(a, fresh, "metadata.name", name);
	tree_set_str(a, fresh, "metadata.namespace", STR(LEASES));
	struct cJSON *owner = add_object(a, add_list(a, fresh, "metadata.ownerReferences"));
	tree_set_str(a, owner, "apiVersion", STR("v1"));
	tree_set_str(a, owner, "kind", STR("Node"));
	tree_set_str(a, owner, "name", name);
	tree_set_str(a, owner, "uid", tree_str(node, "metadata.uid"));
	tree_set_str(a, fresh, "spec.holderIdentity", name);
	tree_set_int(a, fresh, "spec.leaseDurationSeconds", LEASE_LASTS);
	plan_create(p, leases, fresh);
}

void fake_node_plan(const struct fake_node_shape *shape, struct str name, struct cJSON *node,
	const struct cJSON *lease, int64_t now, struct plan *p)
{
	const struct resource *nodes = resource_find(STR(""), STR("v1"), STR("nodes"));
	struct cJSON *patch;

	if (!node) {
		plan_create(p, nodes, node_make(p->arena, shape, name, now));
		return;
	}
	if (!is_ready(node)) {
		patch = json_new(p->arena, JSON_OBJECT);
		set_node_conditions(p->arena, patch, now);
		plan_patch_status(p, nodes, STR(""), name, patch);
	} else {
		drop_taint(node, nodes, p);
	}
	renew(name, node, lease, now, p);
}

/* ---- pods ---- */

/* When it is to end by its own wish, after its start; < 0: it goes on. */
static int64_t wish(const struct cJSON *pod, const char *annotation)
{
	const struct cJSON *value =
		json_get(json_path(pod, "metadata.annotations"), str_from(annotation));
	int64_t after;

	if (!value || str_eq_text(tree_str(pod, "spec.restartPolicy"), "Always") ||
		duration_parse(json_str(value), &after, NULL))
		return -1;
	return MAX(after, 0);
}

enum pod_state { POD_RUNS, POD_SUCCEEDED, POD_FAILED };

struct telling {
	struct arena *a;
	const struct cJSON *pod;
	struct cJSON *status; /* of the patch */
	struct str start, now;
	enum pod_state state;
};

static bool gates_open(const struct cJSON *pod)
{
	json_each (gate, json_path(pod, "spec.readinessGates")) {
		bool open = false;

		json_each (c, json_path(pod, "status.conditions"))
			open |= str_eq(tree_str(c, "type"), tree_str(gate, "conditionType")) &&
				str_eq_text(tree_str(c, "status"), "True");
		if (!open)
			return false;
	}
	return true;
}

static void add_condition(
	struct telling *t, struct cJSON *list, const char *type, bool holds, const char *reason)
{
	struct cJSON *c = add_object(t->a, list);
	int64_t generation = tree_int(t->pod, "metadata.generation", 0);
	struct str since = t->now;

	json_each (old, json_path(t->pod, "status.conditions"))
		if (str_eq_text(tree_str(old, "type"), type) &&
			str_eq_text(tree_str(old, "status"), holds ? "True" : "False"))
			since = tree_str(old, "lastTransitionTime");
	tree_set_str(t->a, c, "type", str_from(type));
	if (generation)
		tree_set_int(t->a, c, "observedGeneration", generation);
	tree_set_str(t->a, c, "status", str_from(holds ? "True" : "False"));
	json_set(t->a, c, STR("lastProbeTime"), json_new(t->a, JSON_NULL));
	tree_set_str(t->a, c, "lastTransitionTime", since);
	if (!holds && reason)
		tree_set_str(t->a, c, "reason", str_from(reason));
}

/* A node's own conditions; those of others stay. */
static void tell_conditions(struct telling *t)
{
	static const char *const own[] = {
		"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"};
	struct cJSON *list = json_new(t->a, JSON_ARRAY);
	bool runs = t->state == POD_RUNS;
	const char *over = t->state == POD_FAILED ? "PodFailed" : "PodCompleted";

	add_condition(t, list, own[0], runs, NULL);
	add_condition(t, list, own[1], true, NULL);
	add_condition(t, list, own[2], runs && gates_open(t->pod),
		runs ? "ReadinessGatesNotReady" : over);
	add_condition(t, list, own[3], runs, over);
	json_each (c, json_path(t->pod, "status.conditions")) {
		bool mine = false;

		for (size_t i = 0; i < ARRAY_LEN(own); i++)
			mine |= str_eq_text(tree_str(c, "type"), own[i]);
		if (!mine)
			json_append(list, json_copy(t->a, c));
	}
	tree_set(t->a, t->status, "conditions", list);
}

static void tell_container(
	struct telling *t, struct cJSON *list, const struct cJSON *container, bool over, int code)
{
	struct arena *a = t->a;
	struct cJSON *s = add_object(a, list);
	struct str name = tree_str(container, "name"), image = tree_str(container, "image");
	struct str id = arena_print(
		a, "fake://%.*s/%.*s", STRF(tree_str(t->pod, "metadata.uid")), STRF(name));

	tree_set_str(a, s, "name", name);
	if (over) {
		tree_set_int(a, s, "state.terminated.exitCode", code);
		tree_set_str(
			a, s, "state.terminated.reason", code ? STR("Error") : STR("Completed"));
		tree_set_str(a, s, "state.terminated.startedAt", t->start);
		tree_set_str(a, s, "state.terminated.finishedAt", t->now);
		tree_set_str(a, s, "state.terminated.containerID", id);
	} else {
		tree_set_str(a, s, "state.running.startedAt", t->start);
	}
	json_set(a, s, STR("lastState"), json_new(a, JSON_OBJECT));
	json_set(a, s, STR("ready"), json_new_bool(a, !over));
	tree_set_int(a, s, "restartCount", 0);
	tree_set_str(a, s, "image", image);
	tree_set_str(a, s, "imageID", arena_print(a, "fake://%.*s", STRF(image)));
	tree_set_str(a, s, "containerID", id);
	json_set(a, s, STR("started"), json_new_bool(a, !over));
}

static void tell_containers(struct telling *t)
{
	const struct cJSON *inits = json_path(t->pod, "spec.initContainers");
	struct cJSON *list = add_list(t->a, t->status, "containerStatuses");
	bool over = t->state != POD_RUNS;

	json_each (c, json_path(t->pod, "spec.containers"))
		tell_container(t, list, c, over, t->state == POD_FAILED);
	if (!json_count(inits))
		return;
	list = add_list(t->a, t->status, "initContainerStatuses");
	json_each (c, inits) {
		bool sidecar = str_eq_text(tree_str(c, "restartPolicy"), "Always");

		tell_container(t, list, c, over || !sidecar, 0);
		if (!sidecar)
			json_set(t->a, json_at(list, json_count(list) - 1), STR("ready"),
				json_new_bool(t->a, true));
	}
}

static void tell_addresses(struct telling *t, struct str node_ip, struct str pod_ip)
{
	struct str old = tree_str(t->pod, "status.podIP");
	struct str ip = tree_true(t->pod, "spec.hostNetwork") ? node_ip : old.len ? old : pod_ip;

	tree_set_str(t->a, t->status, "hostIP", node_ip);
	tree_set_str(t->a, add_object(t->a, add_list(t->a, t->status, "hostIPs")), "ip", node_ip);
	tree_set_str(t->a, t->status, "podIP", ip);
	tree_set_str(t->a, add_object(t->a, add_list(t->a, t->status, "podIPs")), "ip", ip);
}

static void tell(struct plan *p, const struct cJSON *pod, enum pod_state state, struct str node_ip,
	struct str pod_ip, int64_t now)
{
	static const char *const phases[] = {"Running", "Succeeded", "Failed"};
	struct cJSON *patch = json_new(p->arena, JSON_OBJECT);
	struct telling t = {.a = p->arena, .pod = pod, .state = state};

	t.status = json_new(t.a, JSON_OBJECT);
	t.now = time_text(t.a, now);
	t.start = tree_str(pod, "status.startTime");
	t.start = t.start.len ? t.start : t.now;
	tree_set_str(t.a, t.status, "phase", str_from(phases[state]));
	tree_set_int(t.a, t.status, "observedGeneration", tree_int(pod, "metadata.generation", 0));
	tree_set_str(t.a, t.status, "startTime", t.start);
	tell_conditions(&t);
	tell_addresses(&t, node_ip, pod_ip);
	tell_containers(&t);
	tree_set(t.a, patch, "status", t.status);
	/* Not of another pod of that name. */
	tree_set_str(t.a, patch, "metadata.uid", tree_str(pod, "metadata.uid"));
	plan_patch_status(p, resource_find(STR(""), STR("v1"), STR("pods")),
		tree_str(pod, "metadata.namespace"), tree_str(pod, "metadata.name"), patch);
}

/* The end that it wished for, once its time has come. */
static enum pod_state state_of(const struct cJSON *pod, int64_t now, struct plan *p)
{
	int64_t succeeds = wish(pod, FAKE_SUCCEEDS), fails = wish(pod, FAKE_FAILS), started;
	int64_t after = succeeds >= 0 ? succeeds : fails;

	if (after < 0 || time_parse(tree_str(pod, "status.startTime"), &started, NULL))
		return POD_RUNS;
	if (time_waits(started + after, after + SEC, now)) {
		plan_requeue_after(p, started + after - now);
		return POD_RUNS;
	}
	return succeeds >= 0 ? POD_SUCCEEDED : POD_FAILED;
}

static bool is_over(struct str phase)
{
	return str_eq_text(phase, "Succeeded") || str_eq_text(phase, "Failed");
}

void fake_pod_plan(
	const struct cJSON *pod, struct str node_ip, struct str pod_ip, int64_t now, struct plan *p)
{
	struct str phase = tree_str(pod, "status.phase");
	struct cJSON *options;

	if (tree_has(pod, "metadata.deletionTimestamp")) {
		/* It stays to be looked at by somebody: its containers were ended. */
		if (json_count(json_path(pod, "metadata.finalizers")) && !is_over(phase))
			tell(p, pod, POD_FAILED, node_ip, pod_ip, now);
		options = json_new(p->arena, JSON_OBJECT);
		tree_set_int(p->arena, options, "gracePeriodSeconds", 0);
		plan_delete(p, resource_find(STR(""), STR("v1"), STR("pods")),
			tree_str(pod, "metadata.namespace"), tree_str(pod, "metadata.name"),
			tree_str(pod, "metadata.uid"), options);
		return;
	}
	if (is_over(phase))
		return;
	enum pod_state state = state_of(pod, now, p);
	if (state == POD_RUNS && str_eq_text(phase, "Running") && is_ready(pod) == gates_open(pod))
		return;
	tell(p, pod, state, node_ip, pod_ip, now);
}
