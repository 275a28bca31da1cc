/* The node of this process: its directories below the cluster's, its server for the API server. */
#include "cluster_parts.h"
#include "node.h"
#include "node_place.h"
#include "process.h"

#include <kube/kubelet_configuration.h>
#include <kube/log.h>

static struct str below(struct cluster *c, const char *name)
{
	return arena_print(&c->arena, "%.*s/%s", STRF(c->options->data_dir), name);
}

static bool asks_for_certificate(const struct cluster_options *o)
{
	return o->kubelet_configuration && o->kubelet_configuration->server_tls_bootstrap;
}

/* What its configuration says of it. */
static int read_identity(struct cluster *c, struct node_tls *in, struct err *err)
{
	const struct kubelet_configuration *k = c->options->kubelet_configuration;

	if (!k)
		return 0;
	in->min_version = k->tls_min_version;
	in->suites = k->tls_suites;
	in->suite_count = k->tls_suite_count;
	int code = process_read_file(
		&c->arena, "tlsCertFile", k->tls_cert_file, &in->certificate, err);
	return code ? code
		    : process_read_file(
			      &c->arena, "tlsPrivateKeyFile", k->tls_key_file, &in->key, err);
}

/*
 * Callers show certificates of those who sign the API server's clients, or tokens. NULL: there is
 * no server.
 */
static struct tls_config *open_tls(struct cluster *c)
{
	const struct cluster_options *o = c->options;
	struct node_tls *in = &c->node_identity;
	struct str path = below(c, "pki/client-ca.crt");
	_cleanup_(err_done) struct err err = {0};
	struct tls_config *tls = NULL;

	*in = (struct node_tls){.name = o->node_name,
		.ips = o->node_ips,
		.ip_count = o->node_ip_count,
		.now = env_wall(c->env)};
	int code = process_read_file(&c->arena, "data-dir", path, &in->client_authorities, &err);
	if (!code)
		code = read_identity(c, in, &err);
	if (!code && !asks_for_certificate(o))
		code = node_tls_new(in, &tls, &err);
	if (code)
		log_error(&err, "nobody can look into this node's pods");
	return tls;
}

static int renew_tls(void *ctx, struct tls_config **tls, int64_t *until, struct err *err)
{
	struct cluster *c = ctx;

	c->node_identity.now = env_wall(c->env);
	int code = node_tls_new(&c->node_identity, tls, err);
	*until = c->node_identity.until;
	return code;
}

static int serve_tls(
	void *ctx, struct str certificate, struct str key, struct tls_config **tls, struct err *err)
{
	struct cluster *c = ctx;
	struct node_tls in = c->node_identity;

	in.certificate = certificate;
	in.key = key;
	return node_tls_new(&in, tls, err);
}

static struct str *dns_servers(struct cluster *c)
{
	const struct cluster_options *o = c->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct str *servers = arena_alloc(&c->arena, (o->dns_ip_count + 1) * sizeof(*servers));

	for (size_t i = 0; i < o->dns_ip_count; i++) {
		buf_clear(&text);
		ip_print(&text, &o->dns_ips[i]);
		servers[i] = arena_str(&c->arena, buf_str(&text));
	}
	return servers;
}

/* ---- its beginning is awaited ---- */

static void node_begun(void *ctx, struct err *err)
{
	struct cluster *c = ctx;
	struct op *op = TAKE(c->node_wait);

	if (op && err->code)
		op_fail(op, err);
	else if (op)
		op_finish(op, 0);
}

/* The node itself ends with the parts. */
static void wait_cancel(struct op *op)
{
	struct cluster *c = op->ctx;

	c->node_wait = NULL;
	op_fail_cancelled(op);
}

void cluster_begin_node(struct cluster *c, struct op *op)
{
	static const struct op_kind kind = {.name = "node begin", .cancel = wait_cancel};
	const struct cluster_options *o = c->options;

	if (!op_begin(op, &kind, c))
		return;
	c->node_wait = op;
	struct member *m = cluster_open_member(c, PART_KUBELET);
	struct node_options options = {.directory = below(c, "runtime"),
		.archives = below(c, "images"),
		.network_directory = below(c, "network"),
		.cluster_cidr_count = o->pod_count,
		.registries = o->registries.registries,
		.registry_count = o->registries.count,
		.registry_authorities = o->registries.authorities,
		.begun = node_begun,
		.ctx = c,
		.kubelet = {.node_name = o->node_name,
			.root_dir = below(c, "kubelet"),
			.log_dir = o->pods_log_dir,
			.image_dir = below(c, "runtime"),
			.manifests = below(c, "pods"),
			.node_ips = o->node_ips,
			.node_ip_count = o->node_ip_count,
			.dns_servers = dns_servers(c),
			.dns_server_count = o->dns_ip_count,
			.dns_domain = o->domain,
			.node_labels = o->node_labels,
			.node_label_count = o->node_label_count,
			.node_taints = o->node_taints,
			.node_taint_count = o->node_taint_count,
			.configuration = o->kubelet_configuration,
			.version = STR("v1.36.0"),
			.system_bus = node_place_system_bus(),
			.port = o->kubelet_port,
			.tls = open_tls(c),
			.renew_tls = renew_tls,
			.serve_tls = serve_tls,
			.tls_ctx = c}};

	memcpy(options.cluster_cidrs, o->pods, sizeof(options.cluster_cidrs));
	options.kubelet.tls_until = c->node_identity.until;
	c->node_tls = options.kubelet.tls; /* until the kubelet has taken it */
	m->part = node_new(&m->base, &options);
}
