/*
 * A kubelet on virtual time: a whole API server in the simulator, a runtime in memory, and an
 * administrator who makes pods and looks at them. The kubelet has its node's own identity.
 */
#ifndef KUBE_KUBELET_RIG_H
#define KUBE_KUBELET_RIG_H

#include "api_world.h"
#include "fake_runtime.h"

#include <kube/kubelet.h>
#include <kube/machine.h>

struct kubelet_rig {
	struct api_world w;
	struct client *admin, *client;
	struct informers *informers;
	struct component_base base;
	struct scope scope;
	struct fake_runtime runtime;
	struct scope runtime_scope;
	struct part *kubelet;
	struct kubelet_options options;
	struct arena arena; /* of what was looked up last */
	/* What the kubelet's transport does when it is told to show another certificate; NULL:
	 * nothing. */
	int (*show)(struct client_transport *t, struct str certificate, struct str key,
		struct err *err);
	struct client_transport_ops transport_ops;
	int refuse_at; /* the kubelet's request that many from now is answered with 500 */
	int conflicts; /* so many of its statuses are answered with 409 */
	int deletes;   /* that it asked for */
	char root[64]; /* on the machine's disk: volumes are made there */
};

#define RIG_NODE "n1"

static inline void kubelet_rig_refused(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static inline void kubelet_rig_enter(void *ctx, struct http_exchange *x)
{
	static const char *const groups[] = {"system:nodes", "system:authenticated", NULL};
	static const struct local_user node = {.name = "system:node:" RIG_NODE, .groups = groups};
	struct kubelet_rig *r = ctx;

	if (r->refuse_at > 0 && --r->refuse_at == 0) {
		op_init(&x->op, &x->scope, kubelet_rig_refused, OP_NO_DEADLINE);
		http_respond(x, &x->op, 500, NULL, 0, STR("the API is told to fail"));
		return;
	}
	r->deletes += str_eq(x->request.method, STR("DELETE"));
	if (r->conflicts > 0 && str_eq(x->request.method, STR("PATCH")) &&
		str_find(x->request.target, STR("/pods/")) > 0) {
		r->conflicts--;
		op_init(&x->op, &x->scope, kubelet_rig_refused, OP_NO_DEADLINE);
		http_respond(x, &x->op, 409, NULL, 0,
			STR("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
			    "\"reason\":\"Conflict\",\"code\":409,\"message\":\"the object has "
			    "been modified\"}"));
		return;
	}
	api_server_handle_local(r->w.server, x, &node);
}

static inline char *rig_quotes(const char *text)
{
	char *copy = mem_copy_text(text);

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

/* One request of the administrator; the code of its failure. The answer lives in the arena. */
static inline int rig_ask(struct kubelet_rig *r, enum client_verb verb, const char *plural,
	const char *name, const char *sub, const char *body, struct cJSON **answer)
{
	struct told told = {0};
	struct client_request q;
	struct str group = STR(""), version = STR("v1");
	char *text = rig_quotes(body ? body : "{}");
	struct cJSON *tree = NULL;
	_cleanup_(err_done) struct err err = {0};

	if (strcmp(plural, "leases") == 0)
		group = STR("coordination.k8s.io");
	const struct resource *resource = resource_find(group, version, str_from(plural));
	bool cluster = strcmp(plural, "nodes") == 0 || strcmp(plural, "namespaces") == 0;

	arena_done(&r->arena);
	arena_init(&r->arena);
	EXPECT_OK(json_parse(&r->arena, str_from(text), NULL, &tree, &err), &err);
	client_request_init(&q, verb, resource, cluster ? STR("") : STR("default"), str_from(name));
	if (strcmp(plural, "leases") == 0)
		q.namespace = STR("kube-node-lease");
	q.subresource = str_from(sub);
	q.body = body ? tree : NULL;
	client_send(r->admin, told_op(&told, r->w.root, OP_NO_DEADLINE), &q);
	api_world_await(&r->w, &told);
	int code = told.err.code;
	if (answer)
		*answer = q.object ? json_copy(&r->arena, q.object) : NULL;
	if (code && code != ERR_NOT_FOUND)
		printf("%s %s: %s\n", plural, name ? name : "", err_text(&told.err));
	client_request_done(&q);
	told_done(&told);
	mem_free(text);
	return code;
}

/* A pod of the rig's node; spec without braces, single quotes. */
static inline void rig_pod(struct kubelet_rig *r, const char *name, const char *spec)
{
	char *body = mem_print("{'metadata':{'name':'%s'},'spec':{'nodeName':'" RIG_NODE
			       "','automountServiceAccountToken':false,%s}}",
		name, spec);

	EXPECT_INT(rig_ask(r, CLIENT_CREATE, "pods", NULL, NULL, body, NULL), 0);
	mem_free(body);
}

/* NULL: there is none. */
static inline struct cJSON *rig_get(struct kubelet_rig *r, const char *name)
{
	struct cJSON *pod = NULL;

	return rig_ask(r, CLIENT_GET, "pods", name, NULL, NULL, &pod) ? NULL : pod;
}

static inline void rig_delete(struct kubelet_rig *r, const char *name, int grace)
{
	char body[64];

	snprintf(body, sizeof(body), "{'gracePeriodSeconds':%d}", grace);
	EXPECT_INT(rig_ask(r, CLIENT_DELETE, "pods", name, NULL, grace < 0 ? NULL : body, NULL), 0);
}

static inline void rig_pass(struct kubelet_rig *r, int64_t ns)
{
	api_world_pass(&r->w, ns);
}

/* A text of the pod's status, or "(gone)". */
static inline struct str rig_status(struct kubelet_rig *r, const char *name, const char *dotted)
{
	struct cJSON *pod = rig_get(r, name);

	return pod ? tree_str(json_get(pod, STR("status")), dotted) : STR("(gone)");
}

static inline bool rig_condition(struct kubelet_rig *r, const char *name, const char *type)
{
	json_each (c, json_path(rig_get(r, name), "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), type))
			return str_eq(tree_str(c, "status"), STR("True"));
	return false;
}

static inline const struct cJSON *rig_container(
	struct kubelet_rig *r, const char *pod, const char *name)
{
	static const char *const lists[] = {"status.containerStatuses",
		"status.initContainerStatuses", "status.ephemeralContainerStatuses"};
	struct cJSON *tree = rig_get(r, pod);

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (c, json_path(tree, lists[i]))
			if (str_eq_text(tree_str(c, "name"), name))
				return c;
	return NULL;
}

struct rig_events {
	const char *pod, *reason, *message; /* NULL: any */
	int count;
};

static inline int rig_event(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	struct rig_events *want = ctx;

	(void)o;
	(void)err;
	if ((!want->pod || str_eq_text(tree_str(tree, "involvedObject.name"), want->pod)) &&
		(!want->reason || str_eq_text(tree_str(tree, "reason"), want->reason)) &&
		(!want->message ||
			str_find(tree_str(tree, "message"), str_from(want->message)) >= 0))
		want->count += (int)tree_int(tree, "count", 1);
	return 0;
}

/* How often it was told. */
static inline int rig_events(
	struct kubelet_rig *r, const char *pod, const char *reason, const char *message)
{
	struct rig_events want = {.pod = pod, .reason = reason, .message = message};
	struct told told = {0};
	struct client_list list = {.resource = resource_find(STR(""), STR("v1"), STR("events")),
		.item = rig_event,
		.ctx = &want};

	client_list_start(r->admin, told_op(&told, r->w.root, OP_NO_DEADLINE), &list);
	api_world_await(&r->w, &told);
	EXPECT_INT(told.err.code, 0);
	client_list_done(&list);
	told_done(&told);
	return want.count;
}

/* ---- the kubelet ---- */

static inline void kubelet_rig_start(struct kubelet_rig *r)
{
	struct client_options options = {.user_agent = "kubelet/v1"};

	scope_init(&r->scope, r->w.root, "node", NULL);
	struct client_transport *t =
		client_transport_local(r->w.host, r->w.root, kubelet_rig_enter, r);
	r->transport_ops = *t->ops;
	r->transport_ops.show = r->show;
	t->ops = &r->transport_ops;
	r->client = client_new(r->w.host, t, &options);
	r->informers = informers_new(r->client, &r->scope);
	r->base = (struct component_base){.env = r->w.host,
		.client = r->client,
		.informers = r->informers,
		.scope = &r->scope};
	r->kubelet = kubelet_new(&r->base, &r->runtime.runtime, &r->options);
}

static inline void kubelet_rig_stop(struct kubelet_rig *r)
{
	struct told told[3] = {0};

	part_stop(r->kubelet, told_op(&told[0], r->w.root, OP_NO_DEADLINE));
	api_world_await(&r->w, &told[0]);
	informers_stop(r->informers, told_op(&told[1], r->w.root, OP_NO_DEADLINE));
	api_world_await(&r->w, &told[1]);
	part_free(r->kubelet);
	informers_free(r->informers);
	api_world_drop_client(&r->w, r->client);
	scope_close(&r->scope, told_op(&told[2], r->w.root, OP_NO_DEADLINE));
	api_world_await(&r->w, &told[2]);
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		told_done(&told[i]);
}

static inline void kubelet_rig_open(
	struct kubelet_rig *r, struct fake_program *programs, size_t count)
{
	static const struct machine machine = {.cpus = 4,
		.memory = 8 * 1024 * (int64_t)MIB,
		.disk = 100 * 1024 * (int64_t)MIB,
		.inodes = 1000000,
		.processes = 32768,
		.machine_id = STR_INIT("m"),
		.system_uuid = STR_INIT("s"),
		.boot_id = STR_INIT("b"),
		.kernel = STR_INIT("6.1"),
		.os_image = STR_INIT("Test"),
		.architecture = STR_INIT("amd64")};
	static const struct ip node_ip = {.len = 4, .bytes = {192, 168, 7, 1}};

	*r = (struct kubelet_rig){.root = "/tmp/kube-kubelet-XXXXXX"};
	EXPECT(mkdtemp(r->root));
	api_world_open(&r->w, 1, NULL);
	arena_init(&r->arena);
	r->admin = api_world_local_client(&r->w, true);
	scope_init(&r->runtime_scope, r->w.root, "runtime", NULL);
	fake_runtime_init(&r->runtime, r->w.host, &r->runtime_scope, programs, count);
	r->options = (struct kubelet_options){.node_name = STR(RIG_NODE),
		.root_dir = str_from(r->root),
		.log_dir = str_from(r->root),
		.cgroup_root = STR("-"),
		.machine = &machine,
		.port = 10250,
		.node_ips = &node_ip,
		.node_ip_count = 1};
	/* The service account's own controller is not here. */
	EXPECT_INT(rig_ask(r, CLIENT_CREATE, "serviceaccounts", NULL, NULL,
			   "{'metadata':{'name':'default'}}", NULL),
		0);
	kubelet_rig_start(r);
}

static inline void kubelet_rig_close(struct kubelet_rig *r)
{
	struct told told = {0};

	if (r->kubelet)
		kubelet_rig_stop(r);
	fake_runtime_end(&r->runtime);
	scope_close(&r->runtime_scope, told_op(&told, r->w.root, OP_NO_DEADLINE));
	api_world_await(&r->w, &told);
	told_done(&told);
	fake_runtime_done(&r->runtime);
	api_world_drop_client(&r->w, r->admin);
	arena_done(&r->arena);
	api_world_close(&r->w);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", r->root);
	EXPECT_INT(system(command), 0);
}

#endif
