/* kube server: a complete cluster on this machine, in this process. */
#include "cluster.h"
#include "commands.h"
#include "kubelet_config.h"
#include "restore_place.h"
#include "server_lock.h"

#include <kube/kubeconfig.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/notify.h>
#include <kube/time.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DNS_NUMBER 10 /* of the addresses of services */
#define OWN_FLAGS  16

struct server_line {
	struct cluster_options options;
	struct flag_list pods, dns_ips, node_ips, disabled, labels, taints;
	int64_t kubelet_port;
	struct str kubelet_config;
	struct kubelet_configuration configuration;
	struct str data_dir, services; /* as the API server's flags have them */
};

struct server_run {
	struct env *env;
	struct server_line *line;
	struct cluster *cluster;
	struct op started, term, interrupt, stopped;
	int64_t began;
	bool stopping;
	int status;
};

/* ---- the command line ---- */

static size_t own_flags(struct server_line *l, struct flag *flags)
{
	const struct flag own[] = {
		FLAG_STRING("node-name", &l->options.node_name, NULL, "NAME",
			"The node's name; without it, the machine's."),
		FLAG_LIST("node-ip", &l->node_ips, NULL, "IPS",
			"The node's addresses, one a family; without it, the machine's first."),
		FLAG_LIST("node-labels", &l->labels, NULL, "KEY=VALUE",
			"Labels that the node registers with."),
		FLAG_LIST("register-with-taints", &l->taints, NULL, "KEY=VALUE:EFFECT",
			"Taints that the node registers with."),
		FLAG_LIST("cluster-cidr", &l->pods, "10.42.0.0/16", "CIDRS",
			"The pods' addresses, one range a family."),
		FLAG_LIST("cluster-dns", &l->dns_ips, NULL, "IPS",
			"The DNS's addresses; without it, the tenth of each range of services."),
		FLAG_STRING("cluster-domain", &l->options.domain, "cluster.local", "DOMAIN",
			"What the names of services end with."),
		FLAG_STRING("manifests", &l->options.manifests, NULL, "DIRECTORY",
			"Manifests to apply at the start and when they change; without it, "
			"manifests in the data directory."),
		FLAG_LIST("disable", &l->disabled, NULL, "PARTS",
			"Parts that are not to run: addons, controllers, scheduler, proxy, dns, "
			"kubelet."),
		FLAG_INT("kubelet-port", &l->kubelet_port, "10250", "PORT",
			"Where the node's agent serves logs and commands."),
		FLAG_STRING("kubelet-config", &l->kubelet_config, NULL, "FILE",
			"A KubeletConfiguration for the node of this process."),
		FLAG_STRING("pod-logs-dir", &l->options.pods_log_dir, "/var/log/pods", "DIRECTORY",
			"Where the logs of containers are."),
	};

	_Static_assert(ARRAY_LEN(own) <= OWN_FLAGS, "room for all");
	memcpy(flags, own, sizeof(own));
	return ARRAY_LEN(own);
}

static struct flag *find_flag(struct flag *flags, const char *name)
{
	for (struct flag *f = flags; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Ours and those of the API server, with the defaults of a whole cluster. */
static struct flag *all_flags(struct arena *a, struct server_line *l)
{
	static const char *const defaults[][2] = {{"authorization-mode", "Node,RBAC"},
		{"data-dir", "/var/lib/kube"}, {"service-cluster-ip-range", "10.43.0.0/16"},
		{"enable-admission-plugins", "NodeRestriction"},
		{"runtime-config", "metrics.k8s.io/v1beta1=true"}};
	struct flag *api = api_options_flags(a, l->options.api);
	size_t count = 0;

	while (api[count].name)
		count++;
	struct flag *flags = arena_alloc(a, (OWN_FLAGS + count + 1) * sizeof(*flags));
	size_t own = own_flags(l, flags);
	memcpy(flags + own, api, (count + 1) * sizeof(*flags));
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		find_flag(flags, defaults[i][0])->fallback = defaults[i][1];
	return flags;
}

static int read_config(struct flag *flags, struct arena *a, struct str path, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	FILE *file = fopen(arena_str(a, path).at, "re");
	char chunk[4096];
	size_t got;

	if (!file)
		return err_set_errno(err, errno, "--config %.*s", STRF(path));
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(&text, chunk, got);
	fclose(file);
	if (buf_over(&text))
		return err_set(err, ERR_TOO_LARGE, "--config %.*s: too large", STRF(path));
	return flags_parse_config(flags, a, buf_str(&text), err);
}

/* ---- what follows from it ---- */

static int read_cidrs(
	const char *flag, struct str list, struct cidr out[2], size_t *count, struct err *err)
{
	struct str word;

	*count = 0;
	while (list.at && list.len && str_next(&list, ',', &word)) {
		if (*count == 2 || !cidr_parse(str_trim(word), &out[*count]))
			return err_set(err, ERR_USAGE,
				"--%s: \"%.*s\" is no range of addresses, or one too many", flag,
				STRF(word));
		if (*count && out[0].ip.len == out[1].ip.len)
			return err_set(err, ERR_USAGE, "--%s: one range a family", flag);
		++*count;
	}
	return *count ? 0 : err_set(err, ERR_USAGE, "--%s: a range of addresses is needed", flag);
}

static int read_ips(const char *flag, const struct flag_list *list, struct ip out[2], size_t *count,
	struct err *err)
{
	if (list->count > 2)
		return err_set(err, ERR_USAGE, "--%s: at most one a family", flag);
	for (*count = 0; *count < list->count; ++*count)
		if (!ip_parse(list->items[*count], &out[*count]))
			return err_set(err, ERR_USAGE, "--%s: \"%.*s\" is no address", flag,
				STRF(list->items[*count]));
	return 0;
}

static struct str joined(struct arena *a, const struct flag_list *list)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);

	for (size_t i = 0; i < list->count; i++)
		buf_print(&text, "%s%.*s", i ? "," : "", STRF(list->items[i]));
	return arena_str(a, buf_str(&text));
}

static struct ip nth_address(const struct cidr *range, uint8_t n)
{
	struct ip ip = range->ip;

	for (unsigned bit = range->bits; bit < ip.len * 8u; bit++)
		ip.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	ip.bytes[ip.len - 1] |= n;
	return ip;
}

static int read_disabled(struct server_line *l, struct err *err)
{
	for (size_t i = 0; i < l->disabled.count; i++) {
		int part = 0;

		while (part < CLUSTER_PARTS &&
			!str_eq_text(l->disabled.items[i], cluster_part_names[part]))
			part++;
		if (part == CLUSTER_PARTS)
			return err_set(err, ERR_USAGE, "--disable: there is no part \"%.*s\"",
				STRF(l->disabled.items[i]));
		l->options.disabled[part] = true;
	}
	return 0;
}

/* Containers and their helpers stand elsewhere: a path that counts from here is none for them. */
static struct str absolute(struct arena *a, struct str path)
{
	char here[4096];

	if ((path.len && path.at[0] == '/') || !getcwd(here, sizeof(here)))
		return path;
	return arena_print(a, "%s/%.*s", here, STRF(path));
}

static int read_line(struct arena *a, struct server_line *l, struct flag *flags, struct err *err)
{
	struct cluster_options *o = &l->options;
	char host[256] = "";
	int code;

	if ((code = kubelet_config_read(
		     a, l->kubelet_config, STR(""), STR(""), &l->configuration, err)))
		return code;
	o->kubelet_configuration = &l->configuration;
	o->data_dir = absolute(a, *(struct str *)find_flag(flags, "data-dir")->target);
	o->pods_log_dir = absolute(a, o->pods_log_dir);
	l->services = *(struct str *)find_flag(flags, "service-cluster-ip-range")->target;
	if ((code = read_disabled(l, err)) ||
		(code = read_cidrs(
			 "cluster-cidr", joined(a, &l->pods), o->pods, &o->pod_count, err)) ||
		(code = read_cidrs("service-cluster-ip-range", l->services, o->services,
			 &o->service_count, err)) ||
		(code = read_ips("cluster-dns", &l->dns_ips, o->dns_ips, &o->dns_ip_count, err)) ||
		(code = read_ips("node-ip", &l->node_ips, o->node_ips, &o->node_ip_count, err)))
		return code;
	for (size_t i = 0; i < o->service_count && !l->dns_ips.count; i++)
		o->dns_ips[o->dns_ip_count++] = nth_address(&o->services[i], DNS_NUMBER);
	if (!o->node_name.len) {
		gethostname(host, sizeof(host) - 1);
		for (char *c = host; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c |= 0x20;
		o->node_name = arena_str(a, str_from(host));
	}
	if (!o->manifests.len)
		o->manifests = arena_print(a, "%.*s/manifests", STRF(o->data_dir));
	o->kubelet_port = (uint16_t)l->kubelet_port;
	o->node_labels = l->labels.items;
	o->node_label_count = l->labels.count;
	o->node_taints = l->taints.items;
	o->node_taint_count = l->taints.count;
	if (geteuid() != 0 &&
		!(o->disabled[PART_KUBELET] && o->disabled[PART_PROXY] && o->disabled[PART_DNS]))
		return err_set(err, ERR_FORBIDDEN,
			"only root can run pods here: begin with sudo, or leave that out with "
			"--disable kubelet,proxy,dns");
	return 0;
}

static int take_lock(struct arena *a, const struct cluster_options *o, struct err *err)
{
	struct server_trace trace = {.pods_log_dir = o->pods_log_dir};

	if (!o->disabled[PART_DNS]) {
		memcpy(trace.dns_ips, o->dns_ips, sizeof(trace.dns_ips));
		trace.dns_ip_count = o->dns_ip_count;
	}
	return server_lock_take(arena_str(a, o->data_dir).at, &trace, err);
}

/* ---- which addresses the node has ---- */

static bool is_of_cluster(const struct cluster_options *o, const struct ip *ip)
{
	for (size_t i = 0; i < o->pod_count; i++)
		if (cidr_has(&o->pods[i], ip))
			return true;
	for (size_t i = 0; i < o->service_count; i++)
		if (cidr_has(&o->services[i], ip))
			return true;
	return ip_is_loopback(ip) || (ip->len == 4 && ip->bytes[0] == 169 && ip->bytes[1] == 254) ||
	       (ip->len == 16 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80);
}

/* One of each family that pods have. */
static void find_node_ips(struct env *env, struct cluster_options *o)
{
	struct addresses own;

	if (o->node_ip_count)
		return;
	net_own_addresses(env, &own);
	for (size_t family = 0; family < o->pod_count; family++)
		for (size_t i = 0; i < own.count; i++)
			if (own.items[i].len == o->pods[family].ip.len &&
				!is_of_cluster(o, &own.items[i])) {
				o->node_ips[o->node_ip_count++] = own.items[i];
				break;
			}
	mem_free(own.items);
	if (!o->node_ip_count) /* a machine without a network serves itself */
		o->node_ips[o->node_ip_count++] = ip_v4(127, 0, 0, 1);
}

/* ---- what is told ---- */

static double seconds_since(const struct server_run *run)
{
	return (double)(loop_now(run->env->loop) - run->began) / (double)SEC;
}

static void print_step(struct server_run *run, const char *what, struct str where)
{
	printf("  %-12s ready after %.2f s   %.*s\n", what, seconds_since(run), STRF(where));
	fflush(stdout);
}

static void print_use(struct server_run *run)
{
	printf("Use it:\n  export KUBECONFIG=%.*s/admin.kubeconfig\n  kubectl get nodes\n",
		STRF(run->line->options.data_dir));
	fflush(stdout);
	notify_manager(getenv("NOTIFY_SOCKET"), "READY=1");
}

static void told(void *ctx, enum cluster_event event)
{
	struct server_run *run = ctx;
	const struct cluster_options *o = &run->line->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);

	switch (event) {
	case CLUSTER_API_READY:
		buf_print(&text, "https://127.0.0.1:%u", cluster_port(run->cluster));
		print_step(run, "API server", buf_str(&text));
		break;
	case CLUSTER_DNS_READY:
		for (size_t i = 0; i < o->dns_ip_count; i++) {
			buf_add_text(&text, i ? ", " : "");
			ip_print(&text, &o->dns_ips[i]);
		}
		print_step(run, "DNS", buf_str(&text));
		break;
	case CLUSTER_NODE_READY:
		print_step(run, "node", o->node_name);
		break;
	default:
		break;
	}
	if (event == CLUSTER_NODE_READY)
		print_use(run);
}

/* ---- running ---- */

static void ended(struct op *op, struct err *err)
{
	struct server_run *run = CONTAINER_OF(op, struct server_run, stopped);

	(void)err;
	loop_shutdown(run->env->loop);
}

static void stop_cluster(struct server_run *run)
{
	op_init(&run->stopped, loop_root(run->env->loop), ended, OP_NO_DEADLINE);
	cluster_stop(run->cluster, &run->stopped);
}

/* A beginning that is under way ends first, so that nothing begins behind the end. */
static void asked_to_stop(struct server_run *run)
{
	if (run->stopping)
		return;
	run->stopping = true;
	log_info("stopping; pods go on");
	notify_manager(getenv("NOTIFY_SOCKET"), "STOPPING=1");
	if (op_active(&run->started))
		op_cancel(&run->started);
	else
		stop_cluster(run);
}

static void terminated(struct op *op, struct err *err)
{
	if (!err->code)
		asked_to_stop(CONTAINER_OF(op, struct server_run, term));
}

static void interrupted(struct op *op, struct err *err)
{
	if (!err->code)
		asked_to_stop(CONTAINER_OF(op, struct server_run, interrupt));
}

static void started(struct op *op, struct err *err)
{
	struct server_run *run = CONTAINER_OF(op, struct server_run, started);

	if (!run->stopping && !err->code) {
		if (run->line->options.disabled[PART_KUBELET])
			print_use(run);
		return;
	}
	if (!run->stopping) {
		fprintf(stderr, "kube server: %s\n", err_text(err));
		run->status = 1;
		run->stopping = true;
	}
	stop_cluster(run);
}

static int run_server(struct server_line *line)
{
	struct server_run run = {.line = line};
	struct loop *loop = loop_new();
	_cleanup_(err_done) struct err err = {0};

	run.env = env_new(loop);
	run.began = loop_now(loop);
	if (loop_dump_on_signal(loop, SIGUSR1, 2, &err))
		log_warning(&err, "SIGUSR1 will not be heard");
	find_node_ips(run.env, &line->options);
	printf("kube v1.36.0: a cluster on this machine, its data in %.*s\n",
		STRF(line->options.data_dir));
	fflush(stdout);
	run.cluster = cluster_new(run.env, &line->options, told, &run);
	op_init(&run.term, loop_root(loop), terminated, OP_NO_DEADLINE);
	signal_wait(loop, &run.term, SIGTERM);
	op_init(&run.interrupt, loop_root(loop), interrupted, OP_NO_DEADLINE);
	signal_wait(loop, &run.interrupt, SIGINT);
	op_init(&run.started, loop_root(loop), started, OP_NO_DEADLINE);
	cluster_start(run.cluster, &run.started);
	if (loop_run(loop, &err))
		run.status = 1;
	cluster_free(run.cluster);
	env_free(run.env);
	loop_free(loop);
	return run.status;
}

int server_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct server_line line = {0};

	arena_init(&a);
	line.options.api = api_options_new(&a);
	struct flag *flags = all_flags(&a, &line);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && api_options_help(line.options.api)) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube server [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code && api_options_config(line.options.api).len)
		code = read_config(flags, &a, api_options_config(line.options.api), &err);
	if (!code)
		code = api_options_check(&a, line.options.api, &err);
	if (!code)
		code = read_line(&a, &line, flags, &err);
	if (!code)
		code = take_lock(&a, &line.options, &err);
	if (!code)
		code = restore_finish(arena_str(&a, line.options.data_dir).at, NULL, &err);
	if (code) {
		fprintf(stderr, "kube server: %s\n", err_text(&err));
		return 1;
	}
	api_options_set_log(line.options.api);
	return run_server(&line);
}
