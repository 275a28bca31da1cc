/* kube kubelet: this machine's node with the built-in runtime, against an API server anywhere. */
#include "commands.h"
#include "kubelet_config.h"
#include "kubelet_flags.h"
#include "node.h"
#include "node_tls.h"
#include "process.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct kubelet_line {
	struct process_line process;
	struct str config, config_dir;
	struct kubelet_flags more;
	struct kubelet_configuration configuration;
	struct str name, root_dir, log_dir, runtime_root, network_dir;
	struct flag_list pods, node_ips, dns, labels, taints;
	struct str cert_file, key_file, client_ca_file;
	struct node_tls tls;
	int64_t max_pods, port;
	bool register_node;
	struct ip ips[2];
	char host[256];
	struct node_options node;
	bool failed;
};

/* ---- the command line ---- */

static size_t add_flags(struct kubelet_line *l, struct flag *flags)
{
	const struct process_defaults defaults = {.lease = NULL, .burst = "100"};
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
		FLAG_END,
	};
	size_t count = process_flags(&l->process, flags, &defaults);

	kubelet_flags_add(&l->more, flags + count);
	count += KUBELET_FLAGS;
	memcpy(flags + count, own, sizeof(own));
	return count;
}

static int read_ips(struct kubelet_line *l, struct err *err)
{
	struct kubelet_options *o = &l->node.kubelet;

	if (l->node_ips.count > ARRAY_LEN(l->ips))
		return err_set(err, ERR_USAGE, "--node-ip: more than one a family");
	for (size_t i = 0; i < l->node_ips.count; i++)
		if (!ip_parse(l->node_ips.items[i], &l->ips[i]))
			return err_set(err, ERR_USAGE, "--node-ip: \"%.*s\" is no address",
				STRF(l->node_ips.items[i]));
	o->node_ips = l->ips;
	o->node_ip_count = l->node_ips.count;
	return 0;
}

static int read_cidrs(struct kubelet_line *l, struct err *err)
{
	struct node_options *n = &l->node;

	if (l->pods.count > ARRAY_LEN(n->cluster_cidrs))
		return err_set(err, ERR_USAGE, "--cluster-cidr: more than one a family");
	for (size_t i = 0; i < l->pods.count; i++)
		if (!cidr_parse(l->pods.items[i], &n->cluster_cidrs[i]))
			return err_set(err, ERR_USAGE,
				"--cluster-cidr: \"%.*s\" is no range of addresses",
				STRF(l->pods.items[i]));
	n->cluster_cidr_count = l->pods.count;
	return 0;
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
	if (!l->cert_file.len) {
		l->cert_file = c->tls_cert_file;
		l->key_file = c->tls_key_file;
	}
	if (!l->client_ca_file.len)
		l->client_ca_file = c->client_ca_file;
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
	struct arena *a, struct kubelet_line *l, const struct flag *flags, struct err *err)
{
	struct kubelet_options *o = &l->node.kubelet;
	int code = read_config(a, l, flags, err);

	if (code || (code = read_ips(l, err)) || (code = read_cidrs(l, err)) ||
		(code = check_directories(l, err)) || (code = read_tls(a, l, err)))
		return code;
	o->port = (uint16_t)l->port;
	gethostname(l->host, sizeof(l->host) - 1);
	for (char *c = l->host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	o->hostname = l->name.len ? l->name : str_from(l->host);
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
	l->node.network_directory = l->network_dir;
	return 0;
}

/* ---- running ---- */

static void failed(void *ctx, const struct err *err)
{
	struct kubelet_line *l = ctx;

	(void)err;
	l->failed = true;
	kill(getpid(), SIGTERM);
}

/* The machine's first address that others can reach, of each family. */
static void find_ips(struct kubelet_line *l, struct env *env)
{
	struct kubelet_options *o = &l->node.kubelet;
	struct addresses own = {0};

	if (o->node_ip_count)
		return;
	net_own_addresses(env, &own);
	for (size_t i = 0; i < own.count && o->node_ip_count < ARRAY_LEN(l->ips); i++) {
		const struct ip *ip = &own.items[i];
		bool local = ip->len == 16 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
		bool known = o->node_ip_count && l->ips[0].len == ip->len;

		if (!ip_is_loopback(ip) && !local && !known)
			l->ips[o->node_ip_count++] = *ip;
	}
	mem_free(own.items);
}

static int renew_tls(void *ctx, struct tls_config **tls, int64_t *until, struct err *err)
{
	struct kubelet_line *l = ctx;

	l->tls.now = clock_wall();
	int code = node_tls_new(&l->tls, tls, err);
	*until = l->tls.until;
	return code;
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
	o->tls_ctx = l;
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

static struct part *begin(void *ctx, const struct component_base *base)
{
	struct kubelet_line *l = ctx;

	find_ips(l, base->env);
	l->node.begun = begun;
	l->node.ctx = l;
	if (l->port)
		open_tls(l, base->env);
	return node_new(base, &l->node);
}

int kubelet_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct kubelet_line line = {0};
	struct client_config config = {0};
	struct flag flags[PROCESS_FLAGS + KUBELET_FLAGS + 24];

	arena_init(&a);
	add_flags(&line, flags);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && line.process.help) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube kubelet [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code)
		code = read_line(&a, &line, flags, &err);
	if (!code && geteuid())
		code = err_set(&err, ERR_PERMISSION, "only root can run pods");
	if (!code)
		code = process_server(&a, &line.process, &config, &err);
	if (code) {
		fprintf(stderr, "kube kubelet: %s\n", err_text(&err));
		return 1;
	}
	code = process_run(&line.process, &config, "kubelet/v1.36.0", begin, &line);
	if (line.node.kubelet.tls)
		tls_config_unref(line.node.kubelet.tls);
	return line.failed ? 1 : code;
}
