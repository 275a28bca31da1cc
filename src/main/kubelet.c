/* kube kubelet: this machine's node with the built-in runtime, against an API server anywhere. */
#include "commands.h"
#include "kubelet_config.h"
#include "kubelet_flags.h"
#include "node.h"
#include "node_place.h"
#include "node_proof.h"
#include "node_tls.h"
#include "process.h"
#include "registry_flags.h"

#include <kube/log.h>
#include <kube/time.h>

#include <signal.h>
#include <unistd.h>

struct kubelet_line {
	struct process_line process;
	struct str config, config_dir;
	struct kubelet_flags more;
	struct kubelet_configuration configuration;
	struct str name, root_dir, log_dir, runtime_root, network_dir;
	struct flag_list pods, node_ips, dns, labels, taints;
	struct str cert_file, key_file, client_ca_file;
	struct registry_flags registries;
	struct registry_setup registry_setup;
	struct node_tls tls;
	int64_t max_pods, port;
	bool register_node;
	struct ip ips[2];
	struct node_options node;
	bool failed;
};

/* ---- the command line ---- */

static size_t own_flags(struct process_line *p, struct flag *flags)
{
	struct kubelet_line *l = CONTAINER_OF(p, struct kubelet_line, process);
	struct kubelet_options *o = &l->node.kubelet;
	const struct flag own[] = {
		FLAG_STRING("config", &l->config, NULL, "FILE",
			"A KubeletConfiguration; what flags say wins."),
		FLAG_STRING("config-dir", &l->config_dir, NULL, "DIRECTORY",
			"More of them, *.conf, each over those before it."),
		FLAG_STRING("hostname-override", &l->name, NULL, "NAME",
			"The node's name; without it, the machine's."),
		FLAG_LIST("node-ip", &l->node_ips, NULL, "IPS",
			"The node's addresses, one a family; without it, the machine's first."),
		FLAG_STRING("root-dir", &l->root_dir, "/var/lib/kube/kubelet", "DIRECTORY",
			"Where pods' volumes are."),
		FLAG_STRING("pod-log-dir", &l->log_dir, "/var/log/pods", "DIRECTORY",
			"Where containers' logs are."),
		FLAG_STRING("runtime-dir", &l->runtime_root, "/var/lib/kube/runtime", "DIRECTORY",
			"Where images and containers are."),
		FLAG_STRING("network-dir", &l->network_dir, "/var/lib/kube/network", "DIRECTORY",
			"Where it is written which pod has which address."),
		FLAG_LIST("cluster-cidr", &l->pods, "10.42.0.0/16", "CIDRS",
			"The pods' addresses in the whole cluster: others are masqueraded to."),
		FLAG_STRING("pod-manifest-path", &o->manifests, NULL, "DIRECTORY",
			"Manifests of static pods."),
		FLAG_STRING("cgroup-root", &o->cgroup_root, NULL, "PATH",
			"The cgroup that pods' cgroups are made in; '-': none are used."),
		FLAG_STRING("resolv-conf", &o->resolv_conf, NULL, "FILE",
			"The resolver's configuration for pods that want the node's; without it, "
			"/etc/resolv.conf."),
		FLAG_LIST("cluster-dns", &l->dns, NULL, "IPS", "The cluster's DNS."),
		FLAG_STRING("cluster-domain", &o->dns_domain, NULL, "DOMAIN",
			"What the names of services end with; without it, cluster.local."),
		FLAG_LIST("node-labels", &l->labels, NULL, "KEY=VALUE",
			"Labels that the node registers with."),
		FLAG_LIST("register-with-taints", &l->taints, NULL, "KEY=VALUE:EFFECT",
			"Taints that the node registers with."),
		FLAG_INT("port", &l->port, "10250", "PORT",
			"Where the node's server listens; 0: there is none."),
		FLAG_STRING("tls-cert-file", &l->cert_file, NULL, "FILE",
			"The server's certificate (PEM); without it, one that it makes itself."),
		FLAG_STRING("tls-private-key-file", &l->key_file, NULL, "FILE",
			"That certificate's key (PEM)."),
		FLAG_STRING("client-ca-file", &l->client_ca_file, NULL, "FILE",
			"The authorities of callers' certificates (PEM)."),
		FLAG_BOOL("register-node", &l->register_node, "true",
			"Create the Node object when there is none."),
		FLAG_INT("max-pods", &l->max_pods, NULL, "COUNT",
			"Pods on this node at most; without it, 110."),
		FLAG_DURATION("node-status-report-frequency", &o->status_frequency, NULL,
			"How often the node's status is told when it does not change; without it, "
			"5m."),
	};

	const size_t count = ARRAY_LEN(own);

	_Static_assert(ARRAY_LEN(own) + KUBELET_FLAGS + REGISTRY_FLAGS <= PROCESS_OWN_FLAGS,
		"room for all");
	memcpy(flags, own, sizeof(own));
	kubelet_flags_add(&l->more, flags + count);
	registry_flags_add(&l->registries, flags + count + KUBELET_FLAGS);
	return count + KUBELET_FLAGS + REGISTRY_FLAGS;
}

static int read_addresses(struct kubelet_line *l, struct err *err)
{
	struct node_options *n = &l->node;
	int code = node_place_read_addresses(
		"node-ip", &l->node_ips, l->ips, ARRAY_LEN(l->ips), &n->kubelet.node_ip_count, err);

	n->kubelet.node_ips = l->ips;
	return code ? code
		    : node_place_read_ranges("cluster-cidr", &l->pods, n->cluster_cidrs,
			      ARRAY_LEN(n->cluster_cidrs), &n->cluster_cidr_count, err);
}

static int check_directories(const struct kubelet_line *l, struct err *err)
{
	const struct str all[] = {l->root_dir, l->log_dir, l->runtime_root, l->network_dir};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!str_starts(all[i], STR("/")))
			return err_set(
				err, ERR_USAGE, "\"%.*s\" is no absolute path", STRF(all[i]));
	return 0;
}

static bool is_set(const struct flag *flags, const char *name)
{
	while (flags->name && strcmp(flags->name, name) != 0)
		flags++;
	return flags->set;
}

/* What flags do not say the files do. */
static int read_config(
	struct arena *a, struct kubelet_line *l, const struct flag *flags, struct err *err)
{
	const struct kubelet_configuration *c = &l->configuration;
	struct str more;
	int code = kubelet_flags_print(a, &l->more, &more, err);

	if (code || (code = kubelet_config_read(
			     a, l->config, l->config_dir, more, &l->configuration, err)))
		return code;
	if (!is_set(flags, "port"))
		l->port = c->port;
	if (!is_set(flags, "pod-log-dir"))
		l->log_dir = c->pod_logs_dir;
	if (!l->cert_file.len) {
		l->cert_file = c->tls_cert_file;
		l->key_file = c->tls_key_file;
	}
	if (!l->client_ca_file.len)
		l->client_ca_file = c->client_ca_file;
	l->tls.min_version = c->tls_min_version;
	l->tls.suites = c->tls_suites;
	l->tls.suite_count = c->tls_suite_count;
	l->node.kubelet.configuration = c;
	return 0;
}

static int read_tls(struct arena *a, struct kubelet_line *l, struct err *err)
{
	struct node_tls *t = &l->tls;
	int code = 0;

	if (l->port < 0 || l->port > 65535)
		return err_set(err, ERR_USAGE, "--port: %lld is no port", (long long)l->port);
	if (l->cert_file.len != 0 && !l->key_file.len)
		return err_set(err, ERR_USAGE, "--tls-cert-file needs --tls-private-key-file");
	if ((code = process_read_file(a, "tls-cert-file", l->cert_file, &t->certificate, err)) ||
		(code = process_read_file(a, "tls-private-key-file", l->key_file, &t->key, err)) ||
		(code = process_read_file(
			 a, "client-ca-file", l->client_ca_file, &t->client_authorities, err)))
		return code;
	return 0;
}

static int read_line(
	struct arena *a, struct process_line *p, const struct flag *flags, struct err *err)
{
	struct kubelet_line *l = CONTAINER_OF(p, struct kubelet_line, process);
	struct kubelet_options *o = &l->node.kubelet;
	int code = read_config(a, l, flags, err);

	if (code || (code = read_addresses(l, err)) || (code = check_directories(l, err)) ||
		(code = registry_flags_read(a, &l->registries, &l->registry_setup, err)) ||
		(code = read_tls(a, l, err)))
		return code;
	o->port = (uint16_t)l->port;
	o->system_bus = node_place_system_bus();
	o->hostname = l->name.len ? l->name : node_place_name(a);
	o->node_name = o->hostname;
	o->root_dir = l->root_dir;
	o->log_dir = l->log_dir;
	o->image_dir = l->runtime_root;
	o->dns_servers = l->dns.items;
	o->dns_server_count = l->dns.count;
	o->node_labels = l->labels.items;
	o->node_label_count = l->labels.count;
	o->node_taints = l->taints.items;
	o->node_taint_count = l->taints.count;
	o->max_pods = (int)l->max_pods;
	o->no_register = !l->register_node;
	l->node.directory = l->runtime_root;
	l->node.registries = l->registry_setup.registries;
	l->node.registry_count = l->registry_setup.count;
	l->node.registry_authorities = l->registry_setup.authorities;
	l->node.network_directory = l->network_dir;
	return geteuid() ? err_set(err, ERR_PERMISSION, "only root can run pods") : 0;
}

static int prove(
	struct arena *a, struct process_line *p, struct client_config *config, struct err *err)
{
	struct kubelet_line *l = CONTAINER_OF(p, struct kubelet_line, process);

	if (!l->configuration.rotate_certificates || !p->kubeconfig.len)
		return 0;
	return node_proof_choose(a, p->kubeconfig, config, &l->node.kubelet, err);
}

/* ---- running ---- */

static void failed(void *ctx, const struct err *err)
{
	struct kubelet_line *l = ctx;

	(void)err;
	l->failed = true;
	kill(getpid(), SIGTERM);
}

static int renew_tls(void *ctx, struct tls_config **tls, int64_t *until, struct err *err)
{
	struct kubelet_line *l = ctx;

	l->tls.now = clock_wall();
	int code = node_tls_new(&l->tls, tls, err);
	*until = l->tls.until;
	return code;
}

static int serve_tls(
	void *ctx, struct str certificate, struct str key, struct tls_config **tls, struct err *err)
{
	struct kubelet_line *l = ctx;
	struct node_tls in = l->tls;

	in.certificate = certificate;
	in.key = key;
	return node_tls_new(&in, tls, err);
}

static void open_tls(struct kubelet_line *l, struct env *env)
{
	_cleanup_(err_done) struct err err = {0};
	struct kubelet_options *o = &l->node.kubelet;

	l->tls.name = o->node_name;
	l->tls.ips = o->node_ips;
	l->tls.ip_count = o->node_ip_count;
	l->tls.now = env_wall(env);
	o->renew_tls = renew_tls;
	o->serve_tls = serve_tls;
	o->tls_ctx = l;
	if (o->configuration && o->configuration->server_tls_bootstrap)
		return;
	if (!node_tls_new(&l->tls, &o->tls, &err)) {
		o->tls_until = l->tls.until;
		return;
	}
	log_error(&err, "the node's server cannot begin");
	failed(l, &err);
}

static void begun(void *ctx, struct err *err)
{
	if (err->code)
		failed(ctx, err);
}

static struct part *begin(struct process_line *p, const struct component_base *base)
{
	struct kubelet_line *l = CONTAINER_OF(p, struct kubelet_line, process);

	const struct node_ranges ranges = {
		.pods = l->node.cluster_cidrs, .pod_count = l->node.cluster_cidr_count};

	if (!l->node.kubelet.node_ip_count)
		l->node.kubelet.node_ip_count = node_place_addresses(base->env, &ranges, l->ips);
	l->node.begun = begun;
	l->node.ctx = l;
	if (l->port)
		open_tls(l, base->env);
	return node_new(base, &l->node);
}

int kubelet_run(int argc, char **argv)
{
	static const struct process_command command = {.name = "kubelet",
		.user_agent = "kubelet/v1.36.0",
		.burst = "100",
		.flags = own_flags,
		.read = read_line,
		.prove = prove,
		.begin = begin};
	struct kubelet_line line = {0};
	int status = process_main(&command, &line.process, argc, argv);

	if (line.node.kubelet.tls)
		tls_config_unref(line.node.kubelet.tls);
	return line.failed ? 1 : status;
}
