/* kube server: a complete cluster on this machine, in this process. */
#include "cluster.h"
#include "commands.h"
#include "kubelet_config.h"
#include "node_place.h"
#include "process.h"
#include "restore_place.h"
#include "run.h"
#include "server_lock.h"
#include "server_stop.h"

#include <kube/kubeconfig.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/notify.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DNS_NUMBER 10 /* of the addresses of services */
#define OWN_FLAGS  24

struct server_line {
	struct cluster_options options;
	struct flag_list pods, dns_ips, node_ips, disabled, labels, taints;
	struct registry_flags registries;
	int64_t kubelet_port;
	struct str kubelet_config;
	struct kubelet_configuration configuration;
};

struct server_run {
	struct run run;
	struct server_line *line;
	struct cluster *cluster;
	struct op started, stopped;
	int64_t began;
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

	_Static_assert(ARRAY_LEN(own) + REGISTRY_FLAGS <= OWN_FLAGS, "room for all");
	memcpy(flags, own, sizeof(own));
	registry_flags_add(&l->registries, flags + ARRAY_LEN(own));
	return ARRAY_LEN(own) + REGISTRY_FLAGS;
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

/* ---- what follows from it ---- */

static int read_ranges(const char *flag, const struct flag_list *list, struct cidr out[2],
	size_t *count, struct err *err)
{
	int code = node_place_read_ranges(flag, list, out, 2, count, err);

	if (!code && !*count)
		code = err_set(err, ERR_USAGE, "--%s: a range of addresses is needed", flag);
	return code;
}

/* The API server has it as one text. */
static int read_services(struct cluster_options *o, struct str text, struct err *err)
{
	struct str items[3];
	struct flag_list list = {.items = items};

	while (list.count < ARRAY_LEN(items) && str_next(&text, ',', &items[list.count]))
		list.count++;
	return read_ranges("service-cluster-ip-range", &list, o->services, &o->service_count, err);
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

static int read_line(struct arena *a, struct server_line *l, struct flag *flags, struct err *err)
{
	struct cluster_options *o = &l->options;
	int code;

	if ((code = kubelet_config_read(
		     a, l->kubelet_config, STR(""), STR(""), &l->configuration, err)))
		return code;
	o->kubelet_configuration = &l->configuration;
	if (!find_flag(flags, "pod-logs-dir")->set)
		o->pods_log_dir = l->configuration.pod_logs_dir;
	if (!find_flag(flags, "kubelet-port")->set)
		l->kubelet_port = l->configuration.port;
	/* Containers and their helpers stand elsewhere: a path from here is none for them. */
	o->data_dir = str_from(
		server_stop_directory(a, *(struct str *)find_flag(flags, "data-dir")->target));
	o->pods_log_dir = str_from(server_stop_directory(a, o->pods_log_dir));
	struct str services = *(struct str *)find_flag(flags, "service-cluster-ip-range")->target;
	if ((code = read_disabled(l, err)) ||
		(code = registry_flags_read(a, &l->registries, &o->registries, err)) ||
		(code = read_ranges("cluster-cidr", &l->pods, o->pods, &o->pod_count, err)) ||
		(code = read_services(o, services, err)) ||
		(code = node_place_read_addresses(
			 "cluster-dns", &l->dns_ips, o->dns_ips, 2, &o->dns_ip_count, err)) ||
		(code = node_place_read_addresses(
			 "node-ip", &l->node_ips, o->node_ips, 2, &o->node_ip_count, err)))
		return code;
	for (size_t i = 0; i < o->service_count && !l->dns_ips.count; i++)
		o->dns_ips[o->dns_ip_count++] = nth_address(&o->services[i], DNS_NUMBER);
	if (!o->node_name.len)
		o->node_name = node_place_name(a);
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

/* ---- what is told ---- */

static double seconds_since(const struct server_run *s)
{
	return (double)(loop_now(s->run.env->loop) - s->began) / (double)SEC;
}

static void print_step(struct server_run *s, const char *what, struct str where)
{
	printf("  %-12s ready after %.2f s   %.*s\n", what, seconds_since(s), STRF(where));
	fflush(stdout);
}

static void print_use(struct server_run *s)
{
	printf("Use it:\n  export KUBECONFIG=%.*s/admin.kubeconfig\n  kubectl get nodes\n",
		STRF(s->line->options.data_dir));
	fflush(stdout);
	notify_manager(getenv("NOTIFY_SOCKET"), "READY=1");
}

static void told(void *ctx, enum cluster_event event)
{
	struct server_run *s = ctx;
	const struct cluster_options *o = &s->line->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);

	switch (event) {
	case CLUSTER_API_READY:
		buf_print(&text, "https://127.0.0.1:%u", cluster_port(s->cluster));
		print_step(s, "API server", buf_str(&text));
		break;
	case CLUSTER_DNS_READY:
		for (size_t i = 0; i < o->dns_ip_count; i++) {
			buf_add_text(&text, i ? ", " : "");
			ip_print(&text, &o->dns_ips[i]);
		}
		print_step(s, "DNS", buf_str(&text));
		break;
	case CLUSTER_NODE_READY:
		print_step(s, "node", o->node_name);
		break;
	default:
		break;
	}
	if (event == CLUSTER_NODE_READY)
		print_use(s);
}

/* ---- running ---- */

static void ended(struct op *op, struct err *err)
{
	struct server_run *s = CONTAINER_OF(op, struct server_run, stopped);

	(void)err;
	loop_shutdown(s->run.env->loop);
}

static void stop_cluster(struct server_run *s)
{
	op_init(&s->stopped, s->run.root, ended, OP_NO_DEADLINE);
	cluster_stop(s->cluster, &s->stopped);
}

/* A beginning that is under way ends first, so that nothing begins behind the end. */
static void asked_to_stop(void *ctx)
{
	struct server_run *s = ctx;

	log_info("stopping; pods go on");
	notify_manager(getenv("NOTIFY_SOCKET"), "STOPPING=1");
	if (op_active(&s->started))
		op_cancel(&s->started);
	else
		stop_cluster(s);
}

static void started(struct op *op, struct err *err)
{
	struct server_run *s = CONTAINER_OF(op, struct server_run, started);

	if (!s->run.stopping && !err->code) {
		if (s->line->options.disabled[PART_KUBELET])
			print_use(s);
		return;
	}
	if (!s->run.stopping) {
		fprintf(stderr, "kube server: %s\n", err_text(err));
		s->run.status = 1;
		s->run.stopping = true;
	}
	stop_cluster(s);
}

/* A machine without a network serves itself. */
static void find_addresses(struct env *env, struct cluster_options *o)
{
	const struct node_ranges ranges = {o->pods, o->services, o->pod_count, o->service_count};

	if (!o->node_ip_count)
		o->node_ip_count = node_place_addresses(env, &ranges, o->node_ips);
	if (!o->node_ip_count)
		o->node_ips[o->node_ip_count++] = ip_v4(127, 0, 0, 1);
	/* Not what an earlier start has left there: the DNS's address, those of pods. */
	api_options_offer_addresses(o->api, o->node_ips, o->node_ip_count);
}

static int run_server(struct server_line *line)
{
	struct server_run s = {.line = line};

	run_init(&s.run);
	s.began = loop_now(s.run.env->loop);
	find_addresses(s.run.env, &line->options);
	printf("kube v1.36.0: a cluster on this machine, its data in %.*s\n",
		STRF(line->options.data_dir));
	fflush(stdout);
	s.cluster = cluster_new(s.run.env, &line->options, told, &s);
	run_hear_signals(&s.run, asked_to_stop, &s);
	op_init(&s.started, s.run.root, started, OP_NO_DEADLINE);
	cluster_start(s.cluster, &s.started);
	int status = run_loop(&s.run);
	cluster_free(s.cluster);
	run_done(&s.run);
	return status;
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
		command_print_help("server", flags);
		return 0;
	}
	if (!code && api_options_config(line.options.api).len)
		code = process_read_config(flags, &a, api_options_config(line.options.api), &err);
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
	api_options_seal_secrets(line.options.api);
	api_options_set_log(line.options.api);
	return run_server(&line);
}
