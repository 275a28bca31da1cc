#include "node_servers.h"
#include "pod_worker.h"
#include "prober.h"
#include "pull_queue.h"
#include "server.h"
#include "volume_stats.h"

#include <kube/log.h>

#define SYSTEM_LOGS "/var/log"

static size_t list_pods(void *ctx, struct arena *a, const struct cJSON *const **pods)
{
	struct kubelet *k = ctx;
	const struct cJSON **list = arena_alloc(a, (k->workers.count + 1) * sizeof(*list));
	size_t count = 0;

	map_each (it, &k->workers) {
		const struct cJSON *pod = pod_worker_seen(it.value, a);

		if (pod)
			list[count++] = pod;
	}
	*pods = list;
	return count;
}

static void print_probes(void *ctx, struct buf *out)
{
	struct kubelet *k = ctx;

	map_each (it, &k->workers)
		probers_print(it.value, out);
}

static void print_own(void *ctx, struct buf *out)
{
	struct kubelet *k = ctx;

	pull_queue_print(k->pulls, out);
	volume_stats_print(k->room, out);
}

static struct volume_figures volumes_of(void *ctx, struct str uid)
{
	struct kubelet *k = ctx;

	return volume_stats_of(k->room, uid);
}

static struct kubelet_server_options options_of(struct kubelet *k)
{
	const struct kubelet_configuration *c = &k->configuration;

	return (struct kubelet_server_options){.client = k->base.client,
		.runtime = k->runtime,
		.pods = {list_pods, volumes_of, k},
		.print_probes = print_probes,
		.print_own = print_own,
		.metrics_ctx = k,
		.configuration = c->tree,
		.node_name = k->options.node_name,
		.cgroup_root = k->options.cgroup_root,
		.root_dir = k->options.root_dir,
		.image_dir = k->options.image_dir,
		.log_top = c->system_logs ? STR(SYSTEM_LOGS) : STR(""),
		.callers = c->callers,
		.started = k->began};
}

/* Everywhere: of both families. */
static struct address place(struct ip ip, int64_t port)
{
	return address_of(ip_is_unspecified(&ip) ? (struct ip){.len = 16} : ip, (uint16_t)port);
}

static void open_one(struct kubelet *k, const struct kubelet_server_options *options,
	struct kubelet_server **server, const char *without)
{
	_cleanup_(err_done) struct err err = {0};

	if (kubelet_server_new(k->base.env, &k->scope, options, server, &err))
		log_error(&err, without);
}

static void open_main(struct kubelet *k)
{
	const struct kubelet_configuration *c = &k->configuration;
	struct kubelet_server_options options = options_of(k);

	if (!c->has_server)
		return;
	if (!k->options.tls && !(c->server_tls_bootstrap && k->options.serve_tls))
		return;
	options.tls = k->options.tls;
	options.served = c->has_debugging ? SERVED_ALL : SERVED_FIGURES;
	options.at = place(c->address, k->options.port);
	open_one(k, &options, &k->server, "nobody can look into this node's pods");
}

static void open_plain(struct kubelet *k, struct kubelet_server **server, enum served served,
	struct address at, const char *without)
{
	struct kubelet_server_options options = options_of(k);

	if (!at.port)
		return;
	options.unasked = true;
	options.served = served;
	options.at = at;
	open_one(k, &options, server, without);
}

void node_servers_open(struct kubelet *k)
{
	const struct kubelet_configuration *c = &k->configuration;

	open_main(k);
	/* Who gives no configuration runs several nodes in one place. */
	if (!k->options.configuration)
		return;
	open_plain(k, &k->health_server, SERVED_HEALTH, place(c->health_address, c->health_port),
		"nobody is told whether this node is well");
	open_plain(k, &k->figures_server, SERVED_FIGURES, place(c->address, c->read_only_port),
		"nobody sees this node's figures without being asked who he is");
}

void node_servers_stop(struct kubelet *k, op_done_fn *done)
{
	struct kubelet_server *const servers[] = {k->server, k->health_server, k->figures_server};

	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		if (servers[i]) {
			op_init(&k->server_ops[i], k->base.scope, done, OP_NO_DEADLINE);
			kubelet_server_stop(servers[i], &k->server_ops[i], 0);
		}
}

void node_servers_free(struct kubelet *k)
{
	kubelet_server_free(k->server);
	kubelet_server_free(k->health_server);
	kubelet_server_free(k->figures_server);
}
