#include "cluster_node.h"
#include "node_tls.h"
#include "process.h"

#include <kube/image_store.h>
#include <kube/kubelet.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/pod_network.h>
#include <kube/runtime_native.h>

struct cluster_node {
	struct cluster *cluster;
	struct pod_network *network;
	struct image_store *images;
	struct image_store_options image_options;
	struct runtime *runtime;
	struct runtime_native_options runtime_options;
	struct task starting, stopping;
	struct op cidrs_set;
	struct cidr cidrs[2]; /* of this node's pods */
	size_t cidr_count;
	struct str *sandboxes; /* of before */
};

/* ---- the beginning ---- */

enum start_step { START_IMAGES, START_NETWORK, START_RUNTIME, START_KEEP, START_KUBELET };
static const char *const start_steps[] = {"images", "network", "runtime", "keep", "kubelet"};

static const char *path(struct cluster_node *n, const char *name)
{
	struct cluster *c = n->cluster;

	return arena_print(&c->arena, "%.*s/%s", STRF(c->options->data_dir), name).at;
}

static void open_images(struct cluster_node *n, struct op *op)
{
	struct cluster *c = n->cluster;

	n->image_options =
		(struct image_store_options){.root = path(n, "runtime"), .drop = path(n, "images")};
	image_store_open(c->env, op, c->root, &n->image_options, &n->images);
}

static int open_network(struct cluster_node *n, struct err *err)
{
	struct cluster *c = n->cluster;
	struct pod_network_options options = {
		.directory = path(n, "network"), .cluster_cidr_count = c->options->pod_count};

	memcpy(options.cluster_cidrs, c->options->pods, sizeof(options.cluster_cidrs));
	return pod_network_new(c->env, c->root, &options, &n->network, err);
}

static void start_runtime(struct cluster_node *n, struct op *op)
{
	struct cluster *c = n->cluster;

	n->runtime_options = (struct runtime_native_options){.root = path(n, "runtime"),
		.images = image_store_images(n->images),
		.network = pod_network_runtime(n->network)};
	runtime_native_start(c->env, op, c->root, &n->runtime_options, &n->runtime);
}

/* What the network has for sandboxes that are no more is taken away. */
static void keep_sandboxes(struct cluster_node *n, struct op *op)
{
	const struct sandbox *const *list;
	size_t count = n->runtime->ops->sandboxes(n->runtime, &list);

	n->sandboxes = mem_new((count + 1) * sizeof(*n->sandboxes));
	for (size_t i = 0; i < count; i++)
		n->sandboxes[i] = arena_str(&n->cluster->arena, list[i]->id);
	pod_network_keep(n->network, op, n->sandboxes, count);
}

static bool network_ready(void *ctx, struct err *why)
{
	struct cluster_node *n = ctx;

	return pod_network_ready(n->network, why);
}

/* Callers show certificates of those who sign the API server's clients, or tokens. NULL: there is
 * no server. */
static struct tls_config *open_tls(struct cluster *c)
{
	const struct cluster_options *o = c->options;
	struct node_tls in = {.name = o->node_name,
		.ips = o->node_ips,
		.ip_count = o->node_ip_count,
		.now = env_wall(c->env)};
	struct str path = arena_print(&c->arena, "%.*s/pki/client-ca.crt", STRF(o->data_dir));
	_cleanup_(err_done) struct err err = {0};
	struct tls_config *tls = NULL;

	if (process_read_file(&c->arena, "data-dir", path, &in.client_authorities, &err) ||
		node_tls_new(&in, &tls, &err))
		log_error(&err, "nobody can look into this node's pods");
	return tls;
}

static void begin_kubelet(struct cluster_node *n)
{
	struct cluster *c = n->cluster;
	const struct cluster_options *o = c->options;
	struct cluster_member *m = cluster_open_member(c, PART_KUBELET);
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct str dns[2];

	for (size_t i = 0; i < o->dns_ip_count; i++) {
		buf_clear(&text);
		ip_print(&text, &o->dns_ips[i]);
		dns[i] = arena_str(&c->arena, buf_str(&text));
	}
	struct tls_config *tls = open_tls(c);
	const struct kubelet_options options = {.node_name = o->node_name,
		.root_dir = str_from(path(n, "kubelet")),
		.log_dir = o->pods_log_dir,
		.manifests = str_from(path(n, "pods")),
		.resolv_conf = STR("/etc/resolv.conf"),
		.node_ips = o->node_ips,
		.node_ip_count = o->node_ip_count,
		.dns_servers = dns,
		.dns_server_count = o->dns_ip_count,
		.dns_domain = o->domain,
		.node_labels = o->node_labels,
		.node_label_count = o->node_label_count,
		.node_taints = o->node_taints,
		.node_taint_count = o->node_taint_count,
		.version = STR("v1.36.0"),
		.port = o->kubelet_port,
		.tls = tls,
		.network_ready = network_ready,
		.ctx = n};
	m->part = kubelet_new(&m->base, n->runtime, &options);
	if (tls)
		tls_config_unref(tls);
}

static void start_run(struct task *t, struct err *err)
{
	struct cluster_node *n = CONTAINER_OF(t, struct cluster_node, starting);
	_cleanup_(err_done) struct err why = {0};

	if (err->code)
		return task_fail(t, err);
	switch ((enum start_step)t->step) {
	case START_IMAGES:
		open_images(n, task_await(t, START_NETWORK, OP_NO_DEADLINE));
		return;
	case START_NETWORK:
		if (open_network(n, &why))
			return task_fail(t, &why);
		pod_network_start(n->network, task_await(t, START_RUNTIME, OP_NO_DEADLINE));
		return;
	case START_RUNTIME:
		start_runtime(n, task_await(t, START_KEEP, OP_NO_DEADLINE));
		return;
	case START_KEEP:
		keep_sandboxes(n, task_await(t, START_KUBELET, OP_NO_DEADLINE));
		return;
	case START_KUBELET:
		begin_kubelet(n);
		task_finish(t, 0);
		return;
	}
}

void cluster_node_start(struct cluster *c, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("node start", start_steps, start_run);
	struct cluster_node *n = mem_new(sizeof(*n));

	n->cluster = c;
	c->node = n;
	task_start(&n->starting, &kind, op);
}

/* ---- its pods' addresses ---- */

static void cidrs_set(struct op *op, struct err *err)
{
	struct cluster_node *n = CONTAINER_OF(op, struct cluster_node, cidrs_set);

	if (err->code && err->code != ERR_CANCELLED) {
		n->cidr_count = 0; /* tried again with the next word of the node */
		log_error(err, "the pods' addresses of this node cannot be used");
	}
}

void cluster_node_told(struct cluster_node *n, const struct cJSON *node)
{
	struct cidr cidrs[2] = {0};
	size_t count = 0;

	json_each (item, json_path(node, "spec.podCIDRs"))
		if (count < ARRAY_LEN(cidrs) && cidr_parse(json_str(item), &cidrs[count]))
			count++;
	if (!count || !n->network || op_active(&n->cidrs_set) ||
		(count == n->cidr_count && memcmp(cidrs, n->cidrs, sizeof(cidrs)) == 0))
		return;
	memcpy(n->cidrs, cidrs, sizeof(cidrs));
	n->cidr_count = count;
	op_init(&n->cidrs_set, n->cluster->root, cidrs_set, OP_NO_DEADLINE);
	pod_network_set_cidrs(n->network, &n->cidrs_set, n->cidrs, n->cidr_count);
}

/* ---- the end ---- */

enum stop_step { STOP_RUNTIME, STOP_IMAGES, STOP_NETWORK, STOP_DONE };
static const char *const stop_steps[] = {"runtime", "images", "network", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct cluster_node *n = CONTAINER_OF(t, struct cluster_node, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_RUNTIME:
		t->step = STOP_IMAGES;
		if (n->runtime) {
			n->runtime->ops->stop(
				n->runtime, task_await(t, STOP_IMAGES, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_IMAGES:
		t->step = STOP_NETWORK;
		if (n->images) {
			image_store_stop(n->images, task_await(t, STOP_NETWORK, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_NETWORK:
		t->step = STOP_DONE;
		if (n->network) {
			pod_network_stop(n->network, task_await(t, STOP_DONE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

void cluster_node_stop(struct cluster_node *n, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("node stop", stop_steps, stop_run);
	struct err none = {0};

	n->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &n->stopping);
	stop_run(&n->stopping, &none);
}

void cluster_node_free(struct cluster_node *n)
{
	if (!n)
		return;
	if (n->runtime)
		n->runtime->ops->free(n->runtime);
	image_store_free(n->images);
	if (n->network)
		pod_network_free(n->network);
	mem_free(n->sandboxes);
	mem_free(n);
}
